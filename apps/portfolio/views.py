"""The pages that put rooms together. They read; the one thing written is the ledger entry of an export."""

from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.audit.as_of import requested_instant
from apps.core.exceptions import RuleViolation
from apps.registry import policies as registry_policies
from apps.registry.models import AISystem, Phase
from apps.registry.permissions import system_perms
from apps.registry.roles import Perm, Role

from . import exports, overview
from .forms import PortfolioFilter
from .funnel import funnel_for, longest_stuck
from .history import KINDS, history_page, latest
from .systems import chosen, page_of
from .work import grouped, my_systems, work_of

SHOWN_OF_A_GROUP = 20
HIGHEST_PAGE = 100_000
# The filter behind each number of the whole portfolio.
LINKS = {
    **{name: {"state": name} for name in ("blocked", "ready", "at_risk", "suspended")},
    "unowned": {"owner": "none"},
}
COLUMN_HEADS = [("name", "System"), ("phase", "Phase"), ("missing", "Gate"), ("updated", "Changed")]


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """My work: what awaits this person, most blocking first, and how their systems stand."""
    tasks = work_of(request.user)
    groups = grouped(tasks, limit=None if "all" in request.GET else SHOWN_OF_A_GROUP)
    systems, more = my_systems(request.user)
    context = {
        "groups": groups,
        "lead": _lead(len(tasks), groups),
        "count": len(tasks),
        "systems": systems,
        "more_systems": more,
        "may_register": registry_policies.can_register(user=request.user),
    }
    return render(request, "portfolio/home.html", context)


def _lead(count: int, groups: list[dict[str, Any]]) -> str:
    """What waits, in a sentence."""
    if not count:
        return ""
    blocking = next((group["count"] for group in groups if group["key"] == "blocking"), 0)
    things = "One thing waits for you" if count == 1 else f"{count} things wait for you"
    if not blocking:
        return f"{things}. None of them holds anybody up."
    if blocking == count:
        return f"{things}, and others cannot go on before." if count == 1 else f"{things}, and all hold something up."
    return f"{things}; {blocking} of them {'holds' if blocking == 1 else 'hold'} something up."


@login_required
@require_safe
def system_list(request: HttpRequest) -> HttpResponse:
    form = PortfolioFilter(request.GET)
    choice = form.choice()
    number = _page_number(request)
    page = page_of(chosen(request.user, choice), number, count_all="count" in request.GET)
    context = {
        "form": form,
        "ignored": [form.fields[name].label or name for name in form.errors],
        "page": page,
        "is_filtered": bool(choice.as_json().keys() - {"sort"}),
        "sorts": {key: _sort_link(request, key, label, choice.sort) for key, label in COLUMN_HEADS},
        "may_register": registry_policies.can_register(user=request.user),
    }
    # The part that changes when htmx asks for another filter or page.
    name = "portfolio/system_list.html"
    return render(request, f"{name}#results" if request.htmx else name, context)  # type: ignore[attr-defined]


def _page_number(request: HttpRequest) -> int:
    given = request.GET.get("page", "")
    return min(max(int(given), 1), HIGHEST_PAGE) if given.isascii() and given.isdigit() and len(given) < 9 else 1


def _sort_link(request: HttpRequest, key: str, label: str, current: str) -> dict[str, str]:
    """A column head: which order a click gives, and how it is sorted now."""
    down = current == f"-{key}"
    # First click: names from A, but the newest change and the most missing first.
    first = key if key in ("name", "phase") else f"-{key}"
    other = key if first != key else f"-{key}"
    active = current.removeprefix("-") == key
    query = request.GET.copy()
    for name in ("page", "count"):
        query.pop(name, None)
    query["sort"] = other if current == first else first
    return {
        "label": label,
        "url": f"?{query.urlencode()}",
        "aria": ("descending" if down else "ascending") if active else "",
    }


@login_required
@require_safe
def export(request: HttpRequest) -> HttpResponseBase:
    """The list as a file, with the filters of the page it was asked from."""
    file_format = exports.FORMATS.get(request.GET.get("file_format", "csv"))
    if file_format is None:
        raise Http404
    return exports.export_response(request.user, PortfolioFilter(request.GET).choice(), file_format)


@login_required
@require_safe
def funnel(request: HttpRequest) -> HttpResponse:
    """The portfolio in numbers; every number leads to the systems behind it."""
    numbers = funnel_for(request.user)
    most = max((line.total for line in numbers.phases), default=0)
    context = {
        "funnel": numbers,
        "bars": [
            {"label": line.label, "value": line.total, "max": most, "url": line.url(), "note": _note(line)}
            for line in numbers.phases
        ],
        "links": {name: numbers.all.url(**more) for name, more in LINKS.items()},
        "stuck": longest_stuck(request.user),
    }
    return render(request, "portfolio/funnel.html", context)


def _note(line: Any) -> str:
    parts = [
        (line.ready, "may move on"),
        (line.at_risk, "at risk"),
        (line.suspended, "suspended"),
        (line.unowned, "without an owner"),
    ]
    return ", ".join(f"{count:,} {words}" for count, words in parts if count)


def find_system(request: HttpRequest, slug: str) -> AISystem:
    """The system of a page; 404 for who may not see it."""
    return get_object_or_404(AISystem.objects.visible_to(request.user).select_related("status"), slug=slug)


@login_required
@require_safe
def system(request: HttpRequest, slug: str) -> HttpResponse:
    """Everything about one system on one page; with ``?as_of=`` as it was."""
    found = find_system(request, slug)
    at = requested_instant(request)
    past = overview.Past(at)
    shown = overview.system_as_of(found, at)
    if shown is None:
        raise RuleViolation(
            "This system was not in the register yet.", help=f"It was registered on {found.created_at:%-d %B %Y}."
        )
    gates = overview.gates_of(found) if at is None else None
    people = overview.people_of(shown, past)
    context = {
        "system": shown,
        "as_of": at,
        "owner": next((who for holders in people if holders.role == Role.OWNER for who in holders.names), None),
        "people": people,
        "versions": overview.versions_of(shown, past, gates.known if gates else None),
        "review": overview.review_of(shown, past, gates.judged if gates else None),
        "waivers": overview.waivers_of(shown, past),
        "conditions": overview.conditions_of(shown, past),
        "suspension": overview.suspension_of(found, past),
        "decisions": overview.decisions_of(shown, past),
        "source": overview.source_row_of(shown, past),
        "entries": latest(found, user=request.user, until=at),
        "as_of_query": f"?{urlencode({'as_of': at.isoformat()})}" if at else "",
    }
    if gates is not None:
        context |= _present(request, found, gates)
        context["header_actions"] = render_to_string("portfolio/_header_actions.html", context)
    return render(request, "portfolio/system.html", context)


def _present(request: HttpRequest, system: AISystem, gates: overview.Gates) -> dict[str, Any]:
    """What only the present has: the gate's answer and what this person may do."""
    perms = system_perms(request.user, system)
    return {
        "gates": gates,
        "met": len(gates.ahead.required) - len(gates.ahead.missing) if gates.ahead else 0,
        # Each is the one permission its policy asks for; asking the policies would read them four times over.
        "may_change": Perm.CHANGE in perms,
        "may_move": Perm.ENTER_PHASE in perms,
        "may_retire": Perm.ENTER_PHASE in perms and system.phase != Phase.RETIRED,
        "may_suspend": Perm.SUSPEND in perms,
        "may_resume": Perm.RESUME in perms,
        "may_manage_people": Perm.MANAGE_PEOPLE in perms,
        "may_set_tier": Perm.SET_TIER in perms,
    }


@login_required
@require_safe
def system_history(request: HttpRequest, slug: str) -> HttpResponse:
    """Who changed what when, newest first, with a link to the system as it was at each moment."""
    found = find_system(request, slug)
    kind = request.GET.get("kind", "")
    kind = kind if kind in KINDS else ""
    page = history_page(
        found, user=request.user, kind=kind, before=_key(request, "before"), after=_key(request, "after")
    )
    context = {
        "system": found,
        "owner": overview.owner_of(found),
        "page": page,
        "kind": kind,
        "kinds": [("", "Everything"), *((key, label) for key, (label, _) in KINDS.items())],
        "first_day": timezone.localdate(found.created_at),
        "today": timezone.localdate(),
    }
    return render(request, "portfolio/history.html", context)


def _key(request: HttpRequest, name: str) -> int | None:
    """The key of an entry to go on from; none where it is no number a key could be."""
    given = request.GET.get(name, "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 18 else None

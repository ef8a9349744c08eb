"""Reviews: those of a system, one with its sections and items, opening, closing, printing."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from apps.audit.as_of import requested_instant
from apps.core.querysets import Reader
from apps.gates.evaluation import policy_in_force
from apps.gates.status import next_phase
from apps.registry.models import PHASE_ORDER, AISystem, ModelVersion, Phase, VersionUse
from apps.registry.people import People
from apps.registry.permissions import system_perms
from apps.registry.roles import BUNDLES, Perm

from .. import actions, policies
from ..boards import UNANSWERED, Board, ItemRow, board, read
from ..forms import CloseReviewForm, OpenReviewForm, VersionsForm
from ..models import Condition, Contribution, Evidence, ItemStatus, Review
from .common import OK, attempt, done, find_review, find_system, moment_of, person_may, system_frame, why_not

SOON_DAYS = 30


# --- The reviews of a system ------------------------------------------------------------------------------------------


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def system_readiness(request: HttpRequest, slug: str) -> HttpResponse:
    """How ready a system is: its running review, earlier ones, conditions. POST opens a review."""
    system = find_system(request, slug)
    at = requested_instant(request)
    form = _open_form(request, system)
    status = OK
    if request.method == "POST":
        person_may(policies.check_can_open_review, system, user=request.user)
        opened: list[Review] = []
        status = attempt(form, lambda: opened.append(_open(request, system, form)))
        if status == OK:
            done(request, "The review is open. Say who answers which item, or start answering.")
            return redirect(opened[0])
    return render(request, "readiness/system_readiness.html", _readiness(request, system, at, form), status=status)


def _readiness(request: HttpRequest, system: AISystem, at: Any, form: OpenReviewForm) -> dict[str, Any]:
    people = People(system)
    reviews = _reviews(system, at)
    current = next((review for review in reviews if review.state == Review.State.OPEN), None)
    evidence = Evidence.objects.filter(system=system, withdrawn_at=None)
    return {
        **system_frame(system, people),
        "at": at,
        "reviews": reviews,
        "current": board(current, at=at) if current else None,
        "people": people,
        "form": form,
        "may_open": at is None and policies.can_open_review(system, user=request.user),
        "conditions": _conditions(system, at),
        "evidence": evidence.aggregate(
            count=Count("pk"),
            ending=Count("pk", filter=Q(valid_until__lte=_day_soon())),
        ),
    }


def _day_soon() -> Any:
    return timezone.localdate() + timedelta(days=SOON_DAYS)


def _reviews(system: AISystem, at: Any) -> Sequence[Review]:
    """Newest first, with how many of their items have passed by now."""
    counted = (
        Review.objects.filter(system=system)
        .select_related("opened_by")
        .annotate(
            items_passed=Count("items", filter=Q(items__status=ItemStatus.VERIFIED)),
            items_apart=Count("items", filter=Q(items__status=ItemStatus.NOT_APPLICABLE)),
            items_count=Count("items") - Count("items", filter=Q(items__status=ItemStatus.NOT_APPLICABLE)),
        )
    )
    if at is None:
        return list(counted)
    then = {row.pk: row for row in read(Reader(at), Review, system_id=system.pk)}
    rows = [row for row in counted if row.pk in then]
    for row in rows:
        row.state = then[row.pk].state
    return rows


def _conditions(system: AISystem, at: Any) -> list[Condition]:
    stated = Condition.objects.filter(system=system).select_related("owner", "sign_off__section", "done_by")
    if at is None:
        return list(stated.filter(done_at=None))
    return [row for row in stated.filter(created_at__lte=at) if row.done_at is None or row.done_at > at]


def _open_form(request: HttpRequest, system: AISystem) -> OpenReviewForm:
    used = list(VersionUse.objects.filter(system=system).values_list("model_version_id", flat=True))
    here = PHASE_ORDER.index(system.phase)
    gates = policy_in_force().body["gates"]
    phases = [phase for phase in PHASE_ORDER[max(here, 1) :] if phase in gates and phase != Phase.RETIRED]
    return OpenReviewForm(
        request.POST or None,
        phases=phases,
        versions=ModelVersion.objects.filter(pk__in=used).select_related("model"),
        initial={"phase": next_phase(system) or system.phase, "versions": used},
    )


def _open(request: HttpRequest, system: AISystem, form: OpenReviewForm) -> Review:
    return actions.open_review(
        system,
        by=request.user,
        phase=form.cleaned_data["phase"],
        versions=form.cleaned_data.get("versions") or None,
    )


# --- One review -------------------------------------------------------------------------------------------------------

FILTERS = {
    "all": "All items",
    "mine": "Waiting for you",
    "missing": "Missing",
    "required": "Required",
}


@login_required
@require_safe
def review(request: HttpRequest, uid: Any) -> HttpResponse:
    """One review: its sections with their signatures, its items, and what waits for the reader."""
    found = find_review(request, uid)
    at = moment_of(request, found)
    shown = board(found, at=at)
    perms = frozenset() if at else system_perms(request.user, found.system)
    mine = set() if at else _waiting_for(request.user, shown, perms)
    show = request.GET.get("show", "all")
    groups = {
        "all": shown.rows,
        "mine": [row for row in shown.rows if row.key in mine],
        "missing": [row for row in shown.rows if row.blocks],
        "required": [row for row in shown.rows if row.required],
    }
    visible = {row.key for row in groups.get(show, shown.rows)}
    context = {
        "review": found,
        "system": found.system,
        "board": shown,
        "at": at,
        "show": show if show in groups else "all",
        "filters": [(key, label, len(groups[key])) for key, label in FILTERS.items()],
        "parts": _parts(request, shown, perms, visible),
        "mine": [row for row in shown.rows if row.key in mine],
        "may_manage": _may_manage(found, perms),
    }
    return render(request, "readiness/review.html", context)


def _may_manage(found: Review, perms: frozenset[str]) -> bool:
    return found.state == Review.State.OPEN and bool(perms & {Perm.CONTRIBUTE, Perm.ENTER_PHASE, Perm.CHANGE})


def _waiting_for(user: Any, shown: Board, perms: frozenset[str]) -> set[str]:
    """Keys of the items ``user`` is asked to answer, has to answer again, or may judge."""
    if shown.review.state != Review.State.OPEN:
        return set()
    contributed: set[int] = set()
    if Perm.VERIFY in perms and any(row.status == ItemStatus.SUBMITTED for row in shown.rows):
        own = Contribution.objects.filter(review_item__review=shown.review, user=user)
        contributed = set(own.values_list("review_item_id", flat=True))
    return {row.key for row in shown.rows if _waits(row, user, perms, contributed)}


def _waits(row: ItemRow, user: Any, perms: frozenset[str], contributed: set[int]) -> bool:
    if row.status == ItemStatus.SUBMITTED:
        return Perm.VERIFY in perms and row.review_item.pk not in contributed
    if row.status not in UNANSWERED or Perm.CONTRIBUTE not in perms:
        return False
    return user.pk in (row.review_item.assigned_to_id, row.review_item.answered_by_id)


def _parts(request: HttpRequest, shown: Board, perms: frozenset[str], visible: set[str]) -> list[dict[str, Any]]:
    """The sections as the page lays them out: rows that pass the filter, and whether this reader signs."""
    people = People(shown.system)
    parts = []
    for part in shown.sections:
        signs = bool(perms & _sign_perms(part.section.signing_role)) and not part.state.effective
        refusal = _why_not_sign(request, shown, part.section, perms) if signs else ""
        parts.append(
            {
                "board": part,
                "rows": [row for row in part.rows if row.key in visible],
                "signs": signs,
                "refusal": refusal,
                "owed": None if part.state.effective else people.who_owes(part.section.signing_role),
            }
        )
    return parts


def _sign_perms(role: str) -> set[str]:
    return {perm for perm in BUNDLES[role] if perm.startswith("sign_")}


def _why_not_sign(request: HttpRequest, shown: Board, section: Any, perms: frozenset[str]) -> str:
    return why_not(lambda: policies.check_can_sign(shown.review, section, user=request.user, perms=perms))


@login_required
@require_safe
def review_print(request: HttpRequest, uid: Any) -> HttpResponse:
    """The whole review on paper: answers, evidence, verifications and signatures."""
    from .printing import print_context

    found = find_review(request, uid)
    return render(request, "readiness/print.html", print_context(found, moment_of(request, found)))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def review_close(request: HttpRequest, uid: Any) -> HttpResponse:
    """Ask why, then close the review."""
    found = find_review(request, uid)
    person_may(policies.check_can_close_review, found, user=request.user)
    form = CloseReviewForm(request.POST or None, initial={"version": found.version})
    status = OK
    if request.method == "POST":
        status = attempt(
            form,
            lambda: actions.close_review(
                found,
                by=request.user,
                reason=form.cleaned_data["reason"],
                expected_version=form.cleaned_data["version"],
            ),
        )
        if status == OK:
            done(request, "The review is closed. Its signatures no longer count at the gate.")
            return redirect(found)
    context = {"review": found, "system": found.system, "form": form}
    return render(request, "readiness/review_close.html", context, status=status)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def review_versions(request: HttpRequest, uid: Any) -> HttpResponse:
    """Choose the model versions the review looks at. Signatures given so far end when they change."""
    found = find_review(request, uid)
    person_may(policies.check_can_change_versions, found, user=request.user)
    reviewed = list(found.reviewed_versions.values_list("model_version_id", flat=True))
    form = VersionsForm(
        request.POST or None,
        versions=_versions_on_offer(request, found),
        initial={"version": found.version, "versions": reviewed},
    )
    status = OK
    if request.method == "POST":
        status = attempt(
            form,
            lambda: actions.change_reviewed_versions(
                found,
                by=request.user,
                versions=form.cleaned_data["versions"],
                expected_version=form.cleaned_data["version"],
            ),
        )
        if status == OK:
            done(request, "The review now looks at these versions.")
            return redirect(found)
    context = {"review": found, "system": found.system, "form": form}
    return render(request, "readiness/review_versions.html", context, status=status)


def _versions_on_offer(request: HttpRequest, found: Review) -> Any:
    """Versions the system uses or owns, newest first; those already reviewed as well."""
    visible = ModelVersion.objects.visible_to(request.user)
    wanted = Q(uses__system=found.system) | Q(model__system=found.system) | Q(reviewed_in__review=found)
    return visible.filter(wanted).select_related("model").distinct().order_by("model__name", "-number")

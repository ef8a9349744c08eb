from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import F, FilteredRelation, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from .. import actions, policies
from ..forms import BulkFilterForm, BulkForm
from ..models import AISystem
from ..roles import Role
from ._shared import attempt, posted

PAGE = 50
# One request carries this many; each system is a transaction of its own.
AT_ONCE = 500


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def bulk_roles(request: HttpRequest) -> HttpResponse:
    """Choose systems, give one role on all of them, read how each came out."""
    policies.check_can_assign_in_bulk(user=request.user)
    filters = BulkFilterForm(request.GET or None)
    matching = filters.systems() if filters.is_bound else AISystem.objects.all()
    form = BulkForm(posted(request), initial={"role": Role.OWNER})
    chosen = [slug for slug in request.POST.getlist("systems") if "\x00" not in slug]
    if not form.is_bound:
        return _page(request, filters, matching, form, chosen, 422 if filters.errors else 200)
    status = 422
    if form.is_valid() and (systems := _chosen(form, matching, chosen)):
        terms = {name: form.cleaned_data[name] for name in ("role", "user", "team", "reason")}
        outcomes: list[actions.BulkOutcome] = []
        status = attempt(form, lambda: outcomes.extend(actions.grant_roles_in_bulk(systems, by=request.user, **terms)))
        if not status:
            return _report(request, outcomes, terms)
    return _page(request, filters, matching, form, chosen, status)


def _chosen(form: BulkForm, matching: Any, chosen: list[str]) -> list[AISystem]:
    """The systems an assignment is about; an error of the form where there are none or too many."""
    systems = matching if form.cleaned_data["every"] else matching.filter(slug__in=chosen)
    found = list(systems[: AT_ONCE + 1])
    if not found:
        form.add_error(None, "Tick the systems it is about.")
    elif len(found) > AT_ONCE:
        form.add_error("every", f"At most {AT_ONCE} at once. Narrow the filter and do it in parts.")
        return []
    return found


def _page(
    request: HttpRequest, filters: BulkFilterForm, matching: Any, form: BulkForm, chosen: list[str], status: int
) -> HttpResponse:
    rows = matching.annotate(
        owning=FilteredRelation("assignments", condition=Q(assignments__role=Role.OWNER))
    ).annotate(owner_name=F("owning__user__full_name"))
    page = Paginator(rows.order_by("name", "pk"), PAGE).get_page(request.GET.get("page"))
    form.fields["every"].label = f"Every system that matches ({page.paginator.count}), not only the ticked ones"
    context = {"filters": filters, "form": form, "page": page, "chosen": chosen, "at_once": AT_ONCE}
    return render(request, "registry/bulk_roles.html", context, status=status)


def _report(request: HttpRequest, outcomes: list[actions.BulkOutcome], terms: dict[str, Any]) -> HttpResponse:
    context = {
        "outcomes": sorted(outcomes, key=lambda outcome: (outcome.granted, outcome.system.name)),
        "given": sum(outcome.granted for outcome in outcomes),
        "holder": terms["user"] or terms["team"],
        "role": Role(terms["role"]).label,
        "query": request.GET.urlencode(),
    }
    return render(request, "registry/bulk_report.html", context)

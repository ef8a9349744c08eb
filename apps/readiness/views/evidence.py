"""Evidence: that of a system, one piece, its file, correcting and withdrawing it."""

from base64 import b64encode
from datetime import timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from apps.audit.timeline import object_timeline
from apps.core.exceptions import StaleObject

from .. import actions, policies
from ..forms import EvidenceChangeForm, EvidenceFilter, EvidenceForm, VersionedReasonForm
from ..models import Evidence
from .common import OK, REFUSED, attempt, done, find_system, person_may, system_frame

PAGE_SIZE = 50
SOON = timedelta(days=30)


def find_evidence(request: HttpRequest, uid: Any) -> Evidence:
    pieces = Evidence.objects.visible_to(request.user).select_related("system", "supplied_by", "withdrawn_by")
    return get_object_or_404(pieces, uid=uid)


# --- The evidence of a system -----------------------------------------------------------------------------------------


@login_required
@require_safe
def system_evidence(request: HttpRequest, slug: str) -> HttpResponse:
    """All evidence of a system, by what is about to run out, kind and words."""
    system = find_system(request, slug)
    form = EvidenceFilter(request.GET or None)
    found = Evidence.objects.filter(system=system).select_related("supplied_by").annotate(uses=Count("links"))
    if form.is_bound and form.is_valid():
        found = _filtered(found, **form.cleaned_data)
    page = Paginator(found.order_by("-supplied_at", "-pk"), PAGE_SIZE).get_page(request.GET.get("page"))
    day = timezone.localdate()
    context = {
        **system_frame(system),
        "form": form,
        "page": page,
        "lines": [{"evidence": piece, "state": piece.state_on(day)} for piece in page],
        "may_add": policies.can_add_evidence(system, user=request.user),
    }
    return render(request, "readiness/system_evidence.html", context)


def _filtered(found: Any, *, q: str, kind: str, state: str) -> Any:
    day = timezone.localdate()
    if q:
        words = Q(title__icontains=q) | Q(filename__icontains=q) | Q(reference__icontains=q) | Q(sha256__startswith=q)
        found = found.filter(words)
    if kind:
        found = found.filter(kind=kind)
    if state == "withdrawn":
        return found.exclude(withdrawn_at=None)
    if state == "valid":
        return found.usable(day)
    if state == "ending":
        return found.filter(withdrawn_at=None, valid_until__gte=day, valid_until__lte=day + SOON)
    if state == "expired":
        return found.filter(withdrawn_at=None, valid_until__lt=day)
    return found


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def evidence_new(request: HttpRequest, slug: str) -> HttpResponse:
    """Take evidence in for a system without attaching it yet."""
    system = find_system(request, slug)
    person_may(policies.check_can_add_evidence, system, user=request.user)
    form = EvidenceForm(request.POST or None, request.FILES or None)
    status = OK
    if request.method == "POST":
        made: list[Evidence] = []
        status = attempt(form, lambda: made.append(actions.add_evidence(system, by=request.user, **form.cleaned_data)))
        if status == OK:
            done(request, "The evidence is here. It can be attached to any item of this system.")
            return redirect(made[0])
    context = {**system_frame(system), "form": form}
    return render(request, "readiness/evidence_new.html", context, status=status)


# --- One piece --------------------------------------------------------------------------------------------------------


@login_required
@require_safe
def evidence(request: HttpRequest, uid: Any) -> HttpResponse:
    """What is known of one piece of evidence, and where it is used."""
    found = find_evidence(request, uid)
    links = found.links.select_related("review_item__item__section", "review_item__review", "attached_by")
    context = {
        "evidence": found,
        "system": found.system,
        "state": found.state_on(timezone.localdate()),
        "links": links.order_by("-attached_at"),
        "events": object_timeline(found, user=request.user),
        "may_change": policies.can_change_evidence(found, user=request.user),
        "may_withdraw": policies.can_withdraw_evidence(found, user=request.user),
    }
    return render(request, "readiness/evidence.html", context)


@login_required
@require_safe
def evidence_file(request: HttpRequest, uid: Any) -> FileResponse:
    """The file itself, always as a download: what people upload is never shown inside our pages."""
    return send_file(find_evidence(request, uid))


def send_file(found: Evidence) -> FileResponse:
    """
    The stored file as an attachment under the name it came with.

    :raises Http404: this evidence has no file, or it is gone from the storage.
    """
    if not found.file:
        raise Http404("There is no file")
    try:
        stored = found.file.open("rb")
    except FileNotFoundError as error:
        raise Http404("The file is gone") from error
    response = FileResponse(
        stored,
        as_attachment=True,
        filename=found.filename,
        content_type=found.content_type or "application/octet-stream",
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "private, no-store"
    response["Repr-Digest"] = f"sha-256=:{b64encode(bytes.fromhex(found.sha256)).decode()}:"
    return response


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def evidence_edit(request: HttpRequest, uid: Any) -> HttpResponse:
    """Correct what is said about evidence. A file is never exchanged: add the new one, withdraw the old one."""
    found = find_evidence(request, uid)
    person_may(policies.check_can_change_evidence, found, user=request.user)
    names = ["title", "url", "reference", "effective_on", "valid_until", "note"]
    initial = {name: getattr(found, name) for name in [*names, "version"]}
    form = EvidenceChangeForm(request.POST or None, initial=initial)
    status, changes = OK, None
    if request.method == "POST":
        try:
            status = attempt(form, lambda: _change(request, found, form))
        except StaleObject:
            status, changes = REFUSED, _missed(request, found, form)
        if status == OK:
            done(request, "Saved.")
            return redirect(found)
    context = {"evidence": found, "system": found.system, "form": form, "changes": changes}
    return render(request, "readiness/evidence_edit.html", context, status=status)


def _change(request: HttpRequest, found: Evidence, form: EvidenceChangeForm) -> None:
    values = dict(form.cleaned_data)
    actions.change_evidence(found, by=request.user, expected_version=values.pop("version"), **values)


def _missed(request: HttpRequest, found: Evidence, form: EvidenceChangeForm) -> list[Any]:
    """What others changed since the form was opened; the form goes on from the newest version."""
    found.refresh_from_db()
    rows = object_timeline(found, user=request.user, limit=max(found.version - form.cleaned_data["version"], 0))
    form.data = form.data.copy()
    form.data["version"] = found.version
    return [change for row in reversed(rows) for change in row.changes] or [None]


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def evidence_withdraw(request: HttpRequest, uid: Any) -> HttpResponse:
    """Ask why, then say that the evidence no longer counts. It stays readable."""
    found = find_evidence(request, uid)
    person_may(policies.check_can_withdraw_evidence, found, user=request.user)
    form = VersionedReasonForm(request.POST or None, initial={"version": found.version})
    status = OK
    if request.method == "POST":
        status = attempt(
            form,
            lambda: actions.withdraw_evidence(
                found,
                by=request.user,
                reason=form.cleaned_data["reason"],
                expected_version=form.cleaned_data["version"],
            ),
        )
        if status == OK:
            done(request, "Withdrawn. Items that rest on it have to be looked at again.")
            return redirect(found)
    links = found.links.select_related("review_item__item__section", "review_item__review")
    context = {"evidence": found, "system": found.system, "form": form, "links": links}
    return render(request, "readiness/evidence_withdraw.html", context, status=status)

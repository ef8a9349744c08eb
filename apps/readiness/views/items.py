"""One item of a review: what it asks for, its answer, evidence, verification, discussion and history."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from apps.audit.models import Entry
from apps.audit.timeline import object_timeline, rows_of
from apps.core.exceptions import StaleObject
from apps.registry.permissions import system_perms

from .. import actions, policies
from ..actions.items import longest_validity
from ..boards import PASSED, ItemRow, attached, board, discussion, verdicts
from ..forms import (
    AnswerForm,
    AssignForm,
    AttachForm,
    CommentForm,
    EvidenceForm,
    NotApplicableForm,
    ReasonForm,
    RejectForm,
    VerifyForm,
    VersionedReasonForm,
)
from ..models import Evidence, EvidenceLink, ReviewItem
from ..spec import ItemSpec, item_spec
from .common import OK, REFUSED, attempt, done, find_item, moment_of, person_may, why_not

HISTORY_ROWS = 60
Forms = dict[str, Any]


@login_required
@require_safe
def item(request: HttpRequest, uid: Any, key: str) -> HttpResponse:
    found = find_item(request, uid, key)
    return show_item(request, found, at=moment_of(request, found.review))


def show_item(
    request: HttpRequest,
    found: ReviewItem,
    *,
    at: Any = None,
    given: Forms | None = None,
    changes: list[Any] | None = None,
    status: int = OK,
) -> HttpResponse:
    """The page of one item. ``given`` are forms that were sent and have to be put right; they take their place."""
    spec = item_spec(found.item, found.review.template)
    shown = board(found.review, at=at)
    rows = shown.rows
    here = next(index for index, row in enumerate(rows) if row.item.pk == found.item_id)
    row = rows[here]
    row.review_item.review, row.review_item.item = found.review, found.item
    links = attached(row, at)
    context = {
        "review": found.review,
        "system": found.review.system,
        "board": shown,
        "part": shown.section(found.item.section.key),
        "row": row,
        "it": row.review_item,
        "spec": spec,
        "days": _validity_days(row.review_item),
        "at": at,
        "previous": rows[here - 1] if here else None,
        "next": rows[here + 1] if here + 1 < len(rows) else None,
        "links": links,
        "verifications": verdicts(row.review_item, at),
        "comments": discussion(row.review_item, at),
        "events": _history(row.review_item, at, request.user) if "history" in request.GET else None,
        "changes": changes,
        **(_doors(request, row, spec, links, given or {}) if at is None else {}),
    }
    return render(request, "readiness/item.html", context, status=status)


def _validity_days(row: ReviewItem) -> int:
    now = timezone.now()
    return (longest_validity(row, now) - now).days


def _history(row: ReviewItem, at: Any, user: Any) -> list[Any]:
    """Everything that happened to the answer and its evidence, newest first."""
    links = EvidenceLink.history.filter(review_item_id=row.pk).values_list("id", flat=True)
    entries = Entry.objects.filter(
        Q(kind="readiness.reviewitem", object_id=str(row.pk))
        | Q(kind="readiness.evidencelink", object_id__in=[str(pk) for pk in set(links)])
    )
    if at is not None:
        entries = entries.filter(at__lte=at)
    return rows_of(entries.select_related("private").order_by("-pk")[:HISTORY_ROWS], user=user)


def _doors(
    request: HttpRequest, row: ItemRow, spec: ItemSpec, links: list[dict[str, Any]], given: Forms
) -> dict[str, Any]:
    """The forms this reader may use, and why not where they may not."""
    user, found = request.user, row.review_item
    ask = {"user": user, "perms": system_perms(user, found.review.system)}
    judge_refusal = why_not(lambda: policies.check_can_judge(found, **ask))
    attached = [line["evidence"].pk for line in links]
    reusable = Evidence.objects.filter(system=found.review.system).usable(timezone.localdate()).exclude(pk__in=attached)
    conditions = [condition for condition in spec.conditions if condition["whole"]]
    fresh: dict[str, Callable[[], Any]] = {
        "answer_form": lambda: AnswerForm(initial={"version": found.version, "answer": found.answer}),
        "not_applicable_form": lambda: NotApplicableForm(conditions=conditions, initial={"version": found.version}),
        "assign_form": lambda: AssignForm(
            system=found.review.system,
            initial={"version": found.version, "assigned_to": found.assigned_to_id, "due_on": found.due_on},
        ),
        "verify_form": lambda: VerifyForm(initial={"version": found.version}),
        "reject_form": lambda: RejectForm(initial={"version": found.version}),
        "reopen_form": lambda: VersionedReasonForm(initial={"version": found.version}),
        "comment_form": CommentForm,
        "evidence_form": lambda: EvidenceForm(kinds=spec.evidence_kinds),
        "attach_form": lambda: AttachForm(evidence=reusable) if reusable else None,
    }
    return {
        "can_answer": policies.can_answer(found, **ask),
        "can_submit": policies.can_submit(found, **ask),
        "can_set_aside": policies.can_propose_not_applicable(found, **ask),
        "can_assign": policies.can_assign(found, **ask),
        "can_reopen": policies.can_reopen(found, **ask) and row.status in {*PASSED, "submitted", "expired"},
        "can_comment": policies.can_comment(found, **ask),
        "can_attach": policies.can_attach(found, **ask),
        "judge_refusal": judge_refusal,
        **{name: given.get(name) or make() for name, make in fresh.items()},
    }


# --- What is sent to it -----------------------------------------------------------------------------------------------


def _post(
    request: HttpRequest,
    uid: Any,
    key: str,
    *,
    name: str,
    make: Callable[[ReviewItem], Any],
    act: Callable[[ReviewItem, Any], Any],
    check: Callable[..., None],
    words: str,
    anchor: str = "",
) -> HttpResponse:
    """
    One form of the item page: find, validate, act, back to the item; or the page again with what has to be put right.

    A GET (somebody reloads or shares the address) leads to the item.
    """
    found = find_item(request, uid, key)
    if request.method != "POST":
        return redirect(found)
    person_may(check, found, user=request.user)
    form = make(found)
    try:
        status = attempt(form, lambda: act(found, form))
    except StaleObject:
        return _show_stale(request, uid, key, name, form)
    if status == OK:
        done(request, words)
        return redirect(found.get_absolute_url() + (f"#{anchor}" if anchor else ""))
    return show_item(request, found, given={name: form}, status=status)


def _show_stale(request: HttpRequest, uid: Any, key: str, name: str, form: Any) -> HttpResponse:
    """Somebody was faster: their changes, and the reader's text still in the form, ready to be sent again."""
    found = find_item(request, uid, key)
    missed = found.version - (form.cleaned_data.get("version") or found.version)
    rows = object_timeline(found, user=request.user, limit=missed) if missed > 0 else []
    changes = [change for row in reversed(rows) for change in row.changes]
    form.data = form.data.copy()
    form.data[form.add_prefix("version")] = found.version
    return show_item(request, found, given={name: form}, changes=changes or [None], status=REFUSED)


POST = require_http_methods(["GET", "HEAD", "POST"])


@login_required
@POST
def item_answer(request: HttpRequest, uid: Any, key: str) -> HttpResponse:
    """Save a draft, or with the button ``submit`` hand the answer over for verification."""
    submit = "submit" in request.POST
    return _post(
        request,
        uid,
        key,
        name="answer_form",
        make=lambda found: AnswerForm(request.POST),
        act=lambda found, form: actions.answer_item(
            found,
            by=request.user,
            answer=form.cleaned_data["answer"],
            expected_version=form.cleaned_data["version"],
            submit=submit,
        ),
        check=policies.check_can_answer,
        words="Submitted. Somebody else verifies it now." if submit else "Your draft is saved.",
    )


@login_required
@POST
def item_submit(request: HttpRequest, uid: Any, key: str) -> HttpResponse:
    """Hand the stored answer over for verification."""
    found = find_item(request, uid, key)
    if request.method == "POST":
        actions.submit_item(found, by=request.user)
        done(request, "Submitted. Somebody else verifies it now.")
    return redirect(found)


@login_required
@POST
def item_not_applicable(request: HttpRequest, uid: Any, key: str) -> HttpResponse:
    def make(found: ReviewItem) -> NotApplicableForm:
        spec = item_spec(found.item, found.review.template)
        return NotApplicableForm(request.POST, conditions=[row for row in spec.conditions if row["whole"]])

    return _post(
        request,
        uid,
        key,
        name="not_applicable_form",
        make=make,
        act=lambda found, form: actions.propose_not_applicable(
            found,
            by=request.user,
            condition=form.cleaned_data["condition"],
            reason=form.cleaned_data["reason"],
            expected_version=form.cleaned_data["version"],
        ),
        check=policies.check_can_propose_not_applicable,
        words="Proposed. Somebody else decides whether the item applies.",
    )


@login_required
@POST
def item_assign(request: HttpRequest, uid: Any, key: str) -> HttpResponse:
    return _post(
        request,
        uid,
        key,
        name="assign_form",
        make=lambda found: AssignForm(request.POST, system=found.review.system),
        act=lambda found, form: actions.assign_item(
            found,
            by=request.user,
            to=form.cleaned_data["assigned_to"],
            due_on=form.cleaned_data["due_on"],
            expected_version=form.cleaned_data["version"],
        ),
        check=policies.check_can_assign,
        words="Saved who answers.",
    )


@login_required
@POST
def item_verify(request: HttpRequest, uid: Any, key: str) -> HttpResponse:
    return _post(
        request,
        uid,
        key,
        name="verify_form",
        make=lambda found: VerifyForm(request.POST),
        act=lambda found, form: actions.verify_item(
            found,
            by=request.user,
            note=form.cleaned_data["note"],
            valid_until=form.cleaned_data["valid_until"],
            expected_version=form.cleaned_data["version"],
        ),
        check=policies.check_can_judge,
        words="Verified.",
    )


@login_required
@POST
def item_reject(request: HttpRequest, uid: Any, key: str) -> HttpResponse:
    return _post(
        request,
        uid,
        key,
        name="reject_form",
        make=lambda found: RejectForm(request.POST),
        act=lambda found, form: actions.reject_item(
            found,
            by=request.user,
            note=form.cleaned_data["note"],
            expected_version=form.cleaned_data["version"],
        ),
        check=policies.check_can_judge,
        words="Sent back with your words.",
    )


@login_required
@POST
def item_reopen(request: HttpRequest, uid: Any, key: str) -> HttpResponse:
    return _post(
        request,
        uid,
        key,
        name="reopen_form",
        make=lambda found: VersionedReasonForm(request.POST),
        act=lambda found, form: actions.reopen_item(
            found,
            by=request.user,
            reason=form.cleaned_data["reason"],
            expected_version=form.cleaned_data["version"],
        ),
        check=policies.check_can_reopen,
        words="The item is open again.",
    )


@login_required
@POST
def item_comment(request: HttpRequest, uid: Any, key: str) -> HttpResponse:
    return _post(
        request,
        uid,
        key,
        name="comment_form",
        make=lambda found: CommentForm(request.POST),
        act=lambda found, form: actions.add_comment(found, by=request.user, text=form.cleaned_data["text"]),
        check=policies.check_can_comment,
        words="Added to the discussion.",
        anchor="discussion",
    )


@login_required
@POST
def item_evidence(request: HttpRequest, uid: Any, key: str) -> HttpResponse:
    """Take new evidence in and attach it to the item."""

    def make(found: ReviewItem) -> EvidenceForm:
        kinds = item_spec(found.item, found.review.template).evidence_kinds
        return EvidenceForm(request.POST, request.FILES, kinds=kinds)

    def act(found: ReviewItem, form: EvidenceForm) -> None:
        actions.add_evidence(found.review.system, by=request.user, attach_to=[found], **form.cleaned_data)

    return _post(
        request,
        uid,
        key,
        name="evidence_form",
        make=make,
        act=act,
        check=policies.check_can_attach,
        words="The evidence is attached.",
        anchor="evidence",
    )


@login_required
@POST
def item_attach(request: HttpRequest, uid: Any, key: str) -> HttpResponse:
    """Attach evidence that the system has already."""
    return _post(
        request,
        uid,
        key,
        name="attach_form",
        make=lambda found: AttachForm(
            request.POST, evidence=Evidence.objects.filter(system=found.review.system, withdrawn_at=None)
        ),
        act=lambda found, form: actions.attach_evidence(found, by=request.user, evidence=form.cleaned_data["evidence"]),
        check=policies.check_can_attach,
        words="The evidence is attached.",
        anchor="evidence",
    )


@login_required
@POST
def item_detach(request: HttpRequest, uid: Any, key: str, pk: int) -> HttpResponse:
    """Ask why, then take evidence away from the item. The evidence itself stays with the system."""
    found = find_item(request, uid, key)
    link = get_object_or_404(
        EvidenceLink.objects.select_related("evidence__system", "review_item__review__system"),
        review_item=found,
        pk=pk,
    )
    person_may(policies.check_can_detach, link, user=request.user)
    form = ReasonForm(request.POST or None)
    status = OK
    if request.method == "POST":
        status = attempt(
            form, lambda: actions.detach_evidence(link, by=request.user, reason=form.cleaned_data["reason"])
        )
        if status == OK:
            done(request, "Detached. The evidence itself stays with the system.")
            return redirect(found.get_absolute_url() + "#evidence")
    context = {"review": found.review, "system": found.review.system, "found": found, "link": link, "form": form}
    return render(request, "readiness/detach.html", context, status=status)

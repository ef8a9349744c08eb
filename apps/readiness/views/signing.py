"""Signing a section: what is signed, the words, the proof; and signatures afterwards."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from apps.accounts.stepup import needs_code
from apps.core.exceptions import NotAllowed, RuleViolation, StaleObject
from apps.registry.permissions import system_perms

from .. import actions, policies
from ..content import ContentChanged, SectionContent, contents, read_material, statement_for
from ..effective import section_states
from ..forms import CompleteConditionForm, ReasonForm, SignForm, people_of
from ..models import Condition, Review, Section, SignOff
from ..needs import Standing
from ..signed import manifestation, shown_content
from .common import OK, REFUSED, attempt, done, find_review, person_may


def find_section(review: Review, key: str) -> Section:
    return get_object_or_404(Section, template_id=review.template_id, key=key)


# --- Signing ----------------------------------------------------------------------------------------------------------


@login_required
@never_cache
@sensitive_post_parameters("password", "code")
@require_http_methods(["GET", "HEAD", "POST"])
def sign(request: HttpRequest, uid: Any, key: str) -> HttpResponse:
    """Show exactly what is signed, rendered from the bytes whose digest the form carries; POST signs."""
    review = find_review(request, uid)
    section = find_section(review, key)
    if request.method != "POST":
        return _sign_page(request, review, section)
    person_may(policies.check_may_sign, review, section, user=request.user)
    form = SignForm(request.POST, people=people_of(review.system), needs_code=needs_code(request.user))
    made: list[SignOff] = []
    try:
        status = attempt(form, lambda: made.append(_sign(request, review, section, form)))
    except ContentChanged as error:
        return _changed_page(request, review, section, error)
    if status == OK:
        done(request, f"{section}: your signature is on record.")
        return redirect("readiness:sign-off", uid=made[0].uid)
    return _sign_page(request, review, section, form=form, status=status)


def _sign(request: HttpRequest, review: Review, section: Section, form: SignForm) -> SignOff:
    values = form.cleaned_data
    return actions.sign_off(
        review,
        section,
        by=request.user,
        password=values["password"],
        code=values.get("code", ""),
        meaning=values["meaning"],
        statement=form.statement,
        digest=values["digest"],
        seen=values["seen"],
        conditions=form.stated_conditions(),
        comment=values["comment"],
        zone=timezone.get_current_timezone_name(),
    )


def _sign_page(
    request: HttpRequest, review: Review, section: Section, *, form: SignForm | None = None, status: int = OK
) -> HttpResponse:
    """The page with the content as it is now; a form that was about other content leads to the page that says so."""
    material = read_material(review)
    content = contents(review, material)[section.key]
    if form is not None and form.data.get("digest") != content.sha256:
        return _changed_page(request, review, section, None)
    refusal = _refusal(request, review, section)
    # Open items stand against an approval, not against a rejection; everything else has been checked before them.
    may_reject = getattr(refusal, "code", "") == "items_open"
    required = policies.required_items(review, section, timezone.now())
    context = {
        "review": review,
        "system": review.system,
        "section": section,
        "required": {row.review_item.item.key for row in required},
        "sha256": content.sha256,
        "shown": shown_content(content.canonical, review.template),
        "state": section_states(review, material=material)[section.key],
        "refusal": refusal,
        "refusal_help": getattr(refusal, "help", ""),
        "missing": _missing(required) if may_reject else [],
        "approval": statement_for(section),
        "rejection": statement_for(section, SignOff.Meaning.REJECTION),
        "form": form,
    }
    if form is None and (refusal is None or may_reject):
        context["form"] = _fresh_form(request, review, section, content)
    return render(request, "readiness/sign.html", context, status=status)


def _fresh_form(request: HttpRequest, review: Review, section: Section, content: SectionContent) -> SignForm:
    return SignForm(
        people=people_of(review.system),
        needs_code=needs_code(request.user),
        initial={
            "digest": content.sha256,
            "seen": content.seen,
            "approval_statement": statement_for(section),
            "rejection_statement": statement_for(section, SignOff.Meaning.REJECTION),
        },
    )


def _refusal(request: HttpRequest, review: Review, section: Section) -> Exception | None:
    """Why this person cannot approve the section now, if they cannot."""
    perms = system_perms(request.user, review.system)
    try:
        policies.check_can_sign(review, section, user=request.user, perms=perms)
    except (NotAllowed, RuleViolation) as error:
        return error
    return None


def _missing(required: list[Standing]) -> list[dict[str, Any]]:
    """The items that have to pass first, each with why it does not and the way to it."""
    return [
        {
            "item": row.review_item.item,
            "why": policies.missing_words(row.review_item),
            "status": row.review_item.status_now,
            "key": row.review_item.item.key,
        }
        for row in required
        if not row.passes
    ]


def _changed_page(request: HttpRequest, review: Review, section: Section, error: ContentChanged | None) -> HttpResponse:
    """409: nothing was signed, here is what changed meanwhile, and the way to the page as it is now."""
    context = {
        "review": review,
        "system": review.system,
        "section": section,
        "changes": error.changes if error else [],
        "reason": str(error) if error else "Nothing was signed: the content changed since you opened the page.",
    }
    return render(request, "readiness/sign_changed.html", context, status=REFUSED)


# --- Signatures -------------------------------------------------------------------------------------------------------


def find_sign_off(request: HttpRequest, uid: Any) -> SignOff:
    signed = SignOff.objects.visible_to(request.user).select_related(
        "review__system",
        "review__template",
        "section",
        "snapshot",
        "signer",
        "on_behalf_of",
        "proof",
        "void__voided_by",
    )
    return get_object_or_404(signed, uid=uid)


@login_required
@require_safe
def sign_off(request: HttpRequest, uid: Any) -> HttpResponse:
    """One signature: who, what it means, what was signed, and whether it still counts."""
    found = find_sign_off(request, uid)
    return _sign_off_page(request, found, ReasonForm())


def _sign_off_page(request: HttpRequest, found: SignOff, form: ReasonForm, status: int = OK) -> HttpResponse:
    states = section_states(found.review)
    state = states[found.section.key]
    in_seat = state.sign_off is not None and state.sign_off.pk == found.pk
    conditions = list(found.tracked_conditions.select_related("owner", "done_by", "sign_off", "system"))
    context = {
        "found": found,
        "review": found.review,
        "system": found.review.system,
        "section": found.section,
        "state": state,
        "signed": sum(other.effective for other in states.values()),
        "sections": len(states),
        "effective": in_seat and state.effective,
        "standing": in_seat and not hasattr(found, "void"),
        "why": _why_over(found, state, in_seat),
        "signature": manifestation(found),
        "shown": shown_content(bytes(found.snapshot.body), found.review.template),
        "conditions": [(row, policies.can_complete_condition(row, user=request.user)) for row in conditions],
        "may_withdraw": policies.can_withdraw_sign_off(found, user=request.user),
        "form": form,
    }
    return render(request, "readiness/sign_off.html", context, status=status)


def _why_over(found: SignOff, state: Any, in_seat: bool) -> str:
    """One sentence for why a signature does not count, empty where it does."""
    if hasattr(found, "void"):
        return f"Not in effect since {found.void.voided_at:%-d %B %Y}, because {found.void.reason}."
    if in_seat and not state.effective and state.status != "rejected":
        return state.words
    return ""


@login_required
@require_safe
def sign_off_snapshot(request: HttpRequest, uid: Any) -> HttpResponse:
    """The very bytes that were signed: their SHA-256 is the digest in the signature."""
    found = find_sign_off(request, uid)
    return _json_file(bytes(found.snapshot.body), f"content-{found.snapshot.sha256[:12]}.json")


@login_required
@require_safe
def sign_off_payload(request: HttpRequest, uid: Any) -> HttpResponse:
    """The canonical JSON of the signature itself."""
    found = find_sign_off(request, uid)
    return _json_file(bytes(found.payload), f"signature-{found.uid}.json")


def _json_file(body: bytes, filename: str) -> HttpResponse:
    response = HttpResponse(body, content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def sign_off_withdraw(request: HttpRequest, uid: Any) -> HttpResponse:
    """The signer takes the signature back, saying why."""
    found = find_sign_off(request, uid)
    if request.method != "POST":
        return redirect("readiness:sign-off", uid=uid)
    person_may(policies.check_can_withdraw_sign_off, found, user=request.user)
    form = ReasonForm(request.POST)
    status = attempt(
        form, lambda: actions.withdraw_sign_off(found, by=request.user, reason=form.cleaned_data["reason"])
    )
    if status == OK:
        done(request, "Your signature is taken back. The section is unsigned again.")
        return redirect("readiness:sign-off", uid=uid)
    return _sign_off_page(request, find_sign_off(request, uid), form, status)


# --- Conditions -------------------------------------------------------------------------------------------------------


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def condition(request: HttpRequest, pk: int) -> HttpResponse:
    """One condition of a signature; its owner, or the signer, says here how it was fulfilled."""
    rows = Condition.objects.visible_to(request.user).select_related(
        "system", "owner", "done_by", "sign_off__section", "sign_off__review", "sign_off__signer", "sign_off__void"
    )
    found = get_object_or_404(rows, pk=pk)
    form = CompleteConditionForm(request.POST or None, initial={"version": found.version})
    status = OK
    if request.method == "POST":
        person_may(policies.check_can_complete_condition, found, user=request.user)
        status = _complete(request, found, form)
        if status == OK:
            done(request, "The condition is fulfilled. Whoever stated it hears of it.")
            return redirect("readiness:condition", pk=pk)
    context = {
        "condition": found,
        "system": found.system,
        "review": found.sign_off.review,
        "form": form,
        "may_complete": policies.can_complete_condition(found, user=request.user),
    }
    return render(request, "readiness/condition.html", context, status=status)


def _complete(request: HttpRequest, found: Condition, form: CompleteConditionForm) -> int:
    try:
        return attempt(
            form,
            lambda: actions.complete_condition(
                found,
                by=request.user,
                note=form.cleaned_data["note"],
                expected_version=form.cleaned_data["version"],
            ),
        )
    except StaleObject as error:
        form.add_error(None, str(error))
        return REFUSED

"""What the gate asks of the system itself: its facts, its people, its models, and that nobody stopped it."""

from apps.registry.models import PHASE_ORDER, Phase
from apps.registry.roles import Role

from .requirements import Finding, Question, met, open_suspension, requirement, unmet, versions_in_use


def _edit(ask: Question, anchor: str) -> str:
    return f"/systems/{ask.system.slug}/edit/#id_{anchor}"


@requirement("gates.not_suspended", title="Not suspended", owner=Role.GOVERNANCE_APPROVER)
def not_suspended(ask: Question) -> Finding:
    suspension = open_suspension(ask.system, ask.cache)
    if suspension is None:
        return met("Nobody has suspended it.")
    return unmet(
        f"Suspended since {suspension.suspended_at:%-d %B %Y} by {suspension.suspended_by}: {suspension.reason} "
        "A signed resumption opens its gates again.",
        link=f"/systems/{ask.system.slug}/resume/",
    )


@requirement("registry.phase_order", title="Comes from the phase before", owner=Role.OWNER)
def phase_order(ask: Question, **params: list[str]) -> Finding:
    allowed = params["from"]
    if ask.system.phase in allowed:
        return met(f"It is in {ask.system.get_phase_display()}.")
    before = [Phase(p) for p in PHASE_ORDER if p in allowed and PHASE_ORDER.index(p) < PHASE_ORDER.index(ask.phase)]
    step = before[-1].label if before else "another phase"
    return unmet(
        f"It is in {ask.system.get_phase_display()}. It has to pass {step} first.",
        link=f"/systems/{ask.system.slug}/gates/{before[-1] if before else ask.phase}/",
    )


@requirement("registry.owner_named", title="An owner is named", owner=Role.OWNER)
def owner_named(ask: Question) -> Finding:
    if owner := ask.people.holders(Role.OWNER):
        return met(f"{owner[0][0]} owns it.")
    return unmet("Nobody owns it.", link=f"/systems/{ask.system.slug}/people/")


@requirement("registry.purpose_stated", title="The purpose is stated", owner=Role.OWNER)
def purpose_stated(ask: Question) -> Finding:
    if ask.system.purpose.strip():
        return met("What it does and for whom is written down.")
    return unmet("Nothing says what it is for.", link=_edit(ask, "purpose"))


@requirement("registry.fallback_named", title="A fallback is named", owner=Role.OWNER)
def fallback_named(ask: Question) -> Finding:
    if ask.system.fallback.strip():
        return met("What people do without it is written down.")
    return unmet("Nothing says what people do when it is switched off.", link=_edit(ask, "fallback"))


@requirement("registry.affected_people_stated", title="The people affected are named", owner=Role.OWNER)
def affected_people_stated(ask: Question) -> Finding:
    if ask.system.affected_people.strip():
        return met("Who is affected, and how, is written down.")
    return unmet("Nothing says whom its results affect.", link=_edit(ask, "affected_people"))


@requirement("registry.tier_confirmed", title="The risk tier is set", owner=Role.RISK_OWNER)
def tier_confirmed(ask: Question) -> Finding:
    if ask.system.tier:
        return met(f"Tier {ask.system.tier}.")
    return unmet(
        "No risk tier is set, so the strictest rules (tier 1) apply.", link=f"/systems/{ask.system.slug}/tier/"
    )


@requirement("registry.model_version_named", title="A model version with its digest is named", owner=Role.CONTRIBUTOR)
def model_version_named(ask: Question) -> Finding:
    link = f"/systems/{ask.system.slug}/models/"
    if ask.version is not None:
        if ask.version.artefact_digest:
            return met(f"{ask.version} carries the digest of its artefact.")
        return unmet(f"{ask.version} has no artefact digest.", link=link)
    uses = versions_in_use(ask)
    if not uses:
        return unmet("No model version is named, so nobody can tell what would go live.", link=link)
    if bare := [version for version in uses if not version.artefact_digest]:
        return unmet(f"Without an artefact digest: {', '.join(map(str, bare))}.", link=link)
    return met(f"In use: {', '.join(map(str, uses))}.")


@requirement("registry.retirement_plan", title="Why it ends and what happens to its data", owner=Role.OWNER)
def retirement_plan(ask: Question) -> Finding:
    lacking = [
        (field, words)
        for field, words in (("retirement_reason", "why it is retired"), ("data_plan", "what happens to its data"))
        if not getattr(ask.system, field).strip()
    ]
    if not lacking:
        return met("The reason and the data plan are written down.")
    return unmet(f"Nothing says {' or '.join(words for _, words in lacking)}.", link=_edit(ask, lacking[0][0]))

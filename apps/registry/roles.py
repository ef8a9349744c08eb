"""Roles on a system and what each may do. Roles are bundles of the object permissions declared on AISystem."""

from django.db import models

from apps.accounts.models import OrgRole


class Role(models.TextChoices):
    VIEWER = "viewer", "Viewer"
    CONTRIBUTOR = "contributor", "Contributor"
    OWNER = "owner", "Owner"
    TECHNICAL_APPROVER = "technical_approver", "Technical approver"
    OPERATIONAL_APPROVER = "operational_approver", "Operational approver"
    BUSINESS_APPROVER = "business_approver", "Business approver"
    GOVERNANCE_APPROVER = "governance_approver", "Governance approver"
    RISK_OWNER = "risk_owner", "Risk owner"
    KPI_OWNER = "kpi_owner", "KPI owner"
    AUDITOR = "auditor", "Auditor"


class Perm(models.TextChoices):
    """Object permissions on a system, by codename."""

    VIEW = "view_aisystem", "See the system and everything that belongs to it"
    CHANGE = "change_aisystem", "Change its facts"
    CONTRIBUTE = "contribute", "Answer items, supply evidence, register model versions"
    VERIFY = "verify", "Verify or reject what others answered"
    SIGN_TECHNICAL = "sign_technical", "Sign the technical section"
    SIGN_OPERATIONAL = "sign_operational", "Sign the operational section"
    SIGN_BUSINESS = "sign_business", "Sign the business section"
    SIGN_GOVERNANCE = "sign_governance", "Sign the governance section"
    MANAGE_PEOPLE = "manage_people", "Give and withdraw roles"
    ENTER_PHASE = "enter_phase", "Move it to another phase"
    SET_TIER = "set_tier", "Set its risk tier"
    APPROVE_WAIVER = "approve_waiver", "Approve waivers"
    ACCEPT_RISK = "accept_risk", "Accept risks"
    MANAGE_KPIS = "manage_kpis", "Define KPIs and enter measurements"
    SUSPEND = "suspend", "Suspend it"
    RESUME = "resume", "Sign its resumption"


_EVERYBODY = {Perm.VIEW, Perm.SUSPEND}
_APPROVER = _EVERYBODY | {Perm.VERIFY}

BUNDLES: dict[str, frozenset[str]] = {
    Role.VIEWER: frozenset(_EVERYBODY),
    Role.CONTRIBUTOR: frozenset(_EVERYBODY | {Perm.CONTRIBUTE, Perm.VERIFY}),
    Role.OWNER: frozenset(
        _EVERYBODY | {Perm.CHANGE, Perm.CONTRIBUTE, Perm.VERIFY, Perm.MANAGE_PEOPLE, Perm.ENTER_PHASE}
    ),
    Role.TECHNICAL_APPROVER: frozenset(_APPROVER | {Perm.SIGN_TECHNICAL}),
    Role.OPERATIONAL_APPROVER: frozenset(_APPROVER | {Perm.SIGN_OPERATIONAL}),
    Role.BUSINESS_APPROVER: frozenset(_APPROVER | {Perm.SIGN_BUSINESS}),
    Role.GOVERNANCE_APPROVER: frozenset(_APPROVER | {Perm.SIGN_GOVERNANCE, Perm.APPROVE_WAIVER, Perm.RESUME}),
    Role.RISK_OWNER: frozenset(_APPROVER | {Perm.SET_TIER, Perm.ACCEPT_RISK}),
    Role.KPI_OWNER: frozenset(_APPROVER | {Perm.MANAGE_KPIS}),
    Role.AUDITOR: frozenset(_EVERYBODY),
}

ORG_BUNDLES: dict[str, frozenset[str]] = {
    OrgRole.GOVERNANCE_OFFICE: frozenset(
        {
            Perm.VIEW,
            Perm.CHANGE,
            Perm.MANAGE_PEOPLE,
            Perm.ENTER_PHASE,
            Perm.SET_TIER,
            Perm.APPROVE_WAIVER,
            Perm.SUSPEND,
            Perm.RESUME,
        }
    ),
    OrgRole.AUDITOR: frozenset({Perm.VIEW}),
    OrgRole.ADMIN: frozenset({Perm.VIEW, Perm.MANAGE_PEOPLE}),
}

# Nobody gives one of these to themselves.
SIGNING_ROLES = frozenset(
    {
        Role.TECHNICAL_APPROVER,
        Role.OPERATIONAL_APPROVER,
        Role.BUSINESS_APPROVER,
        Role.GOVERNANCE_APPROVER,
        Role.RISK_OWNER,
    }
)
# The people who build and run it; on tier 1 somebody else verifies.
DELIVERY_ROLES = frozenset({Role.OWNER, Role.CONTRIBUTOR})
SIGN_PERM = {
    "technical": Perm.SIGN_TECHNICAL,
    "operational": Perm.SIGN_OPERATIONAL,
    "business": Perm.SIGN_BUSINESS,
    "governance": Perm.SIGN_GOVERNANCE,
}
ROLE_OF_SECTION = {
    "technical": Role.TECHNICAL_APPROVER,
    "operational": Role.OPERATIONAL_APPROVER,
    "business": Role.BUSINESS_APPROVER,
    "governance": Role.GOVERNANCE_APPROVER,
}

"""My work: everything that awaits one person, from every room, most blocking first."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import F, Q
from django.utils import timezone
from django.utils.text import Truncator

from apps.accounts.models import OrgRole
from apps.core.work import RANK_ANSWER, WorkItem
from apps.gates.evaluation import policy_in_force
from apps.gates.models import Suspension, Waiver
from apps.readiness.work import work_for
from apps.registry.models import LIVE_PHASES, AISystem, Deputyship, Phase, RoleAssignment
from apps.registry.querysets import system_ids_of
from apps.registry.roles import Role

from .systems import BLOCKED, COUNTED_UP_TO, READY, UNOWNED, counted, listed, rows_of

SOON = timedelta(days=14)
# A person with hundreds of systems sees the first of each kind and a line that leads to the rest.
OF_EACH_KIND = 20
MINE_SHOWN = 12

ANYBODY = "anybody"

RANK_AT_RISK = 5
RANK_RESUME = 12
RANK_WAIVER = 15
RANK_GATE_CLOSED = 25
RANK_TIER = 45
RANK_MOVE = 55
RANK_NO_OWNER = 58
RANK_NEXT_GATE = 70
RANK_DEPUTY = 80


@dataclass(frozen=True)
class Look:
    """The word on the button, and how the line is drawn."""

    action: str
    icon: str
    tone: str = "todo"


LOOKS = {
    "at_risk": Look("Put it right", "alert-triangle", "blocked"),
    "resume": Look("Read and decide", "player-play", "blocked"),
    "sign": Look("Read and sign", "signature", "blocked"),
    "waiver": Look("Decide", "gavel", "blocked"),
    "verify": Look("Verify", "user-check", "review"),
    "gate_closed": Look("See what is missing", "lock", "blocked"),
    "rejected": Look("Correct", "rotate", "warn"),
    "answer": Look("Answer", "pencil"),
    "tier": Look("Set the tier", "scale"),
    "condition": Look("Open", "clipboard-check", "warn"),
    "move": Look("Move it", "lock-open", "met"),
    "no_owner": Look("Name owners", "user-plus", "warn"),
    "expiring": Look("Renew", "clock-exclamation", "warn"),
    "next_gate": Look("See what is missing", "lock"),
    "deputy": Look("Open", "users", "review"),
}
OTHER = Look("Open", "circle-dashed")


@dataclass(frozen=True)
class Task:
    """A line of "my work": a work item with the button it has on the page."""

    item: WorkItem
    look: Look

    @property
    def title(self) -> str:
        return self.item.title

    @property
    def why(self) -> str:
        return self.item.why

    @property
    def system(self) -> Any:
        return self.item.system

    @property
    def url(self) -> str:
        return self.item.url

    @property
    def due(self) -> date | None:
        return self.item.due

    @property
    def action(self) -> str:
        return self.look.action

    @property
    def icon(self) -> str:
        return self.look.icon

    @property
    def tone(self) -> str:
        return self.look.tone

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.item.kind,
            "title": self.title,
            "why": self.why,
            "system": self.system.slug if self.system is not None else None,
            "system_name": self.system.name if self.system is not None else None,
            "url": self.url,
            "action": self.action,
            "due": self.due,
            "group": group_of(self.item),
        }


GROUPS = [("blocking", "Blocking now"), ("soon", "Due soon"), ("whenever", "Whenever you can")]


def group_of(item: WorkItem) -> str:
    """``blocking``: overdue, or others wait for it. ``soon``: due within two weeks. ``whenever``: the rest."""
    today = timezone.localdate()
    if (item.due is not None and item.due < today) or item.rank < RANK_ANSWER:
        return "blocking"
    return "soon" if item.due is not None and item.due <= today + SOON else "whenever"


def work_of(user: Any) -> list[Task]:
    """All that awaits ``user``, most blocking first; a fixed number of queries however much it is."""
    if not user.is_active:
        return []
    items, roles = [*work_for(user)], roles_anywhere(user)
    for role, source in SOURCES:
        if role in roles:
            items += source(user)
    order = [key for key, _ in GROUPS]
    items.sort(key=lambda item: (order.index(group_of(item)), item.rank, item.due or date.max, item.title))
    return [Task(item, LOOKS.get(item.kind, OTHER)) for item in items]


def grouped(tasks: list[Task], *, limit: int | None = None) -> list[dict[str, Any]]:
    """The same by group, at most ``limit`` of each; groups without work are left out."""
    by_group: dict[str, list[Task]] = {}
    for task in tasks:
        by_group.setdefault(group_of(task.item), []).append(task)
    return [
        {"key": key, "label": label, "tasks": by_group[key][:limit], "count": len(by_group[key])}
        for key, label in GROUPS
        if key in by_group
    ]


def my_systems(user: Any) -> tuple[list[dict[str, Any]], bool]:
    """The systems ``user`` has a role on, those that need most first; and whether there are more."""
    keys = (
        AISystem.objects.visible_to(user)
        .filter(pk__in=system_ids_of(user))
        .exclude(phase=Phase.RETIRED)
        .order_by(F("status__at_risk_since").asc(nulls_last=True), "-status__suspended", "name", "pk")
        .values_list("pk", flat=True)[: MINE_SHOWN + 1]
    )
    found = list(keys)
    return rows_of(found[:MINE_SHOWN]), len(found) > MINE_SHOWN


# --- What the gates and the register want of a person -----------------------------------------------------------------


def roles_anywhere(user: Any) -> set[str]:
    """The roles ``user`` holds on any system, by a team or as a deputy too; the office does what approvers do."""
    own = RoleAssignment.objects.filter(user=user).order_by().values_list("role", flat=True)
    by_team = RoleAssignment.objects.filter(team__group__user=user).order_by().values_list("role", flat=True)
    standing_in = Deputyship.objects.running().filter(deputy=user).values_list("role", flat=True)
    roles = {ANYBODY, *own.union(by_team, standing_in)}
    if _in_office(user):
        roles |= {OrgRole.GOVERNANCE_OFFICE, Role.GOVERNANCE_APPROVER}
    return roles


def _in_office(user: Any) -> bool:
    return OrgRole.GOVERNANCE_OFFICE in user.org_roles


def _where_approver(user: Any) -> Q:
    """Systems on which ``user`` decides waivers and signs resumptions."""
    if _in_office(user):
        return Q()
    return Q(system__in=system_ids_of(user, [Role.GOVERNANCE_APPROVER]))


def _waivers(user: Any) -> list[WorkItem]:
    rows = (
        Waiver.objects.filter(_where_approver(user), status=Waiver.Status.REQUESTED)
        .exclude(requested_by=user)
        .select_related("system", "requested_by")
        .order_by("requested_at", "pk")[:OF_EACH_KIND]
    )
    return [
        WorkItem(
            kind="waiver",
            title=f"Waiver of “{row.title}”",
            why=f"{row.requested_by} asks for it until {row.expires_on:%-d %B %Y}",
            system=row.system,
            url=f"/waivers/{row.uid}/",
            rank=RANK_WAIVER,
        )
        for row in rows
    ]


def _suspensions(user: Any) -> list[WorkItem]:
    rows = (
        Suspension.objects.filter(_where_approver(user), resumption=None)
        .exclude(system__in=system_ids_of(user, [Role.OWNER]))
        .select_related("system", "suspended_by")
        .order_by("suspended_at", "pk")[:OF_EACH_KIND]
    )
    return [
        WorkItem(
            kind="resume",
            title="Suspended: may it go on?",
            why=f"{row.suspended_by} stopped it on {row.suspended_at:%-d %B %Y}: {Truncator(row.reason).chars(140)}",
            system=row.system,
            url=f"/systems/{row.system.slug}/resume/",
            rank=RANK_RESUME,
        )
        for row in rows
    ]


def _my_gates(user: Any) -> list[WorkItem]:
    """The gates of the systems I own: at risk, closed behind me, open or closed ahead."""
    rows = list(
        AISystem.objects.filter(pk__in=system_ids_of(user, [Role.OWNER]))
        .exclude(status=None)
        .filter(Q(status__holds=False) | READY | BLOCKED)
        .select_related("status")
        .order_by("status__holds", "-status__next_granted", "status__missing", "name", "pk")[: OF_EACH_KIND + 1]
    )
    clock = 0 if all(system.status.holds for system in rows) else clock_days()
    items = [_gate_item(system, clock) for system in rows[:OF_EACH_KIND]]
    if len(rows) > OF_EACH_KIND:
        items.append(
            WorkItem(
                kind="next_gate",
                title="More of your systems wait at a gate",
                why="The list shows all of them",
                system=None,
                url="/systems/?owner=me&state=blocked&sort=missing",
                rank=RANK_NEXT_GATE + 1,
            )
        )
    return items


def _gate_item(system: AISystem, clock: int) -> WorkItem:
    status, phase = system.status, system.get_phase_display()
    gate = f"/systems/{system.slug}/gates/"
    common: dict[str, Any] = {"system": system}
    if not status.holds and system.phase in LIVE_PHASES:
        since = status.at_risk_since or status.evaluated_at
        return WorkItem(
            kind="at_risk",
            title=f"At risk: it no longer meets what {phase} asks for",
            why=f"Since {since:%-d %B %Y}. Nothing is switched off by itself",
            url=f"{gate}{system.phase}/",
            rank=RANK_AT_RISK,
            due=timezone.localdate(since) + timedelta(days=clock),
            **common,
        )
    if not status.holds:
        return WorkItem(
            kind="gate_closed",
            title=f"It no longer meets what {phase} asks for",
            why="You own it, and what it was let in with is not there any more",
            url=f"{gate}{system.phase}/",
            rank=RANK_GATE_CLOSED,
            **common,
        )
    if status.next_granted:
        return WorkItem(
            kind="move",
            title=status.sentence,
            why="You own it",
            url=system.get_absolute_url(),
            rank=RANK_MOVE,
            **common,
        )
    return WorkItem(
        kind="next_gate",
        title=status.sentence,
        why="You own it",
        url=f"{gate}{status.next_phase}/",
        rank=RANK_NEXT_GATE,
        **common,
    )


def clock_days() -> int:
    """How many days there are to put a live system right whose gate has closed."""
    return int(policy_in_force().body.get("at_risk_clock_days", 14))


def _tiers(user: Any) -> list[WorkItem]:
    rows = list(
        AISystem.objects.filter(pk__in=system_ids_of(user, [Role.RISK_OWNER]), tier=None)
        .exclude(phase=Phase.RETIRED)
        .order_by("name", "pk")[: OF_EACH_KIND + 1]
    )
    if len(rows) > OF_EACH_KIND:
        return [
            WorkItem(
                kind="tier",
                title="Many systems have no risk tier",
                why="You are risk owner; until it is set the strictest rules apply",
                system=None,
                url="/systems/?owner=role&tier=none",
                rank=RANK_TIER,
            )
        ]
    return [
        WorkItem(
            kind="tier",
            title="No risk tier is set",
            why="You are risk owner; until it is set the strictest rules apply",
            system=system,
            url=f"/systems/{system.slug}/tier/",
            rank=RANK_TIER,
        )
        for system in rows
    ]


def _without_owner(user: Any) -> list[WorkItem]:
    rows = listed(user).filter(UNOWNED)
    count = counted(rows)
    if count == 0:
        return []
    many = f"More than {COUNTED_UP_TO:,} systems have" if count is None else f"{count:,} systems have"
    return [
        WorkItem(
            kind="no_owner",
            title="1 system has no owner" if count == 1 else f"{many} no owner",
            why="What nobody owns falls to the governance office",
            system=None,
            url="/people/bulk-roles/?without=owner",
            rank=RANK_NO_OWNER,
        )
    ]


def _deputyships(user: Any) -> list[WorkItem]:
    rows = (
        Deputyship.objects.running()
        .filter(Q(deputy=user) | Q(principal=user))
        .select_related("system", "deputy", "principal")
        .order_by("ends_at", "pk")[:OF_EACH_KIND]
    )
    return [
        WorkItem(
            kind="deputy",
            title=(
                f"You stand in for {row.principal} as {row.get_role_display().lower()}"
                if row.deputy_id == user.pk
                else f"{row.deputy} stands in for you as {row.get_role_display().lower()}"
            ),
            why=f"Until {timezone.localtime(row.ends_at):%-d %B %Y}",
            system=row.system,
            url=f"/systems/{row.system.slug}/people/",
            rank=RANK_DEPUTY,
        )
        for row in rows
    ]


# Which role, held anywhere, lets a person have work of a kind; where they hold none, nothing is asked.
SOURCES: list[tuple[str, Callable[[Any], list[WorkItem]]]] = [
    (Role.GOVERNANCE_APPROVER, _suspensions),
    (Role.GOVERNANCE_APPROVER, _waivers),
    (Role.OWNER, _my_gates),
    (Role.RISK_OWNER, _tiers),
    (OrgRole.GOVERNANCE_OFFICE, _without_owner),
    (ANYBODY, _deputyships),
]

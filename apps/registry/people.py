"""Who holds a role on a system, and who owes what nobody was named for."""

from dataclasses import dataclass
from typing import Any

from apps.accounts.models import OrgRole, User

from .models import AISystem, Deputyship, RoleAssignment
from .roles import DELIVERY_ROLES, Role

_HOLDER = (
    "pk",
    "role",
    "user",
    "user__full_name",
    "user__username",
    "user__is_active",
    "team__name",
    "team__group__user",
    "team__group__user__is_active",
)


@dataclass(frozen=True)
class Owed:
    """Who owes something: names for people, user ids for lists and mail, and a note where it fell to somebody else."""

    role: str
    label: str
    names: tuple[str, ...]
    user_ids: tuple[int, ...]
    note: str = ""

    def __str__(self) -> str:
        who = ", ".join(self.names) or "nobody yet"
        return f"{self.label}: {who}" + (f" ({self.note})" if self.note else "")

    def as_json(self) -> dict[str, Any]:
        return {"role": self.role, "label": self.label, "names": list(self.names), "note": self.note}


class People:
    """The role holders of one system, read with one query per kind and asked many times."""

    def __init__(self, system: AISystem) -> None:
        self.system = system
        self._by_role: dict[str, list[tuple[str, tuple[int, ...]]]] | None = None
        self._office: list[tuple[int, str]] | None = None

    def _load(self) -> dict[str, list[tuple[str, tuple[int, ...]]]]:
        if self._by_role is None:
            members: dict[tuple[int, str, str], list[int]] = {}
            # Plain values, one row for each member of a team: this is asked on every page and by every action.
            for pk, role, user, name, username, is_active, team, member, member_is_active in (
                RoleAssignment.objects.filter(system=self.system)
                .order_by("pk", "team__group__user")
                .values_list(*_HOLDER)
            ):
                if user is not None and is_active:
                    members[pk, role, name or username] = [user]
                elif member is not None and member_is_active:
                    members.setdefault((pk, role, team), []).append(member)
            self._by_role = {}
            for (_, role, name), ids in members.items():
                self._by_role.setdefault(role, []).append((name, tuple(ids)))
        return self._by_role

    def holders(self, role: str) -> list[tuple[str, tuple[int, ...]]]:
        """Names (of people or teams) with the user ids behind them; the inactive do not count."""
        return self._load().get(role, [])

    def office(self) -> list[tuple[int, str]]:
        if self._office is None:
            self._office = list(
                User.objects.filter(is_active=True, organisation_roles__role=OrgRole.GOVERNANCE_OFFICE)
                .order_by("full_name", "pk")
                .values_list("pk", "full_name")
            )
        return self._office

    def who_owes(self, role: str) -> Owed:
        """
        The holders of ``role``; where nobody holds it the owner, and without an owner the governance office.

        ``role`` may be ``governance_office`` itself.
        """
        if role == OrgRole.GOVERNANCE_OFFICE:
            return self._office_owes("")
        label = str(Role(role).label)
        if found := self.holders(role):
            return _owed(role, label, found)
        if role != Role.OWNER and (owner := self.holders(Role.OWNER)):
            return _owed(Role.OWNER, "Owner", owner, f"nobody is {label.lower()} yet: name somebody")
        return self._office_owes(
            f"nobody is {label.lower()} yet" if role == Role.OWNER else f"no {label.lower()}, no owner"
        )

    def _office_owes(self, note: str) -> Owed:
        office = self.office()
        return Owed(
            role=OrgRole.GOVERNANCE_OFFICE,
            label="Governance office",
            names=tuple(name for _, name in office),
            user_ids=tuple(pk for pk, _ in office),
            note=note,
        )


def _holder(row: RoleAssignment) -> tuple[str, tuple[int, ...]] | None:
    """Name and user ids behind an assignment; none where nobody active is."""
    if row.user is not None:
        return (row.user.get_full_name(), (row.user.pk,)) if row.user.is_active else None
    assert row.team is not None  # noqa: S101 - a constraint: a role is held by a person or a team
    ids = tuple(user.pk for user in row.team.group.user_set.all() if user.is_active)
    return (row.team.name, ids) if ids else None


def _owed(role: str, label: str, found: list[tuple[str, tuple[int, ...]]], note: str = "") -> Owed:
    return Owed(
        role=role,
        label=label,
        names=tuple(name for name, _ in found),
        user_ids=tuple(dict.fromkeys(pk for _, ids in found for pk in ids)),
        note=note,
    )


def roles_of(user: Any, system: AISystem, *, with_deputyships: bool = True) -> set[str]:
    """The roles ``user`` holds on ``system``: own, by team, and as a deputy."""
    roles = set(RoleAssignment.objects.held_by(user).filter(system=system).values_list("role", flat=True))
    if with_deputyships:
        roles |= set(Deputyship.objects.running().filter(deputy=user, system=system).values_list("role", flat=True))
    return roles


def is_in_delivery(user: Any, system: AISystem) -> bool:
    """Whether this person builds or runs the system."""
    return bool(roles_of(user, system) & DELIVERY_ROLES)

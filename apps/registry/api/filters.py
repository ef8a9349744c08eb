from typing import Any

import django_filters
from django.db.models import QuerySet

from ..models import AISystem, BusinessFunction, Phase
from ..roles import Role


class SystemFilter(django_filters.FilterSet):
    """Which systems a list is about."""

    q = django_filters.CharFilter(method="search", label="Words in name, purpose, unit or address", max_length=200)
    phase = django_filters.MultipleChoiceFilter(choices=Phase.choices, label="Phase; repeat it for several")
    tier = django_filters.ChoiceFilter(
        choices=[("1", "Tier 1"), ("2", "Tier 2"), ("3", "Tier 3")], null_value="none", null_label="Not assessed"
    )
    function = django_filters.ChoiceFilter(field_name="business_function", choices=BusinessFunction.choices)
    unit = django_filters.CharFilter(lookup_expr="icontains", max_length=300)
    owner = django_filters.CharFilter(method="owned_by", label="Username of the owner")
    at_risk = django_filters.BooleanFilter(
        field_name="status__at_risk_since", lookup_expr="isnull", exclude=True, label="The gate of its phase is closed"
    )
    blocked = django_filters.BooleanFilter(method="is_blocked", label="The gate ahead is closed")
    no_owner = django_filters.BooleanFilter(method="has_no_owner", label="Nobody owns it")

    class Meta:
        model = AISystem
        fields: list[str] = []

    def search(self, systems: Any, name: str, value: str) -> QuerySet[AISystem]:
        return systems.matching(value)

    def owned_by(self, systems: Any, name: str, value: str) -> QuerySet[AISystem]:
        return systems.filter(assignments__role=Role.OWNER, assignments__user__username=value)

    def is_blocked(self, systems: Any, name: str, value: bool) -> QuerySet[AISystem]:
        closed = {"status__next_granted": False, "status__missing__gt": 0}
        return systems.filter(**closed) if value else systems.exclude(**closed)

    def has_no_owner(self, systems: Any, name: str, value: bool) -> QuerySet[AISystem]:
        return (
            systems.lacking(Role.OWNER) if value else systems.exclude(pk__in=systems.lacking(Role.OWNER).values("pk"))
        )

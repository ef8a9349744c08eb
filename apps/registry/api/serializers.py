from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from apps.accounts.models import Team, User

from ..models import AISystem, BusinessFunction, Deputyship, ModelVersion, Phase, RegisteredModel, RoleAssignment
from ..models import VersionUse as Use
from ..roles import Role
from ..rosters import state_of_deputyship

FACTS = [
    "name",
    "purpose",
    "business_function",
    "unit",
    "affected_people",
    "intended_users",
    "fallback",
    "retirement_reason",
    "data_plan",
    "started_on",
]


class Strict:
    """Refuses fields it does not know: whoever sends ``phase`` here should hear that it does nothing."""

    fields: Any

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := set(data) - set(self.fields)):
            raise serializers.ValidationError({name: ["This cannot be set here."] for name in sorted(unknown)})
        return super().to_internal_value(data)


class StrictSerializer(Strict, serializers.Serializer):
    pass


class HolderSerializer(serializers.Serializer):
    username = serializers.CharField()
    name = serializers.CharField(source="get_full_name")


class ActivePerson(serializers.SlugRelatedField):
    """An active person by their username."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(slug_field="username", queryset=User.objects.filter(is_active=True), **kwargs)


# --- Systems ---------------------------------------------------------------------------------------------------------


class GateStateSerializer(serializers.Serializer):
    """What the gate says about the system in a nutshell; ask the gate itself for the reasons."""

    next_phase = serializers.CharField(allow_blank=True)
    granted = serializers.BooleanField()
    missing = serializers.IntegerField()
    met = serializers.IntegerField()
    required = serializers.IntegerField()
    holds = serializers.BooleanField()
    at_risk_since = serializers.DateTimeField(allow_null=True)
    suspended = serializers.BooleanField()
    sentence = serializers.CharField()


class OwnerSerializer(serializers.Serializer):
    username = serializers.CharField()
    name = serializers.CharField()


class SystemRowSerializer(serializers.Serializer):
    """One line of the list of systems."""

    uid = serializers.UUIDField()
    slug = serializers.SlugField()
    name = serializers.CharField()
    business_function = serializers.ChoiceField(choices=BusinessFunction.choices, allow_blank=True)
    unit = serializers.CharField()
    phase = serializers.ChoiceField(choices=Phase.choices)
    tier = serializers.IntegerField(allow_null=True, help_text="1 is the strictest; null counts as 1.")
    owner = OwnerSerializer(allow_null=True)
    gate = GateStateSerializer(allow_null=True)
    version = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class SystemSerializer(SystemRowSerializer):
    """One system with all its facts."""

    purpose = serializers.CharField()
    affected_people = serializers.CharField()
    intended_users = serializers.CharField()
    fallback = serializers.CharField()
    retirement_reason = serializers.CharField()
    data_plan = serializers.CharField()
    started_on = serializers.DateField(allow_null=True)
    tier_reason = serializers.CharField()
    permissions = serializers.ListField(child=serializers.CharField(), help_text="What you may do here.")
    url = serializers.URLField(help_text="Its page.")


class SystemChangeSerializer(Strict, serializers.ModelSerializer):
    class Meta:
        model = AISystem
        fields = FACTS


class SystemRegisterSerializer(SystemChangeSerializer):
    phase = serializers.ChoiceField(
        choices=Phase.choices, required=False, help_text="Beyond idea only for the governance office."
    )
    owner = ActivePerson(required=False, help_text="Username; you, if left out.")

    class Meta(SystemChangeSerializer.Meta):
        fields = [*FACTS, "phase", "owner"]


class TierSerializer(StrictSerializer):
    tier = serializers.IntegerField(allow_null=True, min_value=1, max_value=3)
    reason = serializers.CharField()


class LikenessSerializer(serializers.Serializer):
    slug = serializers.CharField(source="system.slug")
    name = serializers.CharField(source="system.name")
    phase = serializers.CharField(source="system.phase")
    unit = serializers.CharField(source="system.unit")
    score = serializers.IntegerField(help_text="0 to 100")
    words = serializers.CharField()


# --- People ----------------------------------------------------------------------------------------------------------


class RoleSerializer(serializers.ModelSerializer):
    user = HolderSerializer(allow_null=True)
    team: serializers.SlugRelatedField = serializers.SlugRelatedField(
        slug_field="name", read_only=True, allow_null=True
    )
    granted_by = HolderSerializer()

    class Meta:
        model = RoleAssignment
        fields = ["id", "role", "user", "team", "granted_by", "granted_at", "reason"]


class RoleGrantSerializer(StrictSerializer):
    role = serializers.ChoiceField(choices=Role.choices)
    user = ActivePerson(required=False, allow_null=True)
    team: serializers.SlugRelatedField = serializers.SlugRelatedField(
        slug_field="name", queryset=Team.objects.all(), required=False, allow_null=True
    )
    reason = serializers.CharField(required=False, allow_blank=True, default="")


class OwnerChangeSerializer(StrictSerializer):
    user = ActivePerson()
    reason = serializers.CharField()


class DeputyshipSerializer(serializers.ModelSerializer):
    principal = HolderSerializer()
    deputy = HolderSerializer()
    granted_by = HolderSerializer()
    state = serializers.SerializerMethodField()

    class Meta:
        model = Deputyship
        fields = [
            "id",
            "role",
            "principal",
            "deputy",
            "starts_at",
            "ends_at",
            "state",
            "reason",
            "granted_by",
            "granted_at",
            "ended_at",
        ]

    def get_state(self, row: Deputyship) -> str:
        return state_of_deputyship(row, self.context.get("at"))


class DeputyAppointSerializer(StrictSerializer):
    role = serializers.ChoiceField(choices=Role.choices)
    principal = ActivePerson()
    deputy = ActivePerson()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    reason = serializers.CharField()


# --- Models ----------------------------------------------------------------------------------------------------------


class ModelSerializer(serializers.ModelSerializer):
    system: serializers.SlugRelatedField = serializers.SlugRelatedField(slug_field="slug", read_only=True)

    class Meta:
        model = RegisteredModel
        fields = ["name", "system", "description", "created_at"]


class ModelRegisterSerializer(StrictSerializer):
    name = serializers.CharField(max_length=256)
    description = serializers.CharField(required=False, allow_blank=True, default="")


class VersionSerializer(serializers.ModelSerializer):
    model: serializers.SlugRelatedField = serializers.SlugRelatedField(slug_field="name", read_only=True)
    registered_by = HolderSerializer()

    class Meta:
        model = ModelVersion
        fields = [
            "id",
            "model",
            "number",
            "artefact_digest",
            "source",
            "description",
            "version",
            "registered_by",
            "registered_at",
        ]


class VersionRegisterSerializer(StrictSerializer):
    artefact_digest = serializers.CharField(
        required=False, allow_blank=True, max_length=200, help_text="SHA-256, with or without sha256: before it."
    )
    source = serializers.CharField(required=False, allow_blank=True, max_length=1000)
    description = serializers.CharField(required=False, allow_blank=True)


class VersionUseSerializer(serializers.ModelSerializer):
    model = serializers.CharField(source="model_version.model.name")
    number = serializers.IntegerField(source="model_version.number")
    artefact_digest = serializers.CharField(source="model_version.artefact_digest")

    class Meta:
        model = Use
        fields = ["id", "model", "number", "artefact_digest", "purpose", "created_at"]


class VersionUseRegisterSerializer(StrictSerializer):
    model = serializers.CharField(max_length=256)
    number = serializers.IntegerField(min_value=1)
    purpose = serializers.CharField(required=False, allow_blank=True, max_length=200, default="")

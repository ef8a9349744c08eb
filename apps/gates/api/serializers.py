from rest_framework import serializers

from apps.registry.models import Phase

from ..models import Decision, Suspension, Waiver


class AskSerializer(serializers.Serializer):
    """Which model version is asked about: by name (``model/number``) or by the digest of its artefact."""

    version = serializers.CharField(required=False, allow_blank=True, default="", max_length=300)
    digest = serializers.RegexField(r"^(sha256:)?[0-9a-fA-F]{64}$", required=False, allow_blank=True, default="")


class OwedSerializer(serializers.Serializer):
    role = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    names = serializers.ListField(child=serializers.CharField())
    note = serializers.CharField(allow_blank=True)


class ResultSerializer(serializers.Serializer):
    """One requirement of a gate: what it is, how it stands, who owes it, where to click."""

    key = serializers.CharField()
    title = serializers.CharField()
    status = serializers.ChoiceField(["met", "not_met", "waived", "not_applicable"])
    severity = serializers.ChoiceField(["blocking", "warning"])
    reason = serializers.CharField()
    owner = OwedSerializer()
    link = serializers.CharField()
    waivable = serializers.BooleanField()
    expires_at = serializers.DateTimeField(allow_null=True)


class PolicyNameSerializer(serializers.Serializer):
    key = serializers.CharField()
    version = serializers.CharField()
    sha256 = serializers.CharField()


class VersionNameSerializer(serializers.Serializer):
    model = serializers.CharField()
    version = serializers.IntegerField()
    digest = serializers.CharField(allow_null=True)


class AnswerSerializer(serializers.Serializer):
    """The gate's answer. ``granted`` is what a CI job looks at."""

    system = serializers.CharField()
    phase = serializers.ChoiceField(Phase.choices)
    granted = serializers.BooleanField()
    sentence = serializers.CharField()
    evaluated_for = serializers.DateTimeField()
    tier = serializers.IntegerField()
    model_version = VersionNameSerializer(allow_null=True)
    policy = PolicyNameSerializer()
    missing = serializers.IntegerField()
    results = ResultSerializer(many=True)
    url = serializers.CharField()


class DecisionAnswerSerializer(AnswerSerializer):
    """A recorded answer: the same, with its id, time and the digest of its canonical JSON."""

    uid = serializers.UUIDField()
    decided_at = serializers.DateTimeField()
    sha256 = serializers.CharField()


class DecisionRowSerializer(serializers.ModelSerializer):
    decided_by = serializers.CharField(source="decided_by.username")
    model_version = serializers.SerializerMethodField()

    class Meta:
        model = Decision
        fields = [
            "uid",
            "phase",
            "occasion",
            "granted",
            "sentence",
            "model_version",
            "decided_by",
            "decided_at",
            "sha256",
        ]

    def get_model_version(self, decision: Decision) -> str | None:
        return str(decision.model_version) if decision.model_version else None


class EnterPhaseSerializer(serializers.Serializer):
    phase = serializers.ChoiceField(Phase.choices)


class WaiverSerializer(serializers.ModelSerializer):
    system = serializers.CharField(source="system.slug", read_only=True)
    requested_by = serializers.CharField(source="requested_by.username", read_only=True)
    decided_by = serializers.CharField(source="decided_by.username", read_only=True, default=None)

    class Meta:
        model = Waiver
        fields = [
            "uid",
            "system",
            "phase",
            "requirement",
            "title",
            "reason",
            "compensating_control",
            "expires_on",
            "status",
            "requested_by",
            "requested_at",
            "decided_by",
            "decided_at",
            "decision_note",
        ]
        read_only_fields = ["uid", "title", "status", "requested_at", "decided_at", "decision_note"]


class WaiverDecisionSerializer(serializers.Serializer):
    approve = serializers.BooleanField()
    note = serializers.CharField(required=False, allow_blank=True, default="", max_length=5000)


class ReasonSerializer(serializers.Serializer):
    reason = serializers.CharField(max_length=5000)


class SuspensionSerializer(serializers.ModelSerializer):
    suspended_by = serializers.CharField(source="suspended_by.username", read_only=True)
    resumed_at = serializers.DateTimeField(source="resumption.signed_at", read_only=True, default=None)
    resumed_by = serializers.CharField(source="resumption.signer_name", read_only=True, default=None)

    class Meta:
        model = Suspension
        fields = ["reason", "suspended_by", "suspended_at", "resumed_at", "resumed_by"]
        read_only_fields = ["suspended_at"]

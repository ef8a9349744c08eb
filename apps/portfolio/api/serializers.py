from rest_framework import serializers

from apps.registry.models import Phase

from ..exports import FORMATS
from ..forms import OWNERS, SOURCES, STATES, TIERS
from ..systems import SORTS


class LineSerializer(serializers.Serializer):
    """The numbers of one phase, business function or tier."""

    key = serializers.CharField(allow_blank=True)
    label = serializers.CharField()
    total = serializers.IntegerField()
    blocked = serializers.IntegerField(help_text="Their next gate is closed.")
    ready = serializers.IntegerField(help_text="Their next gate is open.")
    at_risk = serializers.IntegerField(help_text="Live, but no longer meet what their phase asks for.")
    suspended = serializers.IntegerField()
    unowned = serializers.IntegerField()


class ScaleRateSerializer(serializers.Serializer):
    """Of the systems that ever began a pilot, those that reached full production."""

    began = serializers.IntegerField()
    reached = serializers.IntegerField()
    under_way = serializers.IntegerField()
    percent = serializers.IntegerField(allow_null=True)


class SummarySerializer(serializers.Serializer):
    """The portfolio in numbers, over the systems you may see."""

    all = LineSerializer()
    phases = LineSerializer(many=True)
    functions = LineSerializer(many=True)
    tiers = LineSerializer(many=True)
    scale_rate = ScaleRateSerializer()


class TaskSerializer(serializers.Serializer):
    """One thing that waits for you, and where to do it."""

    kind = serializers.CharField()
    title = serializers.CharField()
    why = serializers.CharField()
    system = serializers.CharField(allow_null=True)
    system_name = serializers.CharField(allow_null=True)
    url = serializers.CharField()
    action = serializers.CharField()
    due = serializers.DateField(allow_null=True)
    group = serializers.ChoiceField(["blocking", "soon", "whenever"])


class WorkSerializer(serializers.Serializer):
    count = serializers.IntegerField()
    results = TaskSerializer(many=True)


class FilterSerializer(serializers.Serializer):
    """The filters of the list of systems."""

    q = serializers.CharField(required=False, help_text="Words of the name, the purpose or the unit.")
    phase = serializers.ChoiceField(Phase.choices, required=False)
    tier = serializers.ChoiceField(TIERS, required=False)
    function = serializers.CharField(required=False)
    unit = serializers.CharField(required=False, help_text="Part of the name of the organisational unit.")
    owner = serializers.ChoiceField(OWNERS, required=False)
    state = serializers.ChoiceField(STATES, required=False)
    source = serializers.ChoiceField(SOURCES, required=False)
    sort = serializers.ChoiceField([(sort, sort) for sort in SORTS], required=False)


class ExportSerializer(FilterSerializer):
    file_format = serializers.ChoiceField([(f.key, f.label) for f in FORMATS.values()], default="csv")


class ChangeSerializer(serializers.Serializer):
    field = serializers.CharField()
    label = serializers.CharField()
    old = serializers.CharField(allow_blank=True)
    new = serializers.CharField(allow_blank=True)


class ObjectSerializer(serializers.Serializer):
    kind = serializers.CharField()
    id = serializers.CharField()
    label = serializers.CharField(allow_blank=True)
    url = serializers.CharField(allow_blank=True)


class EventSerializer(serializers.Serializer):
    """One change on record: who, when, what, why, and what was different before."""

    eid = serializers.UUIDField()
    at = serializers.DateTimeField()
    act = serializers.CharField()
    title = serializers.CharField()
    who = serializers.CharField(allow_null=True, help_text="User name; none for what the system did itself.")
    who_name = serializers.CharField(allow_null=True)
    via = serializers.CharField(allow_blank=True)
    reason = serializers.CharField(allow_blank=True)
    object = ObjectSerializer()
    changes = ChangeSerializer(many=True)
    ref = serializers.DictField(child=serializers.CharField())
    erased = serializers.BooleanField(help_text="The personal part of the entry is no longer there.")

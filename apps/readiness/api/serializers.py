"""What the API says and takes. Reading is flat: views hand in plain values, nothing queries in here."""

from typing import Any

from rest_framework import serializers

from apps.accounts.models import User
from apps.registry.models import Phase

from ..models import Evidence, EvidenceKind, ItemStatus, Review, SignOff, SignOffVoid

# What is stored, and what the clock or a waiver makes of it.
ITEM_STATES = [*ItemStatus.choices, ("expired", "Expired"), ("waived", "Waived")]
SEAT_STATES = [
    ("signed", "Signed: counts"),
    ("rejected", "Rejected"),
    ("lapsed", "Ran out"),
    ("changed", "Changed outside the application"),
    ("void", "No longer signed"),
    ("closed", "Signed, but the review is closed"),
    ("unsigned", "Not signed yet"),
]


class PersonSerializer(serializers.Serializer):
    username = serializers.CharField()
    name = serializers.CharField()


def person(user: User | None) -> dict[str, str] | None:
    """A person as answers name them."""
    return {"username": user.username, "name": user.get_full_name()} if user else None


class PersonField(serializers.SlugRelatedField):
    """A person by username; only active people can be named."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("queryset", User.objects.filter(is_active=True))
        super().__init__(slug_field="username", **kwargs)


# --- Catalogue --------------------------------------------------------------------------------------------------------


class TemplateRowSerializer(serializers.Serializer):
    """One loaded version of the checklist."""

    key = serializers.CharField()
    version = serializers.CharField()
    title = serializers.CharField()
    sha256 = serializers.CharField()
    in_force = serializers.BooleanField()
    loaded_at = serializers.DateTimeField()


class CatalogueItemSerializer(serializers.Serializer):
    key = serializers.CharField()
    title = serializers.CharField()
    summary = serializers.CharField()
    blocker = serializers.BooleanField()
    never_not_applicable = serializers.BooleanField()
    validity_days = serializers.IntegerField()
    suggested_verifier = serializers.CharField()
    spec = serializers.DictField(help_text="The whole catalogue entry: checks, evidence, controls, exceptions.")


class CatalogueSectionSerializer(serializers.Serializer):
    key = serializers.CharField()
    title = serializers.CharField()
    signing_role = serializers.CharField()
    statement = serializers.CharField()
    guidance = serializers.CharField()
    items = CatalogueItemSerializer(many=True)


class TemplateSerializer(TemplateRowSerializer):
    """A checklist with all its sections and items."""

    source = serializers.CharField()
    header = serializers.DictField(help_text="Frameworks, exceptions and the other settings of the file.")
    sections = CatalogueSectionSerializer(many=True)


# --- Reviews ----------------------------------------------------------------------------------------------------------


class ReviewOpenSerializer(serializers.Serializer):
    phase = serializers.ChoiceField(Phase.choices)
    versions = serializers.ListField(
        child=serializers.CharField(max_length=300),
        required=False,
        help_text="Model versions as model/number. Left out: those the system uses now.",
    )


class VersionsSerializer(serializers.Serializer):
    versions = serializers.ListField(child=serializers.CharField(max_length=300), help_text="As model/number.")


class ReviewRowSerializer(serializers.Serializer):
    uid = serializers.UUIDField()
    system = serializers.CharField(help_text="The slug of the system.")
    phase = serializers.ChoiceField(Phase.choices)
    state = serializers.ChoiceField(Review.State.choices)
    template = serializers.CharField(help_text="The version of the checklist.")
    opened_by = serializers.CharField()
    opened_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()
    url = serializers.CharField()


class TallySerializer(serializers.Serializer):
    """Passed of those that apply; what does not apply is counted apart."""

    passed = serializers.IntegerField()
    total = serializers.IntegerField()
    not_applicable = serializers.IntegerField()


class SeatSerializer(serializers.Serializer):
    """The signature of a section: only ``signed`` counts."""

    status = serializers.ChoiceField(SEAT_STATES)
    effective = serializers.BooleanField()
    since = serializers.DateTimeField(allow_null=True)
    sentence = serializers.CharField()
    sign_off = serializers.UUIDField(allow_null=True)


class SectionStateSerializer(serializers.Serializer):
    key = serializers.CharField()
    title = serializers.CharField()
    signing_role = serializers.CharField()
    required = TallySerializer()
    all_items = TallySerializer()
    signature = SeatSerializer()


class ItemRowSerializer(serializers.Serializer):
    key = serializers.CharField()
    title = serializers.CharField()
    section = serializers.CharField()
    status = serializers.ChoiceField(ITEM_STATES)
    required = serializers.BooleanField(help_text="The phase of the review asks for it.")
    blocker = serializers.BooleanField()
    assigned_to = serializers.CharField(allow_null=True)
    due_on = serializers.DateField(allow_null=True)
    answered_by = serializers.CharField(allow_null=True)
    verified_by = serializers.CharField(allow_null=True)
    valid_until = serializers.DateTimeField(allow_null=True)
    evidence = serializers.IntegerField(help_text="How many pieces are attached.")
    comments = serializers.IntegerField()
    version = serializers.IntegerField()


class ReviewedVersionSerializer(serializers.Serializer):
    model = serializers.CharField()
    number = serializers.IntegerField()
    digest = serializers.CharField(allow_null=True)


class ReviewSerializer(ReviewRowSerializer):
    """A review with its sections, their signatures, and all items."""

    close_reason = serializers.CharField(allow_blank=True)
    model_versions = ReviewedVersionSerializer(many=True)
    required = TallySerializer()
    all_items = TallySerializer()
    sections = SectionStateSerializer(many=True)
    items = ItemRowSerializer(many=True)


# --- Evidence ---------------------------------------------------------------------------------------------------------


class EvidenceSerializer(serializers.ModelSerializer):
    """One piece of evidence. ``state`` says whether it counts today."""

    system = serializers.CharField(source="system.slug", read_only=True)
    supplied_by = serializers.CharField(source="supplied_by.username", read_only=True)
    withdrawn_by = serializers.CharField(source="withdrawn_by.username", read_only=True, allow_null=True, default=None)
    state = serializers.SerializerMethodField()
    file = serializers.SerializerMethodField(help_text="Where to download the file, if there is one.")

    class Meta:
        model = Evidence
        fields = (
            "uid", "system", "kind", "title", "note", "url", "reference", "file", "filename", "content_type", "size",
            "sha256", "effective_on", "valid_until", "state", "supplied_by", "supplied_at", "withdrawn_by",
            "withdrawn_at", "withdrawal_reason", "version",
        )  # fmt: skip
        read_only_fields = fields

    def get_state(self, evidence: Evidence) -> str:
        return evidence.state_on(self.context["day"])

    def get_file(self, evidence: Evidence) -> str | None:
        return f"/api/v1/evidence/{evidence.uid}/file/" if evidence.file else None


class EvidenceFactsSerializer(serializers.Serializer):
    title = serializers.CharField(max_length=200)
    note = serializers.CharField(required=False, allow_blank=True, max_length=10_000)
    url = serializers.CharField(required=False, allow_blank=True, max_length=1000)
    reference = serializers.CharField(required=False, allow_blank=True, max_length=200)
    effective_on = serializers.DateField(help_text="The day it is about, not the day of the upload.")
    valid_until = serializers.DateField(required=False, allow_null=True)


class EvidenceAddSerializer(EvidenceFactsSerializer):
    kind = serializers.ChoiceField(EvidenceKind.choices)
    file = serializers.FileField(required=False, help_text="Send it as multipart/form-data.")
    attach_to = serializers.ListField(
        child=serializers.RegexField(r"^[0-9a-f-]{36}/[A-Za-z0-9_-]{1,20}$"),
        required=False,
        help_text="Items to attach it to, each as {review}/{item key}.",
    )


class AttachSerializer(serializers.Serializer):
    evidence = serializers.UUIDField()


# --- Items ------------------------------------------------------------------------------------------------------------


class AnswerSerializer(serializers.Serializer):
    answer = serializers.CharField(max_length=20_000)
    submit = serializers.BooleanField(required=False, default=False, help_text="Hand it over for verification.")


class NotApplicableSerializer(serializers.Serializer):
    condition = serializers.CharField(max_length=60, help_text="A condition the catalogue names for this item.")
    reason = serializers.CharField(max_length=20_000)


class VerifySerializer(serializers.Serializer):
    note = serializers.CharField(required=False, allow_blank=True, max_length=10_000)
    valid_until = serializers.DateField(required=False, allow_null=True)


class RejectSerializer(serializers.Serializer):
    note = serializers.CharField(max_length=10_000)


class AssignSerializer(serializers.Serializer):
    assigned_to = PersonField(allow_null=True)
    due_on = serializers.DateField(required=False, allow_null=True)


class CommentAddSerializer(serializers.Serializer):
    text = serializers.CharField(max_length=5000)


class CommentSerializer(serializers.Serializer):
    author = serializers.CharField(source="author.username")
    text = serializers.CharField()
    at = serializers.DateTimeField()


class VerdictSerializer(serializers.Serializer):
    outcome = serializers.ChoiceField(["verified", "rejected"])
    verified_by = serializers.CharField(source="verified_by.username")
    verified_at = serializers.DateTimeField()
    note = serializers.CharField()
    valid_until = serializers.DateTimeField(allow_null=True)


class ItemSerializer(ItemRowSerializer):
    """One item with its answer, evidence, verdicts and discussion."""

    review = serializers.UUIDField()
    answer = serializers.CharField(allow_blank=True)
    answered_at = serializers.DateTimeField(allow_null=True)
    proposes_not_applicable = serializers.BooleanField()
    not_applicable_condition = serializers.CharField(allow_blank=True)
    verified_at = serializers.DateTimeField(allow_null=True)
    verification_note = serializers.CharField(allow_blank=True)
    attached = EvidenceSerializer(many=True)
    verdicts = VerdictSerializer(many=True)
    discussion = CommentSerializer(many=True)
    url = serializers.CharField()


# --- Signatures -------------------------------------------------------------------------------------------------------


class StatementsSerializer(serializers.Serializer):
    approval = serializers.CharField()
    rejection = serializers.CharField()


class SnapshotSerializer(serializers.Serializer):
    """What would be signed now. ``sha256`` is the digest of ``canonical``, byte for byte in UTF-8."""

    review = serializers.UUIDField()
    section = serializers.CharField()
    sha256 = serializers.CharField()
    canonical = serializers.CharField()
    content = serializers.DictField()
    seen = serializers.DictField(child=serializers.IntegerField())
    statements = StatementsSerializer()
    can_sign = serializers.BooleanField()
    why_not = serializers.CharField(allow_blank=True)


class ConditionAddSerializer(serializers.Serializer):
    text = serializers.CharField(max_length=2000)
    owner = PersonField()
    due_on = serializers.DateField()


class SignSerializer(serializers.Serializer):
    """A signature, given by a person in the browser: the answer of ``snapshot`` sent back with the proof."""

    section = serializers.CharField(max_length=40)
    digest = serializers.RegexField(r"^[0-9a-f]{64}$")
    seen = serializers.DictField(child=serializers.IntegerField(), required=False)
    meaning = serializers.ChoiceField(SignOff.Meaning.choices)
    statement = serializers.CharField(max_length=10_000)
    conditions = ConditionAddSerializer(many=True, required=False)
    comment = serializers.CharField(required=False, allow_blank=True, max_length=5000)
    password = serializers.CharField(max_length=4096, trim_whitespace=False, write_only=True)
    code = serializers.CharField(required=False, allow_blank=True, max_length=40, write_only=True)
    zone = serializers.CharField(required=False, max_length=60, help_text="IANA name of the signer's time zone.")


class StatedConditionSerializer(serializers.Serializer):
    text = serializers.CharField()
    owner = serializers.UUIDField()
    due_on = serializers.DateField()


class VoidSerializer(serializers.Serializer):
    cause = serializers.ChoiceField(SignOffVoid.Cause.choices)
    reason = serializers.CharField()
    voided_at = serializers.DateTimeField()
    voided_by = serializers.CharField(source="voided_by.username")


class SignOffSerializer(serializers.Serializer):
    """A signature with everything that belongs to it: who, which role, which words, over which bytes, proved how."""

    uid = serializers.UUIDField()
    review = serializers.UUIDField(source="review.uid")
    section = serializers.CharField(source="section.key")
    meaning = serializers.ChoiceField(SignOff.Meaning.choices)
    statement = serializers.CharField()
    conditions = StatedConditionSerializer(many=True)
    comment = serializers.CharField(allow_blank=True)
    signer = serializers.CharField(source="signer.username")
    signer_name = serializers.CharField()
    role = serializers.CharField()
    on_behalf_of = serializers.CharField(source="on_behalf_of.username", allow_null=True, default=None)
    signed_at = serializers.DateTimeField()
    zone = serializers.CharField()
    proof = serializers.CharField(source="proof.method")
    valid_until = serializers.DateTimeField()
    valid_until_reason = serializers.CharField()
    content_sha256 = serializers.CharField(source="snapshot.sha256")
    signature_sha256 = serializers.CharField(source="payload_sha256")
    effective = serializers.SerializerMethodField(help_text="It counts now.")
    void = VoidSerializer(allow_null=True, default=None)

    def get_effective(self, found: SignOff) -> bool:
        return found.pk in self.context["effective"]


class ConditionSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    system = serializers.CharField(source="system.slug")
    sign_off = serializers.UUIDField(source="sign_off.uid")
    text = serializers.CharField()
    owner = serializers.CharField(source="owner.username")
    due_on = serializers.DateField()
    done_by = serializers.CharField(source="done_by.username", allow_null=True, default=None)
    done_at = serializers.DateTimeField(allow_null=True)
    done_note = serializers.CharField(allow_blank=True)
    version = serializers.IntegerField()


class CompleteSerializer(serializers.Serializer):
    note = serializers.CharField(max_length=5000)

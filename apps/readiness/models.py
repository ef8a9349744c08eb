import uuid
from datetime import date, datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from apps.accounts.models import Proof
from apps.core.models import GovernedModel
from apps.registry.models import AISystem, ModelVersion, Phase
from apps.registry.querysets import OfSystemQuerySet

from .querysets import EvidenceLinkQuerySet, EvidenceQuerySet, OfReviewItemQuerySet, OfReviewQuerySet, SignOffQuerySet


# --- The catalogue, as loaded ---------------------------------------------------------------------------------------
class ChecklistTemplate(models.Model):
    """One loaded version of a checklist file. Never rewritten: reviews keep the version they were opened with."""

    key = models.CharField(max_length=60)
    version = models.CharField(max_length=30)
    title = models.CharField(max_length=200)
    source = models.TextField()
    sha256 = models.CharField(max_length=64)
    body = models.JSONField()
    in_force = models.BooleanField(default=False)
    loaded_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-loaded_at"]
        constraints = [
            models.UniqueConstraint(fields=["key", "version"], name="readiness_template_version_once"),
            models.UniqueConstraint(
                fields=["in_force"], condition=Q(in_force=True), name="readiness_one_template_in_force"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} {self.version}"


class Section(models.Model):
    """A group of items that one person signs off. ``signing_role`` is the role on the system that may."""

    template = models.ForeignKey(ChecklistTemplate, on_delete=models.CASCADE, related_name="sections")
    key = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    signing_role = models.CharField(max_length=30)
    statement = models.TextField()
    guidance = models.TextField(blank=True)
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["template", "key"], name="readiness_section_key_once")]

    def __str__(self) -> str:
        return self.title


class Item(models.Model):
    """One line of the checklist. ``spec`` keeps the whole catalogue entry: checks, evidence, controls, exceptions."""

    section = models.ForeignKey(Section, on_delete=models.CASCADE, related_name="items")
    key = models.CharField(max_length=20)
    title = models.CharField(max_length=200)
    summary = models.TextField()
    position = models.PositiveSmallIntegerField()
    blocker = models.BooleanField(default=False)
    never_not_applicable = models.BooleanField(default=False)
    validity_days = models.PositiveSmallIntegerField()
    suggested_verifier = models.CharField(max_length=200, blank=True)
    spec = models.JSONField()

    class Meta:
        ordering = ["section__position", "position"]
        constraints = [models.UniqueConstraint(fields=["section", "key"], name="readiness_item_key_once")]

    def __str__(self) -> str:
        return f"{self.key} {self.title}"


# --- A review -------------------------------------------------------------------------------------------------------
class Review(GovernedModel):
    """One pass of a system, at given model versions, through a checklist, towards one phase."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        CLOSED = "closed", "Closed"

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    system = models.ForeignKey(AISystem, on_delete=models.PROTECT, related_name="reviews")
    template = models.ForeignKey(ChecklistTemplate, on_delete=models.PROTECT, related_name="reviews")
    phase = models.CharField(max_length=30, choices=Phase.choices)
    state = models.CharField(max_length=20, choices=State.choices, default=State.OPEN)
    copied_from = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="copies")
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField(default=timezone.now)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    closed_at = models.DateTimeField(null=True, blank=True)
    close_reason = models.TextField(blank=True)

    objects = OfSystemQuerySet.as_manager()

    class Meta:
        ordering = ["-opened_at", "-pk"]
        indexes = [models.Index(fields=["system", "phase", "-opened_at"], name="readiness_review_of_phase")]
        constraints = [
            models.CheckConstraint(name="readiness_review_phase_is_known", condition=Q(phase__in=Phase.values)),
            models.CheckConstraint(
                name="readiness_review_closed_by_and_at",
                condition=Q(state="open", closed_by=None, closed_at=None)
                | Q(state="closed", closed_by__isnull=False, closed_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.system}: review towards {self.get_phase_display()}"

    def get_absolute_url(self) -> str:
        return f"/reviews/{self.uid}/"


class ReviewedVersion(GovernedModel):
    """A model version that a review is about. A change voids all four sign-offs."""

    review = models.ForeignKey(Review, on_delete=models.CASCADE, related_name="reviewed_versions")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="reviewed_in")

    objects = OfReviewQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["review", "model_version"], name="readiness_version_once")]

    def __str__(self) -> str:
        return str(self.model_version)

    @property
    def system(self) -> AISystem:
        return self.review.system


class ItemStatus(models.TextChoices):
    """States that are stored; *expired* is computed from ``valid_until``, *waived* from the waivers."""

    OPEN = "open", "Open"
    IN_PROGRESS = "in_progress", "In progress"
    SUBMITTED = "submitted", "Waiting for verification"
    VERIFIED = "verified", "Verified"
    REJECTED = "rejected", "Rejected"
    NOT_APPLICABLE = "not_applicable", "Not applicable"


PASSED = [ItemStatus.VERIFIED, ItemStatus.NOT_APPLICABLE]


class ReviewItem(GovernedModel):
    """The answer to one item in one review, and how its verification stands."""

    review = models.ForeignKey(Review, on_delete=models.CASCADE, related_name="items")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="review_items")
    status = models.CharField(max_length=20, choices=ItemStatus.choices, default=ItemStatus.OPEN)
    answer = models.TextField(blank=True)
    proposes_not_applicable = models.BooleanField(default=False)
    not_applicable_condition = models.CharField(max_length=60, blank=True)
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="assigned_items"
    )
    due_on = models.DateField(null=True, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    answered_at = models.DateTimeField(null=True, blank=True)
    verified_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    verified_at = models.DateTimeField(null=True, blank=True)
    verification_note = models.TextField(blank=True)
    valid_until = models.DateTimeField(null=True, blank=True)

    objects = OfReviewQuerySet.as_manager()

    class Meta:
        ordering = ["item__section__position", "item__position"]
        constraints = [
            models.UniqueConstraint(fields=["review", "item"], name="readiness_item_once_per_review"),
            models.CheckConstraint(name="readiness_item_status_is_known", condition=Q(status__in=ItemStatus.values)),
            models.CheckConstraint(
                name="readiness_passed_item_has_verifier_and_end",
                condition=~Q(status__in=["verified", "not_applicable"])
                | Q(verified_by__isnull=False, verified_at__isnull=False, valid_until__isnull=False),
            ),
            models.CheckConstraint(
                name="readiness_verifier_is_not_the_author",
                condition=~Q(status__in=["verified", "not_applicable"]) | ~Q(verified_by=models.F("answered_by")),
            ),
            models.CheckConstraint(
                name="readiness_item_answered_by_and_at",
                condition=Q(answered_by=None, answered_at=None)
                | Q(answered_by__isnull=False, answered_at__isnull=False),
            ),
        ]
        # serves "what waits for my verification": few of all items wait at a time
        indexes = [
            models.Index(fields=["review"], condition=Q(status=ItemStatus.SUBMITTED), name="readiness_item_waiting")
        ]

    def __str__(self) -> str:
        return str(self.item)

    def get_absolute_url(self) -> str:
        return f"/reviews/{self.review.uid}/items/{self.item.key}/"

    @property
    def system(self) -> AISystem:
        return self.review.system

    def status_at(self, at: datetime) -> str:
        """The stored state, or ``expired`` once what was verified has run out."""
        if self.status in PASSED and self.valid_until is not None and self.valid_until <= at:
            return "expired"
        return self.status

    @property
    def status_now(self) -> str:
        return self.status_at(timezone.now())


class Contribution(models.Model):
    """This person answered the item or supplied evidence for it, and so neither verifies it nor signs its section."""

    class Kind(models.TextChoices):
        ANSWER = "answer", "Answered"
        EVIDENCE = "evidence", "Supplied evidence"

    review_item = models.ForeignKey(ReviewItem, on_delete=models.CASCADE, related_name="contributions")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["review_item", "user", "kind"], name="readiness_contribution_once")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.kind} {self.review_item_id}"


def evidence_path(evidence: "Evidence", filename: str) -> str:
    """Files are stored under a random name: what a person called them stays in the row."""
    return f"evidence/{uuid.uuid4()}"


class EvidenceKind(models.TextChoices):
    DOCUMENT = "document", "Document (file)"
    LINK = "link", "Link"
    TICKET = "ticket", "Ticket or commit"
    TEST_RUN = "test_run", "Test run"
    ATTESTATION = "attestation", "Attestation"
    PROBE = "probe", "Automated probe"


class Evidence(GovernedModel):
    """
    Something that shows an answer is true: a file, an address, a ticket, a test run, a person's word.

    It belongs to the system and may be attached to many items. ``effective_on`` is the day it is about (when the test
    ran, when the document was approved), ``supplied_at`` when it came here. Files are hashed (SHA-256) on arrival.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    system = models.ForeignKey(AISystem, on_delete=models.PROTECT, related_name="evidence")
    kind = models.CharField(max_length=20, choices=EvidenceKind.choices)
    title = models.CharField(max_length=200)
    note = models.TextField(blank=True, help_text="For an attestation: the exact words that are attested.")
    url = models.URLField("address", max_length=1000, blank=True)
    reference = models.CharField(max_length=200, blank=True, help_text="Ticket number, commit or run id.")
    file = models.FileField(upload_to=evidence_path, blank=True)
    filename = models.CharField(max_length=255, blank=True)
    content_type = models.CharField(max_length=100, blank=True)
    size = models.PositiveBigIntegerField("size in bytes", null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    effective_on = models.DateField()
    valid_until = models.DateField(null=True, blank=True)
    supplied_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    supplied_at = models.DateTimeField(default=timezone.now)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawal_reason = models.TextField(blank=True)

    objects = EvidenceQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "evidence"
        ordering = ["-supplied_at", "-pk"]
        # serves "what I supplied and runs out soon"
        indexes = [
            models.Index(
                fields=["supplied_by", "valid_until"],
                condition=Q(withdrawn_at=None, valid_until__isnull=False),
                name="readiness_evidence_running_out",
            )
        ]
        constraints = [
            models.CheckConstraint(name="readiness_evidence_kind_is_known", condition=Q(kind__in=EvidenceKind.values)),
            models.CheckConstraint(
                name="readiness_evidence_file_has_digest",
                condition=Q(file="") | (~Q(sha256="") & Q(size__isnull=False)),
            ),
            models.CheckConstraint(
                name="readiness_evidence_withdrawn_by_and_at",
                condition=Q(withdrawn_by=None, withdrawn_at=None)
                | Q(withdrawn_by__isnull=False, withdrawn_at__isnull=False),
            ),
            models.CheckConstraint(
                name="readiness_evidence_valid_after_effective",
                condition=Q(valid_until=None) | Q(valid_until__gte=models.F("effective_on")),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return f"/evidence/{self.uid}/"

    def state_on(self, day: date) -> str:
        """``withdrawn``, ``expired`` or ``valid`` on ``day``."""
        if self.withdrawn_at is not None:
            return "withdrawn"
        return "expired" if self.valid_until is not None and self.valid_until < day else "valid"


class EvidenceLink(GovernedModel):
    """Evidence attached to an item of a review. Detaching deletes the row; its history stays."""

    review_item = models.ForeignKey(ReviewItem, on_delete=models.CASCADE, related_name="evidence_links")
    evidence = models.ForeignKey(Evidence, on_delete=models.PROTECT, related_name="links")
    attached_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    attached_at = models.DateTimeField(default=timezone.now)

    objects = EvidenceLinkQuerySet.as_manager()

    class Meta:
        ordering = ["attached_at", "pk"]
        constraints = [models.UniqueConstraint(fields=["review_item", "evidence"], name="readiness_attached_once")]

    def __str__(self) -> str:
        return f"{self.evidence} for {self.review_item}"

    @property
    def system(self) -> AISystem:
        return self.evidence.system


class Verification(models.Model):
    """A second person's verdict on one answer as it stood (``item_version``). Insert-only."""

    class Outcome(models.TextChoices):
        VERIFIED = "verified", "Verified"
        REJECTED = "rejected", "Rejected"

    review_item = models.ForeignKey(ReviewItem, on_delete=models.CASCADE, related_name="verifications")
    outcome = models.CharField(max_length=20, choices=Outcome.choices)
    verified_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    verified_at = models.DateTimeField(default=timezone.now)
    note = models.TextField(blank=True)
    item_version = models.PositiveIntegerField()
    valid_until = models.DateTimeField(null=True)

    objects = OfReviewItemQuerySet.as_manager()

    class Meta:
        ordering = ["-verified_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.review_item}: {self.outcome}"


class Comment(models.Model):
    """One contribution to the discussion of an item. Insert-only."""

    review_item = models.ForeignKey(ReviewItem, on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    text = models.TextField()
    at = models.DateTimeField(default=timezone.now)

    objects = OfReviewItemQuerySet.as_manager()

    class Meta:
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return self.text[:60]


# --- Signatures -----------------------------------------------------------------------------------------------------
class Snapshot(models.Model):
    """The canonical JSON (RFC 8785) of what somebody signed, stored once by its SHA-256. Insert-only."""

    sha256 = models.CharField(max_length=64, unique=True)
    body = models.BinaryField()
    taken_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.sha256


class SignOff(models.Model):
    """
    A signature over one section of a review. Insert-only: what ends it is a :class:`SignOffVoid`, or time.

    ``payload`` is the canonical JSON of the signature itself (who, role, meaning, statement, digest of the content,
    when, proof, until when) and ``payload_sha256`` its digest.
    """

    class Meaning(models.TextChoices):
        APPROVAL = "approval", "Approval"
        REJECTION = "rejection", "Rejection"

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="sign_offs")
    section = models.ForeignKey(Section, on_delete=models.PROTECT, related_name="sign_offs")
    meaning = models.CharField(max_length=20, choices=Meaning.choices)
    statement = models.TextField()
    conditions = models.JSONField(default=list)
    comment = models.TextField(blank=True)
    signer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="sign_offs")
    signer_name = models.CharField(max_length=150)
    role = models.CharField(max_length=30)
    on_behalf_of = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    signed_at = models.DateTimeField()
    zone = models.CharField(max_length=60)
    valid_until = models.DateTimeField()
    valid_until_reason = models.CharField(max_length=300)
    proof = models.OneToOneField(Proof, on_delete=models.PROTECT, related_name="sign_off")
    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, related_name="sign_offs")
    payload = models.BinaryField()
    payload_sha256 = models.CharField(max_length=64, unique=True)

    objects = SignOffQuerySet.as_manager()

    class Meta:
        ordering = ["-signed_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="readiness_sign_off_meaning_is_known", condition=Q(meaning__in=["approval", "rejection"])
            ),
            models.CheckConstraint(name="readiness_sign_off_has_statement", condition=~Q(statement="")),
        ]

    def __str__(self) -> str:
        return f"{self.section} signed by {self.signer_name}"

    @property
    def system(self) -> AISystem:
        return self.review.system


class SignOffVoid(models.Model):
    """Why a signature no longer counts, since when and through whom. Insert-only, at most one per signature."""

    class Cause(models.TextChoices):
        CONTENT_CHANGED = "content_changed", "The content changed"
        FACTS_CHANGED = "facts_changed", "The system's facts changed"
        VERSION_CHANGED = "version_changed", "The model version changed"
        EVIDENCE_WITHDRAWN = "evidence_withdrawn", "Evidence was withdrawn"
        LAPSED = "lapsed", "It ran out"
        WITHDRAWN = "withdrawn", "The signer withdrew it"
        ROLE_WITHDRAWN = "role_withdrawn", "The signer's role was withdrawn"

    sign_off = models.OneToOneField(SignOff, on_delete=models.PROTECT, related_name="void")
    cause = models.CharField(max_length=30, choices=Cause.choices)
    reason = models.TextField()
    voided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    voided_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.sign_off}: {self.reason}"


class Seat(models.Model):
    """
    The place for one section's signature in a review: empty, or taken by a live sign-off.

    The one row that changes: signing fills it only where it is empty, voiding empties it. So two people who sign at
    once cannot both succeed, on any database.
    """

    review = models.ForeignKey(Review, on_delete=models.CASCADE, related_name="seats")
    section = models.ForeignKey(Section, on_delete=models.PROTECT, related_name="+")
    sign_off = models.OneToOneField(SignOff, on_delete=models.PROTECT, null=True, blank=True, related_name="seat")

    class Meta:
        ordering = ["section__position"]
        constraints = [models.UniqueConstraint(fields=["review", "section"], name="readiness_one_seat_per_section")]

    def __str__(self) -> str:
        return f"{self.section}: {self.sign_off or 'empty'}"


class Condition(GovernedModel):
    """Something a signer asked for when signing, tracked as a task with an owner and a date."""

    sign_off = models.ForeignKey(SignOff, on_delete=models.PROTECT, related_name="tracked_conditions")
    system = models.ForeignKey(AISystem, on_delete=models.PROTECT, related_name="conditions")
    text = models.TextField()
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="conditions")
    due_on = models.DateField()
    done_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    done_at = models.DateTimeField(null=True, blank=True)
    done_note = models.TextField(blank=True)

    objects = OfSystemQuerySet.as_manager()

    class Meta:
        ordering = ["due_on", "pk"]
        constraints = [
            models.CheckConstraint(
                name="readiness_condition_done_by_and_at",
                condition=Q(done_by=None, done_at=None) | Q(done_by__isnull=False, done_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return self.text[:80]

    @property
    def is_open(self) -> bool:
        return self.done_at is None


class Reminder(models.Model):
    """That a person was told of an approaching end, so that the same thing is not told twice."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    about = models.CharField(max_length=60, help_text="Kind and id of what ends.")
    ends_on = models.DateField()
    stage = models.CharField(max_length=20)
    sent_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "about", "ends_on", "stage"], name="readiness_reminded_once")
        ]

    def __str__(self) -> str:
        return f"{self.about} ends on {self.ends_on}"

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from apps.accounts.models import Proof
from apps.core.models import GovernedModel
from apps.registry.models import AISystem, ModelVersion, Phase
from apps.registry.querysets import OfSystemQuerySet

from .querysets import WaiverQuerySet


class GatePolicy(models.Model):
    """One loaded version of a gate policy file. Never rewritten; the newest loaded version of a key is in force."""

    key = models.CharField(max_length=60)
    version = models.CharField(max_length=30)
    title = models.CharField(max_length=200)
    source = models.TextField()
    sha256 = models.CharField(max_length=64)
    body = models.JSONField()
    in_force = models.BooleanField(default=False)
    loaded_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "gate policies"
        ordering = ["-loaded_at"]
        constraints = [
            models.UniqueConstraint(fields=["key", "version"], name="gates_policy_version_once"),
            models.UniqueConstraint(fields=["in_force"], condition=Q(in_force=True), name="gates_one_policy_in_force"),
        ]

    def __str__(self) -> str:
        return f"{self.title} {self.version}"


class GateRequirement(models.Model):
    """One line of a policy: entering ``phase`` asks for the requirement ``name`` with ``params`` on these tiers."""

    class Severity(models.TextChoices):
        BLOCKING = "blocking", "Must be met"
        WARNING = "warning", "Advice"

    policy = models.ForeignKey(GatePolicy, on_delete=models.CASCADE, related_name="requirements")
    phase = models.CharField(max_length=30, choices=Phase.choices)
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=100)
    params = models.JSONField(default=dict)
    tiers = models.JSONField(default=list)
    severity = models.CharField(max_length=20, choices=Severity.choices, default=Severity.BLOCKING)
    waivable = models.BooleanField(default=False)

    class Meta:
        ordering = ["phase", "position"]
        constraints = [
            models.UniqueConstraint(fields=["policy", "phase", "position"], name="gates_requirement_position_once"),
            models.CheckConstraint(name="gates_requirement_phase_is_known", condition=Q(phase__in=Phase.values)),
        ]

    def __str__(self) -> str:
        return f"{self.phase}: {self.name}"


class Decision(models.Model):
    """
    The gate's answer at one moment, kept for ever: all results, in the bytes they were decided on.

    Insert-only. ``body`` is the canonical JSON (RFC 8785) of the answer and ``sha256`` its digest.
    """

    class Occasion(models.TextChoices):
        ASKED = "asked", "Asked"
        ENTER_PHASE = "enter_phase", "Move to the phase"

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    system = models.ForeignKey(AISystem, on_delete=models.PROTECT, related_name="decisions")
    phase = models.CharField(max_length=30, choices=Phase.choices)
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, null=True, related_name="decisions")
    policy = models.ForeignKey(GatePolicy, on_delete=models.PROTECT, related_name="decisions")
    occasion = models.CharField(max_length=20, choices=Occasion.choices, default=Occasion.ASKED)
    granted = models.BooleanField()
    sentence = models.TextField()
    results = models.JSONField()
    body = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField()

    objects = OfSystemQuerySet.as_manager()

    class Meta:
        ordering = ["-decided_at", "-pk"]
        indexes = [models.Index(fields=["system", "-decided_at"], name="gates_decision_of_system")]
        constraints = [
            models.CheckConstraint(name="gates_decision_phase_is_known", condition=Q(phase__in=Phase.values))
        ]

    def __str__(self) -> str:
        return f"{self.system} → {self.get_phase_display()}: {'granted' if self.granted else 'refused'}"


class Waiver(GovernedModel):
    """Somebody above takes responsibility for one unmet requirement of one gate, until a date."""

    class Status(models.TextChoices):
        REQUESTED = "requested", "Waiting for approval"
        APPROVED = "approved", "Approved"
        REFUSED = "refused", "Refused"
        WITHDRAWN = "withdrawn", "Withdrawn"

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    system = models.ForeignKey(AISystem, on_delete=models.CASCADE, related_name="waivers")
    phase = models.CharField(max_length=30, choices=Phase.choices)
    requirement = models.CharField(max_length=140, help_text="The key of the result it stands in for.")
    title = models.CharField(max_length=300)
    reason = models.TextField()
    compensating_control = models.TextField()
    expires_on = models.DateField()
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.REQUESTED)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(default=timezone.now)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_note = models.TextField(blank=True)

    objects = WaiverQuerySet.as_manager()

    class Meta:
        ordering = ["-requested_at"]
        constraints = [
            models.CheckConstraint(
                name="gates_waiver_status_is_known",
                condition=Q(status__in=["requested", "approved", "refused", "withdrawn"]),
            ),
            models.CheckConstraint(
                name="gates_waiver_decided_by_and_at",
                condition=Q(decided_by=None, decided_at=None) | Q(decided_by__isnull=False, decided_at__isnull=False),
            ),
            models.CheckConstraint(
                name="gates_waiver_not_approved_by_requester",
                condition=~Q(status="approved") | ~Q(decided_by=models.F("requested_by")),
            ),
        ]

    def __str__(self) -> str:
        return f"Waiver for {self.title}"


class Suspension(models.Model):
    """Somebody stopped a system, with a reason: all its gates refuse until a resumption is signed. Insert-only."""

    system = models.ForeignKey(AISystem, on_delete=models.PROTECT, related_name="suspensions")
    reason = models.TextField()
    suspended_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    suspended_at = models.DateTimeField(default=timezone.now)

    objects = OfSystemQuerySet.as_manager()

    class Meta:
        ordering = ["-suspended_at"]

    def __str__(self) -> str:
        return f"{self.system} suspended"


class Resumption(models.Model):
    """The signed end of a suspension: who took responsibility for going on, in which words, proved how. Insert-only."""

    suspension = models.OneToOneField(Suspension, on_delete=models.PROTECT, related_name="resumption")
    statement = models.TextField()
    signer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    signer_name = models.CharField(max_length=150)
    signed_at = models.DateTimeField(default=timezone.now)
    zone = models.CharField(max_length=60)
    proof = models.OneToOneField(Proof, on_delete=models.PROTECT, related_name="+")
    sha256 = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.suspension.system} resumed"

    @property
    def system(self) -> AISystem:
        return self.suspension.system


class SystemStatus(models.Model):
    """
    The gate's answer about each system in columns, so that lists of thousands need no evaluation.

    Derived: rewritten by ``gates.status.refresh`` in the transaction of every change of a fact and by the sweep when
    time alone changes the answer (``next_change_at``). Compared with the computed truth in tests.
    """

    system = models.OneToOneField(AISystem, on_delete=models.CASCADE, primary_key=True, related_name="status")
    next_phase = models.CharField(max_length=30, choices=Phase.choices, blank=True)
    next_granted = models.BooleanField(default=False)
    missing = models.PositiveSmallIntegerField(default=0)
    met = models.PositiveSmallIntegerField(default=0)
    required = models.PositiveSmallIntegerField(default=0)
    sentence = models.TextField(blank=True)
    holds = models.BooleanField(default=True, help_text="The gate of the phase it is in is still open.")
    at_risk_since = models.DateTimeField(null=True)
    suspended = models.BooleanField(default=False)
    next_change_at = models.DateTimeField(null=True)
    evaluated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "system statuses"
        indexes = [
            # serves the sweep, and the "at risk" and "blocked" filters of the portfolio
            models.Index(fields=["next_change_at"], name="gates_status_due"),
            models.Index(fields=["at_risk_since"], name="gates_status_at_risk"),
            models.Index(fields=["next_granted", "missing"], name="gates_status_blocked"),
        ]

    def __str__(self) -> str:
        return self.sentence

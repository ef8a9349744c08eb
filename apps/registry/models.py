import uuid
from typing import Any

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase

from apps.accounts.models import Team
from apps.core.models import GovernedModel

from .querysets import (
    AISystemQuerySet,
    DeputyshipQuerySet,
    ModelVersionQuerySet,
    OfSystemQuerySet,
    RoleAssignmentQuerySet,
)
from .roles import Perm, Role

check_digest = RegexValidator(
    r"^sha256:[0-9a-f]{64}$", "Give the digest as sha256: followed by 64 hexadecimal digits (lower case).", "digest"
)


class Phase(models.TextChoices):
    """Where a system stands on the way to production (founding text, step 5)."""

    IDEA = "idea", "Idea"
    PILOT = "pilot", "Pilot"
    LIMITED_BETA = "limited_beta", "Limited beta"
    EXPANDED_PILOT = "expanded_pilot", "Expanded pilot"
    GRADUAL_ROLLOUT = "gradual_rollout", "Gradual rollout"
    FULL_PRODUCTION = "full_production", "Full production"
    RETIRED = "retired", "Retired"


PHASE_ORDER = list(Phase.values)
# Phases in which people depend on the system.
LIVE_PHASES = [Phase.LIMITED_BETA, Phase.EXPANDED_PILOT, Phase.GRADUAL_ROLLOUT, Phase.FULL_PRODUCTION]


class BusinessFunction(models.TextChoices):
    CUSTOMER_SERVICE = "customer_service", "Customer service"
    SALES = "sales", "Sales"
    OPERATIONS = "operations", "Operations"
    HR = "hr", "Human resources"
    FINANCE = "finance", "Finance"
    LEGAL = "legal", "Legal"
    IT = "it", "IT"
    RESEARCH = "research", "Research"
    OTHER = "other", "Other"


class AISystem(GovernedModel):
    """
    An AI use case under governance; everything else belongs to one, and object permissions hang on it.

    ``phase`` moves only by ``gates.actions.enter_phase``; ``tier`` only by ``registry.actions.set_tier``. ``tier`` None
    means not assessed, which counts as tier 1, the strictest.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=400)
    purpose = models.TextField(help_text="What it does, for whom, and what gets better.")
    business_function = models.CharField(max_length=30, choices=BusinessFunction.choices, blank=True)
    unit = models.CharField("organisational unit", max_length=300, blank=True)
    phase = models.CharField(max_length=30, choices=Phase.choices, default=Phase.IDEA)
    tier = models.PositiveSmallIntegerField(
        "risk tier", null=True, blank=True, choices=[(1, "Tier 1"), (2, "Tier 2"), (3, "Tier 3")]
    )
    tier_reason = models.TextField(blank=True)
    affected_people = models.TextField(blank=True, help_text="Who is affected by what it puts out, and how.")
    intended_users = models.TextField(blank=True, help_text="Who works with it.")
    fallback = models.TextField(
        "named fallback", blank=True, help_text="What people do when it is switched off, and who decides to switch."
    )
    retirement_reason = models.TextField(blank=True)
    data_plan = models.TextField(
        blank=True, help_text="What happens to its data and models once it is retired: kept, handed over or deleted."
    )
    started_on = models.DateField(null=True, blank=True)

    objects = AISystemQuerySet.as_manager()

    class Meta:
        verbose_name = "AI system"
        ordering = ["name", "pk"]
        default_permissions = ()
        permissions = [(perm.value, perm.label) for perm in Perm]
        constraints = [
            models.CheckConstraint(name="registry_system_phase_is_known", condition=Q(phase__in=Phase.values)),
            models.CheckConstraint(
                name="registry_system_tier_is_1_to_3", condition=Q(tier=None) | Q(tier__gte=1, tier__lte=3)
            ),
            models.CheckConstraint(name="registry_system_has_name", condition=~Q(name="")),
            models.CheckConstraint(name="registry_system_has_purpose", condition=~Q(purpose="")),
        ]
        indexes = [
            # the portfolio list by name, and filtered by phase
            models.Index(fields=["name", "id"], name="registry_system_by_name"),
            models.Index(fields=["phase", "name", "id"], name="registry_system_by_phase"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return f"/systems/{self.slug}/"

    @property
    def effective_tier(self) -> int:
        """The tier that rules apply: unknown counts as the strictest."""
        return self.tier or 1

    def source_row(self) -> "SourceRow | None":
        """The inventory row it was last imported from, if it was."""
        return self.source_rows.filter(is_current=True).select_related("run").first()


class AISystemUserPermission(UserObjectPermissionBase):
    content_object = models.ForeignKey(AISystem, on_delete=models.CASCADE)


class AISystemGroupPermission(GroupObjectPermissionBase):
    content_object = models.ForeignKey(AISystem, on_delete=models.CASCADE)


class RoleAssignment(GovernedModel):
    """A person or a team has a role on a system. Withdrawing deletes the row; its history stays."""

    system = models.ForeignKey(AISystem, on_delete=models.CASCADE, related_name="assignments")
    role = models.CharField(max_length=30, choices=Role.choices)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="assignments"
    )
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, blank=True, related_name="assignments")
    granted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    granted_at = models.DateTimeField(default=timezone.now)
    reason = models.TextField(blank=True)

    objects = RoleAssignmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="registry_role_is_known", condition=Q(role__in=Role.values)),
            models.CheckConstraint(
                name="registry_role_has_one_holder",
                condition=Q(user__isnull=False, team=None) | Q(user=None, team__isnull=False),
            ),
            models.UniqueConstraint(fields=["system", "role", "user"], name="registry_role_once_per_user"),
            models.UniqueConstraint(fields=["system", "role", "team"], name="registry_role_once_per_team"),
            models.UniqueConstraint(
                fields=["system"], condition=Q(role=Role.OWNER), name="registry_system_has_one_owner"
            ),
            models.CheckConstraint(
                name="registry_owner_is_a_person", condition=~Q(role=Role.OWNER) | Q(user__isnull=False)
            ),
        ]
        indexes = [
            # serve querysets.system_ids_of: on which systems does a person, or a team of theirs, hold these roles
            models.Index(fields=["user", "role", "system"], name="registry_role_of_user"),
            models.Index(fields=["team", "role", "system"], name="registry_role_of_team"),
        ]

    def __str__(self) -> str:
        return f"{self.holder} is {self.get_role_display()}"

    @property
    def holder(self) -> Any:
        return self.user or self.team


class Deputyship(GovernedModel):
    """For a stated time somebody may do what another person's role allows. Duties still hold for the deputy."""

    system = models.ForeignKey(AISystem, on_delete=models.CASCADE, related_name="deputyships")
    role = models.CharField(max_length=30, choices=Role.choices)
    principal = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="deputies")
    deputy = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="deputy_for")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.TextField()
    granted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    granted_at = models.DateTimeField(default=timezone.now)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = DeputyshipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="registry_deputyship_ends_after_start", condition=Q(ends_at__gt=models.F("starts_at"))
            ),
            models.CheckConstraint(name="registry_deputy_is_somebody_else", condition=~Q(deputy=models.F("principal"))),
            models.CheckConstraint(
                name="registry_deputyship_ended_by_and_at",
                condition=Q(ended_by=None, ended_at=None) | Q(ended_by__isnull=False, ended_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.deputy} for {self.principal} as {self.get_role_display()}"

    @property
    def is_running(self) -> bool:
        return self.ended_at is None and self.starts_at <= timezone.now() < self.ends_at


class RegisteredModel(GovernedModel):
    """A named model as in the MLflow registry; its system decides who may see and change it."""

    system = models.ForeignKey(AISystem, on_delete=models.PROTECT, related_name="models")
    name = models.CharField(max_length=256, unique=True)
    description = models.TextField(blank=True)

    objects = OfSystemQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.CheckConstraint(name="registry_model_has_name", condition=~Q(name=""))]

    def __str__(self) -> str:
        return self.name


class ModelVersion(GovernedModel):
    """One version of a model, numbered from 1 without reuse, with the digest of its artefact."""

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    artefact_digest = models.CharField(max_length=71, blank=True, validators=[check_digest])
    source = models.CharField("source address", max_length=1000, blank=True)
    description = models.TextField(blank=True)
    registered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    registered_at = models.DateTimeField(default=timezone.now)

    objects = ModelVersionQuerySet.as_manager()

    class Meta:
        ordering = ["model", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["model", "number"], name="registry_version_number_once"),
            models.CheckConstraint(name="registry_version_number_from_1", condition=Q(number__gte=1)),
        ]
        indexes = [models.Index(fields=["artefact_digest"], name="registry_version_by_digest")]

    def __str__(self) -> str:
        return f"{self.model.name} v{self.number}"

    @property
    def system(self) -> AISystem:
        return self.model.system


class VersionUse(GovernedModel):
    """A system uses a model version (its own or another system's). Ending the use deletes the row."""

    system = models.ForeignKey(AISystem, on_delete=models.CASCADE, related_name="version_uses")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="uses")
    purpose = models.CharField(max_length=200, blank=True)

    objects = OfSystemQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["system", "model_version"], name="registry_version_used_once")]

    def __str__(self) -> str:
        return f"{self.system} uses {self.model_version}"


def import_path(run: "ImportRun", filename: str) -> str:
    return f"imports/{uuid.uuid4()}"


class ImportRun(models.Model):
    """One reading of an inventory file: how far it is and how its rows came out."""

    class Status(models.TextChoices):
        PREVIEW = "preview", "Waiting to be started"
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        FINISHED = "finished", "Finished"
        FAILED = "failed", "Could not be read"

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    profile_key = models.CharField(max_length=60)
    profile_version = models.CharField(max_length=30, blank=True)
    profile = models.JSONField(default=dict, help_text="The profile as it was then: a run goes on by it to its end.")
    mapping = models.JSONField(default=dict, help_text="Which column of the file is which column of the profile.")
    headers = models.JSONField(default=list, help_text="The headings of the file, in order.")
    notes = models.JSONField(default=list, help_text="What was decided while reading, for people.")
    file = models.FileField(upload_to=import_path)
    filename = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    format = models.CharField(max_length=10, blank=True)
    encoding = models.CharField(max_length=30, blank=True)
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.PREVIEW)
    message = models.TextField(blank=True)
    rows_total = models.PositiveIntegerField(default=0)
    rows_done = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    conflicts = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    advanced_at = models.DateTimeField(null=True, blank=True, help_text="When it last got further: a sign of life.")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.filename


class ImportRow(models.Model):
    """How one row of a file came out, with the reason where it was refused."""

    class Outcome(models.TextChoices):
        CREATED = "created", "Created"
        UPDATED = "updated", "Updated"
        UNCHANGED = "unchanged", "Unchanged"
        CONFLICT = "conflict", "Conflict"
        REFUSED = "refused", "Refused"

    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="rows")
    number = models.PositiveIntegerField(help_text="The row of the file, the header being row 1.")
    outcome = models.CharField(max_length=20, choices=Outcome.choices)
    name = models.CharField(max_length=400, blank=True)
    reason = models.TextField(blank=True)
    warnings = models.JSONField(default=list)
    system = models.ForeignKey(AISystem, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="registry_import_row_once")]

    def __str__(self) -> str:
        return f"row {self.number}: {self.outcome}"


class SourceRow(models.Model):
    """
    The row of an inventory that a system came from, cell by cell exactly as it was read.

    Never changed: a later version of the row is a new SourceRow and the earlier one stays, no longer current. The
    ledger entry of the import refers to ``raw_sha256``.
    """

    system = models.ForeignKey(AISystem, on_delete=models.CASCADE, related_name="source_rows")
    run = models.ForeignKey(ImportRun, on_delete=models.PROTECT, related_name="source_rows")
    number = models.PositiveIntegerField(help_text="The row of the file, the header being row 1.")
    is_current = models.BooleanField(default=True)
    namespace = models.CharField(max_length=60, help_text="The inventory, over the years and over its profiles.")
    identity = models.CharField(max_length=64, help_text="SHA-256 of what tells which system the row is about.")
    occurrence = models.PositiveIntegerField(default=1, help_text="Counts systems that share an identity.")
    apart = models.CharField(max_length=64, help_text="SHA-256 of what tells rows of one identity from each other.")
    raw = models.JSONField(help_text="The cells in the order of the headings of the run.")
    raw_sha256 = models.CharField(max_length=64)
    mapped = models.JSONField(help_text="The values imported; a field a person changed since is left alone.")
    created_at = models.DateTimeField(default=timezone.now)

    objects = OfSystemQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["namespace", "identity", "occurrence"],
                condition=Q(is_current=True),
                name="registry_source_row_once",
            ),
            models.UniqueConstraint(
                fields=["system"], condition=Q(is_current=True), name="registry_system_has_one_source_row"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run} row {self.number}"

    @property
    def cells(self) -> list[tuple[str, str]]:
        """Heading and cell, in the order of the file; ``run`` should be loaded."""
        headers = [*self.run.headers, *[""] * (len(self.raw) - len(self.run.headers))]
        return list(zip(headers, self.raw, strict=False))

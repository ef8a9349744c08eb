import secrets
import uuid
import zoneinfo

from django.conf import settings
from django.contrib.auth.models import AbstractUser, Group
from django.contrib.auth.models import UserManager as DjangoUserManager
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone
from knox.models import AbstractAuthToken


def check_timezone(name: str) -> None:
    """:raises ValidationError: ``name`` is no IANA time zone."""
    try:
        zoneinfo.ZoneInfo(name)
    except (ValueError, zoneinfo.ZoneInfoNotFoundError, OSError) as error:
        raise ValidationError("Choose a time zone such as Europe/Berlin.", code="timezone") from error


class OrgRole(models.TextChoices):
    """Roles in the whole organisation, beside the roles a person has on single systems."""

    GOVERNANCE_OFFICE = "governance_office", "Governance office"
    AUDITOR = "auditor", "Auditor"
    ADMIN = "admin", "Administrator"


class UserManager(DjangoUserManager):
    def automation(self) -> "User":
        """The account that scheduled work and commands act as when no person asked: it can never sign in."""
        user, made = self.get_or_create(
            username="automation", defaults={"full_name": "AI Factory (automatic)", "is_active": False}
        )
        if made:
            user.set_unusable_password()
            user.save(update_fields=["password"])
        return user


class User(AbstractUser):
    """A person (or the automation account). Names and addresses live here only, so that they can be erased."""

    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    full_name = models.CharField(max_length=150)
    email = models.EmailField(blank=True)
    job_title = models.CharField(max_length=150, blank=True)
    timezone = models.CharField(
        max_length=60, blank=True, validators=[check_timezone], help_text="Dates are shown in this zone."
    )

    objects = UserManager()

    REQUIRED_FIELDS = ["email", "full_name"]

    class Meta(AbstractUser.Meta):
        constraints = [
            models.UniqueConstraint(
                models.functions.Lower("email"), condition=~Q(email=""), name="accounts_user_email_once"
            )
        ]

    def __str__(self) -> str:
        return self.full_name or self.username

    def get_full_name(self) -> str:
        return self.full_name or self.username

    def get_short_name(self) -> str:
        return self.get_full_name().split(" ")[0]

    @property
    def org_roles(self) -> frozenset[str]:
        """The organisation-wide roles of this person, read once per instance. The inactive have none."""
        if not self.is_active:
            return frozenset()
        if not hasattr(self, "_org_roles"):
            self._org_roles = frozenset(self.organisation_roles.values_list("role", flat=True))
        return self._org_roles

    @property
    def runs_the_office(self) -> bool:
        """May run things across systems: imports, bulk assignment, invitations."""
        return self.is_superuser or bool(self.org_roles & {OrgRole.GOVERNANCE_OFFICE, OrgRole.ADMIN})

    @property
    def sees_everything(self) -> bool:
        return self.is_active and (self.is_superuser or bool(self.org_roles))


class OrganisationRole(models.Model):
    """One organisation-wide role of one person."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="organisation_roles")
    role = models.CharField(max_length=30, choices=OrgRole.choices)
    granted_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    granted_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "role"], name="accounts_org_role_once"),
            models.CheckConstraint(name="accounts_org_role_is_known", condition=Q(role__in=OrgRole.values)),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.get_role_display()}"


class Team(models.Model):
    """People who get roles together. Its members are the users of ``group``, which carries the permissions."""

    name = models.CharField(max_length=120, unique=True)
    description = models.TextField(blank=True)
    group = models.OneToOneField(Group, on_delete=models.PROTECT, related_name="team")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Scope(models.TextChoices):
    """What an API token may be used for, on top of what its person may do. No scope signs."""

    READ = "read", "Read"
    WRITE = "write", "Change records"
    GATE = "gate:decide", "Record gate decisions"
    IMPORT = "import", "Import inventories"


class ApiToken(AbstractAuthToken):
    """A hashed, expiring key for machines that acts for a person within its scopes."""

    name = models.CharField(max_length=100)
    scopes = models.JSONField(default=list)
    last_used = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created"]

    def __str__(self) -> str:
        return self.name


def invitation_token() -> str:
    """The secret half of an invitation link: 256 random bits."""
    return secrets.token_urlsafe(32)


class Invitation(models.Model):
    """An e-mailed, single-use link with which a new person makes their account. Only the link's hash is kept."""

    email = models.EmailField()
    full_name = models.CharField(max_length=150)
    job_title = models.CharField(max_length=150, blank=True)
    team = models.ForeignKey(Team, on_delete=models.SET_NULL, null=True, blank=True)
    token_sha256 = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    invited_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    accepted_by = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="invitation"
    )
    accepted_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-invited_at"]

    def __str__(self) -> str:
        return self.email

    @property
    def is_open(self) -> bool:
        return self.accepted_at is None and self.withdrawn_at is None and self.expires_at > timezone.now()


class Proof(models.Model):
    """
    One re-authentication for one signature: who proved it was them, how, when and for which bytes.

    Written in the transaction of the signature it serves and never used again.
    """

    class Method(models.TextChoices):
        PASSWORD = "password", "Password"  # noqa: S105
        PASSWORD_TOTP = "password+totp", "Password and authenticator code"  # noqa: S105
        PASSWORD_RECOVERY = "password+recovery_code", "Password and recovery code"  # noqa: S105

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    method = models.CharField(max_length=30, choices=Method.choices)
    purpose = models.CharField(max_length=60)
    digest = models.CharField(max_length=64)
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.purpose} by {self.user_id} at {self.at:%Y-%m-%d %H:%M}"

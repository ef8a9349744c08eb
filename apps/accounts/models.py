import secrets
import uuid
import zoneinfo

from django.conf import settings
from django.contrib.auth.models import AbstractUser, Group
from django.contrib.auth.models import UserManager as DjangoUserManager
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac
from knox.models import AbstractAuthToken

from apps.core.canonical import sha256_hex

from .querysets import AUTOMATION, InvitationQuerySet, TeamQuerySet, UserQuerySet


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


class UserManager(DjangoUserManager.from_queryset(UserQuerySet)):  # type: ignore[misc]
    def automation(self) -> "User":
        """The account that scheduled work and commands act as when no person asked: it can never sign in."""
        user, made = self.get_or_create(
            username=AUTOMATION, defaults={"full_name": "AI Factory (automatic)", "is_active": False}
        )
        if made:
            user.set_unusable_password()
            user.save(update_fields=["password"])
        user.via = "task"
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
    # Part of what a session is checked against: counting it up ends all sessions, on every device, for good.
    session_epoch = models.PositiveIntegerField(default=0, editable=False)

    objects = UserManager()

    # Through which door this person came for the work at hand: session, token, task or command.
    via: str = "session"

    REQUIRED_FIELDS = ["email", "full_name"]

    class Meta(AbstractUser.Meta):
        constraints = [
            models.UniqueConstraint(Lower("email"), condition=~Q(email=""), name="accounts_user_email_once"),
            # Two people whose names differ in case only cannot be told apart in a list of signers.
            models.UniqueConstraint(Lower("username"), name="accounts_user_username_once"),
        ]

    def __str__(self) -> str:
        return self.full_name or self.username

    def get_full_name(self) -> str:
        return self.full_name or self.username

    def get_short_name(self) -> str:
        return self.get_full_name().split(" ")[0]

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        content = f"{self.password}{self.session_epoch or ''}"
        return salted_hmac("accounts.User.session", content, secret=secret, algorithm="sha256").hexdigest()

    @property
    def org_roles(self) -> frozenset[str]:
        """The organisation-wide roles of this person, read once per instance. The inactive have none."""
        if not self.is_active:
            return frozenset()
        if not hasattr(self, "_org_roles"):
            self._org_roles = frozenset(self.organisation_roles.values_list("role", flat=True))
        return self._org_roles

    @property
    def is_automation(self) -> bool:
        return self.username == AUTOMATION

    @property
    def administers(self) -> bool:
        """May configure the installation: organisation roles, Django admin. No right to sign comes with it."""
        return self.is_active and (self.is_superuser or OrgRole.ADMIN in self.org_roles)

    @property
    def runs_the_office(self) -> bool:
        """May run things across systems: imports, bulk assignment, invitations."""
        return self.administers or OrgRole.GOVERNANCE_OFFICE in self.org_roles

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

    objects = TeamQuerySet.as_manager()

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

    # What pages and entries call it by: the key of the row is its digest.
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=100)
    scopes = models.JSONField(default=list)
    last_used = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created"]
        verbose_name = "API token"

    def __str__(self) -> str:
        return self.name

    @property
    def is_expired(self) -> bool:
        return self.expiry is not None and self.expiry <= timezone.now()

    @property
    def scope_labels(self) -> list[str]:
        return [str(Scope(scope).label) if scope in Scope.values else scope for scope in self.scopes]


def invitation_token() -> str:
    """The secret half of an invitation link: 256 random bits."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """What is kept of an invitation link. The token has 256 random bits, so a plain hash is enough."""
    return sha256_hex(token.encode())


def unsent_token_hash() -> str:
    """The hash of a token that nobody has: the link itself is made when the e-mail goes out."""
    return token_hash(invitation_token())


class Invitation(models.Model):
    """An e-mailed, single-use link with which a new person makes their account. Only the link's hash is kept."""

    class State(models.TextChoices):
        OPEN = "open", "Waiting"
        EXPIRED = "expired", "Expired"
        ACCEPTED = "accepted", "Accepted"
        WITHDRAWN = "withdrawn", "Withdrawn"

    email = models.EmailField()
    full_name = models.CharField(max_length=150)
    job_title = models.CharField(max_length=150, blank=True)
    team = models.ForeignKey(Team, on_delete=models.SET_NULL, null=True, blank=True)
    token_sha256 = models.CharField(max_length=64, unique=True, editable=False, default=unsent_token_hash)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    invited_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True, help_text="When the newest link went out.")
    accepted_by = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="invitation"
    )
    accepted_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-invited_at"]
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                condition=Q(accepted_at=None, withdrawn_at=None),
                name="accounts_invitation_waits_once_per_email",
            ),
            models.CheckConstraint(
                name="accounts_invitation_withdrawn_by_and_at",
                condition=Q(withdrawn_by=None, withdrawn_at=None)
                | Q(withdrawn_by__isnull=False, withdrawn_at__isnull=False),
            ),
            models.CheckConstraint(
                name="accounts_invitation_accepted_or_withdrawn", condition=Q(accepted_at=None) | Q(withdrawn_at=None)
            ),
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def state(self) -> "Invitation.State":
        if self.accepted_at:
            return self.State.ACCEPTED
        if self.withdrawn_at:
            return self.State.WITHDRAWN
        return self.State.OPEN if self.expires_at > timezone.now() else self.State.EXPIRED

    @property
    def is_open(self) -> bool:
        """Its link works."""
        return self.state == self.State.OPEN

    @property
    def is_waiting(self) -> bool:
        """Neither accepted nor withdrawn: it may be sent again, which renews an expired one."""
        return self.accepted_at is None and self.withdrawn_at is None


class Proof(models.Model):
    """
    One re-authentication for one signature: who proved it was them, how, when and for which bytes.

    Written in the transaction of the signature it serves and never used again.
    """

    class Method(models.TextChoices):
        PASSWORD = "password", "Password"
        PASSWORD_TOTP = "password+totp", "Password and authenticator code"
        PASSWORD_RECOVERY = "password+recovery_code", "Password and recovery code"

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    method = models.CharField(max_length=30, choices=Method.choices)
    purpose = models.CharField(max_length=60)
    digest = models.CharField(max_length=64)
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.purpose} by {self.user_id} at {self.at:%Y-%m-%d %H:%M}"

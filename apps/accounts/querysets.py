"""Named questions about people."""

from django.db import models
from django.db.models import Q

AUTOMATION = "automation"


class UserQuerySet(models.QuerySet):
    def people(self) -> "UserQuerySet":
        """Everybody with an account, without the account of the automation."""
        return self.exclude(username=AUTOMATION)

    def active(self) -> "UserQuerySet":
        return self.filter(is_active=True)

    def administrators(self) -> "UserQuerySet":
        """Active people who may configure the installation."""
        from .models import OrganisationRole, OrgRole

        holders = OrganisationRole.objects.filter(role=OrgRole.ADMIN).values("user")
        return self.active().filter(Q(is_superuser=True) | Q(pk__in=holders))

    def called(self, text: str, *, with_email: bool = False) -> "UserQuerySet":
        """People in whose names all words of ``text`` occur. Addresses count only where the reader may see them."""
        found = self
        for word in text.split():
            hit = Q(full_name__icontains=word) | Q(username__icontains=word) | Q(job_title__icontains=word)
            if with_email:
                hit |= Q(email__icontains=word)
            found = found.filter(hit)
        return found

    def with_roles(self) -> "UserQuerySet":
        """Organisation roles and teams along, for lists: two queries more, whatever the length."""
        return self.prefetch_related("organisation_roles", "groups__team")


class InvitationQuerySet(models.QuerySet):
    def waiting(self) -> "InvitationQuerySet":
        """Neither accepted nor withdrawn; the expired among them can be sent again."""
        return self.filter(accepted_at=None, withdrawn_at=None)

    def settled(self) -> "InvitationQuerySet":
        return self.exclude(accepted_at=None, withdrawn_at=None)


class TeamQuerySet(models.QuerySet):
    def with_size(self) -> "TeamQuerySet":
        """With ``size``, the number of active members."""
        active = models.Count("group__user", filter=Q(group__user__is_active=True))
        return self.annotate(size=active)

    def called(self, text: str) -> "TeamQuerySet":
        return self.filter(Q(name__icontains=text) | Q(description__icontains=text)) if text else self

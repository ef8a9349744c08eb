from datetime import date, datetime

from django.db import models
from django.db.models import Q

from apps.registry.querysets import OfSystemQuerySet


class OfReviewQuerySet(OfSystemQuerySet):
    system_path = "review__system"


class OfReviewItemQuerySet(OfSystemQuerySet):
    system_path = "review_item__review__system"

    # Insert-only rows, not governed ones: creating them is all that ever happens.
    bulk_create = models.QuerySet.bulk_create


class EvidenceQuerySet(OfSystemQuerySet):
    def usable(self, on: date) -> "EvidenceQuerySet":
        """Not withdrawn and not run out on ``on``."""
        return self.filter(Q(valid_until=None) | Q(valid_until__gte=on), withdrawn_at=None)


class EvidenceLinkQuerySet(OfSystemQuerySet):
    system_path = "evidence__system"


class SignOffQuerySet(OfSystemQuerySet):
    system_path = "review__system"

    def standing(self, at: datetime) -> "SignOffQuerySet":
        """Not void and not run out at ``at``. Whether the content is still the signed one is computed elsewhere."""
        return self.filter(void=None, valid_until__gt=at)

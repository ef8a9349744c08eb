from datetime import date

from apps.registry.querysets import OfSystemQuerySet


class WaiverQuerySet(OfSystemQuerySet):
    def live(self, on: date) -> "WaiverQuerySet":
        """Approved and not past their last day on ``on``."""
        return self.filter(status="approved", expires_on__gte=on)

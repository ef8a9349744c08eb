from collections.abc import Callable
from datetime import datetime, timedelta

from celery import shared_task
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import autodiscover_modules

from apps.accounts.models import User
from apps.registry.models import AISystem

from .models import SystemStatus
from .status import refresh

SWEEPS: list[Callable[[datetime], object]] = []


def sweeper(function: Callable[[datetime], object]) -> Callable[[datetime], object]:
    """Register a room's ``sweep(now)``: what has run out since is written down before the gates are asked again."""
    SWEEPS.append(function)
    return function


@shared_task
def sweep(**kwargs: object) -> int:
    """
    Write down what time alone has changed, and ask again at every gate whose answer that changes.

    Idempotent; returns how many systems were looked at.
    """
    autodiscover_modules("sweep")
    now = timezone.now()
    for function in SWEEPS:
        function(now)
    due = SystemStatus.objects.filter(next_change_at__lte=now).values_list("pk", flat=True)
    stale = SystemStatus.objects.filter(evaluated_at__lt=now - timedelta(days=7)).values_list("pk", flat=True)[:500]
    unknown = AISystem.objects.filter(status=None).values_list("pk", flat=True)
    by = User.objects.automation()
    seen = 0
    for pk in {*due, *stale, *unknown}:
        with transaction.atomic():
            system = AISystem.objects.select_for_update().filter(pk=pk).first()
            if system is not None:
                refresh(system, by=by)
                seen += 1
    return seen

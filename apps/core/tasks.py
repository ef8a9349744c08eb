from celery import shared_task

from . import outbox


@shared_task
def drain_outbox(**kwargs: object) -> int:
    """Carry out what waits in the outbox; called after a commit and by the scheduler every half minute."""
    return outbox.drain()

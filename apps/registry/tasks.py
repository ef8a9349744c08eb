"""What the worker does for this room: its outbox handlers register when Celery finds this module."""

from . import import_actions

__all__ = ["import_actions"]

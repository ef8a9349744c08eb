"""E-mail through the outbox: queued with the change it is about, sent by the worker."""

from typing import Any

from django.conf import settings
from django.core.mail import send_mail

from . import outbox


def queue_mail(user: Any, *, subject: str, body: str, path: str = "") -> None:
    """Queue one plain-text e-mail to ``user``; ``path`` becomes a full link at its end. Nothing for the inactive."""
    if not user.is_active or not user.email:
        return
    text = f"{body}\n\n{settings.SITE_URL}{path}" if path else body
    outbox.put("mail", to=user.email, subject=subject, body=text)


@outbox.handler("mail")
def _send(to: str, subject: str, body: str) -> None:
    send_mail(f"[{settings.INSTANCE_NAME}] {subject}", body, None, [to])

from django.conf import settings
from django.http import HttpRequest


def ui(request: HttpRequest) -> dict:
    """What the frame of every page shows: the name of the instance and the doors this person may open."""
    user = getattr(request, "user", None)
    office = bool(user and user.is_authenticated and user.runs_the_office)
    return {"instance_name": settings.INSTANCE_NAME, "perms_ui": {"can_import": office, "is_office": office}}

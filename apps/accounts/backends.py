from typing import Any

from django.contrib.auth.backends import BaseBackend

from .models import User


class AdministratorBackend(BaseBackend):
    """
    Opens Django admin to holders of the administrator role: they look at everything there.

    What can be changed on a page of the admin is decided by that page, and its actions ask their policies. Nothing can
    be deleted, and no right on a single system comes from here.
    """

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        codename = perm.partition(".")[2]
        return obj is None and codename.startswith(("view_", "add_", "change_")) and self._administers(user_obj)

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        return self._administers(user_obj)

    @staticmethod
    def _administers(user: Any) -> bool:
        return isinstance(user, User) and user.administers

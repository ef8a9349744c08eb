from .bulk import bulk_roles
from .models import (
    model_register,
    system_models,
    version_correct,
    version_register,
    version_stop,
    version_use,
    version_use_other,
)
from .people import deputy_appoint, deputy_end, owner_change, role_grant, role_withdraw, system_people
from .systems import duplicates, system_edit, system_new, system_tier

__all__ = [
    "bulk_roles",
    "deputy_appoint",
    "deputy_end",
    "duplicates",
    "model_register",
    "owner_change",
    "role_grant",
    "role_withdraw",
    "system_edit",
    "system_models",
    "system_new",
    "system_people",
    "system_tier",
    "version_correct",
    "version_register",
    "version_stop",
    "version_use",
    "version_use_other",
]

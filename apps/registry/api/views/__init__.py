from .models import (
    ModelDetail,
    ModelVersions,
    SystemModels,
    SystemVersionUses,
    VersionDetail,
    VersionUseDetail,
)
from .people import DeputyshipDetail, RoleDetail, SystemDeputyships, SystemOwner, SystemRoles
from .systems import Duplicates, SystemDetail, Systems, SystemTier

__all__ = [
    "DeputyshipDetail",
    "Duplicates",
    "ModelDetail",
    "ModelVersions",
    "RoleDetail",
    "SystemDeputyships",
    "SystemDetail",
    "SystemModels",
    "SystemOwner",
    "SystemRoles",
    "SystemTier",
    "SystemVersionUses",
    "Systems",
    "VersionDetail",
    "VersionUseDetail",
]

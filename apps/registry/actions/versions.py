import re
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max

from apps.audit.record import delete_with_history, save_with_history
from apps.core.exceptions import RuleViolation

from .. import policies
from ..models import AISystem, ModelVersion, RegisteredModel, VersionUse
from ..signals import announce, version_changed
from ._shared import changed_fields, check_version, locked, stated

_BARE_SHA256 = re.compile(r"(?:sha256:)?([0-9a-fA-F]{64})")
CORRECTABLE = frozenset({"artefact_digest", "source", "description"})


def as_digest(text: str) -> str:
    """A SHA-256, however tools print it, in the form kept here; anything else as it is, for validation to refuse."""
    found = _BARE_SHA256.fullmatch(text.strip())
    return f"sha256:{found[1].lower()}" if found else text.strip()


@transaction.atomic
def register_model(system: AISystem, *, by: Any, name: str, description: str = "") -> RegisteredModel:
    """
    Give a model a name in the register. Names are unique, as in the MLflow registry.

    :raises NotAllowed: ``by`` does not contribute here.
    :raises RuleViolation: the name is taken.
    :raises ValidationError: a value that does not fit.
    """
    system = locked(system)
    policies.check_can_contribute(system, user=by)
    model = RegisteredModel(system=system, name=name.strip(), description=description)
    model.clean_fields()
    if set("/:") & set(model.name):
        raise ValidationError({"name": "A name has no / and no : in it, because it becomes part of addresses."})
    if RegisteredModel.objects.filter(name=model.name).exists():
        raise RuleViolation(
            "A model of this name is registered already.", code="model_name_taken", help="Choose another.", field="name"
        )
    save_with_history(model, by=by, reason="Registered the model", act="model.registered")
    announce(system, by=by, fields={"models"}, reason="Registered a model")
    return model


@transaction.atomic
def register_version(
    model: RegisteredModel, *, by: Any, artefact_digest: str = "", source: str = "", description: str = ""
) -> ModelVersion:
    """
    Add the next version of a model. Numbers run from 1 without gaps.

    :raises NotAllowed: ``by`` does not contribute to the model's system.
    :raises ValidationError: a value that does not fit, such as a digest that is none.
    """
    # Holding the model's row makes two registrations at once take turns, and so take different numbers.
    model = locked(model)
    policies.check_can_contribute(model.system, user=by)
    last = ModelVersion.objects.filter(model=model).aggregate(last=Max("number"))["last"] or 0
    version = ModelVersion(
        model=model,
        number=last + 1,
        artefact_digest=as_digest(artefact_digest),
        source=source.strip(),
        description=description,
        registered_by=by,
    )
    version.clean_fields()
    save_with_history(version, by=by, reason=f"Registered version {version.number}", act="version.registered")
    announce(model.system, by=by, fields={"models"}, reason="Registered a model version")
    return version


@transaction.atomic
def correct_version(
    version: ModelVersion, *, by: Any, expected_version: int | None = None, **values: Any
) -> ModelVersion:
    """
    Correct digest, source or description of a version. Another digest means another artefact: what was signed about
    the version no longer holds, in every system that uses it.

    :raises NotAllowed: ``by`` does not contribute to the model's system.
    :raises StaleObject: it changed since ``expected_version``.
    :raises ValidationError: a value that does not fit.
    """
    version = locked(version)
    policies.check_can_contribute(version.system, user=by)
    check_version(version, expected_version)
    if unknown := values.keys() - CORRECTABLE:
        raise TypeError(f"Cannot be corrected: {', '.join(sorted(unknown))}.")
    if "artefact_digest" in values:
        values["artefact_digest"] = as_digest(values["artefact_digest"])
    changed = changed_fields(version, values)
    if not changed:
        return version
    reason = f"Corrected version {version.number}"
    save_with_history(version, by=by, reason=reason, fields=changed, act="version.corrected")
    if "artefact_digest" in changed:
        version_changed.send(sender=ModelVersion, model_version=version, by=by, reason=reason)
        for system in AISystem.objects.filter(version_uses__model_version=version).order_by("pk"):
            announce(system, by=by, fields={"versions"}, reason=reason)
    return version


@transaction.atomic
def use_version(system: AISystem, *, by: Any, model_version: ModelVersion, purpose: str = "") -> VersionUse:
    """
    State that ``system`` works with a model version, its own or another system's.

    :raises NotAllowed: ``by`` does not contribute here or may not see the model.
    :raises RuleViolation: it is in use already.
    """
    system = locked(system)
    policies.check_can_use_version(system, user=by, model_version=model_version)
    if VersionUse.objects.filter(system=system, model_version=model_version).exists():
        raise RuleViolation("This version is in use already.", code="in_use_already", field="model_version")
    use = VersionUse(system=system, model_version=model_version, purpose=purpose.strip())
    use.clean_fields()
    save_with_history(use, by=by, reason=f"Uses {model_version}", act="version.used")
    announce(system, by=by, fields={"versions"}, reason=f"Uses {model_version}")
    return use


@transaction.atomic
def stop_using_version(use: VersionUse, *, by: Any, reason: str) -> None:
    """
    State that the system no longer works with a model version.

    :raises NotAllowed: ``by`` does not contribute here.
    :raises RuleViolation: no reason, or the use has ended already.
    """
    system = locked(use.system)
    row = VersionUse.objects.select_related("model_version__model").filter(pk=use.pk).first()
    if row is None:
        raise RuleViolation("It is not in use any more.", code="not_in_use")
    policies.check_can_contribute(system, user=by)
    words = f"No longer uses {row.model_version}"
    delete_with_history(row, by=by, reason=f"{words}: {stated(reason)}", act="version.dropped")
    announce(system, by=by, fields={"versions"}, reason=words)

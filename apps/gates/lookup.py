"""Finding the model version that a gate is asked about."""

from django.db.models import QuerySet

from apps.core.exceptions import RuleViolation
from apps.registry.models import AISystem, ModelVersion


def find_version(
    system: AISystem, version: str = "", digest: str = "", *, among: QuerySet[ModelVersion]
) -> ModelVersion | None:
    """
    The version named as ``model/number`` or by the digest of its artefact; none where neither is given.

    ``among`` are the versions the asker may see. With a digest, versions this system uses come first.

    :raises RuleViolation: no such version (``unknown_version``). A gate never guesses what would go live.
    """
    if not version and not digest:
        return None
    visible = among.select_related("model__system")
    if digest:
        wanted = digest if digest.startswith("sha256:") else f"sha256:{digest}"
        found = list(visible.filter(artefact_digest=wanted.lower()).order_by("-pk")[:50])
        used = set(system.version_uses.values_list("model_version_id", flat=True))
        found.sort(key=lambda v: (v.pk not in used, v.model.system_id != system.pk))
        if found:
            return found[0]
        raise RuleViolation(
            f"No model version with the digest {wanted} is registered.",
            code="unknown_version",
            field="digest",
            help="Register the version with this digest first.",
        )
    model, _, number = version.rpartition("/")
    if model and number.isdigit() and (match := visible.filter(model__name=model, number=int(number)).first()):
        return match
    raise RuleViolation(
        f"There is no model version {version}. Name it as model/number, for example fraud-scoring/3.",
        code="unknown_version",
        field="version",
    )

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from apps.core.exceptions import NotAllowed, RuleViolation, StaleObject
from apps.registry import actions
from apps.registry.models import ModelVersion, VersionUse
from apps.registry.signals import system_changed, version_changed

DIGEST = "sha256:" + "ab" * 32
OTHER = "sha256:" + "cd" * 32


@pytest.fixture
def model(bare_system, owner):
    return actions.register_model(bare_system, by=owner, name="triage-classifier")


@pytest.fixture
def version(model, owner):
    return actions.register_version(model, by=owner, artefact_digest=DIGEST)


@pytest.fixture
def other_system(outsider):
    """Belongs to somebody else; the owner of ``bare_system`` does not see it."""
    return actions.register_system(by=outsider, name="Elsewhere", purpose="Some.")


@pytest.fixture
def announced():
    heard = []

    def listen(sender, system, fields, **kwargs):
        heard.append((system.slug, set(fields)))

    system_changed.connect(listen)
    yield heard
    system_changed.disconnect(listen)


def test_numbers_run_from_one_without_gaps(model, owner):
    for _ in range(2):
        actions.register_version(model, by=owner)
    with pytest.raises(ValidationError), transaction.atomic():
        actions.register_version(model, by=owner, artefact_digest="not a digest")
    actions.register_version(model, by=owner)

    assert list(ModelVersion.objects.order_by("number").values_list("number", flat=True)) == [1, 2, 3]


def test_the_database_refuses_a_number_twice(model, owner):
    first, second = (actions.register_version(model, by=owner) for _ in range(2))

    with pytest.raises(IntegrityError), transaction.atomic():
        QuerySet(ModelVersion).filter(pk=second.pk).update(number=first.number)


@pytest.mark.parametrize("given", [DIGEST, "ab" * 32, " sha256:" + "AB" * 32])
def test_digests_are_kept_in_one_form(model, owner, given):
    assert actions.register_version(model, by=owner, artefact_digest=given).artefact_digest == DIGEST


@pytest.mark.parametrize("given", ["md5:" + "ab" * 16, "ab" * 31, "sha256:" + "zz" * 32])
def test_what_is_no_sha256_is_refused(model, owner, given):
    with pytest.raises(ValidationError) as refusal:
        actions.register_version(model, by=owner, artefact_digest=given)

    assert set(refusal.value.message_dict) == {"artefact_digest"}


def test_model_names_are_unique(model, bare_system, owner):
    with pytest.raises(RuleViolation, match="registered already"):
        actions.register_model(bare_system, by=owner, name=" triage-classifier ")


@pytest.mark.parametrize("name", ["a/b", "a:b", ""])
def test_model_names_fit_into_an_address(bare_system, owner, name):
    with pytest.raises(ValidationError):
        actions.register_model(bare_system, by=owner, name=name)


@pytest.mark.parametrize(
    "person, allowed", [("owner", True), ("contributor", True), ("viewer", False), ("office", False)]
)
def test_who_registers_models(system, person, allowed, request):
    user = request.getfixturevalue(person)

    if allowed:
        assert actions.register_model(system, by=user, name="mine").system == system
    else:
        with pytest.raises(NotAllowed):
            actions.register_model(system, by=user, name="mine")


def test_using_a_version_is_announced(bare_system, version, owner, announced):
    use = actions.use_version(bare_system, by=owner, model_version=version, purpose="Sorts")

    assert (use.model_version, use.purpose) == (version, "Sorts")
    assert announced == [(bare_system.slug, {"versions"})]
    with pytest.raises(RuleViolation, match="in use already"):
        actions.use_version(bare_system, by=owner, model_version=version)


def test_registering_alone_changes_nothing_that_is_signed(model, owner, announced):
    actions.register_version(model, by=owner)

    assert announced == [("claims-triage", {"models"})]


def test_versions_of_systems_one_may_not_see_are_out_of_reach(other_system, outsider, bare_system, owner):
    model = actions.register_model(other_system, by=outsider, name="hidden")
    version = actions.register_version(model, by=outsider)

    with pytest.raises(NotAllowed, match="may not see it"):
        actions.use_version(bare_system, by=owner, model_version=version)


def test_another_digest_reaches_every_system_that_uses_the_version(
    bare_system, version, owner, outsider, other_system, office, announced
):
    actions.grant_role(bare_system, by=owner, role="viewer", user=outsider)
    actions.use_version(bare_system, by=owner, model_version=version)
    actions.use_version(other_system, by=outsider, model_version=version)
    heard = []

    def listen(sender, model_version, by, reason, **kwargs):
        heard.append((model_version, by))

    version_changed.connect(listen)
    announced.clear()
    corrected = actions.correct_version(version, by=owner, expected_version=1, artefact_digest=OTHER)
    version_changed.disconnect(listen)

    assert corrected.artefact_digest == OTHER
    assert heard == [(version, owner)]
    assert announced == [(bare_system.slug, {"versions"}), (other_system.slug, {"versions"})]


def test_a_better_description_reaches_nobody(version, owner, announced):
    announced.clear()

    actions.correct_version(version, by=owner, description="Trained in May")

    assert announced == []


def test_a_stale_correction_is_refused(version, owner):
    actions.correct_version(version, by=owner, description="First")

    with pytest.raises(StaleObject):
        actions.correct_version(version, by=owner, expected_version=1, description="Second")


def test_stopping_needs_a_reason_and_keeps_the_history(bare_system, version, owner):
    use = actions.use_version(bare_system, by=owner, model_version=version)
    with pytest.raises(RuleViolation, match="Say why"):
        actions.stop_using_version(use, by=owner, reason="")

    actions.stop_using_version(use, by=owner, reason="Replaced")

    assert not VersionUse.objects.exists()
    assert VersionUse.history.first().history_change_reason == "No longer uses triage-classifier v1: Replaced"
    with pytest.raises(RuleViolation, match="any more"):
        actions.stop_using_version(use, by=owner, reason="Replaced")

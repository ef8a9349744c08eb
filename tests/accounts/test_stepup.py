"""Proving, at the moment of signing, that it is really you."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.core.management import call_command
from django.db import DatabaseError, transaction
from django.utils import timezone

from apps.accounts import stepup
from apps.accounts.models import Proof, User
from apps.audit.models import Entry
from apps.core.exceptions import NotAllowed, RuleViolation
from tests.fixtures_people import PASSWORD

pytestmark = pytest.mark.django_db

NOW = timezone.now().replace(second=0, microsecond=0)


@pytest.fixture
def secret(owner: User) -> str:
    """The owner enrolled an authenticator app."""
    secret = generate_totp_secret()
    TOTP.activate(owner, secret)
    return secret


def code_of(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, int(timezone.now().timestamp()) // 30))


def verify(user: User, **given: str) -> stepup.Verified:
    return stepup.verify(user, **({"password": PASSWORD} | given))


def refusal(user: User, **given: str) -> RuleViolation:
    with pytest.raises(RuleViolation) as caught:
        verify(user, **given)
    return caught.value


def test_the_password_proves_it(owner: User) -> None:
    assert verify(owner).method == "password"


def test_a_proof_is_kept_for_one_digest_and_never_changed(owner: User) -> None:
    proof = stepup.keep(verify(owner), purpose="sign-off", digest="ab" * 32)

    assert (proof.user, proof.digest, proof.method) == (owner, "ab" * 32, "password")
    with pytest.raises(DatabaseError), transaction.atomic():
        Proof.objects.update(digest="cd" * 32)


def test_a_wrong_password_is_refused_recorded_and_counted(owner: User) -> None:
    error = refusal(owner, password="not it at all")

    assert (error.code, error.field) == ("wrong_password", "password")
    (entry,) = Entry.objects.filter(act="stepup.failed")
    assert entry.object_id == str(owner.uid)
    assert b"not it at all" not in bytes(entry.body)


def test_five_wrong_tries_block_for_five_minutes(owner: User) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        for _ in range(5):
            assert refusal(owner, password="wrong").code == "wrong_password"
        assert refusal(owner).code == "too_many_tries", "even with the right password"
        clock.shift(timedelta(seconds=301))

        assert verify(owner).method == "password"


def test_a_success_clears_the_count(owner: User) -> None:
    for _ in range(2):
        for _ in range(4):
            refusal(owner, password="wrong")
        verify(owner)


def test_who_enrolled_a_second_factor_needs_its_code(owner: User, secret: str) -> None:
    with time_machine.travel(NOW, tick=False):
        assert refusal(owner).code == "code_needed"
        assert refusal(owner, code="000000").code == "wrong_code"

        assert verify(owner, code=f" {code_of(secret)} ").method == "password+totp"


def test_a_code_works_once(owner: User, secret: str) -> None:
    with time_machine.travel(NOW, tick=False):
        code = code_of(secret)
        verify(owner, code=code)

        assert refusal(owner, code=code).code == "wrong_code"


def test_a_right_code_does_not_help_a_wrong_password(owner: User, secret: str) -> None:
    with time_machine.travel(NOW, tick=False):
        assert refusal(owner, password="wrong", code=code_of(secret)).code == "wrong_password"


def test_wrong_codes_count_and_missing_ones_do_not(owner: User, secret: str) -> None:
    for _ in range(6):
        assert refusal(owner).code == "code_needed"
    for _ in range(5):
        assert refusal(owner, code="000000").code == "wrong_code"
    assert refusal(owner, code="000000").code == "too_many_tries"


def test_a_recovery_code_works_once_and_says_so(owner: User, secret: str) -> None:
    code = RecoveryCodes.activate(owner).get_unused_codes()[0]

    assert verify(owner, code=code).method == "password+recovery_code"
    assert refusal(owner, code=code).code == "wrong_code"


@pytest.mark.parametrize("via", ["token", "task", "command"])
def test_only_a_person_in_the_browser_signs(owner: User, via: str) -> None:
    owner.via = via

    with pytest.raises(NotAllowed, match="Only a person"):
        verify(owner)


def test_the_automation_never_signs() -> None:
    with pytest.raises(NotAllowed):
        verify(User.objects.automation())


def test_the_inactive_do_not_sign_even_with_a_page_still_open(owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(is_active=False)

    with pytest.raises(NotAllowed, match="not active"):
        verify(owner)


def test_the_newest_password_counts(owner: User) -> None:
    other = User.objects.get(pk=owner.pk)
    other.set_password("a newer password")
    other.save()

    assert refusal(owner).code == "wrong_password"
    assert verify(owner, password="a newer password").method == "password"


def test_who_has_no_password_cannot_sign(owner: User) -> None:
    owner.set_unusable_password()
    owner.save()

    with pytest.raises(NotAllowed, match="no password"):
        verify(owner)


@pytest.mark.django_db(transaction=True)
def test_tries_are_not_counted_where_they_could_be_taken_back(owner: User) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError):
        verify(owner)


@pytest.mark.django_db(transaction=True)
def test_the_count_holds_in_the_cache_of_the_product(owner: User, settings: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "core_cache"}}
    call_command("createcachetable")
    for _ in range(5):
        refusal(owner, password="wrong")

    assert refusal(owner).code == "too_many_tries"
    assert Entry.objects.filter(act="stepup.failed").count() == 5

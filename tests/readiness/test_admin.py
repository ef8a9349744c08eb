"""The admin finds and shows everything of the readiness room, and changes nothing."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.urls import reverse

from apps.core.models import GovernedModel
from apps.readiness import actions
from apps.readiness.models import SignOff
from tests.fixtures_reviews import item_of, pass_item, sign

pytestmark = pytest.mark.django_db
MODELS = [
    model for model in apps.get_app_config("readiness").get_models() if not model.__name__.startswith("Historical")
]


@pytest.fixture
def filled(open_review, contributor, business):
    pass_item(item_of(open_review, "B-5"), by=contributor, verifier=business)
    actions.add_comment(item_of(open_review, "B-5"), by=contributor, text="Hello")
    sign(open_review, "business", by=business)
    return open_review


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_everything_is_listed_searched_and_shown_but_never_changed(filled, superuser, as_user, model):
    client, options = as_user(superuser), admin.site._registry[model]
    label = f"admin:readiness_{model._meta.model_name}"

    listed = client.get(reverse(f"{label}_changelist"), {"q": "B-5"})

    assert options.search_fields
    assert listed.status_code == 200
    assert client.get(reverse(f"{label}_add")).status_code == 403
    row = model._default_manager.first()
    if row is None:
        return
    page = reverse(f"{label}_change", args=[row.pk])
    assert client.get(page).status_code == 200
    assert 'name="_save"' not in client.get(page).content.decode()
    assert client.post(page, {"state": "closed"}).status_code == 403
    assert client.post(reverse(f"{label}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    if issubclass(model, GovernedModel):
        assert client.get(reverse(f"{label}_history", args=[row.pk])).status_code == 200


def test_the_history_of_an_item_can_be_read(filled, superuser, as_user):
    item = item_of(filled, "B-5")

    text = as_user(superuser).get(reverse("admin:readiness_reviewitem_history", args=[item.pk])).content.decode()

    assert "Verified" in text


def test_a_signature_shows_its_bytes(filled, superuser, as_user):
    signed = SignOff.objects.get()

    text = as_user(superuser).get(reverse("admin:readiness_signoff_change", args=[signed.pk])).content.decode()

    assert "aifactory.signoff/v1" in text


def test_only_staff_get_in(filled, owner, as_user):
    item = item_of(filled, "B-5")

    assert as_user(owner).get(reverse("admin:readiness_reviewitem_change", args=[item.pk])).status_code == 302

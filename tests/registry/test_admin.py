import pytest
from django.apps import apps
from django.contrib import admin

from apps.registry import actions

# Tables with a page in the admin: all of the room but the histories, which their rows show.
TABLES = [model for model in apps.get_app_config("registry").get_models() if "historical" not in model._meta.model_name]


@pytest.fixture
def filled(system, owner, technical, outsider, office):
    """A system with a row in most tables."""
    model = actions.register_model(system, by=owner, name="triage")
    actions.use_version(system, by=owner, model_version=actions.register_version(model, by=owner))
    return system


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model._meta.model_name)
def test_every_table_can_be_searched_and_nothing_changed(filled, superuser, as_user, model):
    client = as_user(superuser)
    base = f"/admin/registry/{model._meta.model_name}/"

    assert admin.site._registry[model].search_fields
    assert client.get(base, {"q": "triage"}).status_code == 200
    assert client.get(base + "add/").status_code == 403
    row = model._default_manager.first()
    if row is not None:
        page = client.get(f"{base}{row.pk}/change/")
        assert page.status_code == 200
        assert 'name="_save"' not in page.content.decode()
        assert client.post(f"{base}{row.pk}/change/", {}).status_code == 403
        assert client.post(f"{base}{row.pk}/delete/", {"post": "yes"}).status_code == 403


def test_the_history_of_a_system_is_readable(filled, superuser, owner, as_user):
    actions.change_system(filled, by=owner, unit="Claims")

    page = as_user(superuser).get(f"/admin/registry/aisystem/{filled.pk}/history/")

    assert "Changed organisational unit" in page.content.decode()


@pytest.mark.parametrize("person", ["owner", "office", "org_auditor", "viewer"])
def test_only_administrators_come_in(filled, person, as_user, request):
    answer = as_user(request.getfixturevalue(person)).get("/admin/registry/aisystem/")

    assert answer.status_code == 302

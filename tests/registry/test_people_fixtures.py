import pytest

from apps.registry.people import roles_of
from tests.fixtures_people import SYSTEM_ROLES


def test_each_person_holds_their_role(system, owner, request):
    held = {name: roles_of(request.getfixturevalue(name), system) for name in SYSTEM_ROLES}

    assert held == {name: {role} for name, role in SYSTEM_ROLES.items()}
    assert roles_of(owner, system) == {"owner"}


@pytest.mark.parametrize("person, sees", [("viewer", True), ("outsider", False), ("inactive", False), ("office", True)])
def test_who_sees_the_system(system, person, sees, request):
    user = request.getfixturevalue(person)

    assert type(system).objects.visible_to(user).filter(pk=system.pk).exists() is sees

"""What is measured has to look like what the product writes."""

import json

from django.db import connection
from django.test import TestCase

from apps.accounts.models import User
from apps.audit.models import Entry
from apps.audit.record import commitment, state_of
from apps.core.canonical import canonical_bytes
from apps.gates.models import SystemStatus
from apps.gates.status import refresh
from apps.readiness.effective import section_states
from apps.readiness.models import Review, ReviewItem
from apps.registry.models import AISystem, AISystemUserPermission, RoleAssignment
from apps.registry.roles import BUNDLES
from bench.generate import generate

SYSTEMS = 40
DERIVED = ["next_phase", "next_granted", "missing", "met", "required", "sentence", "holds", "suspended"]


class GeneratedPortfolio(TestCase):
    @classmethod
    def setUpTestData(cls):
        generate(SYSTEMS)

    def test_rows_fit_together(self):
        connection.check_constraints()
        assert AISystem.objects.count() == SYSTEMS
        assert Review.objects.count() == SYSTEMS
        assert ReviewItem.objects.count() == SYSTEMS * 32
        assert ReviewItem.history.count() > SYSTEMS * 32 * 2

    def test_the_gate_beside_each_system_is_the_gates_own_answer(self):
        for system in AISystem.objects.all():
            written = SystemStatus.objects.get(pk=system.pk)
            refresh(system)
            computed = SystemStatus.objects.get(pk=system.pk)
            assert {name: getattr(written, name) for name in DERIVED} == {
                name: getattr(computed, name) for name in DERIVED
            }, system

    def test_signatures_are_over_the_content_there_is(self):
        states = {state.status for review in Review.objects.all() for state in section_states(review).values()}
        assert states == {"signed", "unsigned", "lapsed"}

    def test_permissions_follow_roles(self):
        assignment = RoleAssignment.objects.filter(role="owner").first()
        rows = AISystemUserPermission.objects.filter(user=assignment.user, content_object=assignment.system)
        assert BUNDLES["owner"] <= set(rows.values_list("permission__codename", flat=True))
        assert AISystem.objects.visible_to(User.objects.get(username="ordinary")).count() == SYSTEMS // 10
        assert AISystem.objects.visible_to(User.objects.get(username="few")).count() == 1

    def test_entries_have_the_shape_that_the_ledger_gives_them(self):
        entry = Entry.objects.filter(act="system.tier_set").select_related("private").first()
        body = json.loads(bytes(entry.body))
        assert canonical_bytes(body) == bytes(entry.body)
        assert body["after"] == commitment(bytes(entry.private.salt), entry.private.data["after"])
        row = AISystem.history.get(pk=body["hist"]["id"])
        columns = {field.attname: value for field in row.tracked_fields for value in [state_of(row)[field.attname]]}
        assert body["hist"]["commit"] == commitment(bytes(entry.private.salt), columns)

"""One of everything, built through actions, and a way to knock at its doors as anybody."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from apps.accounts import actions as accounts
from apps.accounts.models import OrganisationRole, OrgRole, Scope, User
from apps.gates import actions as gates
from apps.gates.models import Waiver
from apps.readiness import actions as readiness
from apps.readiness.content import section_content, statement_for
from apps.readiness.models import ReviewItem
from apps.registry import actions as registry
from apps.registry.models import AISystem, ImportRun
from apps.registry.roles import Role
from tests.fixtures_people import PASSWORD

ORG = {"office": OrgRole.GOVERNANCE_OFFICE, "org_auditor": OrgRole.AUDITOR, "org_admin": OrgRole.ADMIN}


class World:
    """The people by name, the system, and the ids that routes ask for."""

    def __init__(self) -> None:
        self.users: dict[str, User] = {}
        self.tokens: dict[str, str] = {}
        self.ids: dict[str, dict[str, Any]] = {"": {}}
        self.etags: dict[str, str] = {}
        self._clients: dict[str, Client] = {}
        self.system: AISystem
        self.media: Path

    def kwargs(self, name: str) -> dict[str, Any]:
        """The URL arguments declared as ``with: name``."""
        return self.ids[name]

    def client(self, person: str) -> tuple[Client, dict[str, str]]:
        """A browser session (or a token's headers) of ``person``; ``anonymous`` has neither."""
        if person in self.tokens:
            return Client(), {"Authorization": f"Bearer {self.tokens[person]}"}
        return self._clients.setdefault(person, Client()), {}

    def sign_everybody_in(self) -> None:
        """Before the first request: what a request writes is taken back, its session would be too."""
        for person, user in self.users.items():
            client = self._clients.setdefault(person, Client())
            client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")


def build_world(people: list[str]) -> World:
    """Make the people and one of everything."""
    world = World()
    for name in people:
        if name == "anonymous" or name.startswith("token_"):
            continue
        user = User.objects.create_user(
            name,
            password=PASSWORD,
            full_name=name.replace("_", " ").title(),
            email=f"{name}@example.org",
            is_superuser=name == "superuser",
            is_staff=name in ("superuser", "org_admin"),
        )
        if name in ORG:
            OrganisationRole.objects.create(user=user, role=ORG[name])
        world.users[name] = user
    _the_system(world)
    _the_review(world)
    _the_rest(world)
    _the_etags(world)
    world.sign_everybody_in()
    User.objects.filter(pk=world.users["inactive"].pk).update(is_active=False)
    return world


def _the_etags(world: World) -> None:
    item = ReviewItem.objects.get(review__uid=world.ids["item"]["uid"], item__key=world.ids["item"]["key"])
    rows = {
        "system": AISystem.objects.get(pk=world.system.pk),
        "item": item,
        "review": item.review,
        "waiver": Waiver.objects.get(uid=world.ids["waiver"]["uid"]),
    }
    world.etags = {name: row.etag for name, row in rows.items()}


def _the_system(world: World) -> None:
    users = world.users
    system = registry.register_system(by=users["owner"], name="Claims triage", purpose="Sorts claims by urgency.")
    for role in Role.values:
        if role != Role.OWNER:
            name = "system_auditor" if role == Role.AUDITOR else role
            registry.grant_role(system, by=users["office"], role=role, user=users[name], tell=False)
    registry.grant_role(system, by=users["office"], role=Role.CONTRIBUTOR, user=users["inactive"], tell=False)
    world.system = system
    model = registry.register_model(system, by=users["owner"], name="triage")
    version = registry.register_version(model, by=users["owner"], artefact_digest="sha256:" + "a" * 64)
    use = registry.use_version(system, by=users["owner"], model_version=version)
    now = timezone.now()
    deputyship = registry.appoint_deputy(
        system,
        by=users["office"],
        principal=users["technical_approver"],
        deputy=users["deputy"],
        role=Role.TECHNICAL_APPROVER,
        starts_at=now,
        ends_at=now + timedelta(days=5),
        reason="Away",
    )
    slug = {"slug": system.slug}
    assignment = system.assignments.get(role=Role.VIEWER)
    world.ids |= {
        "system": slug,
        "gate": slug | {"phase": "limited_beta"},
        "model": {"name": model.name},
        "version": {"name": model.name, "number": version.number},
        "system_model": slug | {"pk": model.pk},
        "system_version": slug | {"pk": version.pk},
        "system_use": slug | {"pk": use.pk},
        "system_assignment": slug | {"pk": assignment.pk},
        "system_deputyship": slug | {"pk": deputyship.pk},
    }


def _the_review(world: World) -> None:
    users, system = world.users, world.system
    review = readiness.open_review(system, by=users["owner"], phase="limited_beta")
    for key in ("T-3", "T-4"):
        item = ReviewItem.objects.get(review=review, item__key=key)
        evidence = readiness.add_evidence(
            system,
            by=users["contributor"],
            kind="document",
            title="Threat model",
            effective_on=timezone.localdate(),
            upload=SimpleUploadedFile("model.txt", b"Eleven threats.\n", content_type="text/plain"),
            attach_to=[item],
        )
        readiness.answer_item(item, by=users["contributor"], answer="Threats are modelled.", submit=True)
        readiness.verify_item(item, by=users["kpi_owner"])
    section = item.item.section
    signed = readiness.sign_off(
        review,
        section,
        by=users["technical_approver"],
        password=PASSWORD,
        statement=statement_for(section),
        digest=section_content(review, section).sha256,
        conditions=[{"text": "Test it.", "owner": users["owner"], "due_on": timezone.localdate() + timedelta(days=5)}],
    )
    link = evidence.links.get()
    world.ids |= {
        "review": {"uid": review.uid},
        "item": {"uid": review.uid, "key": "T-4"},
        "item_evidence": {"uid": review.uid, "key": "T-4", "evidence_uid": evidence.uid},
        "template": {"version": review.template.version},
        "item_link": {"uid": review.uid, "key": "T-4", "pk": link.pk},
        "section": {"uid": review.uid, "key": "operational"},
        "evidence": {"uid": evidence.uid},
        "sign_off": {"uid": signed.uid},
        "condition": {"pk": signed.tracked_conditions.get().pk},
    }


def _the_rest(world: World) -> None:
    users, system = world.users, world.system
    decision = gates.record_decision(system, by=users["owner"], phase="limited_beta")
    waiver = gates.request_waiver(
        system,
        by=users["owner"],
        phase="limited_beta",
        requirement="readiness.item:O-2",
        reason="Next month.",
        compensating_control="By hand.",
        expires_on=timezone.localdate() + timedelta(days=10),
    )
    team = accounts.create_team(by=users["org_admin"], name="Delivery")
    accounts.add_to_team(team, users["viewer"], by=users["org_admin"])
    run = ImportRun.objects.create(
        profile_key="generic",
        file=SimpleUploadedFile("inventory.csv", b"name,purpose\nA,B\n"),
        filename="inventory.csv",
        sha256="0" * 64,
        started_by=users["office"],
    )
    invitation = accounts.invite(by=users["office"], email="new@example.org", full_name="New Person")
    own, _ = accounts.create_token(by=users["owner"], name="own", scopes=[Scope.READ])
    for name, scopes in {
        "token_read": [Scope.READ],
        "token_write": [Scope.READ, Scope.WRITE],
        "token_gate": [Scope.GATE],
    }.items():
        _, world.tokens[name] = accounts.create_token(by=users["owner"], name=name, scopes=scopes)
    world.ids |= {
        "decision": {"uid": decision.uid},
        "waiver": {"uid": waiver.uid},
        "team": {"pk": team.pk},
        "team_user": {"pk": team.pk, "uid": users["viewer"].uid},
        "team_member": {"pk": team.pk, "username": "viewer"},
        "user": {"uid": users["viewer"].uid},
        "user_role": {"uid": users["org_auditor"].uid, "role": "auditor"},
        "account": {"username": "viewer"},
        "account_role": {"username": "org_auditor", "role": "auditor"},
        "import": {"uid": run.uid},
        "invitation": {"pk": invitation.pk},
        "invitation_link": {"token": "not-a-token"},
        "token": {"uid": own.uid},
    }

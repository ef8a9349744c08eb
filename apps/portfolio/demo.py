"""
The demonstration portfolio, played through the same actions that people use, each step at its own moment.

The story is data (``catalogue/demo-portfolio.yaml``; its header says what every field means). Steps of all systems are
put in one order of time, so that history and ledger read as if the company had worked here for months.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any
from unittest import mock

import time_machine
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from apps.accounts import actions as accounts
from apps.accounts.models import OrgRole, Team, User
from apps.core.catalogue import read_yaml
from apps.core.outbox import discard_waiting
from apps.gates import actions as gates
from apps.gates.status import refreshed_once
from apps.gates.tasks import sweep
from apps.readiness import actions as readiness
from apps.readiness.content import section_content
from apps.readiness.models import PASSED, EvidenceKind, ItemStatus, Review, ReviewItem, Section
from apps.registry import actions as registry
from apps.registry.models import AISystem, Phase
from apps.registry.roles import Role

STORY = Path(__file__).parent / "catalogue" / "demo-portfolio.yaml"
PASSWORD = "walk the factory floor"  # noqa: S105 - printed for everybody who tries the demonstration


@dataclass(order=True)
class Step:
    """One thing somebody does at one moment."""

    at: datetime
    number: int
    run: Callable[[], Any] = field(compare=False)


class Demo:
    """Loads one story. ``load`` returns the people to sign in as."""

    def __init__(self, path: Path = STORY) -> None:
        self.story = read_yaml(path)
        self.now = timezone.now()
        self.steps: list[Step] = []
        self.users: dict[str, User] = {}
        self.teams: dict[str, Team] = {}
        self.systems: dict[str, AISystem] = {}

    def load(self) -> list[User]:
        # The password is printed for everybody, so few rounds do no harm and save the first start half a minute.
        with mock.patch.object(PBKDF2PasswordHasher, "iterations", 1000):
            return self._play()

    def _play(self) -> list[User]:
        with time_machine.travel(self._moment(400), tick=True):
            self._people()
        for row in self.story["systems"]:
            self._system(row)
        for row in self.story.get("deputies", []):
            self._deputy(row)
        for _, day in groupby(sorted(self.steps), key=lambda step: step.at.date()):
            steps = list(day)
            with time_machine.travel(steps[-1].at, tick=True), refreshed_once():
                for step in steps:
                    with time_machine.travel(step.at, tick=True):
                        step.run()
        for days_ago in range(20, -1, -1):
            with time_machine.travel(self._moment(days_ago, 900), tick=True):
                sweep()  # as the scheduler would have: it notes since when something is at risk
        discard_waiting()  # nobody waits for e-mail about what happened months ago
        return list(self.users.values())

    # --- time --------------------------------------------------------------------------------------------------------
    def _moment(self, days_ago: int, minute: int = 0) -> datetime:
        """The moment ``minute`` minutes into the working day ``days_ago`` days before loading; never in the future."""
        day = (self.now - timedelta(days=days_ago)).astimezone(UTC).replace(hour=7, minute=0, second=0, microsecond=0)
        return min(day + timedelta(minutes=minute), self.now - timedelta(minutes=1))

    def _plan(self, days_ago: int, minute: int, run: Callable[[], Any]) -> None:
        self.steps.append(Step(self._moment(int(days_ago), minute), len(self.steps), run))

    # --- people ------------------------------------------------------------------------------------------------------
    def _people(self) -> None:
        by = User.objects.automation()
        for row in self.story["people"]:
            self.users[row["username"]] = accounts.create_user(
                by=by,
                username=row["username"],
                full_name=row["full_name"],
                email=row["email"],
                job_title=row["job_title"],
                timezone=row["timezone"],
                password=PASSWORD,
            )
            for role in row.get("org_roles", []):
                accounts.grant_org_role(self.users[row["username"]], by=by, role=role)
        for row in self.story["teams"]:
            self.teams[row["key"]] = accounts.create_team(by=by, name=row["name"], description=row["description"])
        for row in self.story["people"]:
            accounts.add_to_team(self.teams[row["team"]], by=by, user=self.users[row["username"]])
        self.office = self._with_org_role(OrgRole.GOVERNANCE_OFFICE)

    def _with_org_role(self, role: str) -> User:
        return next(self.users[row["username"]] for row in self.story["people"] if role in row.get("org_roles", []))

    # --- systems -----------------------------------------------------------------------------------------------------
    def _system(self, row: dict[str, Any]) -> None:
        when = row["registered"]
        self._plan(when["days_ago"], 0, lambda: self._register(row))
        for review in row.get("reviews", []):
            self._review(row, review)
        for move in row.get("moves", []):
            self._plan(move["days_ago"], 600, lambda move=move: self._move(row, move))
        for waiver in row.get("waivers", []):
            self._plan(waiver["days_ago"], 300, lambda waiver=waiver: self._waive(row, waiver))
        for suspension in row.get("suspensions", []):
            self._plan(
                suspension["days_ago"],
                420,
                lambda s=suspension: gates.suspend(
                    self.systems[row["slug"]], by=self.users[s["by"]], reason=s["reason"]
                ),
            )
        if plan := row.get("retirement"):
            move = next(move for move in row["moves"] if move["to"] == Phase.RETIRED)
            self._plan(
                move["days_ago"],
                590,
                lambda: registry.change_system(
                    self.systems[row["slug"]],
                    by=self.users[move["by"]],
                    retirement_reason=plan["reason"],
                    data_plan=plan["data_plan"],
                ),
            )

    def _register(self, row: dict[str, Any]) -> None:
        owner = self.users[row["registered"]["by"]]
        phase = row["registered"]["phase"]
        facts = ("name", "purpose", "business_function", "unit", "affected_people", "intended_users", "fallback")
        system = registry.register_system(
            # What ran before it was registered is declared by the governance office.
            by=owner if phase == Phase.IDEA else self.office,
            owner=owner,
            phase=phase,
            **{name: row[name] for name in facts},
        )
        self.systems[row["slug"]] = system
        for role, holders in row["roles"].items():
            for holder in holders:
                if role == Role.OWNER:
                    continue
                to = {"team": self.teams[holder[5:]]} if holder.startswith("team:") else {"user": self.users[holder]}
                by = self.office if to.get("user") == owner else owner
                registry.grant_role(system, by=by, role=role, reason="Named at the start", **to)
        if row["tier"]:
            assessor = self.users[row["roles"]["risk_owner"][0]] if "risk_owner" in row["roles"] else self.office
            registry.set_tier(system, by=assessor, tier=row["tier"], reason="Assessed with the delivery team.")
        for model in row.get("models", []):
            self._model(system, owner, model)

    def _model(self, system: AISystem, by: User, row: dict[str, Any]) -> None:
        model = registry.register_model(system, by=by, name=row["name"])
        for release in row["versions"]:
            version = registry.register_version(
                model, by=by, artefact_digest=f"sha256:{release['digest']}", description=f"Release {release['version']}"
            )
            if release["in_use"]:
                registry.use_version(system, by=by, model_version=version)

    def _move(self, row: dict[str, Any], move: dict[str, Any]) -> None:
        system = self.systems[row["slug"]]
        decision = gates.enter_phase(system, by=self.users[move["by"]], phase=move["to"])
        if not decision.granted:
            missing = [r["reason"] for r in decision.results if r["status"] == "not_met"]
            raise RuntimeError(f"The story moves {system.slug} to {move['to']}, but the gate refuses: {missing}")

    def _waive(self, row: dict[str, Any], waiver: dict[str, Any]) -> None:
        key = ":".join([waiver["requirement"], *waiver.get("params", {}).values()])
        asked = gates.request_waiver(
            self.systems[row["slug"]],
            by=self.users[waiver["requested_by"]],
            phase=waiver["phase"],
            requirement=key,
            reason=waiver["reason"],
            compensating_control=waiver["compensating_control"],
            expires_on=timezone.localdate() + timedelta(days=waiver["valid_for_days"]),
        )
        gates.decide_waiver(asked, by=self.users[waiver["approved_by"]], approve=True, note="Agreed.")

    def _deputy(self, row: dict[str, Any]) -> None:
        def appoint() -> None:
            start = timezone.now()
            registry.appoint_deputy(
                self.systems[row["system"]],
                by=self.users[row["granted_by"]],
                principal=self.users[row["holder"]],
                deputy=self.users[row["deputy"]],
                role=row["role"],
                starts_at=start,
                ends_at=start + timedelta(days=row["for_days"]),
                reason=row["reason"],
            )

        self._plan(row["from_days_ago"], 30, appoint)

    # --- reviews -----------------------------------------------------------------------------------------------------
    def _review(self, row: dict[str, Any], plan: dict[str, Any]) -> None:
        opened = plan["opened"]
        self._plan(
            opened["days_ago"],
            120,
            lambda: readiness.open_review(self.systems[row["slug"]], by=self.users[opened["by"]], phase=plan["phase"]),
        )
        items, details = plan["items"], plan.get("details", {})
        for key in items.get("verified", []):
            detail = details.get(key, {})
            self._answer(row, plan, key)
            self._plan(
                detail.get("verified_days_ago", plan["verified"]["days_ago"]),
                360,
                lambda key=key, detail=detail: self._verify(row, plan, key, detail),
            )
        for key in items.get("submitted", []):
            self._answer(row, plan, key)
        for key in items.get("draft", []):
            self._answer(row, plan, key, submit=False)
        for rejected in items.get("rejected", []):
            self._answer(row, plan, rejected["item"])
            self._plan(rejected["days_ago"], 360, lambda rejected=rejected: self._reject(row, plan, rejected))
        for proposal in items.get("not_applicable", []):
            self._plan(proposal["days_ago"], 240, lambda proposal=proposal: self._set_aside(row, plan, proposal))
        for minute, comment in enumerate(plan.get("comments", []), start=400):
            self._plan(comment["days_ago"], minute, lambda comment=comment: self._comment(row, plan, comment))
        for signature in plan.get("sign_offs", []):
            self._plan(signature["days_ago"], 480, lambda signature=signature: self._sign(row, plan, signature))

    def _item(self, row: dict[str, Any], plan: dict[str, Any], key: str) -> ReviewItem:
        review = Review.objects.filter(system=self.systems[row["slug"]], phase=plan["phase"]).latest("pk")
        return ReviewItem.objects.select_related("item__section", "review__system").get(review=review, item__key=key)

    def _answer(self, row: dict[str, Any], plan: dict[str, Any], key: str, *, submit: bool = True) -> None:
        detail = plan.get("details", {}).get(key, {})
        days_ago = detail.get("answered_days_ago", plan["answered"]["days_ago"])
        self._plan(days_ago, 180, lambda: self._do_answer(row, plan, key, detail, submit=submit))

    def _do_answer(
        self, row: dict[str, Any], plan: dict[str, Any], key: str, detail: dict[str, Any], *, submit: bool
    ) -> None:
        review_item = self._item(row, plan, key)
        if review_item.status in PASSED or (review_item.status == ItemStatus.SUBMITTED and review_item.answer):
            return  # copied from the review before
        section = review_item.item.section.key
        by = self.users[detail.get("answered_by") or plan["answered"]["by"][section]]
        default = self.story["default_answers"][key]
        readiness.answer_item(review_item, by=by, answer=detail.get("answer") or default["answer"])
        if submit:
            for evidence in detail.get("evidence", default["evidence"]):
                self._evidence(row, plan, review_item, evidence, by)
            readiness.submit_item(review_item, by=by)

    def _evidence(
        self, row: dict[str, Any], plan: dict[str, Any], review_item: ReviewItem, evidence: dict[str, Any], by: User
    ) -> None:
        today = timezone.localdate()
        age = (self.now.date() - today).days
        effective = today - timedelta(days=max(1, int(evidence.get("days_ago", age + 1)) - age))
        valid = evidence.get("valid_for_days")
        body = evidence.get("body", "").encode()
        upload = SimpleUploadedFile(evidence["file"], body, content_type="text/plain") if body else None
        targets = [review_item, *(self._item(row, plan, key) for key in evidence.get("also_for", []))]
        readiness.add_evidence(
            self.systems[row["slug"]],
            by=by,
            kind=evidence["kind"],
            title=evidence["title"],
            effective_on=effective,
            valid_until=effective + timedelta(days=int(valid)) if valid else None,
            note=evidence.get("text", ""),
            url=evidence.get("url", ""),
            reference=evidence["url"].rsplit("/", 1)[-1] if evidence["kind"] == EvidenceKind.TICKET else "",
            upload=upload,
            attach_to=targets,
        )

    def _verify(self, row: dict[str, Any], plan: dict[str, Any], key: str, detail: dict[str, Any]) -> None:
        review_item = self._item(row, plan, key)
        if review_item.status in PASSED:
            return
        by = self.users[detail.get("verified_by") or plan["verified"]["by"][review_item.item.section.key]]
        readiness.verify_item(review_item, by=by)

    def _reject(self, row: dict[str, Any], plan: dict[str, Any], rejected: dict[str, Any]) -> None:
        readiness.reject_item(
            self._item(row, plan, rejected["item"]), by=self.users[rejected["by"]], note=rejected["reason"]
        )

    def _set_aside(self, row: dict[str, Any], plan: dict[str, Any], proposal: dict[str, Any]) -> None:
        review_item = self._item(row, plan, proposal["item"])
        if review_item.status == ItemStatus.NOT_APPLICABLE:
            return
        readiness.propose_not_applicable(
            review_item,
            by=self.users[proposal["by"]],
            condition=proposal["condition"],
            reason=proposal["reason"],
        )
        if approver := proposal.get("approved_by"):
            readiness.verify_item(review_item, by=self.users[approver])

    def _comment(self, row: dict[str, Any], plan: dict[str, Any], comment: dict[str, Any]) -> None:
        readiness.add_comment(
            self._item(row, plan, comment["item"]), by=self.users[comment["by"]], text=comment["text"]
        )

    def _sign(self, row: dict[str, Any], plan: dict[str, Any], signature: dict[str, Any]) -> None:
        review = Review.objects.filter(system=self.systems[row["slug"]], phase=plan["phase"]).latest("pk")
        section = Section.objects.get(template=review.template, key=signature["section"])
        by = self.users[signature["by"]]
        conditions = signature.get("conditions", [])
        signed = readiness.sign_off(
            review,
            section,
            by=by,
            password=PASSWORD,
            statement=section.statement,
            digest=section_content(review, section).sha256,
            zone=by.timezone,
            conditions=[
                {
                    "text": c["text"],
                    "owner": self.users[c["owner"]],
                    "due_on": self.now.date() + timedelta(days=int(c["due_in_days"])),
                }
                for c in conditions
            ],
        )
        done = {c["text"] for c in conditions if c.get("done")}
        for condition in signed.tracked_conditions.filter(text__in=done):
            readiness.complete_condition(condition, by=condition.owner, note="Done.")


def sign_ins(people: list[dict[str, Any]]) -> str:
    """Who to try, as text for the terminal: the people the story marks, with what to look at."""
    rows = [row for row in people if row.get("try")]
    width = max(len(row["username"]) for row in rows)
    lines = [f"Password of every demonstration account: {PASSWORD}"]
    return "\n".join([*lines, *(f"  {row['username']:<{width}}  {row['try']}" for row in rows)]) + "\n"

"""One generated system: its facts, people, models, review, evidence, signatures and the gate's answer."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from apps.accounts.models import Proof
from apps.core.canonical import canonical_bytes, sha256_hex
from apps.gates.evaluation import evaluate, policy_in_force
from apps.gates.models import Decision, Suspension, SystemStatus, Waiver
from apps.gates.status import next_phase
from apps.readiness.content import contents, statement_for
from apps.readiness.models import (
    Comment,
    Condition,
    Contribution,
    Evidence,
    EvidenceLink,
    Review,
    ReviewedVersion,
    ReviewItem,
    Seat,
    SignOff,
    SignOffVoid,
    Snapshot,
    Verification,
)
from apps.registry.models import (
    LIVE_PHASES,
    AISystem,
    AISystemGroupPermission,
    AISystemUserPermission,
    BusinessFunction,
    Deputyship,
    ModelVersion,
    Phase,
    RegisteredModel,
    RoleAssignment,
    VersionUse,
)
from apps.registry.people import People
from apps.registry.roles import BUNDLES, Role

from . import portfolio as pf
from .bulk import Row, digest, state_of
from .people import OFFICE

if TYPE_CHECKING:
    from .world import World

TIER_FACTOR = {1: 0.5, 2: 1.0, 3: 1.0}
SIGNED_DAYS_AGO = 2


class Answers:
    """What the gate says about systems of one pattern, asked live for one of them."""

    def __init__(self, builder: "SystemBuilder") -> None:
        system = AISystem.objects.get(pk=builder.system["id"])
        policy, people = policy_in_force(), People(system)
        phase = next_phase(system)
        self.ahead = evaluate(system, phase, policy=policy, people=people) if phase else None
        self.here = evaluate(system, system.phase, policy=policy, people=people) if phase != Phase.PILOT else None
        self.policy = policy
        self.shift = builder.shift
        self.decision = (self.here or self.ahead).as_json() if self.here or self.ahead else None


class SystemBuilder:
    """Writes everything that belongs to one system."""

    def __init__(self, world: "World", plan: pf.Plan) -> None:
        self.world, self.plan, self.writer = world, plan, world.writer
        self.random = world.random
        # The same story for every system of a pattern, some hours earlier or later.
        self.shift = plan.number % 97 / 24
        self.uid = self.writer.new_uid()
        self.by_role: dict[str, int] = {role: world.users[people[0]] for role, people in plan.people.items()}
        self.team = world.members[plan.teams[Role.CONTRIBUTOR][0]]
        self.owner = self.by_role[Role.OWNER]
        self.versions: list[Row] = []
        self.items: list[tuple[Any, Row]] = []

    def at(self, days: float) -> datetime:
        return self.world.ago(days, self.shift)

    def create(self, model: Any, days: float, by: int, words: str, act: str = "", /, **values: Any) -> Row:
        return self.writer.create(model, values, at=self.at(days), by=by, system=self.uid, reason=words, act=act)

    def change(self, model: Any, row: Row, days: float, by: int, words: str, act: str, /, **values: Any) -> None:
        self.writer.change(model, row, values, at=self.at(days), by=by, system=self.uid, reason=words, act=act)

    # --- Base --------------------------------------------------------------------------------------------------------
    def base(self) -> None:
        self._system()
        self._people()
        self._models()
        self._review()
        self._stops()

    def _words(self, count: int) -> str:
        return " ".join(self.random.sample(pf.SENTENCES, count))

    def _system(self) -> None:
        plan, number = self.plan, self.plan.number
        thing, place = pf.THINGS[number % len(pf.THINGS)], pf.PLACES[number // 20 % len(pf.PLACES)]
        self.system = self.create(
            AISystem,
            120,
            self.owner,
            "Registered",
            "system.registered",
            uid=self.uid,
            slug=plan.slug,
            name=f"{thing}, {place} {number:05d}",
            purpose=f"{thing} for {place}: proposes a decision that a person confirms. {self._words(1)}",
            business_function=BusinessFunction.values[number % len(BusinessFunction.values)],
            unit=place,
            phase=plan.phase,
        )
        self.change(
            AISystem,
            self.system,
            119,
            self.owner,
            "Changed people affected, intended users and named fallback",
            "system.changed",
            affected_people="Customers and suppliers whose cases it sorts.",
            intended_users="Clerks of the department and their team leads.",
            fallback="The team works through the list by hand; the head of the department decides to switch.",
        )
        if plan.tier:
            self.change(
                AISystem,
                self.system,
                118,
                self.by_role[Role.RISK_OWNER],
                f"Set to tier {plan.tier}: assessed with the delivery team",
                "system.tier_set",
                tier=plan.tier,
                tier_reason="Assessed with the delivery team.",
            )
        self.writer.keep(AISystem, self.system)

    def _people(self) -> None:
        wanted: dict[tuple[str, int], set[str]] = {}
        for role, people in self.plan.people.items():
            for user in dict.fromkeys(self.world.users[person] for person in people):
                self._assign(role, user_id=user)
                wanted.setdefault(("user", user), set()).update(BUNDLES[role])
        for role, numbers in self.plan.teams.items():
            for team, group in (self.world.teams[number] for number in numbers):
                self._assign(role, team_id=team)
                wanted.setdefault(("group", group), set()).update(BUNDLES[role])
        for (kind, pk), codenames in wanted.items():
            model = AISystemUserPermission if kind == "user" else AISystemGroupPermission
            for codename in sorted(codenames):
                self.writer.add(
                    model,
                    **{f"{kind}_id": pk},
                    permission_id=self.world.permissions[codename],
                    content_object_id=self.system["id"],
                )
        if self.plan.number % 100 == 50:
            self._deputy()

    def _assign(self, role: str, **holder: int) -> None:
        row = self.create(
            RoleAssignment,
            118,
            self.owner,
            f"Gave the role {Role(role).label}",
            "role.granted",
            system_id=self.system["id"],
            role=str(role),
            granted_by_id=self.owner,
            granted_at=self.at(118),
            **holder,
        )
        self.writer.keep(RoleAssignment, row)

    def _deputy(self) -> None:
        principal, deputy = self.by_role[Role.BUSINESS_APPROVER], self.world.users[(self.plan.number + 3) % pf.PEOPLE]
        if principal == deputy:
            return
        row = self.create(
            Deputyship,
            10,
            self.owner,
            "Named a deputy as Business approver: away",
            "deputy.appointed",
            system_id=self.system["id"],
            role=str(Role.BUSINESS_APPROVER),
            principal_id=principal,
            deputy_id=deputy,
            starts_at=self.at(10),
            ends_at=self.at(-40),
            reason="Away",
            granted_by_id=self.owner,
            granted_at=self.at(10),
        )
        self.writer.keep(Deputyship, row)

    def _models(self) -> None:
        thing = pf.THINGS[self.plan.number % len(pf.THINGS)].lower().replace(" ", "-")
        model = self.create(
            RegisteredModel,
            115,
            self.owner,
            "Registered the model",
            "model.registered",
            system_id=self.system["id"],
            name=f"{thing}-{self.plan.number:05d}",
            description="Trained on the cases of the last three years.",
        )
        self.writer.keep(RegisteredModel, model)
        for number in (1, 2, 3):
            version = self.create(
                ModelVersion,
                115 - 10 * number,
                self.team[0],
                f"Registered version {number}",
                "version.registered",
                model_id=model["id"],
                number=number,
                artefact_digest=f"sha256:{digest(self.plan.slug, number)}",
                source=f"s3://models/{model['name']}/{number}",
                registered_by_id=self.team[0],
                registered_at=self.at(115 - 10 * number),
            )
            self.writer.keep(ModelVersion, version)
            self.versions.append(version)
        use = self.create(
            VersionUse,
            84,
            self.team[0],
            f"Uses {model['name']} v3",
            "version.used",
            system_id=self.system["id"],
            model_version_id=self.versions[-1]["id"],
        )
        self.writer.keep(VersionUse, use)

    def _stops(self) -> None:
        number, office = self.plan.number, self.world.users[OFFICE]
        if self.plan.is_suspended:
            row = self.writer.add(
                Suspension,
                system_id=self.system["id"],
                reason="Answers were wrong for a whole day; the cause is not known yet.",
                suspended_by_id=self.owner,
                suspended_at=self.at(4),
            )
            self.writer.record(
                Suspension, row, act="system.suspended", at=self.at(4), by=self.owner, system=self.uid,
                reason=row["reason"], after={"system_id": self.system["id"], "reason": row["reason"]},
            )  # fmt: skip
        if self.plan.asks_for_waiver:
            approved = number % 50 == 11
            waiver = self.create(
                Waiver,
                6,
                self.owner,
                "Asked for a waiver",
                "waiver.requested",
                uid=self.writer.new_uid(),
                system_id=self.system["id"],
                phase=self.plan.review_phase,
                requirement="readiness.item:O-3",
                title="O-3",
                reason="The tool arrives next month.",
                compensating_control="Two people look at the list every morning.",
                expires_on=self.at(-20).date(),
                status="requested",
                requested_by_id=self.owner,
                requested_at=self.at(6),
            )
            if approved:
                self.change(
                    Waiver, waiver, 5, office, "Approved the waiver", "waiver.approved", status="approved",
                    decided_by_id=office, decided_at=self.at(5), decision_note="Agreed.",
                )  # fmt: skip
            self.writer.keep(Waiver, waiver)

    # --- The review --------------------------------------------------------------------------------------------------
    def _review(self) -> None:
        words = f"Opened the review towards {Phase(self.plan.review_phase).label}"
        self.review = self.create(
            Review,
            60,
            self.owner,
            words,
            "review.opened",
            uid=self.writer.new_uid(),
            system_id=self.system["id"],
            template_id=self.world.template.pk,
            phase=str(self.plan.review_phase),
            state="open",
            opened_by_id=self.owner,
            opened_at=self.at(60),
        )
        self.writer.keep(Review, self.review)
        version = self.create(
            ReviewedVersion,
            60,
            self.owner,
            words,
            review_id=self.review["id"],
            model_version_id=self.versions[-1]["id"],
        )
        self.writer.keep(ReviewedVersion, version)
        states = self.plan.progress.states()
        aside = {item.key for item in [i for i in self.world.in_order if not i.never_not_applicable][-4:]}
        aside = set(sorted(aside)[: self.plan.progress.not_applicable])
        shared: Row | None = None
        position = 0
        for item in self.world.in_order:
            row = self.create(
                ReviewItem, 60, self.owner, words, review_id=self.review["id"], item_id=item.pk, status="open"
            )
            if item.key in aside:
                state = "not_applicable"
            else:
                state, position = states[position], position + 1
            if state != "open":
                shared = self._answer(item, row, state, shared)
            self.items.append((item, row))
        self.writer.keep(ReviewItem, *(row for _, row in self.items))

    def _answer(self, item: Any, row: Row, state: str, shared: Row | None) -> Row | None:
        """Answer, evidence, submission and verdict of one item; returns the evidence that the next item may share."""
        author = self.team[(item.pk + self.plan.number) % len(self.team)]
        answered = 50 - item.position % 8 * 2
        self.change(
            ReviewItem,
            row,
            answered,
            author,
            "Answered",
            "item.answered",
            status="in_progress",
            answer=self._words(2 + item.position % 3),
            answered_by_id=author,
            answered_at=self.at(answered),
        )
        self._contribution(row, author, "answer", answered)
        if state == "in_progress":
            return shared
        if state == "not_applicable":
            values: dict[str, Any] = {"proposes_not_applicable": True, "not_applicable_condition": "batch_or_advisory"}
            self._change_status(row, answered - 1, author, "Proposed as not applicable", "submitted", **values)
        else:
            if shared is None or item.position % 3:
                shared = self._evidence(item, author, answered)
            self._attach(row, item, shared, author, answered)
            if item.position % 5 == 0:
                self._attach(row, item, self._evidence(item, author, answered), author, answered)
            self._change_status(row, answered - 1, author, "Submitted for verification", "submitted")
        if item.position % 9 == 0:
            self._comment(row, item)
        if state != "submitted":
            self._verdict(item, row, state)
        return shared

    def _change_status(self, row: Row, days: float, by: int, words: str, status: str, /, **values: Any) -> None:
        self.change(ReviewItem, row, days, by, words, f"item.{status}", status=status, **values)

    def _contribution(self, row: Row, user: int, kind: str, days: float) -> None:
        self.writer.add(Contribution, review_item_id=row["id"], user_id=user, kind=kind, at=self.at(days))

    def _evidence(self, item: Any, author: int, days: float) -> Row:
        kind = ("document", "link", "test_run", "ticket", "document")[item.position % 5]
        uid = self.writer.new_uid()
        values: dict[str, Any] = {
            "document": {
                "file": f"evidence/{self.writer.new_uid()}",
                "filename": f"{item.key.lower()}-report.pdf",
                "content_type": "application/pdf",
                "size": 48_000 + item.pk * 311,
                "sha256": digest(uid),
            },
            "link": {"url": f"https://wiki.example.org/{self.plan.slug}/{item.key.lower()}"},
            "test_run": {
                "url": f"https://ci.example.org/{self.plan.slug}/runs/{item.pk}",
                "reference": f"run-{item.pk}",
            },
            "ticket": {
                "url": f"https://tickets.example.org/AI-{self.plan.number}",
                "reference": f"AI-{self.plan.number}",
            },
        }[kind]
        row = self.create(
            Evidence,
            days,
            author,
            f"Supplied {kind.replace('_', ' ')}",
            "evidence.added",
            uid=uid,
            system_id=self.system["id"],
            kind=kind,
            title=f"{item.title}: {kind.replace('_', ' ')}",
            note=self._words(1),
            effective_on=self.at(days + 3).date(),
            supplied_by_id=author,
            supplied_at=self.at(days),
            **values,
        )
        self.writer.keep(Evidence, row)
        return row

    def _attach(self, row: Row, item: Any, evidence: Row, author: int, days: float) -> None:
        link = self.create(
            EvidenceLink,
            days,
            author,
            f"Attached to {item}: {evidence['title']}",
            "evidence.attached",
            review_item_id=row["id"],
            evidence_id=evidence["id"],
            attached_by_id=author,
            attached_at=self.at(days),
        )
        self.writer.keep(EvidenceLink, link)
        for user in {author, evidence["supplied_by_id"]} - self._noted(row):
            self._contribution(row, user, "evidence", days)
            self._noted(row).add(user)

    def _noted(self, row: Row) -> set[int]:
        if not hasattr(self, "_suppliers"):
            self._suppliers: dict[int, set[int]] = {}
        return self._suppliers.setdefault(row["id"], set())

    def _comment(self, row: Row, item: Any) -> None:
        author = self.by_role[Role.KPI_OWNER]
        text = self._words(1)
        comment = self.writer.add(Comment, review_item_id=row["id"], author_id=author, text=text, at=self.at(20))
        self.writer.record(
            Comment, comment, act="item.commented", at=self.at(20), by=author, system=self.uid, reason="",
            after={"item": row["id"], "text": text},
        )  # fmt: skip

    def _verdict(self, item: Any, row: Row, state: str) -> None:
        # Never one of the signers, and never somebody of the team.
        by = next(
            self.by_role[role]
            for role in (Role.RISK_OWNER, Role.KPI_OWNER, Role.GOVERNANCE_APPROVER)
            if self.by_role[role] not in {row["answered_by_id"], *self._noted(row)}
        )
        days = 4.0
        outcome = "rejected" if state == "rejected" else "verified"
        if state == "rejected":
            note = "The report does not name the version it is about."
            self._change_status(row, days, by, f"Rejected: {note}", "rejected", verification_note=note)
            until = None
        else:
            lasts = 180.0 if state == "not_applicable" else item.validity_days * TIER_FACTOR[self.plan.tier or 1]
            ran_out = self.plan.progress.expired and item is self.world.items[0]
            if ran_out:
                days = lasts + 3
            at = self.at(days)
            until = at + timedelta(days=lasts)
            words = "Confirmed as not applicable" if state == "not_applicable" else "Verified"
            verdict = {"status": state, "verified_by_id": by, "verified_at": at, "valid_until": until}
            self.writer.change(
                ReviewItem, row, verdict, at=at, by=by, system=self.uid, reason=words, act="item.verified"
            )
        self.writer.add(
            Verification,
            review_item_id=row["id"],
            outcome=outcome,
            verified_by_id=by,
            verified_at=self.at(days),
            note=row["verification_note"],
            item_version=row["version"] - 1,
            valid_until=until,
        )

    # --- Signatures --------------------------------------------------------------------------------------------------
    def signatures(self) -> None:
        """Sign over the content as the product reads it now; the rest of the seats stays empty."""
        progress = self.plan.progress
        found = contents(Review(pk=self.review["id"])) if progress.signed else {}
        for key, section in self.world.sections.items():
            signed = self._sign(section, found[key]) if key in progress.signed else None
            # What ran out was taken off its seat by the sweep.
            lapsed = signed is not None and progress.expired and key == "technical"
            self.writer.add(
                Seat,
                review_id=self.review["id"],
                section_id=section.pk,
                sign_off_id=signed["id"] if signed and not lapsed else None,
            )
            if signed and lapsed:
                self.writer.add(
                    SignOffVoid,
                    sign_off_id=signed["id"],
                    cause="lapsed",
                    reason="the signature ran out",
                    voided_by_id=self.world.users[OFFICE],
                    voided_at=self.at(1),
                )

    def _sign(self, section: Any, content: Any) -> Row:
        template, at = self.world.template, self.at(SIGNED_DAYS_AGO)
        signer = self.by_role[section.signing_role]
        ends = [row["valid_until"] for item, row in self.items if item.section_id == section.pk]
        expired = self.plan.progress.expired and section.key == "technical"
        end = at + timedelta(days=1) if expired else min(end for end in ends if end and end > at)
        uid, statement = self.writer.new_uid(), statement_for(section)
        payload = canonical_bytes(
            {
                "typ": "aifactory.signoff/v1",
                "id": uid,
                "instance": "localhost:8000",
                "review": self.review["uid"],
                "section": section.key,
                "meaning": "approval",
                "subject": {"system": self.uid, "name": self.system["name"], "phase": self.review["phase"]},
                "content": {"schema": content.body["typ"], "sha256": content.sha256},
                "template": {"key": template.key, "version": template.version, "sha256": template.sha256},
                "statement": statement,
                "lang": "en",
                "conditions": [],
                "comment": "",
                "signer": {"sub": self.world.uids[signer], "on_behalf_of": None},
                "authority": {"role": section.signing_role},
                "auth": {"method": "password"},
                "signed_at": at,
                "zone": "Europe/Berlin",
                "valid_until": end,
                "valid_until_reason": "an item has to be verified again by then",
            }
        )
        sha256 = sha256_hex(payload)
        proof = self.writer.add(Proof, user_id=signer, method="password", purpose="sign-off", digest=sha256, at=at)
        snapshot = self.writer.add(Snapshot, sha256=content.sha256, body=content.canonical, taken_at=at)
        row = self.writer.add(
            SignOff,
            uid=uid,
            review_id=self.review["id"],
            section_id=section.pk,
            meaning="approval",
            statement=statement,
            signer_id=signer,
            signer_name=self.world.names[signer],
            role=section.signing_role,
            signed_at=at,
            zone="Europe/Berlin",
            valid_until=end,
            valid_until_reason="an item has to be verified again by then",
            proof_id=proof["id"],
            snapshot_id=snapshot["id"],
            payload=payload,
            payload_sha256=sha256,
        )
        self.writer.record(
            SignOff, row, act="signoff.completed", at=at, by=signer, system=self.uid,
            reason=f"{section} signed: approval", after=state_of(row),
            ref={"signoff": sha256, "content": content.sha256},
        )  # fmt: skip
        if section.key == "business" and self.plan.number % 3 == 0:
            self._condition(row, signer)
        return row

    def _condition(self, signed: Row, signer: int) -> None:
        row = self.create(
            Condition,
            SIGNED_DAYS_AGO,
            signer,
            "Condition of Business readiness",
            "condition.stated",
            sign_off_id=signed["id"],
            system_id=self.system["id"],
            text="Report the effect to the steering group.",
            owner_id=self.owner,
            due_on=self.at(-45).date(),
        )
        self.writer.keep(Condition, row)

    # --- The gate ----------------------------------------------------------------------------------------------------
    def status(self, answers: Answers) -> None:
        """The columns of ``gates.status`` and recorded decisions."""
        ahead, here = answers.ahead, answers.here
        shown = None if self.plan.phase == Phase.RETIRED else ahead or here
        holds = here is None or here.granted
        moved = timedelta(days=self.shift - answers.shift)
        changes = [found.next_change_at - moved for found in (ahead, here) if found and found.next_change_at]
        self.writer.add(
            SystemStatus,
            system_id=self.system["id"],
            next_phase=ahead.phase if ahead else "",
            next_granted=bool(ahead and ahead.granted),
            missing=len(shown.missing) if shown else 0,
            met=len(shown.required) - len(shown.missing) if shown else 0,
            required=len(shown.required) if shown else 0,
            sentence=shown.sentence if shown else "Retired: its road has ended.",
            holds=holds,
            at_risk_since=None if holds or self.plan.phase not in LIVE_PHASES else self.at(1),
            suspended=self.plan.is_suspended,
            next_change_at=min(changes, default=None),
            evaluated_at=self.at(0),
        )
        if self.plan.phase != Phase.IDEA:
            self._decide(answers, granted=True, occasion="enter_phase", phase=self.plan.phase, days=61)
        if ahead is not None:
            self._decide(answers, granted=ahead.granted, occasion="asked", phase=ahead.phase, days=3)

    def _decide(self, answers: Answers, *, granted: bool, occasion: str, phase: str, days: float) -> None:
        if answers.decision is None:
            return
        label = Phase(phase).label
        sentence = f"May enter {label}." if granted else f"Cannot enter {label}."
        answer = {
            **answers.decision,
            "system": self.plan.slug,
            "phase": phase,
            "granted": granted,
            "sentence": sentence,
        }
        body = canonical_bytes(answer)
        row = self.writer.add(
            Decision,
            uid=self.writer.new_uid(),
            system_id=self.system["id"],
            phase=phase,
            policy_id=answers.policy.pk,
            occasion=occasion,
            granted=granted,
            sentence=sentence,
            results=[{**result, "expires_at": None} for result in answer["results"]],
            body=body,
            sha256=sha256_hex(body),
            decided_by_id=self.owner,
            decided_at=self.at(days),
        )
        act = "gate.granted" if granted else "gate.refused"
        ref = {"decision": row["sha256"], "phase": phase}
        self.writer.record(
            Decision, row, act=act, at=self.at(days), by=self.owner, system=self.uid, reason=sentence, ref=ref
        )

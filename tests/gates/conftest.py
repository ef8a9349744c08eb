from collections.abc import Callable, Iterator
from typing import Any

import pytest

from apps.gates import evaluation
from apps.gates.models import GatePolicy, GateRequirement
from apps.gates.requirements import _REGISTRY, Question, met, requirement, unmet
from apps.registry.models import AISystem, Phase


@pytest.fixture
def one_rule(db: None) -> Iterator[dict[str, Any]]:
    """
    A policy whose only gate, into pilot, asks for one waivable requirement; ``facts["ok"]`` says whether it is met.

    The rules of the gate itself are tested on it, away from what any room asks for.
    """
    facts: dict[str, Any] = {"ok": False, "expires_at": None}

    @requirement("test.rule", title="The rule", owner="technical_approver")
    def rule(ask: Question) -> Any:
        if facts["ok"] is None:
            raise ValueError("the fact cannot be read")
        if facts["ok"] and not (facts["expires_at"] and facts["expires_at"] <= ask.at):
            return met("It is so.", expires_at=facts["expires_at"])
        return unmet("It is not so.", link="/here/")

    GatePolicy.objects.filter(in_force=True).update(in_force=False)
    body = {
        "gates": {"pilot": {}},
        "waiver": {"max_days_blocker": 30, "max_days_other": 90},
        "production_phases": ["full_production"],
        "at_risk_clock_days": 14,
    }
    policy = GatePolicy.objects.create(key="test", version="1", title="Test", sha256="0" * 64, body=body, in_force=True)
    GateRequirement.objects.create(
        policy=policy, phase=Phase.PILOT, position=1, name="test.rule", tiers=[1, 2, 3], waivable=True
    )
    facts["policy"] = policy

    def into(phase: str) -> None:
        """Move the one gate of the policy to another phase."""
        GateRequirement.objects.filter(policy=policy).update(phase=phase)
        GatePolicy.objects.filter(pk=policy.pk).update(body={**body, "gates": {phase: {}}})
        evaluation.forget_policies()

    facts["into"] = into
    yield facts
    del _REGISTRY["test.rule"]


@pytest.fixture
def ask(system: AISystem) -> Callable[..., evaluation.Evaluation]:
    """Asks the gate into pilot of ``system`` as it is stored now."""
    return lambda **kwargs: evaluation.evaluate(AISystem.objects.get(pk=system.pk), Phase.PILOT, **kwargs)

"""A plan's digest: of its whole content, and made once however often it is asked for."""

from dataclasses import replace

import pytest

from reconciler.model import plan as plans
from reconciler.model.plan import Plan


def test_the_digest_is_made_once_and_is_the_copys_own(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    real = plans.digest
    monkeypatch.setattr(plans, "digest", lambda value: made.append(value) or real(value))
    plan = Plan("local:x", "", "c0ffee", {"fleet": None}, ())
    assert {plan.digest for _ in range(3)} == {real(plan.document())}
    assert len(made) == 1
    other = replace(plan, fleet_head="beef")
    assert other.digest == real(other.document()) != plan.digest
    assert plan == replace(plan), "whether it was asked for says nothing about a plan"

"""Incidents of a decision that was carried out although the world, or a later decision, had moved on."""

import pytest

from reconciler.actions.apply import Applied, ApplyRequest, apply
from reconciler.actions.plan import PlanRequest, make
from reconciler.model.errors import RefusedError
from reconciler.model.outcome import Result
from reconciler.model.plan import Plan
from tests.cycle.small_world import SmallWorld
from tests.doubles import Unfenced
from tests.incidents.playing import ACME, applied, memory, memory_of


@pytest.mark.parametrize("leases", [True, False])
def test_aws_october_2025_a_delayed_enactor_meets_a_newer_plan(
    leases: bool, small: SmallWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An enactor stood still with an old plan in hand, went on after a newer one was done, and wrote the old one over
    it. Safeguards, of which either is enough: a lease is taken upon the version that the plan starts from; and the
    fingerprint is compared at the write, not only when the plan is made."""
    if not leases:
        monkeypatch.setattr("tests.cycle.small_world.ShardLeases", lambda *_: Unfenced())
    text = small.read(ACME)
    memory(small, text, "768Mi")

    def stands_still(_plan: Plan) -> bool:
        memory(small, text, "1Gi")
        assert applied(small, "another-host").exit_code == 0
        return True

    with pytest.raises(RefusedError, match="got another version while this plan was applied"):
        apply(small.world(), ApplyRequest(confirm=stands_still))
    assert memory_of(small) == "1Gi"
    assert [effect[:2] for effect in small.cloud.effects] == [("update", "run.service")] * 2  # both environments, once
    assert make(small.world(), PlanRequest()).changes == ()


def test_aws_october_2025_an_old_plan_is_not_taken_up_again(small: SmallWorld) -> None:
    """The same with a plan that lies in a file. Safeguard: only a plan whose parents are the newest versions is walked;
    of an older one nothing runs that would not be planned now."""
    text = small.read(ACME)
    memory(small, text, "768Mi")
    old = make(small.world(), PlanRequest())
    memory(small, text, "1Gi")
    assert applied(small).exit_code == 0
    small.cloud.effects.clear()
    late = apply(small.world(), ApplyRequest(old))
    assert (late.exit_code, late.outcome.items.keys() - late.skipped.keys()) == (5, set())
    assert "not in the plan that was approved" in " ".join(late.skipped.values())
    assert small.cloud.effects == []


def test_a_console_edit_between_plan_and_apply_is_not_overwritten(small: SmallWorld) -> None:
    """Terraform's stale-plan check looks at its own state file only. Safeguard: the live object is read again right
    before the write and compared with what the plan saw."""
    memory(small, small.read(ACME), "768Mi")
    key = next(k for k in small.cloud.stored if k[0] == "run.service" and "acme-bakery-p" in k[1])

    def somebody_in_the_console(_plan: Plan) -> bool:
        body = small.cloud.body(*key)
        body["template"]["containers"][0]["resources"]["limits"]["memory"] = "2Gi"
        small.cloud.put(*key, body)
        return True

    met = apply(small.world(), ApplyRequest(confirm=somebody_in_the_console))
    assert met.exit_code == 5
    assert memory_of(small) == "2Gi"
    (stale,) = (item for item in met.outcome.items.values() if item.result is Result.STALE)
    assert 'was "512Mi" and is "2Gi"' in stale.message


def test_two_daemons_make_nothing_twice_and_one_of_them_is_told(small: SmallWorld) -> None:
    """Two hosts walk the same plan. Safeguards: deterministic names, a look before each write, and a version that is
    published only upon the one that its plan knew."""
    tenant = small.read(ACME).replace("acme-bakery", "new-site").replace("k3v9x2ma", "q7w2e9rt")
    (small.fleet / "shards/eu-001/tenants/new-site").mkdir()
    small.write(
        "shards/eu-001/tenants/new-site/tenant.yaml", tenant.replace("www.", "w3.").replace(", new-site.ex", ", n.ex")
    )
    first: list[Applied] = []

    def the_other_daemon(_plan: Plan) -> bool:
        first.append(applied(small, "another-host"))
        return True

    late = apply(small.world(), ApplyRequest(confirm=the_other_daemon))
    assert {item.result for item in late.outcome.items.values()} == {Result.SKIPPED}
    assert "got another version since this plan was made" in " ".join(late.skipped.values())
    assert first[0].exit_code == 0
    made = [effect for effect in small.cloud.effects if effect[0] == "create"]
    assert len(made) == len(set(made)) > 10
    assert make(small.world(), PlanRequest()).changes == ()
    assert [v.number for v in small.world().history.versions("eu-001")] == [2, 1]

"""A saved plan that is applied later: what HEAD has taken back is not deleted, what became known is not asked again."""

from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.actions.apply import ApplyRequest, apply
from reconciler.actions.plan import PlanRequest, make
from reconciler.model.ids import Target
from reconciler.model.plan import Action
from tests.cycle.small_world import SmallWorld
from tests.doubles import Killed, Script

ACME = "shards/eu-001/tenants/acme-bakery/tenant.yaml"
YOGA = "shards/eu-001/tenants/linden-yoga/tenant.yaml"
STAGING = "staging: { ref: develop, domains: [staging.acme-bakery.example] }"
GONE = "staging: { ref: develop, domains: [staging.acme-bakery.example], state: deleted }"


@pytest.fixture
def small(tmp_path: Path) -> SmallWorld:
    made = SmallWorld(tmp_path)
    assert apply(made.world(), ApplyRequest()).exit_code == 0
    return made


def staging(small: SmallWorld) -> list[str]:
    """The services of the tenant's staging environment that are there."""
    wanted = {"aipress-tenant": "acme-bakery", "aipress-environment": "staging"}.items()
    services = [(name, body["labels"]) for (kind, name), body in small.cloud.objects.items() if kind == "run.service"]
    return [name for name, labels in services if wanted <= labels.items()]


def without_staging(small: SmallWorld) -> str:
    text = small.read(ACME)
    assert STAGING in text
    small.write(ACME, text.replace(STAGING, GONE))
    return text


def test_a_deletion_that_head_has_taken_back_does_not_run(small: SmallWorld) -> None:
    before = without_staging(small)
    saved = make(small.world(), PlanRequest())
    assert [c.address.kind for c in saved.changes if c.action is Action.DELETE] == ["run.service"]
    small.write(ACME, before)
    there = staging(small)
    applied = apply(small.world(), ApplyRequest(saved))
    assert applied.exit_code == 5
    assert staging(small) == there != []
    told = [why for address, why in applied.skipped.items() if address.kind == "run.service"]
    assert told == ["HEAD does not ask for this deletion any more"]


def test_a_deletion_that_head_still_asks_for_runs(small: SmallWorld) -> None:
    without_staging(small)
    saved = make(small.world(), PlanRequest())
    small.write(YOGA, small.read(YOGA).replace("timeoutSeconds: 60", "timeoutSeconds: 90"))
    applied = apply(small.world(), ApplyRequest(saved))
    assert (applied.exit_code, applied.skipped) == (0, {})
    assert staging(small) == []


def test_a_deletion_of_what_has_no_file_at_head_any_more_does_not_run(small: SmallWorld) -> None:
    without_staging(small)
    saved = make(small.world(), PlanRequest((Target.parse("tenant/acme-bakery"),)))
    (small.fleet / ACME).unlink()
    small.write("README.md", "")
    there = staging(small)
    assert apply(small.world(), ApplyRequest(saved)).exit_code == 5
    assert staging(small) == there != []


def purge_approved(small: SmallWorld) -> None:
    """Linden Yoga was deleted 15 days ago; its purge is approved until tomorrow."""
    text = small.read(YOGA)
    small.write(YOGA, text.replace("tier: bronze\n", "tier: bronze\n  state: deleted\n  deletion: { reason: over }\n"))
    assert apply(small.world(), ApplyRequest()).exit_code == 0
    small.clock.at += timedelta(days=15)
    day = small.clock.at + timedelta(days=1)
    row = f'{{ tenant: linden-yoga, uid: n4j8q6sv, expires: "{day:%Y-%m-%d}", approvers: [Ada, Grace] }}'
    small.write("fleet.yaml", small.read("fleet.yaml") + f"  purges:\n    - {row}\n")


def test_a_purge_whose_approval_has_run_out_since_does_not_run(small: SmallWorld) -> None:
    purge_approved(small)
    saved = make(small.world(), PlanRequest())
    assert saved.refused() == ()
    before = small.cloud.objects
    small.clock.at += timedelta(days=2)
    applied = apply(small.world(), ApplyRequest(saved))
    assert applied.exit_code == 5
    assert small.cloud.objects == before
    assert all("the approval expired on" in why for why in applied.skipped.values())
    assert len(applied.skipped) == len(saved.changes)


def test_a_purge_that_is_still_approved_runs_from_a_saved_plan(small: SmallWorld) -> None:
    purge_approved(small)
    saved = make(small.world(), PlanRequest())
    assert apply(small.world(), ApplyRequest(saved)).exit_code == 0
    left = [key for key in small.cloud.stored if "linden-yoga" in key[1]]
    assert [kind for kind, _ in left] == ["sql.backup"]


@pytest.mark.parametrize("kind", ["sql.instance", "secret.version", "sql.grant", "run.service"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_reviewed_plan_that_was_cut_off_goes_on_and_asks_nothing_again(kind: str, when: str, tmp_path: Path) -> None:
    small = SmallWorld(tmp_path)
    reviewed = make(small.world(), PlanRequest())
    small.cloud.script(Script("begin", kind=kind, kill=when))
    with pytest.raises(Killed):
        apply(small.world(), ApplyRequest(reviewed))
    applied = apply(small.world(), ApplyRequest(reviewed))
    assert (applied.exit_code, applied.skipped) == (0, {})
    assert make(small.world(), PlanRequest()).changes == ()

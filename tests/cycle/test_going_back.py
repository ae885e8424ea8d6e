"""Rollback of configuration: by version and by commit, over one target or many, as one commit that Git agrees with."""

import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.actions.apply import ApplyRequest, apply
from reconciler.actions.plan import PlanRequest, make
from reconciler.actions.rollback import Immediate, RollbackRequest, commit, now, propose
from reconciler.kinds.ownership import GENERATION_LABEL
from reconciler.model.errors import InputError, RefusedError
from reconciler.model.ids import Target
from reconciler.source.edit import set_value
from tests.cycle.small_world import SmallWorld

ACME = "shards/eu-001/tenants/acme-bakery/tenant.yaml"
YOGA = "shards/eu-001/tenants/linden-yoga/tenant.yaml"
LANTERN = "shards/us-001/tenants/brass-lantern/tenant.yaml"
FLEET, SHARD, TENANT = (Target.parse(t) for t in ("fleet", "shard/eu-001", "tenant/acme-bakery"))


@pytest.fixture
def small(tmp_path: Path) -> SmallWorld:
    made = SmallWorld(tmp_path)
    assert applied(made) == 0
    return made


def applied(small: SmallWorld) -> int:
    return apply(small.world(), ApplyRequest()).exit_code


def head(small: SmallWorld) -> str:
    return small.world().repository.resolve("HEAD")


def memory(small: SmallWorld, size: str, path: str = ACME) -> None:
    """Write the memory of a site, as a commit."""
    small.write(path, set_value(small.read(path), ("spec", "runtime", "memory"), size))


def memories(small: SmallWorld) -> dict[str, str]:
    """site -> memory, of all production services."""
    services = [body for (kind, _), body in small.cloud.objects.items() if kind == "run.service"]
    here = [s for s in services if s["labels"]["aipress-environment"] == "production"]
    return {
        s["labels"]["aipress-tenant"]: s["template"]["containers"][0]["resources"]["limits"]["memory"] for s in here
    }


def bodies(small: SmallWorld) -> dict[Any, Any]:
    """The generation says only by which apply an object was written last."""
    found = {key: body for key, body in small.cloud.objects.items() if key[0] != "sql.backup"}
    for body in found.values():
        for labels in (body.get("labels", {}), body.get("settings", {}).get("userLabels", {})):
            labels.pop(GENERATION_LABEL, None)
    return found


def request(target: Target, version: str = "", to_commit: str = "") -> RollbackRequest:
    return RollbackRequest((target,), version, to_commit)


def test_a_shard_goes_back_although_a_tenant_came_since(small: SmallWorld) -> None:
    memory(small, "1Gi")
    text = small.read(YOGA).replace("linden-yoga", "old-mill").replace("n4j8q6sv", "p7d3w5kx")
    (small.fleet / "shards/eu-001/tenants/old-mill").mkdir()
    small.write("shards/eu-001/tenants/old-mill/tenant.yaml", text)
    assert applied(small) == 0
    proposal = propose(small.world(), request(SHARD, "eu-001/1"))
    assert proposal.differences == ()
    assert proposal.notes == ("tenant/old-mill came later than version eu-001/1 and stays as it is",)
    commit(small.world(), proposal)
    assert applied(small) == 0
    assert make(small.world(), PlanRequest()).changes == ()
    assert memories(small)["acme-bakery"] == "512Mi"
    assert any("old-mill" in name for _, name in small.cloud.stored)


def test_what_was_inherited_then_is_written_down_and_the_neighbours_keep_todays(small: SmallWorld) -> None:
    tier = "tiers/silver.yaml"
    small.write(tier, small.read(tier).replace("memory: 512Mi", "memory: 1Gi"))
    assert applied(small) == 0
    assert memories(small)["acme-bakery"] == "1Gi"
    proposal = propose(small.world(), request(TENANT))
    assert list(proposal.files) == [ACME]
    commit(small.world(), proposal)
    assert applied(small) == 0
    assert memories(small)["acme-bakery"] == "512Mi"
    assert "memory: 512Mi" in small.read(ACME)
    assert "memory: 1Gi" in small.read(tier)


def test_the_whole_fleet_goes_back_to_a_commit_as_one_commit(small: SmallWorld) -> None:
    good, before = head(small), bodies(small)
    for path, size in ((ACME, "2Gi"), (YOGA, "1Gi"), (LANTERN, "768Mi")):
        text = small.read(path)
        small.write(path, text.replace("displayName: ", "displayName: The "))
        memory(small, size, path)
        assert applied(small) == 0
    tier = "tiers/bronze.yaml"
    small.write(tier, small.read(tier).replace("concurrency: 20", "concurrency: 30"))
    assert applied(small) == 0
    assert bodies(small) != before
    at = head(small)
    proposal = propose(small.world(), request(FLEET, to_commit=good))
    assert sorted(proposal.files) == sorted([ACME, YOGA, LANTERN, tier])
    assert {str(leg.target): leg.chosen.label for leg in proposal.legs} == {
        "fleet": "fleet/1", "shard/eu-001": "eu-001/1", "shard/us-001": "us-001/1",
    }  # fmt: skip
    made = commit(small.world(), proposal)
    assert small.world().repository.resolve(f"{made}~1") == at
    subprocess.run(["git", "diff", "--quiet", good, made], cwd=small.fleet, check=True)
    assert applied(small) == 0
    assert bodies(small) == before
    assert make(small.world(), PlanRequest()).changes == ()


def test_shards_go_back_to_the_last_version_before_a_commit_that_did_not_touch_them(small: SmallWorld) -> None:
    memory(small, "1Gi", LANTERN)
    assert applied(small) == 0
    between = head(small)
    memory(small, "2Gi", ACME)
    assert applied(small) == 0
    memory(small, "768Mi", LANTERN)
    memory(small, "768Mi", ACME)
    assert applied(small) == 0
    both = (SHARD, Target.parse("shard/us-001"))
    proposal = propose(small.world(), RollbackRequest(both, to_commit=between))
    assert [leg.chosen.label for leg in proposal.legs] == ["eu-001/1", "us-001/2"]
    commit(small.world(), proposal)
    assert applied(small) == 0
    assert memories(small) == {"acme-bakery": "512Mi", "linden-yoga": "512Mi", "brass-lantern": "1Gi"}


def test_a_version_that_put_another_back_is_none_of_its_commit(small: SmallWorld) -> None:
    memory(small, "2Gi")
    assert applied(small) == 0
    bad = head(small)
    world = small.world()
    proposal = propose(world, request(TENANT))
    assert now(world, proposal, Immediate(small.clock.at + timedelta(hours=1), lambda _event: None)).exit_code == 0
    assert small.world().history.head("eu-001").fleet_commit == bad  # type: ignore[union-attr]
    memory(small, "768Mi")
    small.world().history.clear_hold("tenant/acme-bakery", "jo")
    assert applied(small) == 0
    for mark in small.world().history.poisons():
        small.world().history.drop_poisons([mark], "jo", "on purpose")
    assert [leg.chosen.label for leg in propose(small.world(), request(TENANT, to_commit=bad)).legs] == ["eu-001/2"]


def test_what_was_never_applied_at_a_commit_is_an_input_error(small: SmallWorld, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing of tenant/acme-bakery was applied"):
        other = SmallWorld(tmp_path / "other")
        first = head(other)
        memory(other, "1Gi")
        assert applied(other) == 0
        propose(other.world(), request(TENANT, to_commit=first))


def test_several_targets_need_a_commit(small: SmallWorld) -> None:
    with pytest.raises(InputError, match="return to a commit"):
        propose(small.world(), RollbackRequest((TENANT, SHARD), "eu-001/1"))


def test_another_owner_of_a_name_keeps_one_tenant_from_going_back_and_not_its_shard(small: SmallWorld) -> None:
    memory(small, "1Gi", YOGA)
    assert applied(small) == 0
    small.write(ACME, small.read(ACME).replace("k3v9x2ma", "z9y8x7w6"))
    with pytest.raises(RefusedError, match="its uid was k3v9x2ma and is z9y8x7w6"):
        propose(small.world(), request(TENANT, "eu-001/1"))
    proposal = propose(small.world(), request(SHARD, "eu-001/1"))
    assert list(proposal.files) == [YOGA]
    assert "its uid was k3v9x2ma and is z9y8x7w6; it stays as it is" in proposal.notes[0]


def test_it_is_refused_with_the_differences_when_no_file_can_say_what_was(small: SmallWorld) -> None:
    small.write("fleet.yaml", small.read("fleet.yaml").replace("base/wordpress:6.8-php8.3", "base/wordpress:7-php8.3"))
    assert applied(small) == 0
    proposal = propose(small.world(), request(TENANT, "eu-001/1"))
    assert "template.containers[0].image" in proposal.differences[0]
    at = head(small)
    with pytest.raises(RefusedError, match="would not equal eu-001/1"):
        commit(small.world(), proposal)
    assert head(small) == at
    assert list(small.world().history.poisons()) == []

"""A pull request is judged by the rules of the branch that it goes to, not by those that it brings."""

from pathlib import Path

from reconciler.actions.plan import PlanRequest, make
from tests.cycle.many_sites import ManySites

LOOSE = "blastRadius: { percent: 1.0, sites: 100, shardPercent: 100 }"


def test_a_guard_that_the_pull_request_loosens_still_refuses_it(tmp_path: Path) -> None:
    many = ManySites(tmp_path, 8, waves="  waves: { enabled: false }\n")
    many.apply()
    world = many.world()
    base = world.repository.resolve("HEAD")
    many.bigger()
    many.edit("fleet.yaml", LOOSE.replace("100, ", "2, "), LOOSE)
    world = many.world()
    head = world.repository.resolve("HEAD")
    judged = {v.guard for v in make(world, PlanRequest(base=base, head=head)).refused()}
    assert "blast-radius" in judged
    assert "blast-radius" not in {v.guard for v in make(world, PlanRequest(head=head)).refused()}, "merged, it rules"

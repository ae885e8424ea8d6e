"""What was shown on a pull request is what runs after its merge; how far that is, is told on the commit and there."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from reconciler.actions.holds import resume
from reconciler.cycle.world import World
from reconciler.daemon.announcing import NAME, Announcing
from reconciler.daemon.beside import Company, Several
from reconciler.daemon.contract import Contract
from reconciler.daemon.converging import Converging
from reconciler.daemon.merges import Merges
from reconciler.daemon.serve import Reported, Watch, once
from reconciler.daemon.shown import ShownPlans
from reconciler.forge.hints import COMMENT
from reconciler.model.hold import HoldKind
from reconciler.model.ids import Scope, Target
from reconciler.model.mark import Mark
from reconciler.source.git import GitRepository
from tests.daemon.pulls import LENA, LINDEN, STRANGER, Scene, scene
from tests.forge.host import Row

__all__ = ["scene"]
SMALL, LARGE = "timeoutSeconds: 60", "timeoutSeconds: 90"


class Loop:
    """One daemon: `cycle` is one pass over everything, and what is said beside it."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        fleet = GitRepository(scene.clone)
        self.world: World = replace(scene.small.world(), repository=fleet)
        self.lines: list[str] = []
        forge = scene.reviewing.reviewer._bench.forge  # type: ignore[attr-defined]
        contract = Contract(self.world, ShownPlans(scene.reviewing.state), fleet.blob)
        clock = scene.small.clock
        self.merges = Merges(
            contract, Converging(clock), Announcing(forge, self.lines.append), clock, "", self.lines.append
        )

    def cycle(self) -> Reported:
        self.scene.fetch()
        beside = Company(None, Several([self.merges]), self.lines.append, None, self.merges)
        watch = Watch(None, 60, beside.before(lambda event: None), beside.then(lambda reported: None), beside=beside)
        return once(self.world, watch)


@pytest.fixture
def loop(scene: Scene) -> Loop:
    made = Loop(scene)
    assert made.cycle().error is None
    return made


def shown(scene: Scene, old: str = SMALL, new: str = LARGE, path: str = LINDEN) -> str:
    """A pull request whose plan is shown."""
    scene.fetch()
    head = scene.write("change", old, new, path)
    scene.host.pull(12, head, author=LENA)
    scene.hint()
    (told,) = scene.look()
    assert told.reviewed is not None and told.reviewed.result == "planned"
    return head


def merge(scene: Scene, *how: str) -> str:
    scene.git("checkout", "-q", "main")
    scene.git("merge", "-q", *(how or ("--no-ff", "--no-edit")), "change")
    if "--squash" in how:
        scene.git("commit", "-qm", "Squashed")
    scene.git("push", "-q", str(scene.served / "fleet.git"), "main")
    scene.host.pulls[12].state = "merged"
    return scene.git("rev-parse", "HEAD")


def service(scene: Scene, tenant: str = "linden-yoga") -> tuple[str, dict[str, Any]]:
    (name,) = [n for kind, n in scene.small.cloud.stored if kind == "run.service" and f"/{tenant}-p" in n]
    return name, scene.small.cloud.body("run.service", name)


def timeout(scene: Scene) -> str:
    return str(service(scene)[1]["template"]["timeout"])


def elsewhere(scene: Scene, change: Callable[[dict[str, Any]], None]) -> None:
    """Somebody changes the live service behind our back."""
    name, body = service(scene)
    change(body)
    scene.small.cloud.put("run.service", name, body)


def result(scene: Scene) -> tuple[Row, Mark]:
    """The comment that tells what came of the merge."""
    found = [(row, m) for row in scene.comments() if (m := Mark.of(row["body"])) and m.key == "apply"]
    assert len(found) == 1
    return found[0]


def statuses(scene: Scene, commit: str) -> list[str]:
    rows = [s for s in scene.host.statuses if s["commit"] == commit and NAME in (s.get("context"), s.get("name"))]
    return [f"{row['state']}: {row['description']}" for row in rows]


@pytest.mark.parametrize("how", [(), ("--ff-only",), ("--squash",)])
def test_what_was_shown_is_applied_and_told(scene: Scene, loop: Loop, how: tuple[str, ...]) -> None:
    shown(scene)
    commit = merge(scene, *how)
    assert loop.cycle().error is None
    assert timeout(scene) == "90s"
    row, mark = result(scene)
    assert "### AIPress apply: applied" in row["body"] and mark.plan == "", "nothing waits"
    assert statuses(scene, commit)[-1] == "success: 1 of 1 converged"
    loop.cycle()
    assert scene.plans.of(12) is None, "it is done"


def test_a_squash_onto_a_base_that_moved_is_known_all_the_same(scene: Scene, loop: Loop) -> None:
    shown(scene)
    scene.write("main", "tier: silver", "tier: gold")
    elsewhere(scene, lambda body: body.update({"ingress": "INGRESS_TRAFFIC_NONE"}))
    merge(scene, "--squash")
    loop.cycle()
    assert timeout(scene) == "60s", "it would also set what somebody changed: that was not shown"
    assert HoldKind.REVIEW in {h.kind for h in loop.world.history.holds()}


def test_what_moved_and_means_the_same_is_applied_and_noted(scene: Scene, loop: Loop) -> None:
    shown(scene)
    elsewhere(scene, lambda body: body["template"].update({"timeout": "75s"}))
    merge(scene)
    loop.cycle()
    assert timeout(scene) == "90s"
    assert "1 object had moved" in result(scene)[0]["body"]


def test_what_means_something_else_waits_for_a_yes_and_its_neighbours_do_not(scene: Scene, loop: Loop) -> None:
    scene.write("change", "tier: silver", "tier: bronze")
    head = shown(scene)
    elsewhere(scene, lambda body: body.update({"ingress": "INGRESS_TRAFFIC_NONE"}))
    commit = merge(scene)
    loop.cycle()
    assert timeout(scene) == "60s", "it would set the ingress too, and that was not shown"
    assert service(scene, "acme-bakery")[1]["template"]["scaling"] != {}, "the neighbour is applied"
    row, mark = result(scene)
    assert "1 target held" in row["body"] and "`tenant/linden-yoga`" in row["body"] and "ingress" in row["body"]
    assert "waiting for a yes" in row["body"] and not statuses(scene, commit)[-1].startswith("success")
    if statuses(scene, commit)[-1].startswith("pending"):
        assert "waiting for a yes" in statuses(scene, commit)[-1]  # GitLab keeps the first words of a state
    # A restart and a sweep change nothing about it.
    again = Loop(scene)
    again.cycle()
    assert timeout(scene) == "60s"
    assert len([h for h in again.world.history.holds() if h.kind == HoldKind.REVIEW]) == 1

    words = f"/aipress apply plan={mark.plan.removeprefix('sha256:')[:16]} head={head}"
    assert words in row["body"]
    scene.host.say(12, STRANGER, words)
    scene.hint(COMMENT)
    scene.look()
    assert scene.yes == []
    scene.host.say(12, LENA, words)
    scene.hint(COMMENT)
    scene.look()
    ((number, digest),) = scene.yes
    again.merges.approved(number, digest)
    assert again.merges.asked_for() == Scope(tenants=frozenset({"linden-yoga"}), shards=frozenset(), fleet=False)
    again.cycle()
    assert timeout(scene) == "90s"
    assert not [h for h in again.world.history.holds() if h.kind == HoldKind.REVIEW]


def test_a_yes_to_what_changed_once_more_is_no_yes(scene: Scene, loop: Loop) -> None:
    shown(scene)
    elsewhere(scene, lambda body: body.update({"ingress": "INGRESS_TRAFFIC_NONE"}))
    merge(scene)
    loop.cycle()
    digest = result(scene)[1].plan.removeprefix("sha256:")
    loop.merges.approved(12, digest)
    assert loop.merges.asked_for() is not None
    elsewhere(scene, lambda body: body["template"].update({"maxInstanceRequestConcurrency": 3}))
    loop.cycle()
    assert timeout(scene) == "60s"
    assert result(scene)[1].plan.removeprefix("sha256:") != digest
    loop.merges.approved(12, digest)
    assert loop.merges.asked_for() is None


def test_a_hold_ends_when_git_says_something_else(scene: Scene, loop: Loop) -> None:
    """Who pushes what is meant instead is not kept waiting for a yes to what was."""
    shown(scene)
    elsewhere(scene, lambda body: body.update({"ingress": "INGRESS_TRAFFIC_NONE"}))
    merge(scene)
    loop.cycle()
    assert [h.kind for h in loop.world.history.holds()] == [HoldKind.REVIEW]
    scene.write("main", LARGE, "timeoutSeconds: 80", LINDEN)
    for _ in range(2):  # the first looks at a plan that the hold still refuses
        loop.cycle()
    assert timeout(scene) == "80s"
    assert not loop.world.history.holds()


def test_who_resumes_says_yes(scene: Scene, loop: Loop) -> None:
    shown(scene)
    elsewhere(scene, lambda body: body.update({"ingress": "INGRESS_TRAFFIC_NONE"}))
    merge(scene)
    loop.cycle()
    resume(loop.world, Target.parse("tenant/linden-yoga"))
    loop.cycle()
    assert timeout(scene) == "90s"
    assert not loop.world.history.holds()


def test_who_resumes_one_of_two_says_yes_to_that_one(scene: Scene, loop: Loop) -> None:
    scene.write("change", "tier: silver", "tier: bronze")
    shown(scene)
    for tenant in ("linden-yoga", "acme-bakery"):
        name, body = service(scene, tenant)
        scene.small.cloud.put("run.service", name, {**body, "ingress": "INGRESS_TRAFFIC_NONE"})
    merge(scene)
    loop.cycle()
    assert len(loop.world.history.holds()) == 2
    resume(loop.world, Target.parse("tenant/linden-yoga"))
    for _ in range(2):
        loop.cycle()
    assert timeout(scene) == "90s"
    assert service(scene, "acme-bakery")[1]["ingress"] == "INGRESS_TRAFFIC_NONE", "nobody said yes to this one"
    row, mark = result(scene)
    assert "1 target held" in row["body"] and mark.plan, "it is still asked"


def test_a_hold_that_another_host_asked_for_is_not_lifted_here(scene: Scene, loop: Loop) -> None:
    shown(scene)
    elsewhere(scene, lambda body: body.update({"ingress": "INGRESS_TRAFFIC_NONE"}))
    merge(scene)
    loop.cycle()
    scene.plans.drop(12)  # what a host has that takes over
    loop.cycle()
    assert timeout(scene) == "60s"
    assert [h.kind for h in loop.world.history.holds()] == [HoldKind.REVIEW]


def test_a_host_that_is_away_delays_nothing_and_hears_later(scene: Scene, loop: Loop) -> None:
    shown(scene)
    tokens = dict(scene.host.tokens)
    scene.host.tokens.clear()
    commit = merge(scene)
    assert loop.cycle().error is None
    assert timeout(scene) == "90s" and statuses(scene, commit) == []
    scene.host.tokens.update(tokens)
    loop.cycle()
    assert statuses(scene, commit)[-1].startswith("success")


def test_what_a_stranger_left_in_the_store_of_plans_is_passed_over(scene: Scene, loop: Loop) -> None:
    shown(scene)
    (scene.reviewing.state / "shown" / "12.plan.json.gz").write_bytes(b"no gzip")
    (scene.reviewing.state / "shown" / "13.json").write_text("[")
    merge(scene)
    assert loop.cycle().error is None
    assert timeout(scene) == "90s"

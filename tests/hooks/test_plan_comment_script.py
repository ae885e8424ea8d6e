"""plan-comment: the plan of a pull request as Markdown, from where the branch left its base."""

import pytest

from tests.hooks.places import HOOKS, Place

pytestmark = pytest.mark.slow

SCRIPT = str(HOOKS / "plan-comment")


@pytest.fixture
def branched(clone: Place) -> tuple[Place, str, str]:
    """A branch with one commit, and a main that moved on meanwhile. Returns (clone, fork point, head)."""
    fork = clone.git("rev-parse", "HEAD")
    clone.git("checkout", "--quiet", "-b", "change")
    head = clone.commit("changed\n")
    clone.git("checkout", "--quiet", "main")
    clone.commit("someone else's\n", path="tiers/gold.yaml")
    return clone, fork, head


def test_it_prints_the_plan_from_where_the_branch_left(branched: tuple[Place, str, str]) -> None:
    clone, fork, head = branched

    ended = clone.run(SCRIPT, "main", "change")

    assert (ended.code, ended.out) == (0, "# the plan\n")
    assert clone.calls() == [f"plan --base {fork} --head {head} --format markdown"]


def test_the_head_is_what_is_checked_out_when_not_named(branched: tuple[Place, str, str]) -> None:
    clone, fork, head = branched
    clone.git("checkout", "--quiet", "change")

    assert clone.run(SCRIPT, "main").code == 0
    assert clone.calls() == [f"plan --base {fork} --head {head} --format markdown"]


@pytest.mark.parametrize("code", ["3", "1", "5"])
def test_it_ends_as_the_plan_does(branched: tuple[Place, str, str], code: str) -> None:
    assert branched[0].run(SCRIPT, "main", "change", AIPRESS_ENDS_WITH=code).code == int(code)


@pytest.mark.parametrize("name", ["gone", "--output=x", "$(touch hacked)"])
def test_a_commit_that_is_not_there_is_said_so(clone: Place, name: str) -> None:
    ended = clone.run(SCRIPT, name, "HEAD")

    assert ended.code == 64
    assert "there is no commit" in ended.err
    assert "fetch-depth: 0" in ended.err
    assert clone.calls() == []
    assert not (clone.folder / "hacked").exists()


def test_histories_that_never_met_are_said_so(clone: Place) -> None:
    clone.git("checkout", "--quiet", "--orphan", "island")
    clone.commit("island\n")

    ended = clone.run(SCRIPT, "main", "island")

    assert ended.code == 64
    assert "no common commit" in ended.err


def test_how_to_use_it(clone: Place) -> None:
    ended = clone.run(SCRIPT)

    assert ended.code == 64
    assert "usage: plan-comment BASE [HEAD]" in ended.err

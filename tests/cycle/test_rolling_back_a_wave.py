"""`rollback --wave`: what a wave touched returns to what it was before it, by a commit; nobody else is touched."""

from pathlib import Path

import pytest

from reconciler.actions import waves as under_way
from reconciler.actions.holds import resume
from reconciler.actions.plan import PlanRequest, make
from reconciler.actions.rollback_wave import return_of, write
from reconciler.model.errors import InputError, RefusedError
from reconciler.model.ids import tenant_target
from reconciler.model.wave import Phase
from tests.cycle.many_sites import ManySites
from tests.cycle.test_walking_in_waves import CANARY, SECOND, THIRD


@pytest.fixture
def aborted(tmp_path: Path) -> ManySites:
    """Two waves walked, then ended by a person."""
    many = ManySites(tmp_path)
    assert many.apply().exit_code == 0
    many.bigger()
    many.apply()
    many.later(10)
    many.apply()
    under_way.abort(many.world(), under_way.find(many.world()), "too hungry")
    many.wrote()
    return many


def returned(many: ManySites, which: str) -> list[str]:
    world = many.world()
    proposal = return_of(world, which)
    write(world, proposal)
    return sorted(str(p.target) for p in proposal.proposals)


def sites(many: ManySites, memory: str) -> list[str]:
    return sorted(site for site, has in many.memory().items() if has == memory)


def test_all_that_was_walked_returns_and_the_rest_is_left_alone(aborted: ManySites) -> None:
    ident = aborted.standing().id
    assert sites(aborted, "768Mi") == sorted(CANARY + SECOND)
    assert returned(aborted, ident) == sorted(f"tenant/{site}" for site in CANARY + SECOND)
    applied = aborted.apply(allow="blast-radius")
    assert aborted.wrote() == sorted(CANARY + SECOND)
    assert sites(aborted, "768Mi") == []
    assert applied.exit_code == 5, "what is left of the aborted waves is still wanted by Git, and not walked"
    assert {a.target.name for a in applied.skipped} == set(THIRD)


def test_what_was_left_does_not_come_back_by_itself(aborted: ManySites) -> None:
    """Each site that was returned is marked, in one commit of the history; what was not walked is not."""
    ident = aborted.standing().id
    before = aborted.versions_of_marks()
    world = aborted.world()
    write(world, return_of(world, ident, "too hungry"))
    marks = aborted.world().history.poisons()
    assert [mark.target for mark in marks] == sorted(f"tenant/{site}" for site in CANARY + SECOND)
    assert aborted.versions_of_marks() == before + 1
    assert all("too hungry" in mark.told() and mark.until for mark in marks)
    aborted.apply(allow="blast-radius")
    aborted.revert()
    aborted.wrote()
    again = aborted.apply(allow="blast-radius")
    assert aborted.wrote() == []
    whys = {address.target.name: why for address, why in again.skipped.items()}
    assert all(whys[site].startswith("poisoned: this is the state that") for site in CANARY + SECOND)
    assert all("aborted" in whys[site] for site in THIRD)
    resume(aborted.world(), tenant_target(CANARY[0]))
    aborted.apply(allow="blast-radius")
    assert aborted.wrote() == CANARY


def test_a_return_that_is_not_made_leaves_no_mark(aborted: ManySites) -> None:
    world = aborted.world()
    proposal = return_of(world, aborted.standing().id)
    (aborted.fleet / next(iter(proposal.files))).write_text("# somebody edits this right now\n")
    with pytest.raises(RefusedError, match="not committed"):
        write(world, proposal)
    assert list(world.history.poisons()) == []


def test_one_of_its_waves_returns_alone(aborted: ManySites) -> None:
    """The second wave: on its shard the first walked nothing, and the tier's text is new by now."""
    ident = aborted.standing().id
    assert returned(aborted, f"{ident}/2") == sorted(f"tenant/{site}" for site in SECOND)
    aborted.apply(allow="blast-radius")
    assert aborted.wrote() == SECOND
    assert sites(aborted, "768Mi") == CANARY


def test_a_later_wave_of_a_shard_goes_back_before_the_first_of_them(tmp_path: Path) -> None:
    """us-001 has the canary in wave 1 and others in wave 3: before wave 3 its tier's text was new already."""
    many = ManySites(tmp_path)
    assert many.apply().exit_code == 0
    many.bigger()
    for minutes in (10, 30, 0):
        many.apply()
        many.later(minutes)
    assert many.standing().phase is Phase.DONE
    ident = many.standing().id
    assert returned(many, f"{ident}/3") == sorted(f"tenant/{site}" for site in THIRD)
    many.wrote()
    assert many.apply(allow="blast-radius").exit_code == 0
    assert many.wrote() == THIRD
    assert sites(many, "768Mi") == sorted(CANARY + SECOND)
    assert make(many.world(), PlanRequest()).changes == ()


def test_a_return_of_many_sites_is_itself_walked_in_waves(tmp_path: Path) -> None:
    many = ManySites(tmp_path)
    many.apply()
    many.bigger()
    many.apply(allow="")
    for minutes in (10, 30):
        many.later(minutes)
        many.apply()
    returned(many, many.standing().id)
    many.wrote()
    assert (many.apply().exit_code, many.wrote()) == (5, CANARY)
    assert [w.phase for w in many.world().history.waves()] == [Phase.DONE, Phase.BAKING]


def test_what_goes_on_by_itself_is_ended_first(tmp_path: Path) -> None:
    many = ManySites(tmp_path)
    many.apply()
    many.bigger()
    many.apply()
    with pytest.raises(RefusedError, match="go on by themselves") as told:
        return_of(many.world(), many.standing().id)
    assert told.value.hint.startswith("end them first: aipress waves abort")


def test_what_is_not_there_is_said_so(aborted: ManySites) -> None:
    ident = aborted.standing().id
    with pytest.raises(InputError, match="have begun no wave 3"):
        return_of(aborted.world(), f"{ident}/3")
    with pytest.raises(InputError, match="there are no waves wxyz"):
        return_of(aborted.world(), "wxyz/1")
    returned(aborted, ident)
    aborted.apply()
    with pytest.raises(InputError, match="says what it said before"):
        return_of(aborted.world(), ident)

"""Waves as a state machine: every move is in the table, is written down, and no other is possible."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.ids import Address
from reconciler.model.planned import Planned
from reconciler.model.wave import ALLOWED, Course, IllegalMoveError, Move, Phase, Stamp, Wave, Waves

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
CHART = tuple(Wave((f"tenant/t{n}",), n, 1, n * 60) for n in range(1, 4))
COURSE = Course({"shard/eu-001": "v1"}, ("tenant/sick",))


def stamp(minutes: int = 0) -> Stamp:
    return Stamp(AT + timedelta(minutes=minutes), "jo")


def proposed() -> Waves:
    wishes = {Address.parse("tenant/t1/run.service/production"): "abc"}
    return Waves("w1", "c1", "sha256:1", CHART, wishes, (Move(Phase.PROPOSED, 0, AT, "jo", "apply"),))


def test_the_whole_way() -> None:
    waves, at, seen = proposed(), 0, []
    for number in (1, 2, 3):
        waves = waves.walk(stamp(at), "go", COURSE)
        seen.append((waves.phase, waves.at_wave, waves.walked, waves.open))
        at += 5
        waves = waves.bake(stamp(at), "walked", ())
        seen.append((waves.phase, waves.at_wave, waves.walked, waves.open))
        at += number
    assert seen == [
        (Phase.WALKING, 1, 0, 1), (Phase.BAKING, 1, 1, 1), (Phase.WALKING, 2, 1, 2), (Phase.BAKING, 2, 2, 2),
        (Phase.WALKING, 3, 2, 3), (Phase.DONE, 3, 3, 3),
    ]  # fmt: skip
    assert not waves.standing
    assert [m.actor for m in waves.log] == ["jo"] * 7


def test_no_wave_begins_before_the_bake_is_over() -> None:
    baking = proposed().walk(stamp(), "go", COURSE).bake(stamp(), "walked", ())
    with pytest.raises(IllegalMoveError, match="bakes until 09:01Z"):
        baking.walk(Stamp(AT + timedelta(seconds=59), "jo"), "too early", COURSE)
    assert baking.walk(stamp(1), "baked", COURSE).at_wave == 2


def test_a_wave_in_which_nothing_was_walked_needs_no_bake() -> None:
    assert proposed().walk(stamp(), "go", COURSE).bake(stamp(), "nothing to do", (), walked=False).until == AT


def test_a_pause_comes_back_to_where_it_began() -> None:
    baking = proposed().walk(stamp(), "go", COURSE).bake(stamp(), "walked", ())
    paused = baking.pause(stamp(), "an incident")
    assert (paused.running, paused.standing, paused.walked, paused.open) == (False, True, 1, 1)
    assert paused.resume(stamp(30), "over").last == Move(
        Phase.BAKING, 1, AT + timedelta(minutes=30), "jo", "over", baking.until
    )
    walking = proposed().walk(stamp(), "go", COURSE)
    assert walking.pause(stamp(), "x").open == 0
    assert walking.pause(stamp(), "x").resume(stamp(), "y").open == 1
    with pytest.raises(IllegalMoveError, match="not paused"):
        baking.resume(stamp(), "why")


def test_aborted_in_a_wave_means_that_wave_too() -> None:
    walking = proposed().walk(stamp(), "go", COURSE)
    assert walking.abort(stamp(), "3 sites failed").open == 0
    assert walking.bake(stamp(), "walked", ()).abort(stamp(), "unwell").open == 1


def test_how_many_failures_abort() -> None:
    waves = replace(proposed(), waves=(Wave((), 1, 1, 0), Wave((), 100, 1, 0), Wave((), 1000, 1, 0)))
    assert [waves.too_many(n, 1) for n in (0, 1)] == [False, True]
    assert [waves.too_many(n, 2) for n in (1, 2)] == [False, True]
    assert [waves.too_many(n, 3) for n in (2, 3)] == [False, True]


def step(waves: Waves, move: str, at: int) -> Waves:
    match move:
        case "walk":
            return waves.walk(stamp(at), "go", COURSE)
        case "bake":
            return waves.bake(stamp(at), "walked", ("tenant/x",))
        case "abort":
            return waves.abort(stamp(at), "no")
        case "supersede":
            return waves.supersede(stamp(at), "newer")
        case "pause":
            return waves.pause(stamp(at), "wait")
        case _:
            return waves.resume(stamp(at), "on")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(
    st.sampled_from(["walk", "walk", "bake", "bake", "pause", "resume", "abort", "supersede"]), st.integers(0, 5)
), max_size=14))  # fmt: skip
def test_whatever_is_tried_only_the_table_happens(moves: list[tuple[str, int]]) -> None:
    waves, at = proposed(), 0
    for move, minutes in moves:
        at += minutes
        before = waves
        try:
            waves = step(waves, move, at)
        except IllegalMoveError:
            assert waves is before
            continue
        assert waves.log[:-1] == before.log
        assert waves.phase in ALLOWED[before.phase]
        assert waves.walked >= before.walked
        assert 0 <= waves.open <= len(CHART)
        if waves.phase is Phase.WALKING and before.phase is Phase.BAKING:
            assert before.until is not None
            assert waves.last.at >= before.until
            assert waves.at_wave == before.at_wave + 1
        assert Waves.from_json(waves.chart(), waves.progress()) == waves
    walks = [m.wave for m, n in zip(waves.log, waves.log[1:], strict=False) if n.phase is Phase.WALKING]
    assert walks == sorted(walks)


def test_nothing_follows_the_end() -> None:
    for phase in (Phase.DONE, Phase.SUPERSEDED):
        assert ALLOWED[phase] == frozenset()
    assert ALLOWED[Phase.ABORTED] == {Phase.SUPERSEDED}
    assert set(ALLOWED) == set(Phase)


def test_what_a_plan_says_is_empty_or_comes_back_whole() -> None:
    assert not Planned()
    planned = Planned(CHART, {Address.parse("tenant/t1/secret/x"): "a"}, {"w0": 3}, ("w0",))
    assert planned
    assert Planned.from_json(planned.to_json()) == planned


@pytest.mark.parametrize("log", [[], [{"phase": "flying"}]])
def test_what_is_none_of_ours_is_refused(log: list[dict[str, str]]) -> None:
    with pytest.raises((ValueError, KeyError)):
        Waves.from_json(proposed().chart(), {"log": log, "courses": {}})

"""Many changes: order, lanes, and how far a failure reaches. Any interleaving, drawn by hypothesis."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.applying.walk import Walk, lane_of
from reconciler.model.outcome import ItemOutcome, Result
from reconciler.model.plan import Change
from tests.applying.builders import change


def numbered(n: int, after: list[int], kind: str = "secret", instance: int = 0, shard: str = "s") -> Change:
    names = [f"tenant/t{a:03}/{kind}/production" for a in after]
    where = (
        f"projects/p/instances/i{instance}/databases/t{n:03}" if kind.startswith("sql") else f"projects/p/secrets/{n}"
    )
    return change(f"tenant/t{n:03}/{kind}/production", where, {}, after=names, shard=shard)


@st.composite
def plans(draw: st.DrawFn) -> list[Change]:
    size = draw(st.integers(1, 14))
    kind = draw(st.sampled_from(["secret", "sql.database"]))
    return [
        numbered(
            n,
            sorted(draw(st.sets(st.integers(0, n - 1), max_size=3))) if n else [],
            kind,
            draw(st.integers(0, 2)),
            draw(st.sampled_from(["a", "b", ""])),
        )
        for n in range(size)
    ]


@given(plans(), st.integers(1, 4), st.data())
def test_order_lanes_and_bounds_hold_for_any_interleaving(
    changes: list[Change], parallel: int, data: st.DataObject
) -> None:
    walk = Walk(changes, parallel)
    ends: dict[str, Result] = {}
    settled: list[str] = []
    running: list[Change] = []
    while not walk.over:
        running += walk.start()
        assert running, "nothing runs and the walk is not over"
        assert len(running) <= parallel
        lanes = [lane for one in running if (lane := lane_of(one))]
        assert len(lanes) == len(set(lanes)), "two operations at once on one instance"
        for one in running:
            assert all(ends[str(a)] is Result.DONE for a in one.after), "started before what it needs was done"
        one = running.pop(data.draw(st.integers(0, len(running) - 1)))
        result = data.draw(st.sampled_from([Result.DONE, Result.DONE, Result.FAILED, Result.STALE]))
        turn = walk.finish(ItemOutcome(one, result, "why"))
        ends[str(one.address)] = result
        for item in turn.skipped:
            assert str(item.change.address) not in ends, "ended twice"
            ends[str(item.change.address)] = item.result
        for shard in turn.settled:
            mine = [c for c in changes if c.shard == shard]
            assert all(str(c.address) in ends for c in mine), "settled too early"
            assert set(walk.outcome(shard).items) == {c.address for c in mine}
        settled += turn.settled
    assert sorted(settled) == sorted({c.shard for c in changes}), "every shard settles exactly once"
    for one in changes:
        sick = any(ends[str(a)] is not Result.DONE for a in one.after)
        assert (ends[str(one.address)] is Result.SKIPPED) == sick, "skipped exactly when what it needs did not succeed"


def finished(walk: Walk, failing: str = "") -> dict[str, ItemOutcome]:
    while not walk.over:
        for one in walk.start():
            bad = str(one.address.target) == failing
            walk.finish(ItemOutcome(one, Result.FAILED if bad else Result.DONE, "no quota" if bad else ""))
    return {str(a.target): item for a, item in walk.outcome().items.items()}


def test_a_failure_reaches_what_waits_for_it_and_nobody_else() -> None:
    ends = finished(Walk([numbered(0, []), numbered(1, [0]), numbered(2, [1]), numbered(3, [])], 2), "tenant/t000")
    assert ends["tenant/t003"].result is Result.DONE
    assert ends["tenant/t001"].result is Result.SKIPPED
    assert ends["tenant/t002"].message == "waits for tenant/t000/secret/production, which failed: no quota"


def test_what_is_left_out_takes_along_what_waits_for_it() -> None:
    changes = [numbered(0, []), numbered(1, [0]), numbered(2, [])]
    walk = Walk(changes, 2)
    turn = walk.skip({changes[0].address: "blast-radius: too many sites"})
    assert [i.message for i in turn.skipped] == [
        "waits for tenant/t000/secret/production, which was not run: blast-radius: too many sites",
        "blast-radius: too many sites",
    ]
    assert finished(walk)["tenant/t002"].result is Result.DONE


def test_everything_left_out_is_a_walk_that_is_over_and_settled() -> None:
    changes = [numbered(0, []), numbered(1, [0], shard="other")]
    turn = (walk := Walk(changes, 2)).skip({c.address: "held" for c in changes})
    assert walk.over
    assert sorted(turn.settled) == ["other", "s"]


def test_a_sick_shard_does_not_keep_another_from_settling() -> None:
    changes = [numbered(0, [], shard="sick"), numbered(1, [], shard="well")]
    walk = Walk(changes, 2)
    walk.start()
    assert walk.finish(ItemOutcome(changes[1], Result.DONE)).settled == ["well"]
    assert not walk.over


def test_after_a_stop_nothing_starts_and_what_runs_may_end() -> None:
    changes = [numbered(n, []) for n in range(4)]
    walk = Walk(changes, 1)
    [first] = walk.start()
    turn = walk.stop("the stop switch is thrown")
    assert [i.result for i in turn.skipped] == [Result.INTERRUPTED] * 3
    assert not walk.over
    assert walk.start() == []
    assert walk.finish(ItemOutcome(first, Result.DONE)).settled == ["s"]
    assert walk.over


def test_a_stopped_lane_does_not_hang() -> None:
    changes = [numbered(n, [], "sql.database") for n in range(3)]
    walk = Walk(changes, 4)
    [first] = walk.start()
    walk.stop("why")
    walk.finish(ItemOutcome(first, Result.DONE))
    assert walk.over and walk.start() == []


def test_one_instance_does_not_slow_another() -> None:
    changes = [numbered(n, [], "sql.database", instance=n % 2) for n in range(4)]
    assert [str(c.address.target) for c in Walk(changes, 8).start()] == ["tenant/t000", "tenant/t001"]


def test_a_plan_that_waits_for_itself_is_refused_before_anything_starts() -> None:
    with pytest.raises(ValueError, match="tenant/t000/secret/production, tenant/t001/secret/production"):
        Walk([numbered(0, [1]), numbered(1, [0]), numbered(2, [])], 2)


def test_an_address_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        Walk([numbered(0, []), numbered(0, [])], 2)


def test_what_is_not_in_the_plan_is_not_waited_for() -> None:
    assert [str(c.address.target) for c in Walk([numbered(5, [1])], 1).start()] == ["tenant/t005"]

"""How an order is cut into what is walked by itself, and what machines come to as JSON."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.applying.attempt import step
from reconciler.applying.exchange import Finish
from reconciler.applying.pace import Rules
from reconciler.applying.state import State, begin
from reconciler.engine.durable.coding import from_json, to_json
from reconciler.engine.durable.parts import given_to, parts_of
from reconciler.model.errors import Failure, Next
from reconciler.model.order import Order
from reconciler.model.outcome import ItemOutcome, Result
from reconciler.model.plan import Change, Plan
from tests.applying.builders import LABELS, PLAN, change, drive
from tests.doubles import FakeCloud, Script


def one(name: str, shard: str, *after: str) -> Change:
    needs = [f"tenant/{a}/secret/production" for a in after]
    return change(
        f"tenant/{name}/secret/production", f"projects/p/secrets/{name}", {"labels": LABELS}, shard=shard, after=needs
    )


def shown(*changes: Change) -> list[tuple[str, list[str], set[int]]]:
    return [(p.shard, [c.address.target.name for c in p.changes], set(p.needs)) for p in parts_of(changes)]


def test_each_shard_is_a_part_and_the_fleets_own_objects_come_first_when_others_wait_for_them() -> None:
    changes = one("aaa", "s1", "fff"), one("bbb", "s1", "aaa"), one("ccc", "s2", "fff"), one("fff", "")
    assert shown(*changes) == [("", ["fff"], set()), ("s1", ["aaa", "bbb"], {0}), ("s2", ["ccc"], {0})]


def test_what_waits_for_nobody_waits_for_no_other_part() -> None:
    assert shown(one("aaa", "s1"), one("bbb", "s2")) == [("s1", ["aaa"], set()), ("s2", ["bbb"], set())]


def test_shards_that_wait_for_each_other_are_cut_where_no_circle_is_left() -> None:
    folder, project, goes = one("fff", ""), one("ppp", "s1", "fff"), one("old", "", "ppp")
    assert shown(folder, project, goes) == [("", ["fff"], set()), ("s1", ["ppp"], {0}), ("", ["old"], {1})]


def test_a_circle_is_refused() -> None:
    with pytest.raises(ValueError, match="wait for each other"):
        parts_of([one("aaa", "s1", "bbb"), one("bbb", "s2", "aaa")])


def test_a_part_gets_what_it_refers_to_and_leaves_out_what_waits_in_vain() -> None:
    changes = one("fff", ""), one("ggg", ""), one("aaa", "s1", "fff"), one("bbb", "s1", "ggg"), one("ccc", "s1", "fff")
    order = Order(Plan("local:test", "", "c0ffee", {}, changes), {changes[4].address: "on hold"})
    done = ItemOutcome(changes[0], Result.DONE, live={"name": "folders/1"})
    ends = {changes[0].address: done, changes[1].address: ItemOutcome(changes[1], Result.FAILED, "no quota")}
    given = given_to(parts_of(changes)[1], order, ends)
    assert given.results == {changes[0].address: {"name": "folders/1"}}
    assert given.skip == {
        changes[3].address: "waits for tenant/ggg/secret/production, which failed: no quota",
        changes[4].address: "on hold",
    }


@given(st.lists(st.tuples(st.integers(0, 3), st.sets(st.integers(0, 11), max_size=3)), min_size=1, max_size=12))
@settings(max_examples=200, deadline=None)
def test_parts_hold_every_change_once_and_need_only_earlier_ones(drawn: list[tuple[int, set[int]]]) -> None:
    changes = [
        one(f"t{n:02}", f"s{shard}", *(f"t{a:02}" for a in sorted(after) if a < n))
        for n, (shard, after) in enumerate(drawn)
    ]
    parts = parts_of(changes)
    assert sorted(c.name for p in parts for c in p.changes) == sorted(c.name for c in changes)
    where = {c.address: p.number for p in parts for c in p.changes}
    for part in parts:
        assert all(needed < part.number for needed in part.needs)
        assert {where[a] for c in part.changes for a in c.after} <= part.needs | {part.number}
        assert {c.shard for c in part.changes} == {part.shard}


# --- as JSON --------------------------------------------------------------------------------------------------------


def states(cloud: FakeCloud) -> list[State]:
    """Every state that one change goes through."""
    seen: list[State] = []
    wanted = one("aaa", "s1")
    driven = drive(cloud, wanted)
    state, response = begin(wanted, {}, PLAN), None
    replies = iter(driven.replies)
    while True:
        state, request = step(wanted, state, response, Rules())
        seen.append(state)
        if isinstance(request, Finish):
            return seen
        response = next(replies)


def test_every_state_of_a_change_comes_back_from_json_as_it_was() -> None:
    lost, slow = FakeCloud(polls=3), FakeCloud(polls=3)
    lost.script(Script("begin", failure=Failure(Next.RETRY, "reset", 503, retry_after=1.5), lost=True))
    slow.script(Script("poll", failure=Failure(Next.WAIT, "busy", 409)))
    wanted = one("aaa", "s1")
    every = states(lost) + states(slow)
    assert any(s.call and s.operation for s in every) and any(s.trouble for s in every) and any(s.end for s in every)
    for state in every:
        row = json.loads(json.dumps(to_json(state)))
        assert from_json(State, row, {str(wanted.address): wanted}) == state


def test_a_field_that_an_older_row_does_not_have_gets_its_default() -> None:
    wanted = one("aaa", "s1")
    item = ItemOutcome(wanted, Result.DONE, live={"a": [1]}, seconds=2.5)
    row = to_json(item)
    del row["forbidden"]
    assert from_json(ItemOutcome, row, {str(wanted.address): wanted}) == replace(item, forbidden=False)


def test_what_is_no_plain_value_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot be carried"):
        to_json({"x": object()})

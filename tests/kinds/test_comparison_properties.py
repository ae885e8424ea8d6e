"""What must hold of the comparison for every body: of the synthetic kind, which has every rule of the table."""

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.kinds.compare import declares, difference, dropped, fingerprint, mask, merged
from reconciler.model.resource import Found
from tests.kinds.bodies import SYNTHETIC, bodies, respelled, shuffled

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def seen(body: dict[str, Any], uid: str = "1") -> Found:
    return Found(body, uid, NOON)


@given(bodies(), bodies())
def test_after_merging_ours_into_the_live_object_nothing_differs(live: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert difference(SYNTHETIC, merged(SYNTHETIC, live, wanted), wanted, None) == ()


@given(bodies(), bodies(), bodies())
def test_after_an_update_with_what_was_dropped_nothing_differs(
    live: dict[str, Any], wanted: dict[str, Any], last: dict[str, Any]
) -> None:
    fields = difference(SYNTHETIC, live, wanted, last)
    after = merged(SYNTHETIC, live, wanted, dropped(fields, wanted))
    assert difference(SYNTHETIC, after, wanted, last) == ()


@given(bodies(), bodies(), bodies())
def test_comparing_and_merging_leave_their_arguments_alone(
    live: dict[str, Any], wanted: dict[str, Any], last: dict[str, Any]
) -> None:
    before = deepcopy((live, wanted, last))
    merged(SYNTHETIC, live, wanted, dropped(difference(SYNTHETIC, live, wanted, last), wanted))
    assert (live, wanted, last) == before


@given(bodies())
def test_a_body_does_not_differ_from_itself(body: dict[str, Any]) -> None:
    assert difference(SYNTHETIC, body, body, body) == ()


@given(bodies(), st.data())
def test_order_of_keys_and_of_unordered_lists_never_matters(body: dict[str, Any], data: st.DataObject) -> None:
    other = data.draw(st.composite(lambda draw: shuffled(draw, body))())
    assert difference(SYNTHETIC, other, body, body) == ()
    assert fingerprint(SYNTHETIC, seen(other), body) == fingerprint(SYNTHETIC, seen(body), body)
    assert fingerprint(SYNTHETIC, seen(body), other) == fingerprint(SYNTHETIC, seen(body), body)


@given(bodies())
def test_spelling_never_matters_nor_do_zero_values_left_out(body: dict[str, Any]) -> None:
    other = respelled(body)
    assert difference(SYNTHETIC, other, body, body) == ()
    assert fingerprint(SYNTHETIC, seen(other), body) == fingerprint(SYNTHETIC, seen(body), body)


@given(bodies(), bodies())
def test_what_the_server_sets_is_neither_a_difference_nor_in_the_fingerprint(
    live: dict[str, Any], wanted: dict[str, Any]
) -> None:
    grown = live | {"updateTime": "2026-11-23T12:00:00Z", "etag": "x"}
    if "inner" in live:
        grown["inner"] = live["inner"] | {"serverSet": "y"}
    assert difference(SYNTHETIC, grown, wanted, None) == difference(SYNTHETIC, live, wanted, None)
    assert fingerprint(SYNTHETIC, seen(grown), wanted) == fingerprint(SYNTHETIC, seen(live), wanted)


@given(bodies(), bodies())
def test_the_fingerprint_moves_exactly_when_a_declared_field_does(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    """Whatever differs between two live objects in the fields that `before` declares is in the fingerprint."""
    moved = [f for f in difference(SYNTHETIC, after, before, None) if not f.path.startswith("disk")]
    same = fingerprint(SYNTHETIC, seen(before), before) == fingerprint(SYNTHETIC, seen(after), before)
    assert same == (not moved)


@given(bodies())
def test_another_object_under_the_same_name_has_another_fingerprint(body: dict[str, Any]) -> None:
    assert fingerprint(SYNTHETIC, seen(body, "1"), body) != fingerprint(SYNTHETIC, seen(body, "2"), body)


@given(bodies(), bodies(), bodies())
def test_what_others_put_into_a_shared_list_survives(
    live: dict[str, Any], wanted: dict[str, Any], last: dict[str, Any]
) -> None:
    """Members of `open` that neither we nor our last version declared are still there after the update."""
    after = merged(SYNTHETIC, live, wanted, dropped(difference(SYNTHETIC, live, wanted, last), wanted))
    ours = {(role, m) for body in (wanted, last) for role, m in _pairs(body)}
    assert {pair for pair in _pairs(live) if pair not in ours} <= set(_pairs(after))


@given(bodies(), bodies())
def test_the_mask_names_every_changed_field_and_nothing_twice(live: dict[str, Any], wanted: dict[str, Any]) -> None:
    fields = difference(SYNTHETIC, live, wanted, None)
    named = mask(SYNTHETIC, fields)
    assert all(any(f.path == m or f.path.startswith((m + ".", m + "[")) for m in named) for f in fields)
    assert all(any(f.path == m or f.path.startswith((m + ".", m + "[")) for f in fields) for m in named)
    assert not any(a != b and a.startswith(b + ".") for a in named for b in named)


@given(bodies(), bodies())
def test_every_difference_is_a_place_in_one_of_the_two(live: dict[str, Any], wanted: dict[str, Any]) -> None:
    for field in difference(SYNTHETIC, live, wanted, None):
        assert declares(wanted, field.path) or declares(live, field.path), field


@given(bodies(), st.integers(1, 20), st.integers(1, 20))
def test_a_disk_that_grew_by_itself_is_no_drift_and_one_that_is_too_small_is(
    body: dict[str, Any], have: int, want: int
) -> None:
    live, wanted = body | {"disk": str(have)}, body | {"disk": want}
    assert bool(difference(SYNTHETIC, live, wanted, None)) == (have < want)
    assert int(merged(SYNTHETIC, live, wanted)["disk"]) == max(have, want)


@given(bodies(), st.text(max_size=5), st.text(max_size=5))
def test_a_write_only_value_is_compared_with_what_was_applied_and_never_shown(
    body: dict[str, Any], old: str, new: str
) -> None:
    fields = difference(SYNTHETIC, body, body | {"password": new}, body | {"password": old})
    assert bool(fields) == (old != new)
    assert all(f.sensitive and f.before is None and f.after is None for f in fields)


labels = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy"), min_size=1)


@given(labels, labels)
def test_a_field_no_longer_declared_is_cleared_only_if_the_last_version_declared_it(
    live: dict[str, str], last: dict[str, str]
) -> None:
    paths = {f.path for f in difference(SYNTHETIC, {"labels": live}, {"labels": {}}, {"labels": last})}
    assert paths == {f"labels.{key}" for key in live.keys() & last.keys()}
    assert difference(SYNTHETIC, {"labels": live}, {"labels": {}}, None) == ()
    assert [f.path for f in difference(SYNTHETIC, {"labels": live}, {}, {"labels": last})] == ["labels"]


def _pairs(body: dict[str, Any]) -> list[tuple[str, str]]:
    return [(item["role"], member) for item in body.get("open", []) for member in item.get("members", [])]

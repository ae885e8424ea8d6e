"""The order of a plan, and that the same facts give the same bytes."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.ids import Address
from reconciler.model.plan import Plan
from reconciler.model.resource import Removal
from reconciler.planning.order import needs_first
from reconciler.planning.plan import make_plan
from tests.planning.given import facts, found, labelled, resource, version

KINDS = ["sql.database", "sql.user", "secret", "run.service", "storage.managed-folder"]


@st.composite
def graphs(draw: st.DrawFn) -> list[tuple[str, tuple[Address, ...]]]:
    count = draw(st.integers(1, 12))
    names = [f"tenant/t{n:02}/{KINDS[n % len(KINDS)]}/production" for n in range(count)]
    shuffled = draw(st.permutations(names))
    return [
        (
            name,
            tuple(
                Address.parse(o)
                for o in draw(st.lists(st.sampled_from(shuffled[:at] or [name]), max_size=3))
                if o != name
            ),
        )
        for at, name in enumerate(shuffled)
    ]


@given(graphs(), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_everything_stands_after_what_it_needs_whatever_the_order_of_the_facts(
    graph: list[tuple[str, tuple[Address, ...]]], rng: random.Random
) -> None:
    resources = [resource(name, labelled({"a": 1}), after=after) for name, after in graph]
    first = make_plan(facts(resources))
    rng.shuffle(resources)
    again = make_plan(facts(resources))
    place = {c.address: n for n, c in enumerate(first.changes)}
    assert len(place) == len(resources)
    assert all(place[a] < place[c.address] for c in first.changes for a in c.after)
    assert first.to_json() == again.to_json()


def test_resources_that_need_each_other_are_named() -> None:
    one, two = "tenant/a/secret/x", "tenant/b/secret/x"
    wanted = {
        r.address: r
        for r in (resource(one, {}, after=(Address.parse(two),)), resource(two, {}, after=(Address.parse(one),)))
    }
    with pytest.raises(ValueError, match="need each other"):
        needs_first(wanted)


def test_deletes_go_children_first() -> None:
    kinds = ["iam.service-account", "sql.database", "sql.user", "sql.grant", "secret", "secret.iam", "run.service"]
    addresses = [f"tenant/acme/{k}/staging" for k in kinds]
    recorded = version([resource(a, {}) for a in addresses])
    removals = [Removal(Address.parse(a), "gone", "x:1", approval="purges/acme") for a in addresses]
    plan = make_plan(facts([], {a: found({}) for a in addresses}, recorded, removals))
    assert [c.address.kind for c in plan.changes] == list(reversed(kinds))
    assert all(c.after == (plan.changes[n - 1].address,) for n, c in enumerate(plan.changes) if n)


def test_a_plan_survives_being_saved_and_refuses_to_be_edited() -> None:
    plan = make_plan(facts([resource("tenant/acme/secret/production", labelled({"a": 1}))]))
    text = json.dumps(plan.to_json())
    assert Plan.from_json(json.loads(text)) == plan
    edited = json.loads(text)
    edited["changes"][0]["body"]["a"] = 2
    with pytest.raises(ValueError, match="changed after it was made"):
        Plan.from_json(edited)

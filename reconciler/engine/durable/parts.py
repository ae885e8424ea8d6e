"""An order, cut into what is walked by one durable workflow each: a shard's changes, as far as they need no other's.

Changes of one shard that wait for another shard's (a project for its folder) come in a later part than those which
others wait for, so parts never wait for each other in a circle. Pure.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.applying.walk import Walk, because
from reconciler.engine.durable.coding import from_json, to_json
from reconciler.model.canonical import Body
from reconciler.model.ids import Address
from reconciler.model.order import Order
from reconciler.model.outcome import ItemOutcome, Outcome, Result
from reconciler.model.plan import Change


@dataclass(frozen=True, slots=True)
class Part:
    """`number` is its place among its order's parts; `needs` the numbers of those that must be over first."""

    number: int
    shard: str
    changes: tuple[Change, ...]
    needs: frozenset[int]


@dataclass(frozen=True, slots=True)
class Given:
    """What a part gets from outside: live bodies of finished changes it refers to, and items left out, with why."""

    results: Mapping[Address, Body]
    skip: Mapping[Address, str]


def parts_of(changes: Sequence[Change]) -> tuple[Part, ...]:
    """In an order in which they could run one by one. Raises ValueError for changes that cannot be walked."""
    Walk(changes, 1)  # refuses circles and doubles
    by_address = {change.address: change for change in changes}
    levels = _levels(by_address)
    inside: dict[tuple[int, str], list[Change]] = defaultdict(list)
    for change in changes:
        inside[levels[change.address], change.shard].append(change)
    keys = sorted(inside)
    numbers = {key: number for number, key in enumerate(keys)}
    of = {change.address: numbers[key] for key, those in inside.items() for change in those}
    return tuple(
        Part(numbers[key], key[1], tuple(inside[key]), _needs(inside[key], of) - {numbers[key]}) for key in keys
    )


def given_to(part: Part, order: Order, ends: Mapping[Address, ItemOutcome]) -> Given:
    """`ends`: how the changes of the parts it needs ended."""
    own = {change.address for change in part.changes}
    skip = {address: why for address, why in order.skip.items() if address in own}
    results: dict[Address, Body] = {}
    for change in part.changes:
        for address in change.after:
            end = ends.get(address)
            if address in own or end is None:
                continue
            if end.result is not Result.DONE:
                skip.setdefault(change.address, because(end))
            elif end.live is not None:
                results[address] = end.live
    return Given(results, skip)


def outcome_to_json(outcome: Outcome) -> dict[str, Any]:
    items = [to_json(item) for item in outcome.items.values()]
    return {"items": items, "interrupted": outcome.interrupted, "stopped": outcome.stopped}


def outcome_from_json(row: dict[str, Any], part: Part) -> Outcome:
    """Raises KeyError, TypeError or ValueError for what is none."""
    changes = {str(change.address): change for change in part.changes}
    items = [from_json(ItemOutcome, one, changes) for one in row["items"]]
    return Outcome({item.change.address: item for item in items}, row["interrupted"], row["stopped"])


def _needs(changes: Sequence[Change], of: Mapping[Address, int]) -> frozenset[int]:
    return frozenset(of[address] for change in changes for address in change.after if address in of)


def _levels(changes: Mapping[Address, Change]) -> dict[Address, int]:
    """How often the longest way to a change goes from one shard to another."""
    levels = dict.fromkeys(changes, 0)
    left = {address: sum(a in changes for a in change.after) for address, change in changes.items()}
    followers: dict[Address, list[Address]] = defaultdict(list)
    for address, change in changes.items():
        for needed in change.after:
            followers[needed].append(address)
    free = [address for address, count in left.items() if not count]
    while free:
        address = free.pop()
        for follower in followers[address]:
            crossing = changes[follower].shard != changes[address].shard
            levels[follower] = max(levels[follower], levels[address] + crossing)
            left[follower] -= 1
            if not left[follower]:
                free.append(follower)
    return levels

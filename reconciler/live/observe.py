"""The stage: one list per kind and parent, in parallel, parents first; what is recorded and missing is read twice."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from reconciler.kinds.catalog import kind_of
from reconciler.kinds.methods import is_policy
from reconciler.live.containers import Wanted, containers, levels
from reconciler.model.ids import Address
from reconciler.model.ports import Cloud, Seen
from reconciler.model.resource import Absent, Live, Observation, Unknown

PARTIAL_READ_PERCENT = 90.0
"""A list shorter than this share of what is recorded is a partial read (reliability.md §4.7; fleet.yaml guards)."""
SMALL = 10
"""Percentages bind from 100 on; below that a list may miss this many (DESIGN §6, as the blast radius)."""
NAMES_A_READ = 16
"""Policies have no list: each is a call, so a group is cut into pieces that run beside each other."""

T = TypeVar("T")

__all__ = ["Wanted", "observe"]


@dataclass(frozen=True, slots=True)
class _Group:
    """What one list call answers."""

    kind: str
    parent: str
    items: tuple[Wanted, ...]


def observe(
    cloud: Cloud,
    wanted: Sequence[Wanted],
    now: datetime,
    parallel: int = 8,
    partial_read_percent: float = PARTIAL_READ_PERCENT,
) -> Live:
    """Look for every wanted object. One group that cannot be read is unknown, and stops no other. Never raises for
    the cloud. `now` dates the answers that needed no call; `parallel` bounds the calls at one time.
    """
    inside = containers(wanted)
    answers: dict[Address, Observation] = {}
    with ThreadPoolExecutor(max_workers=max(1, parallel), thread_name_prefix="observe") as pool:
        for level in levels(wanted, inside):
            asked = []
            for item in level:
                if any(isinstance(answers.get(outer.address), Absent) for outer in inside[item.address]):
                    answers[item.address] = Absent(now, "parent")
                else:
                    asked.append(item)
            for part in pool.map(lambda group: _listed(cloud, group, now, partial_read_percent), _groups(asked)):
                answers.update(part)
            again = [item for item in asked if _needs_second(item, answers[item.address])]
            for item, second in zip(again, pool.map(lambda item: _get(cloud, item, now), again), strict=True):
                answers[item.address] = _judged(item, answers[item.address], second)
    return Live({item.address: answers[item.address] for item in wanted})


def _groups(items: Iterable[Wanted]) -> list[_Group]:
    by_list: dict[tuple[str, str], list[Wanted]] = defaultdict(list)
    for item in items:
        by_list[item.kind, item.parent].append(item)
    result = []
    for (kind, parent), group in by_list.items():
        size = NAMES_A_READ if is_policy(kind) else len(group)
        result += [_Group(kind, parent, tuple(group[at : at + size])) for at in range(0, len(group), size)]
    return result


def _listed(cloud: Cloud, group: _Group, now: datetime, percent: float) -> dict[Address, Observation]:
    names = tuple(item.name for item in group.items)
    listing = _ask(lambda: cloud.list(group.kind, group.parent, names), now)
    if isinstance(listing, Absent | Unknown):
        return {item.address: listing for item in group.items}
    short = _is_short(group, listing, percent)
    absent = Absent(listing.read_at, "list")
    partial = Unknown(
        f"partial read: {group.parent} shows {short} of the {_recorded(group)} objects of kind {group.kind} that were "
        "applied there; nothing is made or changed for those it does not show until a list is whole again",
        listing.read_at,
    )
    missing: Observation = partial if short is not None else absent
    return {
        item.address: listing.objects.get(item.name) or (missing if item.recorded else absent) for item in group.items
    }


def _is_short(group: _Group, listing: Seen, percent: float) -> int | None:
    """How many of the recorded objects a list shows that is too short to be believed; None when it may be."""
    recorded = _recorded(group)
    shown = sum(1 for item in group.items if item.recorded and item.name in listing.objects)
    missing = recorded - shown
    return shown if missing > SMALL and missing * 100 > recorded * (100 - percent) else None


def _recorded(group: _Group) -> int:
    return sum(1 for item in group.items if item.recorded)


def _needs_second(item: Wanted, first: Observation) -> bool:
    """Absent of something recorded; and of a name that is global: it may be there under another parent."""
    if isinstance(first, Unknown):
        return item.recorded and first.reason.startswith("partial read")
    return isinstance(first, Absent) and (item.recorded or kind_of(item.kind).global_name)


def _judged(item: Wanted, first: Observation, second: Observation) -> Observation:
    """Two readings by two methods. A short list is none: then one get that says "absent" is not enough."""
    if isinstance(first, Unknown) and isinstance(second, Absent):
        return first
    if isinstance(second, Absent) and item.recorded and "disabled" in (second.method, getattr(first, "method", "")):
        api = kind_of(item.kind).api
        return Unknown(
            f"{api}.googleapis.com is disabled in the project, though {item.name} was applied there; enable it again "
            "and what is in it can be read",
            second.read_at,
        )
    return second


def _get(cloud: Cloud, item: Wanted, now: datetime) -> Observation:
    return _ask(lambda: cloud.get(item.kind, item.name, item.parent, item.body), now)


def _ask(call: Callable[[], T], now: datetime) -> T | Unknown:
    """A bug in one adapter makes one group unknown."""
    try:
        return call()
    except Exception as error:
        return Unknown(f"reading failed: {type(error).__name__}", now)

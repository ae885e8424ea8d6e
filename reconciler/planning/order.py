"""The order of changes: parents are made first, children go first; ties by name, so a plan is the same each time."""

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from heapq import heapify, heappop, heappush

from reconciler.kinds.catalog import KINDS
from reconciler.model.ids import Address
from reconciler.model.resource import Removal, Resource, refs_in

_RANK = {name: rank for rank, name in enumerate(KINDS)}


def needs(resource: Resource) -> frozenset[Address]:
    """What a resource depends on: the references in its body and what it says it comes after."""
    return frozenset(ref.resource for ref in refs_in(resource.body)) | frozenset(resource.after)


def needs_first(resources: Mapping[Address, Resource]) -> list[Address]:
    """Addresses so that everything stands after what it needs; deterministic.

    Raises ValueError naming the loop when resources need each other (a bug in desired).
    """
    graph = {address: {n for n in needs(resource) if n in resources} for address, resource in resources.items()}
    return sorted_by_needs(graph)


def sorted_by_needs(graph: Mapping[Address, Iterable[Address]]) -> list[Address]:
    """Topological order with ties by address. Raises ValueError on a loop."""
    sorter = TopologicalSorter(graph)
    try:
        sorter.prepare()
    except CycleError as error:
        raise ValueError("resources need each other: " + " -> ".join(str(a) for a in error.args[1])) from error
    ready = [_sortable(a) for a in sorter.get_ready()]
    heapify(ready)
    order: list[Address] = []
    while ready:
        address = heappop(ready)[-1]
        order.append(address)
        sorter.done(address)
        for freed in sorter.get_ready():
            heappush(ready, _sortable(freed))
    return order


def removal_needs(removals: Iterable[Removal]) -> dict[Address, tuple[Address, ...]]:
    """Delete order within one target and environment: the reverse of the order in which kinds are made."""
    chosen = sorted((r.address for r in removals), key=lambda a: (a.target, a.key, -_RANK.get(a.kind, 0)))
    result: dict[Address, tuple[Address, ...]] = {}
    for previous, address in zip([None, *chosen], chosen, strict=False):
        together = previous is not None and (previous.target, previous.key) == (address.target, address.key)
        result[address] = (previous,) if previous is not None and together else ()
    return result


def _sortable(address: Address) -> tuple[str, str, int, str, Address]:
    return (address.target.kind, address.target.name, _RANK.get(address.kind, 0), address.key, address)

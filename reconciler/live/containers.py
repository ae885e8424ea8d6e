"""Which wanted object lives inside which, read off their names, so that parents are looked at first."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.model.canonical import Body
from reconciler.model.ids import Address


@dataclass(frozen=True, slots=True)
class Wanted:
    """One object to look for. `name` and `parent` are the cloud's; `body` the desired one (for kinds whose name the
    cloud gives); `recorded`: a version says that it was applied, so "absent" needs a second reading."""

    address: Address
    name: str
    parent: str
    body: Body
    recorded: bool

    @property
    def kind(self) -> str:
        return self.address.kind


def containers(wanted: Sequence[Wanted]) -> Mapping[Address, tuple[Wanted, ...]]:
    """For each, the wanted objects it lives in, outermost first. A folder holds projects, but does not make their
    names (an id is global), so a project lives in nothing."""
    by_name = {item.name.rstrip("/"): item for item in wanted if "/" in item.name}
    return {item.address: tuple(_around(item, by_name)) for item in wanted}


def levels(wanted: Sequence[Wanted], inside: Mapping[Address, tuple[Wanted, ...]]) -> list[list[Wanted]]:
    """In the order of looking: what lives in nothing first."""
    depth: dict[Address, int] = {}

    def deep(item: Wanted) -> int:
        if item.address not in depth:
            depth[item.address] = 0  # a name inside itself cannot be; this ends the walk all the same
            depth[item.address] = 1 + max((deep(outer) for outer in inside[item.address]), default=-1)
        return depth[item.address]

    result: list[list[Wanted]] = []
    for item in wanted:
        while len(result) <= deep(item):
            result.append([])
        result[deep(item)].append(item)
    return result


def _around(item: Wanted, by_name: Mapping[str, Wanted]) -> Iterator[Wanted]:
    if item.kind in ("project", "folder"):
        return
    given: set[Address] = {item.address}
    for name in (*_prefixes(item.parent), item.parent.rstrip("/"), *_prefixes(item.name)):
        outer = by_name.get(name)
        if outer is not None and outer.address not in given:
            given.add(outer.address)
            yield outer


def _prefixes(name: str) -> Iterator[str]:
    parts = name.rstrip("/").split("/")
    for length in range(1, len(parts)):
        yield "/".join(parts[:length])

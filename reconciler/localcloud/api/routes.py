"""From a verb and a path to the few methods that may be meant: a tree of path segments, built once for each API.

The methods' own regular expressions decide; the tree only spares trying hundreds of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

_LITERAL = re.compile(r"[\w$.:-]+")
# What is left of a parameter's own pattern in a shape: from there on anything may follow.
_OPEN = re.compile(r"[()\[\]|?+\\]")


class Routed(Protocol):
    """What the tree must know of a method."""

    @property
    def verb(self) -> str: ...

    @property
    def shape(self) -> str: ...

    @property
    def pattern(self) -> re.Pattern[str]: ...


M = TypeVar("M", bound=Routed)


@dataclass
class _Node:
    words: dict[str, _Node] = field(default_factory=dict)
    any: _Node | None = None
    here: list[int] = field(default_factory=list)
    below: list[int] = field(default_factory=list)


class Routes(Generic[M]):
    """The methods of one API in their order of precedence."""

    def __init__(self, methods: Iterable[M]) -> None:
        self._methods = list(methods)
        self._roots: dict[str, _Node] = {}
        for index, method in enumerate(self._methods):
            self._insert(index, method)

    def _insert(self, index: int, method: M) -> None:
        node = self._roots.setdefault(method.verb, _Node())
        open_ended = "(.+)" in method.pattern.pattern
        for segment in method.shape.split("/"):
            if "**" in segment or _OPEN.search(segment) or (open_ended and "*" in segment):
                node.below.append(index)
                return
            if "*" in segment or not _LITERAL.fullmatch(segment):
                node.any = node.any or _Node()
                node = node.any
            else:
                node = node.words.setdefault(segment, _Node())
        node.here.append(index)

    def candidates(self, verb: str, path: str) -> list[M]:
        """Every method that may match, best first."""
        root = self._roots.get(verb)
        if root is None:
            return []
        found: list[int] = []
        nodes = [root]
        for segment in path.split("/"):
            following = []
            for node in nodes:
                found += node.below
                if segment in node.words:
                    following.append(node.words[segment])
                if node.any is not None:
                    following.append(node.any)
            nodes = following
        for node in nodes:
            found += node.here
        return [self._methods[index] for index in sorted(found)]

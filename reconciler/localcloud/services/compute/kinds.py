"""What is true of one kind of compute resource beyond what its schema says: the words of the facts tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.localcloud.call import Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services.compute.places import Place
from reconciler.localcloud.values import Json


@dataclass
class Draft:
    """A resource about to be stored: `body` may be changed; `before` is what was stored, None at its creation."""

    call: Call
    place: Place
    body: Json
    before: Json | None = None

    def default(self, name: str, value: Any) -> None:
        """Set a field that the request left out."""
        if self.body.get(name) is None:
            self.body[name] = value


Fill = Callable[[Draft], None]


@dataclass(frozen=True)
class Kind:
    """Facts of a collection. Everything has a rule of its own when it is left out.

    `defaults`: fields of a new resource that the request left out. `fill`: computes fields and refuses (GoogleError)
    what Google refuses; runs at creation and after every change. `required`: fields a creation must bring.
    `immutable`: fields that a patch or update may not change. `dropped`: fields that are never shown (secrets).
    `verbs`: operationType by method name, where it is not the method's name. `dotted`: the operationType is the
    method's id (`compute.targetGrpcProxies.insert`), for all methods or the named ones. `used_by`: collections whose
    resources keep one of this kind from being deleted by referring to it. `late`: that refusal comes in the operation.
    `noun`: the kind in that refusal (`url_map`), where it is not the singular of the collection. `at_once`: methods
    whose operation is done when it is answered. `later`: fields that a creation ignores. `unready`: while
    its creation runs, nothing else may use or change it. `until`: the `status` that it shows as long.
    """

    defaults: Mapping[str, Any] = field(default_factory=dict)
    fill: Fill | None = None
    required: tuple[str, ...] = ()
    immutable: frozenset[str] = frozenset()
    dropped: frozenset[str] = frozenset()
    verbs: Mapping[str, str] = field(default_factory=dict)
    dotted: bool | frozenset[str] = False
    used_by: tuple[str, ...] = ()
    late: bool = False
    noun: str = ""
    at_once: frozenset[str] = frozenset()
    later: frozenset[str] = frozenset()
    unready: bool = False
    until: str = ""


def refused(field_name: str, value: object, why: str) -> GoogleError:
    """Compute's usual complaint about a field: `Invalid value for field 'resource.name': 'X'. <why>`."""
    shown = str(value).lower() if isinstance(value, bool) else value
    return GoogleError(400, f"Invalid value for field '{field_name}': '{shown}'. {why}", reason="invalid")

"""One call of one method: everything a behaviour may look at, and the only way it may change the cloud."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from reconciler.localcloud.api.bodies import snake
from reconciler.localcloud.api.discovery import Api, Method
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json, Request, Response, timestamp

# As long as 64 bits need: int() itself refuses thousands of digits.
_WHOLE = re.compile(r"-?[0-9]{1,19}")


@dataclass(frozen=True)
class Settings:
    """`time_scale` divides durations (never timestamps); `strict_services` enforces enabled APIs in every project.

    `limits` are soft limits that differ from Google's defaults (see `limits.LIMITS`).
    """

    time_scale: float = 1.0
    strict_services: bool = False
    limits: Mapping[str, int] = field(default_factory=dict)


@dataclass
class Moment:
    """A state at a time, with a seeded source of ids: what a finishing operation sees."""

    state: State
    now: float
    rng: random.Random
    settings: Settings

    @property
    def stamp(self) -> str:
        return timestamp(self.now)


@dataclass
class Call(Moment):
    """A routed and validated request. `params` are the decoded path parameters; `body` passed its schema.

    `own` are the ids of the service's methods that have a behaviour of their own.
    """

    service: str
    api: Api
    method: Method
    params: dict[str, str]
    request: Request
    body: Json = field(default_factory=dict)
    media: str = ""
    own: Collection[str] = ()

    def query(self, name: str, default: str = "") -> str:
        """A query parameter, also if the caller spelt it as the protos do: `repository_id` for `repositoryId`."""
        values = self.request.query.get(name)
        if values is None and not name.islower():
            values = self.request.query.get(snake(name))
        return values[0] if values else default

    def whole(self, name: str, default: int) -> int:
        text = self.query(name)
        return int(text) if _WHOLE.fullmatch(text) else default

    def flag(self, name: str) -> bool:
        return self.query(name).lower() == "true"

    @property
    def subject(self) -> str:
        """The first path parameter of a `{+name}`-style route: the resource or parent that the call is about."""
        return next(iter(self.params.values()), "")


Answer = Json | Response
Behaviour = Callable[[Call], Answer]

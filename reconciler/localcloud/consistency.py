"""Eventual consistency: reads that lag behind writes. Off unless set (`--consistency`, `POST /_aipress/consistency`).

A lag is a duration of the cloud, so the time scale divides it. What a lagging read shows is the true state of that
long ago, taken from the undo log by the times in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields

from reconciler.localcloud.past import Past, Values
from reconciler.localcloud.values import Json

_LISTS = ("list", "aggregatedList", "search", "searchAll")
# Where Resource Manager keeps what its methods read, besides `cloudresourcemanager.…`.
_OTHER_KEYS = {"cloudresourcemanager": ("project/", "child/")}


@dataclass(frozen=True)
class Lags:
    """Seconds of the cloud by service (`*`: every other one), or for all: how long reads lag behind writes."""

    lists: Mapping[str, float] = field(default_factory=dict)
    gets: Mapping[str, float] = field(default_factory=dict)
    iam: Mapping[str, float] = field(default_factory=dict)
    enable: float = 0.0
    sql_users: float = 0.0

    def any(self) -> bool:
        return self != Lags()

    def printed(self) -> Json:
        return {_SPOKEN.get(name, name): value for name, value in vars(self).items()}


_SPOKEN = {"sql_users": "sqlUsers"}
KNOWN = {
    "lists": 'lists show what was there so long ago, by service: {"run": 10, "*": 2}',
    "gets": "a get answers 404 for so long after the create, by service",
    "iam": "testIamPermissions grants nothing for so long after the policy was set, by service",
    "enable": "an API stays disabled for so long after the operation that enabled it is done",
    "sqlUsers": "a new or changed SQL user cannot log in to executeSql for so long",
}


def parsed(wish: Json) -> Lags:
    """Lags from their JSON form. Raises ValueError with what is known."""
    if unknown := sorted(set(wish) - set(KNOWN)):
        known = "; ".join(f"{name}: {what}" for name, what in KNOWN.items())
        raise ValueError(f"no lag is named {', '.join(unknown)}. Known are {known}")
    given = {}
    for name in (each.name for each in fields(Lags)):
        value = wish.get(_SPOKEN.get(name, name))
        by_service = name in ("lists", "gets", "iam")
        if value is None:
            continue
        if by_service != isinstance(value, dict) or not all(map(_seconds, value.values() if by_service else [value])):
            what = KNOWN[_SPOKEN.get(name, name)]
            raise ValueError(f"{_SPOKEN.get(name, name)} must be seconds, 0 or more ({what}); got {value!r}")
        given[name] = value
    return Lags(**given)


def _seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


@dataclass(frozen=True)
class Reading:
    """A read that may lag: its service and method, when, and by what the lags are divided."""

    service: str
    method: str
    now: float
    time_scale: float

    @property
    def name(self) -> str:
        return self.method.rsplit(".", 1)[-1]


def earlier(past: Past, lags: Lags, reading: Reading) -> Values:
    """What this call must see as it was before; empty when nothing lags for it."""
    found: Values = {}
    for seconds, wanted in _rules(lags, reading):
        if seconds:
            found |= past.since(reading.now - seconds / reading.time_scale, wanted)
    return found


def _rules(lags: Lags, reading: Reading) -> list[tuple[float, Callable[[str, bytes | None], bool]]]:
    service, name = reading.service, reading.name
    own = own_keys(service)
    rules: list[tuple[float, Callable[[str, bytes | None], bool]]] = []
    if name in _LISTS:
        rules.append((_of(lags.lists, service), lambda key, _: key.startswith(own)))
    if name == "get":
        rules.append((_of(lags.gets, service), lambda key, raw: raw is None and key.startswith(own)))
    if service != "serviceusage":
        rules.append((lags.enable, lambda key, _: key.startswith("serviceusage.services/")))
    if reading.method == "sql.instances.executeSql":
        rules.append((lags.sql_users, lambda key, _: key.startswith("sqladmin.users/")))
    return rules


def withheld(past: Past, lags: Lags, reading: Reading, resource: str) -> bool:
    """Whether the policy of `resource` (with its project's number) was set so short ago that it grants nothing yet."""
    seconds = _of(lags.iam, reading.service)
    if reading.name != "testIamPermissions" or not seconds:
        return False
    prefix = f"iam/{reading.service}/"
    then = reading.now - seconds / reading.time_scale
    return bool(past.since(then, lambda key, _: key.startswith(prefix) and key.endswith(resource)))


def own_keys(service: str) -> tuple[str, ...]:
    """The prefixes of the keys in which a service keeps its resources."""
    return (f"{service}.", *_OTHER_KEYS.get(service, ()))


def _of(by_service: Mapping[str, float], service: str) -> float:
    return by_service.get(service, by_service.get("*", 0.0))

"""What an order is held to while it is walked: the fleet's limits, and the facts they are measured against, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from reconciler.model.effect import Effect, row_from_json, row_to_json
from reconciler.model.guards import Guards
from reconciler.model.shape import NAMES, NUMBER, OBJECT, ROWS, TEXT, shaped

PERCENT_FROM = 100
"""Live sites from which percentages bind; below that, FEW sites (DESIGN §6)."""
FEW = 10


@dataclass(frozen=True, slots=True)
class Bounds:
    """`guards`: fleet.yaml `spec.guards` at the plan's commit; `allow`: guards passed by name for this order.

    `sites` and `shards`: how many the fleet has. `live`: shard -> its tenants that visitors reach, for shards of the
    plan. `before`: what versions of the last 24 hours say was done, on whatever host. `at`: when the walk began.
    """

    guards: Guards = field(default_factory=Guards)
    allow: frozenset[str] = frozenset()
    sites: int = 0
    shards: int = 0
    live: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    before: tuple[Effect, ...] = ()
    at: datetime | None = None

    @property
    def small(self) -> bool:
        """Percentages do not bind."""
        return self.sites < PERCENT_FROM

    def aged(self, now: datetime) -> bool:
        """The plan was looked at too long ago to go on with."""
        return self.at is not None and now - self.at > timedelta(minutes=self.guards.plan_age_minutes)

    def to_json(self) -> dict[str, Any]:
        return {
            "guards": self.guards.model_dump(by_alias=True), "allow": sorted(self.allow), "sites": self.sites,
            "shards": self.shards, "live": {shard: list(names) for shard, names in self.live.items()},
            "before": [row_to_json(effect) for effect in self.before], "at": self.at.isoformat() if self.at else "",
        }  # fmt: skip

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Bounds":
        """Raises ValueError for what is none."""
        shape = {"guards": OBJECT, "allow": NAMES, "sites": NUMBER, "shards": NUMBER, "live": OBJECT, "before": ROWS}
        shaped(row, {**shape, "at": TEXT})
        shaped(row["live"], dict.fromkeys(row["live"], NAMES))
        rows = tuple(row_from_json(said) for said in row["before"])
        return cls(
            Guards.model_validate(row["guards"]), frozenset(row["allow"]), row["sites"], row["shards"],
            {shard: tuple(names) for shard, names in row["live"].items()},
            tuple(effect for effect in rows if isinstance(effect, Effect)),
            datetime.fromisoformat(row["at"]) if row["at"] else None,
        )  # fmt: skip

"""What this host did to the cloud and what came of it, one row each: what the limits of an apply are counted from."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from reconciler.model.ids import Address, TargetKind
from reconciler.model.shape import TEXT, YES_OR_NO, shaped


@dataclass(frozen=True, slots=True)
class Effect:
    """A write that was begun. `id` is the call's request id, the same again when it is repeated ("" : from a version).

    `live`: it touches what visitors reach (a change of a live tenant, or of what live tenants share; never a first
    creation). `holds_data`: of a kind whose deletion destroys a customer's data. `approved`: by a written purge.
    `repeat`: the same order made this very call before.
    """

    id: str
    at: datetime
    plan: str
    commit: str
    shard: str
    resource: str
    action: str
    live: bool
    holds_data: bool
    approved: bool = False
    repeat: bool = False

    @property
    def tenant(self) -> str:
        """The tenant's name, "" for what is a shard's or the fleet's."""
        target = Address.parse(self.resource).target
        return target.name if target.kind is TargetKind.TENANT else ""


@dataclass(frozen=True, slots=True)
class Reply:
    """The cloud's answer to a write, or to a question after one. `error`: the cloud or our access to it is sick."""

    at: datetime
    shard: str
    target: str
    error: bool
    id: str = ""


@dataclass(frozen=True, slots=True)
class Over:
    """A change is at its end, however it ended: nothing of it is under way any more."""

    at: datetime
    resource: str


@dataclass(frozen=True, slots=True)
class Trip:
    """The circuit breaker of a shard's project opened."""

    at: datetime
    shard: str
    why: str


@dataclass(frozen=True, slots=True)
class Mishap:
    """One apply of one tenant failed at one fleet commit."""

    at: datetime
    tenant: str
    commit: str
    why: str


Row = Effect | Reply | Over | Trip | Mishap

_ROWS: Mapping[str, type[Row]] = {
    "effect": Effect, "reply": Reply, "over": Over, "trip": Trip, "mishap": Mishap,
}  # fmt: skip
_NAMES = {made: name for name, made in _ROWS.items()}


def row_to_json(row: Row) -> dict[str, Any]:
    return {"row": _NAMES[type(row)], **asdict(row), "at": row.at.isoformat()}


def row_from_json(said: Mapping[str, Any]) -> Row:
    """Raises ValueError for what is no row."""
    made = _ROWS.get(shaped(said, {"row": TEXT, "at": TEXT})["row"])
    if made is None:
        raise ValueError(f"`{said['row']}` is no kind of row")
    shaped(said, {f.name: YES_OR_NO if f.type in (bool, "bool") else TEXT for f in fields(made)})
    values = {f.name: said[f.name] for f in fields(made)}
    row = made(**{**values, "at": datetime.fromisoformat(values["at"])})
    if isinstance(row, Effect | Over):
        Address.parse(row.resource)
    return row

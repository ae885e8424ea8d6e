"""What a plan makes of the monthly cost: before, after, and what drives the difference."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.model.money import Micros, number, read
from reconciler.model.shape import NAMES, NUMBER, ROWS, TEXT, Shape, shaped


@dataclass(frozen=True, slots=True)
class Driver:
    """Changes of one kind that make the same difference, told once. `before` and `after` are of each of them."""

    kind: str
    before: Micros
    after: Micros
    count: int
    targets: tuple[str, ...]
    """The first few of those they are of."""
    whole: int
    """How many targets they are of."""

    @property
    def delta(self) -> Micros:
        """Of all of them together."""
        return (self.after - self.before) * self.count

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind, "usd_before": number(self.before), "usd_after": number(self.after), "count": self.count,
            "targets": list(self.targets), "targets_in_all": self.whole,
            "usd_delta": number(self.delta),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlanCost:
    """USD millionths a month, of everything in the plan's scope.

    `before` is what is there, `after` what will be, both while nobody visits; `use_before` and `use_after` are what use
    adds by estimate. The drivers, and `rest` of those that are not among them, add up to `after - before`.
    `unpriced` says what has no price and is in none of the sums. `origin`: what the prices are.
    """

    before: Micros = 0
    after: Micros = 0
    use_before: Micros = 0
    use_after: Micros = 0
    drivers: tuple[Driver, ...] = ()
    rest: Micros = 0
    unpriced: tuple[str, ...] = ()
    origin: str = ""

    @property
    def delta(self) -> Micros:
        return self.after - self.before

    def to_json(self) -> dict[str, Any]:
        """The contract's two fields first; the others are left out where there is nothing to say."""
        row: dict[str, Any] = {"monthly_usd_before": number(self.before), "monthly_usd_after": number(self.after)}
        if self.use_before or self.use_after:
            row |= {"use_usd_before": number(self.use_before), "use_usd_after": number(self.use_after)}
        if self.drivers:
            row |= {"drivers": [d.to_json() for d in self.drivers], "rest_usd_delta": number(self.rest)}
        if self.unpriced:
            row["not_priced"] = list(self.unpriced)
        if self.origin:
            row["prices"] = self.origin
        return row

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "PlanCost":
        """Raises ValueError on a document that is not ours."""
        row = shaped({**_LEFT_OUT, **row}, _COST)
        return cls(
            before=read(row["monthly_usd_before"]), after=read(row["monthly_usd_after"]),
            use_before=read(row["use_usd_before"]), use_after=read(row["use_usd_after"]),
            drivers=tuple(_driver(d) for d in row["drivers"]), rest=read(row["rest_usd_delta"]),
            unpriced=tuple(row["not_priced"]), origin=row["prices"],
        )  # fmt: skip


_LEFT_OUT: Mapping[str, Any] = {
    "use_usd_before": 0, "use_usd_after": 0, "drivers": [], "rest_usd_delta": 0, "not_priced": [], "prices": "",
}  # fmt: skip
_COST: Mapping[str, Shape] = {
    "monthly_usd_before": NUMBER, "monthly_usd_after": NUMBER, "use_usd_before": NUMBER, "use_usd_after": NUMBER,
    "drivers": ROWS, "rest_usd_delta": NUMBER, "not_priced": NAMES, "prices": TEXT,
}  # fmt: skip
_DRIVER: Mapping[str, Shape] = {
    "kind": TEXT, "usd_before": NUMBER, "usd_after": NUMBER, "count": (int,), "targets": NAMES,
    "targets_in_all": (int,),
}  # fmt: skip


def _driver(row: Any) -> Driver:
    shaped(row, _DRIVER)
    before, after, targets = read(row["usd_before"]), read(row["usd_after"]), tuple(row["targets"])
    return Driver(row["kind"], before, after, row["count"], targets, row["targets_in_all"])

"""What an engine is told to do, as data: a killed process's order can be read back and gone on with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.model.bounds import Bounds
from reconciler.model.ids import Address
from reconciler.model.plan import Plan
from reconciler.model.shape import OBJECT, TEXT, TEXTS, shaped


@dataclass(frozen=True, slots=True)
class Order:
    """A plan to walk. `skip`: items left out, with the reason. `actor` and `trigger`: who asked, and what started it.

    `texts`: files that stand in place of the commit's own (a return that Git does not say yet).
    """

    plan: Plan
    skip: Mapping[Address, str] = field(default_factory=dict)
    actor: str = ""
    trigger: str = "apply"
    texts: Mapping[str, str] = field(default_factory=dict)
    bounds: Bounds = field(default_factory=Bounds)
    """What the walk is held to, at every single write."""

    def to_json(self) -> dict[str, Any]:
        return {
            "plan": self.plan.to_json(), "skip": {str(a): why for a, why in self.skip.items()}, "actor": self.actor,
            "trigger": self.trigger, "texts": dict(self.texts), "bounds": self.bounds.to_json(),
        }  # fmt: skip

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Order":
        """Raises ValueError for what is no order."""
        shaped(row, {"plan": OBJECT, "skip": TEXTS, "actor": TEXT, "trigger": TEXT, "texts": TEXTS, "bounds": OBJECT})
        skip = {Address.parse(address): why for address, why in row["skip"].items()}
        bounds = Bounds.from_json(row["bounds"])
        return cls(Plan.from_json(row["plan"]), skip, row["actor"], row["trigger"], dict(row["texts"]), bounds)

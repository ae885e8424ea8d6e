"""Two plans of one commit and one live state are the same bytes, in whatever order the API lists things."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from reconciler.actions.apply import ApplyRequest, apply
from reconciler.actions.plan import PlanRequest, make
from reconciler.kinds.catalog import kind_of
from reconciler.kinds.kind import Kind
from reconciler.kinds.paths import joined, rule_at
from reconciler.model.canonical import Body
from reconciler.model.ports import Listing, Seen
from reconciler.model.resource import Found, Observation
from reconciler.report.jsontext import plan_document
from tests.cycle.small_world import SmallWorld
from tests.doubles import FakeCloud

OURS = frozenset({"template.containers", "traffic", "ipAddresses"})
"""Lists whose order says something, and of which the test's cloud has one element anyway."""


class Shuffled(FakeCloud):
    """A cloud that lists everything in another order each time it is asked."""

    chance = random.Random(0)

    def list(self, kind: str, parent: str, names: Sequence[str] = ()) -> Listing:
        answer = super().list(kind, parent, names)
        if not isinstance(answer, Seen):
            return answer
        rows = [(name, self._mixed(kind, found)) for name, found in answer.objects.items()]
        self.chance.shuffle(rows)
        return Seen(dict(rows), answer.read_at)

    def get(self, kind: str, name: str, parent: str, body: Body) -> Observation:
        answer = super().get(kind, name, parent, body)
        return self._mixed(kind, answer) if isinstance(answer, Found) else answer

    def _mixed(self, kind: str, found: Found) -> Found:
        return Found(self._value(kind_of(kind), "", found.body), found.uid, found.read_at, found.ready)

    def _value(self, kind: Kind, path: str, value: Any) -> Any:
        if isinstance(value, dict):
            keys = list(value)
            self.chance.shuffle(keys)
            return {key: self._value(kind, joined(path, key), value[key]) for key in keys}
        if isinstance(value, list):
            items = [self._value(kind, f"{path}[*]", item) for item in value]
            if path not in OURS or rule_at(kind, path) is not None:
                self.chance.shuffle(items)
            return items
        return value


def meddle(small: SmallWorld) -> None:
    """Somebody adds things of their own to every list that takes some."""
    for (kind, name), body in sorted(small.cloud.objects.items()):
        if kind == "run.service":
            container = body["template"]["containers"][0]
            container["env"] += [{"name": name, "value": "x"} for name in ("ZZ", "AA", "MM")]
            body["template"]["volumes"] = [{"name": n, "emptyDir": {}} for n in ("one", "two")]
            body["labels"]["managed-by"] = "somebody"
        elif kind == "sql.grant":
            more = [{"database": d, "privileges": ["SELECT", "INSERT", "DROP"]} for d in ("z", "a")]
            body["grants"] = [*body["grants"], *more]
        elif kind == "sql.instance":
            body["settings"]["databaseFlags"] += [{"name": n, "value": "on"} for n in ("slow_query_log", "a_flag")]
        elif kind.endswith(".iam"):
            more = [{"role": r, "members": ["user:z@x.example", "user:a@x.example"]} for r in ("roles/z", "roles/a")]
            mine = {"role": "roles/both", "condition": {"expression": "true"}, "members": ["user:b@x.example"]}
            body["bindings"] = [*body["bindings"], *more, mine, {**mine, "condition": {"expression": "false"}}]
        else:
            continue
        small.cloud.put(kind, name, body)


@pytest.mark.parametrize("seed", range(4))
def test_a_plan_does_not_depend_on_the_order_in_which_the_api_lists(seed: int, tmp_path: Path) -> None:
    small = SmallWorld(tmp_path)
    assert apply(small.world(), ApplyRequest()).exit_code == 0
    cloud = Shuffled(fill=small.cloud.fill)
    cloud.stored, cloud.chance = small.cloud.stored, random.Random(seed)
    small.cloud = cloud
    meddle(small)
    first = make(small.world(), PlanRequest())
    assert {c.address.kind for c in first.changes} >= {"run.service", "sql.grant", "sql.instance", "secret.iam"}
    for _ in range(5):
        again = make(small.world(), PlanRequest())
        assert again.digest == first.digest
        assert plan_document(again) == plan_document(first)

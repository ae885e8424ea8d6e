"""Whatever is edited, in whatever order, with whatever somebody turns in the console, and wherever the process dies:
one more apply ends where Git says, nothing is made twice, and the plan after it is empty."""

import contextlib
import random
from pathlib import Path
from typing import Any

import pytest

from reconciler.actions.apply import ApplyRequest, apply
from reconciler.actions.plan import PlanRequest, make
from reconciler.actions.validate import ValidateRequest, validate
from reconciler.kinds.catalog import kind_of
from reconciler.kinds.compare import value_at
from reconciler.kinds.ownership import GENERATION_LABEL
from reconciler.source.edit import remove_value, set_value
from tests.cycle.small_world import SmallWorld
from tests.doubles import Killed, Script

ACME = "shards/eu-001/tenants/acme-bakery/tenant.yaml"
YOGA = "shards/eu-001/tenants/linden-yoga/tenant.yaml"
SHARD = "shards/eu-001/shard.yaml"

EDITS: list[tuple[str, tuple[str, ...], list[Any]]] = [
    (ACME, ("spec", "runtime", "memory"), ["768Mi", "1Gi", "1024Mi", None]),
    (ACME, ("spec", "runtime", "cpu"), ["1", "1000m", "2", None]),
    (ACME, ("spec", "runtime", "concurrency"), [10, 80, None]),
    (ACME, ("spec", "runtime", "env", "TZ"), ["UTC", "Europe/Berlin", "", None]),
    (ACME, ("spec", "environments", "production", "runtime", "scaling", "max"), [3, 7, None]),
    (ACME, ("spec", "environments", "staging", "ref"), ["develop", "next"]),
    (ACME, ("spec", "database", "connections"), [5, 40, None]),
    (ACME, ("metadata", "labels", "team"), ["red", "blue", None]),
    (ACME, ("metadata", "displayName"), ["Acme", "Acme & Sons"]),
    (ACME, ("spec", "tier"), ["bronze", "silver"]),
    (YOGA, ("spec", "state"), ["suspended", "active", None]),
    (YOGA, ("spec", "media", "mount"), [True, False, None]),
    (SHARD, ("spec", "sql", "diskGb"), [100, 200]),
    (SHARD, ("spec", "sql", "flags", "max_connections"), ["1500", "2000"]),
    (SHARD, ("spec", "bucket", "softDeleteDays"), [7, 30]),
]


def edit(small: SmallWorld, chance: random.Random) -> None:
    """One valid edit, committed; one that the rules refuse (too much for the tier, say) is not made."""
    path, where, values = chance.choice(EDITS)
    value, text = chance.choice(values), small.read(path)
    new = remove_value(text, where) if value is None else set_value(text, where, value)
    (small.fleet / path).write_text(new)
    valid = validate(small.world().repository, ValidateRequest()).ok
    (small.fleet / path).write_text(text)
    if valid:
        small.write(path, new)


def drift(small: SmallWorld, chance: random.Random) -> None:
    """Somebody turns a knob that a kind of ours declares and that may be changed back."""
    chosen = [
        key for key in sorted(small.cloud.stored) if key[0] in ("run.service", "storage.bucket", "secret", "sql.grant")
    ]
    kind, name = chance.choice(chosen)
    body = small.cloud.body(kind, name)
    if kind == "run.service":
        body["template"]["scaling"]["maxInstanceCount"] = 77
    elif kind == "sql.grant":
        body["grants"] = [*body["grants"], {"database": "*", "privileges": ["SELECT"]}]
    else:
        body["labels"] = {**body["labels"], "managed-by": "somebody"}
    small.cloud.put(kind, name, body)


def applied(small: SmallWorld) -> int:
    return apply(small.world(), ApplyRequest()).exit_code


def nothing_left(small: SmallWorld) -> None:
    plan = make(small.world(), PlanRequest())
    assert [(str(c.address), c.action, [f.path for f in c.fields]) for c in plan.changes] == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_edits_drift_and_deaths_in_any_order_end_where_git_says(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    small = SmallWorld(tmp_path)
    for _ in range(8):
        small.clock.sleep(2 * 3600)  # a field that is changed twice within the hour is left alone (tug-of-war)
        for _ in range(chance.randint(1, 3)):
            edit(small, chance)
        if small.cloud.stored and chance.random() < 0.5:
            drift(small, chance)
        if chance.random() < 0.5:
            when = chance.choice(("before", "after"))
            small.cloud.script(Script("begin", kill=when, after=chance.randint(0, 12)))
            with contextlib.suppress(Killed):
                applied(small)
            small.cloud._scripts.clear()
        assert applied(small) == 0
        nothing_left(small)
    made = [(kind, name) for action, kind, name in small.cloud.effects if action == "create"]
    assert len(made) == len(set(made)), "made twice"


def test_the_end_does_not_depend_on_the_way(tmp_path: Path) -> None:
    """A -> B -> C is C: what an edit left behind in the cloud would show."""
    one, other = SmallWorld(tmp_path / "one"), SmallWorld(tmp_path / "other")
    chance = random.Random(7)
    for _ in range(12):
        edit(one, chance)
        assert applied(one) == 0
    for path in (ACME, YOGA, SHARD):
        other.write(path, one.read(path))
    assert applied(other) == 0
    assert comparable(one) == comparable(other)


def comparable(small: SmallWorld) -> dict[tuple[str, str], Any]:
    """Without what only grows, what an empty value leaves behind, and how many applies there were."""
    objects = small.cloud.objects
    for (kind, _), body in objects.items():
        labels = value_at(body, kind_of(kind).labels) if kind_of(kind).labels else None
        if labels:
            labels.pop(GENERATION_LABEL, None)
        for path in kind_of(kind).grows_only:
            *steps, last = path.split(".")
            at = body
            for step in steps:
                at = at.get(step, {})
            at.pop(last, None)
    return {key: tidy(body) for key, body in objects.items()}


def tidy(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: t for k, v in value.items() if (t := tidy(v)) not in (None, "", {}, [], 0, False)}
    if isinstance(value, list):
        return sorted((tidy(v) for v in value), key=str)
    return value


@pytest.mark.slow
def test_every_edit_taken_back_leaves_nothing_behind(tmp_path: Path) -> None:
    """A -> B -> A is A, field by field in the cloud."""
    small = SmallWorld(tmp_path)
    assert applied(small) == 0
    before = comparable(small)
    for path, where, values in EDITS:
        original = small.read(path)
        for value in values:
            if value is None:
                continue
            small.write(path, set_value(original, where, value))
            assert applied(small) in (0, 3), where
            small.write(path, original)
            assert applied(small) == 0, where
            assert comparable(small) == before, where

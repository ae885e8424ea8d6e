"""Edits of a fleet as people make them, by chance; each leads to the same cloud whatever came before it."""

import random
from pathlib import Path
from typing import Any

from reconciler.source.edit import remove_value, set_value
from tests.outside.processes import commit

ACME = "shards/eu-001/tenants/acme-bakery/tenant.yaml"
YOGA = "shards/eu-001/tenants/linden-yoga/tenant.yaml"
BRASS = "shards/us-001/tenants/brass-lantern/tenant.yaml"
SILVER = "tiers/silver.yaml"
MOST_TENANTS = 8
"""Below 10 sites no plan of theirs meets the blast-radius guard."""
VALUES: tuple[tuple[str, tuple[str, ...], tuple[Any, ...]], ...] = (
    (ACME, ("spec", "runtime", "memory"), ("768Mi", "1Gi", None)),
    (ACME, ("spec", "runtime", "env", "TZ"), ("UTC", "Europe/Berlin", None)),
    (ACME, ("spec", "environments", "production", "runtime", "scaling", "max"), (2, 3, None)),
    (ACME, ("spec", "database", "connections"), (5, 20, None)),
    (ACME, ("metadata", "labels", "team"), ("red", "blue", None)),
    (ACME, ("spec", "tier"), ("bronze", "silver")),
    (YOGA, ("spec", "state"), ("suspended", "active", None)),
    (YOGA, ("spec", "runtime", "timeoutSeconds"), (60, 90, 120)),
    (YOGA, ("spec", "media", "mount"), (True, False, None)),
    (BRASS, ("spec", "runtime", "php"), ("8.2", "8.4", None)),
    (BRASS, ("metadata", "displayName"), ("The Brass Lantern", "Brass & Sons")),
    (SILVER, ("spec", "defaults", "runtime", "timeoutSeconds"), (200, 300)),
    ("shards/eu-001/shard.yaml", ("spec", "sql", "flags", "max_connections"), ("1500", "2000")),
    ("shards/us-001/shard.yaml", ("spec", "bucket", "softDeleteDays"), (7, 30)),
)
TENANT = """apiVersion: aipress.io/v1
kind: Tenant
metadata:
  name: site-{n:02}
  uid: s{n:02}q4m8x
  displayName: Site {n}
spec:
  tier: {tier}
  source: {{ repository: "https://git.example/agency/site-{n:02}.git" }}
  environments:
    production: {{ ref: main, domains: [www.site-{n:02}.example] }}
"""


def edit(fleet: Path, chance: random.Random) -> str:
    """One edit, committed; returns what it was."""
    tenants = sorted(fleet.glob("shards/*/tenants/*"))
    if len(tenants) < MOST_TENANTS and chance.random() < 0.3:
        n, shard = len(tenants) + 1, chance.choice(("eu-001", "us-001"))
        file = fleet / f"shards/{shard}/tenants/site-{n:02}/tenant.yaml"
        file.parent.mkdir(parents=True)
        file.write_text(TENANT.format(n=n, tier=chance.choice(("bronze", "silver"))))
        what = f"A new tenant on {shard}"
    else:
        name, where, values = chance.choice(VALUES)
        file, value = fleet / name, chance.choice(values)
        text = file.read_text()
        file.write_text(remove_value(text, where) if value is None else set_value(text, where, value))
        what = f"{name}: {'.'.join(where)} = {value}"
    commit(fleet, what)
    return what

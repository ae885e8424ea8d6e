"""Fleets of many sites by hand, for tests of waves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reconciler.model.fleet import Fleet, Written
from reconciler.model.ids import Address
from reconciler.model.plan import Plan, Verdict
from reconciler.model.resource import Resource
from reconciler.model.spec import ShardDocument, TenantDocument, TierDocument
from reconciler.model.version import TenantState, Version
from reconciler.model.wave import Move, Phase, Stamp, Waves
from reconciler.planning.facts import Facts
from reconciler.planning.plan import make_plan
from tests.planning.given import NOW, OWNER, facts, fleet, found, labelled, resource, version

REGIONS = ("asia-east1", "europe-west1")
TIERS = ("bronze", "gold", "silver")
PRICES = {"bronze": 2, "silver": 9, "gold": 90}
STAMP = Stamp(NOW, "jo")


def tier(name: str) -> Written[TierDocument]:
    document = {
        "apiVersion": "aipress.io/v1", "kind": "Tier", "metadata": {"name": name},
        "spec": {
            "priceUsd": PRICES[name], "availability": "99.9", "defaults": {},
            "limits": {"storageGb": 1, "bandwidthGb": 1, "visits": 1},
        },
    }  # fmt: skip
    return Written(f"tiers/{name}.yaml", TierDocument.model_validate(document), {}, "")


def shard(name: str, region: str) -> Written[ShardDocument]:
    document = {
        "apiVersion": "aipress.io/v1", "kind": "Shard", "metadata": {"name": name, "uid": OWNER},
        "spec": {"project": {"id": f"project-{name}"}, "region": region},
    }  # fmt: skip
    return Written(f"shards/{name}/shard.yaml", ShardDocument.model_validate(document), {}, "")


def tenant(name: str, where: str, kind: str) -> Written[TenantDocument]:
    document = {
        "apiVersion": "aipress.io/v1", "kind": "Tenant", "metadata": {"name": name, "uid": OWNER},
        "spec": {
            "tier": kind, "source": {"repository": "https://git.example/x.git"},
            "environments": {"production": {"ref": "main"}},
        },
    }  # fmt: skip
    path = f"shards/{where}/tenants/{name}/tenant.yaml"
    return Written(path, TenantDocument.model_validate(document), {}, "")


@dataclass
class Sites:
    """A fleet by hand: tenant -> (shard, tier, state recorded or "" for one never applied)."""

    tenants: Mapping[str, tuple[str, str, str]]
    spec: Mapping[str, Any]
    touched: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()
    """Shards whose own instance changes."""
    leaning: frozenset[str] = frozenset()
    """Tenants whose service comes after their shard's instance."""

    @property
    def shards(self) -> list[str]:
        return sorted({where for where, _, _ in self.tenants.values()})

    def resources(self, now: bool) -> list[Resource]:
        rows = []
        for name in self.shards:
            body = labelled({"tier": "2" if now and name in self.shared else "1"})
            rows.append(resource(f"shard/{name}/sql.instance/main", body, shard=name))
        for name, (where, _, state) in self.tenants.items():
            if not now and not state:
                continue
            body = labelled({"ingress": "B" if now and name in self.touched else "A"})
            after = (Address.parse(f"shard/{where}/sql.instance/main"),) if name in self.leaning else ()
            rows.append(resource(f"tenant/{name}/run.service/production", body, shard=where, after=after))
        return rows

    def versions(self) -> dict[str, Version]:
        rows: dict[str, Version] = {}
        for name in self.shards:
            states = {
                t: TenantState(OWNER, state, NOW.isoformat(), kind, ("production",))
                for t, (where, kind, state) in self.tenants.items()
                if where == name and state
            }
            rows[name] = version([r for r in self.resources(False) if r.shard == name], name, states)
        return rows

    def facts(self, **more: Any) -> Facts:
        where = {name: at for name, (at, _, _) in self.tenants.items()}
        regions = {name: REGIONS[n % 2] for n, name in enumerate(self.shards)}
        seen = {str(r.address): found(r.body) for r in self.resources(False)}
        base: Fleet = fleet(where, self.spec)
        full = replace(
            base, tiers={name: tier(name) for name in TIERS},
            shards={name: shard(name, region) for name, region in regions.items()},
            tenants={name: tenant(name, at, kind) for name, (at, kind, _) in self.tenants.items()},
        )  # fmt: skip
        return facts(self.resources(True), seen, fleet=full, history=self.versions(), **more)

    def plan(self, **more: Any) -> Plan:
        return make_plan(self.facts(**more))

    def live(self, names: Sequence[str]) -> set[str]:
        """The live sites that these targets concern."""
        chosen = {n.removeprefix("tenant/") for n in names if n.startswith("tenant/")} & self.touched
        for name in names:
            if name.startswith("shard/") and name.removeprefix("shard/") in self.shared:
                chosen |= {t for t, (at, _, _) in self.tenants.items() if f"shard/{at}" == name}
        return {t for t in chosen if self.tenants[t][2] == "active"}


def alike(count: int, shards: int = 4, kind: str = "bronze", **more: Any) -> Sites:
    """So many live sites of one tier, all of them changing."""
    tenants = {f"site-{n:04}": (f"s-{n % shards:02}", kind, "active") for n in range(count)}
    wide = {"guards": {"blastRadius": {"shardPercent": 100.0}}}  # a site is one object here
    given_: dict[str, Any] = {"spec": wide, "touched": frozenset(tenants)}
    return Sites(tenants, **{**given_, **more})


def sizes(plan: Plan) -> list[int]:
    return [wave.sites for wave in plan.waves.waves]


def verdicts(plan: Plan, guard: str) -> list[tuple[Verdict, str]]:
    return [(g.verdict, g.message) for g in plan.guards if g.guard == guard]


def made(plan: Plan, ident: str = "w1") -> Waves:
    first = Waves(
        ident, plan.fleet_head, plan.digest, plan.waves.waves, plan.waves.wishes, (), {}
    )  # fmt: skip
    return replace(first, log=(_move(),))


def _move() -> Any:
    return Move(Phase.PROPOSED, 0, NOW, "jo", "apply")

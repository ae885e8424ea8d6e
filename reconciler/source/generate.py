"""Fleet files made up: a synthetic fleet of any size, and the scaffold of a new one. Pure: texts by path, no disk.

The same arguments give the same bytes. What is generated is valid, within its own capacity and limits.
"""

import hashlib
import itertools
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reconciler.model.errors import UsageError
from reconciler.model.spec import API_VERSION
from reconciler.source.uid import ENTROPY, uid_from

REGIONS = (("us-central1", 40), ("europe-west1", 35), ("asia-northeast1", 25))
"""Where visitors are, percent (the platform's own figures)."""
TIERS = (("bronze", 60), ("silver", 30), ("gold", 10))
STATES = (("active", 96), ("suspended", 3), ("deleted", 1))
CAPACITY, MOST = 50, 250
"""Tenants a shard takes by default, and at most (model.spec.Capacity)."""

ORGANIZATION, PARENT = "organizations/111111111111", "folders/222222222222"
BILLING = "billingAccounts/000000-AAAAAA-BBBBBB"
"""What the local cloud has from the start."""

_FIRST_WORDS = """
    amber ash birch blue brass bright cedar clear clover copper coral crane crisp dune ember fern fox glass
    golden green hazel honey iron ivory jade juniper lark linen lunar maple mellow mint moss north oak olive
    opal pearl pine plum quiet raven river rose rustic sage salt silver slate solar spring stone sunny swift
    tidal velvet wild
"""
_SECOND_WORDS = """
    atelier bakery bank bikes books brewery cafe camp choir cider clinic coffee cycles dairy dental design
    diner dance farm fitness flora forge gallery garden grill guild hardware hotel inn jewels kitchen lodge
    market media motors museum music nursery optics orchard outfitters pets photo physio pizza press records
    school shoes skates smithy spa studio tailor tea theatre toys travel vets vines watches winery yoga
"""
_FIRST, _SECOND = _FIRST_WORDS.split(), _SECOND_WORDS.split()


@dataclass(frozen=True, slots=True)
class TierFigures:
    """One row of the platform's tier table, and the runtime that goes with it."""

    price: int
    availability: str
    limits: str
    memory: str
    cpu: str
    concurrency: int
    scaling: str
    connections: int


TIER_FIGURES: Mapping[str, TierFigures] = {
    "bronze": TierFigures(
        2, "99.9", "storageGb: 5, bandwidthGb: 50, visits: 10000, maxInstances: 5, maxMemory: 1Gi",
        "512Mi", "1", 20, "min: 0, max: 3", 20,
    ),
    "silver": TierFigures(
        5, "99.95", "storageGb: 25, bandwidthGb: 250, visits: 100000, maxInstances: 20, maxMemory: 2Gi",
        "512Mi", "1", 40, "min: 1, max: 10", 40,
    ),
    "gold": TierFigures(
        15, "99.99", "storageGb: 100, bandwidthGb: 1000, visits: 1000000, maxInstances: 40, maxMemory: 4Gi",
        "1Gi", "2", 80, "min: 2, max: 40", 100,
    ),
}  # fmt: skip


def generate(tenants: int, shards: int, seed: int | str) -> Mapping[str, str]:
    """A fleet of that size: path -> text. Raises UsageError for a size that no fleet can have."""
    if tenants < 0 or shards < 1 or tenants > shards * MOST:
        raise UsageError(
            f"{tenants:,} tenants do not fit on {shards:,} shards (at most {MOST} on each)",
            f"ask for --shards {max(1, -(-tenants // CAPACITY))}",
        )
    chance = random.Random(f"aipress fleet {seed}")  # noqa: S311 -- reproducible on purpose, nothing secret
    mark = hashlib.sha256(str(seed).encode()).hexdigest()[:6]
    fresh = _fresh(chance)
    capacity = max(CAPACITY, -(-tenants // shards))
    files = {"fleet.yaml": fleet_text("aipress-generated", fresh(), f"aipress-control-{mark}", "us-central1")}
    files |= {f"tiers/{name}.yaml": tier_text(name) for name in TIER_FIGURES}
    names = []
    for number in range(1, shards + 1):
        name = f"s{number:04d}"
        names.append(name)
        text = shard_text(name, fresh(), f"aipress-{name}-{mark}", _picked(chance, REGIONS), capacity)
        files[f"shards/{name}/shard.yaml"] = text
    for number, shard in zip(range(tenants), itertools.cycle(names), strict=False):
        name = f"{chance.choice(_FIRST)}-{chance.choice(_SECOND)}-{number + 1:05d}"
        files[f"shards/{shard}/tenants/{name}/tenant.yaml"] = _random_tenant(chance, name, fresh())
    return files


@dataclass(frozen=True, slots=True)
class Scaffold:
    """What a new fleet starts from; the defaults are those of the local cloud. `mark` makes project ids global."""

    name: str
    mark: str
    organization: str = ORGANIZATION
    parent: str = PARENT
    billing: str = BILLING
    region: str = "europe-west1"


def scaffold(wanted: Scaffold, fresh: Callable[[], str]) -> Mapping[str, str]:
    """The files of a new fleet with one shard and one tenant: path -> text. `fresh` gives a new uid."""
    shard = f"{wanted.region.split('-')[0][:12]}-001"
    fleet = fleet_text(wanted.name, fresh(), f"aipress-control-{wanted.mark}", wanted.region)
    fleet = fleet.replace(ORGANIZATION, wanted.organization).replace(BILLING, wanted.billing)
    tenant = [f"www.{wanted.name}.example"]
    return {
        "fleet.yaml": fleet.replace(PARENT, wanted.parent),
        **{f"tiers/{name}.yaml": tier_text(name) for name in TIER_FIGURES},
        f"shards/{shard}/shard.yaml": shard_text(
            shard, fresh(), f"aipress-{shard}-{wanted.mark}"[:30].rstrip("-"), wanted.region, CAPACITY
        ),
        f"shards/{shard}/tenants/first-site/tenant.yaml": tenant_text("first-site", fresh(), "bronze", tenant),
    }


# --- texts ----------------------------------------------------------------------------------------------------------


def heading(kind: str, levels: int) -> str:
    """The first lines of a document that lies `levels` folders below the fleet root, where schemas/ is."""
    return (
        f"# yaml-language-server: $schema={'../' * levels or './'}schemas/{kind.lower()}.schema.json\n"
        f"apiVersion: {API_VERSION}\nkind: {kind}\n"
    )


def fleet_text(name: str, uid: str, control: str, region: str) -> str:
    base = f"{region}-docker.pkg.dev/{control}/base"
    images = "".join(f'      "{php}": {base}/wordpress:6.8-php{php}\n' for php in ("8.2", "8.3", "8.4"))
    return (
        f"{heading('Fleet', 0)}metadata:\n  name: {name}\n  uid: {uid}\nspec:\n"
        f"  organization: {ORGANIZATION}\n  parent: {PARENT}\n  billingAccount: {BILLING}\n"
        f"  controlProject: {{ id: {control}, region: {region} }}\n"
        "  folders:\n    control: { displayName: aipress-control }\n    shards: { displayName: aipress-shards }\n"
        f"  images:\n    wordpress:\n{images}    suspended: {base}/suspended:1\n"
    )


def tier_text(name: str) -> str:
    figures = TIER_FIGURES[name]
    return (
        f"{heading('Tier', 1)}metadata: {{ name: {name} }}\nspec:\n"
        f'  priceUsd: {figures.price}\n  availability: "{figures.availability}"\n'
        f"  limits: {{ {figures.limits} }}\n  defaults:\n    runtime:\n"
        f'      php: "8.3"\n      wordpress: "6.8"\n      cpu: "{figures.cpu}"\n      memory: {figures.memory}\n'
        f"      concurrency: {figures.concurrency}\n      timeoutSeconds: 300\n"
        f"      scaling: {{ {figures.scaling} }}\n"
        "    database: { charset: utf8mb4, collation: utf8mb4_unicode_ci, "
        f"connections: {figures.connections} }}\n    media: {{ mount: true }}\n"
    )


def shard_text(name: str, uid: str, project: str, region: str, capacity: int) -> str:
    return (
        f"{heading('Shard', 2)}metadata: {{ name: {name}, uid: {uid} }}\nspec:\n"
        f"  project: {{ id: {project} }}\n  region: {region}\n  capacity: {{ tenants: {capacity} }}\n"
        '  sql: { tier: db-custom-2-8192, diskGb: 100, flags: { max_connections: "2000" } }\n'
    )


def tenant_text(name: str, uid: str, tier: str, domains: list[str], more: tuple[str, str] = ("", "")) -> str:
    """`more`: lines under spec, and the staging environment in flow style; "" for none."""
    lines, staging = more
    second = f"    staging: {staging}\n" if staging else ""
    return (
        f"{heading('Tenant', 4)}metadata:\n  name: {name}\n  uid: {uid}\n"
        f"  displayName: {name.rpartition('-')[0].replace('-', ' ').title() or name}\n  owners: [agency-north]\n"
        f'spec:\n  tier: {tier}\n  source: {{ repository: "https://git.example/agency-north/{name}.git" }}\n{lines}'
        f"  environments:\n    production: {{ ref: main, domains: [{', '.join(domains)}] }}\n{second}"
    )


def _random_tenant(chance: random.Random, name: str, uid: str) -> str:
    """A tenant with a spread of options, most of them left to the tier."""
    tier, state = _picked(chance, TIERS), _picked(chance, STATES)
    more = ""
    if state != "active":
        more += f"  state: {state}\n"
    if state == "deleted":
        more += "  deletion: { reason: The owner closed the site. }\n"
    options = []
    if chance.random() < 0.1:
        options.append('php: "8.4"')
    if chance.random() < 0.15:
        options.append(f"memory: {chance.choice(('768Mi', '1Gi'))}")
    if chance.random() < 0.15:
        options.append(f"scaling: {{ min: {chance.randint(0, 2)}, max: {chance.randint(3, 5)} }}")
    if chance.random() < 0.2:
        options.append(f'env: {{ TZ: UTC, WP_POST_REVISIONS: "{chance.randint(3, 20)}" }}')
    if options:
        more += f"  runtime: {{ {', '.join(options)} }}\n"
    if chance.random() < 0.05:
        more += f"  database: {{ connections: {chance.choice((10, 30, 60))} }}\n"
    if chance.random() < 0.01:
        more += "  cdn: { enabled: true }\n"
    domains = [f"www.{name}.example"] + ([f"{name}.example"] if chance.random() < 0.3 else [])
    staging = "{ ref: develop, runtime: { scaling: { min: 0, max: 2 } } }" if chance.random() < 0.3 else ""
    return tenant_text(name, uid, tier, domains, (more, staging))


def _picked(chance: random.Random, options: tuple[tuple[str, int], ...]) -> str:
    return chance.choices([name for name, _ in options], [weight for _, weight in options])[0]


def _fresh(chance: random.Random) -> Callable[[], str]:
    """Uids that never repeat within one fleet."""
    taken: set[str] = set()

    def fresh() -> str:
        while True:
            uid = uid_from(chance.randbytes(ENTROPY))
            if uid not in taken:
                taken.add(uid)
                return uid

    return fresh

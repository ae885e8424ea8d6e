"""Small fleets from YAML text, with positions, without the source room."""

from collections.abc import Callable
from typing import Any

import yaml

from reconciler.model.diagnostic import Position
from reconciler.model.fleet import Fleet, Path, Written
from reconciler.model.spec import DOCUMENTS

FLEET = """\
apiVersion: aipress.io/v1
kind: Fleet
metadata: { name: demo, uid: fleet001 }
spec:
  organization: organizations/111111111111
  billingAccount: billingAccounts/000000-AAAAAA-BBBBBB
  controlProject: { id: aipress-control-demo }
  folders:
    control: { displayName: AIPress control }
    shards: { displayName: AIPress shards }
  images:
    wordpress:
      "8.2": registry.example/wordpress:php8.2
      "8.3": registry.example/wordpress:php8.3
      "8.4": registry.example/wordpress:{wordpress}-php8.4
    suspended: registry.example/suspended:1
"""

TIER = """\
apiVersion: aipress.io/v1
kind: Tier
metadata: { name: silver }
spec:
  priceUsd: 5
  availability: "99.95"
  limits: { storageGb: 25, bandwidthGb: 250, visits: 100000 }
  defaults:
    runtime:
      memory: 512Mi
      env: { WP_MEMORY_LIMIT: 256M, TIER_ONLY: "yes" }
      scaling: { min: 1, max: 10 }
    database: { connections: 30 }
    cache: { ttl: 300 }
"""

SHARD = """\
apiVersion: aipress.io/v1
kind: Shard
metadata: { name: eu-001, uid: shard001 }
spec:
  project: { id: aipress-shard-eu-001 }
  region: europe-west1
"""

TENANT = """\
apiVersion: aipress.io/v1
kind: Tenant
metadata:
  name: acme-bakery
  uid: k3v9x2ma
  displayName: Acme Bakery
  owners: [agency-north]
  labels: { team: north }
spec:
  tier: silver
  source:
    repository: https://git.example/agency-north/acme-bakery.git
    path: site
  primaryDomain: www.acme-bakery.example
  runtime:
    php: "8.4"
    wordpress: "6.8"
    cpu: "1"
    memory: 1Gi
    concurrency: 30
    timeoutSeconds: 120
    scaling: { min: 2, max: 6 }
    env: { WP_CACHE: "on", GREETING: hello }
  database:
    charset: utf8mb4
    collation: utf8mb4_unicode_ci
    connections: 40
  media: { mount: true }
  environments:
    production:
      ref: main
      domains: [www.acme-bakery.example, acme-bakery.example]
    staging:
      ref: develop
      domains: [staging.acme-bakery.example]
      runtime: { memory: 768Mi, env: { GREETING: staging } }
"""

FILES = {
    "fleet.yaml": FLEET,
    "tiers/silver.yaml": TIER,
    "shards/eu-001/shard.yaml": SHARD,
    "shards/eu-001/tenants/acme-bakery/tenant.yaml": TENANT,
}

Edit = Callable[[dict[str, Any]], object]


def tree_of(node: yaml.Node, path: Path, positions: dict[Path, Position]) -> Any:
    """Plain values, and the position of every value (of its key for mappings), as the source stage gives them."""
    positions.setdefault(path, Position(node.start_mark.line + 1, node.start_mark.column + 1))
    if isinstance(node, yaml.MappingNode):
        result: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(value, yaml.ScalarNode):
                positions[(*path, key.value)] = Position(key.start_mark.line + 1, key.start_mark.column + 1)
            result[key.value] = tree_of(value, (*path, key.value), positions)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [tree_of(item, (*path, index), positions) for index, item in enumerate(node.value)]
    return yaml.safe_load(node.value) if node.style is None else node.value


def written(path: str, text: str) -> Written[Any]:
    positions: dict[Path, Position] = {}
    value = tree_of(yaml.compose(text, Loader=yaml.SafeLoader), (), positions)
    return Written(path, DOCUMENTS[value["kind"]].model_validate(value), positions, text, f"blob-{hash(text)}")


def fleet_of(files: dict[str, str], frozen: frozenset[str] = frozenset()) -> Fleet:
    docs = {path: written(path, text) for path, text in files.items()}
    named: dict[str, dict[str, Written[Any]]] = {"Fleet": {}, "Tier": {}, "Shard": {}, "Tenant": {}}
    for doc in docs.values():
        named[doc.document.kind][doc.document.metadata.name] = doc
    where = {name: doc.path.split("/")[1] for name, doc in named["Tenant"].items()}
    return Fleet(
        commit="c0ffee", fleet=next(iter(named["Fleet"].values()), None), tiers=named["Tier"], shards=named["Shard"],
        tenants=named["Tenant"], where=where, frozen=frozen, tenants_total=len(where),
        files={path: doc.blob for path, doc in docs.items()},
    )  # fmt: skip


def edited(file: str, edit: Edit) -> dict[str, str]:
    """The sample files, one of them changed as data."""
    value = yaml.safe_load(FILES[file])
    edit(value)
    return FILES | {file: yaml.safe_dump(value, sort_keys=False)}


TENANT_FILE = "shards/eu-001/tenants/acme-bakery/tenant.yaml"

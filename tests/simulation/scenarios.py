"""What people do: a list written by hand that covers each action and each kind. Generated edits are in `edits.py`.

A scenario begins with a fleet that is applied (`setup` done and converged), and then its `steps` happen.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pygit2

from reconciler.actions.rollback import RollbackRequest, commit, propose
from reconciler.model.ids import Target
from tests.simulation.realm import Realm

FLEET = Path(__file__).parents[1] / "scenarios" / "fleet"
EVERYTHING: Mapping[str, str] = {str(p.relative_to(FLEET)): p.read_text() for p in sorted(FLEET.rglob("*.yaml"))}
ONE_SHARD: Mapping[str, str] = {path: text for path, text in EVERYTHING.items() if "us-001" not in path}
ACME = "shards/eu-001/tenants/acme-bakery/tenant.yaml"
YOGA = "shards/eu-001/tenants/linden-yoga/tenant.yaml"
SHARD = "shards/eu-001/shard.yaml"
BRONZE, SILVER = "tiers/bronze.yaml", "tiers/silver.yaml"
LONE: Mapping[str, str] = {path: text for path, text in ONE_SHARD.items() if path != ACME}
"""One shard with one tenant: the least fleet there is."""

Step = Callable[[Realm], None]


@dataclass(frozen=True)
class Scenario:
    """`files`: the fleet at the start; `setup` leads to the state that is forked, `steps` run under perturbations.

    `first`: nothing is applied yet. `small`: few enough effects for all pairs of deaths.
    """

    name: str
    steps: tuple[Step, ...]
    setup: tuple[Step, ...] = ()
    files: Mapping[str, str] = None  # type: ignore[assignment]
    first: bool = False
    small: bool = False

    @property
    def fleet(self) -> Mapping[str, str]:
        return ONE_SHARD if self.files is None else self.files


def edit(path: str, old: str, new: str) -> Step:
    """Somebody replaces text in a file and pushes."""

    def step(realm: Realm) -> None:
        text = realm.place.text(path)
        assert old in text, f"{old!r} is not in {path}"
        realm.place.commit({path: text.replace(old, new, 1)}, f"Edit {path}")

    return step


def write(path: str, text: str | None) -> Step:
    def step(realm: Realm) -> None:
        realm.place.commit({path: text}, f"Write {path}")

    return step


def revert(realm: Realm) -> None:
    """The tree of the commit before, as a new commit; nothing when every edit before was refused."""
    fleet = realm.place.fleet
    head = fleet[realm.place.head]
    if not head.parents:
        return
    author = head.author
    tree = head.parents[0].peel(pygit2.Tree).id
    realm.place.push(str(fleet.create_commit(None, author, author, "Revert", tree, [head.id])))


def days(count: float) -> Step:
    def step(realm: Realm) -> None:
        realm.true.pass_by(count * 86_400)

    return step


def lose_history(realm: Realm) -> None:
    """The history repository is lost: everything that is live is adopted."""
    path = realm.folder / "history.git"
    repository = pygit2.Repository(str(path))
    for name in list(repository.references):
        repository.references.delete(name)


def go_back(target: str, version: str) -> Step:
    """`aipress rollback TARGET VERSION --commit`."""

    def step(realm: Realm) -> None:
        at = realm.process(realm.hosts[0])
        commit(at, propose(at, RollbackRequest((Target.parse(target),), version)))

    return step


PAPER_LANTERN = """apiVersion: aipress.io/v1
kind: Tenant
metadata:
  name: paper-lantern
  uid: p4l7n2qx
spec:
  tier: bronze
  source: { repository: "https://git.example/paper/lantern.git" }
  environments:
    production: { ref: main, domains: [www.paper-lantern.example] }
"""
SECOND_SHARD = """apiVersion: aipress.io/v1
kind: Shard
metadata:
  name: eu-002
  uid: h2d7k5wz
spec:
  project: { id: aipress-eu-002-h2d7 }
  region: europe-west1
"""
LEAVES = edit(YOGA, "tier: bronze\n", 'tier: bronze\n  state: deleted\n  deletion: { reason: "The studio closed." }\n')
STAGING = "    staging: { ref: develop, domains: [staging.linden-yoga.example] }\n"
ADD_STAGING = edit(YOGA, "[www.linden-yoga.example] }\n", "[www.linden-yoga.example] }\n" + STAGING)
MEMORY = edit(ACME, "tier: silver\n", "tier: silver\n  runtime: { memory: 1Gi }\n")
SUSPEND = edit(ACME, "tier: silver\n", "tier: silver\n  state: suspended\n")
PURGE = """  purges:
    - { tenant: linden-yoga, uid: n4j8q6sv, expires: "2026-12-12", approvers: [Ada, Grace] }
"""


def _approve(realm: Realm) -> None:
    realm.place.commit({"fleet.yaml": realm.place.text("fleet.yaml") + PURGE}, "Approve a purge")


SCENARIOS: Mapping[str, Scenario] = {
    s.name: s
    for s in (
        Scenario("first apply", (), files=LONE, first=True),
        Scenario("new tenant", (write("shards/eu-001/tenants/paper-lantern/tenant.yaml", PAPER_LANTERN),)),
        Scenario("more memory", (MEMORY,), small=True),
        Scenario("two tenants", (MEMORY, edit(YOGA, "  runtime:\n", "  runtime:\n    memory: 1Gi\n")), small=True),
        Scenario("suspend", (SUSPEND,), small=True),
        Scenario("resume", (revert,), (SUSPEND,), small=True),
        Scenario("delete", (LEAVES,), small=True),
        Scenario("undelete", (revert,), (LEAVES,), small=True),
        Scenario("purge", (_approve,), (LEAVES, days(15)), small=True),
        Scenario("tier changes", (edit(SILVER, "min: 1, max: 10", "min: 2, max: 12"),), small=True),
        Scenario("tenant changes tier", (edit(YOGA, "tier: bronze", "tier: silver"),), small=True),
        Scenario("environment added", (ADD_STAGING,)),
        Scenario(
            "environment deleted",
            (edit(YOGA, STAGING, "    staging: { ref: develop, state: deleted }\n"),), (ADD_STAGING,), small=True,
        ),
        Scenario("adopt", (lose_history,), files=LONE),
        Scenario("rollback", (go_back("tenant/acme-bakery", "eu-001/1"),), (MEMORY,), small=True),
        Scenario(
            "names and labels",
            (
                edit(ACME, "displayName: Acme Bakery", "displayName: Acme & Sons\n  labels: { team: north }"),
                edit(ACME, "owners: [agency-north]", "owners: [agency-south]"),
                edit(SHARD, "displayName: Europe 1", "displayName: Europe One\n  labels: { cost: eu }"),
            ),
        ),
        Scenario(
            "shard changes",
            (
                edit(SHARD, "diskGb: 100", "diskGb: 120"),
                edit(SHARD, 'max_connections: "2000"', 'max_connections: "1500"'),
                edit(SHARD, "  sql:\n", "  bucket: { softDeleteDays: 20 }\n  sql:\n"),
            ),
            small=True,
        ),
        Scenario("new shard", (write("shards/eu-002/shard.yaml", SECOND_SHARD),), files=LONE),
        Scenario(
            "database", (edit(YOGA, "  runtime:\n", "  database: { connections: 30 }\n  runtime:\n"),), small=True
        ),
    )
}  # fmt: skip

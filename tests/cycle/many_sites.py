"""A world with a fleet of several bronze sites on the scenarios' two shards, and low limits: two sites at once, then
waves of one, of four, and the rest."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pygit2

from reconciler.actions.apply import Applied, ApplyRequest, apply
from reconciler.cycle.world import World
from reconciler.model.ids import Target
from reconciler.model.plan import Plan
from reconciler.model.ports import Answer, Call
from reconciler.model.wave import Waves
from tests.cycle.small_world import WHO, SmallWorld, SteadyClock, filled
from tests.doubles import FakeCloud

BRONZE = "tiers/bronze.yaml"
WAVES = """
  waves:
    canaries: [site-03]
    steps: [{ sites: 1, bake: 10m }, { sites: 4, bake: 30m }, { percent: 100 }]
"""
LETTERS = "abcdefghjkmnpqrstuvwxyz"


class WatchedCloud(FakeCloud):
    """Remembers when each write to a site's service came."""

    def __init__(self, clock: SteadyClock) -> None:
        super().__init__(fill=filled)
        self.clock = clock
        self.wrote: list[tuple[datetime, str]] = []

    def begin(self, call: Call) -> Answer:
        if call.kind == "run.service":
            self.wrote.append((self.clock.at, site_of(call.name)))
        return super().begin(call)


def site_of(service: str) -> str:
    """The site a service is of: "…/services/site-03-p-uaaadzzz" -> "site-03"."""
    return service.rsplit("/", 1)[1].rsplit("-", 2)[0]


class ManySites(SmallWorld):
    """`count` sites named site-00 …, even ones on eu-001 and odd ones on us-001, beside the three of the scenarios."""

    def __init__(self, folder: Path, count: int = 8, waves: str = WAVES) -> None:
        self.count, self.waves = count, waves
        super().__init__(folder)
        self.cloud: WatchedCloud = WatchedCloud(self.clock)

    def _commit(self, message: str, who: pygit2.Signature = WHO) -> None:
        if message == "The fleet":
            self._grow()
        super()._commit(message, who)

    def _grow(self) -> None:
        pattern = (self.fleet / "shards/eu-001/tenants/linden-yoga/tenant.yaml").read_text()
        for n in range(self.count):
            shard = ("eu-001", "us-001")[n % 2]
            name = f"site-{n:02}"
            folder = self.fleet / f"shards/{shard}/tenants/{name}"
            folder.mkdir(parents=True)
            uid = f"u{n:04}".translate(str.maketrans("0123456789", LETTERS[:10])) + "zzz"
            text = pattern.replace("linden-yoga", name).replace("n4j8q6sv", uid)
            (folder / "tenant.yaml").write_text(text)
        fleet = self.fleet / "fleet.yaml"
        fleet.write_text(fleet.read_text().replace("sites: 10 }", "sites: 2, shardPercent: 100 }") + self.waves)

    def world(self, host: str = "state") -> World:
        """What a new process on a host would assemble; other hosts act under their own names."""
        world = super().world(host)
        return world if host == "state" else replace(world, actor=host)

    def apply(self, *targets: str, plan: Plan | None = None, allow: str = "", host: str = "state") -> Applied:
        chosen = tuple(Target.parse(t) for t in targets)
        return apply(self.world(host), ApplyRequest(plan, chosen, allow=frozenset({allow} - {""})))

    def bigger(self, memory: str = "768Mi") -> None:
        """The change of the tests: a tier's memory, which ten sites inherit."""
        self.edit(BRONZE, r"memory: \S+", f"memory: {memory}")
        self.cloud.wrote.clear()

    def later(self, minutes: float) -> None:
        self.clock.at += timedelta(minutes=minutes)

    def wrote(self) -> list[str]:
        """Sites whose services were written since the last look, in their order by name."""
        sites = sorted({site for _, site in self.cloud.wrote})
        self.cloud.wrote.clear()
        return sites

    def edit(self, path: str, old: str, new: str) -> None:
        text = self.read(path)
        assert re.search(old, text), f"{path} does not say {old}"
        self.write(path, re.sub(old, new, text))

    def revert(self) -> None:
        """`git revert HEAD`."""
        repository = pygit2.Repository(str(self.fleet))
        head = repository.head.peel(pygit2.Commit)
        repository.checkout_tree(head.parents[0].tree, strategy=pygit2.enums.CheckoutStrategy.FORCE)
        self._commit(f"Revert {head.message}")

    def versions_of_marks(self) -> int:
        """How many commits the ref of what was left behind has."""
        repository = pygit2.Repository(str(self.folder / "state" / "history.git"))
        mark = repository.references.get("refs/aipress/poisoned")
        return sum(1 for _ in repository.walk(mark.target)) if mark else 0

    def memory(self) -> dict[str, str]:
        """Bronze site -> memory of its live service."""
        return {
            site_of(name): body["template"]["containers"][0]["resources"]["limits"]["memory"]
            for (kind, name), body in self.cloud.objects.items()
            if kind == "run.service" and "acme" not in name
        }

    def standing(self) -> Waves:
        """The newest waves."""
        return self.world().history.waves()[-1]

"""What an object costs a month by the price book: what it costs while nobody visits, and apart from it what use adds.

A price is a list of lines, each a quantity of one unit price. Use is an estimate: what a tier allows, times the book's
assumptions; it hangs on the production service of a site, whose labels say the tier, and on what a shard shares.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from reconciler.kinds.pricebook import Basis, Book
from reconciler.kinds.spelling import integer, quantity
from reconciler.model.canonical import Body
from reconciler.model.fleet import Fleet
from reconciler.model.money import Micros, micros

HOURS = 730
"""Hours of a month, as price lists count them."""
SECONDS = HOURS * 3600
_GIB = Decimal(2**30)
_MILLION = Decimal(10**6)

_CUSTOM = re.compile(r"db-custom-([0-9]{1,3})-([0-9]{1,7})")
_SHARED = {"db-f1-micro": "sql.f1-micro", "db-g1-small": "sql.g1-small"}
_REGION = re.compile(r"/locations/([a-z]+-[a-z]+[0-9]{1,2})(?:/|$)")


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a tier allows a month: visits, GB of media, GB sent to visitors."""

    visits: int
    storage_gb: int
    bandwidth_gb: int


@dataclass(frozen=True, slots=True)
class Line:
    """`name`: the price's name in the book. `use`: it depends on visitors and data, and is estimated."""

    name: str
    quantity: Decimal
    micros: Micros
    basis: Basis
    use: bool = False


@dataclass(frozen=True, slots=True)
class Price:
    """`unpriced`: what of the object has no price, and why ("" of a wholly priced or free one)."""

    lines: tuple[Line, ...] = ()
    unpriced: str = ""

    @property
    def fixed(self) -> Micros:
        """A month, while nobody visits."""
        return sum(line.micros for line in self.lines if not line.use)

    @property
    def use(self) -> Micros:
        """A month, estimated."""
        return sum(line.micros for line in self.lines if line.use)


FREE = Price()
_Part = tuple[str, Decimal, bool]
"""(price's name, quantity, whether it is use)."""


class _NoPriceError(ValueError):
    """Says what has none."""


@dataclass(slots=True)
class Pricer:
    """Prices bodies by one book. `traffic`: tier -> what it allows. Remembers what it has priced: sites are alike."""

    book: Book
    traffic: Mapping[str, Traffic] = field(default_factory=dict)
    _known: dict[tuple[Any, ...], Price] = field(default_factory=dict)

    def price(self, kind: str, name: str, body: Body) -> Price:
        """Of one object as wanted or as seen. `name`: the cloud's (it tells the region). Never raises."""
        if kind in self.book.free:
            return FREE
        rule = _RULES.get(kind)
        if rule is None:
            why = self.book.not_priced.get(kind, "the price book does not know this kind")
            return Price(unpriced=f"{kind}: {why}")
        what, parts = rule
        try:
            facts = what(body)
        except (_NoPriceError, ArithmeticError) as error:
            return Price(unpriced=f"{kind}: {error}")
        key = (kind, _region(name, body, self.book.region), *facts)
        if key not in self._known:
            self._known[key] = self._sum(key, parts)
        return self._known[key]

    def _sum(self, key: tuple[Any, ...], parts: "_Parts") -> Price:
        kind, region, *facts = key
        lines, missing = [], []
        for name, amount, use in parts(self, *facts):
            unit = self.book.unit(name, region)
            if unit is None:
                return Price(unpriced=f"{kind}: the price book has no region {region}")
            lines.append(Line(name, amount, micros(amount * unit.usd), unit.basis, use))
        if kind == "run.service" and facts[-1] and facts[-1] not in self.traffic:
            missing.append(f"{kind}: no tier {facts[-1]} says how much its sites are used")
        return Price(tuple(lines), "; ".join(missing))


def traffic_of(fleet: Fleet) -> dict[str, Traffic]:
    """What each tier of a fleet allows."""
    found = {}
    for name, written in fleet.tiers.items():
        limits = written.document.spec.limits
        found[name] = Traffic(limits.visits, limits.storage_gb, limits.bandwidth_gb)
    return found


_Parts = Callable[..., Iterator[_Part]]


def _region(name: str, body: Body, default: str) -> str:
    found = _REGION.search(name)
    stated = body.get("region")
    if found:
        return found[1]
    return stated if isinstance(stated, str) and stated else default


def _instance(body: Body) -> tuple[Any, ...]:
    settings = _inner(body, "settings")
    disk = integer(settings.get("dataDiskSizeGb", 10))
    if not isinstance(disk, int) or isinstance(disk, bool) or settings.get("dataDiskType", "PD_SSD") != "PD_SSD":
        raise _NoPriceError("its disk")
    tier = settings.get("tier")
    custom = _CUSTOM.fullmatch(tier) if isinstance(tier, str) else None
    if not custom and tier not in _SHARED:
        raise _NoPriceError(f"machine type {str(tier)[:60]!r}")
    if settings.get("edition", "ENTERPRISE") != "ENTERPRISE":
        raise _NoPriceError("another edition than Enterprise")
    machine = (int(custom[1]), int(custom[2])) if custom else (str(tier), 0)
    copies = 2 if settings.get("availabilityType") == "REGIONAL" else 1
    return (*machine, disk, copies, bool(_inner(settings, "backupConfiguration").get("enabled")))


def _instance_parts(pricer: Pricer, cpus: int | str, memory: int, disk: int, *more: Any) -> Iterator[_Part]:
    copies, backups = more
    if isinstance(cpus, str):
        yield _SHARED[cpus], Decimal(copies * HOURS), False
    else:
        yield "sql.vcpu", Decimal(copies * cpus * HOURS), False
        yield "sql.memory", Decimal(copies * memory * HOURS) / 1024, False
    yield "sql.disk", Decimal(copies * disk), False
    if backups:
        yield "sql.backup", disk * pricer.book.assumed("backupPerDisk"), True


def _service(body: Body) -> tuple[Any, ...]:
    template, labels = _inner(body, "template"), _inner(body, "labels")
    kept = integer(_inner(template, "scaling").get("minInstanceCount", 0))
    containers = template.get("containers")
    if not isinstance(kept, int) or not isinstance(containers, list | tuple):
        raise _NoPriceError("its instances and containers")
    cpu = memory = Decimal(0)
    idle = True
    for container in containers:
        resources = _inner(container, "resources") if isinstance(container, Mapping) else {}
        limits = _inner(resources, "limits")
        cpu += _number(limits.get("cpu", "1"))
        memory += _number(limits.get("memory", "512Mi")) / _GIB
        idle = idle and bool(resources.get("cpuIdle"))
    visited = labels.get("aipress-environment") == "production" and labels.get("aipress-state") == "active"
    tier = labels.get("aipress-tier")
    return kept, cpu, memory, idle, tier if visited and isinstance(tier, str) else ""


def _service_parts(pricer: Pricer, kept: int, cpu: Decimal, memory: Decimal, *more: Any) -> Iterator[_Part]:
    idle, tier = more
    mode = "idle" if idle else "always"
    if kept:
        yield f"run.{mode}.cpu", kept * cpu * SECONDS, False
        yield f"run.{mode}.memory", kept * memory * SECONDS, False
    allowed, assumed = pricer.traffic.get(tier), pricer.book.assumed
    if allowed is None:
        return
    share = assumed("shareOfTier")
    requests = allowed.visits * share * assumed("requestsPerVisit")
    busy = requests * assumed("secondsPerRequest")
    if idle:
        yield "run.active.cpu", busy * cpu, True
        yield "run.active.memory", busy * memory, True
        yield "run.requests", requests / _MILLION, True
    elif not kept:
        yield "run.always.cpu", busy * cpu, True
        yield "run.always.memory", busy * memory, True
    yield "storage.standard", allowed.storage_gb * share, True
    yield "network.internet", allowed.bandwidth_gb * share, True


def _version(body: Body) -> tuple[Any, ...]:
    return (body.get("state", "ENABLED") != "DESTROYED",)


def _version_parts(_pricer: Pricer, active: bool) -> Iterator[_Part]:
    if active:
        yield "secret.version", Decimal(1), False


def _repository(_body: Body) -> tuple[Any, ...]:
    return ()


def _repository_parts(pricer: Pricer) -> Iterator[_Part]:
    yield "artifact.storage", pricer.book.assumed("imagesPerShard"), True


def _number(value: object) -> Decimal:
    plain = quantity(value)
    if isinstance(plain, bool) or not re.fullmatch(r"[0-9]+(\.[0-9]+)?", str(plain)):
        raise _NoPriceError(f"an amount of {str(value)[:40]!r}")
    return Decimal(str(plain))


def _inner(body: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = body.get(key)
    return value if isinstance(value, Mapping) else {}


_RULES: Mapping[str, tuple[Callable[[Body], tuple[Any, ...]], _Parts]] = {
    "sql.instance": (_instance, _instance_parts),
    "run.service": (_service, _service_parts),
    "secret.version": (_version, _version_parts),
    "artifact.repository": (_repository, _repository_parts),
}
"""kind -> (what of its body the price depends on, the lines of it)."""

PRICED = frozenset(_RULES)

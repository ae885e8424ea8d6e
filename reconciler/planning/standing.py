"""What a plan meets of waves under way: whose turn has not come, and whether the commit wants something else by now.

And the measure that both share: which live sites changes concern, and how many one plan may change.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from reconciler.model.canonical import digest
from reconciler.model.guards import Guards
from reconciler.model.ids import Address, Target, TargetKind
from reconciler.model.plan import Action, Change
from reconciler.model.spec_waves import WavesSpec
from reconciler.model.wave import Phase, Waves
from reconciler.planning.facts import Facts

NOTHING: Mapping[str, str] = MappingProxyType({})
PERCENT_FROM = 100
"""Live sites from which percentages bind (DESIGN §6)."""


def waves_spec(facts: Facts) -> WavesSpec:
    return facts.ruling.waves if facts.ruling else WavesSpec()


def allowed_sites(facts: Facts) -> int:
    """Live sites that one plan may change at once."""
    blast = facts.ruling.guards.blast_radius if facts.ruling else Guards().blast_radius
    live = len(facts.live_tenants())
    return max(blast.sites, int(live * blast.percent / 100)) if live >= PERCENT_FROM else blast.sites


def sites_of(facts: Facts, changes: Iterable[Change]) -> frozenset[str]:
    """Live sites that these changes concern. First creates and adoptions concern none; a change of what a shard shares
    concerns all its live tenants."""
    touched: set[str] = set()
    for change in changes:
        target = change.address.target
        if change.action is Action.ADOPT:
            continue
        if target.kind is TargetKind.TENANT:
            touched.add(target.name)
        elif shares(change):
            version = facts.history.get(target.name)
            touched.update(version.tenants if version else ())
    return frozenset(touched & facts.live_tenants())


def shares(change: Change) -> bool:
    """Whether it changes an object that the tenants of a shard share."""
    return change.address.target.kind is TargetKind.SHARD and change.action not in (Action.CREATE, Action.ADOPT)


def unclaimed(standing: Iterable[Waves], changes: Iterable[Change]) -> list[Change]:
    """The changes of targets that none of these waves are still to walk."""
    claimed: set[str] = set()
    for waves in standing:
        claimed |= to_come(waves)
    return [c for c in changes if str(c.address.target.whole) not in claimed]


def to_come(waves: Waves) -> frozenset[str]:
    """Targets of the waves that are not walked to their end."""
    return frozenset(target for wave in waves.waves[waves.walked :] for target in wave.targets)


def overtaken(facts: Facts, changes: Iterable[Change], waves: Waves) -> bool:
    """Whether the commit wants something else of more live sites in the waves to come than one plan may change."""
    coming = to_come(waves)
    moved: set[str] = set()
    for address, wanted in waves.wishes.items():
        name = str(address.target.whole)
        if name in coming and name not in moved and _known(facts, address) and wish(facts, address) != wanted:
            moved.add(name)
    for change in changes:
        name = str(change.address.target.whole)
        if name in coming and change.address not in waves.wishes and not change.drift:
            moved.add(name)
    return len(_live_of(facts, moved)) > allowed_sites(facts)


def wish(facts: Facts, address: Address) -> str:
    """What the commit wants of one resource, as a short digest; "" when it says nothing of it."""
    resource = facts.desired.resources.get(address)
    if resource is not None:
        return digest([resource.name, resource.body])[7:19]
    gone = next((r for r in facts.desired.removals if r.address == address), None)
    return digest(["removed", gone.approval])[7:19] if gone is not None else ""


def _known(facts: Facts, address: Address) -> bool:
    """Whether these facts can tell what the commit wants there: in scope, and its file is there and right."""
    if address in facts.desired.resources or any(r.address == address for r in facts.desired.removals):
        return True
    target = address.target.whole
    if target.kind is TargetKind.TENANT and target.name not in facts.fleet.tenants:
        return False
    names = {"fleet", str(target), f"shard/{facts.shard_of(target)}", f"{target} (own objects)"}
    return bool(names & set(facts.scope))


def _live_of(facts: Facts, targets: Iterable[str]) -> frozenset[str]:
    sites: set[str] = set()
    for target in map(Target.parse, targets):
        if target.kind is TargetKind.TENANT:
            sites.add(target.name)
        elif target.kind is TargetKind.SHARD:
            version = facts.history.get(target.name)
            sites.update(version.tenants if version else ())
    return frozenset(sites & facts.live_tenants())


def waiting(
    standing: Iterable[Waves], changes: Sequence[Change], early: Mapping[str, str] = NOTHING
) -> dict[Address, str]:
    """What may not be walked yet, and what it waits for. `early`: id of waves -> why their next one does not begin
    although its bake is over."""
    result: dict[Address, str] = {}
    for waves in standing:
        numbers = waves.wave_of()
        for change in changes:
            number = numbers.get(str(change.address.target.whole), 0)
            if number > waves.open:
                result[change.address] = waits(waves, number, early.get(waves.id, ""))
    return result


def waits(waves: Waves, number: int, early: str = "") -> str:
    """ "waits for wave 3 of 6 (wave 2 bakes until 10:40Z)": one sentence about a wave that is not open yet."""
    of = f"wave {number} of {len(waves.waves)} of waves {waves.id}"
    if waves.phase is Phase.ABORTED:
        return f"{of} is not walked at this commit: they were aborted: {waves.last.why}"
    if waves.phase is Phase.PAUSED:
        return f"waits for {of} (paused by {waves.last.actor}: {waves.last.why})"
    if waves.until is not None and early:
        return f"waits for {of} (wave {waves.at_wave} has baked, but {early})"
    if waves.until is not None:
        return f"waits for {of} (wave {waves.at_wave} bakes until {waves.until:%Y-%m-%d %H:%M}Z)"
    at_hand = f"wave {waves.at_wave} is being walked" if waves.at_wave else "none is walked yet"
    return f"waits for {of} ({at_hand})"

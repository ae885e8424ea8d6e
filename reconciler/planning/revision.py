"""Whether a commit can be believed: a fleet that shrinks, or whose files are wrong by the dozen, was misread or broken.

Guards, like those in guards.py. Rows 6 and 8 of the study on reliability.
"""

from collections.abc import Iterable, Sequence

from reconciler.model.bounds import FEW
from reconciler.model.guards import Guards
from reconciler.model.ids import FLEET, TargetKind, shard_target
from reconciler.model.plan import Change, GuardVerdict, Verdict
from reconciler.planning.facts import Facts
from reconciler.planning.standing import PERCENT_FROM


def shrink(facts: Facts, _changes: Sequence[Change], limits: Guards) -> Iterable[GuardVerdict]:
    """Tenants whose file vanished though nobody wrote them as deleted. A shard that loses all of its own, or a fleet
    that loses more than its share, was misread. What is written as deleted may lose its file at any time."""
    vanished = dict(facts.vanished)
    for shard, version in sorted(facts.history.items()):
        tenants = version.tenants if shard and version else {}
        recorded = [name for name, tenant in tenants.items() if tenant.state != "deleted"]
        gone = [name for name in recorded if name not in facts.fleet.where]
        vanished |= dict.fromkeys(gone, shard)
        if recorded and len(gone) == len(recorded):
            message = (
                f"all {len(gone)} tenants of shard {shard} vanished from the repository. Bring their files back; write "
                "`state: deleted` into those that shall go; --allow shrink keeps them as they are"
            )
            yield GuardVerdict("shrink", shard_target(shard), Verdict.REFUSE, message)
    total = facts.fleet.tenants_total + len(vanished)
    allowed = max(FEW, int(total * limits.shrink_percent / 100)) if total >= PERCENT_FROM else FEW
    if len(vanished) > allowed:
        names = ", ".join(sorted(vanished)[:3])
        message = (
            f"{len(vanished):,} of {total:,} tenants vanished from the repository, {names} among them (limit "
            f"{allowed:,}: guards.shrinkPercent in fleet.yaml). Bring their files back, or --allow shrink"
        )
        yield GuardVerdict("shrink", FLEET, Verdict.REFUSE, message)


def broken_files(facts: Facts, _changes: Sequence[Change], limits: Guards) -> Iterable[GuardVerdict]:
    """One wrong file freezes its tenant; many wrong ones are a wrong commit."""
    broken, total = sorted(facts.fleet.frozen), facts.fleet.tenants_total
    allowed = max(FEW, int(total * limits.broken_files_percent / 100)) if total >= PERCENT_FROM else FEW
    if len(broken) > allowed:
        message = (
            f"the files of {len(broken):,} targets are wrong, {', '.join(broken[:3])} among them (limit {allowed:,}: "
            "guards.brokenFilesPercent in fleet.yaml): nothing of this commit is applied. `aipress validate` says "
            "what is wrong; revert the commit, or mend it"
        )
        yield GuardVerdict("broken-files", FLEET, Verdict.REFUSE, message)


def mass_drift(facts: Facts, changes: Sequence[Change], limits: Guards) -> Iterable[GuardVerdict]:
    """Many tenants drifted at once: suspect our reader, not a hundred people at consoles."""
    drifted = {c.address.target for c in changes if c.drift and c.address.target.kind is TargetKind.TENANT}
    live = len(facts.live_tenants())
    allowed = max(FEW, int(live * limits.mass_drift_percent / 100)) if live >= PERCENT_FROM else FEW
    if len(drifted) > allowed:
        message = (
            f"{len(drifted)} of {live} tenants drifted at once (limit {allowed}: guards.massDriftPercent in "
            "fleet.yaml): check what changed them first, then --allow mass-drift"
        )
        yield GuardVerdict("mass-drift", FLEET, Verdict.REFUSE, message)


REVISION_GUARDS = (shrink, broken_files, mass_drift)

"""Quarantines, and the commits that end them."""

from reconciler.cycle.world import NO_TEXTS, Texts, World
from reconciler.model.errors import InputError
from reconciler.model.hold import Hold, HoldKind
from reconciler.source.scope import placed


def in_force(world: World, commit: str, texts: Texts = NO_TEXTS) -> tuple[Hold, ...]:
    """The holds that count at a commit: a quarantine ends when what failed is written otherwise now."""
    return tuple(hold for hold in world.history.holds() if not _mended(world, hold, commit, texts))


def _mended(world: World, hold: Hold, commit: str, texts: Texts) -> bool:
    """Whether a file that the tenant of a quarantine is made from differs between its commit and this one."""
    if hold.kind != HoldKind.QUARANTINE or not hold.active(world.clock.now()):
        return False
    name = hold.target.removeprefix("tenant/")
    try:
        paths = {*texts, *(world.repository.changed(hold.commit, commit) if hold.commit != commit else ())}
        shard = placed(world.repository, commit).get(name, "")
    except InputError:  # its commit is gone: a person has to say
        return False
    own = f"shards/{shard}/tenants/{name}/"
    return any(p in ("fleet.yaml", f"shards/{shard}/shard.yaml") or p.startswith(("tiers/", own)) for p in paths)


def lift(world: World, commit: str, texts: Texts) -> None:
    """End the quarantines that this commit mends, so that every host sees it."""
    mended = [hold for hold in world.history.holds() if _mended(world, hold, commit, texts)]
    if mended:
        world.history.drop_holds(mended, world.actor, f"mended by commit {commit[:12]}")

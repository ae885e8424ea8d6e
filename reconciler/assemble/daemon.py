"""What `serve` has beside its loop: how it begins, the remote that it follows, the door that it opens."""

import hashlib
import platform
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.assemble.choosing import Settings
from reconciler.assemble.hosting import OWN, forge
from reconciler.assemble.wiring import world

if TYPE_CHECKING:
    from reconciler.cycle.world import World
    from reconciler.daemon.following import Following
    from reconciler.daemon.front import Listen
    from reconciler.daemon.merges import Merges
    from reconciler.daemon.reviewing import Reviewing, Told
    from reconciler.daemon.serve import Start
    from reconciler.forge.where import Place
    from reconciler.source.git import GitRepository


def start_of(chosen: Settings) -> "Start":
    """How `serve` begins on this host: at a moment of its own, and with a look after a change of release."""
    from reconciler import __version__
    from reconciler.daemon.serve import Start
    from reconciler.engine.journal import FileJournal
    from reconciler.engine.release import ReleaseMark
    from reconciler.model.ids import Address, Target

    seed = hashlib.sha256(f"{platform.node()} {chosen.state}".encode()).digest()
    delay = chosen.start_jitter * int.from_bytes(seed[:4]) / 2**32
    intents = FileJournal(chosen.state).seen

    def unfinished() -> list[Target]:
        targets: set[Target] = set()
        for intent in intents():
            with suppress(ValueError):  # a journal is a hint: what it says is looked at, not believed
                targets.add(Address.parse(str(intent.change.get("resource"))).target)
        return sorted(targets)

    return Start(delay, ReleaseMark(chosen.state, __version__), unfinished)


def following(chosen: Settings, fleet: "GitRepository") -> "Following | None":
    """How `serve` keeps up with the remote that the fleet repository is a clone of; from then on HEAD of `fleet` is
    what was fetched. None where it is no clone, or `follow` is no. Raises UsageError for a remote of another kind."""
    from reconciler.daemon.following import FleetRemote, Following, Upstream
    from reconciler.engine.clock import SystemClock

    clone = fleet.clone_of if chosen.get("follow") == "auto" else None
    if clone is None:
        return None
    remote = FleetRemote(Upstream(fleet.git_dir, clone.url, clone.branch, clone.into))
    fleet.head = clone.into
    return Following(remote, fleet, SystemClock(), chosen.interval)


def listen(chosen: Settings, fleet: "GitRepository") -> "Listen | None":
    """What `serve` opens a door for; None where `listen` is not set. Raises UsageError, InputError (no such secret)."""
    from reconciler.daemon.credentials import secrets_at
    from reconciler.daemon.front import Listen
    from reconciler.daemon.listening import place
    from reconciler.forge.signatures import Provider, keys_of

    def read(name: str) -> list[str]:
        said = chosen.values[name]
        folder = Path(said.origin).parent if said.origin.endswith(".toml") else Path.cwd()
        return secrets_at(said.value, name, folder) if said.value else []

    if not chosen.get("listen"):
        return None
    given = {one: (read(f"webhook_{one}"), read("webhook_gitlab_token") if one == "gitlab" else []) for one in Provider}
    keys = {one: keys_of(one, *both) for one, both in given.items() if any(both)}
    private = chosen.get("private_listen")
    return Listen(
        place(chosen.get("listen"), "listen"), place(private, "private_listen") if private else None, keys,
        _names(chosen, fleet), chosen.state,
    )  # fmt: skip


def _names(chosen: Settings, fleet: "GitRepository") -> frozenset[str]:
    """What webhooks may call the fleet repository."""
    from reconciler.daemon.following import names_of

    clone, on_host = fleet.clone_of, hosted(chosen, fleet)
    names = names_of(fleet.git_dir, clone.url if clone else "")
    return names | {on_host.repository.lower()} if on_host else names


def hosted(chosen: Settings, fleet: "GitRepository") -> "Place | None":
    """The fleet repository on its code host, where it is a clone of one there. Raises UsageError."""
    from reconciler.forge.where import Said, of_remote

    clone = fleet.clone_of if chosen.get("follow") == "auto" else None
    said = Said(chosen.get("forge"), chosen.get("forge_repository"), chosen.get("forge_api"))
    return of_remote(clone.url, said) if clone else None


def reviewing(
    chosen: Settings, fleet: "GitRepository", told: "Callable[[Told], None]", approved: Callable[[int, str], None]
) -> "Reviewing | None":
    """Pull requests of the fleet repository; None where it is no clone, or there is no token of ours for its host.
    Raises UsageError, InputError."""
    from reconciler import __version__
    from reconciler.actions.review import Bench
    from reconciler.daemon.following import Upstream, is_fleet
    from reconciler.daemon.proposals import FetchedProposals, HostedReviews, Source
    from reconciler.daemon.reviewing import Reviewing
    from reconciler.daemon.shown import ShownPlans
    from reconciler.engine.clock import SystemClock
    from reconciler.forge.where import head_ref
    from reconciler.report.markdown import CommentView
    from reconciler.source.git import GitRepository

    clone, place = fleet.clone_of, hosted(chosen, fleet)
    host = forge(place, OWN) if place else None
    if clone is None or place is None or host is None:
        return None
    upstream = Upstream(fleet.git_dir, clone.url, clone.branch, clone.into)
    proposals = FetchedProposals(Source(upstream, head_ref(place.host), fleet.root, chosen.state))
    beside = world(chosen, GitRepository(fleet.git_dir, fleet.root))  # its own handles: this runs beside the loop
    view = CommentView(version=__version__, fleet=fleet.root)
    branch = clone.branch.removeprefix("refs/heads/")
    keep = proposals.keeper(ShownPlans(chosen.state))
    bench = Bench(beside, host, proposals, branch, view, place.blob_url, keep, str(place.host))
    names = _names(chosen, fleet)
    reviews = HostedReviews(bench, proposals)
    return Reviewing(reviews, SystemClock(), lambda hint: is_fleet(hint, names), told, approved, chosen.state)


def merges(
    chosen: Settings, fleet: "GitRepository", at: "World", say: Callable[[str], None], failed: Callable[[str], None]
) -> "Merges | None":
    """What follows a merge, where pull requests are looked at. `at`: the loop's world. Raises as `reviewing` does."""
    from reconciler.daemon.announcing import Announcing
    from reconciler.daemon.contract import Contract
    from reconciler.daemon.converging import Converging
    from reconciler.daemon.merges import Merges
    from reconciler.daemon.shown import ShownPlans

    place = hosted(chosen, fleet)
    host = forge(place, OWN) if place else None  # its own: it speaks from a thread of its own
    if host is None:
        return None
    contract = Contract(at, ShownPlans(chosen.state), fleet.blob)
    return Merges(contract, Converging(at.clock), Announcing(host, failed), at.clock, fleet.root, say)

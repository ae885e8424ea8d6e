"""The History port over a bare git repository: one ref per shard, one for the fleet's own objects, one for holds, one
for states that were left behind, one per lease, one for
waves.

    refs/aipress/fleet    refs/aipress/shards/<shard>    refs/aipress/leases/<shard>
    refs/aipress/holds    refs/aipress/poisoned    refs/aipress/waves

A version is a commit, its parent the previous version; publishing is compare-and-swap on the ref. Plain `git log`
reads it, `git push --mirror` copies it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

from reconciler.history.held import HOLD, POISON, Board, Stamp, hold_message, poison_message
from reconciler.history.layout import HEADING, OUTCOME, brief, files, message, whole
from reconciler.history.leases import STORE_REF, Leases, lease_ref
from reconciler.history.location import is_url, located, shown
from reconciler.history.mirror import Mirror
from reconciler.history.remote import GitRemote
from reconciler.history.shelf import DamagedError, Entry, MovedError, Shelf
from reconciler.history.waved import WavesUnderWay
from reconciler.model.errors import CorruptError, InputError, RefusedError, UsageError
from reconciler.model.fence import Grant, Store
from reconciler.model.hold import Hold, Poison
from reconciler.model.ports import Clock
from reconciler.model.version import FLEET_SHARD, Version, shard_label
from reconciler.model.wave import Waves

FLEET_REF = "refs/aipress/fleet"
SHARDS = "refs/aipress/shards/"
HOLDS = "refs/aipress/holds"
POISONED = "refs/aipress/poisoned"
WAVES = "refs/aipress/waves"
_HOLD_AGAIN = "set the holds again with `aipress pause`"
_POISON_AGAIN = "know that no state is kept from coming back any more"
_ID = re.compile(r"[0-9a-f]{4,40}\Z")
_NUMBER = re.compile(r"[0-9]{1,9}\Z")


class GitHistory:
    """`location`: a path or file:// URL, made on the first write; or a git URL, whose copy is kept below `mirrors`.
    `clock` stamps lifted holds and paces retries.

    Raises UsageError for a URL of a kind that is not spoken, or when there is nowhere to keep a copy.
    """

    def __init__(self, location: str | Path, clock: Clock, mirrors: Path | None = None) -> None:
        text = str(location)
        if text.startswith("file://"):
            text = text.removeprefix("file://")
        if is_url(text):
            if mirrors is None:
                raise UsageError(f"the history {shown(text)!r} is elsewhere, and there is no folder for its copy")
            there = located(text)
            path = mirrors / f"{there.key}.git"
            self._shelf = Shelf(path, clock, Mirror(path, GitRemote(there), clock))
        else:
            self._shelf = Shelf(Path(text).expanduser(), clock)
        self._holds = Board(self._shelf, HOLDS, HOLD)
        self._poisons = Board(self._shelf, POISONED, POISON)
        self._leases = Leases(self._shelf)
        self._waves = WavesUnderWay(self._shelf, WAVES)
        self._clock = clock

    def still(self) -> AbstractContextManager[None]:
        """One look at a history elsewhere for all that is read until the block ends; of one on this host, nothing."""
        return self._shelf.still()

    # --- versions ---------------------------------------------------------------------------------------------------

    def head(self, shard: str) -> Version | None:
        """The newest version, whole. Raises CorruptError when it does not hold together."""
        with self._honest(_ref(shard), _again(shard)):
            identity = self._shelf.head(_ref(shard))
            return self._whole(identity, shard) if identity else None

    def heads(self) -> Mapping[str, str]:
        """shard ("" for the fleet's own objects) -> version id, for every shard that has one."""
        with self._honest(FLEET_REF, _again(FLEET_SHARD)):
            fleet = self._shelf.head(FLEET_REF)
            return {**({FLEET_SHARD: fleet} if fleet else {}), **self._shelf.heads(SHARDS)}

    def versions(self, shard: str, limit: int = 0) -> Sequence[Version]:
        """Newest first, with items and tenants, without resources and documents. `limit` 0: all."""
        result: list[Version] = []
        with self._honest(_ref(shard), _again(shard)):
            identity = self._shelf.head(_ref(shard))
            while identity and not (limit and len(result) >= limit):
                version = self._brief(identity, shard)
                if result and version.number != result[-1].number - 1:
                    raise DamagedError(f"version {result[-1].number} follows version {version.number}")
                result.append(version)
                identity = version.parent
        return result

    def version(self, reference: str) -> Version:
        """By "<shard>/<number>" ("fleet/<number>") or abbreviated id, whole. Raises InputError when there is none."""
        shard, _, number = reference.removeprefix("shard/").rpartition("/")
        if shard and _NUMBER.match(number):
            return self._numbered("" if shard == "fleet" else shard, int(number), reference)
        if _ID.match(reference):
            for shard, head in self.heads().items():
                with self._honest(_ref(shard), _again(shard)):
                    identity = self._shelf.find(reference)
                    if identity and self._shelf.is_behind(identity, head):
                        return self._whole(identity, shard)
        raise InputError(
            f"there is no version `{reference[:100]}`",
            "Write SHARD/NUMBER or the start of an id; `aipress history` lists them.",
        )

    def publish(self, version: Version) -> Version:
        """Put a version on its shard's ref and return it with its id.

        Raises RefusedError when `version.parent` is not the head (somebody else's apply came first), AipressError when
        the repository cannot be written.
        """
        entry = Entry(files(version), message(version), version.actor, int(version.at.timestamp()))
        try:
            with self._honest(_ref(version.shard), _again(version.shard)):
                identity = self._shelf.put(_ref(version.shard), version.parent, entry)
        except MovedError as error:
            raise RefusedError(
                f"{shard_label(version.shard)} moved on since the plan was made; this apply is not recorded",
                "Another apply came first. Run `aipress plan` again: it starts from the newest version and from what "
                "is live, and records what is already as wanted.",
            ) from error
        return replace(version, id=identity)

    # --- holds, and states left behind ------------------------------------------------------------------------------

    def holds(self) -> Sequence[Hold]:
        """All that were set and not lifted, ended ones too for a while; by target."""
        with self._honest(HOLDS, _HOLD_AGAIN):
            return self._holds.all()

    def set_hold(self, hold: Hold) -> None:
        """Set or replace the hold of this kind on this target."""
        with self._honest(HOLDS, _HOLD_AGAIN):
            self._holds.put([hold], Stamp(hold.actor, int(hold.since.timestamp()), hold_message(hold)))

    def clear_hold(self, target: str, actor: str) -> Sequence[Hold]:
        """Lift every hold on exactly this target. Returns those lifted."""
        with self._honest(HOLDS, _HOLD_AGAIN):
            return self._holds.drop(lambda hold: hold.target == target, self._stamp(actor, f"resume {target}"))

    def drop_holds(self, holds: Sequence[Hold], actor: str, why: str) -> Sequence[Hold]:
        """Take exactly these off, where they are still the same. Returns those that were."""
        named = ", ".join(f"{hold.kind} {hold.target}" for hold in holds)
        with self._honest(HOLDS, _HOLD_AGAIN):
            return self._holds.drop(lambda hold: hold in holds, self._stamp(actor, f"over: {named}: {why}"))

    def poisons(self) -> Sequence[Poison]:
        """States that were left by a rollback and not resumed, ended marks too for a while; by target."""
        with self._honest(POISONED, _POISON_AGAIN):
            return self._poisons.all()

    def set_poisons(self, poisons: Sequence[Poison]) -> None:
        """Set or replace these, which one person leaves behind at once: in one commit."""
        stamp = Stamp(poisons[0].actor, int(poisons[0].since.timestamp()), poison_message(poisons))
        with self._honest(POISONED, _POISON_AGAIN):
            self._poisons.put(poisons, stamp)

    def drop_poisons(self, poisons: Sequence[Poison], actor: str, why: str) -> Sequence[Poison]:
        """Take exactly these off, where they are still the same. Returns those that were."""
        named = ", ".join(poison.target for poison in poisons)
        with self._honest(POISONED, _POISON_AGAIN):
            return self._poisons.drop(lambda one: one in poisons, self._stamp(actor, f"over: {named}: {why}"))

    def _stamp(self, actor: str, message: str) -> Stamp:
        return Stamp(actor, int(self._clock.now().timestamp()), f"{message}\n")

    # --- leases -----------------------------------------------------------------------------------------------------

    def lease(self, shard: str) -> Grant | None:
        """As it stands; None: nobody ever held it."""
        with self._honest(lease_ref(shard), _NOBODY):
            return self._leases.read(shard)

    def swap_lease(self, before: Grant | None, after: Grant) -> bool:
        """Compare-and-swap: False when something else than `before` stands there by now."""
        with self._honest(lease_ref(after.shard), _NOBODY):
            return self._leases.swap(before, after, self._clock.now())

    def store(self) -> Store | None:
        """Whose daemon owns the fleet; None: nobody's."""
        with self._honest(STORE_REF, _NOBODY):
            return self._leases.store()

    def swap_store(self, before: Store | None, after: Store) -> bool:
        """Compare-and-swap, as with leases."""
        with self._honest(STORE_REF, _NOBODY):
            return self._leases.swap_store(before, after, self._clock.now())

    def newest(self, shard: str) -> str | None:
        """The id of its newest version."""
        with self._honest(_ref(shard), _again(shard)):
            return self._shelf.head(_ref(shard))

    # --- waves ------------------------------------------------------------------------------------------------------

    def waves(self) -> Sequence[Waves]:
        """Those that stand, and some that are over; oldest first."""
        with self._honest(WAVES, "apply again: what is not walked yet becomes new waves"):
            return self._waves.all()

    def move_waves(self, moved: Sequence[Waves]) -> None:
        """New waves, or more moves of known ones, all or none. Raises RefusedError when another's move came first."""
        with self._honest(WAVES, "apply again: what is not walked yet becomes new waves"):
            self._waves.move(moved)

    # --- inside -----------------------------------------------------------------------------------------------------

    def _numbered(self, shard: str, number: int, reference: str) -> Version:
        with self._honest(_ref(shard), _again(shard)):
            identity = self._shelf.head(_ref(shard))
            back = self._brief(identity, shard).number - number if identity else -1
            if back < 0 or number < 1:
                newest = f"; the newest is {number + back}" if identity else ""
                raise InputError(
                    f"there is no version `{reference}`{newest}", "`aipress history` lists the versions there are."
                )
            while identity and back:
                identity, back = self._shelf.commit(identity).parent, back - 1
            if not identity:
                raise DamagedError(f"the chain ends before version {number}")
            version = self._whole(identity, shard)
            if version.number != number:
                raise DamagedError(f"version {version.number} stands where version {number} should")
            return version

    def _brief(self, identity: str, shard: str) -> Version:
        commit = self._shelf.commit(identity)
        heading, outcome = self._shelf.file(commit, HEADING), self._shelf.file(commit, OUTCOME)
        return self._belongs(brief(commit.id, commit.parent, heading, outcome), shard)

    def _whole(self, identity: str, shard: str) -> Version:
        commit = self._shelf.commit(identity)
        version = self._belongs(whole(commit.id, commit.parent, self._shelf.files(commit)), shard)
        if version.number > 1:
            if version.parent is None:
                raise DamagedError(f"version {version.number} has no parent")
            before = self._brief(version.parent, shard)
            if before.number != version.number - 1:
                raise DamagedError(f"version {version.number} follows version {before.number}")
        return version

    def _belongs(self, version: Version, shard: str) -> Version:
        if version.shard != shard:
            raise DamagedError(f"it holds a version of {shard_label(version.shard)}")
        return version

    @contextmanager
    def _honest(self, ref: str, remedy: str) -> Iterator[None]:
        """What does not hold together ends in one message: where, that nothing was done, and the way on."""
        try:
            yield
        except (DamagedError, ValueError) as error:  # ValueError: JSON, dates, ids and digests that are not ours
            raise CorruptError(
                f"the history is damaged at {ref}: {error}. Nothing was applied",
                f"Restore {self._shelf.path} from a mirror; or delete the ref "
                f"(git --git-dir={self._shelf.path} update-ref -d {ref}) and {remedy}.",
            ) from error


def _ref(shard: str) -> str:
    return f"{SHARDS}{shard}" if shard else FLEET_REF


_NOBODY = "run the command again, when no other host applies"


def _again(shard: str) -> str:
    return f"run `aipress apply {shard_label(shard)}`, which adopts what is live and ours"

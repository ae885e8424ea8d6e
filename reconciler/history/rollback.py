"""What returning a target to a version would write into the fleet repository. Values only; nothing is written here.

The target's own file gets the version's text. What it inherited from its tier then and would inherit otherwise today
is written into it as explicit overrides. Whether that compiles to the version again is checked by who commits it.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from reconciler.kinds.catalog import kind_of
from reconciler.model.errors import InputError, RefusedError
from reconciler.model.fleet import Path
from reconciler.model.ids import Address, Target, TargetKind
from reconciler.model.outcome import Result
from reconciler.model.spec import TenantBlocks
from reconciler.model.version import Version

_BLOCKS = tuple(TenantBlocks.model_fields)


@dataclass(frozen=True, slots=True)
class Override:
    """One value to write into a file; `value` None: take the field out."""

    file: str
    path: Path
    value: Any


@dataclass(frozen=True, slots=True)
class Return:
    """`files`: path -> new text, only those that differ. `overrides` go in afterwards. `notes`: what is left alone."""

    files: Mapping[str, str]
    overrides: tuple[Override, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        return not self.files and not self.overrides


def rollback_files(target: Target, then: Version, now: Mapping[str, str], gone: Collection[str] = ()) -> Return:
    """What to write so that the target's documents say what `then` applied.

    `now`: path -> text of the fleet files today (the target's own, its shard's and all tiers). `gone`: tenants of a
    shard whose data is gone: they are left alone. Raises InputError when the version knows nothing of the target,
    RefusedError when a tenant is another one under the same name.
    """
    if target.kind is TargetKind.TENANT:
        return _tenant(target, then, now)
    own = [p for p in then.documents if _owned_by(p, target)]
    if not own:
        raise InputError(f"version {then.label} holds no document of {target}", "`aipress history` lists versions.")
    files: dict[str, str] = {}
    overrides: list[Override] = []
    notes: list[str] = []
    for path in sorted(own):
        name = tenant_of(path)
        if name:
            here = _path_of(name, now)
            if here and _shard_of(here) != target.name:
                notes.append(f"tenant/{name} has moved to shard/{_shard_of(here)} since and stays there")
                continue
            if name in gone:
                notes.append(f"tenant/{name} was purged since: its data is gone, and it stays as it is")
                continue
            try:
                one = _tenant(Target(TargetKind.TENANT, name), then, now)
            except RefusedError as error:
                notes.append(f"{error}; it stays as it is")
                continue
            files |= one.files
            overrides += one.overrides
        elif now.get(path) != then.documents[path]:
            files[path] = then.documents[path]
    known = {tenant_of(path) for path in own}
    newer = sorted(n for p in now if _owned_by(p, target) and (n := tenant_of(p)) and n not in known)
    notes += [f"tenant/{name} came later than version {then.label} and stays as it is" for name in newer]
    return Return(files, tuple(overrides), tuple(notes))


def version_at(versions: Iterable[Version], commit: str, behind: Callable[[str], bool]) -> Version | None:
    """The version of a shard that applied a fleet commit, or the last one before it; None when there is none.

    `versions`: newest first; `behind`: whether a commit is `commit` or an ancestor of it. Of several, the newest
    healthy one; versions that put an earlier one back before Git said so are none of their commit.
    """
    mine = [v for v in versions if not v.returned and (v.fleet_commit == commit or behind(v.fleet_commit))]
    exact = [v for v in mine if v.fleet_commit == commit]
    for some in (exact, mine):
        if chosen := next((v for v in some if v.result == "healthy"), next(iter(some), None)):
            return chosen
    return None


def candidates(versions: Iterable[Version], target: Target, now: Mapping[str, str]) -> Iterator[Version]:
    """Versions in which the target was healthy and its documents differ from today's, newest first.

    `versions`: whole, newest first (a generator is fine: reading stops at the answer).
    """
    for version in versions:
        if any(_concerns(row, target) and row.get("result") != Result.DONE for row in version.items):
            continue
        try:
            change = rollback_files(target, version, now)
        except (InputError, RefusedError):  # nobody can return to that one, so it is no default
            continue
        if any(_bare(text) != _bare(now.get(path, "")) for path, text in change.files.items()) or change.overrides:
            yield version


def lost_data(target: Target, then: Version, head: Version | None) -> tuple[Address, ...]:
    """Data-bearing resources that `then` has and the newest version no longer: they would come back empty."""
    left = head.resources if head else {}
    return tuple(
        address
        for address in sorted(then.resources)
        if kind_of(address.kind).data_bearing and _covers(target, address) and address not in left
    )


# --- one tenant -----------------------------------------------------------------------------------------------------


def _tenant(target: Target, then: Version, now: Mapping[str, str]) -> Return:
    name = target.name
    old_path = _path_of(name, then.documents)
    if not old_path:
        raise InputError(
            f"version {then.label} holds no document of tenant/{name}", "`aipress history` lists versions."
        )
    path = _path_of(name, now) or old_path
    old_text = then.documents[old_path]
    old = _read(old_text, f"{old_path} of version {then.label}")
    new = _read(now[path], path) if path in now else None
    uids = (_at(old, ("metadata", "uid")), _at(new, ("metadata", "uid")) if new else None)
    if new is not None and uids[0] != uids[1]:
        raise RefusedError(
            f"tenant/{name} is not the one of version {then.label}: its uid was {uids[0]} and is {uids[1]}",
            "A name may come back, an owner does not. Restore the old one's data under a new tenant instead.",
        )
    before, after = _defaults(old, then.documents), _defaults(old, now)
    if target.environment:
        if new is None:
            raise InputError(f"{path} is gone", f"Roll back the whole tenant: aipress rollback tenant/{name}")
        return _environment(target, (old, before), (new, _defaults(new, now)), path)
    files = {} if now.get(path) == old_text else {path: old_text}
    own = {block: _at(old, ("spec", block)) for block in _BLOCKS}
    return Return(files, tuple(_inherited(path, ("spec",), own, before, after)))


def _inherited(file: str, at: Path, own: Any, before: Any, after: Any) -> Iterator[Override]:
    """Leaves that came from the tier then, are not written in the file, and read otherwise in the tier today."""
    for key, value in before.items() if isinstance(before, Mapping) else ():
        mine = own.get(key) if isinstance(own, Mapping) else None
        today = after.get(key) if isinstance(after, Mapping) else None
        if isinstance(value, Mapping):
            yield from _inherited(file, (*at, key), mine, value, today)
        elif mine is None and value is not None and value != today:
            yield Override(file, (*at, key), value)


def _environment(target: Target, old: tuple[Any, Any], new: tuple[Any, Any], path: str) -> Return:
    """Only one environment's block, and what it inherited for its runtime from the tenant and the tier."""
    at: Path = ("spec", "environments", target.environment)
    block, present = _at(old[0], at), _at(new[0], at)
    if not isinstance(block, Mapping):
        raise InputError(f"{target.whole} had no {target.environment} then", "`aipress history` lists versions.")
    if not isinstance(present, Mapping):
        return Return({}, (Override(path, at, block),))
    found = list(_leaves(path, at, block, present))
    then_runtime = _merged(_at(old[1], ("runtime",)), _at(old[0], ("spec", "runtime")))
    now_runtime = _merged(_at(new[1], ("runtime",)), _at(new[0], ("spec", "runtime")))
    found += _inherited(path, (*at, "runtime"), block.get("runtime"), then_runtime, now_runtime)
    return Return({}, tuple(found))


def _leaves(file: str, at: Path, wanted: Mapping[str, Any], present: Mapping[str, Any]) -> Iterator[Override]:
    for key, value in wanted.items():
        have = present.get(key)
        if isinstance(value, Mapping) and isinstance(have, Mapping):
            yield from _leaves(file, (*at, key), value, have)
        elif value != have:
            yield Override(file, (*at, key), value)
    yield from (Override(file, (*at, key), None) for key in present if key not in wanted)


def _defaults(tenant: Any, documents: Mapping[str, str]) -> Any:
    """What a tenant's tier gives, by block; {} when the documents lack that tier."""
    path = f"tiers/{_at(tenant, ('spec', 'tier'))}.yaml"
    tier = _read(documents[path], path) if path in documents else {}
    return _at(tier, ("spec", "defaults")) or {}


def _merged(below: Any, above: Any) -> Any:
    if not isinstance(above, Mapping):
        return below if above is None else above
    base = dict(below) if isinstance(below, Mapping) else {}
    return {**base, **{key: _merged(base.get(key), value) for key, value in above.items()}}


# --- documents ------------------------------------------------------------------------------------------------------


def _read(text: str, where: str) -> Any:
    """Texts of applied or valid documents: YAML 1.2, plain data."""
    try:
        return YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, RecursionError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{where} cannot be read: {first}", "Put the file right first: aipress validate") from error


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def tenant_of(path: str) -> str:
    """The tenant whose document a path is, "" for any other path."""
    parts = path.split("/")
    return parts[-2] if parts[-1] == "tenant.yaml" and len(parts) > 2 else ""


def _shard_of(path: str) -> str:
    parts = path.split("/")
    return parts[1] if len(parts) > 2 and parts[0] == "shards" else ""


def _path_of(tenant: str, documents: Mapping[str, str]) -> str:
    return next((path for path in sorted(documents) if tenant_of(path) == tenant), "")


def _owned_by(path: str, target: Target) -> bool:
    if target.kind is TargetKind.FLEET:
        return path == "fleet.yaml"
    return path.startswith(f"shards/{target.name}/")


def _covers(target: Target, address: Address) -> bool:
    if target.kind is not TargetKind.TENANT:
        return True  # a version is of one shard, or of the fleet's own objects
    return address.belongs_to(target)


def _concerns(row: Mapping[str, Any], target: Target) -> bool:
    return _covers(target, Address.parse(row["resource"]))


def _bare(text: str) -> list[str]:
    """A text without comments and blank lines: what is left is what it says."""
    return [line.rstrip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]

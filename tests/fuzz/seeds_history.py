"""Damaged, foreign and forged history repositories by name. Each seed spoils a good history in a folder."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pygit2

from reconciler.history.layout import files
from reconciler.history.store import FLEET_REF, HOLDS, POISONED, SHARDS, GitHistory
from reconciler.model.canonical import digest
from reconciler.model.hold import Hold, Poison
from reconciler.model.ids import Address
from reconciler.model.version import Applied, TenantState, Version
from tests.fuzz.seeds_git import FILE, FOLDER, LINK, MODULE, blob, loose, tree
from tests.fuzz.seeds_saved import WRONG
from tests.fuzz.worlds import NOW, StillClock

Spoiler = Callable[[Path], None]
EU = f"{SHARDS}eu-001"
HOLD = Hold("tenant/acme-bakery", "photo shoot", "jo", NOW, None)
SERVICE = Address.parse("tenant/acme-bakery/run.service/production")
POISON = Poison("tenant/acme-bakery", {"u": ("sha256:1",)}, "eu-001/2", "eu-001/1", "c0ffee", "why", "jo", NOW, None)
REFERENCES = (
    "eu-001/1", "eu-001/2", "fleet/1", "eu-001/0", "eu-001/-1", "eu-001/" + "9" * 5000, "eu-001/²", "eu-001/१", "/1", "//1", "x" * 10_000,
    "0000", "ffff", "1" * 40, "1" * 41, "deadbeef\n", "", "../1", "eu-001/1\n", "\0/1", "eu-001/\udcff",
)  # fmt: skip


def version(shard: str, number: int, parent: str | None) -> Version:
    one = Applied(
        SERVICE, "projects/p/locations/r/services/s", "projects/p/locations/r", {"a": number}, "u", "k3v9x2ma"
    )
    return Version(
        "", parent, shard, number, NOW, "jo", "apply", "c0ffee", "sha256:1", "healthy", "done", {SERVICE: one},
        {"acme-bakery": TenantState("k3v9x2ma", "active", NOW.isoformat())}, {"fleet.yaml": "kind: Fleet\n"},
        ({"resource": str(SERVICE), "action": "update", "result": "done", "message": "", "fields": []},),
    )  # fmt: skip


def made(folder: Path) -> None:
    history = GitHistory(folder, StillClock())
    for shard in ("", "eu-001", "us-001"):
        first = history.publish(version(shard, 1, None))
        history.publish(version(shard, 2, first.id))
    history.set_hold(HOLD)
    history.set_poisons([POISON])


def opened(folder: Path) -> pygit2.Repository:
    return pygit2.Repository(str(folder))


def put(folder: Path, ref: str, root: str, parents: tuple[str, ...] = ()) -> None:
    """A commit of any tree on a ref."""
    repository = opened(folder)
    lines = [
        f"tree {root}",
        *(f"parent {one}" for one in parents),
        "author A <a@b> 1 +0000",
        "committer A <a@b> 1 +0000",
        "",
        "x",
    ]
    point(folder, ref, loose(repository, b"commit", "\n".join(lines).encode()))


def point(folder: Path, ref: str, content: str | bytes) -> None:
    file = folder / ref
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode() + b"\n")


def rewritten(change: Callable[[dict[str, bytes]], None], shard: str = "eu-001") -> Spoiler:
    """The newest version's files with something done to them."""

    def spoil(folder: Path) -> None:
        repository = opened(folder)
        parent = str(repository.references[f"{SHARDS}{shard}"].peel(pygit2.Commit).parent_ids[0])
        content = files(replace(version(shard, 2, parent)))
        change(content)
        nested: dict[bytes, Any] = {}
        for path, text in content.items():
            *above, last = path.encode().split(b"/")
            at = nested
            for part in above:
                at = at.setdefault(part, {})
            at[last] = text
        put(folder, f"{SHARDS}{shard}", _tree(repository, nested), (parent,))

    return spoil


def _tree(repository: pygit2.Repository, nested: Mapping[bytes, Any]) -> str:
    rows = [
        (FOLDER, name, _tree(repository, value)) if isinstance(value, dict) else (FILE, name, blob(repository, value))
        for name, value in sorted(nested.items())
    ]
    return tree(repository, *rows)


def heading(**changes: Any) -> Spoiler:
    def change(content: dict[str, bytes]) -> None:
        content["version.json"] = json.dumps({**json.loads(content["version.json"]), **changes}).encode()

    return rewritten(change)


def replaced(path: str, text: bytes) -> Spoiler:
    return rewritten(lambda content: content.update({path: text}))


def forged_resource(**changes: Any) -> Spoiler:
    """A resource of another shape, with a digest that fits it."""

    def change(content: dict[str, bytes]) -> None:
        path = next(name for name in content if name.startswith("resources/"))
        row = {**json.loads(content[path]), **changes}
        content[path] = json.dumps(row).encode()
        head = json.loads(content["version.json"])
        head["digests"]["resources"] = digest({str(row["resource"]): row})
        content["version.json"] = json.dumps(head).encode()

    return rewritten(change)


def forged_items(items: Any) -> Spoiler:
    def change(content: dict[str, bytes]) -> None:
        content["outcome.json"] = json.dumps(items).encode()
        head = json.loads(content["version.json"])
        head["digests"]["outcome"] = digest(items)
        content["version.json"] = json.dumps(head).encode()

    return rewritten(change)


def hold_file(content: bytes, ref: str = HOLDS) -> Spoiler:
    def spoil(folder: Path) -> None:
        repository = opened(folder)
        one = tree(repository, (FILE, b"pause.json", blob(repository, content)))
        put(folder, ref, tree(repository, (FOLDER, b"holds", one)))

    return spoil


def held(**changes: Any) -> Spoiler:
    return hold_file(json.dumps({**HOLD.to_json(), **changes}).encode())


def poisoned(**changes: Any) -> Spoiler:
    return hold_file(json.dumps({**POISON.to_json(), **changes}).encode(), POISONED)


def entry(mode: str, name: bytes, to: Callable[[pygit2.Repository], str]) -> Spoiler:
    """A version's tree with an entry of any mode that leads anywhere."""

    def spoil(folder: Path) -> None:
        repository = opened(folder)
        good = repository.references[EU].peel(pygit2.Tree)
        rows = [(f"{int(e.filemode):o}", e.name.encode(), str(e.id)) for e in good if e.name.encode() != name]
        parent = str(repository.references[EU].peel(pygit2.Commit).parent_ids[0])
        put(folder, EU, tree(repository, *sorted([*rows, (mode, name, to(repository))], key=lambda r: r[1])), (parent,))

    return spoil


def _bomb(repository: pygit2.Repository) -> str:
    oid, mode = tree(repository), FOLDER
    for _ in range(6):
        oid = tree(repository, *((mode, b"%04d" % n, oid) for n in range(500)))
    return oid


def _deep(repository: pygit2.Repository) -> str:
    oid = tree(repository, (FILE, b"x", blob(repository)))
    for _ in range(3000):
        oid = tree(repository, (FOLDER, b"d", oid))
    return oid


def _lost(what: str) -> Spoiler:
    """An object of the newest version is not there, or is not what it was."""

    def spoil(folder: Path) -> None:
        repository = opened(folder)
        commit = repository.references[EU].peel(pygit2.Commit)
        named = {
            "commit": commit,
            "tree": commit.tree,
            "heading": commit.tree["version.json"],
            "outcome": commit.tree["outcome.json"],
        }
        name = str(named[what.split("-", maxsplit=1)[0]].id)
        file = folder / "objects" / name[:2] / name[2:]
        file.chmod(0o600)
        if what.endswith("garbage"):
            file.write_bytes(b"garbage")
        elif what.endswith("empty"):
            file.write_bytes(b"")
        else:
            file.unlink()

    return spoil


def _chain(folder: Path) -> None:
    """A version whose parent is of another shard."""
    repository = opened(folder)
    other = str(repository.references[f"{SHARDS}us-001"].target)
    content = files(version("eu-001", 3, other))
    nested: dict[bytes, Any] = {}
    for path, text in content.items():
        *above, last = path.encode().split(b"/")
        at = nested
        for part in above:
            at = at.setdefault(part, {})
        at[last] = text
    put(folder, EU, _tree(repository, nested), (other,))


SEEDS: Mapping[str, Spoiler] = {
    "valid": lambda _: None,
    "not-a-repository": lambda folder: (folder / "HEAD").unlink(),
    "config-garbage": lambda folder: point(folder, "config", b"[core\n"),
    "ref-garbage": lambda folder: point(folder, EU, b"garbage\n"),
    "ref-empty": lambda folder: point(folder, EU, b""),
    "ref-to-nothing": lambda folder: point(folder, EU, "7" * 40),
    "ref-to-itself": lambda folder: point(folder, EU, f"ref: {EU}"),
    "ref-to-another-ref": lambda folder: point(folder, EU, f"ref: {FLEET_REF}"),
    "ref-to-a-blob": lambda folder: point(folder, EU, blob(opened(folder))),
    "ref-to-a-tree": lambda folder: point(folder, EU, tree(opened(folder))),
    "ref-to-the-holds": lambda folder: point(folder, EU, str(opened(folder).references[HOLDS].target)),
    "ref-to-another-shard": lambda folder: point(folder, EU, str(opened(folder).references[f"{SHARDS}us-001"].target)),
    "ref-of-a-shard-with-an-odd-name": lambda folder: point(folder, f"{SHARDS}..x", "7" * 40),
    "ref-is-a-folder": lambda folder: (folder / EU).unlink() or (folder / EU).mkdir() or point(folder, f"{EU}/x", "7" * 40),
    "packed-refs-garbage": lambda folder: point(folder, "packed-refs", b"\xff\0garbage"),
    **{f"{what}-{how}": _lost(f"{what}-{how}") for what in ("commit", "tree", "heading", "outcome") for how in ("lost", "garbage", "empty")},
    "parent-of-another-shard": _chain,
    "empty-tree": lambda folder: put(folder, EU, tree(opened(folder))),
    "heading-is-a-folder": entry(FOLDER, b"version.json", lambda r: tree(r, (FILE, b"x", blob(r)))),
    "heading-is-a-link": entry(LINK, b"version.json", lambda r: blob(r, b"/etc/passwd")),
    "heading-is-a-submodule": entry(MODULE, b"version.json", lambda _: "1" * 40),
    "outcome-is-a-folder": entry(FOLDER, b"outcome.json", lambda r: tree(r)),
    "resources-is-a-file": entry(FILE, b"resources", lambda r: blob(r)),
    "resources-is-a-blob-as-a-folder": entry(FOLDER, b"resources", lambda r: blob(r)),
    "resources-is-not-there": entry(FOLDER, b"resources", lambda _: "1" * 40),
    "folders-3000-deep": entry(FOLDER, b"resources", _deep),
    "folders-without-end": entry(FOLDER, b"resources", _bomb),
    "document-of-150-megabytes": entry(FOLDER, b"documents", lambda r: tree(r, (FILE, b"x", loose(r, b"blob", b"\0" * (150 << 20))))),
    "heading-of-150-megabytes": entry(FILE, b"version.json", lambda r: loose(r, b"blob", b" " * (150 << 20))),
    "heading-not-json": replaced("version.json", b"hello"),
    "heading-not-utf-8": replaced("version.json", b"\xff\xfe"),
    "heading-list": replaced("version.json", b"[]"),
    "heading-nested-100000": replaced("version.json", b"[" * 100_000),
    "heading-nested-as-objects": replaced("version.json", b'{"a":' * 50_000),
    "outcome-nested-100000": replaced("outcome.json", b"[" * 100_000),
    "outcome-number": replaced("outcome.json", b"5"),
    "outcome-nan": replaced("outcome.json", b"[NaN]"),
    "resource-nested-100000": replaced("resources/x.json", b"[" * 100_000),
    "resource-list": replaced("resources/x.json", b"[]"),
    "resource-null": replaced("resources/x.json", b"null"),
    "document-not-utf-8": replaced("documents/x.yaml", b"\xff"),
    "format-of-tomorrow": heading(format="aipress.version/2"),
    "format-list": heading(format=[]),
    **{
        f"heading-{name}-is-{wrong}": heading(**{name: value})
        for name in ("shard", "number", "at", "actor", "fleetCommit", "tenants", "digests", "parent", "summary")
        for wrong, value in WRONG.items() if wrong != "huge"
    },
    "number-huge": heading(number=10**30),
    "number-negative": heading(number=-1),
    "at-without-a-zone": heading(at="2026-11-27"),
    "at-of-year-one": heading(at="0001-01-01T00:00:00+23:59"),
    "tenant-of-another-shape": heading(tenants={"a": {"uid": 1, "state": [], "since": None}}),
    **{f"resource-{name}-is-{wrong}": forged_resource(**{name: value}) for name in ("name", "body", "owner") for wrong, value in WRONG.items() if wrong != "huge"},
    "resource-of-no-address": forged_resource(resource="nonsense"),
    "items-of-null": forged_items([None]),
    "items-of-odd-rows": forged_items([{"resource": 5, "message": [], "fields": 7}]),
    "hold-garbage": hold_file(b"garbage"),
    "hold-list": hold_file(b"[]"),
    "hold-nested-100000": hold_file(b"[" * 100_000),
    "hold-not-utf-8": hold_file(b"\xff"),
    **{f"hold-{name}-is-{wrong}": held(**{name: value}) for name in ("target", "reason", "since", "until", "begins", "states") for wrong, value in WRONG.items() if wrong != "huge"},
    **{f"poison-{name}-is-{wrong}": poisoned(**{name: value}) for name in ("target", "states", "until") for wrong, value in WRONG.items() if wrong != "huge"},
    "poison-garbage": hold_file(b"garbage", POISONED),
    "hold-until-without-a-zone": held(until="2026-11-27T00:00:00"),
    "hold-since-of-year-one": held(since="0001-01-01T00:00:00+23:59"),
    "hold-on-no-target": held(target="nonsense"),
    "holds-is-a-blob": lambda folder: point(folder, HOLDS, blob(opened(folder))),
    "lock-left-behind": lambda folder: point(folder, f"{SHARDS}us-001.lock", b""),
    "lock-is-a-folder": lambda folder: (folder / "aipress.lock").unlink() or (folder / "aipress.lock").mkdir(),
}  # fmt: skip

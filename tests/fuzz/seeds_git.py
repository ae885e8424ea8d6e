"""Hostile fleet repositories by name: each makes objects byte by byte, as no git client would, and says the commit.

A seed gets a bare repository that holds the valid fleet on main, and returns the commit to read.
"""

import hashlib
import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pygit2

from tests.fuzz.worlds import ACME, VALID

Maker = Callable[[pygit2.Repository], str]
WHO = pygit2.Signature("Test", "test@example.invalid", 1_700_000_000, 0)
FILE, RUN, LINK, MODULE, FOLDER = "100644", "100755", "120000", "160000", "40000"


def blob(repository: pygit2.Repository, content: bytes = b"x") -> str:
    return str(repository.create_blob(content))


def tree(repository: pygit2.Repository, *entries: tuple[str, bytes, str]) -> str:
    content = b"".join(f"{mode} ".encode() + name + b"\0" + bytes.fromhex(oid) for mode, name, oid in entries)
    return loose(repository, b"tree", content)


def loose(repository: pygit2.Repository, kind: bytes, content: bytes, under: str = "") -> str:
    """A loose object as bytes; `under`: a name that is not its own (a forged or damaged object)."""
    whole = kind + b" %d\0" % len(content) + content
    name = under or hashlib.sha1(whole).hexdigest()
    file = Path(repository.path, "objects", name[:2], name[2:])
    file.parent.mkdir(exist_ok=True)
    if not file.exists():
        file.write_bytes(zlib.compress(whole, 1))
    return name


def commit(repository: pygit2.Repository, root: str, extra: bytes = b"") -> str:
    head = str(repository.references["refs/heads/main"].target)
    text = b"tree %s\nparent %s\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n" % (root.encode(), head.encode())
    return loose(repository, b"commit", text + extra + b"\nhostile\n")


def grown(repository: pygit2.Repository, changes: Mapping[str, tuple[str, str]]) -> str:
    """The valid fleet with entries put in by path: path -> (mode, object). Anything may stand anywhere."""
    nested: dict[bytes, object] = {}
    for path, text in VALID.items():
        _put(nested, path.encode(), (FILE, blob(repository, text.encode())))
    for path, entry in changes.items():
        _put(nested, path.encode("utf-8", "surrogateescape"), entry)
    return commit(repository, _tree_of(repository, nested))


def _put(nested: dict[bytes, object], path: bytes, entry: tuple[str, str]) -> None:
    *above, last = path.split(b"/")
    for part in above:
        inner = nested.setdefault(part, {})
        if not isinstance(inner, dict):
            inner = nested[part] = {}
        nested = inner
    nested[last] = entry


def _tree_of(repository: pygit2.Repository, nested: Mapping[bytes, object]) -> str:
    entries = []
    for name, value in sorted(nested.items()):
        if isinstance(value, dict):
            entries.append((FOLDER, name, _tree_of(repository, value)))
        else:
            mode, oid = value  # type: ignore[misc]
            entries.append((mode, name, oid))
    return tree(repository, *entries)


def placed(path: str, mode: str = FILE, content: bytes = b"x") -> Maker:
    return lambda repository: grown(repository, {path: (mode, blob(repository, content))})


def pointing(path: str, mode: str, to: Callable[[pygit2.Repository], str]) -> Maker:
    return lambda repository: grown(repository, {path: (mode, to(repository))})


def _nothing(_: pygit2.Repository) -> str:
    return "1" * 40


def _damaged(kind: bytes, content: bytes) -> Callable[[pygit2.Repository], str]:
    """An object file that is not zlib at all, of a size or kind that is not its own, or cut off."""

    def make(repository: pygit2.Repository) -> str:
        name = hashlib.sha1(kind + content).hexdigest()
        file = Path(repository.path, "objects", name[:2], name[2:])
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
        return name

    return make


def _deep(levels: int) -> Maker:
    def make(repository: pygit2.Repository) -> str:
        inner = tree(repository, (FILE, b"x", blob(repository)))
        for _ in range(levels):
            inner = tree(repository, (FOLDER, b"d", inner))
        return commit(repository, tree(repository, (FOLDER, b"shards", inner)))

    return make


def _bomb(leaf: Callable[[pygit2.Repository], tuple[str, str]], levels: int, wide: int) -> Maker:
    """Folders that hold the same folder many times: `wide` to the power of `levels` entries in a few kilobytes."""

    def make(repository: pygit2.Repository) -> str:
        mode, oid = leaf(repository)
        for _ in range(levels):
            oid = tree(repository, *((mode, b"%05d" % n, oid) for n in range(wide)))
            mode = FOLDER
        return commit(repository, tree(repository, (FOLDER, b"shards", oid)))

    return make


def _many(count: int, name: str = "shards/eu-001/tenants/t%05d/tenant.yaml") -> Maker:
    def make(repository: pygit2.Repository) -> str:
        one = blob(repository, b"nonsense: true\n")
        return grown(repository, {name % n: (FILE, one) for n in range(count)})

    return make


def _twice(*entries: bytes) -> Maker:
    """The same name more than once in one folder, with different content."""

    def make(repository: pygit2.Repository) -> str:
        files = tree(repository, *((FILE, name, blob(repository, b"v%d" % n)) for n, name in enumerate(entries)))
        tenants = tree(repository, (FOLDER, b"acme-bakery", files))
        shard = tree(repository, (FOLDER, b"tenants", tenants))
        shards = tree(repository, (FOLDER, b"eu-001", shard))
        return commit(repository, tree(repository, (FOLDER, b"shards", shards)))

    return make


def _folder_twice(repository: pygit2.Repository) -> str:
    files = [tree(repository, (FILE, b"tenant.yaml", blob(repository, text))) for text in (b"a", b"b")]
    tenants = tree(repository, *((FOLDER, b"acme-bakery", one) for one in files))
    shards = tree(repository, (FOLDER, b"eu-001", tree(repository, (FOLDER, b"tenants", tenants))))
    return commit(repository, tree(repository, (FOLDER, b"shards", shards)))


def _giant(size: int) -> Callable[[pygit2.Repository], str]:
    return lambda repository: blob(repository, b"\0" * size)


def _sized(claimed: int, content: bytes) -> Callable[[pygit2.Repository], str]:
    """A loose blob whose header claims another size than it has."""

    def make(repository: pygit2.Repository) -> str:
        whole = b"blob %d\0" % claimed + content
        name = hashlib.sha1(whole).hexdigest()
        file = Path(repository.path, "objects", name[:2], name[2:])
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(zlib.compress(whole))
        return name

    return make


def _pack(content: bytes, index: bytes = b"\xfftOc") -> Maker:
    """A damaged pack beside good loose objects."""

    def make(repository: pygit2.Repository) -> str:
        folder = Path(repository.path, "objects", "pack")
        folder.mkdir(exist_ok=True)
        (folder / f"pack-{'a' * 40}.pack").write_bytes(content)
        (folder / f"pack-{'a' * 40}.idx").write_bytes(index)
        return grown(repository, {})

    return make


def _ref(name: str, content: bytes) -> Maker:
    def make(repository: pygit2.Repository) -> str:
        file = Path(repository.path, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return grown(repository, {})

    return make


def _raw_commit(text: bytes) -> Maker:
    def make(repository: pygit2.Repository) -> str:
        root = str(repository.references["refs/heads/main"].peel(pygit2.Tree).id).encode()
        return loose(repository, b"commit", text.replace(b"TREE", root))

    return make


def _tag_chain(length: int) -> Maker:
    def make(repository: pygit2.Repository) -> str:
        at, kind = grown(repository, {}), b"commit"
        for n in range(length):
            text = b"object %s\ntype %s\ntag t%d\ntagger A <a@b> 1 +0000\n\nx\n" % (at.encode(), kind, n)
            at, kind = loose(repository, b"tag", text), b"tag"
        return at

    return make


TENANTS = "shards/eu-001/tenants"
NAMES = {
    "up": "..", "here": ".", "git": ".git", "git-upper": ".GIT", "git-short": "git~1", "git-zero-width": ".g\u200cit",
    "git-trailing-dot": ".git.", "git-stream": ".git::$INDEX_ALLOCATION", "escape": "a\x1bb", "line-feed": "a\nb",
    "tab": "a\tb", "space": "Acme Bakery", "long": "a" * 300, "very-long": "a" * 20_000, "option": "-x", "dot": ".hidden",
    "line-feed-at-end": "acme\n", "backslash": "a\\b", "upper": "Acme-bakery", "cyrillic": "\u0430cme", "bidi": "a\u202eb",
    "zero-width": "acme\u200bbakery", "composed": "caf\u00e9", "decomposed": "cafe\u0301", "not-utf-8": "\udcff\udcfe",
    "latin-1": "b\udce4ckerei", "overlong": "\udcc0\udcaf", "surrogate-bytes": "\udced\udca0\udc80", "star": "*",
    "device": "con", "colon": "a:b", "quote": "'\"", "dollar": "$(x)", "percent": "%00", "at": "acme@production",
    "one-letter": "a", "thirty-one": "a" * 31, "neighbour-upper": "HARBOUR-CAFE", "empty-looking": "\u3164", "bom": "\ufeffx",
}  # fmt: skip

SEEDS: Mapping[str, Maker] = {
    **{f"tenant-named-{name}": placed(f"{TENANTS}/{text}/tenant.yaml") for name, text in NAMES.items()},
    **{f"tier-named-{name}": placed(f"tiers/{NAMES[name]}.yaml") for name in ("up", "escape", "not-utf-8", "long", "bidi")},
    **{f"shard-named-{name}": placed(f"shards/{NAMES[name]}/shard.yaml") for name in ("up", "git", "not-utf-8", "upper")},
    "symlink-to-passwd": placed(ACME, LINK, b"/etc/passwd"),
    "symlink-to-itself": placed(ACME, LINK, b"tenant.yaml"),
    "symlink-as-tenants": placed(TENANTS, LINK, b"../../.."),
    "symlink-as-shards": placed("shards", LINK, b".."),
    "symlink-as-fleet-yaml": placed("fleet.yaml", LINK, b"/etc/passwd"),
    "executable": placed(ACME, RUN),
    "submodule-as-tenant": pointing(f"{TENANTS}/acme-bakery", MODULE, _nothing),
    "submodule-as-document": pointing(ACME, MODULE, _nothing),
    "submodule-as-shards": pointing("shards", MODULE, _nothing),
    "gitmodules-with-carriage-return": placed(".gitmodules", FILE, b'[submodule "x"]\n\tpath = "x\r"\n\turl = --upload-pack=x\n'),
    "gitattributes-filter": placed(".gitattributes", FILE, b"* filter=evil diff=evil merge=evil text eol=crlf\n"),
    "gitattributes-in-a-tenant": placed(f"{TENANTS}/acme-bakery/.gitattributes", FILE, b"* filter=lfs\n"),
    "gitattributes-long-line": placed(".gitattributes", FILE, b"a" * 100_000 + b" filter=x\n"),
    "mailmap-huge": placed(".mailmap", FILE, b"a <b> c <d>\n" * 10_000),
    "mode-zero": placed(ACME, "0"),
    "mode-group-writable": placed(ACME, "100664"),
    "mode-setuid": placed(ACME, "104755"),
    "mode-with-leading-zero": placed(ACME, "0100644"),
    "mode-unknown": placed(ACME, "777777"),
    "file-in-the-place-of-a-folder": pointing(TENANTS, FILE, lambda r: blob(r)),
    "folder-in-the-place-of-a-file": pointing(ACME, FOLDER, lambda r: tree(r, (FILE, b"x", blob(r)))),
    "folder-in-the-place-of-fleet-yaml": pointing("fleet.yaml", FOLDER, lambda r: tree(r, (FILE, b"x", blob(r)))),
    "file-mode-on-a-tree": pointing(ACME, FILE, lambda r: tree(r, (FILE, b"x", blob(r)))),
    "folder-mode-on-a-blob": pointing(f"{TENANTS}/acme-bakery", FOLDER, lambda r: blob(r)),
    "folder-mode-on-a-blob-as-shard": pointing("shards/us-001", FOLDER, lambda r: blob(r)),
    "folder-mode-on-a-blob-at-the-top": pointing("shards", FOLDER, lambda r: blob(r)),
    "folder-mode-on-a-commit": pointing(f"{TENANTS}/acme-bakery", FOLDER, lambda r: grown(r, {})),
    "file-mode-on-a-commit": pointing(ACME, FILE, lambda r: grown(r, {})),
    "file-is-not-there": pointing(ACME, FILE, _nothing),
    "folder-is-not-there": pointing(f"{TENANTS}/acme-bakery", FOLDER, _nothing),
    "shard-folder-is-not-there": pointing("shards/us-001", FOLDER, _nothing),
    "shards-is-not-there": pointing("shards", FOLDER, _nothing),
    "fleet-yaml-is-not-there": pointing("fleet.yaml", FILE, _nothing),
    "object-id-of-zeros": pointing(ACME, FILE, lambda _: "0" * 40),
    "empty-tree-everywhere": lambda r: commit(r, tree(r)),
    "empty-shard": pointing("shards/xx-001", FOLDER, lambda r: tree(r)),
    "blob-not-zlib": pointing(ACME, FILE, _damaged(b"blob", b"this is not zlib")),
    "blob-empty-file": pointing(ACME, FILE, _damaged(b"blob", b"")),
    "blob-cut-off": pointing(ACME, FILE, _damaged(b"blob", zlib.compress(b"blob 100\0" + b"x" * 100)[:20])),
    "blob-of-another-name": pointing(ACME, FILE, lambda r: loose(r, b"blob", b"kind: Tenant\n", under="2" * 40)),
    "blob-of-an-unknown-kind": pointing(ACME, FILE, lambda r: loose(r, b"blub", b"x")),
    "blob-longer-than-it-says": pointing(ACME, FILE, _sized(1, b"x" * 1000)),
    "blob-shorter-than-it-says": pointing(ACME, FILE, _sized(1000, b"x")),
    "blob-of-a-negative-size": pointing(ACME, FILE, _sized(-1, b"x")),
    "blob-says-four-gigabytes": pointing(ACME, FILE, _sized(1 << 32, b"x")),
    "blob-says-2-to-64": pointing(ACME, FILE, _sized(1 << 64, b"x")),
    "blob-of-one-megabyte": pointing(ACME, FILE, _giant(1 << 20)),
    "blob-of-15-megabytes": pointing(ACME, FILE, _giant(15 << 20)),
    "blob-of-100-megabytes": pointing(ACME, FILE, _giant(100 << 20)),
    "zlib-bomb-of-300-megabytes": pointing(ACME, FILE, lambda r: loose(r, b"blob", b"\0" * (300 << 20))),
    "tree-garbage": pointing(f"{TENANTS}/acme-bakery", FOLDER, lambda r: loose(r, b"tree", b"garbage")),
    "tree-without-nul": pointing(f"{TENANTS}/acme-bakery", FOLDER, lambda r: loose(r, b"tree", b"100644 tenant.yaml")),
    "tree-with-half-an-id": pointing(f"{TENANTS}/acme-bakery", FOLDER, lambda r: loose(r, b"tree", b"100644 t\0" + b"a" * 10)),
    "tree-with-an-empty-name": pointing(f"{TENANTS}/acme-bakery", FOLDER, lambda r: loose(r, b"tree", b"100644 \0" + b"a" * 20)),
    "tree-with-a-slash-in-a-name": pointing(TENANTS, FOLDER, lambda r: tree(r, (FILE, b"acme-bakery/tenant.yaml", blob(r)))),
    "tree-out-of-order": lambda r: commit(r, tree(r, (FOLDER, b"tiers", tree(r)), (FILE, b"fleet.yaml", blob(r)))),
    "tree-of-10000-tenants": _many(10_000),
    "tree-of-12000-strays": _many(12_000, "shards/eu-001/S%05d"),
    "tree-of-12000-odd-names": _many(12_000, "shards/eu-001/tenants/ODD%05d/tenant.yaml"),
    "tree-of-10000-tiers": _many(10_000, "tiers/t%05d.yaml"),
    "tree-of-20000-edges": _many(20_000, "edges/e%05d/edge.yaml"),
    "deep-1000": _deep(1000),
    "deep-9": _deep(9),
    "bomb-of-files": _bomb(lambda r: (FILE, blob(r)), 7, 30),
    "bomb-of-empty-folders": _bomb(lambda r: (FOLDER, tree(r)), 6, 1000),
    "bomb-of-links": _bomb(lambda r: (LINK, blob(r, b"..")), 6, 40),
    "bomb-one-level-wide": _bomb(lambda r: (FILE, blob(r)), 2, 800),
    "same-file-twice": _twice(b"tenant.yaml", b"tenant.yaml"),
    "same-file-in-two-cases": _twice(b"TENANT.YAML", b"tenant.yaml", b"Tenant.yaml"),
    "same-folder-twice": _folder_twice,
    "pack-empty": _pack(b""),
    "pack-garbage": _pack(b"PACK" + b"\xff" * 1000),
    "pack-of-2-to-32-objects": _pack(b"PACK" + struct.pack(">II", 2, 0xFFFFFFFF), b"\xfftOc" + struct.pack(">I", 2) + b"\xff" * 2000),
    "pack-index-cut-off": _pack(b"PACK" + struct.pack(">II", 2, 1) + b"\x95x\x9c", b"\xfftOc" + struct.pack(">I", 2)),
    "pack-index-of-version-9": _pack(b"PACK" + struct.pack(">II", 9, 1), b"\xfftOc" + struct.pack(">I", 9) + b"\0" * 1200),
    "ref-garbage": _ref("refs/heads/broken", b"not an id\n"),
    "ref-to-itself": _ref("refs/heads/self", b"ref: refs/heads/self\n"),
    "ref-to-nothing": _ref("refs/heads/gone", b"3" * 40 + b"\n"),
    "ref-huge": _ref("refs/heads/huge", b"a" * 1_000_000),
    "ref-binary": _ref("refs/heads/bin", bytes(range(256))),
    "packed-refs-garbage": _ref("packed-refs", b"\xff\xfe\0garbage\n"),
    "packed-refs-of-100000": _ref("packed-refs", b"".join(b"%040x refs/tags/t%d\n" % (n, n) for n in range(100_000))),
    "config-garbage": _ref("config", b"[core\nbare = maybe\n"),
    "config-worktree-elsewhere": _ref("config", b"[core]\n\tbare = false\n\tworktree = /etc\n\trepositoryformatversion = 0\n"),
    "config-format-9": _ref("config", b"[core]\n\trepositoryformatversion = 9\n"),
    "config-includes-itself": _ref("config", b"[core]\n\tbare = true\n[include]\n\tpath = config\n"),
    "head-garbage": _ref("HEAD", b"\0\0\0"),
    "head-empty": _ref("HEAD", b""),
    "shallow-garbage": _ref("shallow", b"garbage\n"),
    "grafts": _ref("info/grafts", b"garbage\n"),
    "alternates-loop": _ref("objects/info/alternates", b".\n../objects\n/nowhere\n"),
    "commit-without-a-tree": _raw_commit(b"author A <a@b> 1 +0000\n\nx\n"),
    "commit-of-a-tree-that-is-not-there": _raw_commit(b"tree " + b"4" * 40 + b"\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nx\n"),
    "commit-without-an-author": _raw_commit(b"tree TREE\n\nx\n"),
    "commit-of-the-year-2-to-63": _raw_commit(b"tree TREE\nauthor A <a@b> 9223372036854775807 +0000\ncommitter A <a@b> 1 +9999\n\nx\n"),
    "commit-with-nul": _raw_commit(b"tree TREE\nauthor \0 <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nx\0y\n"),
    "commit-with-a-huge-header": _raw_commit(b"tree TREE\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\nx " + b"y" * 500_000 + b"\n\nx\n"),
    "commit-with-ten-thousand-parents": _raw_commit(
        b"tree TREE\n" + b"parent " + b"5" * 40 + b"\n" + (b"parent " + b"6" * 40 + b"\n") * 9_999
        + b"author A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nx\n"
    ),
    "commit-encoding-unknown": _raw_commit(b"tree TREE\nauthor \xff <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\nencoding x\n\n\xff\n"),
    "commit-empty": _raw_commit(b""),
    "tag-chain-of-200": _tag_chain(200),
    "tag-of-a-tree": lambda r: loose(r, b"tag", b"object %s\ntype tree\ntag x\n\nx\n" % tree(r).encode()),
    "tag-garbage": lambda r: loose(r, b"tag", b"garbage"),
    "revision-is-a-blob": lambda r: blob(r),
    "revision-is-a-tree": lambda r: tree(r),
    "valid": lambda r: grown(r, {}),
}  # fmt: skip

REVISIONS = (
    "", "-x", "--upload-pack=x", "HEAD~99999999999999999999", "HEAD^99999999", "HEAD~" * 3000, "HEAD^{", "HEAD^{/x",
    ":/" + "(a+)+" * 20, "@{-1}", "@{u}", "HEAD@{yesterday}", "HEAD@{999999999999}", "main..HEAD", "main...HEAD", "a" * 100_000, "\0",
    "\n", "HEAD\n", "refs/heads/../../x", "1" * 40, "f" * 64, "é", "\udcff", "HEAD:fleet.yaml", "HEAD:", ":0:fleet.yaml", "*", "^HEAD", "0",
    "HEAD^{tree}", "HEAD^{blob}", "HEAD^0", "HEAD^{commit}^{tree}", "\ud800",
)  # fmt: skip
"""What somebody may type, or a hook pass on, as a revision."""

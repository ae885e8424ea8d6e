"""A small valid fleet in memory, and repositories made of it."""

import hashlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pygit2
import pytest

from reconciler.model.fleet import Fleet
from reconciler.model.ports import TreeFile
from reconciler.source.generate import fleet_text, shard_text, tenant_text, tier_text
from reconciler.source.load import load_files

PLAIN = 0o100644
ACME = "shards/eu-001/tenants/acme-bakery/tenant.yaml"
CAFE = "shards/eu-001/tenants/harbour-cafe/tenant.yaml"
SHOP = "shards/us-001/tenants/corner-shop/tenant.yaml"
EU, US = "shards/eu-001/shard.yaml", "shards/us-001/shard.yaml"


def valid_fleet() -> dict[str, str]:
    """Two shards, three tenants, no diagnostic at all."""
    return {
        "fleet.yaml": fleet_text("test-fleet", "f0000001", "aipress-control-test", "europe-west1"),
        **{f"tiers/{name}.yaml": tier_text(name) for name in ("bronze", "silver", "gold")},
        EU: shard_text("eu-001", "e0000001", "aipress-eu-001-test", "europe-west1", 50),
        US: shard_text("us-001", "u0000001", "aipress-us-001-test", "us-central1", 50),
        ACME: tenant_text("acme-bakery", "a0000001", "silver", ["www.acme.example"], ("", "{ ref: develop }")),
        CAFE: tenant_text("harbour-cafe", "c0000001", "bronze", ["www.cafe.example"]),
        SHOP: tenant_text("corner-shop", "s0000001", "gold", ["www.shop.example"]),
    }


@dataclass
class MemoryFiles:
    """Fleet files that never were on a disk; counts what is read."""

    texts: Mapping[str, str | bytes]
    commit: str = "c" * 40
    modes: Mapping[str, int] = field(default_factory=dict)
    reads: list[str] = field(default_factory=list)
    salt: int = field(default_factory=itertools.count().__next__)

    def files(self) -> Sequence[TreeFile]:
        paths = sorted({*self.texts, *self.modes})
        return [TreeFile(path, self._blob(path), self.modes.get(path, PLAIN)) for path in paths]

    def read(self, file: TreeFile, limit: int) -> bytes:
        self.reads.append(file.path)
        return self._content(file.path)[: limit + 1]

    def _content(self, path: str) -> bytes:
        text = self.texts.get(path, "")
        return text.encode() if isinstance(text, str) else text

    def _blob(self, path: str) -> str:
        # A salt of its own keeps the process-wide memo of one test out of the next (an id() would come back).
        return hashlib.sha1(f"{self.salt} {path}".encode() + self._content(path)).hexdigest()


@pytest.fixture
def texts() -> dict[str, str]:
    return valid_fleet()


@pytest.fixture
def loaded() -> Callable[[Mapping[str, str | bytes]], Fleet]:
    """Load texts by path as a fleet."""
    return lambda texts: load_files(MemoryFiles(texts))


@pytest.fixture
def memory_files() -> type[MemoryFiles]:
    return MemoryFiles


@pytest.fixture
def commit() -> Callable[..., str]:
    """commit(repository, {path: text or None or (mode, text)}, root=""): a commit on main made by plain libgit2."""
    return commit_texts


def commit_texts(repository: pygit2.Repository, changes: Mapping[str, object], root: str = "") -> str:
    index = pygit2.Index()
    parents = []
    if repository.references.get("refs/heads/main") is not None:
        parents = [repository.references["refs/heads/main"].target]
        index.read_tree(repository[parents[0]].peel(pygit2.Tree))
    for path, change in changes.items():
        full = f"{root}/{path}" if root else path
        if change is None:
            index.remove(full)
            continue
        mode, text = change if isinstance(change, tuple) else (PLAIN, change)
        if mode == 0o160000:
            index.add(pygit2.IndexEntry(full, pygit2.Oid(hex="1" * 40), pygit2.enums.FileMode.COMMIT))
            continue
        blob = repository.create_blob(str(text).encode())
        index.add(pygit2.IndexEntry(full, blob, pygit2.enums.FileMode(mode)))
    tree = index.write_tree(repository)
    author = pygit2.Signature("Test", "test@example.invalid", 1_700_000_000, 0)
    return str(repository.create_commit("refs/heads/main", author, author, "change", tree, parents))


@pytest.fixture
def bare(tmp_path: Path) -> pygit2.Repository:
    return pygit2.init_repository(str(tmp_path / "fleet.git"), bare=True, initial_head="main")


@pytest.fixture
def ordinary(tmp_path: Path, texts: dict[str, str]) -> Path:
    """A working tree with the valid fleet committed."""
    folder = tmp_path / "fleet"
    repository = pygit2.init_repository(str(folder), initial_head="main")
    for path, text in texts.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    commit_texts(repository, texts)
    repository.index.read_tree(repository.head.peel(pygit2.Tree))
    repository.index.write()
    return folder

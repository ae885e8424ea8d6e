"""The stage as a whole: commits, working trees and the index, parts of a fleet, and what is read twice."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pygit2
import pytest

from reconciler.model.errors import InputError
from reconciler.model.ids import Scope
from reconciler.source.git import open_repository
from reconciler.source.load import affected, documents, load, load_files, require_fleet
from reconciler.source.tree import StagedFiles, WorkingFiles

ACME = "shards/eu-001/tenants/acme-bakery/tenant.yaml"
CAFE = "shards/eu-001/tenants/harbour-cafe/tenant.yaml"
SHOP = "shards/us-001/tenants/corner-shop/tenant.yaml"
Commit = Callable[..., str]


def test_a_value_knows_its_file_and_line(bare: pygit2.Repository, texts: dict[str, str], commit: Commit) -> None:
    head = commit(bare, texts)
    fleet = load(open_repository(Path(bare.path)), "main")
    assert fleet.commit == head
    acme = fleet.tenants["acme-bakery"]
    assert acme.at("spec", "tier") == f"{ACME}:10"
    assert acme.at("spec", "runtime", "memory") == f"{ACME}:9"
    assert acme.blob == fleet.files[ACME]
    assert acme.text == texts[ACME]


def test_a_part_of_a_fleet_reads_only_what_it_needs(texts: dict[str, str], memory_files: Any) -> None:
    files = memory_files(texts)
    fleet = load_files(files, shards=["eu-001"])
    assert sorted(fleet.tenants) == ["acme-bakery", "harbour-cafe"]
    assert sorted(fleet.shards) == ["eu-001"]
    assert sorted(fleet.tiers) == ["bronze", "gold", "silver"]
    assert (fleet.partial, fleet.tenants_total, fleet.shards_total) == (True, 3, 2)
    assert fleet.where["corner-shop"] == "us-001"
    assert [path for path in files.reads if path.startswith("shards/us-001")] == []


def test_names_are_unique_over_the_shards_that_were_not_loaded(texts: dict[str, str], memory_files: Any) -> None:
    twin = "shards/us-001/tenants/acme-bakery/tenant.yaml"
    fleet = load_files(memory_files({**texts, twin: "never read"}), shards=["eu-001"])
    assert [d.code for d in fleet.errors] == ["AP202", "AP202"]
    assert fleet.frozen == {"tenant/acme-bakery"}


def test_a_broken_file_outside_the_part_says_nothing(texts: dict[str, str], memory_files: Any) -> None:
    assert load_files(memory_files({**texts, SHOP: "a: ["}), shards=["eu-001"]).diagnostics == ()


def test_an_unchanged_file_is_not_read_again(texts: dict[str, str], memory_files: Any) -> None:
    first = memory_files(texts)
    fleet = load_files(first)
    assert len(first.reads) == len(texts)
    again = load_files(first, known=documents(fleet))
    assert len(first.reads) == len(texts)
    assert again == fleet
    assert load_files(first) == fleet, "and within a process even without being told"
    assert len(first.reads) == len(texts)


def test_a_changed_file_is_read_whatever_is_known(
    bare: pygit2.Repository, texts: dict[str, str], commit: Commit
) -> None:
    found = open_repository(Path(commit(bare, texts) and bare.path))
    fleet = load(found, "HEAD")
    commit(bare, {ACME: texts[ACME].replace("tier: silver", "tier: gold")})
    after = load(found, "HEAD", known=documents(fleet))
    assert after.tenants["acme-bakery"].document.spec.tier == "gold"
    assert after.tenants["harbour-cafe"] is fleet.tenants["harbour-cafe"]


def test_affected_is_what_the_difference_touches(
    bare: pygit2.Repository, texts: dict[str, str], commit: Commit
) -> None:
    base = commit(bare, texts)
    found = open_repository(Path(bare.path))

    def after(changes: dict[str, str | None]) -> Scope:
        head = commit(bare, changes)
        scope = affected(found, base, head)
        commit(bare, texts)
        return scope

    fleet = texts["fleet.yaml"]
    purge = '  purges: [{ tenant: corner-shop, uid: s0000001, expires: "2026-02-03", approvers: [a, b] }]\n  folders:'
    nothing: frozenset[str] = frozenset()
    assert after({"notes.md": "x"}) == Scope(False, nothing, nothing)
    assert after({ACME: "x"}) == Scope(False, frozenset({"eu-001"}), frozenset({"acme-bakery"}))
    assert after({ACME: None}) == Scope(False, frozenset({"eu-001"}), frozenset({"acme-bakery"}))
    assert after({"shards/us-001/shard.yaml": "x"}) == Scope(False, frozenset({"us-001"}), nothing)
    assert after({"tiers/gold.yaml": "x"}) == Scope(False, None, nothing)
    assert after({"fleet.yaml": fleet + "  guards: { planAgeMinutes: 5 }\n"}) == Scope(True, nothing, nothing)
    assert after({"fleet.yaml": fleet.replace("suspended:1", "suspended:2")}) == Scope(True, None, nothing)
    assert after({"fleet.yaml": "broken: ["}) == Scope(True, None, nothing)
    assert after({"fleet.yaml": fleet.replace("  folders:", purge)}) == Scope(
        True, frozenset({"us-001"}), frozenset({"corner-shop"})
    )


def test_a_commit_without_the_fleet_is_an_empty_fleet(
    bare: pygit2.Repository, texts: dict[str, str], commit: Commit
) -> None:
    before = commit(bare, {"README.md": "soon"})
    head = commit(bare, texts, root="fleet")
    found = open_repository(Path(bare.path) / "fleet")
    assert found.changed(before, head) == sorted(texts)
    fleet = load(found, before)
    assert [d.code for d in fleet.errors] == ["AP220"]
    with pytest.raises(InputError, match=r"fleet\.yaml cannot be used"):
        require_fleet(fleet)
    require_fleet(load(found, head))


# --- working tree and index -----------------------------------------------------------------------------------------


def test_the_working_tree_is_read_as_it_stands(ordinary: Path, texts: dict[str, str]) -> None:
    (ordinary / ACME).write_text(texts[ACME].replace("tier: silver", "tier: gold"))
    (ordinary / SHOP).unlink()
    fleet = load_files(WorkingFiles(ordinary))
    assert fleet.commit == ""
    assert fleet.tenants["acme-bakery"].document.spec.tier == "gold"
    assert fleet.tenants["acme-bakery"].blob == ""
    assert "corner-shop" not in fleet.where
    assert load(open_repository(ordinary), "HEAD").tenants["acme-bakery"].document.spec.tier == "silver"


def test_the_index_is_what_the_next_commit_holds(ordinary: Path, texts: dict[str, str]) -> None:
    (ordinary / ACME).write_text(texts[ACME].replace("tier: silver", "tier: gold"))
    staged = StagedFiles(open_repository(ordinary))
    assert load_files(staged).tenants["acme-bakery"].document.spec.tier == "silver"
    repository = pygit2.Repository(str(ordinary))
    repository.index.add(ACME)
    repository.index.write()
    assert load_files(StagedFiles(open_repository(ordinary))).tenants["acme-bakery"].document.spec.tier == "gold"


def test_a_working_tree_follows_no_link_and_opens_no_device(ordinary: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.yaml"
    secret.write_text("password: hunter2\n")
    (ordinary / ACME).unlink()
    (ordinary / ACME).symlink_to(secret)
    (ordinary / CAFE).unlink()
    os.mkfifo(ordinary / CAFE)
    (ordinary / "shards/us-002").symlink_to(ordinary / "shards/us-001")
    (ordinary / SHOP).chmod(0o755)
    fleet = load_files(WorkingFiles(ordinary))
    assert [(d.code, d.file) for d in fleet.errors] == [
        ("AP014", ACME), ("AP014", CAFE), ("AP014", SHOP), ("AP014", "shards/us-002"),
    ]  # fmt: skip
    assert fleet.frozen == {"tenant/acme-bakery", "tenant/harbour-cafe", "tenant/corner-shop", "shard/us-002"}
    assert "hunter2" not in str(fleet)
    assert [d.file for d in load_files(WorkingFiles(ordinary, executable_bits=False)).errors].count(SHOP) == 0


def test_a_repository_inside_the_fleet_is_not_entered(ordinary: Path) -> None:
    (ordinary / "shards/us-001/tenants/corner-shop/.git").mkdir()
    fleet = load_files(WorkingFiles(ordinary))
    assert [(d.code, d.target) for d in fleet.errors] == [("AP014", "tenant/corner-shop")]


def test_a_file_that_cannot_be_opened_freezes_its_own_target(texts: dict[str, str], memory_files: Any) -> None:
    class Unlucky(memory_files):  # type: ignore[misc]
        def read(self, file: Any, limit: int) -> bytes:
            if file.path == ACME:
                raise PermissionError(13, "Permission denied")
            return bytes(super().read(file, limit))

    fleet = load_files(Unlucky(texts))
    assert [(d.code, d.target, d.message) for d in fleet.errors] == [
        ("AP017", "tenant/acme-bakery", "The file cannot be opened: Permission denied")
    ]
    assert sorted(fleet.tenants) == ["corner-shop", "harbour-cafe"]


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a folder"):
        load_files(WorkingFiles(tmp_path / "nowhere"))

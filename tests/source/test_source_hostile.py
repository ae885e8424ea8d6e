"""What hostile repositories and files once got away with: one test for each thing that was mended."""

from pathlib import Path

import pygit2
import pytest

from reconciler.model.errors import InputError
from reconciler.source.check import check
from reconciler.source.document import MAX_DIAGNOSTICS, parse
from reconciler.source.git import GitRepository
from reconciler.source.load import affected, load
from tests.fuzz.repositories import hostile_fleet
from tests.fuzz.seeds_yaml import TENANT
from tests.fuzz.worlds import ACME


def test_a_file_with_thousands_of_problems_shows_the_first_and_counts_the_rest() -> None:
    fields = b"".join(b"  f%d: 1\n" % n for n in range(4500))
    document, found = check(parse(TENANT + fields, ACME))
    assert document is None
    assert [d.code for d in found[:-1]] == ["AP103"] * MAX_DIAGNOSTICS
    assert [d.position.line for d in found[:3]] == [11, 12, 13], "the first of the file, not of the model"
    assert (found[-1].code, found[-1].message) == ("AP111", "4,450 more problems in this file are not shown")


def test_half_a_document_is_not_said_to_lack_its_other_half() -> None:
    _, found = check(parse(b"a: 1\n" * 9000, ACME))
    assert {d.code for d in found} == {"AP006"}


def test_the_end_of_a_file_that_breaks_off_is_its_last_line() -> None:
    [found] = parse(b"a: {", ACME).diagnostics
    assert (found.position.line, found.excerpt) == (1, "a: {")


@pytest.mark.parametrize(
    ("seed", "code", "frozen"),
    [
        ("folder-mode-on-a-blob", "AP014", {"tenant/acme-bakery"}),
        ("folder-is-not-there", "AP014", {"tenant/acme-bakery"}),
        ("tree-garbage", "AP014", {"tenant/acme-bakery"}),
        ("file-mode-on-a-tree", "AP017", {"tenant/acme-bakery"}),
        ("file-is-not-there", "AP017", {"tenant/acme-bakery"}),
        ("blob-cut-off", "AP017", {"tenant/acme-bakery"}),
        ("blob-of-another-name", "AP017", {"tenant/acme-bakery"}),
        ("shard-folder-is-not-there", "AP014", {"shard/us-001"}),
    ],
)
def test_a_damaged_or_forged_object_freezes_who_lives_there_and_nobody_else(
    seed: str, code: str, frozen: set[str], tmp_path: Path
) -> None:
    head = hostile_fleet(tmp_path / "r.git", seed)
    found = GitRepository(tmp_path / "r.git")
    fleet = load(found, head)
    assert [d.code for d in fleet.errors] == [code]
    assert fleet.frozen == frozen
    assert "harbour-cafe" in fleet.tenants
    assert affected(found, "main", head).shards in ({"eu-001"}, {"us-001"})


@pytest.mark.parametrize("seed", ["shards-is-not-there", "folder-mode-on-a-blob-at-the-top"])
def test_a_whole_top_folder_that_cannot_be_read_is_no_fleet_without_tenants(seed: str, tmp_path: Path) -> None:
    head = hostile_fleet(tmp_path / "r.git", seed)
    with pytest.raises(InputError, match="cannot be read"):
        load(GitRepository(tmp_path / "r.git"), head)


@pytest.mark.parametrize("seed", ["bomb-of-empty-folders", "bomb-of-files"])
def test_folders_that_hold_each_other_without_end_are_no_fleet(seed: str, tmp_path: Path) -> None:
    head = hostile_fleet(tmp_path / "r.git", seed)
    found = GitRepository(tmp_path / "r.git")
    for attempt in (lambda: load(found, head), lambda: found.changed("main", head)):
        with pytest.raises(InputError, match="more than 500,000 files"):
            attempt()


def test_the_same_file_twice_in_a_forged_folder_is_nobodys(tmp_path: Path) -> None:
    head = hostile_fleet(tmp_path / "r.git", "same-file-twice")
    fleet = load(GitRepository(tmp_path / "r.git"), head)
    twice = [d for d in fleet.errors if d.code == "AP016"]
    assert [(d.file, d.target) for d in twice] == [(ACME, "tenant/acme-bakery")]
    assert fleet.where == {"acme-bakery": "eu-001"}, "it still counts: nothing has shrunk"
    assert fleet.tenants == {}


def test_a_folder_full_of_odd_names_is_told_by_its_first_ones(tmp_path: Path) -> None:
    head = hostile_fleet(tmp_path / "r.git", "tree-of-12000-odd-names")
    fleet = load(GitRepository(tmp_path / "r.git"), head)
    assert "harbour-cafe" in fleet.tenants
    assert len(fleet.diagnostics) <= 12_100


def test_a_folder_full_of_strays_is_told_by_its_first_ones(
    bare: pygit2.Repository, texts: dict[str, str], commit
) -> None:  # type: ignore[no-untyped-def]
    head = commit(bare, {**texts, **{f"shards/eu-001/notes/n{n}.yaml": "x" for n in range(500)}})
    fleet = load(GitRepository(Path(bare.path)), head)
    assert [d.code for d in fleet.diagnostics].count("AP015") == 200
    assert [d.message for d in fleet.diagnostics if d.code == "AP111"] == [
        "300 more files that nothing reads are not shown"
    ]

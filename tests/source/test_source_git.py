"""A fleet repository read as git objects, and commits made on top of it."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pygit2
import pytest

from reconciler.model.errors import InputError, RefusedError
from reconciler.model.ports import Repository, TreeFile
from reconciler.source.git import GitRepository, open_repository
from reconciler.source.load import affected, load

ACME = "shards/eu-001/tenants/acme-bakery/tenant.yaml"
CAFE = "shards/eu-001/tenants/harbour-cafe/tenant.yaml"
AUTHOR = "Ann Author <ann@example.invalid>"
Commit = Callable[..., str]


def test_it_is_the_port() -> None:
    port: type[Repository] = GitRepository
    assert port


def test_discover_walks_up_to_the_fleet(ordinary: Path) -> None:
    deep = ordinary / "shards/eu-001/tenants/acme-bakery"
    for start in (ordinary, deep, deep / "not-there-yet"):
        found = open_repository(start)
        assert (found.root, found.folder) == ("", ordinary)


def test_the_root_may_be_a_folder_of_a_repository(
    bare: pygit2.Repository, texts: dict[str, str], commit: Commit
) -> None:
    commit(bare, {"README.md": "not fleet", "tiers/decoy.yaml": "not fleet either"})
    head = commit(bare, texts, root="infra/fleet")
    found = open_repository(Path(bare.path) / "infra/fleet/shards/eu-001")
    assert (found.root, found.bare, found.folder) == ("infra/fleet", True, None)
    assert {file.path for file in found.files(head)} == set(texts)
    assert load(found, "HEAD").errors == ()


def test_no_repository_and_no_fleet_are_said_apart(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="in no git repository"):
        open_repository(tmp_path)
    pygit2.init_repository(str(tmp_path / "empty"))
    with pytest.raises(InputError, match=r"no fleet\.yaml"):
        open_repository(tmp_path / "empty")


def test_revisions_resolve_to_commits(ordinary: Path) -> None:
    found = open_repository(ordinary)
    head = found.resolve("HEAD")
    assert len(head) == 40
    assert [found.resolve(r) for r in ("main", head[:10], "refs/heads/main")] == [head] * 3
    for wrong in ("nowhere", "--upload-pack=x", "", "HEAD:fleet.yaml", "a\0b"):
        with pytest.raises(InputError):
            found.resolve(wrong)


def test_a_repository_without_a_commit_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "fresh"
    pygit2.init_repository(str(folder), initial_head="main")
    (folder / "fleet.yaml").write_text("x")
    with pytest.raises(InputError, match="no commit yet"):
        open_repository(folder).resolve("HEAD")


def test_changed_follows_the_tree_and_not_the_history(
    bare: pygit2.Repository, texts: dict[str, str], commit: Commit
) -> None:
    first = commit(bare, texts)
    second = commit(bare, {ACME: texts[ACME] + "# edited\n", "notes.md": "beside the fleet"})
    third = commit(bare, {CAFE: None, "shards/eu-001/tenants/new-one/tenant.yaml": "x"})
    back = commit(bare, {ACME: texts[ACME], CAFE: texts[CAFE], "shards/eu-001/tenants/new-one/tenant.yaml": None})
    found = open_repository(Path(bare.path))
    assert found.changed(first, second) == [ACME]
    assert found.changed(second, third) == [CAFE, "shards/eu-001/tenants/new-one/tenant.yaml"]
    assert found.changed(third, second) == found.changed(second, third)
    assert found.changed(first, back) == []


def test_a_whole_new_shard_is_listed_file_by_file(
    bare: pygit2.Repository, texts: dict[str, str], commit: Commit
) -> None:
    us = {path: text for path, text in texts.items() if path.startswith("shards/us-001/")}
    first = commit(bare, {path: text for path, text in texts.items() if path not in us})
    second = commit(bare, us)
    assert open_repository(Path(bare.path)).changed(first, second) == sorted(us)


def test_a_shard_replaced_by_a_link_is_a_change_of_both(
    bare: pygit2.Repository, texts: dict[str, str], commit: Commit
) -> None:
    first = commit(bare, texts)
    us = {path: None for path in texts if path.startswith("shards/us-001/")}
    second = commit(bare, {**us, "shards/us-001": (0o120000, "eu-001")})
    found = open_repository(Path(bare.path))
    assert found.changed(first, second) == sorted([*us, "shards/us-001"])
    assert affected(found, first, second).shards == {"us-001"}


HOSTILE = {
    "symlink in the place of a document": (ACME, 0o120000, "/etc/passwd", {"tenant/acme-bakery"}),
    "executable document": (ACME, 0o100755, "x", {"tenant/acme-bakery"}),
    "submodule in the place of a tenant": (ACME.rpartition("/")[0], 0o160000, "", {"tenant/acme-bakery"}),
    "symlink in the place of a tenant": (ACME.rpartition("/")[0], 0o120000, "../harbour-cafe", {"tenant/acme-bakery"}),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_only_plain_files_are_read(what: str, bare: pygit2.Repository, texts: dict[str, str], commit: Commit) -> None:
    path, mode, content, frozen = HOSTILE[what]
    commit(bare, texts)
    commit(bare, {ACME: None})
    commit(bare, {path: (mode, content)})
    fleet = load(open_repository(Path(bare.path)), "HEAD")
    assert [(d.code, d.file) for d in fleet.errors] == [("AP014", path)]
    assert fleet.frozen == frozen
    assert "harbour-cafe" in fleet.tenants


def test_a_link_beside_the_documents_is_only_warned_about(
    bare: pygit2.Repository, texts: dict[str, str], commit: Commit
) -> None:
    commit(bare, {**texts, "shards/eu-001/docs/link": (0o120000, "/etc")})
    fleet = load(open_repository(Path(bare.path)), "HEAD")
    assert [(d.code, d.severity) for d in fleet.diagnostics] == [("AP014", "warning")]


def raw_tree(repository: pygit2.Repository, entries: list[tuple[str, bytes, str]]) -> str:
    """A tree object written byte by byte: libgit2 would refuse these names."""
    content = b"".join(f"{mode} ".encode() + name + b"\0" + bytes.fromhex(oid) for mode, name, oid in entries)
    return str(repository.odb.write(pygit2.enums.ObjectType.TREE, content))


@pytest.mark.parametrize(
    "name", [b"..", b".git", b"a\x1bb", b"a\nb", b"\xff\xfe", b"Acme Bakery", b"a" * 300, b"-x", b"acme\n"]
)
def test_hostile_names_are_a_diagnostic(name: bytes, bare: pygit2.Repository, texts: dict[str, str]) -> None:
    blob = str(bare.create_blob(texts[ACME].encode()))
    tree = raw_tree(bare, [("100644", b"tenant.yaml", blob)])
    for folder in (name, b"tenants", b"eu-001", b"shards"):
        tree = raw_tree(bare, [("40000", folder, tree)])
    author = pygit2.Signature("Test", "test@example.invalid", 1, 0)
    head = bare.create_commit("refs/heads/main", author, author, "hostile", pygit2.Oid(hex=tree), [])
    fleet = load(GitRepository(Path(bare.path)), str(head))
    assert "AP016" in [d.code for d in fleet.errors]
    assert fleet.tenants == {}
    assert fleet.where == {}


def test_a_tree_of_a_thousand_folders_deep_is_not_followed(bare: pygit2.Repository) -> None:
    tree = raw_tree(bare, [("100644", b"x", str(bare.create_blob(b"x")))])
    for _ in range(1000):
        tree = raw_tree(bare, [("40000", b"d", tree)])
    tree = raw_tree(bare, [("40000", b"shards", tree)])
    author = pygit2.Signature("Test", "test@example.invalid", 1, 0)
    head = bare.create_commit("refs/heads/main", author, author, "deep", pygit2.Oid(hex=tree), [])
    found = GitRepository(Path(bare.path))
    assert len(found.files(str(head))) == 1
    assert load(found, str(head)).tenants == {}


def test_reading_is_bounded(bare: pygit2.Repository, texts: dict[str, str], commit: Commit) -> None:
    head = commit(bare, {**texts, ACME: "x" * 400_000})
    found = open_repository(Path(bare.path))
    [big] = [file for file in found.files(head) if file.path == ACME]
    assert len(found.read(big.blob, 1000)) == 1001
    assert [(d.code, d.target) for d in load(found, head).errors] == [("AP003", "tenant/acme-bakery")]
    with pytest.raises(InputError, match="cannot be read"):
        found.read("0" * 40, 10)
    with pytest.raises(InputError, match="is no file"):
        found.read(str(bare[head].peel(pygit2.Tree).id), 10)


# --- commits --------------------------------------------------------------------------------------------------------


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def test_a_commit_touches_its_files_only(ordinary: Path, texts: dict[str, str]) -> None:
    other = ordinary / CAFE
    other.write_text(texts[CAFE] + "# somebody is editing\n")
    found = open_repository(ordinary)
    before = found.resolve("HEAD")
    made = found.commit({ACME: texts[ACME] + "# ours\n", "tiers/new.yaml": "x\n"}, "Because", AUTHOR)
    assert found.resolve("HEAD") == made != before
    assert found.changed(before, made) == [ACME, "tiers/new.yaml"]
    assert (ordinary / ACME).read_text().endswith("# ours\n")
    assert other.read_text().endswith("# somebody is editing\n")
    assert git(ordinary, "status", "--porcelain").split() == ["M", CAFE]
    assert git(ordinary, "log", "-1", "--format=%an <%ae>%n%s").split("\n")[:2] == [AUTHOR, "Because"]
    assert list(found.edited()) == [CAFE]


def test_a_commit_on_a_bare_repository_moves_the_branch(
    bare: pygit2.Repository, texts: dict[str, str], commit: Commit
) -> None:
    before = commit(bare, texts, root="fleet")
    found = open_repository(Path(bare.path) / "fleet")
    made = found.commit({ACME: texts[ACME] + "# ours\n"}, "Because", AUTHOR)
    assert found.changed(before, made) == [ACME]
    assert str(bare[made].parents[0].id) == before
    assert found.edited() == ()


@pytest.mark.parametrize("staged", [False, True])
def test_edits_of_a_person_are_never_overwritten(ordinary: Path, staged: bool) -> None:
    (ordinary / ACME).write_text("mine\n")
    if staged:
        git(ordinary, "add", ACME)
    found = open_repository(ordinary)
    before = found.resolve("HEAD")
    with pytest.raises(RefusedError, match="not committed"):
        found.commit({ACME: "theirs\n"}, "x", AUTHOR)
    assert (ordinary / ACME).read_text() == "mine\n"
    assert found.resolve("HEAD") == before


def test_an_untracked_file_is_an_edit_unless_it_says_the_same(ordinary: Path) -> None:
    file = ordinary / "tiers/new.yaml"
    file.write_text("mine\n")
    found = open_repository(ordinary)
    with pytest.raises(RefusedError, match="not committed"):
        found.commit({"tiers/new.yaml": "theirs\n"}, "x", AUTHOR)
    assert found.commit({"tiers/new.yaml": "mine\n"}, "x", AUTHOR) == found.resolve("HEAD")


def test_nothing_is_written_through_a_symlink(ordinary: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (ordinary / "shards/evil").symlink_to(outside)
    with pytest.raises(RefusedError, match="symlink"):
        open_repository(ordinary).commit({"shards/evil/shard.yaml": "x"}, "x", AUTHOR)
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(
    "path", ["../x.yaml", "shards/../../x", "/etc/x", ".git/config", "a//b", "a\\b", "a\nb", "a\tb", "x/.GIT/y"]
)
def test_paths_that_leave_the_fleet_are_refused(path: str, ordinary: Path) -> None:
    with pytest.raises(InputError):
        open_repository(ordinary).commit({path: "x"}, "x", AUTHOR)


def test_a_branch_that_moved_meanwhile_is_refused(
    ordinary: Path, texts: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = open_repository(ordinary)
    between = open_repository(ordinary)
    real = pygit2.Repository.create_blob

    def overtaken(repository: pygit2.Repository, content: bytes) -> pygit2.Oid:
        monkeypatch.undo()
        between.commit({CAFE: texts[CAFE] + "# first\n"}, "first", AUTHOR)
        return real(repository, content)

    monkeypatch.setattr(pygit2.Repository, "create_blob", overtaken)
    with pytest.raises(RefusedError, match="moved"):
        found.commit({ACME: texts[ACME] + "# second\n"}, "second", AUTHOR)
    assert git(ordinary, "log", "-1", "--format=%s").strip() == "first"
    assert git(ordinary, "status", "--porcelain") == ""


def test_no_commit_on_a_detached_head_or_in_a_merge(ordinary: Path) -> None:
    head = git(ordinary, "rev-parse", "HEAD").strip()
    (ordinary / ".git/MERGE_HEAD").write_text(head + "\n")
    with pytest.raises(RefusedError, match="merge"):
        open_repository(ordinary).commit({ACME: "x"}, "x", AUTHOR)
    (ordinary / ".git/MERGE_HEAD").unlink()
    (ordinary / ".git/HEAD").write_text(head + "\n")
    with pytest.raises(RefusedError, match="detached"):
        open_repository(ordinary).commit({ACME: "x"}, "x", AUTHOR)


def test_an_author_is_a_name_and_an_address_or_one_of_them(ordinary: Path) -> None:
    found = open_repository(ordinary)
    for number, author in enumerate((AUTHOR, "ann@example.invalid", "ann")):
        found.commit({ACME: f"{number}\n"}, "x", author)
        assert git(ordinary, "log", "-1", "--format=%an").strip()
        assert "@" in git(ordinary, "log", "-1", "--format=%ae")
    for wrong in ("", "a <b> <c>\n", "a\nb <c@d>"):
        with pytest.raises(InputError, match="author"):
            found.commit({ACME: "x"}, "x", wrong)


# --- hooks ----------------------------------------------------------------------------------------------------------


def test_a_pre_receive_hook_sees_the_pushed_objects(
    ordinary: Path, bare: pygit2.Repository, texts: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quarantine = ordinary / ".git/objects"
    head = git(ordinary, "rev-parse", "HEAD").strip()
    found = GitRepository(Path(bare.path))
    with pytest.raises(InputError):
        found.resolve(head)
    monkeypatch.setenv("GIT_QUARANTINE_PATH", str(quarantine))
    assert load(GitRepository(Path(bare.path)), head).errors == ()


def test_the_index_of_a_partial_commit_is_followed(
    ordinary: Path, texts: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (ordinary / ACME).write_text(texts[ACME] + "# staged\n")
    own = ordinary / ".git/next-index.lock"
    environment = {**os.environ, "GIT_INDEX_FILE": str(own)}
    subprocess.run(["git", "read-tree", "HEAD"], cwd=ordinary, check=True, env=environment)
    subprocess.run(["git", "add", ACME], cwd=ordinary, check=True, env=environment)
    plain = {file.path: file for file in open_repository(ordinary).staged()}
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/next-index.lock")
    partial: dict[str, TreeFile] = {file.path: file for file in open_repository(ordinary).staged()}
    assert {path for path in plain if plain[path].blob != partial[path].blob} == {ACME}
    monkeypatch.setenv("GIT_INDEX_FILE", str(ordinary.parent / "elsewhere"))
    assert {file.path: file for file in open_repository(ordinary).staged()} == plain


def test_a_damaged_index_is_said_with_what_to_do(ordinary: Path) -> None:
    (ordinary / ".git/index").write_bytes(b"garbage")
    repository = open_repository(ordinary)
    for look in (repository.edited, repository.staged):
        with pytest.raises(InputError, match=r"index of .* cannot be read") as refused:
            look()
        assert "git reset" in refused.value.hint
    assert repository.files(repository.resolve("HEAD")), "commits are read all the same"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_a_folder_of_another_user_names_the_setting_that_git_looks_at(ordinary: Path) -> None:
    for path in (ordinary, *ordinary.rglob("*")):
        os.chown(path, 65534, 65534, follow_symlinks=False)
    with pytest.raises(InputError) as refused:
        open_repository(ordinary)
    assert f"safe.directory {ordinary}`" in refused.value.hint

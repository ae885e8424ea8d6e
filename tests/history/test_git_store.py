"""The store: what is put in comes out, exactly one of two wins, damage is said, and plain git reads it."""

import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.history.store import GitHistory
from reconciler.model.errors import (
    AipressError,
    CorruptError,
    HistoryUnreachableError,
    InputError,
    RefusedError,
    UsageError,
)
from reconciler.model.hold import Hold
from reconciler.model.ids import Address
from reconciler.model.version import Applied, Version
from tests.history.made import AT, StillClock, address, applied, version

EU = "refs/aipress/shards/eu-001"


def store(folder: Path) -> GitHistory:
    return GitHistory(folder / "history.git", StillClock())


def git(folder: Path, *arguments: str) -> str:
    command = ["git", f"--git-dir={folder / 'history.git'}", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def chain(history: GitHistory, length: int, shard: str = "eu-001") -> list[Version]:
    versions: list[Version] = []
    for number in range(1, length + 1):
        parent = versions[-1].id if versions else None
        versions.append(history.publish(version(number, parent, shard=shard)))
    return versions


def test_nothing_yet_reads_as_nothing_and_makes_nothing(tmp_path: Path) -> None:
    history = store(tmp_path)
    assert history.head("eu-001") is None
    assert history.heads() == {}
    assert history.versions("eu-001") == []
    assert history.holds() == []
    assert not (tmp_path / "history.git").exists()


def test_what_is_published_is_read_back_whole_by_another_process(tmp_path: Path) -> None:
    written = store(tmp_path).publish(version())
    assert store(tmp_path).head("eu-001") == written
    assert written.id


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    bodies=st.dictionaries(NAMES, st.dictionaries(NAMES, VALUES, max_size=3), max_size=4),
    summary=st.text(max_size=60),
    actor=st.text(max_size=30),
    text=st.text(st.characters(codec="utf-8"), max_size=200),
)
def test_any_version_comes_back_as_it_was(
    tmp_path: Path, bodies: dict[str, dict[str, object]], summary: str, actor: str, text: str
) -> None:
    history = store(tmp_path)
    head = history.head("eu-001")
    resources = {
        (a := Address.parse(f"tenant/acme/secret/{key}")): Applied(a, "n", "p", body, "u", "o", "f:1")
        for key, body in bodies.items()
    }
    number = head.number + 1 if head else 1
    parent = head.id if head else None
    more = {"resources": resources, "summary": summary, "actor": actor, "documents": {"fleet.yaml": text}}
    wanted = version(number, parent, **more)
    published = history.publish(wanted)
    assert replace(published, id="") == wanted
    assert store(tmp_path).version(published.id) == published


def test_versions_are_listed_newest_first_and_cheaply(tmp_path: Path) -> None:
    history = store(tmp_path)
    made = chain(history, 5)
    listed = history.versions("eu-001", 3)
    assert [v.id for v in listed] == [v.id for v in reversed(made)][:3]
    assert [v.number for v in history.versions("eu-001")] == [5, 4, 3, 2, 1]
    assert listed[0].items == made[-1].items
    assert listed[0].tenants == made[-1].tenants
    assert listed[0].resources == {} and listed[0].documents == {}


def test_a_version_is_found_by_number_and_by_id(tmp_path: Path) -> None:
    history = store(tmp_path)
    made = chain(history, 4)
    fleet = history.publish(version(1, shard="", resources={}))
    assert history.version("eu-001/2") == made[1]
    assert history.version("shard/eu-001/4") == made[3]
    assert history.version("fleet/1") == fleet
    assert history.version(made[2].id[:10]) == made[2]
    assert history.version(fleet.id) == fleet
    assert history.heads() == {"": fleet.id, "eu-001": made[3].id}


@pytest.mark.parametrize("reference", ["eu-001/9", "eu-001/0", "nowhere/1", "fleet/1", "0000000", "zz", "", "eu-001"])
def test_a_version_that_is_not_there_is_an_input_error(tmp_path: Path, reference: str) -> None:
    history = store(tmp_path)
    chain(history, 2)
    with pytest.raises(InputError, match="there is no version"):
        history.version(reference)


def test_a_commit_that_is_no_longer_reachable_is_no_version(tmp_path: Path) -> None:
    history = store(tmp_path)
    first, second = chain(history, 2)
    git(tmp_path, "update-ref", EU, first.id)
    with pytest.raises(InputError):
        store(tmp_path).version(second.id)


def test_publishing_on_an_old_parent_is_refused(tmp_path: Path) -> None:
    history = store(tmp_path)
    first, _ = chain(history, 2)
    for parent in (first.id, None):
        with pytest.raises(RefusedError, match="shard/eu-001 moved on since the plan was made") as caught:
            history.publish(version(2, parent))
        assert "aipress plan" in caught.value.hint
    assert [v.number for v in history.versions("eu-001")] == [2, 1]


def test_of_many_that_publish_at_once_exactly_one_wins(tmp_path: Path) -> None:
    first = store(tmp_path).publish(version(1))
    stores = [store(tmp_path) for _ in range(8)]
    barrier, won, refused = threading.Barrier(8), [], []

    def race(n: int) -> None:
        barrier.wait(20)
        try:
            won.append(stores[n].publish(version(2, first.id, actor=f"racer {n}")))
        except RefusedError:
            refused.append(n)

    racers = [threading.Thread(target=race, args=(n,)) for n in range(8)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(60)
    assert (len(won), len(refused)) == (1, 7)
    assert store(tmp_path).head("eu-001") == won[0]


RACER = """
import sys
from pathlib import Path
from reconciler.model.errors import RefusedError
from tests.history.made import version
from tests.history.test_git_store import store
history = store(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
try:
    print("won", history.publish(version(1, actor=sys.argv[2])).id)
except RefusedError:
    print("refused")
"""


@pytest.mark.slow
def test_of_two_processes_exactly_one_makes_the_first_version(tmp_path: Path) -> None:
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(tmp_path), f"p{n}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": "."},
        )
        for n in range(2)
    ]  # fmt: skip
    for racer in racers:
        assert racer.stdout is not None and racer.stdout.readline() == "ready\n"
    said = [racer.communicate("go\n", timeout=60)[0].split() for racer in racers]
    assert sorted(words[0] for words in said) == ["refused", "won"]
    head = store(tmp_path).head("eu-001")
    assert head is not None and ["won", head.id] in said


def test_versions_share_what_did_not_change(tmp_path: Path) -> None:
    history = store(tmp_path)
    many = {(a := address(f"t{n:03}")): applied(a, {"n": n}) for n in range(200)}
    first = history.publish(version(1, resources=many))
    before = int(git(tmp_path, "count-objects").split()[0])
    one = address("t007")
    history.publish(version(2, first.id, resources={**many, one: applied(one, {"n": "new"})}))
    assert int(git(tmp_path, "count-objects").split()[0]) - before < 15


def test_plain_git_log_tells_the_story(tmp_path: Path) -> None:
    failed = {
        "resource": "tenant/x/secret/p",
        "action": "create",
        "result": "failed",
        "message": "no\nquota",
        "fields": [],
    }
    row = {"resource": "tenant/acme-bakery/run.service/production", "action": "update", "result": "done", "message": ""}
    store(tmp_path).publish(version(items=({**row, "fields": []}, failed), result="partial"))
    log = git(tmp_path, "log", "--format=%an|%ae|%aI|%cn%n%B", EU)
    assert log.splitlines()[:2] == [
        "Jo Ngũgĩ|jo@example.org|2026-11-23T09:01:00+00:00|aipress",
        "eu-001/1: tenant/acme-bakery memory 512Mi → 1Gi",
    ]
    for line in ("result: partial", "plan: sha256:1", "fleet-commit: c0ffee", "trigger: apply"):
        assert line in log.splitlines()
    assert "  update tenant/acme-bakery/run.service/production: done" in log
    assert "  create tenant/x/secret/p: failed (no quota)" in log
    assert git(tmp_path, "show", f"{EU}:documents/fleet.yaml") == "kind: Fleet\n"
    assert git(tmp_path, "fsck", "--strict") == ""


@pytest.mark.parametrize("actor", ["", "<>", "a\nb <x>", "jo@example.org", "\x1b[31m evil", "ok <a b@c>"])
def test_any_actor_makes_a_valid_commit(tmp_path: Path, actor: str) -> None:
    assert store(tmp_path).publish(version(actor=actor)).actor == actor
    git(tmp_path, "fsck", "--strict")


# --- damage ---------------------------------------------------------------------------------------------------------


def commit_with(folder: Path, changes: dict[str, str | None], parent: str | None = None) -> None:
    """Forge the newest version with plain git: some files replaced or taken out."""
    environment = {
        **os.environ,
        "GIT_INDEX_FILE": str(folder / "index"),
        "GIT_AUTHOR_NAME": "x",
        "GIT_AUTHOR_EMAIL": "x@x",
    }
    environment |= {"GIT_COMMITTER_NAME": "x", "GIT_COMMITTER_EMAIL": "x@x"}

    def run(*arguments: str, content: str | None = None) -> str:
        command = ["git", f"--git-dir={folder / 'history.git'}", *arguments]
        done = subprocess.run(command, input=content, check=True, capture_output=True, text=True, env=environment)
        return done.stdout.strip()

    run("read-tree", EU)
    for path, content in changes.items():
        if content is None:
            run("update-index", "--index-info", content=f"0 {'0' * 40}\t{path}\n")
        else:
            blob = run("hash-object", "-w", "--stdin", content=content)
            run("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
    parents = ["-p", parent] if parent else []
    run("update-ref", EU, run("commit-tree", run("write-tree"), *parents, "-m", "forged"))


def heading(folder: Path, **fields: object) -> str:
    return json.dumps({**json.loads(git(folder, "show", f"{EU}:version.json")), **fields})


RESOURCE = "resources/tenant/acme-bakery/run.service/production.json"


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("version.json", None, "version.json is missing"),
        ("version.json", "{}", "version.json lacks"),
        ("version.json", "[", "Expecting value"),
        ("outcome.json", "[]", "outcome of version 1"),
        ("outcome.json", None, "outcome.json is missing"),
        (RESOURCE, None, "resources of version 1"),
        ("documents/fleet.yaml", "kind: Other\n", "documents of version 1"),
    ],
)
def test_a_forged_version_is_refused_with_the_way_on(tmp_path: Path, file: str, content: str | None, told: str) -> None:
    chain(store(tmp_path), 1)
    commit_with(tmp_path, {file: content})
    with pytest.raises(CorruptError, match=told) as caught:
        store(tmp_path).head("eu-001")
    assert f"damaged at {EU}" in str(caught.value) and "Nothing was applied" in str(caught.value)
    assert f"update-ref -d {EU}" in caught.value.hint and "aipress apply shard/eu-001" in caught.value.hint


def test_a_history_in_which_a_version_is_left_out_does_not_hold_together(tmp_path: Path) -> None:
    history = store(tmp_path)
    first = history.publish(version(1))
    history.publish(version(3, first.id))
    with pytest.raises(CorruptError, match="version 3 follows version 1"):
        history.versions("eu-001")


def test_another_format_another_shard_and_a_broken_chain_are_refused(tmp_path: Path) -> None:
    first, second = chain(store(tmp_path), 2)
    for fields, told in (
        ({"format": "aipress.version/9"}, "aipress.version/9"),
        ({"shard": "us-002"}, "shard/us-002"),
        ({"number": 7}, "version 7 follows version 1"),
        ({"parent": second.id}, "says that it follows"),
    ):
        commit_with(tmp_path, {"version.json": heading(tmp_path, **fields)}, first.id)
        with pytest.raises(CorruptError, match=told):
            store(tmp_path).head("eu-001")
        git(tmp_path, "update-ref", EU, second.id)
    commit_with(tmp_path, {"version.json": heading(tmp_path, parent=None)})
    with pytest.raises(CorruptError, match="version 2 has no parent"):
        store(tmp_path).head("eu-001")


@pytest.mark.parametrize("damage", [b"", b"garbage", None])
def test_a_damaged_or_lost_object_is_told(tmp_path: Path, damage: bytes | None) -> None:
    made = store(tmp_path).publish(version())
    blob = git(tmp_path, "rev-parse", f"{EU}:{RESOURCE}").strip()
    file = tmp_path / "history.git" / "objects" / blob[:2] / blob[2:]
    file.chmod(0o600)
    file.unlink() if damage is None else file.write_bytes(damage)
    with pytest.raises(CorruptError, match="Nothing was applied"):
        store(tmp_path).head("eu-001")
    assert made.id


def test_a_ref_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    chain(store(tmp_path), 1)
    (tmp_path / "history.git" / EU).write_text("1" * 40 + "\n")
    with pytest.raises(CorruptError, match="is missing"):
        store(tmp_path).head("eu-001")
    with pytest.raises(CorruptError, match="is missing"):
        store(tmp_path).versions("eu-001")


def test_damage_in_one_shard_leaves_the_others_readable(tmp_path: Path) -> None:
    history = store(tmp_path)
    chain(history, 1)
    well = history.publish(version(shard="us-002"))
    (tmp_path / "history.git" / EU).write_text("1" * 40 + "\n")
    assert store(tmp_path).head("us-002") == well


def test_after_the_ref_is_deleted_history_begins_anew(tmp_path: Path) -> None:
    chain(store(tmp_path), 3)
    git(tmp_path, "update-ref", "-d", EU)
    history = store(tmp_path)
    assert history.head("eu-001") is None
    assert history.publish(version(1)).label == "eu-001/1"


def test_a_lock_left_by_a_killed_process_is_cleared(tmp_path: Path) -> None:
    history = store(tmp_path)
    [first] = chain(history, 1)
    lock = tmp_path / "history.git" / f"{EU}.lock"
    lock.touch()
    long_ago = (AT - timedelta(hours=1)).timestamp()
    os.utime(lock, (long_ago, long_ago))
    assert history.publish(version(2, first.id)).number == 2
    assert not lock.exists()


def test_a_lock_of_a_living_git_is_respected(tmp_path: Path) -> None:
    history = store(tmp_path)
    [first] = chain(history, 1)
    lock = tmp_path / "history.git" / f"{EU}.lock"
    lock.touch()
    os.utime(lock, ((AT + timedelta(hours=1)).timestamp(),) * 2)
    with pytest.raises(AipressError, match="cannot be written") as caught:
        history.publish(version(2, first.id))
    assert "run `aipress apply` again" in caught.value.hint
    assert lock.exists()


# --- places ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["ftp://git.example/h.git", "https://git.example/h.git?x", "http://git.example/h.git"])
def test_urls_that_are_not_spoken_are_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is a kind of URL|holds a query|neither hides"):
        GitHistory(url, StillClock(), tmp_path)


def test_a_file_url_is_a_path(tmp_path: Path) -> None:
    made = GitHistory(f"file://{tmp_path}/history.git", StillClock()).publish(version())
    assert store(tmp_path).head("eu-001") == made


def test_a_place_that_is_no_repository_is_unreachable(tmp_path: Path) -> None:
    (tmp_path / "history.git").mkdir()
    (tmp_path / "history.git" / "notes.txt").write_text("not git")
    with pytest.raises(HistoryUnreachableError, match="cannot be read"):
        store(tmp_path).heads()


def test_a_place_that_cannot_be_written_says_what_stays_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "history.git").write_text("a file")
    with pytest.raises(AipressError) as caught:
        store(tmp_path).publish(version())
    assert caught.value.hint


# --- holds ----------------------------------------------------------------------------------------------------------


def hold(target: str, reason: str = "incident 42", **more: object) -> Hold:
    return Hold(target, reason, "jo <jo@example.org>", AT, AT + timedelta(hours=2), **more)  # type: ignore[arg-type]


def test_holds_are_seen_by_everyone_until_lifted(tmp_path: Path) -> None:
    history = store(tmp_path)
    forever = Hold("fleet", "freeze", "ops", AT, None)
    history.set_hold(hold("tenant/acme-bakery@staging"))
    history.set_hold(forever)
    assert list(store(tmp_path).holds()) == [forever, hold("tenant/acme-bakery@staging")]
    assert list(history.clear_hold("tenant/acme-bakery@staging", "jo")) == [hold("tenant/acme-bakery@staging")]
    assert list(store(tmp_path).holds()) == [forever]
    assert list(history.clear_hold("tenant/acme-bakery@staging", "jo")) == []


def test_a_hold_of_the_same_kind_is_replaced_and_another_kind_stands_beside_it(tmp_path: Path) -> None:
    history = store(tmp_path)
    history.set_hold(hold("shard/eu-001"))
    history.set_hold(hold("shard/eu-001", "another reason"))
    history.set_hold(hold("shard/eu-001", kind="quarantine"))
    assert [(h.kind, h.reason) for h in history.holds()] == [("pause", "another reason"), ("quarantine", "incident 42")]
    assert len(history.clear_hold("shard/eu-001", "jo")) == 2


def test_holds_set_at_once_are_all_kept(tmp_path: Path) -> None:
    store(tmp_path).set_hold(hold("fleet"))
    threads = [threading.Thread(target=store(tmp_path).set_hold, args=(hold(f"tenant/t{n}"),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(store(tmp_path).holds()) == 9


def test_the_log_of_holds_tells_who_and_why(tmp_path: Path) -> None:
    history = store(tmp_path)
    history.set_hold(hold("shard/eu-001", "disk\nreplaced"))
    history.clear_hold("shard/eu-001", "ops <ops@example.org>")
    log = git(tmp_path, "log", "--format=%an: %s", "refs/aipress/holds").splitlines()
    assert log == [
        "ops: resume shard/eu-001", "jo: pause shard/eu-001 until 2026-11-23T11:00:00+00:00: disk replaced",
    ]  # fmt: skip


def test_damaged_holds_are_told_not_forgotten(tmp_path: Path) -> None:
    history = store(tmp_path)
    history.set_hold(hold("fleet"))
    (tmp_path / "history.git" / "refs/aipress/holds").write_text("1" * 40 + "\n")
    with pytest.raises(CorruptError, match="refs/aipress/holds"):
        store(tmp_path).holds()

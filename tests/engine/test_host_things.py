"""What one host keeps: the journal of intents, leases, the stop switch."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.engine.journal import FileJournal
from reconciler.engine.lease import FlockLease
from reconciler.engine.switch import FileStopSwitch
from reconciler.model.errors import AipressError, RefusedError
from reconciler.model.ports import Intent

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def intent(name: str) -> Intent:
    return Intent(name, "sha256:1", {"resource": f"tenant/{name}/secret/production", "name": "Grüße\n"}, AT)


# --- journal --------------------------------------------------------------------------------------------------------


def test_open_intents_outlive_the_process_and_closed_ones_do_not(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path / "state")
    for name in "abc":
        journal.record(intent(name))
    journal.close("b")
    journal.close("never heard of")
    assert FileJournal(tmp_path / "state").open_intents() == (intent("a"), intent("c"))
    assert FileJournal(tmp_path / "state").open_intents() == (intent("a"), intent("c"))


def test_an_intent_is_synced_to_disk_before_anything_follows_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a power cut would show it; so what was in the file at each sync is looked at."""
    journal, synced, really = FileJournal(tmp_path), list[str](), os.fsync
    journal.open_intents()
    monkeypatch.setattr(os, "fsync", lambda fd: (really(fd), synced.append((tmp_path / "intents.jsonl").read_text())))
    journal.record(intent("a"))
    assert ['"a"' in content for content in synced] == [True]


def test_the_journal_is_for_its_owner_alone(tmp_path: Path) -> None:
    FileJournal(tmp_path).record(intent("a"))
    assert (tmp_path / "intents.jsonl").stat().st_mode & 0o077 == 0


def test_every_torn_end_keeps_the_whole_lines(tmp_path: Path) -> None:
    """A crash after any byte: what was acknowledged is there, and writing goes on."""
    journal = FileJournal(tmp_path / "whole")
    journal.record(intent("a"))
    first = (tmp_path / "whole" / "intents.jsonl").read_bytes()
    journal.record(intent("b"))
    content = (tmp_path / "whole" / "intents.jsonl").read_bytes()
    for cut in range(len(content) + 1):
        folder = tmp_path / str(cut)
        folder.mkdir()
        (folder / "intents.jsonl").write_bytes(content[:cut])
        after = FileJournal(folder)
        names = [i.id for i in after.open_intents()]
        assert names == (["a", "b"] if cut == len(content) else ["a"] if cut >= len(first) else [])
        assert after.notice == ""
        after.record(intent("c"))
        assert [i.id for i in FileJournal(folder).open_intents()] == [*names, "c"]


@pytest.mark.parametrize("content", [b"\x00\x01\n", b'{"schema":1}\n{"record":{}}\n', b'{"schema":99}\n', b"[1]\n[]\n"])
def test_a_damaged_journal_is_moved_aside_and_said_never_a_crash(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "intents.jsonl").write_bytes(content)
    journal = FileJournal(tmp_path)
    assert journal.open_intents() == ()
    assert "moved aside" in journal.notice
    [aside] = tmp_path.glob("intents.damaged-*")
    assert aside.read_bytes() == content
    journal.record(intent("a"))


def test_a_journal_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    with pytest.raises(AipressError, match="cannot be written") as caught:
        FileJournal(tmp_path / "state").record(intent("a"))
    assert "Nothing was done" in caught.value.hint


def test_a_full_disk_is_told_and_the_journal_goes_on_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = FileJournal(tmp_path)
    journal.record(intent("a"))
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, content: real(handle, content[: len(content) // 2]))
    with pytest.raises(AipressError, match="disk is full"):
        journal.record(intent("b"))
    monkeypatch.undo()
    journal.record(intent("c"))
    assert [i.id for i in FileJournal(tmp_path).open_intents()] == ["a", "c"]


def test_a_long_lived_journal_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.engine.journal.COMPACT", 50)
    journal = FileJournal(tmp_path)
    journal.record(intent("kept"))
    for n in range(200):
        journal.record(intent(f"n{n}"))
        journal.close(f"n{n}")
    assert len((tmp_path / "intents.jsonl").read_bytes().splitlines()) < 60
    assert [i.id for i in FileJournal(tmp_path).open_intents()] == ["kept"]


# --- lease ----------------------------------------------------------------------------------------------------------

HOLDER = (
    "import sys; from pathlib import Path; from reconciler.engine.lease import FlockLease\n"
    "with FlockLease(Path(sys.argv[1])).hold('apply'):\n    print('held', flush=True); sys.stdin.read()\n"
)


def test_who_comes_second_is_told_who_holds_it(tmp_path: Path) -> None:
    lease = FlockLease(tmp_path)
    second = FlockLease(tmp_path).hold("apply")
    refused = pytest.raises(RefusedError, match=f"held by process {os.getpid()}")
    with lease.hold("apply"), lease.hold("another"), refused, second:
        pass
    with lease.hold("apply"):
        pass


def test_a_lease_is_freed_by_death(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    try:
        with pytest.raises(RefusedError, match=f"process {holder.pid}"), FlockLease(tmp_path).hold("apply"):
            pass
    finally:
        holder.kill()
        holder.wait(20)
    with FlockLease(tmp_path).hold("apply"):
        pass


def test_a_lease_name_is_no_path(tmp_path: Path) -> None:
    with FlockLease(tmp_path).hold("../../shard/eu-001"):
        assert [p.name for p in (tmp_path / "locks").iterdir()] == [".._.._shard_eu-001.lock"]


# --- stop switch ----------------------------------------------------------------------------------------------------


def test_the_switch_is_off_without_its_file_and_on_with_it(tmp_path: Path) -> None:
    switch = FileStopSwitch(tmp_path)
    assert switch.stopped() == ""
    (tmp_path / "STOP").touch()
    assert str(tmp_path / "STOP") in switch.stopped()
    (tmp_path / "STOP").write_text("incident 42\nsee chat")
    assert "(incident 42 see chat)" in switch.stopped()


def test_a_switch_that_cannot_be_read_means_stop(tmp_path: Path) -> None:
    (tmp_path / "STOP").mkdir()
    assert "counts as thrown" in FileStopSwitch(tmp_path).stopped()
    (tmp_path / "state").touch()
    assert "counts as thrown" in FileStopSwitch(tmp_path / "state").stopped()


def test_looking_at_a_journal_takes_nothing_from_who_writes_it(tmp_path: Path) -> None:
    """`aipress plan` beside `aipress serve`: what serve writes after the look must be there when it is killed."""
    serve = FileJournal(tmp_path)
    serve.record(intent("a"))
    file = tmp_path / "intents.jsonl"
    before = (file.stat().st_ino, file.read_bytes())
    assert FileJournal(tmp_path).seen() == (intent("a"),)
    assert (file.stat().st_ino, file.read_bytes()) == before
    serve.record(intent("b"))
    assert FileJournal(tmp_path).seen() == serve.seen() == (intent("a"), intent("b"))


def test_looking_makes_no_file_and_a_damaged_one_stays_for_who_writes(tmp_path: Path) -> None:
    assert FileJournal(tmp_path / "state").seen() == ()
    assert not (tmp_path / "state").exists()
    (tmp_path / "intents.jsonl").write_text("no journal\n")
    assert FileJournal(tmp_path).seen() == ()
    assert (tmp_path / "intents.jsonl").read_text() == "no journal\n"

"""The audit log on disk: chained, appended to by several processes, mended by appending, and told when it is not what
was written."""

import resource
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.engine import audit as files
from reconciler.engine.audit import FileAudit
from reconciler.model.audit import TORN, Anchor, Checked, Note, check, recorded
from reconciler.model.errors import AipressError
from tests.cycle.small_world import SteadyClock

LOG = "0" * 32


def log(folder: Path) -> FileAudit:
    return FileAudit(folder, SteadyClock(datetime(2026, 11, 23, 9, tzinfo=UTC)), lambda: LOG)


def written(folder: Path, count: int = 6) -> Path:
    """The one file of a log with so many notes (and its first record)."""
    kept = log(folder)
    for number in range(count):
        kept.note(Note("hold.set", f"jo {number}", target="tenant/acme", detail={"reason": "x" * number}))
    (path,) = (folder / "audit").glob("*.jsonl")
    return path


def checked(folder: Path, *anchors: Anchor) -> Checked:
    return check(LOG, log(folder).lines(), [(f"eu-001/{n}", anchor) for n, anchor in enumerate(anchors, 1)])


def test_what_was_noted_is_read_back_in_order_and_whole(tmp_path: Path) -> None:
    written(tmp_path)
    rows = [recorded(line.content) for line in log(tmp_path).lines()]
    assert [row.number for row in rows] == [1, 2, 3, 4, 5, 6, 7]
    assert [row.note.actor for row in rows[1:]] == [f"jo {n}" for n in range(6)]
    found = checked(tmp_path)
    assert not found.broken
    assert found.head is not None
    assert found.head == log(tmp_path).anchor()


Edit = Callable[[list[bytes]], list[bytes]]
EDITS: dict[str, tuple[Edit, str]] = {
    "a word changed": (lambda lines: [line.replace(b'"jo 2"', b'"al 2"') for line in lines], "was changed"),
    "a record taken out": (lambda lines: [*lines[:3], *lines[4:]], "stands behind record 3"),
    "two exchanged": (lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]], "stands behind"),
    "the beginning cut off": (lambda lines: lines[2:], "what was before it is not here"),
    "one garbled": (lambda lines: [*lines[:3], b'{"n": 4', *lines[4:]], "nothing says why"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_log_that_was_edited_is_told_with_the_place(edit: str, tmp_path: Path) -> None:
    path = written(tmp_path)
    change, told = EDITS[edit]
    path.write_bytes(b"".join(line + b"\n" for line in change(path.read_bytes().splitlines())))
    found = checked(tmp_path)
    assert any(told in one.what for one in found.broken), found.broken
    assert all(one.where.startswith(f"{path.name}:") for one in found.broken)


def test_a_log_that_lost_its_end_fits_itself_but_not_the_history(tmp_path: Path) -> None:
    path = written(tmp_path)
    anchor = log(tmp_path).anchor()
    assert anchor is not None
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))
    assert not checked(tmp_path).broken
    (one,) = checked(tmp_path, anchor).broken
    assert (one.where, "ends at record 5" in one.what) == ("eu-001/1", True)


def test_a_log_that_was_written_anew_from_its_beginning_does_not_fit_the_history(tmp_path: Path) -> None:
    path = written(tmp_path)
    anchor = log(tmp_path).anchor()
    assert anchor is not None
    path.unlink()
    written(tmp_path, 9)
    assert not checked(tmp_path, anchor).broken  # the same notes at the same times are the same log
    path.unlink()
    kept = log(tmp_path)
    for number in range(9):
        kept.note(Note("hold.set", f"al {number}"))
    (one,) = checked(tmp_path, anchor).broken
    assert "rewritten" in one.what


@pytest.mark.parametrize("left", range(1, 160, 23))
def test_a_line_that_a_killed_process_left_half_written_is_told_and_never_rewritten(left: int, tmp_path: Path) -> None:
    path = written(tmp_path)
    content = path.read_bytes()
    half = content.splitlines()[-1][:left]
    path.write_bytes(content[: -len(content.splitlines()[-1]) - 1] + half)
    before = path.read_bytes()
    log(tmp_path).note(Note("hold.lifted", "jo"))
    assert path.read_bytes().startswith(before)
    found = checked(tmp_path)
    assert (found.broken, found.torn) == ((), 1)
    rows = [recorded(line) for line in path.read_bytes().splitlines() if line != half]
    assert [row.note.what for row in rows[-2:]] == [TORN, "hold.lifted"]
    assert rows[-2].note.detail["bytes"] == left


def test_a_whole_record_that_only_lacks_its_end_of_line_stays_a_record(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    log(tmp_path).note(Note("hold.lifted", "jo"))
    found = checked(tmp_path)
    assert (found.broken, found.torn, found.records) == ((), 0, 8)


def test_two_processes_append_to_one_log(tmp_path: Path) -> None:
    mine, theirs = log(tmp_path), log(tmp_path)
    for _ in range(3):
        mine.note(Note("hold.set", "jo"))
        theirs.note(Note("hold.lifted", "al"))
    assert (checked(tmp_path).broken, checked(tmp_path).records) == ((), 7)


def test_a_long_log_goes_on_in_another_file_for_everybody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "SEGMENT", 700)
    mine, theirs = log(tmp_path), log(tmp_path)
    for _ in range(5):
        mine.note(Note("hold.set", "jo"))
        theirs.note(Note("hold.lifted", "al"))
    assert len(list((tmp_path / "audit").glob("*.jsonl"))) > 2
    assert (checked(tmp_path).broken, checked(tmp_path).records) == ((), 11)


def test_a_full_disk_refuses_and_the_log_goes_on_when_there_is_space_again(tmp_path: Path) -> None:
    path = written(tmp_path)
    before, limits = signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.getrlimit(resource.RLIMIT_FSIZE)
    kept = log(tmp_path)
    kept.note(Note("hold.set", "jo"))
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 40, limits[1]))
        with pytest.raises(AipressError, match="cannot be written"):
            kept.note(Note("hold.set", "jo"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    kept.note(Note("hold.set", "jo"))
    assert (checked(tmp_path).broken, checked(tmp_path).torn) == ((), 1)


def test_hostile_text_and_long_text_stand_escaped_and_cut(tmp_path: Path) -> None:
    hostile = 'x"}\n{"n": 9}\x1b[2J\u202e\ud800' + "y" * 100_000
    log(tmp_path).note(Note("apply.refused", hostile, detail={"why": hostile, "resources": [hostile] * 500}))
    (path,) = (tmp_path / "audit").glob("*.jsonl")
    assert path.read_bytes().isascii()
    assert len(path.read_bytes().splitlines()) == 2
    assert path.stat().st_size < 200_000
    assert path.stat().st_mode & 0o077 == 0
    assert not checked(tmp_path).broken

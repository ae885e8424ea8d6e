"""How a call ends: one exit code per kind of ending, a message with what to do, and JSON when JSON was asked for."""

import errno
import re

import pytest

from reconciler.model.errors import (
    AipressError,
    CloudUnreachableError,
    ForbiddenError,
    InputError,
    RefusedError,
    UsageError,
)
from tests.cli.conftest import Aipress


@pytest.mark.parametrize(
    "words",
    [
        ("plan", "--nosuch"),
        ("nosuch",),
        ("plan", "--format", "nosuch"),
        ("plan", "--base"),
        ("history", "show"),
        ("history", "a", "b", "c"),
        ("pause", "tenant/acme-bakery"),
        ("apply", "--max-parallel", "many"),
        ("-C",),
        ("--color", "blue", "plan"),
    ],
)
def test_a_mistyped_command_line_is_64_never_2(aipress: Aipress, words: tuple[str, ...]) -> None:
    ended = aipress(*words)
    assert ended.code == 64
    assert ended.out == ""
    assert "error:" in ended.err


def test_a_mistyped_command_or_option_gets_a_suggestion(aipress: Aipress) -> None:
    assert "did you mean `plan`?" in aipress("plam").err
    assert "--out" in aipress("plan", "--outt", "x").err
    assert "no place for `extra`" in aipress("cloud", "up", "extra").err


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (UsageError("m", "h"), 64),
        (InputError("m", "h"), 3),
        (RefusedError("m", "h"), 5),
        (ForbiddenError("m", "h"), 4),
        (CloudUnreachableError("m", "h"), 1),
        (AipressError("m", "h"), 1),
        (KeyboardInterrupt(), 130),
        (OSError(errno.ENOSPC, "No space left on device", "/var/x"), 1),
        (RuntimeError("m"), 1),
        (ModuleNotFoundError("no", name="uvicorn"), 1),
    ],
)
def test_every_ending_has_its_code_and_says_what_to_do(
    aipress: Aipress, monkeypatch: pytest.MonkeyPatch, raised: BaseException, code: int
) -> None:
    def explain(_field: str) -> None:
        raise raised

    monkeypatch.setattr("reconciler.source.schema.explain", explain)
    plain = aipress("explain", "tenant")
    assert plain.code == code
    assert plain.out == ""
    assert re.search(r"^error: .+\n  help: .+\n$", plain.err)

    machine = aipress("explain", "tenant", "--json")
    assert machine.code == code
    assert machine.json.keys() == {"error", "hint", "exit"}
    assert machine.json["exit"] == code


def test_a_full_disk_says_where_and_that_it_goes_on(aipress: Aipress, monkeypatch: pytest.MonkeyPatch) -> None:
    def explain(_field: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/var/state/journal.db")

    monkeypatch.setattr("reconciler.source.schema.explain", explain)
    said = aipress("explain", "tenant").err
    assert "/var/state/journal.db: No space left on device" in said
    assert "run the same command again" in said


def test_the_trace_of_an_unexpected_failure_only_with_v(aipress: Aipress, monkeypatch: pytest.MonkeyPatch) -> None:
    def explain(_field: str) -> None:
        raise RuntimeError("what")

    monkeypatch.setattr("reconciler.source.schema.explain", explain)
    assert "Traceback" not in aipress("explain", "tenant").err
    assert "Traceback" in aipress("explain", "tenant", "-v").err


def test_messages_of_others_cannot_write_on_the_terminal(aipress: Aipress, monkeypatch: pytest.MonkeyPatch) -> None:
    def explain(_field: str) -> None:
        raise InputError("bad\x1b[2K\nerror: fake", "do\x1b[31m this")

    monkeypatch.setattr("reconciler.source.schema.explain", explain)
    said = aipress("explain", "tenant").err
    assert "\x1b" not in said
    assert len(said.splitlines()) == 2


def test_a_command_line_that_cannot_be_read_still_answers_in_json(aipress: Aipress) -> None:
    ended = aipress("plan", "--nosuch", "--json")
    assert ended.json["exit"] == ended.code == 64


def test_no_cloud_is_chosen_by_default(aipress: Aipress) -> None:
    assert aipress("-C", "/nonexistent-folder", "plan").code == 64
    ended = aipress("plan")
    assert ended.code in (3, 64)
    assert "help:" in ended.err


def test_shared_options_count_before_and_after_the_command(aipress: Aipress) -> None:
    before = aipress("--json", "explain", "tenant.spec.tier")
    after = aipress("explain", "tenant.spec.tier", "--json")
    assert before.json == after.json

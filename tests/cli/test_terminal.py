"""Two streams and a person: colour only where it is wanted, no question where nobody can answer."""

import io
import sys
from collections.abc import Callable, Sequence

import pytest

from reconciler.cli.terminal import Terminal
from reconciler.model.errors import RefusedError


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def at_a_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Called in the test itself: pytest puts its own streams in place after the fixtures."""
    monkeypatch.setattr(sys, "stdout", Screen())
    monkeypatch.setattr(sys, "stderr", Screen())
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_colour_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    at_a_screen(monkeypatch)
    assert Terminal().style.colour
    assert Terminal().aside.colour


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_no_colour_where_it_is_not_wanted(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    at_a_screen(monkeypatch)
    monkeypatch.setenv(name, value)
    assert not Terminal().style.colour
    assert Terminal(colour="always").style.colour


def test_no_colour_into_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert not Terminal().style.colour
    assert not Terminal(colour="never").style.colour


def test_a_live_view_is_drawn_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    at_a_screen(monkeypatch)
    assert Terminal().draws
    assert not Terminal(quiet=True).draws
    assert not Terminal(json=True).draws
    monkeypatch.setenv("TERM", "dumb")
    assert not Terminal().draws


def test_quiet_keeps_remarks_and_lets_warnings_through(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal(quiet=True).note("remark")
    Terminal(quiet=True).warn("warning")
    assert capsys.readouterr().err == "warning\n"


def test_an_ascii_terminal_gets_our_signs_spelled_out(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    Terminal().out("✔ 512Mi → 1Gi 漢\n")
    assert raw.getvalue() == b"ok 512Mi -> 1Gi \\u{6f22}\n"


def test_where_nobody_can_answer_nothing_is_asked() -> None:
    with pytest.raises(RefusedError) as refused:
        Terminal(no_input=True).ask("Sure? ", "--yes does it")
    assert "--no-input" in str(refused.value)
    assert refused.value.hint == "--yes does it"


def test_a_person_is_asked_on_standard_error(
    typed: Callable[[Sequence[str]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    typed(["yes please"])
    assert Terminal().ask("Sure? ", "--yes") == "yes please"
    said = capsys.readouterr()
    assert said.err == "Sure? "
    assert said.out == ""

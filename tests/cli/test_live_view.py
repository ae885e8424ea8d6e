"""An apply while it runs: lines without a terminal, a drawing on one; every end is told in both."""

import io
import sys
from datetime import UTC, datetime

import pytest

from reconciler.cli.live_view import following
from reconciler.cli.terminal import Terminal
from reconciler.model.ids import Address, tenant_target
from reconciler.model.outcome import Event, EventKind
from reconciler.model.plan import Action, Change

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def event(kind: EventKind, name: str, message: str = "") -> Event:
    change = Change(
        Address(tenant_target(name), "secret", "production"), "n", "p", Action.CREATE, "", {}, "absent", "", "s", "u"
    )
    return Event(kind, change, AT, 3.0, message)


def play(names: list[str], message: str = "") -> None:
    with following(Terminal()) as take:
        take.expect(len(names))
        for name in names:
            take(event(EventKind.START, name))
            take(event(EventKind.PROGRESS, name, message))
        for name in names:
            take(event(EventKind.COMPLETE, name))


def test_lines_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    play(["acme"])
    assert capsys.readouterr().err.splitlines() == [
        "tenant/acme secret/production: Creating...",
        "tenant/acme secret/production: Still creating... [3s elapsed]",
        "tenant/acme secret/production: Creation complete after 3s",
    ]


def drawn(monkeypatch: pytest.MonkeyPatch) -> Screen:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return screen


def test_every_end_is_told_on_a_terminal_too(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = drawn(monkeypatch)
    play([f"site-{n}" for n in range(40)])
    shown = screen.getvalue()
    for n in range(40):
        assert f"tenant/site-{n} secret/production" in shown
    assert shown.count("Creation complete") == 40
    assert "\x1b[?25h" in shown  # the cursor is back


def test_the_count_is_drawn_with_what_is_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = drawn(monkeypatch)
    with following(Terminal()) as take:
        take.expect(7)
        take(event(EventKind.START, "acme"))
        take(event(EventKind.ERRORED, "acme", "no"))
    assert "1/7 done, 1 failed" in screen.getvalue()


def test_what_the_cloud_says_cannot_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = drawn(monkeypatch)
    play(["acme"], "[bold red]hi[/] \x1b[2Jgone\nline")
    assert "\x1b[2J" not in screen.getvalue()


def test_nothing_is_drawn_before_the_first_event(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = drawn(monkeypatch)
    with following(Terminal()) as take:
        take.expect(3)
        assert screen.getvalue() == ""

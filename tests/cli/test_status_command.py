"""`aipress status` names the pushes that webhooks told of and that wait."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.cli.invocation import Invocation
from reconciler.cli.status import _tell_waiting
from reconciler.daemon.inbox import Inbox
from reconciler.forge.hints import Hint
from reconciler.forge.signatures import Provider

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
HINT = Hint(Provider.GITHUB, "d", "push", "agency-north/acme-bakery", "1", "refs/heads/main", "1f384f3a" * 5)


def said(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("AIPRESS_STATE", str(folder))
    _tell_waiting(Invocation(folder))
    shown = capsys.readouterr()
    assert shown.out == "", "remarks go to the side"
    return shown.err.splitlines()


def test_pushes_that_wait(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(tmp_path, capsys, monkeypatch) == []
    inbox = Inbox(tmp_path)
    assert said(tmp_path, capsys, monkeypatch) == []
    inbox.receive(["a"], [HINT], NOW)
    assert said(tmp_path, capsys, monkeypatch) == [
        "Told by webhooks, waiting to be looked after: 1 ref.",
        "  2026-11-27 12:00Z  github  agency-north/acme-bakery  refs/heads/main 1f384f3",
    ]
    for n in range(1, 200):
        inbox.receive([f"{n}"], [replace(HINT, ref="", number=f"{n + 1}", commit="")], NOW + timedelta(minutes=n))
    lines = said(tmp_path, capsys, monkeypatch)
    assert lines[0] == "Told by webhooks, waiting to be looked after: 200 refs."
    assert len(lines) == 6 and lines[-1].endswith("15:19Z  github  agency-north/acme-bakery  some refs")

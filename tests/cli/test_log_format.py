"""`aipress serve --log-format json`: standard error holds log lines and nothing else, also at a bad end."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Aipress


@pytest.fixture
def fleet(aipress: Aipress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "fleet"
    assert aipress("fleet", "generate", "--tenants", "2", "--shards", "1", "--seed", "1", str(folder)).code == 0
    (folder / "aipress.toml").unlink(missing_ok=True)
    monkeypatch.setenv("AIPRESS_STATE", str(tmp_path / "state"))
    return folder


def test_how_it_ended_is_a_line_with_its_remedy(aipress: Aipress, fleet: Path) -> None:
    ended = aipress("-C", str(fleet), "serve", "--once", "--log-format", "json")
    assert ended.code == 64 and ended.out == ""
    rows = [json.loads(line) for line in ended.err.splitlines()]
    [end] = [row for row in rows if row["event"] == "daemon.failed"]
    assert end["severity"] == "ERROR" and "no cloud is chosen" in end["message"] and "aipress.toml" in end["fix"]


def test_for_people_it_is_said_as_ever(aipress: Aipress, fleet: Path) -> None:
    ended = aipress("-C", str(fleet), "serve", "--once")
    assert ended.code == 64 and "error: no cloud is chosen" in ended.err and "{" not in ended.err


def test_another_word_is_refused(aipress: Aipress, fleet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIPRESS_LOG_FORMAT", "xml")
    ended = aipress("-C", str(fleet), "serve", "--once")
    assert ended.code == 64 and "log_format is 'xml' (AIPRESS_LOG_FORMAT); it is text or json" in ended.err

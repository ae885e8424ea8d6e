"""`aipress config show`: every setting, and never what somebody wrote where a secret does not belong."""

import pytest

from tests.cli.conftest import Aipress
from tests.forge.signing import SECRET


def test_config_show_never_shows_one(aipress: Aipress, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIPRESS_WEBHOOK_GITHUB", SECRET)
    monkeypatch.setenv("AIPRESS_WEBHOOK_GIT", "file:/run/secrets/git")
    monkeypatch.setenv("AIPRESS_NOTIFY_SLACK", f"https://hooks.example/{SECRET}")
    monkeypatch.setenv("AIPRESS_OTLP_ENDPOINT", f"https://jo:{SECRET}@otlp.example")
    for words in (("config", "show"), ("config", "show", "--origin"), ("--json", "config", "show")):
        ended = aipress(*words)
        assert ended.code == 0
        assert SECRET not in ended.out + ended.err
        assert "file:/run/secrets/git" in ended.out and "not shown" in ended.out

"""Settings of the door: they say where a secret is, and nothing ever says the secret."""

from pathlib import Path

import pytest

from reconciler import assemble
from reconciler.daemon.credentials import secrets_at, shown_reference
from reconciler.forge.signatures import Provider
from reconciler.model.errors import AipressError, InputError, UsageError
from tests.cycle.small_world import SmallWorld
from tests.forge.signing import OLD, SECRET, STANDARD


def test_a_secret_is_in_a_file_or_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "new").write_text(f"{SECRET}\n")
    (tmp_path / "both").write_text(f"\n{SECRET}\r\n  {OLD}\n")
    monkeypatch.setenv("HOOK", OLD)
    assert secrets_at(f"file:{tmp_path}/new", "webhook_git", Path("/")) == [SECRET]
    assert secrets_at("file:new, env:HOOK", "webhook_git", tmp_path) == [SECRET, OLD]
    assert secrets_at("file:both", "webhook_git", tmp_path) == [SECRET, OLD]


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        (SECRET, UsageError, "webhook_git does not say where its secret is"),
        (f"env:HOOK,{SECRET}", UsageError, "does not say where"),
        (f"https://{SECRET}", UsageError, "does not say where"),
        ("env:", UsageError, "does not say where"),
        ("file:", UsageError, "does not say where"),
        ("env:NOT_THERE", InputError, "no secret in env:NOT_THERE"),
        ("file:empty", InputError, "no secret in file:empty"),
        ("file:gone", InputError, "gone cannot be read: No such file"),
        ("file:binary", InputError, "binary cannot be read: it is not text"),
        ("file:.", InputError, "cannot be read: Is a directory"),
    ],
)
def test_what_leads_to_no_secret(
    text: str, kind: type[AipressError], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", OLD)
    (tmp_path / "empty").write_text(" \n\n")
    (tmp_path / "binary").write_bytes(SECRET.encode() + b"\xff\xfe")
    with pytest.raises(kind, match=said) as told:
        secrets_at(text, "webhook_git", tmp_path)
    assert SECRET not in f"{told.value} {told.value.hint} {told.value.__cause__}"


def test_a_setting_that_is_the_secret_itself_is_not_shown() -> None:
    assert shown_reference("file:/run/secrets/hook,env:OLD") == "file:/run/secrets/hook,env:OLD"
    for wrong in (SECRET, f"file:/a,{SECRET}", f"whsec_{SECRET}", f"env:{SECRET}-x"):
        assert SECRET not in shown_reference(wrong)


@pytest.fixture
def small(tmp_path: Path) -> SmallWorld:
    return SmallWorld(tmp_path)


def settings(small: SmallWorld, **flags: str) -> assemble.Settings:
    return assemble.settings({"directory": str(small.fleet), "state": str(small.folder / "state"), **flags})


def test_the_door_is_closed_unless_a_place_is_named(small: SmallWorld) -> None:
    chosen = settings(small, webhook_git="env:NOT_THERE")
    assert assemble.listen(chosen, assemble.repository(chosen)) is None


def test_what_the_settings_come_to(small: SmallWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB", SECRET)
    monkeypatch.setenv("LAB", STANDARD)
    (small.fleet / "aipress.toml").write_text(
        'listen = "127.0.0.1:8090"\nprivate_listen = "127.0.0.1:8091"\nwebhook_github = "env:HUB,file:old"\n'
        'webhook_gitlab = "env:LAB"\n'
    )
    (small.fleet / "old").write_text(OLD)
    chosen = settings(small)
    found = assemble.listen(chosen, assemble.repository(chosen))
    assert found is not None
    assert (found.at, found.private) == (("127.0.0.1", 8090), ("127.0.0.1", 8091))
    assert set(found.keys) == {Provider.GITHUB, Provider.GITLAB}
    assert len(found.keys[Provider.GITHUB].signing) == 2
    assert str(small.fleet).strip("/").lower() in found.names
    assert SECRET not in repr(found) and SECRET not in repr(chosen)


def test_an_empty_secret_stops_the_start(small: SmallWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB", "")
    chosen = settings(small, listen="127.0.0.1:0", webhook_github="env:HUB")
    with pytest.raises(InputError, match="webhook_github: there is no secret in env:HUB"):
        assemble.listen(chosen, assemble.repository(chosen))
    monkeypatch.setenv("HUB", "too short")
    with pytest.raises(UsageError, match="fewer than 16"):
        assemble.listen(chosen, assemble.repository(chosen))

"""`aipress cloud`: a process that stays, is found again, and is stopped."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from reconciler.cli.cloud_environment import exports
from reconciler.cli.cloud_process import CloudProcess, Wanted
from reconciler.model.errors import UsageError
from tests.cli.conftest import Aipress

pytestmark = pytest.mark.slow
DOORS = {"url", "grpc", "proxy", "pid", "state", "ca"}


def test_up_status_env_reset_down(aipress: Aipress, tmp_path: Path) -> None:
    up = aipress("cloud", "up", "--json")
    try:
        assert up.code == 0
        assert up.json.keys() == DOORS
        assert up.json["proxy"].startswith("http://127.0.0.1:")
        assert up.json["grpc"].startswith("127.0.0.1:")
        assert up.json["state"] == str(tmp_path / "state" / "cloud")
        with urlopen(f"{up.json['url']}/_aipress/status", timeout=10) as answer:
            assert json.load(answer)["timeScale"] == 6000

        again = aipress("cloud", "up", "--json")
        assert again.json == up.json
        assert "already" in again.err

        status = aipress("cloud", "status", "--json")
        assert (status.code, status.json["running"]) == (0, True)
        assert up.json["url"] in aipress("cloud", "status").out
        variables = aipress("cloud", "env", "--json").json
        assert variables["AIPRESS_CLOUD_URL"] == up.json["url"]
        assert variables["HTTPS_PROXY"] == variables["https_proxy"] == up.json["proxy"]
        assert variables["SSL_CERT_FILE"] == up.json["ca"]
        assert told_by_a_shell(aipress("cloud", "env").out) == variables

        kept = aipress("cloud", "snapshot", "kept.sqlite", "--json")
        assert (kept.code, kept.json["bytes"] > 0) == (0, True)
        assert aipress("cloud", "reset").code == 0
        assert aipress("cloud", "restore", "kept.sqlite").code == 0
        absent = aipress("cloud", "restore", "absent.sqlite")
        assert (absent.code, "is no snapshot" in absent.err) == (3, True)
    finally:
        down = aipress("cloud", "down", "--json")
    assert down.json["stopped"] is True
    with pytest.raises(URLError):
        urlopen(up.json["url"], timeout=10)
    assert aipress("cloud", "status").code == 1
    assert aipress("cloud", "down").out == "It was not running.\n"
    assert aipress("cloud", "env").code == 3
    assert "start it: aipress cloud up\n" in aipress("cloud", "env").err


def test_what_it_tells_to_type_means_the_same_local_cloud(aipress: Aipress) -> None:
    elsewhere = ("--state", "a b")
    assert "aipress cloud up --state 'a b'" in aipress("cloud", "status", *elsewhere).out
    assert "aipress cloud up --state 'a b'" in aipress("cloud", "env", *elsewhere).err
    try:
        said = aipress("cloud", "up", *elsewhere).err
        assert """eval "$(aipress cloud env --state 'a b')\"""" in said
        assert "aipress cloud down --state 'a b'" in said
    finally:
        aipress("cloud", "down", *elsewhere)


def told_by_a_shell(script: str) -> dict[str, str]:
    """What a process sees that is started in a shell that has read these lines."""
    program = "import json, os; print(json.dumps(dict(os.environ)))"
    ended = subprocess.run(
        ["sh", "-c", f'eval "$1"; exec "$2" -c "{program}"', "sh", script, sys.executable],
        env={"SHLVL": "0"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    seen: dict[str, str] = json.loads(ended.stdout)
    return {name: value for name, value in seen.items() if f"export {name}=" in script}


def test_exports_survive_any_folder_name() -> None:
    odd = "/tmp/a b/$HOME/`id`/'\"/\\/x"
    assert told_by_a_shell(exports({"SSL_CERT_FILE": odd, "A": "", "B": "plain"})) == {
        "SSL_CERT_FILE": odd, "A": "", "B": "plain",
    }  # fmt: skip


def test_our_own_commands_work_where_the_variables_are_set(
    aipress: Aipress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They go to the HTTP door straight, not through the proxy that the variables name."""
    aipress("cloud", "up")
    try:
        for name, value in aipress("cloud", "env", "--json").json.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("NO_PROXY")
        monkeypatch.delenv("no_proxy")
        aipress("fleet", "generate", "--tenants", "1", "--shards", "1", str(tmp_path / "fleet"))
        monkeypatch.chdir(tmp_path / "fleet")
        planned = aipress("plan", "--json")
        assert (planned.code, planned.json["summary"]["create"] > 0) == (0, True)
    finally:
        aipress("cloud", "down")


def test_a_killed_cloud_is_not_taken_for_a_running_one(aipress: Aipress) -> None:
    first = aipress("cloud", "up", "--json").json
    os.kill(first["pid"], signal.SIGKILL)
    second = aipress("cloud", "up", "--json").json
    try:
        assert second["pid"] != first["pid"]
        assert aipress("cloud", "status").code == 0
    finally:
        aipress("cloud", "down")


def test_its_own_folder_and_port(aipress: Aipress) -> None:
    up = aipress("cloud", "up", "--state", "mine", "--seed", "7", "--time-scale", "60", "--json").json
    try:
        assert up["state"] == str(Path("mine").absolute())
        status = aipress("cloud", "status", "--state", "mine", "--json").json["status"]
        assert (status["seed"], status["timeScale"]) == (7, 60)
        same = aipress("cloud", "up", "--state", "mine", "--seed", "7", "--time-scale", "60")
        assert (same.code, "already" in same.err) == (0, True)
        late = aipress("cloud", "up", "--state", "mine", "--faults", "absent.json", "--seed", "8")
        assert late.code == 1, "a rehearsal must not believe in faults that nobody armed"
        assert "--seed, --faults" in late.err
        assert "down --state mine" in late.err
        taken = aipress("cloud", "up", "--state", "other", "--port", up["url"].rpartition(":")[2])
        assert taken.code == 1
        assert "--port" in taken.err
    finally:
        aipress("cloud", "down", "--state", "mine")


@pytest.mark.parametrize(
    "words", [("--data-plane", "real"), ("--time-scale", "0"), ("--port", "x"), ("--port", "65536")]
)
def test_what_it_cannot_do_yet(aipress: Aipress, words: tuple[str, str]) -> None:
    assert aipress("cloud", "up", *words).code == 64


def test_without_its_packages_the_local_cloud_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.cli.cloud_process.NEEDED", ("no_such_package",))
    with pytest.raises(UsageError) as told:
        CloudProcess(tmp_path).start(Wanted(port=0, time_scale=1.0, seed=0))
    assert "pip install 'aipress-reconciler[all]'" in told.value.hint

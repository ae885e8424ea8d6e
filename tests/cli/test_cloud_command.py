"""`aipress cloud`: a process that stays, is found again, and is stopped."""

import json
import os
import signal
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from reconciler.cli.cloud_process import CloudProcess, Wanted
from reconciler.model.errors import UsageError
from tests.cli.conftest import Aipress

pytestmark = pytest.mark.slow
DOORS = {"url", "grpc", "proxy", "pid", "state"}


def test_up_status_env_reset_down(aipress: Aipress, tmp_path: Path) -> None:
    up = aipress("cloud", "up", "--json")
    try:
        assert up.code == 0
        assert up.json.keys() == DOORS
        assert up.json["grpc"] is up.json["proxy"] is None
        assert up.json["state"] == str(tmp_path / "state" / "cloud")
        with urlopen(f"{up.json['url']}/_aipress/status", timeout=10) as answer:
            assert json.load(answer)["timeScale"] == 600

        again = aipress("cloud", "up", "--json")
        assert again.json == up.json
        assert "already" in again.err

        status = aipress("cloud", "status", "--json")
        assert (status.code, status.json["running"]) == (0, True)
        assert up.json["url"] in aipress("cloud", "status").out
        assert aipress("cloud", "env").out == f"export AIPRESS_CLOUD_URL={up.json['url']}\n"
        assert aipress("cloud", "reset").code == 0
    finally:
        down = aipress("cloud", "down", "--json")
    assert down.json["stopped"] is True
    with pytest.raises(URLError):
        urlopen(up.json["url"], timeout=10)
    assert aipress("cloud", "status").code == 1
    assert aipress("cloud", "down").out == "It was not running.\n"
    assert aipress("cloud", "env").code == 3


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
        taken = aipress("cloud", "up", "--state", "other", "--port", up["url"].rpartition(":")[2])
        assert taken.code == 1
        assert "--port" in taken.err
    finally:
        aipress("cloud", "down", "--state", "mine")


@pytest.mark.parametrize("words", [("--data-plane", "real"), ("--time-scale", "0"), ("--port", "x")])
def test_what_it_cannot_do_yet(aipress: Aipress, words: tuple[str, str]) -> None:
    assert aipress("cloud", "up", *words).code == 64


def test_without_its_packages_the_local_cloud_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.cli.cloud_process.NEEDED", ("no_such_package",))
    with pytest.raises(UsageError) as told:
        CloudProcess(tmp_path).start(Wanted(port=0, time_scale=1.0, seed=0))
    assert "pip install 'aipress-reconciler[all]'" in told.value.hint

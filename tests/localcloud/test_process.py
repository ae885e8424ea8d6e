"""The process: its address file, its lock, what survives a kill, and faults over HTTP."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import threading
import time
import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow
PROJECTS = "/cloudresourcemanager/v3/projects"
SECRETS = "/secretmanager/v1/projects/acme-eu-001/secrets"


def project(server: Any) -> None:
    assert server.call("POST", PROJECTS, {"projectId": "acme-eu-001", "parent": "folders/222222222222"})[0] == 200
    server.call("POST", "/_aipress/time", {"advance": 60})


def test_the_address_file_says_what_the_first_line_says_and_goes_with_sigterm(starts: Callable[..., Any]) -> None:
    server = starts("--time-scale", "50", "--seed", "3")
    assert json.loads((server.state / "cloud.json").read_text()) == server.address
    assert server.address["pid"] == server.process.pid
    assert (server.address["time_scale"], server.address["seed"]) == (50, 3)
    assert server.url.startswith("http://127.0.0.1:")
    assert server.end(signal.SIGTERM) == 0
    assert not (server.state / "cloud.json").exists()


def test_one_state_directory_has_one_server(starts: Callable[..., Any], tmp_path: Path) -> None:
    server = starts()
    command = [sys.executable, "-m", "reconciler.localcloud", "--state", str(tmp_path / "state")]
    second = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert second.returncode == 1
    assert "already served by another local cloud" in second.stderr
    assert server.call("GET", "/_aipress/status")[0] == 200


def test_a_taken_port_is_said(starts: Callable[..., Any], tmp_path: Path) -> None:
    server = starts()
    command = [
        sys.executable,
        "-m",
        "reconciler.localcloud",
        "--state",
        str(tmp_path / "b"),
        "--port",
        server.url.rsplit(":", 1)[1],
    ]
    second = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (second.returncode, "choose another --port" in second.stderr) == (1, True)


def test_whatever_was_answered_survives_sigkill(starts: Callable[..., Any]) -> None:
    server = starts()
    project(server)
    made = [
        server.call("POST", f"{SECRETS}?secretId=s{number}", {"replication": {"automatic": {}}})[1]
        for number in range(50)
    ]
    _, instance = server.call(
        "POST", "/sqladmin/v1/projects/acme-eu-001/instances", {"name": "main", "settings": {"tier": "db-f1-micro"}}
    )
    server.end(signal.SIGKILL)
    again = starts()
    listed = again.call("GET", f"{SECRETS}?pageSize=100")[1]["secrets"]
    assert sorted(listed, key=lambda secret: secret["name"]) == sorted(made, key=lambda secret: secret["name"])
    operation = f"/sqladmin/v1/projects/acme-eu-001/operations/{instance['name']}"
    assert again.call("GET", operation)[1]["status"] == "RUNNING"
    again.call("POST", "/_aipress/time", {"advance": 500})
    assert again.call("GET", operation)[1]["status"] == "DONE"
    assert again.call("GET", "/sqladmin/v1/projects/acme-eu-001/instances/main")[1]["state"] == "RUNNABLE"
    fresh = again.call("POST", f"{SECRETS}?secretId=later", {"replication": {"automatic": {}}})[1]
    assert fresh["etag"] not in {secret["etag"] for secret in made}


def test_a_kill_in_a_storm_of_writes_loses_nothing_that_was_answered_and_halves_nothing(
    starts: Callable[..., Any],
) -> None:
    """SIGKILL while eight writers write: every answered create is there, and every service has its revision."""
    body = {"template": {"containers": [{"image": "x"}]}}
    base = "/run/v2/projects/acme-eu-001/locations/europe-west1/services"
    answered: list[str] = []
    server = starts("--time-scale", "10000")
    project(server)
    for round_ in range(3):

        def write(worker: int, server: Any = server, round_: int = round_) -> None:
            for number in range(10_000):
                own = f"s-{round_}-{worker}-{number}"
                try:
                    status, _ = server.call("POST", f"{base}?serviceId={own}", body)
                except (OSError, http.client.HTTPException):
                    return
                if status == 200:
                    answered.append(own)

        writers = [threading.Thread(target=write, args=(worker,)) for worker in range(8)]
        for writer in writers:
            writer.start()
        begun, enough = time.monotonic(), len(answered) + 150
        while len(answered) < enough and time.monotonic() < begun + 60:
            time.sleep(0.001)
        server.end(signal.SIGKILL)
        for writer in writers:
            writer.join(60)
        server = starts("--time-scale", "10000")
        server.call("POST", "/_aipress/time", {"advance": 100})
        listed = server.call("GET", f"{base}?pageSize=100000")[1]["services"]
        assert {row["name"].rsplit("/", 1)[1] for row in listed} >= set(answered)
        for row in listed:
            assert row["terminalCondition"]["state"] == "CONDITION_SUCCEEDED", "its operation ended"
            assert row["latestReadyRevision"] == row["latestCreatedRevision"]
        counts = server.call("GET", "/_aipress/status")[1]["counts"]
        assert counts["run.revisions"] == counts["run.services"] == len(listed)
        assert counts.get("pending", 0) == 0
    assert len(answered) >= 450


def test_faults_quotas_and_lags_can_be_given_at_the_start(starts: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    file.write_text(json.dumps({"seed": 3, "faults": [{"kind": "error", "method": "*.secrets.create", "status": 500}]}))
    server = starts("--faults", str(file), "--quotas", "--consistency", '{"lists": {"*": 1000}}')
    project(server)
    body = {"replication": {"automatic": {}}}
    assert [server.call("POST", f"{SECRETS}?secretId=s", body)[0] for _ in range(2)] == [500, 200]
    assert "secrets" not in server.call("GET", SECRETS)[1]
    assert server.call("GET", "/_aipress/quotas")[1]["quotas"]["on"]
    for wrong in (["--faults", str(tmp_path / "no")], ["--consistency", '{"lists": 1}']):
        command = [sys.executable, "-m", "reconciler.localcloud", "--state", str(tmp_path / "b"), *wrong]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert (ended.returncode, wrong[0] in ended.stderr) == (2, True)


def test_reset_begins_anew_and_status_counts(starts: Callable[..., Any]) -> None:
    server = starts()
    project(server)
    server.call("POST", f"{SECRETS}?secretId=s", {"replication": {"automatic": {}}})
    counts = server.call("GET", "/_aipress/status")[1]["counts"]
    assert (counts["project"], counts["secretmanager.secrets"]) == (1, 1)
    server.call("POST", "/_aipress/reset")
    assert "project" not in server.call("GET", "/_aipress/status")[1]["counts"]
    project(server)


def test_an_error_fault_strikes_as_often_as_told(starts: Callable[..., Any]) -> None:
    server = starts()
    project(server)
    fault = {
        "kind": "error",
        "service": "secretmanager",
        "method": "*.create",
        "status": 429,
        "message": "slow down",
        "times": 2,
        "after": 1,
    }
    assert server.call("POST", "/_aipress/faults", fault)[0] == 200
    body = {"replication": {"automatic": {}}}
    statuses = [server.call("POST", f"{SECRETS}?secretId=s{number}", body)[0] for number in range(4)]
    assert statuses == [200, 429, 429, 200]
    assert server.call("GET", SECRETS)[0] == 200
    assert server.call("POST", "/_aipress/faults", {"kind": "earthquake"})[0] == 400
    server.call("POST", "/_aipress/faults", {**fault, "times": 0, "after": 0})
    server.call("DELETE", "/_aipress/faults")
    assert server.call("POST", f"{SECRETS}?secretId=last", body)[0] == 200


def test_a_lost_response_has_happened_all_the_same(starts: Callable[..., Any]) -> None:
    server = starts()
    project(server)
    server.call("POST", "/_aipress/faults", {"kind": "lost_response", "match": "/secrets"})
    with pytest.raises((urllib.error.URLError, http.client.HTTPException, ConnectionError)):
        server.call("POST", f"{SECRETS}?secretId=s", {"replication": {"automatic": {}}})
    assert server.call("POST", f"{SECRETS}?secretId=s", {"replication": {"automatic": {}}})[0] == 409
    calls = server.call("GET", "/_aipress/calls?since=0")[1]["calls"]
    made = [call for call in calls if call["method"] == "secretmanager.projects.secrets.create"]
    assert [(call["status"], call["mutating"]) for call in made] == [(200, True), (409, True)]


def test_a_stale_list_shows_what_was_there_before(starts: Callable[..., Any]) -> None:
    server = starts()
    project(server)
    server.call("POST", f"{SECRETS}?secretId=a", {"replication": {"automatic": {}}})
    before = server.call("GET", SECRETS)
    server.call("POST", f"{SECRETS}?secretId=b", {"replication": {"automatic": {}}})
    server.call("POST", "/_aipress/faults", {"kind": "stale_list", "method": "secretmanager.projects.secrets.list"})
    assert server.call("GET", SECRETS) == before
    assert len(server.call("GET", SECRETS)[1]["secrets"]) == 2


def test_half_finished_operations_end_in_an_error_after_a_part(starts: Callable[..., Any]) -> None:
    server = starts()
    project(server)
    server.call(
        "POST",
        "/_aipress/faults",
        {"kind": "half_finished", "method": "sql.instances.insert", "message": "INTERNAL: no space"},
    )
    _, operation = server.call(
        "POST", "/sqladmin/v1/projects/acme-eu-001/instances", {"name": "main", "settings": {"tier": "db-f1-micro"}}
    )
    server.call("POST", "/_aipress/time", {"advance": 500})
    _, done = server.call("GET", f"/sqladmin/v1/projects/acme-eu-001/operations/{operation['name']}")
    assert done["error"]["errors"][0]["message"] == "no space"
    assert server.call("GET", "/sqladmin/v1/projects/acme-eu-001/instances/main")[1]["state"] == "FAILED"


def test_a_body_past_the_limit_is_refused_and_the_server_lives(starts: Callable[..., Any]) -> None:
    server = starts()
    status, answer = server.call("POST", PROJECTS, {"displayName": "x" * (33 * 1024 * 1024)})
    assert (status, answer["error"]["message"]) == (413, "Request payload size exceeds the limit: 33554432 bytes.")
    assert server.call("GET", "/_aipress/status")[0] == 200
    assert server.call("GET", "/_aipress/nothing")[0] == 404

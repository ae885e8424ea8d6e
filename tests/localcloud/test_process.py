"""The process: its address file, its lock, what survives a kill, and faults over HTTP."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
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
    assert (server.address["time_scale"], server.address["seed"], server.address["grpc"]) == (50, 3, None)
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
    assert again.call("GET", f"{SECRETS}?pageSize=100")[1]["secrets"] == sorted(made, key=lambda secret: secret["name"])
    operation = f"/sqladmin/v1/projects/acme-eu-001/operations/{instance['name']}"
    assert again.call("GET", operation)[1]["status"] == "RUNNING"
    again.call("POST", "/_aipress/time", {"advance": 500})
    assert again.call("GET", operation)[1]["status"] == "DONE"
    assert again.call("GET", "/sqladmin/v1/projects/acme-eu-001/instances/main")[1]["state"] == "RUNNABLE"
    fresh = again.call("POST", f"{SECRETS}?secretId=later", {"replication": {"automatic": {}}})[1]
    assert fresh["etag"] not in {secret["etag"] for secret in made}


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

"""Seeding in bulk, snapshots and restores: all or nothing, coherent with what the methods say afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.localcloud import control
from reconciler.localcloud.values import Request
from tests.localcloud.test_house import SECRETS, SERVICE, SERVICES, Home


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    found = Home(tmp_path)
    found.ask(
        "POST", "/cloudresourcemanager/v3/projects", {"projectId": "acme-eu-001", "parent": "folders/222222222222"}
    )
    found.house.advance(60)
    yield found
    found.rows.close()


def plant(home: Home, *lines: Any) -> tuple[int, Any]:
    raw = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    response = control.answer(home.house, Request("POST", f"{control.PREFIX}seed", {}, {}, raw), {})
    return response.status, response.body


def service(own: str, project: str = "acme-eu-001") -> Any:
    path = f"projects/{project}/locations/europe-west1/services/{own}"
    return {"service": "run", "path": path, "body": {**SERVICE, "uid": own}}


def test_seeded_resources_are_there_for_every_method(home: Home) -> None:
    assert plant(home, service("b"), b"", service("a")) == (200, {"stored": 2})
    assert home.names(SERVICES, "services") == ["a", "b"]
    assert home.ask("GET", f"{SERVICES}/a")[1]["uid"] == "a"
    assert home.ask("POST", SERVICES, SERVICE, serviceId="a")[0] == 409
    assert home.ask("DELETE", f"{SERVICES}/a")[0] == 200
    number = home.ask("GET", "/cloudresourcemanager/v3/projects/acme-eu-001")[1]["name"].removeprefix("projects/")
    assert plant(home, service("c", number))[0] == 200
    assert home.names(SERVICES, "services") == ["b", "c"]


def test_limits_count_what_was_seeded_once(home: Home) -> None:
    home.control("POST", "limits", {"run.services": 3})
    for _ in range(2):
        plant(home, service("a"), service("b"))
    assert [home.ask("POST", SERVICES, SERVICE, serviceId=own)[0] for own in ("c", "d")] == [200, 429]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{", "line 2: "),
        ([], 'line 2: each line must be {"service"'),
        ({"service": "run", "path": "x"}, "line 2: each line must be"),
        (service("a", "nobody"), "line 2: there is no project 'nobody'"),
        ({**service("a"), "service": "runn"}, "line 2: no API is named 'runn'"),
        ({**service("a"), "path": "projects/acme-eu-001/services"}, "must be the full name of a resource"),
        ({**service("a"), "path": "projects/acme-eu-001/services//x"}, "must be the full name"),
        ({**service("a"), "body": []}, "and its body an object"),
        ({"service": "iam", "path": "projects/acme-eu-001/serviceAccounts/a", "body": {}}, "cannot be seeded"),
    ],
)  # fmt: skip
def test_one_wrong_line_and_nothing_is_stored(home: Home, line: Any, said: str) -> None:
    status, answer = plant(home, service("good"), line)
    assert (status, said in answer["error"]) == (400, True), answer
    assert home.names(SERVICES, "services") == []


def test_a_restore_goes_back_in_state_and_time_and_makes_new_ids(home: Home, tmp_path: Path) -> None:
    home.secret("a")
    status, told = home.control("POST", "snapshot", {"name": "before"})
    assert (status, told["file"]) == (200, str(tmp_path / "snapshots" / "before.sqlite"))
    assert told["bytes"] > 4096
    then = home.house.now
    home.secret("b")
    made = home.ask("GET", f"{SECRETS}/b")[1]
    home.ask("DELETE", f"{SECRETS}/a")
    home.house.advance(1000)
    assert home.control("POST", "restore", {"name": "before"})[0] == 200
    assert home.names() == ["a"]
    assert home.house.now == then
    home.secret("b")
    assert home.ask("GET", f"{SECRETS}/b")[1]["etag"] != made["etag"]


def test_a_snapshot_holds_what_is_still_in_the_log_and_survives_what_comes_after(home: Home, tmp_path: Path) -> None:
    file = str(tmp_path / "kept")
    for number in range(300):
        home.secret(f"s{number:03}")
    assert home.control("POST", "snapshot", {"file": file})[0] == 200
    home.control("POST", "reset")
    assert home.control("POST", "snapshot", {"file": str(tmp_path / "empty")})[0] == 200
    assert home.control("POST", "restore", {"file": file})[0] == 200
    assert len(home.names(pageSize="1000")) == 300
    assert home.control("POST", "restore", {"file": str(tmp_path / "empty")})[0] == 200
    assert home.ask("GET", SECRETS)[0] == 403


@pytest.mark.parametrize("verb", ["snapshot", "restore"])
def test_a_file_that_is_no_snapshot_is_left_alone_and_so_is_the_state(home: Home, tmp_path: Path, verb: str) -> None:
    home.secret("a")
    file = tmp_path / "letter.txt"
    file.write_text("Dear Sir or Madam")
    status, answer = home.control("POST", verb, {"file": str(file)})
    assert (status, "snapshot" in answer["error"]) == (400, True)
    assert file.read_text() == "Dear Sir or Madam"
    assert home.names() == ["a"]


@pytest.mark.parametrize(
    "where",
    [
        {},
        {"file": "relative"},
        {"file": "/nowhere/at/all"},
        {"name": "../up"},
        {"name": "a", "file": "/b"},
        {"name": 5},
    ],
)
def test_a_place_that_is_none_is_refused(home: Home, where: Any) -> None:
    assert home.control("POST", "snapshot", where)[0] == 400
    assert home.control("POST", "restore", {"name": "absent"})[0] == 400

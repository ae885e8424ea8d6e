"""The hard truths: faults, stale reads, lags and the recorder, in one process with a clock that is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.localcloud import consistency, control, faults, recorder
from reconciler.localcloud.call import Settings
from reconciler.localcloud.house import House
from reconciler.localcloud.store import SqliteRows
from reconciler.localcloud.values import Request

SECRETS = "/secretmanager/v1/projects/acme-eu-001/secrets"
SERVICES = "/run/v2/projects/acme-eu-001/locations/europe-west1/services"
BODY = {"replication": {"automatic": {}}}
SERVICE = {"template": {"containers": [{"image": "x"}]}}


class Home:
    """A House whose clock stands still until told."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.rows = SqliteRows(folder / "cloud.sqlite")
        self.real = 1_800_000_000.0
        self.house = House(self.rows, Settings(**settings), 5, lambda: self.real)

    def outcome(self, verb: str, path: str, body: object = None, headers: Any = None, **query: str) -> Any:
        raw = b"" if body is None else json.dumps(body).encode()
        asked = {name: [value] for name, value in query.items()}
        return self.house.answer(Request(verb, path, asked, headers or {}, raw))

    def ask(self, verb: str, path: str, body: object = None, headers: Any = None, **query: str) -> tuple[int, Any]:
        response = self.outcome(verb, path, body, headers, **query).response
        return response.status, response.body

    def control(self, verb: str, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
        asked = {name: [value] for name, value in query.items()}
        response = control.answer(self.house, Request(verb, control.PREFIX + path, asked), body or {})
        said = response.body
        return response.status, json.loads(said) if isinstance(said, bytes) else said

    def fault(self, **wish: Any) -> Any:
        status, answer = self.control("POST", "faults", wish)
        assert status == 200, answer
        return answer

    def secret(self, own: str) -> int:
        return self.ask("POST", SECRETS, BODY, secretId=own)[0]

    def names(self, path: str = SECRETS, kind: str = "secrets", **query: str) -> list[str]:
        status, answer = self.ask("GET", path, **query)
        assert status == 200, answer
        return [row["name"].rsplit("/", 1)[1] for row in answer.get(kind, [])]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    found = Home(tmp_path)
    wish = {"projectId": "acme-eu-001", "parent": "folders/222222222222"}
    assert found.ask("POST", "/cloudresourcemanager/v3/projects", wish)[0] == 200
    found.house.advance(60)
    yield found
    found.rows.close()


# --- faults ----------------------------------------------------------------------------------------------------


def test_every_nth_call_and_so_many_times(home: Home) -> None:
    home.fault(kind="error", method="*.secrets.create", status=429, after=1, every=3, times=2, retryAfter=7)
    assert [home.secret(f"s{n}") for n in range(9)] == [200, 429, 200, 200, 429, 200, 200, 200, 200]
    home.control("DELETE", "faults")
    home.fault(kind="error", resource="*/secrets/s1*", message="so it is", reason="because", retryAfter=2.5)
    response = home.outcome("GET", f"{SECRETS}/s1").response
    assert (response.status, response.headers) == (503, {"Retry-After": "2.5"})
    assert home.ask("GET", f"{SECRETS}/s0")[0] == 200


def test_a_rate_strikes_about_so_often_and_the_same_calls_again_by_seed(home: Home) -> None:
    def run(seed: int) -> list[int]:
        home.control(
            "POST", "faults", {"faults": [{"kind": "error", "service": "secretmanager", "rate": 0.3}], "seed": seed}
        )
        home.house.faults.armed[0].id = 1
        found = [home.ask("GET", SECRETS)[0] for _ in range(200)]
        home.control("DELETE", "faults")
        return found

    first = run(1)
    assert 40 <= first.count(503) <= 80
    assert run(1) == first
    assert run(2) != first


def test_a_caller_and_a_time_narrow_a_fault(home: Home) -> None:
    home.fault(kind="error", caller="terraform", lasting=30)
    agent = {"user-agent": "terraform/1.9"}
    assert [home.ask("GET", SECRETS, headers=agent)[0], home.ask("GET", SECRETS)[0]] == [503, 200]
    home.house.advance(31)
    assert home.ask("GET", SECRETS, headers=agent)[0] == 200


def test_cut_before_and_cut_after(home: Home) -> None:
    home.fault(kind="lost_request", match="/secrets")
    assert home.outcome("POST", SECRETS, BODY, secretId="a").lost
    assert home.names() == []
    home.fault(kind="lost_response", match="/secrets")
    assert home.outcome("POST", SECRETS, BODY, secretId="a").lost
    assert home.names() == ["a"]


def test_an_error_after_the_effect(home: Home) -> None:
    home.fault(kind="error", method="*.create", status=504, effect=True)
    assert home.secret("a") == 504
    assert home.secret("a") == 409


def test_latency_is_fixed_or_drawn(home: Home) -> None:
    home.fault(kind="latency", seconds=[0.5, 2], times=0)
    drawn = [home.outcome("GET", SECRETS).delay for _ in range(20)]
    assert all(0.5 <= delay <= 2 for delay in drawn) and len(set(drawn)) > 10
    home.control("DELETE", "faults")
    home.fault(kind="latency", seconds=3)
    assert home.outcome("GET", SECRETS).delay == 3


def test_operations_that_never_end_or_end_late(home: Home) -> None:
    home.fault(kind="stuck_operation", method="run.*.services.create")
    _, stuck = home.ask("POST", SERVICES, SERVICE, serviceId="stuck")
    home.fault(kind="late_operation", method="run.*.services.create", seconds=600)
    _, late = home.ask("POST", SERVICES, SERVICE, serviceId="late")

    def done(operation: Any) -> bool:
        return bool(home.ask("GET", f"/run/v2/{operation['name']}")[1].get("done"))

    home.house.advance(590)
    assert (done(stuck), done(late)) == (False, False)
    home.house.advance(60)
    assert (done(stuck), done(late)) == (False, True)
    home.house.advance(10_000_000)
    assert not done(stuck)


def test_stale_reads_are_the_state_before_so_many_changes(home: Home) -> None:
    for own in ("a", "b", "c"):
        home.secret(own)
    home.fault(kind="stale_read", method="*.secrets.list")
    assert home.names() == ["a", "b"]
    home.fault(kind="stale_read", method="*.secrets.list", behind=2)
    assert home.names() == ["a"]
    home.fault(kind="stale_list", method="*.secrets.list", behind=9)
    assert home.names() == []
    assert home.names() == ["a", "b", "c"]


def test_a_stale_get_shows_the_version_before_or_that_there_is_none(home: Home) -> None:
    home.secret("a")
    home.ask("PATCH", f"{SECRETS}/a", {"labels": {"now": "yes"}}, updateMask="labels")
    home.secret("other")
    home.fault(kind="stale_read", method="*.secrets.get")
    assert "labels" not in home.ask("GET", f"{SECRETS}/a")[1]
    assert home.ask("GET", f"{SECRETS}/a")[1]["labels"] == {"now": "yes"}
    home.fault(kind="stale_read", method="*.secrets.get", behind=2)
    assert home.ask("GET", f"{SECRETS}/a")[0] == 404
    home.ask("DELETE", f"{SECRETS}/a")
    home.fault(kind="stale_read", method="*.secrets.get")
    assert home.ask("GET", f"{SECRETS}/a")[0] == 200, "a deleted one is still seen"


def test_a_stale_list_pages_like_any_other(home: Home) -> None:
    for number in range(7):
        home.secret(f"s{number}")
    home.ask("DELETE", f"{SECRETS}/s0")
    home.fault(kind="stale_list", method="*.secrets.list", times=0)
    found, token = [], ""
    while True:
        _, answer = home.ask("GET", SECRETS, pageSize="3", pageToken=token)
        found += [row["name"][-2:] for row in answer["secrets"]]
        if not (token := answer.get("nextPageToken", "")):
            break
    assert found == [f"s{number}" for number in range(7)]


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"kind": "earthquake"}, "fault kind 'earthquake' is not known; use one of error, latency"),
        ({"kind": "error", "colour": 1}, "'colour' is not known. A fault may have: kind, service, method"),
        ({"kind": "error", "status": "503"}, "'status' must be an HTTP status from 300 to 599; got '503'"),
        ({"kind": "error", "status": 200}, "'status' must be an HTTP status"),
        ({"kind": "error", "rate": 1.5}, "'rate' must be the probability"),
        ({"kind": "error", "times": True}, "'times' must be how often"),
        ({"kind": "latency", "seconds": [2, 1]}, "'seconds' must be a number, or [least, most]"),
        ({"kind": "latency", "seconds": [1, 2, 3]}, "'seconds' must be"),
        ({"faults": [{"kind": "error"}, {"kind": "no"}]}, "fault kind 'no'"),
        ({"faults": 1}, "faults are given as"),
    ],
)  # fmt: skip
def test_a_wrong_fault_is_refused_with_what_is_known_and_nothing_is_armed(home: Home, wish: Any, said: str) -> None:
    status, answer = home.control("POST", "faults", wish)
    assert status == 400
    assert said in answer["error"]
    assert home.control("GET", "faults")[1]["faults"] == []


def test_one_fault_is_removed_by_its_id_and_the_counters_are_shown(home: Home) -> None:
    first, second = home.fault(kind="error", times=0), home.fault(kind="latency", times=0)
    home.ask("GET", SECRETS)
    assert home.control("DELETE", f"faults/{first['id']}")[0] == 200
    (left,) = home.control("GET", "faults")[1]["faults"]
    assert (left["id"], left["kind"], left["seen"], left["hit"]) == (second["id"], "latency", 1, 1)
    assert home.control("DELETE", "faults/77")[0] == 400


def test_every_kind_is_documented() -> None:
    assert all(faults.KINDS.values()) and all(how for _, how in faults.KNOWN.values())


# --- eventual consistency --------------------------------------------------------------------------------------


def test_lists_lag_behind_writes_and_only_of_the_named_service(home: Home) -> None:
    home.control("POST", "consistency", {"lists": {"secretmanager": 10}})
    home.secret("a")
    assert home.names() == []
    assert home.ask("GET", f"{SECRETS}/a")[0] == 200
    home.house.advance(9)
    home.secret("b")
    assert home.names() == []
    home.house.advance(2)
    assert home.names() == ["a"]
    home.house.advance(9)
    home.ask("DELETE", f"{SECRETS}/a")
    assert home.names() == ["b", "a"], "newest first"
    home.ask("POST", SERVICES, SERVICE, serviceId="web")
    assert home.names(SERVICES, "services") == ["web"]


def test_operations_end_on_time_while_their_resource_lags(home: Home) -> None:
    home.control("POST", "consistency", {"lists": {"*": 100}})
    _, operation = home.ask("POST", SERVICES, SERVICE, serviceId="web")
    home.house.advance(50)
    assert home.names(SERVICES, "services") == []
    assert home.ask("GET", f"/run/v2/{operation['name']}")[1]["done"]
    home.control("POST", "consistency", {})
    (row,) = home.ask("GET", SERVICES)[1]["services"]
    assert row["terminalCondition"]["state"] == "CONDITION_SUCCEEDED"


def test_a_get_says_not_found_shortly_after_the_create(home: Home) -> None:
    home.control("POST", "consistency", {"gets": {"secretmanager": 5}})
    home.secret("a")
    assert home.ask("GET", f"{SECRETS}/a")[0] == 404
    assert home.names() == ["a"]
    home.house.advance(6)
    assert home.ask("GET", f"{SECRETS}/a")[0] == 200
    home.ask("PATCH", f"{SECRETS}/a", {"labels": {"now": "yes"}}, updateMask="labels")
    assert home.ask("GET", f"{SECRETS}/a")[1]["labels"] == {"now": "yes"}, "a change is seen at once"


def test_a_policy_is_read_at_once_and_grants_later(home: Home) -> None:
    home.secret("a")
    home.control("POST", "consistency", {"iam": {"secretmanager": 60}})
    policy = {"bindings": [{"role": "roles/viewer", "members": ["user:a@example.com"]}]}
    assert home.ask("POST", f"{SECRETS}/a:setIamPolicy", {"policy": policy})[0] == 200
    assert home.ask("GET", f"{SECRETS}/a:getIamPolicy")[1]["bindings"] == policy["bindings"]
    wanted = {"permissions": ["secretmanager.versions.access"]}
    assert home.ask("POST", f"{SECRETS}/a:testIamPermissions", wanted) == (200, {})
    home.house.advance(61)
    assert home.ask("POST", f"{SECRETS}/a:testIamPermissions", wanted)[1] == wanted


def test_an_api_stays_disabled_for_a_while_after_it_was_enabled(home: Home) -> None:
    home.control("POST", "consistency", {"enable": 120})
    enable = "/serviceusage/v1/projects/acme-eu-001/services/run.googleapis.com:enable"
    _, operation = home.ask("POST", enable, {})
    home.house.advance(20)
    assert home.ask("GET", f"/serviceusage/v1/{operation['name']}")[1]["done"]
    assert home.ask("GET", enable.removesuffix(":enable"))[1]["state"] == "ENABLED"
    status, answer = home.ask("GET", SERVICES)
    assert (status, "has not been used in project" in answer["error"]["message"]) == (403, True)
    home.house.advance(121)
    assert home.ask("GET", SERVICES)[0] == 200


def test_a_time_scale_divides_a_lag(tmp_path: Path) -> None:
    home = Home(tmp_path, time_scale=60)
    home.ask(
        "POST", "/cloudresourcemanager/v3/projects", {"projectId": "acme-eu-001", "parent": "folders/222222222222"}
    )
    home.house.advance(10)
    home.control("POST", "consistency", {"lists": {"*": 60}})
    home.secret("a")
    assert home.names() == []
    home.house.advance(1.01)
    assert home.names() == ["a"]
    home.rows.close()


@pytest.mark.parametrize("wish", [{"list": {}}, {"lists": 5}, {"enable": -1}, {"gets": {"run": "5"}}, {"enable": {}}])
def test_a_wrong_lag_is_refused_with_what_is_known(home: Home, wish: Any) -> None:
    status, answer = home.control("POST", "consistency", wish)
    assert status == 400
    assert "lists" in answer["error"] or "seconds" in answer["error"]
    assert home.house.lags == consistency.Lags()


# --- the recorder ----------------------------------------------------------------------------------------------


def test_the_recorder_shows_who_asked_on_what_condition_and_what_was_written(home: Home) -> None:
    headers = {"authorization": "Bearer s3cr3t-token", "x-goog-user-project": "payer-1", "user-agent": "gcloud/528"}
    home.ask("POST", SECRETS, BODY, headers, secretId="a")
    home.ask("PATCH", f"{SECRETS}/a", {"etag": '"x"', "labels": {"hidden-value": "s3cr3t-label"}}, updateMask="labels")
    home.ask("GET", f"{SECRETS}/b")
    made, patched, read = home.control("GET", "calls")[1]["calls"][-3:]
    assert (made["method"], made["status"], made["mutating"]) == ("secretmanager.projects.secrets.create", 200, True)
    assert made["resource"] == "projects/acme-eu-001/secrets/a"
    assert len(made["wrote"]) == 1 and made["wrote"][0].endswith("/secrets/a")
    assert made["caller"]["project"] == "payer-1" and made["caller"]["agent"] == "gcloud/528"
    assert made["caller"]["token"].startswith("sha256:") and made["time"] == home.house.now
    assert patched["preconditions"] == {"etag": '"x"', "updateMask": "labels"}
    assert (read["status"], read["wrote"], read["mutating"], read["caller"]) == (404, [], False, {})
    assert "s3cr3t" not in json.dumps([made, patched, read])


def test_calls_are_filtered(home: Home) -> None:
    for own in ("a", "b"):
        home.secret(own)
    home.ask("GET", f"{SECRETS}/a")

    def count(**query: str) -> int:
        return len(home.control("GET", "calls", **query)[1]["calls"])

    last = home.control("GET", "calls")[1]["last"]
    assert count(since=str(last - 1)) == 1
    assert count(method="*.secrets.create") == 2
    assert count(mutating="true", service="secretmanager") == 2
    assert count(resource="*/secrets/a") == 2
    assert count(status="404") == 0
    assert count(limit="1") == 1
    assert home.control("GET", "calls", colour="red")[0] == 400
    assert home.control("GET", "calls", since="x")[0] == 400


def test_what_time_brought_about_is_nobodys_write(home: Home) -> None:
    home.ask("POST", SERVICES, SERVICE, serviceId="web")
    home.house.advance(100)
    home.ask("GET", f"{SERVICES}/web")
    assert home.control("GET", "calls")[1]["calls"][-1]["wrote"] == []


def test_the_recorder_is_bounded(home: Home) -> None:
    home.house.calls.most = 5_000
    for _ in range(100):
        home.ask("GET", SECRETS)
    found = home.control("GET", "calls")[1]["calls"]
    assert 5 < len(found) < 40
    assert found[-1]["n"] == home.house.counted


# --- the control door itself -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["faults", "consistency", "quotas", "limits", "time", "snapshot"])
@pytest.mark.parametrize("raw", [b"{", b"[]", b"5", b"{'a': 1}"])
def test_a_body_that_is_no_object_is_refused(home: Home, path: str, raw: bytes) -> None:
    response = control.answer(home.house, Request("POST", control.PREFIX + path, {}, {}, raw), {})
    assert (response.status, response.body["error"]) == (400, "the body must be one JSON object")


@pytest.mark.parametrize("body", [{}, {"advance": -1}, {"advance": "60"}, {"advance": float("nan")}, {"ahead": 60}])
def test_time_goes_forward_only(home: Home, body: Any) -> None:
    before = home.house.now
    assert home.control("POST", "time", body)[0] == 400
    assert home.house.now == before


WORDS = [
    *faults.KNOWN,
    *consistency.KNOWN,
    *faults.KINDS,
    "faults",
    "on",
    "most",
    "file",
    "name",
    "run.services",
    "*",
    "x",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 600) | st.floats() | st.sampled_from(WORDS) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(sorted(control.DOORS)),
    st.dictionaries(st.sampled_from(WORDS), JSON, max_size=4),
    st.text(max_size=3),
)
def test_whatever_is_sent_to_it_is_answered(home: Home, door: tuple[str, str], body: Any, word: str) -> None:
    verb, path = door
    query = {name: word for name in ("since", "limit", "contains") if path in ("calls", "keys")}
    status, answer = home.control(verb, path, body, **query)
    assert status in (200, 400) and (status == 200 or answer["error"])
    home.ask("GET", SECRETS)
    home.control("POST", "reset")


def test_all_of_it_is_documented() -> None:
    text = (Path(control.__file__).parent / "CONTROL.md").read_text(encoding="utf-8")
    for verb, path in control.DOORS:
        assert f"{verb} {path}" in text
    names = (*faults.KINDS, *faults.KNOWN, *consistency.KNOWN, *recorder.FILTERS)
    assert not [
        name for name in names if f"`{name}`" not in text and f"{name}=" not in text and f'"{name}"' not in text
    ]


def test_after_a_long_time_a_great_many_operations_end_in_pieces(home: Home) -> None:
    """As all of them at once would fill the memory; what the request itself writes is still told apart."""
    home.control("POST", "limits", {"run.services": 0})
    for number in range(900):
        home.ask("POST", SERVICES, SERVICE, serviceId=f"s{number}")
    commits = []
    commit = home.rows.commit
    home.rows.commit = lambda writes: (commits.append(len(writes)), commit(writes))[1]  # type: ignore[method-assign]
    home.house.advance(1000)
    commits.clear()
    assert home.ask("POST", SERVICES, SERVICE, serviceId="last")[0] == 200
    assert len(commits) == 2 and max(commits) < 500 * 7
    assert all("last" in key for key in home.control("GET", "calls", limit="1")[1]["calls"][0]["wrote"][-3:])
    _, answer = home.ask("GET", SERVICES, pageSize="2000")
    states = [row["terminalCondition"]["state"] for row in answer["services"]]
    assert states.count("CONDITION_SUCCEEDED") == 900 and len(states) == 901
    home.house.advance(1000)
    home.fault(kind="stale_list")
    assert len(home.ask("GET", SERVICES, pageSize="2000")[1]["services"]) == 901

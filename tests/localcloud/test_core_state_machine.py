"""A model of the state against the pure core: any order of calls, time passing, faults, restarts.

After every step: no exception; what is there is what the model says; a read and a refusal write nothing; a write
touches only what it is about (its resource and what is under it, its operation, its policy) or a side effect listed
here; a request that is dropped leaves no trace. At the end the run is played again and gives the same bytes.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from reconciler.localcloud.call import Settings
from reconciler.localcloud.core import Cloud
from reconciler.localcloud.state import MemoryRows, State
from reconciler.localcloud.values import Request

CLOUD = Cloud(settings=Settings())
PROJECTS = ("acme-eu-001", "acme-eu-002")
PLACE = "locations/europe-west1"
IDS = st.sampled_from(["one", "two", "three"])
PROJECT = st.sampled_from(PROJECTS)
WORDS = st.sampled_from(["red", "green", "blue"])
# Ours: bookkeeping, and operations under names that the server makes.
BOOKS = ("operations/", "pending/", "expiry/", "timers/", "count/")
# What else a method writes, by the resource's collection: rows named otherwise, or things that come with it.
SIDE_EFFECTS = {
    "projects": (
        "project/",
        "projectid/",
        "child/",
        "cloudresourcemanager.purge/",
        "iam/cloudresourcemanager/",
        "serviceusage.",
        "compute.",
        "iam.",
    ),
    "services": ("run.operation/",),
}


@dataclass
class Player:
    """Plays requests on rows and remembers them, so that another can play them again."""

    rows: MemoryRows = field(default_factory=MemoryRows)
    now: float = 1_800_000_000.0
    cloud: Cloud = field(default_factory=lambda: CLOUD)
    log: list[tuple[Request, float]] = field(default_factory=list)
    answers: list[tuple[int, bytes]] = field(default_factory=list)

    def play(self, request: Request, now: float) -> tuple[int, Any, dict[str, bytes | None]]:
        """The answer, and what the request itself wrote."""
        state = State(self.rows)
        self.log.append((request, now))
        answer = self.cloud.handle(state, request, now, random.Random(len(self.log)))
        wrote = {key: raw for key, raw in state.writes.items() if state.settled.get(key, b"") is not raw}
        state.commit()
        self.answers.append((answer.status, json.dumps(answer.body, sort_keys=True).encode()))
        return answer.status, answer.body, wrote


class CloudMachine(RuleBasedStateMachine):
    """Secrets, Run services, a SQL instance's databases and projects, in two projects."""

    def __init__(self) -> None:
        super().__init__()
        self.player = Player()
        self.secrets: dict[tuple[str, str], str] = {}
        self.versions: dict[tuple[str, str], int] = {}
        self.services: dict[tuple[str, str], str] = {}
        self.doomed: set[str] = set()
        self.half = ""
        self.late = 0.0

    def ask(self, verb: str, path: str, about: str, body: Any = None, **query: str) -> tuple[int, Any]:
        raw = b"" if body is None else json.dumps(body).encode()
        asked = {name: [value] for name, value in query.items()}
        request = Request(verb, path, asked, {}, raw, self.half, self.late)
        self.half, self.late = "", 0.0
        before = dict(self.player.rows._values)
        dropped = State(self.player.rows)
        self.player.cloud.handle(dropped, request, self.player.now, random.Random(0))
        assert self.player.rows._values == before, "a dropped request leaves no trace"
        status, answer, wrote = self.player.play(request, self.player.now)
        assert status < 500, answer
        if verb == "GET" or status >= 400:
            assert not wrote, (verb, path, status, sorted(wrote))
        collection, own = about.split("/")
        allowed = (*BOOKS, *SIDE_EFFECTS.get(collection, ()))
        for key in wrote:
            inside = f"{collection}/{own}" in key or f"/{own}" in key
            assert key.startswith(allowed) or inside, f"{verb} {path} wrote {key}"
        return status, answer

    @initialize()
    def two_projects(self) -> None:
        for own in PROJECTS:
            wish = {"projectId": own, "parent": "folders/222222222222"}
            assert self.ask("POST", "/cloudresourcemanager/v3/projects", f"projects/{own}", wish)[0] == 200
        self.player.now += 100

    # --- secrets: no operations, preconditions, versions that are counted

    @rule(project=PROJECT, own=IDS, word=WORDS)
    def create_secret(self, project: str, own: str, word: str) -> None:
        body = {"replication": {"automatic": {}}, "labels": {"word": word}}
        status, _ = self.ask(
            "POST", f"/secretmanager/v1/projects/{project}/secrets", f"secrets/{own}", body, secretId=own
        )
        self.expect(project, status, 409 if (project, own) in self.secrets else 200)
        if status == 200:
            self.secrets[project, own] = word
            self.versions[project, own] = 0

    @rule(project=PROJECT, own=IDS, word=WORDS, stale=st.booleans())
    def patch_secret(self, project: str, own: str, word: str, stale: bool) -> None:
        path = f"/secretmanager/v1/projects/{project}/secrets/{own}"
        etag = {"etag": '"0"'} if stale else {}
        status, _ = self.ask("PATCH", path, f"secrets/{own}", {"labels": {"word": word}, **etag}, updateMask="labels")
        there = (project, own) in self.secrets
        self.expect(project, status, 404 if not there else status if stale else 200)
        assert not (there and stale and project not in self.doomed) or status in (400, 409, 412)
        if status == 200:
            self.secrets[project, own] = word

    @rule(project=PROJECT, own=IDS)
    def add_version(self, project: str, own: str) -> None:
        path = f"/secretmanager/v1/projects/{project}/secrets/{own}:addVersion"
        status, answer = self.ask("POST", path, f"secrets/{own}", {"payload": {"data": "eA=="}})
        self.expect(project, status, 200 if (project, own) in self.secrets else 404)
        if status == 200:
            self.versions[project, own] += 1
            assert answer["name"].endswith(f"/versions/{self.versions[project, own]}")

    @rule(project=PROJECT, own=IDS)
    def delete_secret(self, project: str, own: str) -> None:
        status, _ = self.ask("DELETE", f"/secretmanager/v1/projects/{project}/secrets/{own}", f"secrets/{own}")
        self.expect(project, status, 200 if (project, own) in self.secrets else 404)
        if status == 200:
            del self.secrets[project, own]

    # --- Run services: operations that take time, fail half-way or end late

    @rule(project=PROJECT, own=IDS, word=WORDS)
    def create_service(self, project: str, own: str, word: str) -> None:
        body = {"template": {"containers": [{"image": "gcr.io/a/b", "env": [{"name": "WORD", "value": word}]}]}}
        path = f"/run/v2/projects/{project}/{PLACE}/services"
        status, _ = self.ask("POST", path, f"services/{own}", body, serviceId=own)
        self.expect(project, status, 409 if (project, own) in self.services else 200)
        if status == 200:
            self.services[project, own] = word

    @rule(project=PROJECT, own=IDS, word=WORDS)
    def patch_service(self, project: str, own: str, word: str) -> None:
        body = {"template": {"containers": [{"image": "gcr.io/a/b", "env": [{"name": "WORD", "value": word}]}]}}
        path = f"/run/v2/projects/{project}/{PLACE}/services/{own}"
        status, _ = self.ask("PATCH", path, f"services/{own}", body)
        self.expect(project, status, 200 if (project, own) in self.services else 404, or_busy=True)
        if status == 200:
            self.services[project, own] = word

    @rule(project=PROJECT, own=IDS)
    def delete_service(self, project: str, own: str) -> None:
        path = f"/run/v2/projects/{project}/{PLACE}/services/{own}"
        status, _ = self.ask("DELETE", path, f"services/{own}")
        self.expect(project, status, 200 if (project, own) in self.services else 404, or_busy=True)
        if status == 200:
            del self.services[project, own]

    # --- projects: deleted, and brought back

    @rule(project=PROJECT)
    def delete_project(self, project: str) -> None:
        status, _ = self.ask("DELETE", f"/cloudresourcemanager/v3/projects/{project}", f"projects/{project}")
        assert (status == 200) == (project not in self.doomed)
        self.doomed.add(project)

    @rule(project=PROJECT)
    def undelete_project(self, project: str) -> None:
        path = f"/cloudresourcemanager/v3/projects/{project}:undelete"
        status, _ = self.ask("POST", path, f"projects/{project}", {})
        assert status in (200, 400)
        if status == 200:
            self.doomed.discard(project)

    # --- the world around

    @rule(seconds=st.sampled_from([0.001, 1.0, 6.0, 30.0, 1000.0]))
    def time_passes(self, seconds: float) -> None:
        self.player.now += seconds

    @rule()
    def the_process_is_restarted(self) -> None:
        rows = MemoryRows()
        rows.commit(self.player.rows._values)
        self.player.rows, self.player.cloud = rows, Cloud(library=CLOUD.library, settings=CLOUD.settings)

    @rule(message=st.sampled_from(["INTERNAL: no luck", "RESOURCE_EXHAUSTED: no room"]))
    def the_next_operation_fails_half_way(self, message: str) -> None:
        self.half = message

    @rule(seconds=st.sampled_from([20.0, float("inf")]))
    def the_next_operation_ends_late(self, seconds: float) -> None:
        self.late = seconds

    @precondition(lambda self: len(self.player.log) > 2)
    @invariant()
    def what_is_there_is_what_the_model_says(self) -> None:
        for project in PROJECTS:
            if project in self.doomed:
                status, _ = self.ask("GET", f"/secretmanager/v1/projects/{project}/secrets", "secrets/any")
                assert status == 403
                continue
            _, answer = self.ask("GET", f"/secretmanager/v1/projects/{project}/secrets", "secrets/any")
            found = {row["name"].rsplit("/", 1)[1]: row["labels"]["word"] for row in answer.get("secrets", [])}
            assert found == {own: word for (home, own), word in self.secrets.items() if home == project}
            _, answer = self.ask("GET", f"/run/v2/projects/{project}/{PLACE}/services", "services/any")
            words = {
                row["name"].rsplit("/", 1)[1]: row["template"]["containers"][0]["env"][0]["value"]
                for row in answer.get("services", [])
            }
            assert words == {own: word for (home, own), word in self.services.items() if home == project}

    def expect(self, project: str, status: int, wanted: int, *, or_busy: bool = False) -> None:
        """What the model says, unless the project is being deleted; a busy service may refuse a change."""
        if project in self.doomed:
            assert status == 403
        else:
            assert status == wanted or (or_busy and status in (400, 409)), (status, wanted)

    def teardown(self) -> None:
        again = Player()
        for request, now in self.player.log:
            again.play(request, now)
        assert again.answers == self.player.answers, "the same run gives the same answers"
        assert again.rows._values == self.player.rows._values, "and the same bytes"


CloudMachine.TestCase.settings = settings(
    max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
TestCloudMachine = CloudMachine.TestCase


@pytest.mark.slow
class TestCloudMachineForLonger(CloudMachine.TestCase):
    settings = settings(
        max_examples=150, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)
    )

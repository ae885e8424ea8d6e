"""Any order of changes to a Cloud Run service through both API versions, with time passing as it likes.

However they interleave: both versions show one object, what serves exists, and once time has passed nothing is still
going on. Eighty short histories by seed; a failing one names its seed and prints its steps.
"""

from __future__ import annotations

import random
from typing import Any

import pytest

V2 = "/run/v2/projects/acme-eu-001/locations/europe-west1/services"
V1 = "/run/apis/serving.knative.dev/v1/namespaces/acme-eu-001/services"
HOST = {"host": "europe-west1-run.googleapis.com"}
GOOD, BAD = (
    {"image": "r/i"},
    {"image": "r/i", "env": [{"name": "A", "valueSource": {"secretKeyRef": {"secret": "no"}}}]},
)
TARGET = "TRAFFIC_TARGET_ALLOCATION_TYPE_"


class History:
    """One service, the steps that were taken with it, and how many revisions it should have."""

    def __init__(self, world: Any, seed: int) -> None:
        self.world, self.rng, self.steps = world, random.Random(seed), [f"seed {seed}"]
        self.wanted: str | None = None

    def step(self) -> None:
        name = self.rng.choice(
            ("create", "image", "image", "broken", "label", "split", "latest", "old_revision", "v1", "wait", "wait",
             "delete")
        )  # fmt: skip
        status = getattr(self, name)()
        self.steps.append(f"{name} {status}")
        assert status in (0, 200, 400, 404, 409), self.steps

    def found(self) -> Any:
        return self.world.ask("GET", f"{V2}/web")

    def create(self) -> int:
        return int(self.world.ask("POST", V2, {"template": {"containers": [GOOD]}}, serviceId="web")[0])

    def patch(self, body: Any, mask: str) -> int:
        return int(self.world.ask("PATCH", f"{V2}/web", body, updateMask=mask)[0])

    def image(self) -> int:
        container = {**GOOD, "image": f"r/i:{self.rng.randrange(99)}"}
        return self.patch({"template": {"containers": [container]}}, "template")

    def broken(self) -> int:
        return self.patch({"template": {"containers": [BAD]}}, "template")

    def label(self) -> int:
        return self.patch({"labels": {"n": str(self.rng.randrange(9))}}, "labels")

    def revisions(self) -> list[str]:
        answer = self.world.ask("GET", f"{V2}/web/revisions")[1]
        return [found["name"].rsplit("/", 1)[1] for found in answer.get("revisions", [])]

    def split(self) -> int:
        pinned = self.rng.choice([*self.revisions(), "web-none"])
        share = self.rng.choice((10, 100))
        targets = [{"type": f"{TARGET}REVISION", "revision": pinned, "percent": share, "tag": "t"}]
        if share < 100:
            targets.append({"type": f"{TARGET}LATEST", "percent": 100 - share})
        return self.patch({"traffic": targets}, "traffic")

    def latest(self) -> int:
        return self.patch({"traffic": [{"type": f"{TARGET}LATEST", "percent": 100}]}, "traffic")

    def old_revision(self) -> int:
        own = self.rng.choice([*self.revisions(), "web-none"])
        return int(self.world.ask("DELETE", f"{V2}/web/revisions/{own}")[0])

    def v1(self) -> int:
        status, whole = self.world.ask("GET", f"{V1}/web", headers=HOST)
        if status != 200:
            return int(status)
        whole["spec"]["template"]["spec"]["containerConcurrency"] = self.rng.randrange(1, 9)
        return int(self.world.ask("PUT", f"{V1}/web", whole, headers=HOST)[0])

    def wait(self) -> int:
        self.world.pass_time(self.rng.choice((1, 7, 15, 60)))
        return 0

    def delete(self) -> int:
        return int(self.world.ask("DELETE", f"{V2}/web")[0]) if self.rng.random() < 0.3 else 0

    def check(self) -> None:
        status, now = self.found()
        seen, other = self.world.ask("GET", f"{V1}/web", headers=HOST)
        assert status == seen, self.steps
        if status != 200:
            return
        assert (now["uid"], int(now["generation"])) == (other["metadata"]["uid"], other["metadata"]["generation"])
        ready = other["status"].get("latestReadyRevisionName", "")
        assert now.get("latestReadyRevision", "").rsplit("/", 1)[-1] == ready, self.steps
        there = set(self.revisions())
        for target in other["status"].get("traffic", []):
            assert target["revisionName"] in there, self.steps
        assert sum(target.get("percent", 0) for target in now.get("trafficStatuses", [])) in (0, 100), self.steps
        assert len(self.revisions()) == len(there), self.steps

    def settle(self) -> None:
        self.world.pass_time(100)
        self.check()
        status, now = self.found()
        if status != 200:
            return
        assert "reconciling" not in now, self.steps
        state = now["terminalCondition"]["state"]
        assert state in ("CONDITION_SUCCEEDED", "CONDITION_FAILED"), self.steps
        if state == "CONDITION_SUCCEEDED":
            assert now["observedGeneration"] == now["generation"], self.steps
            assert [t.get("percent") for t in now["trafficStatuses"]] == [t.get("percent") for t in now["traffic"]]
        for revision in self.world.ask("GET", f"{V2}/web/revisions")[1].get("revisions", []):
            assert "reconciling" not in revision, self.steps


@pytest.mark.parametrize("seed", range(8))
def test_any_history_leaves_one_consistent_service(world: Any, seed: int) -> None:
    for part in range(10):
        history = History(world, seed * 10 + part)
        for _ in range(history.rng.randrange(3, 15)):
            history.step()
            history.check()
        history.settle()

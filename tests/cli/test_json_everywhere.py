"""With --json every command's standard output is one JSON document, from the first plan to the rollback, errors too."""

import json
import subprocess
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.cli.conftest import Aipress

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def commit(text: str) -> None:
    identity = ["-c", "user.name=Jo", "-c", "user.email=jo@example.org"]
    subprocess.run(["git", *identity, "commit", "-q", "-a", "-m", text], cwd="made", check=True)


def patch(url: str, body: Any) -> None:
    content = json.dumps(body).encode()
    with urlopen(Request(url, content, {"content-type": "application/json"}, method="PATCH"), timeout=30) as answer:
        answer.read()


def test_the_loop_in_json(aipress: Aipress) -> None:
    aipress("fleet", "generate", "made", "--tenants", "2", "--shards", "1", "--seed", "5")

    def said(*words: str, code: int = 0) -> Any:
        ended = aipress("-C", "made", *words, "--json")
        assert ended.code == code, (words, ended.out, ended.err)
        return ended.json

    assert "cloud up" in said("plan", code=3)["hint"]
    url = said("cloud", "up", "--time-scale", "5000")["url"]
    try:
        assert said("doctor")
        assert said("bootstrap", "--plan")["summary"]["create"] > 0
        assert said("bootstrap", "--yes")["exit"] == 0
        plan = said("plan", "--out", "first.plan", "--detailed-exitcode", code=2)
        assert plan["format"] == "aipress.plan/1"
        assert said("show", "first.plan") == plan
        applied = said("apply", "first.plan")
        assert applied["plan"] == plan["digest"]
        assert {item["result"] for item in applied["items"]} == {"done"}
        assert said("plan", "--detailed-exitcode")["changes"] == []
        assert {row["sync"] for row in said("status")} == {"Synced"}

        service = next(c for c in plan["changes"] if c["kind"] == "run.service")
        tenant, name = service["target"], service["name"]
        scaling = {"template": {"scaling": {"maxInstanceCount": 3}}}
        patch(f"{url}/run/v2/{name}?updateMask=template.scaling.maxInstanceCount", scaling)
        drift = said("drift", "list", tenant, "--detailed-exitcode", code=2)
        assert [(row["field"], row["live"]) for row in drift] == [("template.scaling.maxInstanceCount", 3)]
        assert said("drift", "show", tenant) == drift
        accepted = said("drift", "accept", tenant)
        assert accepted["files"] == [service["source"].rpartition(":")[0]] or accepted["files"]
        assert said("apply", "--yes", tenant)["exit"] == 0
        assert said("drift", "list") == []

        file = Path("made") / accepted["files"][0]
        file.write_text(file.read_text().replace("spec:\n", "spec:\n  database: { connections: 33 }\n", 1))
        commit("more connections")
        assert said("plan", "--base", "HEAD~1", tenant)["summary"]["update"] >= 1
        assert said("apply", code=5)["hint"].startswith("--yes")
        assert said("apply", "--yes", tenant)["exit"] == 0
        history = said("history", tenant)
        assert {"version", "parent", "shard", "number", "at", "actor", "trigger", "fleet_commit", "plan", "result",
                "summary"} <= history[0].keys()  # fmt: skip
        assert said("history", "show", history[0]["version"])["items"]
        assert said("history", "diff", history[1]["version"])["changes"]
        assert said("show", history[0]["id"])["version"] == history[0]["version"]

        assert said("pause", tenant, "--reason", "lunch", "--until", "2h")["target"] == tenant
        assert [hold["target"] for hold in said("resume", tenant)] == [tenant]
        assert said("resume", tenant, code=3)["error"]
        returned = said("rollback", tenant, history[1]["version"])
        assert returned["commit"]
        assert said("serve", "--once")["exit"] == 0
        assert said("plan", "--detailed-exitcode")["changes"] == []
        assert said("history", "show", "s0001/999", code=3)["error"]
        assert said("plan", "tenant/nosuch", code=3)["error"]
    finally:
        aipress("-C", "made", "cloud", "down")

"""`aipress ci` as a pipeline calls it: where it finds its pull request, what it sends, what it says without a token."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.plan_file import write_plan
from reconciler.model.ids import Address, tenant_target
from reconciler.model.mark import Mark
from reconciler.model.plan import Action, Change, FieldChange, Plan
from tests.cli.conftest import Aipress
from tests.forge.host import CodeHost, Fault, listening

HEAD = "b" * 40
TOKEN, OURS = "ghs_0123456789abcdefSECRET", 41
SOURCE = "shards/s/tenants/acme/tenant.yaml:3"
CHANGE = Change(
    Address(tenant_target("acme"), "run.service", "production"), "projects/p/acme", "projects/p", Action.DELETE, "",
    {}, "sha256:0", SOURCE, "s", "k3v9x2ma", (FieldChange("template.timeout", "1s", "2s"),),
)  # fmt: skip
PLAN = Plan("local:x", "", HEAD, {"shard/s": None}, (CHANGE,), compared=5)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[CodeHost]:
    for name in list(os.environ):
        if name.startswith(("GITHUB_", "GITLAB_", "CI_", "GH_", "AIPRESS_FORGE")):
            monkeypatch.delenv(name)
    with listening(CodeHost()) as made:
        made.user(TOKEN, OURS, "aipress-bot")
        made.pull(12, HEAD)
        yield made


@pytest.fixture
def saved(tmp_path: Path) -> str:
    write_plan(tmp_path / "plan.json", PLAN)
    return str(tmp_path / "plan.json")


def actions(monkeypatch: pytest.MonkeyPatch, host: CodeHost, tmp_path: Path, *, fork: bool = False) -> None:
    head = {"sha": HEAD, "repo": {"id": 99 if fork else 7}}
    event = {"pull_request": {"number": 12, "head": head, "base": {"repo": {"id": 7}}}}
    (tmp_path / "event.json").write_text(json.dumps(event))
    for name, value in {
        "GITHUB_ACTIONS": "true", "GITHUB_API_URL": host.url, "GITHUB_REPOSITORY": "org/fleet",
        "GITHUB_EVENT_PATH": str(tmp_path / "event.json"), "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_SHA": "c" * 40,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)


def pipeline(monkeypatch: pytest.MonkeyPatch, host: CodeHost) -> None:
    for name, value in {
        "GITLAB_CI": "true", "CI_API_V4_URL": f"{host.url}/api/v4", "CI_PROJECT_ID": "7", "CI_COMMIT_SHA": HEAD,
        "CI_MERGE_REQUEST_IID": "12", "CI_PROJECT_URL": "https://gitlab.example/org/fleet",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)


def test_github_actions_comments_and_then_edits(
    aipress: Aipress, host: CodeHost, saved: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions(monkeypatch, host, tmp_path)
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    ended = aipress("ci", "comment", "--plan", saved)
    assert (ended.code, ended.out) == (0, "")
    assert "org/fleet#12 is created" in ended.err
    (made,) = host.of(12)
    mark = Mark.of(made["body"])
    assert mark is not None and (mark.key, mark.head, mark.plan) == ("plan", HEAD, PLAN.digest)
    assert f"https://github.example/org/fleet/blob/{HEAD}/shards/s/tenants/acme/tenant.yaml#L3" in made["body"]

    again = aipress("ci", "comment", "--plan", saved, "--json")
    assert again.json["came"] == "left as it is"
    newer = replace(PLAN, fleet_head="c" * 40)
    write_plan(Path(saved), newer)
    host.pull(12, "c" * 40)
    event = (tmp_path / "event.json").read_text()
    assert "the head has moved on" in aipress("ci", "comment", "--plan", saved).err, "a job of the push before"
    (tmp_path / "event.json").write_text(event.replace(HEAD, "c" * 40))
    assert "is edited" in aipress("ci", "comment", "--plan", saved).err
    assert [row["id"] for row in host.of(12)] == [made["id"]]


def test_a_plan_of_the_merge_is_told_on_the_head(
    aipress: Aipress, host: CodeHost, saved: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a workflow checks out by itself is a merge that nobody pushed."""
    actions(monkeypatch, host, tmp_path)
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    write_plan(Path(saved), replace(PLAN, fleet_head="e" * 40))
    assert aipress("ci", "comment", "--plan", saved).code == aipress("ci", "annotate", "--plan", saved).code == 0
    mark = Mark.of(host.of(12)[0]["body"])
    assert mark is not None and mark.head == HEAD
    assert f"/blob/{HEAD}/" in host.of(12)[0]["body"]
    assert host.checks[0]["head_sha"] == HEAD


def test_a_host_that_takes_less_gets_less(
    aipress: Aipress, host: CodeHost, saved: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions(monkeypatch, host, tmp_path)
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    address = CHANGE.address
    many = tuple(replace(CHANGE, address=replace(address, target=tenant_target(f"site-{n:03d}"))) for n in range(200))
    write_plan(Path(saved), replace(PLAN, changes=many))
    host.longest = len(aipress("ci", "comment", "--plan", saved, "--dry-run").out) - 2
    ended = aipress("ci", "comment", "--plan", saved)
    assert ended.code == 0, ended.err
    assert len(host.of(12)[0]["body"]) <= min(host.longest, 30_000)
    assert "_Shortened to fit a comment" in host.of(12)[0]["body"]
    assert [a.method for a in host.asked].count("POST") == 2


def test_gitlab_ci(aipress: Aipress, host: CodeHost, saved: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline(monkeypatch, host)
    monkeypatch.setenv("GITLAB_TOKEN", TOKEN)
    assert aipress("ci", "comment", "--plan", saved).code == 0
    assert "https://gitlab.example/org/fleet/-/blob/" in host.of(12)[0]["body"]


def test_flags_and_a_token_in_a_file(
    aipress: Aipress, host: CodeHost, saved: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text(TOKEN + "\n")
    monkeypatch.setenv("AIPRESS_FORGE_TOKEN_FILE", str(tmp_path / "token"))
    where = ("--forge", "github", "--repository", "org/fleet", "--api-url", host.url)
    assert aipress("ci", "comment", "--plan", saved, "--pr", "12", *where).code == 0
    assert len(host.of(12)) == 1
    ended = aipress("ci", "comment", "--plan", saved, *where)
    assert ended.code == 64 and "--pr NUMBER" in ended.err


def test_without_a_token_it_is_printed(
    aipress: Aipress, host: CodeHost, saved: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions(monkeypatch, host, tmp_path)
    ended = aipress("ci", "comment", "--plan", saved)
    assert ended.code == 0
    assert ended.out.startswith("<!-- aipress:comment v=1 key=plan")
    assert "there is no token: the comment is printed" in ended.err
    assert not host.asked


def test_a_dry_run_needs_nothing(aipress: Aipress, host: CodeHost, saved: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    ended = aipress("ci", "comment", "--plan", saved, "--dry-run")
    assert ended.code == 0 and "### AIPress plan" in ended.out
    assert not host.asked
    assert aipress("ci", "comment", "--plan", saved, "--dry-run", "--json").json["body"] == ended.out


@pytest.mark.parametrize("fork", [True, False])
def test_a_forks_token_may_not_write(
    aipress: Aipress, host: CodeHost, saved: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fork: bool
) -> None:
    actions(monkeypatch, host, tmp_path, fork=fork)
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    host.read_only.add(OURS)
    ended = aipress("ci", "comment", "--plan", saved)
    assert ended.code == (0 if fork else 4)
    assert ("### AIPress plan" in ended.out) is fork
    assert "a fork's pipeline may not comment" in ended.err if fork else "not accessible by integration" in ended.err


def test_outside_ci_it_asks_where(aipress: Aipress, host: CodeHost, saved: str) -> None:
    ended = aipress("ci", "comment", "--plan", saved)
    assert ended.code == 64 and "--forge and --repository" in ended.err


@pytest.mark.parametrize("verb", ["comment", "annotate"])
def test_the_token_is_never_shown(
    aipress: Aipress, host: CodeHost, saved: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    actions(monkeypatch, host, tmp_path)
    host.tokens.clear()
    for token in (TOKEN, TOKEN + " and\nmore"):
        monkeypatch.setenv("GITHUB_TOKEN", token)
        ended = aipress("ci", verb, "--plan", saved, "-v")
        assert ended.code in (4, 64)
        assert "SECRET" not in ended.out + ended.err


def test_a_plan_that_is_none(aipress: Aipress, host: CodeHost, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text("{}")
    assert aipress("ci", "comment", "--plan", str(tmp_path / "plan.json"), "--dry-run").code == 3


def test_annotations_on_github(
    aipress: Aipress, host: CodeHost, saved: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions(monkeypatch, host, tmp_path)
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    assert aipress("ci", "annotate", "--plan", saved).code == 0
    (made,) = host.checks
    assert (made["name"], made["head_sha"], made["conclusion"]) == ("aipress/plan", HEAD, "success")
    (remark,) = made["annotations"]
    assert (remark["path"], remark["start_line"]) == ("shards/s/tenants/acme/tenant.yaml", 3)
    assert made["summary"].startswith("<!-- aipress:comment")


def test_annotations_without_a_token_are_workflow_commands(
    aipress: Aipress, host: CodeHost, saved: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions(monkeypatch, host, tmp_path)
    ended = aipress("ci", "annotate", "--plan", saved)
    assert ended.code == 0
    assert ended.out.startswith("::warning file=shards/s/tenants/acme/tenant.yaml,line=3,")
    assert "aipress/plan: success: 1 delete" in ended.err


def test_gitlabs_reports_need_no_token(
    aipress: Aipress, host: CodeHost, saved: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline(monkeypatch, host)
    ended = aipress("ci", "annotate", "--plan", saved)
    assert (ended.code, ended.out) == (0, "")
    assert json.loads(Path("aipress-widget.json").read_text()) == {"create": 0, "update": 0, "delete": 1}
    assert json.loads(Path("aipress-codequality.json").read_text())[0]["check_name"] == "plan/deletes"
    assert not host.asked

    monkeypatch.setenv("GITLAB_TOKEN", TOKEN)
    said: Any = aipress("ci", "annotate", "--plan", saved, "--widget", "w.json", "--json").json
    assert said == {"annotations": 1, "conclusion": "success", "sent": True, "title": host.statuses[0]["description"]}
    assert Path("w.json").exists()


def test_a_host_that_is_down_is_exit_1(
    aipress: Aipress, host: CodeHost, saved: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions(monkeypatch, host, tmp_path)
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.setattr("reconciler.engine.clock.SystemClock.sleep", lambda self, seconds: None)
    host.fail(Fault("GET", status=503, times=99))
    ended = aipress("ci", "comment", "--plan", saved)
    assert ended.code == 1 and "503, 5 times" in ended.err

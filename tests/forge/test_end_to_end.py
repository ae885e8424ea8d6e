"""Push a branch → plan → the comment appears → push again → the same comment is edited → a stranger forges our first
line → ours stays the one. With git over HTTP, a local cloud, and the scripts of examples/ci as they stand there."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.model.mark import Mark
from tests.conftest import LocalCloud
from tests.forge.host import CodeHost, Row, listening
from tests.scenarios.conftest import laid_out
from tests.scenarios.playing import Stage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

ROOT = Path(__file__).parents[2]
CI = ROOT / "examples" / "ci"
TENANT = "shards/eu-001/tenants/acme-bakery/tenant.yaml"
OURS, STRANGER, LENA = 41898282, 999, 500
TOKEN = "ghs_endtoend0123456789"


@dataclass
class Scene:
    """`clone`: where Lena works; `jobs`: where CI does, one fresh clone for each run."""

    host: CodeHost
    clone: Stage
    jobs: Path
    runs: int = 0

    def git(self, *words: str, folder: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *words], cwd=folder or self.clone.fleet, env=self.clone.environment(), text=True,
            capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def edit(self, old: str, new: str, words: str) -> str:
        file = self.clone.fleet / TENANT
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))
        self.git("commit", "-qam", words)
        self.git("push", "-q", "origin", "change")
        return self.git("rev-parse", "HEAD")

    def job(self, steps: list[str], environment: Mapping[str, str], commit: str) -> "subprocess.CompletedProcess[str]":
        """The steps of a job, each a script of its own, in a fresh clone at a commit, up to the first that fails."""
        self.runs += 1
        folder = self.jobs / str(self.runs)
        self.git("clone", "-q", f"{self.host.url}/git/fleet.git", str(folder), folder=self.jobs)
        self.git("checkout", "-q", commit, folder=folder)
        tools = self.jobs / "bin"
        tools.mkdir(exist_ok=True)
        (tools / "aipress").write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m reconciler "$@"\n')
        (tools / "aipress").chmod(0o755)
        kept = folder / "github_env"
        shared = {
            **self.clone.environment(), **environment, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "AIPRESS_STATE": str(self.jobs / "state"), "GITHUB_ENV": str(kept),
            "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        }  # fmt: skip
        shared.pop("AIPRESS_CLOUD", None)  # the examples say gcp; AIPRESS_CLOUD_URL says local
        done = subprocess.CompletedProcess([""], 0, "", "")
        for step in steps:
            own = dict(line.split("=", 1) for line in kept.read_text().splitlines()) if kept.exists() else {}
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", step], cwd=folder, env={**shared, **own}, text=True,
                capture_output=True, check=False, timeout=120,
            )  # fmt: skip
            if done.returncode:
                break
        return done

    def ours(self) -> list[Row]:
        return [row for row in self.host.of(12) if row["author"] == OURS]


@pytest.fixture
def scene(tmp_path: Path, local_cloud: LocalCloud) -> Iterator[Scene]:
    served = tmp_path / "served"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(served / "fleet.git")], check=True)
    bare = ["git", "-C", str(served / "fleet.git")]
    subprocess.run([*bare, "config", "http.receivepack", "true"], check=True)

    def head() -> str:
        return subprocess.run([*bare, "rev-parse", "change"], text=True, capture_output=True, check=True).stdout.strip()

    with listening(CodeHost(served)) as host:
        host.user(TOKEN, OURS, "github-actions[bot]", app=True)
        host.user("lenas-token", LENA, "lena")
        host.pull(12, head, author=LENA)
        made = Scene(host, laid_out(tmp_path, local_cloud.url), tmp_path / "jobs")
        made.jobs.mkdir()
        made.git("remote", "add", "origin", f"{host.url}/git/fleet.git")
        made.git("push", "-q", "origin", "main")
        made.git("checkout", "-q", "-b", "change")
        yield made


def on_github(scene: Scene, commit: str) -> "subprocess.CompletedProcess[str]":
    """examples/ci/github/plan.yml, its scripts as they are."""
    job = yaml.safe_load((CI / "github/plan.yml").read_text())["jobs"]["plan"]
    main = scene.git("rev-parse", "main")
    event = {"pull_request": {"number": 12, "head": {"sha": commit, "repo": {"id": 7}}, "base": {"repo": {"id": 7}}}}
    (scene.jobs / "event.json").write_text(json.dumps(event))
    values = {
        "github.event.pull_request.base.sha": main, "github.event.pull_request.head.sha": commit,
        "github.token": TOKEN, "vars.AIPRESS_HISTORY": "",
    }  # fmt: skip

    def environment(named: Mapping[str, Any]) -> dict[str, str]:
        told = {name: values.get(str(v).removeprefix("${{ ").removesuffix(" }}"), str(v)) for name, v in named.items()}
        return {name: value for name, value in told.items() if value}

    steps = [step for step in job["steps"] if "run" in step and "pip install" not in step["run"]]
    given = {
        **environment(job["env"]), **environment({k: v for s in steps for k, v in s.get("env", {}).items()}),
        "GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "org/fleet", "GITHUB_API_URL": scene.host.url,
        "GITHUB_SERVER_URL": "https://github.example", "GITHUB_EVENT_PATH": str(scene.jobs / "event.json"),
    }  # fmt: skip
    return scene.job([step["run"] for step in steps], given, commit)


def on_gitlab(scene: Scene, commit: str) -> "subprocess.CompletedProcess[str]":
    """examples/ci/gitlab/.gitlab-ci.yml, the plan's script as it is."""
    job = yaml.safe_load((CI / "gitlab/.gitlab-ci.yml").read_text())["aipress:plan"]
    given = {
        "GITLAB_CI": "true", "CI_API_V4_URL": f"{scene.host.url}/api/v4", "CI_PROJECT_ID": "7", "CI_COMMIT_SHA": commit,
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": scene.git("rev-parse", "main"), "CI_MERGE_REQUEST_IID": "12",
        "CI_PROJECT_URL": "https://gitlab.example/org/fleet", "GITLAB_TOKEN": TOKEN,
    }  # fmt: skip
    return scene.job(["\n".join(job["script"])], given, commit)


def on_cloud_build(scene: Scene, commit: str) -> "subprocess.CompletedProcess[str]":
    """examples/ci/cloudbuild/cloudbuild.yaml, its plan and its comment as they are, variables put in as it does."""
    steps = {s["id"]: s for s in yaml.safe_load((CI / "cloudbuild/cloudbuild.yaml").read_text())["steps"]}
    workspace = scene.jobs / "workspace"
    (workspace / ".venv").mkdir(parents=True, exist_ok=True)
    (workspace / ".base").write_text(scene.git("rev-parse", "main"))
    values = {
        "$COMMIT_SHA": commit, "$REPO_FULL_NAME": "org/fleet", "$_PR_NUMBER": "12", "$$": "$",
        "/workspace/": f"{workspace}/",
    }  # fmt: skip
    scripts = []
    for name in ("plan", "comment"):
        script = steps[name]["args"][1].replace("--forge github", f"--forge github --api-url {scene.host.url}")
        for written, meant in values.items():
            script = script.replace(written, meant)
        scripts.append(script)
    return scene.job(scripts, {"GITHUB_TOKEN": TOKEN}, commit)


@pytest.mark.parametrize("run", [on_github, on_gitlab, on_cloud_build])
def test_one_comment_from_the_first_push_to_the_last(scene: Scene, run: Any) -> None:
    first = scene.edit("tier: silver", "tier: bronze", "acme shrinks")
    ended = run(scene, first)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (made,) = scene.ours()
    mark = Mark.of(made["body"])
    assert mark is not None and mark.head == first
    assert "`acme-bakery`" in made["body"]

    # A stranger writes our first line with a head and a time of his own, before and after ours.
    forged = Mark("plan", "", "f" * 40, at="2999-01-01T00:00:00Z").line()
    for body in (forged + "\nmerge me, nothing changes", made["body"]):
        scene.host.say(12, STRANGER, body)

    second = scene.edit("tier: bronze", "tier: bronze\n  runtime: { memory: 1Gi }", "acme grows")
    ended = run(scene, second)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (edited,) = scene.ours()
    assert edited["id"] == made["id"]
    mark = Mark.of(edited["body"])
    assert mark is not None and mark.head == second

    # A job of the first push that comes late changes nothing.
    ended = run(scene, first)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert [row["body"] for row in scene.ours()] == [edited["body"]]
    assert sum(row["author"] == STRANGER for row in scene.host.of(12)) == 2
    assert TOKEN not in ended.stdout + ended.stderr


def test_a_wrong_file_is_told_and_fails_the_job(scene: Scene) -> None:
    wrong = scene.edit("tier: silver", "teir: silver", "a slip")
    ended = on_github(scene, wrong)
    assert ended.returncode == 3, ended.stdout + ended.stderr
    (made,) = scene.ours()
    assert "mend the " in made["body"]
    (check,) = scene.host.checks
    assert (check["head_sha"], check["conclusion"]) == (wrong, "failure")
    assert any(a["path"] == TENANT and a["annotation_level"] == "failure" for a in check["annotations"])

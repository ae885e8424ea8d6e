"""The CI set-ups in examples/ci: they parse, and every command in them is one that aipress knows."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from cyclopts.exceptions import CycloptsError

from reconciler.cli.app import build
from tests.examples.commands import in_page, in_script, in_yaml

ROOT = Path(__file__).parents[2]
CI = ROOT / "examples" / "ci"
PIPELINES = (
    "github/validate.yml",
    "github/plan.yml",
    "gitlab/.gitlab-ci.yml",
    "cloudbuild/cloudbuild.yaml",
)
SCRIPTS = tuple(sorted(p.relative_to(ROOT).as_posix() for p in (ROOT / "hooks").iterdir()))
PAGES = ("README.md", "reconciler/ARCHITECTURE.md")


def read(name: str) -> Any:
    return yaml.safe_load((CI / name).read_text())


def calls_of(name: str) -> list[list[str]]:
    text = (ROOT / name).read_text()
    if name in PAGES:
        return list(in_page(text))
    return list(in_script(text)) if name in SCRIPTS else list(in_yaml(yaml.safe_load(text)))


BUILT = pytest.mark.skipif(not (ROOT / "reconciler/cli/plan.py").exists(), reason="the command line is being built")


def accept(arguments: list[str]) -> None:
    """Parses as `aipress` would, shared options first; calls nothing. Raises CycloptsError."""
    app = build()
    arguments = ["12" if word == "$_PR_NUMBER" else word for word in arguments]
    _, shared, _ = app.meta.parse_args(arguments, exit_on_error=False, print_error=False)
    app.parse_args(list(shared.args), exit_on_error=False, print_error=False)


def test_every_pipeline_is_tested() -> None:
    assert {p.relative_to(CI).as_posix() for p in CI.rglob("*") if p.is_file()} == set(PIPELINES)


@pytest.mark.parametrize(
    ("name", "commands"),
    [
        ("github/validate.yml", ["validate"]),
        ("github/plan.yml", ["plan", "ci comment", "ci comment", "ci annotate"]),
        ("gitlab/.gitlab-ci.yml", ["validate", "plan", "ci annotate", "ci comment"]),
        ("cloudbuild/cloudbuild.yaml", ["validate", "plan", "ci comment"]),
    ],
)
def test_a_pipeline_validates_plans_tells_and_nothing_else(name: str, commands: list[str]) -> None:
    called = [" ".join(words[: 2 if words[0] == "ci" else 1]) for words in in_yaml(read(name))]
    assert called == commands


def test_the_hook_of_pre_commit_is_a_command_and_knows_the_fleets_files() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    (command,) = in_script(hook["entry"])
    accept(command)
    concerned = re.compile(hook["files"])
    fleet = [p.relative_to(ROOT / "fleet").as_posix() for p in (ROOT / "fleet").rglob("*.yaml")]
    for path in fleet:
        assert concerned.search(path), path
    assert not concerned.search("README.md") and not concerned.search("charts/values.yaml")


@BUILT
@pytest.mark.parametrize("name", [*(f"examples/ci/{p}" for p in PIPELINES), *SCRIPTS, *PAGES])
def test_every_command_line_is_accepted_by_the_parser(name: str) -> None:
    for arguments in calls_of(name):
        accept(arguments)


@BUILT
@pytest.mark.parametrize("wrong", [["plan", "--bse", "main"], ["plann"], ["validate", "--output-format", "xml"]])
def test_the_parser_refuses_what_is_wrong(wrong: list[str]) -> None:
    with pytest.raises(CycloptsError):
        accept(wrong)


def test_forks_see_no_secret_and_may_not_write() -> None:
    pipeline = read("github/validate.yml")
    assert pipeline["permissions"] == {"contents": "read"}
    text = (CI / "github/validate.yml").read_text()
    assert "secrets." not in text and "id-token" not in text


@pytest.mark.parametrize("name", ["github/validate.yml", "github/plan.yml"])
def test_no_workflow_runs_a_strangers_code_with_our_rights(name: str) -> None:
    pipeline = read(name)
    assert pipeline[True] == "pull_request"  # YAML 1.1 reads the key `on` as true
    for job in pipeline["jobs"].values():
        for step in job["steps"]:
            assert "${{" not in step.get("run", ""), "a value in a script is code: pass it through env"
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


def test_a_plan_on_github_is_for_branches_of_the_repository_itself() -> None:
    job = read("github/plan.yml")["jobs"]["plan"]
    assert job["if"] == "github.event.pull_request.head.repo.full_name == github.repository"


@pytest.mark.parametrize("name", PIPELINES)
def test_what_is_pulled_in_is_pinned(name: str) -> None:
    def images(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [v for k, v in value.items() if k in ("image", "uses") or (k == "name" and "entrypoint" in value)]
            return own + [i for v in value.values() for i in images(v)]
        return [i for v in value for i in images(v)] if isinstance(value, list) else []

    found = images(read(name))
    assert found
    for image in found:
        if not image.startswith("gcr.io/cloud-builders/"):  # Google's own steps have no version tags
            assert "@" in image or ":" in image.rpartition("/")[2], image
            assert not image.endswith((":latest", "@main", "@master")), image
    assert "sha" in (CI / name).read_text(), "says how to pin by digest"


def test_the_reader_of_commands_sees_them() -> None:
    script = """
    # aipress in a comment --flag
    command -v aipress || echo "aipress is not here"
    output=$(NO_COLOR=1 aipress validate --rev "$1" 2>&1) || code=$?
    if aipress plan --base "$(cat base)" \\
        --out p.json > out.txt; then exec .venv/bin/aipress show p.json; fi
    """
    assert list(in_script(script)) == [
        ["validate", "--rev", "$1"],
        ["plan", "--base", "$(cat base)", "--out", "p.json"],
        ["show", "p.json"],
    ]
    assert list(in_page("```console\n$ aipress plan fleet\nNo changes.\n```\nand `aipress x`")) == [["plan", "fleet"]]

"""The story that `aipress demo` tells: real commands on a real repository; only the data centre is the local cloud."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import Request, urlopen

from rich.console import Console

from reconciler.model.errors import AipressError

TIME_SCALE = "2000"
"""Ten minutes of Cloud SQL in 0.3 s: the story is about the steps, not about waiting."""
TENANT = "harbour-cafe"
FIRST_PLAN = "first.plan.json"
"""Ignored by the fleet's own .gitignore."""
PERSON = {"GIT_AUTHOR_NAME": "Lena", "GIT_AUTHOR_EMAIL": "lena@agency-north.example", "GIT_COMMITTER_NAME": "Lena",
          "GIT_COMMITTER_EMAIL": "lena@agency-north.example"}  # fmt: skip


@dataclass(slots=True)
class Story:
    """Where it plays, and what has been told so far. `seconds` per chapter, for the summary."""

    folder: Path
    console: Console
    url: str = ""
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def fleet(self) -> Path:
        return self.folder / "fleet"

    @property
    def environment(self) -> Mapping[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("AIPRESS_")}
        return {
            **own,
            **PERSON,
            "AIPRESS_STATE": str(self.folder / "state"),
            "AIPRESS_ACTOR": "lena@agency-north.example",
        }


def tell(folder: Path, bundled: Path, console: Console) -> int:
    """Play the whole story in a new folder. `bundled` holds fleet/ and examples/. Returns an exit code.

    Raises AipressError when a step does not do what the story says: the demo is a test, too.
    """
    story = Story(folder, console)
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    try:
        for title, chapter in CHAPTERS:
            console.rule(f"[bold]{title}", align="left")
            started = time.monotonic()
            chapter(story, bundled)
            story.seconds[title] = time.monotonic() - started
        _summary(story, time.monotonic() - began)
    finally:
        if story.url:
            _aipress(story, "cloud", "down", quiet=True, expect=(0, 1))
    return 0


# --- chapters -------------------------------------------------------------------------------------------------------


def _cloud(story: Story, _bundled: Path) -> None:
    said = _aipress(story, "cloud", "up", "--port", "0", "--time-scale", TIME_SCALE, "--json", quiet=True)
    story.url = json.loads(said)["url"]
    story.console.print(
        f"A cloud on loopback that speaks Google's REST APIs: {story.url} (time runs {TIME_SCALE} times)"
    )


def _fleet(story: Story, bundled: Path) -> None:
    _aipress(story, "fleet", "init", "--sample", "fleet")
    for source in sorted((bundled / "examples" / "tenants").iterdir()):
        if source.is_dir():
            target = story.folder / "repositories" / source.name
            shutil.copytree(source, target)
            _git_start(story, target, "The site as the agency left it")
    _aipress(story, "validate")


def _first_plan(story: Story, _bundled: Path) -> None:
    _aipress(story, "bootstrap", "--yes")
    _aipress(story, "plan", "--out", FIRST_PLAN)


def _first_apply(story: Story, _bundled: Path) -> None:
    _aipress(story, "apply", FIRST_PLAN)
    _aipress(story, "plan", "--detailed-exitcode")
    _aipress(story, "status")


def _drift(story: Story, _bundled: Path) -> None:
    plan = json.loads((story.fleet / FIRST_PLAN).read_text())
    service = next(c["name"] for c in plan["changes"] if c["resource"] == f"tenant/{TENANT}/run.service/production")
    story.console.print(f"Somebody turns a knob in the console: {service.split('/')[-1]} may now run 77 instances")
    _patch(f"{story.url}/run/v2/{service}?updateMask=template.scaling.maxInstanceCount",
           {"template": {"scaling": {"maxInstanceCount": 77}}})  # fmt: skip
    _aipress(story, "drift", "list")
    _aipress(story, "apply", "--yes")
    _aipress(story, "plan", "--detailed-exitcode")


def _edit(story: Story, _bundled: Path) -> None:
    file = story.fleet / "shards" / "eu-001" / "tenants" / TENANT / "tenant.yaml"
    file.write_text(_bigger(file.read_text()))
    _git(story, story.fleet, "commit", "-q", "-a", "-m", f"{TENANT}: 1 GiB for the christmas season")
    _aipress(story, "plan", "--base", "HEAD~1")
    _aipress(story, "apply", "--yes", f"tenant/{TENANT}")


def _rollback(story: Story, _bundled: Path) -> None:
    _aipress(story, "history", f"tenant/{TENANT}")
    _aipress(story, "rollback", f"tenant/{TENANT}", "--yes")
    _git(story, story.fleet, "log", "--oneline", "-3", show=True)
    story.console.print("The next cycle of the daemon applies the revert:")
    _aipress(story, "serve", "--once")
    _aipress(story, "history", f"tenant/{TENANT}")
    _aipress(story, "plan", "--detailed-exitcode")


CHAPTERS: Sequence[tuple[str, Callable[[Story, Path], None]]] = (
    ("1  A local cloud", _cloud),
    ("2  A fleet repository, validated", _fleet),
    ("3  A plan for the whole fleet", _first_plan),
    ("4  Applied; the second plan is empty", _first_apply),
    ("5  Drift, found and healed", _drift),
    ("6  One tenant edited in a commit", _edit),
    ("7  Rolled back by a commit", _rollback),
)


def _summary(story: Story, seconds: float) -> None:
    said = json.loads(_read(f"{story.url}/_aipress/status"))
    versions = json.loads(_aipress(story, "history", "--json", "--limit", "1000", quiet=True))
    status = json.loads(_aipress(story, "status", "--json", quiet=True))
    rows = status if isinstance(status, list) else status.get("targets", [])
    healthy = sum(1 for row in rows if row["health"] == "Healthy" and row["target"].startswith("tenant/"))
    story.console.rule("[bold]What you saw", align="left")
    story.console.print(
        f"  {healthy} sites run on 2 shards, every one with its own account, database, secrets and media folder.\n"
        f"  {said['writes']} writes to the cloud, {len(versions)} versions in history, {seconds:.0f} s in all.\n"
        "  Nothing was deleted, no secret was shown, and after every apply the plan was empty.\n",
        soft_wrap=True,
    )
    for title, took in story.seconds.items():
        story.console.print(f"  {took:5.1f} s  {title[3:]}", highlight=False)
    story.console.print(
        f"\nIt is all still there:  cd {story.fleet}\n"
        f"                        export AIPRESS_STATE={story.folder / 'state'}\n"
        "                        aipress cloud up && aipress status\n"
        "Read its history:       git --git-dir=$AIPRESS_STATE/history.git log refs/aipress/shards/eu-001",
        highlight=False,
        soft_wrap=True,
    )


# --- doing it -------------------------------------------------------------------------------------------------------


def _aipress(story: Story, *words: str, quiet: bool = False, expect: Sequence[int] = (0,)) -> str:
    """Run the command as the user would; its output goes to the terminal unless quiet: then its stdout is returned."""
    if not quiet:
        story.console.print(f"[bold green]$[/] [bold]aipress {' '.join(words)}[/]", highlight=False)
    where = story.fleet if story.fleet.is_dir() else story.folder
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", *words], cwd=where, env=dict(story.environment), text=True, check=False,
        stdout=subprocess.PIPE if quiet else None, stderr=subprocess.PIPE if quiet else None, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if not quiet:
        story.console.print()
    if done.returncode not in expect:
        _raise_what_it_said(done.stdout or "")
        said = (done.stderr or done.stdout or "").strip()
        raise AipressError(
            f"`aipress {' '.join(words)}` ended with {done.returncode}{': ' + said if said else ''}",
            f"everything is in {story.folder}; this is a bug of the demo or of what it shows",
        )
    return done.stdout or ""


def _raise_what_it_said(stdout: str) -> None:
    """A command with --json says its error and hint as JSON: those are for the person at the demo, too."""
    try:
        told = json.loads(stdout)
    except ValueError:
        return
    if isinstance(told, dict) and "error" in told:
        raise AipressError(str(told["error"]), str(told.get("hint") or ""))


def _git(story: Story, folder: Path, *words: str, show: bool = False) -> None:
    if show or words[0] == "commit":
        story.console.print(f"[bold green]$[/] [bold]git {' '.join(words)}[/]", highlight=False)
    subprocess.run(["git", *words], cwd=folder, env=dict(story.environment), check=True, stdin=subprocess.DEVNULL)
    if show:
        story.console.print()


def _git_start(story: Story, folder: Path, message: str) -> None:
    for words in (("init", "-q", "-b", "main"), ("add", "-A")):
        subprocess.run(["git", *words], cwd=folder, env=dict(story.environment), check=True)
    subprocess.run(["git", "commit", "-q", "-m", message], cwd=folder, env=dict(story.environment), check=True)


def _patch(url: str, body: Mapping[str, object]) -> None:
    request = Request(url, json.dumps(body).encode(), {"content-type": "application/json"}, method="PATCH")  # noqa: S310
    with urlopen(request, timeout=30) as answer:  # noqa: S310 - our own local cloud on loopback
        answer.read()


def _read(url: str) -> str:
    with urlopen(url, timeout=30) as answer:  # noqa: S310 - our own local cloud on loopback
        return str(answer.read().decode())


def _bigger(text: str) -> str:
    """The tenant with 1 GiB of memory, written where an author would write it."""
    if "runtime:" in text:
        raise AipressError(f"the demo's {TENANT} has a runtime block already")
    return text.replace("  environments:\n", '  runtime: { memory: "1Gi" }\n  environments:\n', 1)

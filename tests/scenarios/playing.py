"""Golden transcripts: a fleet, commands, the whole output. They read as the specification.

A scenario is a text file. `# …` lines are prose; `$ …` lines are commands, each followed by everything it printed
(stdout, then stderr lines marked `! `) and `[exit N]` when N is not 0. Commands beside `aipress …`:

    edit FILE: OLD -> NEW      replace text in a file of the fleet
    remove FILE                delete a file of the fleet
    commit MESSAGE             commit everything
    cloud PATCH SERVICE/PATH?QUERY JSON     through the cloud's own API; {run:tenant@environment} is a service's name
    fault JSON | nofault       the local cloud's control door

`AIPRESS_GOLDEN=write pytest tests/scenarios` writes the transcripts anew: read the difference before you commit it.
"""

import contextlib
import io
import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

NORMAL: tuple[tuple[str, str], ...] = (
    (r"sha256:[0-9a-f]{64}", "sha256:DIGEST"),
    (r"sha256:[0-9a-f]{8,63}…?", "sha256:DIGEST"),
    (r"http://127\.0\.0\.1:\d+", "http://CLOUD"),
    (r"\b[0-9a-f]{40}\b", "COMMIT"),
    (r"(?<=[@ (\"…])[0-9a-f]{7,12}(?=[\s.,:)\"…]|$)", "COMMIT"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|\+00:00)?", "TIME"),
    (r"\b\d+(\.\d+)?\s?(ms|s)\b(?= ago| elapsed| total|\]|\)|$|\.)", "N s"),
    (r"(after|in) \d+(\.\d+)? ?s\b", r"\1 N s"),
    (r"\b10\.\d+\.\d+\.\d+\b", "10.x.x.x"),
    (r"[ \t]+$", ""),
)
PROGRESS = re.compile(r"\S+ \S+: (Creat|Modif|Delet|Replac|Adopt|Run|Still )")
"""Lines about changes under way: they come as the threads come, so a transcript leaves them out."""


@dataclass
class Stage:
    """Where a scenario plays: a fleet repository, a state folder, a local cloud."""

    fleet: Path
    state: Path
    url: str
    folder: Path
    extra: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        own = {k: v for k, v in os.environ.items() if not k.startswith("AIPRESS_")}
        return {
            **own, "AIPRESS_CLOUD_URL": self.url, "AIPRESS_STATE": str(self.state), "AIPRESS_ACTOR": "jo@example.org",
            "NO_COLOR": "1", "COLUMNS": "140", "TZ": "UTC", "GIT_AUTHOR_NAME": "Jo",
            "GIT_AUTHOR_EMAIL": "jo@example.org", "GIT_COMMITTER_NAME": "Jo",
            "GIT_COMMITTER_EMAIL": "jo@example.org", **self.extra,
        }  # fmt: skip


def play(text: str, stage: Stage) -> str:
    """The transcript as it is now: prose and commands kept, outputs made anew."""
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("#") or (not line and (not lines or lines[-1].startswith("#"))):
            lines.append(line)
        elif line.startswith("$ "):
            if lines and lines[-1]:
                lines.append("")
            lines += [line, *_normal(_run(line[2:], stage), stage)]
    return "\n".join(lines).rstrip() + "\n"


def _run(command: str, stage: Stage) -> str:
    word, _, rest = command.partition(" ")
    try:
        return WORDS[word](rest, stage)
    except (OSError, AssertionError) as error:
        return f"[{type(error).__name__}: {error}]\n"


def _aipress(rest: str, stage: Stage) -> str:
    code, out, err = call(shlex.split(rest), stage)
    told = [line for line in err.splitlines() if not PROGRESS.match(line)]
    marked = "".join(f"! {line}\n" for line in told)
    return out + marked + (f"[exit {code}]\n" if code else "")


def call(words: list[str], stage: Stage) -> tuple[int, str, str]:
    """The command in this process (its imports are paid once): exit code, stdout, stderr."""
    from reconciler.__main__ import main

    before, where = dict(os.environ), Path.cwd()
    out, err = io.StringIO(), io.StringIO()
    try:
        os.environ.clear()
        os.environ.update(stage.environment())
        os.chdir(stage.fleet)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = main(words)
            except SystemExit as leaving:
                code = leaving.code if isinstance(leaving.code, int) else 1
    finally:
        os.chdir(where)
        os.environ.clear()
        os.environ.update(before)
    return int(code or 0), out.getvalue(), err.getvalue()


def _edit(rest: str, stage: Stage) -> str:
    file, _, change = rest.partition(": ")
    old, _, new = change.partition(" -> ")
    path = stage.fleet / file
    text = path.read_text()
    old, new = old.encode().decode("unicode_escape"), new.encode().decode("unicode_escape")
    if old not in text:
        return f"[no {old!r} in {file}]\n"
    path.write_text(text.replace(old, new, 1))
    return ""


def _remove(rest: str, stage: Stage) -> str:
    (stage.fleet / rest).unlink()
    return ""


def _commit(rest: str, stage: Stage) -> str:
    for words in (["add", "-A"], ["commit", "-q", "-m", rest]):
        subprocess.run(["git", *words], cwd=stage.fleet, env=stage.environment(), check=True)
    return ""


def _cloud(rest: str, stage: Stage) -> str:
    method, where, *body = rest.split(" ", 2)
    where = re.sub(r"\{run:([^@}]+)@([^}]+)\}", lambda m: service_name(stage, m[1], m[2]), where)
    content = body[0].encode() if body else None
    request = Request(f"{stage.url}/{where}", content, {"content-type": "application/json"}, method=method)
    try:
        with urlopen(request, timeout=30) as answer:
            return f"{answer.status}\n"
    except HTTPError as error:
        return f"{error.code} {error.read().decode()[:200]}\n"


def service_name(stage: Stage, tenant: str, environment: str) -> str:
    """The Cloud Run service of a tenant's environment, found by its labels in the cloud itself."""
    for shard in sorted((stage.fleet / "shards").iterdir()):
        text = (shard / "shard.yaml").read_text()
        found, region = re.search(r"id: ([a-z0-9-]+)", text), re.search(r"region: ([a-z0-9-]+)", text)
        assert found and region
        url = f"{stage.url}/run/v2/projects/{found[1]}/locations/{region[1]}/services?pageSize=500"
        with urlopen(url, timeout=30) as answer:
            listed = json.loads(answer.read()).get("services", [])
        for service in listed:
            labels = service.get("labels", {})
            if (labels.get("aipress-tenant"), labels.get("aipress-environment")) == (tenant, environment):
                return str(service["name"])
    raise AssertionError(f"no service of {tenant}@{environment}")


def _fault(rest: str, stage: Stage) -> str:
    with urlopen(
        Request(f"{stage.url}/_aipress/faults", rest.encode(), {"content-type": "application/json"}), timeout=30
    ):
        return ""


def _nofault(_rest: str, stage: Stage) -> str:
    with urlopen(Request(f"{stage.url}/_aipress/faults", method="DELETE"), timeout=30):
        return ""


WORDS: dict[str, Callable[[str, Stage], str]] = {
    "aipress": _aipress, "edit": _edit, "remove": _remove, "commit": _commit, "cloud": _cloud, "fault": _fault,
    "nofault": _nofault,
}  # fmt: skip


def _normal(text: str, stage: Stage) -> Iterator[str]:
    text = (
        text.replace(str(stage.fleet), "FLEET").replace(str(stage.state), "STATE").replace(str(stage.folder), "FOLDER")
    )
    for line in text.splitlines():
        shown = line
        for pattern, instead in NORMAL:
            shown = re.sub(pattern, instead, shown)
        yield shown

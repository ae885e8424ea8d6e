"""Golden transcripts: a fleet, commands, the whole output. They read as the specification.

A scenario is a text file. `# …` lines are prose; `$ …` lines are commands, `> …` lines right below one are its input.
Each command is followed by everything it printed (stdout, then stderr lines marked `! `) and `[exit N]` unless 0.
`$ given the fleet applied` as the first command starts from a fleet that is applied already. `words.py` lists the other
commands. Progress lines of an apply come as its threads come, so a transcript leaves them out.

`AIPRESS_GOLDEN=write pytest tests/scenarios` writes the transcripts anew: read the difference before you commit it.
"""

import contextlib
import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

GIVEN = "$ given the fleet applied"
NORMAL: tuple[tuple[str, str], ...] = (
    (r"sha256:[0-9a-f]{64}", "sha256:DIGEST"),
    (r"sha256:[0-9a-f]{8,63}…?", "sha256:DIGEST"),
    (r"http://127\.0\.0\.1:\d+", "http://CLOUD"),
    (r"\b[0-9a-f]{40}\b", "COMMIT"),
    (r"(?<=[@ (\"…`])[0-9a-f]{7,12}(?=[\s.,:)\"…`]|$)", "COMMIT"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|\+00:00)?", "TIME"),
    (r"\d{4}-\d\d-\d\d(?=[\s.,:;)]|$)", "DAY"),
    (r"\b\d+ (s|min)(?= ago)", "N s"),
    (r"(N s ago|SINCE|APPLIED) +(?=\S)", r"\1  "),
    (r"\b\d+(\.\d+)?\s?(ms|s)\b(?= elapsed| total)", "N s"),
    (r"(after|in) \d+(\.\d+)? ?s\b", r"\1 N s"),
    (r"\b(?!127\.)\d+\.\d+\.\d+\.\d+\b", "ADDRESS"),
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "UUID"),
    (r"http://ELSEWHERE:\d+", "http://ELSEWHERE"),
    (r"\bw[0-9a-f]{7}\b", "w1234567"),
    (r"index [0-9A-Za-z]+\.\.[0-9A-Za-z]+", "index OLD..NEW"),
    (r"\b\d s(?=  )", "N s"),
    (r"[ \t]+$", ""),
)
PROGRESS = re.compile(r"\S+ \S+: (Creat|Modif|Delet|Replac|Adopt|Run|Read|Still |Skipped)")


@dataclass
class Stage:
    """Where a scenario plays: a fleet repository, a state folder, a local cloud; `folder` holds them all."""

    fleet: Path
    state: Path
    url: str
    folder: Path
    extra: dict[str, str] = field(default_factory=dict)
    remembered: dict[str, dict[str, tuple[str, str]]] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        own = {k: v for k, v in os.environ.items() if not k.startswith(("AIPRESS_", "GIT_"))}
        return {
            **own, "AIPRESS_CLOUD_URL": self.url, "AIPRESS_STATE": str(self.state), "AIPRESS_ACTOR": "jo@example.org",
            "NO_COLOR": "1", "COLUMNS": "140", "TZ": "UTC", "GIT_AUTHOR_NAME": "Jo",
            "GIT_AUTHOR_EMAIL": "jo@example.org", "GIT_COMMITTER_NAME": "Jo",
            "GIT_COMMITTER_EMAIL": "jo@example.org", "GIT_CONFIG_GLOBAL": "/dev/null", **self.extra,
        }  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One command of a transcript: a word, the rest of its line, and the input below it."""

    word: str
    rest: str
    given: str = ""


def play(text: str, stage: Stage) -> str:
    """The transcript as it is now: prose, commands and their inputs kept, outputs made anew."""
    from tests.scenarios.words import run

    lines: list[str] = []
    source = text.splitlines()
    for number, line in enumerate(source):
        if line.startswith("#") or (not line and (not lines or lines[-1].startswith("#"))):
            if line and lines and lines[-1] and not lines[-1].startswith("#"):
                lines.append("")
            lines.append(line)
        elif line.startswith("$ "):
            if lines and lines[-1] and not lines[-1].startswith("#"):
                lines.append("")
            given = _input(source[number + 1 :])
            word, _, rest = line[2:].partition(" ")
            said = run(Line(word, rest, "".join(f"{row[2:]}\n" for row in given)), stage)
            lines += [line, *given, *_normal(said, stage)]
    return "\n".join(lines).rstrip() + "\n"


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


def _input(below: list[str]) -> list[str]:
    """The lines right below a command that begin with "> "."""
    found: list[str] = []
    for line in below:
        if line != ">" and not line.startswith("> "):
            break
        found.append(line)
    return found


def _normal(text: str, stage: Stage) -> Iterator[str]:
    for path, name in ((stage.fleet, "FLEET"), (stage.state, "STATE"), (stage.folder, "FOLDER")):
        text = text.replace(str(path), name)
    for line in text.splitlines():
        shown = line
        for pattern, instead in NORMAL:
            shown = re.sub(pattern, instead, shown)
        yield f"\\{shown}" if shown.startswith(("#", "$ ")) else shown  # output, not prose and not a command

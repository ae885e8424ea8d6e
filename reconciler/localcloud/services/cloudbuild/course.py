"""The course of a build: when each step begins and ends, and how. Nothing is run.

A step takes a few seconds, and as long as the `sleep`s in its command say; it fails where its command is plainly one
that does (`exit 3`, `false`), and prints what it would `echo`. So a caller can have builds that last, fail or time out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from reconciler.localcloud.services.cloudbuild.checks import seconds
from reconciler.localcloud.values import Json

QUEUED, FETCHED, PULLED, RUN, PUSHED = 3.0, 3.0, 2.0, 8.0, 4.0
DEFAULT_TIMEOUT, DEFAULT_TTL = "3600s", "3600s"
_SLEEP = re.compile(r"\bsleep\s+(\d+(?:\.\d+)?)")
_FAILS = re.compile(r"(?:^|[;&\n]\s*|\s)(?:exit\s+([1-9]\d*)|false)\s*(?:$|[;&\n])")
_ECHO = re.compile(r"\becho\s+(?:-\w+\s+)*(\"[^\"]*\"|'[^']*'|[^;&|>\n]*)")


@dataclass
class Leg:
    """One step on its way; times in seconds after the build's start."""

    begins: float = 0.0
    pulled: float = 0.0
    ends: float = 0.0
    status: str = "QUEUED"
    code: int = 0
    said: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Course:
    """All of it. `queued` is until work begins, `fetched`, `built` and `ends` count from then."""

    status: str
    queued: float
    fetched: float
    built: float
    ends: float
    legs: list[Leg]
    detail: str = ""


def command_of(step: Json) -> str:
    """What a step runs, as far as it can be read: its script, or its entry point with its arguments."""
    if step.get("script"):
        return str(step["script"])
    words = [str(word) for word in step.get("args") or []]
    shell = words[1] if len(words) > 1 and words[0] in ("-c", "-ec", "-ce", "-eux", "-xc") else ""
    return shell or " ".join([str(step.get("entrypoint") or ""), *words]).strip()


def of(build: Json) -> Course:
    """What becomes of a build."""
    limit = seconds(build.get("timeout") or DEFAULT_TIMEOUT)
    if seconds(build.get("queueTtl") or DEFAULT_TTL) < QUEUED:
        return Course("EXPIRED", seconds(build["queueTtl"]), 0, 0, 0, [Leg() for _ in build["steps"]])
    fetched = FETCHED if build.get("source") else 0.0
    legs = _scheduled(build["steps"], fetched)
    stop, status, detail = _stop(build["steps"], legs)
    built = min(stop, max([fetched, *(leg.ends for leg in legs)]))
    pushes = bool(build.get("images") or (build.get("artifacts") or {}).get("objects")) and status == "SUCCESS"
    ends = built + (PUSHED if pushes else 0.0)
    if ends > limit:
        status, detail, built, ends = "TIMEOUT", "", min(built, limit), limit
    if status != "SUCCESS":
        _cut(legs, min(stop, ends), "CANCELLED" if status != "TIMEOUT" else "TIMEOUT")
    return Course(status, QUEUED, fetched, built, ends, legs, detail)


def _scheduled(steps: list[Json], start: float) -> list[Leg]:
    legs: list[Leg] = []
    by_id: dict[str, Leg] = {}
    for step in steps:
        waits = step.get("waitFor") or []
        before = [by_id[own] for own in waits if own in by_id] if waits else legs
        command = command_of(step)
        leg = Leg(begins=max([start, *(one.ends for one in before)]))
        leg.pulled = leg.begins + PULLED
        slept = sum(float(found) for found in _SLEEP.findall(command))
        leg.ends = leg.pulled + RUN + slept
        failed = _FAILS.search(command)
        leg.code = int(failed[1] or 1) if failed else 0
        leg.status = "FAILURE" if leg.code else "SUCCESS"
        most = seconds(step.get("timeout") or "0s")
        if most and leg.ends - leg.begins > most:
            leg.ends, leg.status, leg.code = leg.begins + most, "TIMEOUT", 0
        leg.said = [text.strip().strip("\"'") for text in _ECHO.findall(command)]
        legs.append(leg)
        if step.get("id"):
            by_id[step["id"]] = leg
    return legs


def _forgiven(step: Json, leg: Leg) -> bool:
    return bool(step.get("allowFailure")) or leg.code in (step.get("allowExitCodes") or [])


def _stop(steps: list[Json], legs: list[Leg]) -> tuple[float, str, str]:
    """When the first step that may not fail does, and what the build is then."""
    broken = [
        (leg.ends, index)
        for index, (step, leg) in enumerate(zip(steps, legs, strict=True))
        if leg.status == "TIMEOUT" or (leg.status == "FAILURE" and not _forgiven(step, leg))
    ]
    if not broken:
        return float("inf"), "SUCCESS", ""
    when, index = min(broken)
    if legs[index].status == "TIMEOUT":
        return when, "TIMEOUT", ""
    step, code = steps[index]["name"], legs[index].code
    detail = f'Build step failure: build step {index} "{step}" failed: step exited with non-zero status: {code}'
    return when, "FAILURE", detail


def _cut(legs: list[Leg], when: float, status: str) -> None:
    """Steps that were running at `when` end then; those that had not begun stay queued."""
    for leg in legs:
        if leg.begins >= when:
            leg.status, leg.code, leg.said = "QUEUED", 0, []
        elif leg.ends > when:
            leg.ends, leg.status, leg.code = when, status, 0


def log(build: Json, course: Course) -> str:
    """The text of the build's log, as the real one reads."""
    lines = [f'starting build "{build["id"]}"', ""]
    if build.get("source"):
        source = (build["source"].get("storageSource") or {}) if isinstance(build["source"], dict) else {}
        lines += ["FETCHSOURCE"]
        if source:
            lines += [f"Fetching storage object: gs://{source.get('bucket')}/{source.get('object')}"]
    lines += ["BUILD"]
    many = len(build["steps"]) > 1
    for index, (step, leg) in enumerate(zip(build["steps"], course.legs, strict=True)):
        if leg.status == "QUEUED":
            continue
        own = f"Step #{index}" + (f' - "{step["id"]}"' if step.get("id") else "") if many else ""
        lead = f"{own}: " if own else ""
        lines += [f"Starting {own}"] if own else []
        lines += [f"{lead}Pulling image: {step['name']}", f"{lead}{step['name']}"]
        lines += [lead + text for text in leg.said]
        lines += [f"Finished {own}"] if own and leg.status == "SUCCESS" else []
    if course.status == "SUCCESS":
        lines += ["PUSH", *(f"Pushing {image}" for image in build.get("images") or []), "DONE"]
    else:
        lines += ["ERROR", f"ERROR: {course.detail.split(': ', 1)[-1]}" if course.detail else course.status]
    return "\n".join(lines) + "\n"

"""Conditions of Cloud Run resources (v2 words): what they say about a resource that is, is not, or is not yet ready."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.localcloud.operations import Ending
from reconciler.localcloud.values import Json

_SUCCEEDED, _FAILED, _WAITING = "CONDITION_SUCCEEDED", "CONDITION_FAILED", "CONDITION_RECONCILING"


@dataclass(frozen=True)
class Problem:
    """Why something is not ready. `code` is the google.rpc name that the operation ends with."""

    message: str
    reason: str = ""
    code: str = "INTERNAL"

    @property
    def failure(self) -> str:
        return f"{self.code}: {self.message}"


def failed_by(ending: Ending) -> Problem | None:
    """The problem that a fault brought into an operation (`INTERNAL: The container failed to start.`)."""
    if not ending.failed:
        return None
    code, _, message = ending.failed.partition(": ")
    return Problem(message, "", code) if message else Problem(ending.failed)


def condition(kind: str, state: str, stamp: str, **more: str) -> Json:
    return {"type": kind, "state": state, "lastTransitionTime": stamp, **more}


def waiting(stamp: str, *kinds: str) -> list[Json]:
    return [condition(kind, _WAITING, stamp) for kind in kinds]


def succeeded(stamp: str, *kinds: str) -> list[Json]:
    return [condition(kind, _SUCCEEDED, stamp) for kind in kinds]


def failed(kind: str, stamp: str, problem: Problem, field: str = "reason") -> Json:
    reason = {field: problem.reason} if problem.reason else {}
    return condition(kind, _FAILED, stamp, message=problem.message, **reason)

"""The structured log of `serve`: what Cloud Logging and Error Reporting read, told once and then counted."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.daemon.beside import Company, Hearer, Several
from reconciler.daemon.logbook import LogBook
from reconciler.daemon.notices import Scene
from reconciler.daemon.serve import Reported, Watch, once
from reconciler.daemon.telling import Sight, Telling
from reconciler.model.errors import AipressError, Failure, HistoryUnreachableError, Next
from reconciler.model.hold import Hold
from reconciler.model.trace import trace_of
from reconciler.report.cloud_logging import Origin, log_line
from reconciler.report.redact import Seam
from tests.cycle.small_world import SmallWorld
from tests.daemon.doors import front_door
from tests.doubles import Script
from tests.forge.signing import OLD, github, github_push

ACME = "shards/eu-001/tenants/acme-bakery/tenant.yaml"
NOTHING = Sight(lambda _commit: None, lambda: (), lambda: "", lambda: None)


class Log:
    """A log book whose lines are read back."""

    def __init__(self, small: SmallWorld, sight: Sight = NOTHING) -> None:
        self.lines: list[str] = []
        self.book = LogBook(
            lambda notice: log_line(notice, Seam(["planted-secret"]), Origin("1.2", "ops")), self.lines.append
        )
        self.telling = Telling(Scene("demo", "serve on host"), sight, small.clock, [self.book.take])
        self.small = small

    @property
    def rows(self) -> list[dict[str, Any]]:
        assert all(line.endswith("\n") and line.count("\n") == 1 for line in self.lines)
        return [json.loads(line) for line in self.lines]

    def of(self, event: str) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["event"] == event]

    def cycle(self) -> Reported:
        beside = Company(None, Several([self.telling]), lambda _text: None)
        told: list[Reported] = []
        watch = Watch(None, 60, beside.before(lambda _event: None), beside.then(told.append), beside=beside)
        once(self.small.world(), watch)
        return told[0]


@pytest.fixture
def small(tmp_path: Path) -> SmallWorld:
    return SmallWorld(tmp_path)


def test_a_cycle_its_changes_and_its_end_are_lines_that_its_commits_trace_finds(small: SmallWorld) -> None:
    log = Log(small)
    commit = log.cycle().commit
    events = [row["event"] for row in log.rows]
    assert events[:2] == ["daemon.started", "cycle.started"] and events[-2:] == ["cycle.finished", "daemon.ended"]
    assert len(log.of("change.start")) == len(log.of("change.complete")) > 10
    [start] = log.of("cycle.started")
    labels = "logging.googleapis.com/labels"
    for row in log.rows[1:]:
        assert row["logging.googleapis.com/trace"] == f"projects/ops/traces/{commit[:32]}" == (
            f"projects/ops/traces/{trace_of(commit)}"
        )  # fmt: skip
        assert len(row["logging.googleapis.com/spanId"]) == 16
        assert (row[labels]["fleet"], row[labels]["cycle"]) == ("demo", "1")
        assert row["logging.googleapis.com/sourceLocation"]["file"] == "reconciler/daemon/notices.py"
    site = next(
        row for row in log.of("change.complete") if row["more"]["resource"].startswith("tenant/acme-bakery/run")
    )
    assert (site[labels]["tenant"], site[labels]["shard"], site["severity"]) == ("acme-bakery", "eu-001", "INFO")
    assert site["logging.googleapis.com/spanId"] != start["logging.googleapis.com/spanId"]


def test_what_fails_again_and_again_is_told_once_and_then_counted(small: SmallWorld) -> None:
    log = Log(small)
    failure = Failure(Next.PERSON, "quota of planted-secret is used up", 400)
    small.cloud.script(Script("begin", kind="run.service", failure=failure, times=10**6))
    for _ in range(30):
        assert log.cycle().applied is not None
        small.clock.at += timedelta(minutes=1)
    [failed] = log.of("apply.failed")
    assert (failed["severity"], failed["serviceContext"]) == ("ERROR", {"service": "aipress", "version": "1.2"})
    assert "quota of (secret) is used up" in failed["message"] and "aipress why" in failed["fix"]
    assert "planted-secret" not in "".join(log.lines)


def test_a_bug_has_its_stack_trace_for_error_reporting_and_one_line(small: SmallWorld) -> None:
    log = Log(small)
    wrong = AipressError("the cycle ended with ValueError: x", "please report it")
    try:
        raise ValueError("planted-secret\n{forged}")
    except ValueError as bug:
        wrong.__cause__ = bug
    log.telling.told(Reported(3, "commit", "a" * 40, None, wrong))
    [row] = log.of("cycle.failed")
    assert row["@type"].endswith("ReportedErrorEvent")
    assert 'raise ValueError("' in row["stack_trace"] and row["stack_trace"].count("\n") > 2
    assert "planted-secret" not in row["stack_trace"]


def test_an_expected_error_is_told_once_until_it_is_over_which_is_told_too(small: SmallWorld) -> None:
    log = Log(small)
    for n in range(5):
        lost = HistoryUnreachableError(f"git.example did not answer in {n + 3} s", "check the network")
        log.telling.told(Reported(n, "retry", "a" * 40, None, lost))
        small.clock.at += timedelta(minutes=1)
    [row] = log.of("cycle.failed")
    assert row["fix"] == "check the network" and "@type" not in row
    small.clock.at += timedelta(hours=1)
    log.telling.told(Reported(9, "retry", "a" * 40, None, HistoryUnreachableError("git.example did not answer in 3 s")))
    assert "(and 4 more times since 09:00Z)" in log.of("cycle.failed")[1]["message"]
    log.cycle()
    [mended] = log.of("cycle.recovered")
    assert "6 failed since 09:00Z" in mended["message"]


@contextmanager
def logged(small: SmallWorld) -> Iterator[Log]:
    log = Log(small)
    with log.book.installed():
        yield log


def test_what_libraries_say_is_a_line_too(small: SmallWorld, caplog: pytest.LogCaptureFixture) -> None:
    with logged(small) as log:
        for n in range(50):
            logging.getLogger("urllib3").warning("retry %d\n{forged} https://jo:%s@h/", n, "hunter2hunter2")
        logging.getLogger("x").error("%d", "not a number")
        try:
            raise KeyError("k")
        except KeyError:
            logging.getLogger("reconciler.x").exception("it broke")
    first, second, third = log.rows
    assert (first["severity"], first["more"]["logger"]) == ("WARNING", "urllib3")
    assert "hunter2" not in first["message"] and "\\n{forged}" in first["message"]
    assert second["message"] == "%d"
    assert third["severity"] == "ERROR" and "KeyError" in third["stack_trace"]


def test_a_delivery_is_told_as_a_request_and_a_flood_of_forged_ones_once(small: SmallWorld, tmp_path: Path) -> None:
    log = Log(small)
    with front_door(tmp_path / "door", knocked=log.telling.knocked) as door:
        assert door.post(github(github_push())).status == 202
        for n in range(40):
            assert door.post(github(github_push(), secret=OLD, identity=f"f-{n}")).status == 401
    [good] = log.of("webhook.received")
    request = good["httpRequest"]
    assert (request["requestMethod"], request["requestUrl"], request["status"]) == ("POST", "/webhooks/github", 202)
    assert request["remoteIp"] == "127.0.0.1" and request["latency"].endswith("s") and int(request["requestSize"]) > 0
    [bad] = log.of("webhook.refused")
    assert (bad["severity"], bad["httpRequest"]["status"]) == ("WARNING", 401)


def test_the_stop_switch_parked_tenants_and_a_takeover_are_told(small: SmallWorld) -> None:
    holds: list[Hold] = []
    thrown = [""]
    sight = replace(NOTHING, holds=lambda: holds, stopped=lambda: thrown[0])
    log = Log(small, sight)
    log.cycle()
    thrown[0] = "the stop switch is thrown (fire)"
    since = small.clock.now()
    holds += [Hold(f"tenant/t{n}-x", "it failed 3 times", "serve", since, None, "quarantine") for n in range(500)]
    failed = Reported(2, "retry", "a" * 40, None, AipressError("x"))
    for _ in range(3):
        log.telling.told(failed)
    [stop] = log.of("stop.thrown")
    assert stop["severity"] == "CRITICAL"
    [parked] = log.of("tenant.quarantined")
    assert parked["count"] == 500 and "500 tenants are parked" in parked["message"]
    thrown[0] = ""
    log.telling.told(failed)
    assert len(log.of("stop.lifted")) == 1


def test_who_cannot_hear_stops_neither_the_loop_nor_the_others(small: SmallWorld) -> None:
    class Broken(Hearer):
        def happened(self, event: object) -> None:
            raise RuntimeError("deaf")

        told = begins = happened  # type: ignore[assignment]

    log = Log(small)
    beside = Company(None, Several([Broken(), log.telling]), lambda _text: None)
    watch = Watch(None, 60, beside.before(lambda _event: None), beside.then(lambda _told: None), beside=beside)
    with log.book.installed():
        reported = once(small.world(), watch)
    assert reported.error is None and len(log.of("cycle.finished")) == 1
    assert "Broken could not hear" in "".join(log.lines)


def test_a_log_that_cannot_be_written_ends_nothing(small: SmallWorld) -> None:
    def full(_line: str) -> None:
        raise OSError("disk full")

    log = Log(small)
    log.book._write = full
    assert log.cycle().error is None
    assert log.book.lost > 10

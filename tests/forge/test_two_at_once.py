"""Runs that write at the same moment, over HTTP, by either API: one comment is left, and it is of the newest head."""

import threading
from dataclasses import replace

from reconciler.actions.pull_request import Telling, tell
from reconciler.model.mark import Mark
from tests.forge.conftest import HEAD, OURS, VirtualClock, forge_of
from tests.forge.host import CodeHost, Fault

NEW = Mark("plan", "", HEAD, at="2026-11-23T09:00:00Z")
OLDER = [replace(NEW, head=c * 40, at=f"2026-11-23T09:3{c}:00Z") for c in "123"]
ROUNDS = 12


def telling(mark: Mark) -> Telling:
    return Telling(12, mark, lambda part: f"{mark.line()}\nthe plan of {mark.head}\n")


def at_once(kind: str, host: CodeHost, marks: list[Mark]) -> None:
    gate, failed = threading.Barrier(len(marks)), []

    def run(mark: Mark) -> None:
        forge = forge_of(kind, host, VirtualClock())
        gate.wait(10)
        try:
            tell(forge, telling(mark))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(mark,)) for mark in marks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failed


def test_four_runs_that_find_nothing_end_with_one_comment(kind: str, host: CodeHost) -> None:
    for _ in range(ROUNDS):
        host.comments.clear()
        at_once(kind, host, [*OLDER, NEW])
        assert [row["body"] for row in host.of(12)] == [telling(NEW).body(1.0)]
        assert {row["author"] for row in host.of(12)} == {OURS}


def test_an_answer_that_is_lost_leaves_no_second_comment(kind: str, host: CodeHost) -> None:
    """The comment is made, the connection breaks before the answer: the call is made again, and makes another."""
    host.fail(Fault("POST", status=502, lost=True))
    forge = forge_of(kind, host, VirtualClock())
    tell(forge, telling(NEW))
    assert len(host.of(12)) == 1

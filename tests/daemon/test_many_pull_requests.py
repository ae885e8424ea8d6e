"""Many pull requests at once, and a commit that takes long: what is asked of the code host stays within its limits."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reconciler.actions.review import Reviewed
from reconciler.daemon.announcing import Announcing, Word
from reconciler.daemon.inbox import Inbox
from reconciler.daemon.reviewing import MOST_AGAIN, SWEEP, Reviewing, Told
from reconciler.model.forge import Check, Conclusion, PullRequest
from reconciler.model.mark import Mark
from tests.cycle.small_world import SteadyClock
from tests.forge.conftest import TOKEN, VirtualClock, forge_of
from tests.forge.host import CodeHost, listening


class Reviews:
    """Of 100 open pull requests, and how often each was looked at."""

    def __init__(self) -> None:
        self.heads = dict.fromkeys(range(1, 101), "a" * 40)
        self.looks: list[int] = []

    def open(self, most: int) -> dict[int, str]:
        return dict(list(self.heads.items())[:most])

    def review(self, number: int, heard: int | None) -> Reviewed:
        self.looks.append(number)
        return Reviewed(PullRequest(number, self.heads[number], "main", 1, fork=False))


def test_a_look_at_everything_looks_at_what_moved_and_at_some_others_in_turn(tmp_path: Path) -> None:
    clock, reviews, told = SteadyClock(), Reviews(), list[Told]()
    reviewing = Reviewing(reviews, clock, lambda _hint: True, told.append, lambda _n, _d: None, tmp_path)
    inbox = Inbox(tmp_path)

    def look() -> list[int]:
        del reviews.looks[:]
        reviewing.once(inbox, threading.Event())
        clock.at += timedelta(seconds=SWEEP)
        return list(reviews.looks)

    assert look() == list(range(1, 101)), "nothing is known yet"
    reviews.heads[50] = "b" * 40
    del reviews.heads[1]
    assert look() == [50, *range(2, 2 + MOST_AGAIN)]
    seen = {n for _ in range(5) for n in look()}
    assert seen == set(reviews.heads), "each has its turn"
    inbox.close()


def test_a_commit_that_takes_a_day_is_told_of_within_githubs_thousand(tmp_path: Path) -> None:
    with listening(CodeHost()) as host:
        host.user(TOKEN, 41, "aipress-bot")
        forge = forge_of("github", host, VirtualClock())
        announcing, seconds = Announcing(forge, lambda _why: None), 0.0
        while seconds < 86_400:
            announcing.say(Word(Check("aipress/converge", "a" * 40, Conclusion.PENDING, f"{seconds}")))
            assert announcing.once()
            seconds += announcing.pause
        assert 500 < len(host.statuses) < 1000
        announcing.say(Word(Check("aipress/converge", "b" * 40, Conclusion.PENDING, "1 of 2")))
        announcing.once()
        assert announcing.pause < 11, "another commit is told of at once"


def test_a_pull_request_that_is_gone_keeps_no_other_from_being_told() -> None:
    with listening(CodeHost()) as host:
        host.user(TOKEN, 41, "aipress-bot")
        host.pull(12, "a" * 40)
        said: list[str] = []
        announcing = Announcing(forge_of("github", host, VirtualClock()), said.append)
        mark = Mark("apply", head="a" * 40, at=f"{datetime(2026, 11, 27, tzinfo=UTC):%Y-%m-%dT%H:%M:%SZ}")
        texts = tuple((number, mark, f"{mark.line()}\napplied") for number in (11, 12))
        announcing.say(Word(Check("aipress/converge", "a" * 40, Conclusion.SUCCESS, "1 of 1"), texts))
        assert announcing.once(), "it is not said again for ever"
        assert [row["pull"] for row in host.comments] == [12]
        assert "pull request 11" in said[0]

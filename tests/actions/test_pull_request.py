"""Telling on a pull request: one comment, whatever others do at the same moment."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from reconciler.actions.pull_request import Came, Telling, Told, tell
from reconciler.model.errors import AipressError, InputError, TooLongError
from reconciler.model.forge import Approval, Check, Comment, Permission, PullRequest, Reaction, User
from reconciler.model.mark import Mark

OLD, NEW = "a" * 40, "b" * 40
PLAN = Mark("plan", "", OLD, at="2026-11-23T09:00:00Z")
LATER = replace(PLAN, head=NEW, at="2026-11-23T09:05:00Z")


class Desk:
    """A Forge in memory. `before` is called with the name of each write, before it."""

    def __init__(self, longest: int = 60_000) -> None:
        self.rows: dict[int, Comment] = {}
        self.longest, self.head = longest, NEW
        self.before: Callable[[str], None] = lambda _: None
        self.writes: list[str] = []

    def me(self) -> User:
        return User(41)

    def pull_request(self, number: int) -> PullRequest:
        return PullRequest(number, self.head, "main", 500, fork=False)

    def comments(self, number: int) -> tuple[Comment, ...]:
        return tuple(self.rows[id] for id in sorted(self.rows))

    def add(self, author: int, body: str) -> Comment:
        made = Comment(max(self.rows, default=0) + 1, author, body)
        self.rows[made.id] = made
        return made

    def create_comment(self, number: int, body: str) -> Comment:
        self._write("create", body)
        return self.add(41, body)

    def edit_comment(self, number: int, comment: int, body: str) -> None:
        self._write("edit", body)
        if comment not in self.rows:
            raise InputError("gone")
        self.rows[comment] = replace(self.rows[comment], body=body)

    def delete_comment(self, number: int, comment: int) -> None:
        self._write("delete", "")
        self.rows.pop(comment, None)

    def _write(self, what: str, body: str) -> None:
        self.before(what)
        self.writes.append(what)
        if len(body) > self.longest:
            raise TooLongError("too long")

    def approvals(self, number: int) -> tuple[Approval, ...]: ...
    def permission(self, user: int) -> Permission: ...
    def put_check(self, check: Check) -> None: ...
    def put_status(self, check: Check) -> None: ...
    def react(self, number: int, comment: int, reaction: Reaction) -> None: ...


def telling(mark: Mark, length: int = 100) -> Telling:
    return Telling(12, mark, lambda part: mark.line() + "\n" + "x" * int(length * part))


def bodies(desk: Desk) -> list[str]:
    return [c.body.split("\n")[0] for c in desk.comments(12) if c.author == 41]


def test_created_then_edited_then_left() -> None:
    desk = Desk()
    assert tell(desk, telling(PLAN)) == Told(Came.CREATED)
    assert tell(desk, telling(LATER)) == Told(Came.EDITED)
    assert tell(desk, telling(LATER)).came is Came.LEFT
    assert tell(desk, telling(PLAN)).why.startswith("it is of a newer plan")
    assert bodies(desk) == [LATER.line()]
    assert desk.writes == ["create", "edit"]


def test_another_run_creates_at_the_same_moment() -> None:
    """Between our look and our write another run commented the newer head: one is left, and it tells that."""
    desk = Desk()

    def other(what: str) -> None:
        if what == "create" and not desk.rows:
            desk.add(41, telling(LATER).body(1.0))

    desk.before = other
    assert tell(desk, telling(PLAN)).came is not Came.LEFT
    assert bodies(desk) == [LATER.line()]
    assert desk.writes == ["create", "delete"]


def test_the_other_run_had_the_older_head() -> None:
    desk = Desk()
    desk.before = lambda what: (
        None if desk.rows or what != "create" else (desk.add(41, telling(PLAN).body(1.0)), None)[1]
    )
    tell(desk, telling(LATER))
    assert bodies(desk) == [LATER.line()]


def test_a_comment_that_vanishes_before_our_edit_is_made_anew() -> None:
    desk = Desk()
    tell(desk, telling(PLAN))
    desk.before = lambda what: desk.rows.clear() if what == "edit" else None
    assert tell(desk, telling(LATER)) == Told(Came.CREATED)
    assert bodies(desk) == [LATER.line()]


@pytest.mark.parametrize("there", [False, True])
def test_a_host_that_takes_less_gets_less(there: bool) -> None:
    desk = Desk(longest=400)
    if there:
        desk.add(41, telling(PLAN).body(1.0))
    tell(desk, telling(LATER, 1000))
    assert bodies(desk) == [LATER.line()]
    assert len(desk.rows[1].body) <= 400


def test_a_host_that_takes_nothing_is_said() -> None:
    with pytest.raises(TooLongError):
        tell(Desk(longest=10), telling(PLAN))


def test_somebody_who_keeps_taking_it_away_does_not_keep_us() -> None:
    desk = Desk()
    tell(desk, telling(PLAN))
    stubborn = desk.rows[1]

    def there_and_gone(what: str) -> None:
        desk.rows.clear()

    desk.before = there_and_gone
    desk.comments = lambda number: (stubborn,)  # type: ignore[method-assign]
    with pytest.raises(AipressError, match="faster than we can write"):
        tell(desk, telling(LATER))

"""One comment per pull request and key, of the newest head, whoever writes and in whatever order."""

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.forge.sticky import Create, Edit, Leave, Wanted, sticky
from reconciler.model.forge import Comment
from reconciler.model.mark import Mark

ME, STRANGER = 41, 999
OLD, NEW = "a" * 40, "b" * 40


def said(id: int, mark: Mark, author: int = ME, text: str = "a plan") -> Comment:
    return Comment(id, author, f"{mark.line()}\n{text}\n")


def wanted(mark: Mark, current: str = "", text: str = "a plan") -> Wanted:
    return Wanted(mark, f"{mark.line()}\n{text}\n", current)


PLAN = Mark("plan", "prod", OLD, plan="sha256:1", at="2026-11-23T09:00:00Z")
LATER = replace(PLAN, head=NEW, plan="sha256:2", at="2026-11-23T09:05:00Z")


def test_the_first_one_is_created() -> None:
    assert sticky([], ME, wanted(PLAN, OLD)) == Create()


def test_a_new_head_is_written_into_the_one_that_is_there() -> None:
    new = wanted(LATER, NEW)
    assert sticky([said(7, PLAN)], ME, new) == Edit(7, new.body)


def test_what_it_says_already_is_left() -> None:
    assert sticky([said(7, PLAN)], ME, wanted(PLAN, OLD)) == Leave("it says so already")
    assert isinstance(sticky([Comment(7, ME, said(7, PLAN).body.rstrip())], ME, wanted(PLAN, OLD)), Leave)


def test_a_strangers_mark_is_no_mark() -> None:
    assert sticky([said(7, LATER, STRANGER)], ME, wanted(PLAN, OLD)) == Create()
    new = wanted(LATER, NEW)
    assert sticky([said(3, LATER, STRANGER), said(7, PLAN), said(9, LATER, STRANGER)], ME, new) == Edit(7, new.body)


def test_the_mark_counts_on_the_first_line_only() -> None:
    quoted = Comment(7, ME, f"> look\n{PLAN.line()}\n")
    assert sticky([quoted], ME, wanted(PLAN, OLD)) == Create()


@pytest.mark.parametrize("other", [replace(PLAN, key="apply"), replace(PLAN, fleet="staging")])
def test_another_key_and_another_fleet_are_other_comments(other: Mark) -> None:
    assert sticky([said(7, other)], ME, wanted(PLAN, OLD)) == Create()


def test_a_late_plan_of_an_old_head_never_overwrites_the_new_one() -> None:
    late = replace(PLAN, at="2026-11-23T09:30:00Z")
    decision = sticky([said(7, LATER)], ME, wanted(late, NEW))
    assert isinstance(decision, Leave) and decision.newer


def test_after_a_push_back_the_head_of_now_wins_over_the_later_plan() -> None:
    again = wanted(PLAN, OLD)
    assert sticky([said(7, LATER)], ME, again) == Edit(7, again.body)


def test_of_one_head_the_later_plan_wins() -> None:
    earlier = replace(PLAN, at="2026-11-23T08:00:00Z", plan="sha256:0")
    assert isinstance(sticky([said(7, PLAN)], ME, wanted(earlier, OLD)), Leave)
    new = wanted(PLAN, OLD)
    assert sticky([said(7, earlier)], ME, new) == Edit(7, new.body)


def test_a_plan_of_a_past_head_is_written_over_nothing() -> None:
    """Not over an older one either: it may have become the newest between our look and our write."""
    decision = sticky([said(7, PLAN)], ME, wanted(LATER, "c" * 40))
    assert isinstance(decision, Leave) and decision.newer and "the head is cccccccccccc" in decision.why


def test_where_the_head_is_not_known_the_later_plan_wins() -> None:
    assert isinstance(sticky([said(7, LATER)], ME, wanted(PLAN)), Leave)
    new = wanted(LATER)
    assert sticky([said(7, PLAN)], ME, new) == Edit(7, new.body)


def test_of_two_of_ours_the_newer_stays_as_it_is() -> None:
    both = [said(7, PLAN), said(9, LATER)]
    assert sticky(both, ME, wanted(PLAN, NEW)) == Edit(9, None, (7,)), "what it made itself"
    assert sticky(both[::-1], ME, wanted(LATER, NEW)) == Edit(9, None, (7,))
    other = replace(PLAN, head="c" * 40)
    assert isinstance(sticky(both, ME, wanted(other, NEW)), Leave), "who is past tidies up after nobody else"
    assert sticky([said(7, LATER), said(9, PLAN)], ME, wanted(PLAN, NEW)) == Edit(7, None, (9,))
    assert sticky([said(9, LATER), said(7, LATER)], ME, wanted(LATER, NEW)) == Edit(7, None, (9,))


def carried_out(comments: list[Comment], decision: object, body: str) -> list[Comment]:
    if isinstance(decision, Create):
        return [*comments, Comment(max((c.id for c in comments), default=0) + 1, ME, body)]
    if isinstance(decision, Edit):
        kept = [c for c in comments if c.id not in decision.extra]
        return [
            replace(c, body=decision.body) if c.id == decision.comment and decision.body is not None else c
            for c in kept
        ]
    return comments


@pytest.mark.parametrize("order", sorted(set(permutations("aabb"))))
def test_two_at_once_end_with_one_that_tells_the_newest_head(order: tuple[str, ...]) -> None:
    """Each looks and writes, twice; looks and writes of the two interleave in every way."""
    comments: list[Comment] = [said(1, LATER, STRANGER, "forged")]
    plans = {"a": wanted(PLAN, NEW, "old"), "b": wanted(LATER, NEW, "new")}
    seen: dict[str, list[Comment]] = {}
    for who in order:
        if who not in seen:
            seen[who] = list(comments)
        else:
            comments = carried_out(comments, sticky(seen.pop(who), ME, plans[who]), plans[who].body)
    for who in order[::-1]:  # whoever made one looks again
        comments = carried_out(comments, sticky(comments, ME, plans[who]), plans[who].body)
    ours = [c for c in comments if c.author == ME]
    assert [c.body for c in ours] == [plans["b"].body]
    assert comments[0].body.endswith("forged\n")


words = st.text(max_size=40)


@example(Mark("plan", "--> @all <b>----", "a\nb", at="x" * 500))
@given(st.builds(Mark, words.map(lambda t: "k" + t), words, words, words, words, words))
def test_what_is_written_is_read_again(mark: Mark) -> None:
    line = mark.line()
    assert line.count("--") == 2 and "\n" not in line
    read = Mark.of(line + "\ntext")
    assert read is not None
    assert read.line() == line


@pytest.mark.parametrize(
    "body", ["", "<!-- aipress:comment v=1 -->", "<!-- aipress:comment v=2 key=plan -->", " " + PLAN.line(), "x" * 5000]
)
def test_anything_else_is_no_mark(body: str) -> None:
    assert Mark.of(body) is None

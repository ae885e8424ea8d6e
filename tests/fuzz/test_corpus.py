"""Every committed seed is taken, or refused in words; and each costs at most what one file may cost."""

from pathlib import Path

import pytest

from tests.fuzz import limits, seeds_answers, seeds_git, seeds_history, seeds_words
from tests.fuzz.corpus import BYTES, content, found
from tests.fuzz.every import TARGETS
from tests.fuzz.limits import ONE_FILE, REPOSITORY
from tests.fuzz.repositories import hostile_fleet, hostile_history, read_fleet, read_history
from tests.fuzz.targets import document, fleet

SMALL = 4_000
"""Bytes. The fast test takes these, a quarter of them where there are hundreds; the slow one takes every seed."""
LARGE_REPOSITORIES = ("megabytes", "gigabytes", "tree-of-", "bomb", "packed-refs-of", "without-end", "deep-1000")
GENERATED = ("heading-", "hold-", "poison-", "resource-")
"""Histories that are made in dozens by the same rule: the slow test has them all."""


def test_the_corpus_is_as_large_as_it_says() -> None:
    others = (seeds_git.SEEDS, seeds_history.SEEDS, seeds_answers.SEEDS, seeds_words.SEEDS)
    inputs = sum(map(len, BYTES.values())) - len(BYTES["fleet"]) + sum(map(len, others))
    assert inputs >= 1800
    assert len(BYTES["document"]) >= 300


@pytest.mark.parametrize("target", BYTES)
def test_small_seeds_are_taken_or_refused_in_words(target: str) -> None:
    small = [seed for seed in BYTES[target].values() if not callable(seed) and len(seed) <= SMALL]
    some = small[:: 1 if len(small) < 100 else 4]
    for seed in (*some, *found(target).values()):
        TARGETS[target](seed)


@pytest.mark.parametrize(
    "name",
    [
        "nested-25000-brackets",
        "nested-25000-question-marks",
        "alias-bomb",
        "merge-bomb",
        "unknown-fields-4500",
        "huge-tag",
    ],
)
def test_what_kills_other_parsers_is_a_diagnostic(name: str) -> None:
    document(content(BYTES["document"][name]))
    fleet(content(BYTES["document"][name]))


@pytest.mark.parametrize("name", [n for n in seeds_git.SEEDS if not any(word in n for word in LARGE_REPOSITORIES)])
def test_a_hostile_repository_is_read_or_refused_in_words(name: str, tmp_path: Path) -> None:
    read_fleet(tmp_path / "r.git", hostile_fleet(tmp_path / "r.git", name))


@pytest.mark.parametrize("revision", seeds_git.REVISIONS)
def test_whatever_is_typed_as_a_revision_is_refused_in_words(revision: str, tmp_path: Path) -> None:
    hostile_fleet(tmp_path / "r.git", "valid")
    read_fleet(tmp_path / "r.git", revision)


@pytest.mark.parametrize(
    "name", [n for n in seeds_history.SEEDS if "megabytes" not in n and not (n.startswith(GENERATED) and "-is-" in n)]
)
def test_a_damaged_history_is_refused_in_words(name: str, tmp_path: Path) -> None:
    hostile_history(tmp_path / "r.git", name)
    read_history(tmp_path / "r.git")


@pytest.mark.long
@pytest.mark.timeout(1_500)
@pytest.mark.parametrize("target", [*BYTES, "git", "history"])
def test_each_costs_at_most_a_second_and_256_mib(target: str) -> None:
    """Enforced by the kernel on a child for each seed; repositories of thousands of files have their own allowance."""
    allowed = REPOSITORY if target in ("git", "history") else ONE_FILE
    every = list(limits.costs([target]))
    assert every
    assert [cost for cost in every if cost.ended or cost.cpu > allowed.cpu or cost.peak > allowed.memory] == []


def test_the_limits_are_enforced_and_not_only_measured() -> None:
    def forever() -> None:
        while True:
            pass

    assert "more than 1 s of CPU" in limits.measured(forever, ONE_FILE)[0]
    assert "256 MiB" in limits.measured(lambda: b"x" * (300 << 20), ONE_FILE)[0]
    assert "ZeroDivisionError" in limits.measured(lambda: 1 // 0, ONE_FILE)[0]
    assert limits.measured(lambda: None, ONE_FILE)[0] == ""

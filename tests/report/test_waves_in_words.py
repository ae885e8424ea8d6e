"""Waves in words: a plan's, those under way, and that nobody has to guess how they go on."""

from datetime import UTC, datetime, timedelta

import pytest

from reconciler.model.planned import Planned
from reconciler.model.wave import Course, Stamp, Wave, Waves
from reconciler.report.escape import cell
from reconciler.report.waves import (
    planned_markdown,
    planned_text,
    sentence,
    waves_document,
    waves_table,
    waves_text,
)

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
STAMP = Stamp(AT, "jo")
PLANNED = Planned(
    (
        Wave(("tenant/canary",), 1, 1, 600),
        Wave(("tenant/a", "tenant/b", "tenant/c", "tenant/d"), 4, 2, 14_400),
        Wave(("shard/eu-001", "tenant/[x](y)"), 50, 1, 0),
    )
)


def opened() -> Waves:
    return PLANNED.opened("sha256:0123456789", "c" * 40, STAMP, "apply")


def stages() -> dict[str, Waves]:
    walking = opened().walk(STAMP, "apply", Course({"shard/eu-001": "v1"}))
    baking = walking.bake(STAMP, "wave 1 is walked", ("tenant/canary",))
    return {
        "proposed": opened(), "walking": walking, "baking": baking, "paused": baking.pause(STAMP, "an incident"),
        "aborted": baking.abort(STAMP, "tenant/canary is degraded"), "superseded": baking.supersede(STAMP, "newer"),
        "done": _whole(),
    }  # fmt: skip


def _whole() -> Waves:
    waves = opened()
    for hours in (0, 1, 9):
        stamp = Stamp(AT + timedelta(hours=hours), "jo")
        waves = waves.walk(stamp, "on", Course()).bake(stamp, "walked", ())
    return waves


def test_a_plans_waves_are_a_table() -> None:
    assert planned_text(PLANNED) == [
        "Waves: 55 live sites in 3 waves. The next begins when the one before has baked and its sites are well:",
        "  WAVE  SITES  SHARDS  BAKES   TARGETS",
        "  1     1      1       10 min  tenant/canary",
        "  2     4      2       4 h     tenant/a, tenant/b, tenant/c and 1 more",
        "  3     50     1       –       shard/eu-001, tenant/[x](y)",
    ]
    assert planned_text(Planned()) == []
    assert planned_markdown(Planned()) == ""


def test_in_a_comment_nothing_of_it_takes_effect() -> None:
    text = planned_markdown(PLANNED)
    assert "| 2 | 4 | 2 | 4 h | " in text
    assert f"| {cell('shard/eu-001, tenant/[x](y)')} |" in text
    assert "| shard/eu-001, tenant/[x](y) |" not in text


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        ("proposed", "3 waves, none walked yet"), ("walking", "wave 1 of 3 is not walked to its end. Apply again"),
        ("baking", "wave 1 of 3 is walked and bakes until 2026-11-23 09:10Z. Then, if its sites are well, `aipress"),
        ("paused", "paused at wave 1 of 3 by jo: an incident. To go on: aipress waves resume w0123456"),
        ("aborted", "tenant/canary is degraded. What was done stays; to return it: aipress rollback --wave w0123456"),
        ("superseded", "superseded at wave 1 of 3: newer."), ("done", "all 3 waves are walked."),
    ],
)  # fmt: skip
def test_each_stage_says_how_it_goes_on(stage: str, words: str) -> None:
    assert words in sentence(stages()[stage])


def test_the_list_and_one_of_them() -> None:
    every = stages()
    listed = waves_table(list(every.values()), AT + timedelta(minutes=4))
    assert "baking, 6 min left" in listed
    assert "1 of 3  1 of 55" in listed
    assert waves_table([], AT).startswith("No waves")
    told = waves_text(every["aborted"], AT)
    assert "1     1      1       10 min  walked      tenant/canary  tenant/canary" in told
    assert "not walked" in told
    assert "2026-11-23 09:00Z  baking 1 until 2026-11-23 09:10Z  jo: wave 1 is walked" in told
    assert told.rstrip().endswith("aipress rollback --wave w0123456")


def test_for_machines_without_the_wishes() -> None:
    row = waves_document(stages()["baking"])
    assert (row["phase"], row["wave"], row["until"]) == ("baking", 1, "2026-11-23T09:10:00+00:00")
    assert "wishes" not in row
    assert [w["sites"] for w in row["waves"]] == [1, 4, 50]

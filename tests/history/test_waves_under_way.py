"""Waves in the history: read back whole by another process, moved on by one of two, found in a history elsewhere."""

import subprocess
import threading
import zlib
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.history.packed import MOST, pack
from reconciler.history.shelf import Entry, Shelf
from reconciler.history.store import GitHistory
from reconciler.history.waved import FINISHED_KEPT
from reconciler.model.errors import CorruptError, RefusedError
from reconciler.model.ids import Address
from reconciler.model.wave import Course, Move, Phase, Stamp, Wave, Waves
from tests.history.made import AT, StillClock

STAMP = Stamp(AT, "jo")


def store(folder: Path) -> GitHistory:
    return GitHistory(folder / "history.git", StillClock())


def some(ident: str = "w1", after: int = 0) -> Waves:
    chart = (Wave(("tenant/a",), 1, 1, 600), Wave(("tenant/b",), 1, 1, 0))
    wishes = {Address.parse("tenant/a/run.service/production"): "abc"}
    at = AT + timedelta(minutes=after)
    return Waves(ident, "c1", "sha256:1", chart, wishes, (Move(Phase.PROPOSED, 0, at, "jo", "apply"),))


def test_nothing_yet_makes_nothing(tmp_path: Path) -> None:
    assert store(tmp_path).waves() == []
    assert not (tmp_path / "history.git").exists()


def test_what_is_written_is_read_back_by_another_process(tmp_path: Path) -> None:
    waves = some().walk(STAMP, "apply", Course({"shard/eu-001": None}, ("tenant/a",)))
    store(tmp_path).move_waves([waves, some("w2", 1)])
    assert store(tmp_path).waves() == [waves, some("w2", 1)]
    on = waves.bake(STAMP, "walked", ("tenant/a",))
    store(tmp_path).move_waves([on])
    assert store(tmp_path).waves() == [on, some("w2", 1)]


def test_of_two_moves_from_one_place_exactly_one_wins(tmp_path: Path) -> None:
    store(tmp_path).move_waves([some()])
    ends: list[str] = []
    both = threading.Barrier(2)

    def walk(who: str) -> None:
        mine = store(tmp_path)
        moved = mine.waves()[0].walk(Stamp(AT, who), f"{who} walks", Course())
        both.wait()
        try:
            mine.move_waves([moved])
            ends.append(f"{who} won")
        except RefusedError as error:
            ends.append(str(error))

    threads = [threading.Thread(target=walk, args=(who,)) for who in ("ann", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winner = store(tmp_path).waves()[0].last.actor
    assert f"{winner} won" in ends
    assert any(f"moved on: {winner} made them walking (wave 1)" in end for end in ends)


def test_a_move_from_an_older_place_is_refused_and_nothing_of_its_batch_is_written(tmp_path: Path) -> None:
    history = store(tmp_path)
    history.move_waves([some()])
    history.move_waves([some().walk(STAMP, "apply", Course())])
    for late in (some(), some().pause(STAMP, "too late"), some().walk(STAMP, "apply", Course())):
        with pytest.raises(RefusedError, match="moved on"):
            history.move_waves([some("w2"), late])
    assert [(w.id, w.phase) for w in history.waves()] == [("w1", Phase.WALKING)]


def test_those_that_are_over_go_at_last_and_those_that_stand_never(tmp_path: Path) -> None:
    history = store(tmp_path)
    history.move_waves([some("standing")])
    for n in range(FINISHED_KEPT + 3):
        history.move_waves([some(f"w{n:02}", n).supersede(Stamp(AT + timedelta(minutes=n), "jo"), "newer")])
    names = [w.id for w in history.waves()]
    assert names[0] == "standing"
    assert names[1:] == [f"w{n:02}" for n in range(3, FINISHED_KEPT + 3)]


def test_git_log_tells_the_moves(tmp_path: Path) -> None:
    history = store(tmp_path)
    history.move_waves([some()])
    history.move_waves([some().pause(STAMP, "an\nincident")])
    command = ["git", f"--git-dir={tmp_path / 'history.git'}", "log", "--format=%an: %s", "refs/aipress/waves"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert told == "jo: waves w1: paused 0 of 2: an incident\njo: waves w1: proposed 0 of 2: apply\n"


def many(sites: int, wish: str = "{:012x}") -> Waves:
    """Waves over so many sites, of two environments each, and the own objects of the fleet and a shard."""
    names = [f"tenant/agency-site-{n:05}" for n in range(sites)]
    chart = (Wave((*names[:10], "fleet", "shard/eu-001"), 10, 1, 600), Wave(tuple(names[10:]), sites - 10, 9, 0))
    wishes = {
        Address.parse(f"{name}/run.service/{environment}"): wish.format(hash((name, environment)) & (2**48 - 1))
        for name in names
        for environment in ("production", "staging")
    }
    wishes |= {
        Address.parse("fleet/folder/shards"): "0123456789ab",
        Address.parse("shard/eu-001/sql.instance/main"): "0123456789ab",
        Address.parse("tenant/agency-site-00001/sql.database/production"): "",
        Address.parse("tenant/somebody-else/run.service/production"): "0123456789ab",
    }
    return Waves("w1", "c1", "sha256:1", chart, wishes, (Move(Phase.PROPOSED, 0, AT, "jo", "apply"),))


def size(folder: Path) -> int:
    """Bytes of the files of the newest state of all waves."""
    shelf = Shelf(folder / "history.git", StillClock())
    return sum(map(len, shelf.files(shelf.commit(str(shelf.head("refs/aipress/waves")))).values()))


def test_waves_over_many_sites_are_kept_small_and_read_back_the_same(tmp_path: Path) -> None:
    """20 bytes a site: 1 MB for 50,000, where plain JSON has 9 and twenty rollouts could not be read any more."""
    waves = many(5000)
    store(tmp_path).move_waves([waves])
    assert store(tmp_path).waves() == [waves]
    assert size(tmp_path) < 20 * 5000 + 2000
    on = waves.pause(STAMP, "an incident")
    store(tmp_path).move_waves([on])
    assert store(tmp_path).waves() == [on]


def test_a_few_sites_stay_plain_for_people(tmp_path: Path) -> None:
    store(tmp_path).move_waves([many(20)])
    shelf = Shelf(tmp_path / "history.git", StillClock())
    files = shelf.files(shelf.commit(str(shelf.head("refs/aipress/waves"))))
    assert sorted(files) == ["waves/w1/chart.json", "waves/w1/progress.json"]


def test_what_another_process_moved_is_seen_although_it_was_read_before(tmp_path: Path) -> None:
    one, other = store(tmp_path), store(tmp_path)
    one.move_waves([some()])
    assert other.waves() == [some()]
    on = some().pause(STAMP, "an incident")
    one.move_waves([on])
    assert other.waves() == [on]


@pytest.mark.parametrize(
    "content",
    [
        b"", b"not packed", pack(many(20).chart())[:-9], zlib.compress(b"[" * 90_000),
        zlib.compress(b" " * (MOST + 1)), zlib.compress(b"{}"),
        zlib.compress(b'{"wishes": {}, "columns": {"a": "b"}, "waves": [{"targets": ["tenant/a"]}]}'),
        zlib.compress(b'{"wishes": {}, "columns": {}, "waves": [{}]}'),
    ],
    ids=["empty", "not packed", "cut off", "nested", "a bomb", "nothing in it", "too short a column", "no targets"],
)  # fmt: skip
def test_a_damaged_chart_is_said_with_the_way_out(tmp_path: Path, content: bytes) -> None:
    shelf = Shelf(tmp_path / "history.git", StillClock())
    files = {"waves/w1/chart.packed": content, "waves/w1/progress.json": b'{"log": [], "courses": {}}'}
    shelf.put("refs/aipress/waves", None, Entry(files, "damaged", "jo", 1))
    with pytest.raises(CorruptError, match="damaged at refs/aipress/waves"):
        store(tmp_path).waves()


def test_damage_is_said_with_the_way_out(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "history.git", StillClock())
    shelf.put("refs/aipress/waves", None, Entry({"waves/w1/chart.json": b"{}"}, "not ours", "jo", 1))
    with pytest.raises(CorruptError, match="damaged at refs/aipress/waves") as told:
        store(tmp_path).waves()
    assert "apply again" in told.value.hint

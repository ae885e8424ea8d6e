"""Leases over a real history: who gets one, who keeps it, and who stops."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.engine.fence import ShardLeases
from reconciler.engine.lease import shared_store_id, store_id
from reconciler.gcp.session import TIMEOUT
from reconciler.history.store import GitHistory
from reconciler.model.errors import CorruptError, HistoryUnreachableError, InputError
from reconciler.model.fence import CALL, MARGIN, SKEW, TTL, Grant, Holder
from reconciler.model.ports import Halt, No

FIRST = int(datetime(2026, 11, 27, 9, tzinfo=UTC).timestamp())
"""The generation of a lease that nobody ever held, at the time at which these clocks start."""
PARENTS = {"fleet": None, "shard/eu-001": None, "shard/eu-002": None}


@dataclass
class Clock:
    at: datetime = datetime(2026, 11, 27, 9, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    def jump(self, by: timedelta) -> None:
        self.at += by


@dataclass
class Counting:
    """The history as a ledger, which counts its swaps and can be away."""

    history: GitHistory
    swaps: list[Grant] = field(default_factory=list)
    away: bool = False
    slow: Clock | None = None

    def lease(self, shard: str) -> Grant | None:
        if self.away:
            raise HistoryUnreachableError("no route to the history")
        return self.history.lease(shard)

    def swap_lease(self, before: Grant | None, after: Grant) -> bool:
        if self.away:
            raise HistoryUnreachableError("no route to the history")
        if self.slow:
            self.slow.sleep(100)
        self.swaps.append(after)
        return self.history.swap_lease(before, after)

    def newest(self, shard: str) -> str | None:
        return self.history.newest(shard)


@dataclass
class Host:
    name: str
    clock: Clock
    ledger: Counting

    @contextmanager
    def walking(self, store: str = "", number: str = "1") -> Iterator[ShardLeases]:
        leases = ShardLeases(self.ledger, self.clock, Holder(self.name, 7, store or self.name, self.name + number))
        with leases.walking(PARENTS):
            yield leases


@pytest.fixture
def hosts(tmp_path: Path) -> tuple[Host, Host]:
    """Two hosts with clocks of their own and one history."""

    def host(name: str) -> Host:
        clock = Clock()
        return Host(name, clock, Counting(GitHistory(tmp_path / "history.git", clock)))

    return host("one"), host("two")


def test_a_lease_is_taken_when_the_walk_comes_to_a_shard_and_given_back(hosts: tuple[Host, Host]) -> None:
    one, two = hosts
    with one.walking() as leases:
        assert one.ledger.lease("eu-001") is None, "a plan over a thousand shards takes nothing up front"
        assert leases.enter("eu-001") == FIRST and leases.enter("eu-001") == FIRST
        assert leases.keep("eu-001") is None
        assert leases.enter("") == FIRST, "the fleet's own objects have one too"
        leases.leave("eu-001")
    assert [g.released for g in one.ledger.swaps] == [False, False, True]
    with two.walking() as leases:
        assert leases.enter("eu-001") == FIRST + 1
    seen = two.ledger.lease("eu-001")
    assert seen is not None and (seen.generation, seen.holder.host, seen.released) == (FIRST + 1, "two", False)
    assert seen.expires - seen.granted == TTL


def test_a_shard_that_another_host_holds_is_left_to_it_until_it_is_surely_over(hosts: tuple[Host, Host]) -> None:
    one, two = hosts
    with one.walking() as first:
        assert first.enter("eu-001") == FIRST
        two.clock.jump(TTL + SKEW)
        with two.walking() as second:
            said = second.enter("eu-001")
            assert isinstance(said, No) and "process 7 on one" in said.why and "09:02:00 UTC" in said.why
            assert isinstance(second.enter("eu-002"), int), "the other shards go on"
            two.clock.jump(timedelta(seconds=1))
            assert isinstance(second.enter("eu-001"), No), "its plan is from before the other's apply"
        with two.walking() as second:
            assert second.enter("eu-001") == FIRST + 1


def test_a_killed_apply_of_the_same_state_folder_is_not_waited_for(hosts: tuple[Host, Host]) -> None:
    one, two = hosts
    with one.walking() as killed:
        killed.enter("eu-001")
    with one.walking(number="2") as again:
        assert again.enter("eu-001") == FIRST + 1
    with two.walking(store="one") as copied:
        assert isinstance(copied.enter("eu-001"), No), "a copied state folder on another host is another one"


def test_workers_without_a_state_folder_of_their_own_wait_for_each_other(hosts: tuple[Host, Host]) -> None:
    one, _ = hosts
    first, second = (ShardLeases(one.ledger, one.clock, Holder("one", pid, "", f"one-{pid}")) for pid in (7, 8))
    with first.walking(PARENTS), second.walking(PARENTS):
        assert first.enter("eu-001") == FIRST
        assert isinstance(second.enter("eu-001"), No)


def test_it_is_renewed_only_when_it_would_not_outlive_a_call(hosts: tuple[Host, Host]) -> None:
    one, _ = hosts
    assert CALL.total_seconds() == TIMEOUT
    with one.walking() as leases:
        leases.enter("eu-001")
        one.clock.jump(TTL - CALL - MARGIN)
        assert leases.keep("eu-001") is None and len(one.ledger.swaps) == 1
        one.clock.jump(timedelta(seconds=1))
        assert leases.keep("eu-001") is None and len(one.ledger.swaps) == 2
        assert one.ledger.swaps[-1].generation == FIRST and one.ledger.swaps[-1].granted == one.clock.at


def test_a_sleeper_whose_lease_was_taken_changes_nothing_any_more(hosts: tuple[Host, Host]) -> None:
    one, two = hosts
    with one.walking() as sleeper:
        sleeper.enter("eu-001")
        sleeper.enter("eu-002")
        for host in hosts:
            host.clock.jump(timedelta(hours=3))
        with two.walking() as second:
            assert second.enter("eu-001") == FIRST + 1
            said = sleeper.keep("eu-001")
            assert isinstance(said, Halt) and "was lost" in said.why and "process 7 on two" in said.why
            assert isinstance(sleeper.enter("eu-001"), Halt)
            second.leave("eu-001")
        assert isinstance(sleeper.keep("eu-001"), Halt), "nor when the other is done"
        sleeper.leave("eu-001")
        assert one.ledger.lease("eu-001").holder.host == "two"  # type: ignore[union-attr]
        assert sleeper.keep("eu-002") is None, "nobody took this one: the swap proves it"


def test_a_clock_that_goes_back_makes_the_holder_ask(hosts: tuple[Host, Host]) -> None:
    one, _ = hosts
    with one.walking() as leases:
        leases.enter("eu-001")
        one.clock.jump(timedelta(seconds=60))
        assert leases.keep("eu-001") is None
        one.clock.jump(-timedelta(seconds=30))
        assert leases.keep("eu-001") is None and len(one.ledger.swaps) == 2


def test_a_history_that_is_away_stops_what_needs_it(hosts: tuple[Host, Host]) -> None:
    one, _ = hosts
    with one.walking() as leases:
        leases.enter("eu-001")
        one.ledger.away = True
        assert leases.keep("eu-001") is None, "a lease in hand needs nobody"
        said = leases.enter("eu-002")
        assert isinstance(said, Halt) and "cannot be taken: no route to the history" in said.why
        one.clock.jump(TTL)
        leases.tend("eu-001")
        said = leases.keep("eu-001")
        assert isinstance(said, Halt) and "cannot be renewed" in said.why
        leases.leave("eu-001")


def test_a_renewal_slower_than_the_lease_is_no_lease(hosts: tuple[Host, Host]) -> None:
    one, _ = hosts
    with one.walking() as leases:
        one.ledger.slow = one.clock
        said = leases.enter("eu-001")
        assert isinstance(said, Halt) and "takes longer than the lease lives" in said.why


def test_a_long_operation_keeps_its_lease(hosts: tuple[Host, Host]) -> None:
    """A Cloud SQL instance takes twenty minutes: nobody else may come in between."""
    one, two = hosts
    with one.walking() as leases:
        leases.enter("eu-001")
        for _ in range(120):
            for host in hosts:
                host.clock.jump(timedelta(seconds=10))
            leases.tend("eu-001")
            with two.walking() as other:
                assert isinstance(other.enter("eu-001"), No)
            seen = two.ledger.lease("eu-001")
            assert seen is not None and seen.expires - one.clock.now() >= TTL / 2, "renewed long before it is over"
        assert leases.keep("eu-001") is None
    assert len(one.ledger.swaps) <= 22, "and not at every poll"


def test_a_lost_lease_is_noticed_while_an_operation_runs(hosts: tuple[Host, Host]) -> None:
    one, two = hosts
    with one.walking() as leases:
        leases.enter("eu-001")
        for host in hosts:
            host.clock.jump(timedelta(hours=1))
        with two.walking() as other:
            other.enter("eu-001")
            leases.tend("eu-001")
            assert isinstance(leases.keep("eu-001"), Halt)


def test_a_plan_whose_parent_is_not_the_newest_does_not_come_in(hosts: tuple[Host, Host]) -> None:
    one, _ = hosts
    leases = ShardLeases(one.ledger, one.clock, Holder("one", 7, "one", "x"))
    with leases.walking({"shard/eu-001": "a" * 40}):
        said = leases.enter("eu-001")
        assert isinstance(said, No) and "another version since this plan was made" in said.why
        assert leases.enter("eu-009") == FIRST, "what another process planned is for it to judge"
    assert one.ledger.lease("eu-001").released  # type: ignore[union-attr]


def test_one_of_many_gets_it(tmp_path: Path) -> None:
    won: list[str] = []
    start = threading.Barrier(6)

    def race(name: str) -> None:
        clock = Clock()
        leases = ShardLeases(GitHistory(tmp_path / "h.git", clock), clock, Holder(name, 1, name, name))
        start.wait()
        with leases.walking(PARENTS):
            if isinstance(leases.enter("eu-001"), int):
                won.append(name)

    threads = [threading.Thread(target=race, args=(f"host-{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_a_ref_that_holds_no_lease_stops_the_apply_with_the_way_on(tmp_path: Path) -> None:
    clock = Clock()
    history = GitHistory(tmp_path / "h.git", clock)
    with ShardLeases(history, clock, Holder("one", 1, "s", "x")).walking(PARENTS) as _:
        pass
    history.swap_lease(None, Grant("eu-001", 1, Holder("one", 1, "s", "x"), clock.at, clock.at + TTL))
    import pygit2

    repository = pygit2.Repository(str(tmp_path / "h.git"))
    repository.references.create(
        "refs/aipress/leases/eu-002", repository.references["refs/aipress/leases/eu-001"].target
    )
    with pytest.raises(CorruptError, match="the lease of shard/eu-001"):
        history.lease("eu-002")
    leases = ShardLeases(history, clock, Holder("two", 1, "t", "y"))
    with leases.walking(PARENTS):
        said = leases.enter("eu-002")
    assert isinstance(said, Halt) and "update-ref -d refs/aipress/leases/eu-002" in said.why


def test_a_state_folder_has_one_id_for_ever(tmp_path: Path) -> None:
    first = store_id(tmp_path / "a")
    assert store_id(tmp_path / "a") == first != store_id(tmp_path / "b")
    (tmp_path / "a" / "store").write_text("")
    with pytest.raises(InputError, match="holds no id"):
        store_id(tmp_path / "a")


def test_a_lost_history_does_not_begin_below_what_live_objects_are_stamped_with(tmp_path: Path) -> None:
    """Else every update would end stale for ever: "a newer apply has been here"."""
    clock = Clock()
    generations = []
    for history in ("first", "rebuilt"):
        for _ in range(3):
            leases = ShardLeases(GitHistory(tmp_path / history, clock), clock, Holder("one", 1, "s", "x"))
            with leases.walking(PARENTS):
                generations.append(leases.enter("eu-001"))
                leases.leave("eu-001")
            clock.sleep(2)
    assert generations == sorted(generations) and len(set(generations)) == 6  # type: ignore[type-var]


def test_a_shared_database_has_one_id_whoever_signs_in() -> None:
    one, two = (
        "postgresql://jo:secret@db.example:5432/aipress",
        "postgresql://al@db.example:5432/aipress?sslmode=require",
    )
    assert shared_store_id(one) == shared_store_id(two) != shared_store_id(one.replace("aipress", "other"))


def test_processes_that_share_a_store_wait_for_each_other(hosts: tuple[Host, Host]) -> None:
    one, _ = hosts
    first = ShardLeases(one.ledger, one.clock, Holder("one", 7, "", "x"))
    second = ShardLeases(one.ledger, one.clock, Holder("one", 7, "", "y"))
    assert isinstance(first.enter("eu-001"), int)
    assert isinstance(second.enter("eu-001"), No), "it may be alive"
    first.leave("eu-001")
    second.leave("eu-001")
    assert isinstance(second.enter("eu-001"), int)

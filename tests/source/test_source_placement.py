"""Where a new tenant goes: it fits, it is stable, it is balanced, and it says why."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.fleet import Fleet
from reconciler.model.ids import UID
from reconciler.source.placement import Candidate, Proposal, Wish, candidates, propose
from reconciler.source.uid import uid_from

WISH = Wish("a0000001", "silver")


def shard(name: str, tenants: int = 0, capacity: int = 50) -> Candidate:
    return Candidate(name, "europe-west1", capacity, tenants)


def test_what_does_not_fit_is_refused_with_the_reason() -> None:
    fits = shard("fits")
    proposal = propose(
        Wish("a0000001", "silver", "europe-west1"),
        [
            fits,
            replace(fits, shard="draining", draining=True),
            replace(fits, shard="far", region="us-central1"),
            replace(fits, shard="full", tenants=50),
            replace(fits, shard="other", tiers=("bronze", "gold")),
            replace(fits, shard="quota", headroom=0),
        ],
    )
    assert proposal.shard == "fits"
    assert dict(proposal.refused) == {
        "draining": "draining: nothing new is placed there",
        "far": "in us-central1, not in europe-west1",
        "full": "full: 50 of 50 tenants",
        "other": "takes bronze, gold, not silver",
        "quota": "no quota left in its project",
    }


def test_nothing_fits_and_nothing_there() -> None:
    assert propose(WISH, []) == Proposal((), ())
    assert propose(WISH, [shard("full", 50)]).shard == ""


uids = st.binary(min_size=16, max_size=16).map(uid_from)
fleets = st.lists(st.integers(0, 50), min_size=1, max_size=12).map(
    lambda loads: [shard(f"s{number:02d}", load) for number, load in enumerate(loads)]
)


@given(uids, fleets, st.randoms(use_true_random=False))
def test_the_answer_does_not_depend_on_the_order(uid: str, shards: list[Candidate], shuffle: object) -> None:
    shuffled = list(shards)
    shuffle.shuffle(shuffled)  # type: ignore[attr-defined]
    assert propose(Wish(uid, "gold"), shards) == propose(Wish(uid, "gold"), shuffled)


@given(uids, fleets)
def test_every_shard_is_ranked_or_refused_once(uid: str, shards: list[Candidate]) -> None:
    proposal = propose(Wish(uid, "gold"), shards)
    named = [ranked.shard for ranked in proposal.ranked] + [name for name, _ in proposal.refused]
    assert sorted(named) == sorted(candidate.shard for candidate in shards)
    assert all(ranked.free > 0 for ranked in proposal.ranked)


@given(uids, st.integers(1, 12))
def test_a_new_shard_takes_a_place_and_reorders_nobody(uid: str, count: int) -> None:
    shards = [shard(f"s{number:02d}", 10) for number in range(count)]
    before = [ranked.shard for ranked in propose(Wish(uid, "gold"), shards).ranked]
    after = [ranked.shard for ranked in propose(Wish(uid, "gold"), [*shards, shard("new", 10)]).ranked]
    assert [name for name in after if name != "new"] == before


def test_a_fuller_shard_stands_behind_the_others() -> None:
    shards = [shard("a", 40), shard("b", 5), shard("c", 5)]
    for number in range(50):
        proposal = propose(Wish(f"u{number:07d}", "gold"), shards)
        assert proposal.ranked[-1].shard == "a"
        assert "fuller than its share" in proposal.ranked[-1].reason


def test_placing_one_by_one_fills_all_shards_evenly() -> None:
    loads: Counter[str] = Counter()
    for number in range(400):
        shards = [shard(f"s{n}", loads[f"s{n}"]) for n in range(10)]
        loads[propose(Wish(f"u{number:07d}", "gold"), shards).shard] += 1
    assert sum(loads.values()) == 400
    assert max(loads.values()) <= 50
    assert min(loads.values()) >= 25


def test_candidates_are_read_off_the_fleet(
    texts: dict[str, str], loaded: Callable[[Mapping[str, str | bytes]], Fleet]
) -> None:
    edited = dict(texts)
    path = "shards/us-001/shard.yaml"
    edited[path] = edited[path].replace("region:", "state: draining\n  tiers: [gold]\n  region:")
    assert candidates(loaded(edited)) == (
        Candidate("eu-001", "europe-west1", 50, 2, None, False),
        Candidate("us-001", "us-central1", 50, 1, ("gold",), True),
    )


@given(st.binary(min_size=8, max_size=32))
def test_a_uid_is_made_of_any_entropy(entropy: bytes) -> None:
    assert UID.fullmatch(uid_from(entropy))
    assert uid_from(entropy) == uid_from(entropy)


def test_uids_rarely_meet() -> None:
    assert len({uid_from(number.to_bytes(16, "big") * 1) for number in range(20_000)}) == 20_000

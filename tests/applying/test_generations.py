"""The generation of the lease on what is written: stamped at the call, and a newer one is left alone."""

from typing import Any

import pytest

from reconciler.applying.exchange import Begin, Observed, Request, Reread, Response
from reconciler.kinds.catalog import KINDS
from reconciler.kinds.compare import difference, fingerprint, value_at
from reconciler.kinds.kind import Proof
from reconciler.kinds.ownership import GENERATION_LABEL, HOW, generation_of, stamped
from reconciler.model.outcome import Result
from reconciler.model.plan import Action, Change
from reconciler.model.ports import Call
from reconciler.model.resource import Found
from tests.applying.builders import LABELS, Driven, change, drive, planned
from tests.doubles import EPOCH, FakeCloud

SECRET = ("tenant/acme/secret/production", "projects/p/secrets/acme-p")
KEY = ("secret", SECRET[1])
BODY = {"labels": LABELS, "replication": {"automatic": {}}, "versionDestroyTtl": "604800s"}
WANTED = {**BODY, "versionDestroyTtl": "1s"}


def under(cloud: FakeCloud, one: Change, generation: int) -> Driven:
    def look(request: Request) -> Response | None:
        if isinstance(request, Reread):
            return Observed(cloud.get(one.address.kind, one.name, one.parent, one.body), EPOCH, generation)
        return None

    return drive(cloud, one, instead=look)


def calls(driven: Driven) -> list[Call]:
    return [request.call for request in driven.trace if isinstance(request, Begin)]


def written(body: dict[str, Any], generation: object) -> dict[str, Any]:
    return {**body, "labels": {**LABELS, GENERATION_LABEL: str(generation)}}


def test_what_is_made_carries_the_generation_and_is_as_wanted() -> None:
    cloud = FakeCloud()
    driven = under(cloud, change(*SECRET, BODY), 7)
    assert driven.item.result is Result.DONE and driven.item.message == ""
    assert cloud.body(*KEY) == written(BODY, 7)
    assert driven.item.body == BODY, "what history records is what was wanted"


def test_an_update_moves_the_label_along_and_keeps_others_labels() -> None:
    cloud = FakeCloud(objects={KEY: {**BODY, "labels": {**LABELS, GENERATION_LABEL: "3", "theirs": "x"}}})
    driven = under(cloud, planned(cloud, *SECRET, WANTED, BODY), 7)
    assert driven.item.result is Result.DONE
    (call,) = calls(driven)
    assert call.mask == ("versionDestroyTtl", "labels")
    assert cloud.body(*KEY)["labels"] == {**LABELS, GENERATION_LABEL: "7", "theirs": "x"}


def test_a_mask_that_names_the_labels_already_names_them_once() -> None:
    cloud = FakeCloud(objects={KEY: BODY})
    driven = under(cloud, planned(cloud, *SECRET, {**BODY, "labels": {**LABELS, "tier": "gold"}}, BODY), 7)
    assert [call.mask for call in calls(driven)] == [("labels",)]


@pytest.mark.parametrize("action", [Action.UPDATE, Action.DELETE, Action.REPLACE])
def test_what_a_newer_apply_wrote_is_not_touched(action: Action) -> None:
    cloud = FakeCloud(objects={KEY: written(BODY, 8)})
    driven = under(cloud, planned(cloud, *SECRET, WANTED, BODY, action=action), 7)
    assert driven.item.result is Result.STALE and not cloud.effects
    assert "a newer apply (generation 8, ours is 7) has been here" in driven.item.message


@pytest.mark.parametrize("there", ["7", "6", "", "not-a-number", "9" * 40, "-8"])
def test_what_is_not_newer_is_written(there: str) -> None:
    cloud = FakeCloud(objects={KEY: written(BODY, there)})
    assert under(cloud, planned(cloud, *SECRET, WANTED, BODY), 7).item.result is Result.DONE


def test_a_change_already_made_by_a_newer_apply_is_done() -> None:
    cloud = FakeCloud(objects={KEY: written(BODY, 8)})
    one = planned(cloud, *SECRET, WANTED, BODY)
    cloud.put(*KEY, written(WANTED, 8))
    assert under(cloud, one, 7).item.result is Result.DONE and not cloud.effects


def test_without_leases_nothing_is_stamped_and_nothing_is_newer() -> None:
    cloud = FakeCloud(objects={KEY: written(BODY, 8)})
    assert under(cloud, planned(cloud, *SECRET, WANTED, BODY), 0).item.result is Result.DONE
    assert cloud.body(*KEY)["labels"][GENERATION_LABEL] == "8"


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_the_label_is_never_a_difference_and_never_in_a_fingerprint(kind: Any) -> None:
    body: dict[str, Any] = {"description": "x"}
    if kind.labels:
        *above, last = kind.labels.split(".")
        inner: dict[str, Any] = {last: dict(LABELS)}
        for step in reversed(above):
            inner = {step: inner}
        body = {**body, **inner}
    marked = stamped(kind, body, 7)
    assert (generation_of(kind, Found(marked, "u", EPOCH)) == 7) == bool(kind.labels)
    assert difference(kind, marked, body, body) == () and difference(kind, body, body, body) == ()
    prints = {fingerprint(kind, Found(one, "u", EPOCH), body) for one in (body, marked, stamped(kind, body, 8))}
    assert len(prints) == 1
    if kind.labels:
        assert value_at(marked, kind.labels) == {**LABELS, GENERATION_LABEL: "7"}


def test_every_kind_says_how_it_shows_whose_it_is() -> None:
    assert set(HOW) == {kind.name for kind in KINDS.values() if kind.proof is not Proof.LABELS}
    assert all(kind.labels for kind in KINDS.values() if kind.proof is Proof.LABELS)

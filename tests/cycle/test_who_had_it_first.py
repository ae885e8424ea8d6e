"""A tenant that writes a neighbour's domain or uid stops itself alone: whose it was keeps going."""

from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.actions.apply import ApplyRequest, apply
from reconciler.actions.plan import PlanRequest, make
from reconciler.cycle.contested import first_come
from reconciler.model.fleet import Fleet
from reconciler.model.plan import Plan
from tests.cycle.small_world import SmallWorld
from tests.planning.sites import tenant

ACME = "shards/eu-001/tenants/acme-bakery/tenant.yaml"
LINDEN = "shards/eu-001/tenants/linden-yoga/tenant.yaml"
LANTERN = "shards/us-001/tenants/brass-lantern/tenant.yaml"


UID = "k3v9x2ma"


def made_fleet(names: list[str]) -> Fleet:
    """Tenants that all have one uid."""
    tenants = {name: tenant(name, "eu-001", "silver") for name in names}
    alike = {
        name: replace(w, document=w.document.model_copy(
            update={"metadata": w.document.metadata.model_copy(update={"uid": UID})}
        ))
        for name, w in tenants.items()
    }  # fmt: skip
    return Fleet("c1", None, {}, {}, alike, dict.fromkeys(names, "eu-001"))


@pytest.fixture
def small(tmp_path: Path) -> SmallWorld:
    made = SmallWorld(tmp_path)
    assert apply(made.world(), ApplyRequest()).exit_code == 0
    return made


def planned(small: SmallWorld) -> Plan:
    return make(small.world(), PlanRequest())


def take(small: SmallWorld, thief: str, what: str) -> None:
    """The thief writes acme's domain, or its uid, and acme changes something in the same commit."""
    text = small.read(thief)
    if what == "domain":
        own = text.split("domains: [", 1)[1].split("]", 1)[0]
        text = text.replace(own, small.read(ACME).split("domains: [", 1)[1].split("]", 1)[0].split(",")[0])
    else:
        own, theirs = (t.split("uid: ", 1)[1].split("\n", 1)[0] for t in (text, small.read(ACME)))
        text = text.replace(f"uid: {own}", f"uid: {theirs}")
    (small.fleet / thief).write_text(text)
    small.write(ACME, small.read(ACME).replace("tier: silver\n", "tier: silver\n  runtime: { memory: 1Gi }\n"))


@pytest.mark.parametrize("thief", [LINDEN, LANTERN])
@pytest.mark.parametrize("what", ["domain", "uid"])
def test_who_had_it_first_goes_on_and_the_newcomer_is_refused(small: SmallWorld, thief: str, what: str) -> None:
    take(small, thief, what)
    plan = planned(small)
    assert {str(c.address.target) for c in plan.changes} == {"tenant/acme-bakery"}
    wrong = [d for d in plan.diagnostics if d.severity == "error"]
    assert [d.file for d in wrong] == [thief]
    assert f"stands at {ACME}:" in wrong[0].message and wrong[0].message.endswith("too, which had it first")
    assert apply(small.world(), ApplyRequest()).exit_code == 3
    head = small.world().history.head("eu-001")
    assert head is not None and head.documents[ACME] == small.read(ACME), "its text goes with its resources"
    after = planned(small)
    assert (after.changes, after.to_record) == ((), False), "what was applied is recorded, once"


def test_what_neither_had_before_stops_both(small: SmallWorld) -> None:
    for path in (LINDEN, LANTERN):
        own = small.read(path).split("domains: [", 1)[1].split("]", 1)[0]
        (small.fleet / path).write_text(small.read(path).replace(own, "new.example"))
    small._commit("Both want it")
    assert {d.file for d in planned(small).diagnostics if d.severity == "error"} == {LINDEN, LANTERN}


def test_what_was_let_go_of_is_the_newcomers(small: SmallWorld) -> None:
    own = small.read(LINDEN).split("domains: [", 1)[1].split("]", 1)[0]
    (small.fleet / LINDEN).write_text(small.read(LINDEN).replace(own, "other.example"))
    theirs = small.read(LANTERN).split("domains: [", 1)[1].split("]", 1)[0]
    small.write(LANTERN, small.read(LANTERN).replace(theirs, own))
    assert [d for d in planned(small).diagnostics if d.severity == "error"] == []
    assert apply(small.world(), ApplyRequest()).exit_code == 0


def test_what_the_history_gives_to_two_is_kept_by_neither() -> None:
    """A history that is damaged or forged must not give two sites one uid."""
    had = made_fleet(["tenant-a", "tenant-b"])
    paths = [written.path for written in had.tenants.values()]
    assert first_come([had], paths) == frozenset()
    assert first_come([had], paths[:1]) == {("AP204", UID, paths[0])}
    assert first_come([], paths) == frozenset()

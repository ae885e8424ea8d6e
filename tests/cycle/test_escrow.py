"""From a deletion to the last object: what is kept, who may let it go, who may have the name, and the way back."""

import contextlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pygit2
import pytest

from reconciler.actions.apply import Applied, ApplyRequest, apply
from reconciler.actions.history import stands
from reconciler.actions.holds import Window, pause
from reconciler.actions.plan import PlanRequest, make
from reconciler.actions.status import status
from reconciler.kinds.ownership import GENERATION_LABEL
from reconciler.model.ids import Target
from reconciler.source.edit import remove_value, set_value
from tests.cycle.small_world import SmallWorld
from tests.doubles import Killed, Script

YOGA = "shards/eu-001/tenants/linden-yoga/tenant.yaml"
ELSEWHERE = "shards/us-001/tenants/linden-yoga/tenant.yaml"
UID, OTHER = "n4j8q6sv", "w2c5r7yb"
ANN = pygit2.Signature("Ann Other", "ann@example.org", 1_790_000_100, 0)
DATA = {"sql.database", "secret", "secret.version", "storage.managed-folder"}


@pytest.fixture
def small(tmp_path: Path) -> SmallWorld:
    made = SmallWorld(tmp_path)
    assert applied(made).exit_code == 0
    return made


def applied(small: SmallWorld) -> Applied:
    return apply(small.world(), ApplyRequest())


def delete(small: SmallWorld, who: pygit2.Signature | None = None) -> None:
    text = set_value(small.read(YOGA), ("spec", "state"), "deleted")
    text = set_value(text, ("spec", "deletion"), {"reason": "the studio closed"})
    small.write(YOGA, text, *([who] if who else []))
    assert applied(small).exit_code == 0


def approve(small: SmallWorld, *approvers: str, uid: str = UID) -> None:
    day = f"{small.clock.at + timedelta(days=1):%Y-%m-%d}"
    one = {"tenant": "linden-yoga", "uid": uid, "expires": day, "approvers": list(approvers or ("Ada", "Grace"))}
    small.write("fleet.yaml", set_value(small.read("fleet.yaml"), ("spec", "purges"), [one]))


def mine(small: SmallWorld, uid: str = UID) -> dict[tuple[str, str], Any]:
    """What carries the tenant's uid in its name."""
    return {key: body for key, body in small.cloud.objects.items() if uid in key[1]}


def objects(small: SmallWorld) -> dict[tuple[str, str], Any]:
    """All there is but final backups; the generation says only by which apply an object was written last."""
    found = {key: body for key, body in small.cloud.objects.items() if key[0] != "sql.backup"}
    for body in found.values():
        for labels in (body.get("labels", {}), body.get("settings", {}).get("userLabels", {})):
            labels.pop(GENERATION_LABEL, None)
    return found


def kinds(small: SmallWorld, uid: str = UID) -> set[str]:
    return {kind for kind, _ in mine(small, uid)}


def told(small: SmallWorld) -> str:
    return " ".join(f"{v.guard}: {v.message}" for v in make(small.world(), PlanRequest()).refused())


def renamed(small: SmallWorld) -> str:
    """The file of another owner under the same name."""
    text = small.read(YOGA).replace(UID, OTHER)
    return remove_value(remove_value(text, ("spec", "state")), ("spec", "deletion"))


def test_taken_back_inside_the_window_it_is_as_it_was_byte_for_byte(small: SmallWorld) -> None:
    before, uids, text = objects(small), {k: s.uid for k, s in small.cloud.stored.items()}, small.read(YOGA)
    delete(small)
    assert objects(small) != before
    assert kinds(small) >= DATA
    small.clock.at += timedelta(days=13)
    small.write(YOGA, text)
    assert applied(small).exit_code == 0
    after = objects(small)
    assert after == before
    assert {key: small.cloud.stored[key].uid for key in after} == uids
    assert make(small.world(), PlanRequest()).changes == ()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(10))
def test_a_purge_that_is_cut_off_anywhere_goes_on_to_the_end(number: int, when: str, small: SmallWorld) -> None:
    delete(small)
    small.clock.at += timedelta(days=15)
    approve(small)
    assert len(make(small.world(), PlanRequest()).changes) == 10
    small.cloud.script(Script("begin", kill=when, after=number))
    with contextlib.suppress(Killed):
        applied(small)
    small.cloud._scripts.clear()
    assert "sql.backup" in kinds(small)
    assert applied(small).exit_code == 0
    assert kinds(small) == {"sql.backup"}
    assert (make(small.world(), PlanRequest()).changes, told(small)) == ((), "")


def test_nothing_of_it_goes_while_its_final_backup_is_not_finished(small: SmallWorld) -> None:
    delete(small)
    key = next(key for key in small.cloud.stored if key[0] == "sql.backup")
    small.cloud.stored[key].pending, small.cloud.stored[key].orphan = 10**6, True
    small.clock.at += timedelta(days=15)
    approve(small)
    before = mine(small)
    assert applied(small).exit_code != 0
    assert mine(small) == before


@pytest.mark.parametrize(
    ("approvers", "why"),
    [
        (("Jo", "Ada"), "Jo approves it and wrote the approval"),
        (("Ada", "JO@example.org"), "JO@example.org approves it and wrote the approval"),
        (("Ann Other", "Ada"), "Ann Other approves it and wrote the deletion"),
        (("Ada", "Ann Other <ann@example.org>"), "approves it and wrote the deletion"),
    ],
)
def test_nobody_approves_what_they_wrote(approvers: tuple[str, str], why: str, small: SmallWorld) -> None:
    delete(small, ANN)
    small.clock.at += timedelta(days=15)
    approve(small, *approvers)
    assert why in told(small)
    before = mine(small)
    assert applied(small).exit_code == 5
    assert mine(small) == before


def test_two_who_wrote_neither_may(small: SmallWorld) -> None:
    delete(small, ANN)
    small.clock.at += timedelta(days=15)
    approve(small, "Ada", "Grace")
    assert told(small) == ""
    assert applied(small).exit_code == 0
    assert kinds(small) == {"sql.backup"}


@pytest.mark.parametrize("where", [YOGA, ELSEWHERE])
def test_another_owner_gets_the_name_only_when_nothing_of_the_first_is_left(where: str, small: SmallWorld) -> None:
    delete(small)
    before, text = mine(small), small.read(YOGA)
    other = renamed(small)
    (small.fleet / YOGA).unlink()
    (small.fleet / where).parent.mkdir(exist_ok=True)
    small.write(where, other)
    assert f"the name linden-yoga still belongs to uid {UID}, whose data shard eu-001 keeps in escrow" in told(small)
    assert "lost-data" not in told(small)
    assert applied(small).exit_code == 5
    assert (kinds(small, OTHER), mine(small)) == (set(), before)

    (small.fleet / where).unlink()
    small.clock.at += timedelta(days=15)
    small.write(YOGA, text)
    approve(small)
    assert applied(small).exit_code == 0
    assert kinds(small) == {"sql.backup"}

    (small.fleet / YOGA).unlink()
    small.write(where, other)
    assert applied(small).exit_code == 0
    assert kinds(small, OTHER) >= DATA
    assert make(small.world(), PlanRequest()).changes == ()


def test_an_approval_for_the_first_owner_lets_nothing_of_the_second_go(small: SmallWorld) -> None:
    delete(small)
    small.clock.at += timedelta(days=15)
    approve(small, uid=OTHER)
    before = small.cloud.objects
    assert make(small.world(), PlanRequest()).changes == ()
    assert applied(small).exit_code == 0
    assert small.cloud.objects == before


def test_a_folder_that_goes_during_escrow_deletes_nothing_and_the_time_goes_on(small: SmallWorld) -> None:
    began = small.clock.at
    delete(small)
    text = small.read(YOGA)
    (small.fleet / YOGA).unlink()
    small.write("README.md", "")
    before = mine(small)
    small.clock.at += timedelta(days=30)
    plan = make(small.world(), PlanRequest())
    (note,) = [d for d in plan.diagnostics if d.code == "AP401"]
    assert f"tenant/linden-yoga was deleted on {began:%Y-%m-%d} and has no file any more" in note.message
    approve(small)
    assert applied(small).exit_code in (0, 3)
    assert mine(small) == before
    small.write(YOGA, text)
    assert told(small) == ""
    assert applied(small).exit_code == 0
    assert kinds(small) == {"sql.backup"}


def test_status_and_history_say_where_it_is_and_what_brings_it_back(small: SmallWorld) -> None:
    target = Target.parse("tenant/linden-yoga")
    assert status(small.world(), (target,))[0].escrow is None
    assert stands(small.world(), target) == ()
    delete(small)
    line = next(n for n, text in enumerate(small.read(YOGA).splitlines(), 1) if "state: deleted" in text)
    head = small.world().repository.resolve("HEAD")
    small.clock.at += timedelta(days=3, hours=1)
    said = (
        "deleted 2026-11-23, 11 days left, until 2026-12-07; kept: database, final backup, media folder, secret, "
        f"secret version. Bring it back: take out `state: deleted` at {YOGA}:{line} (git revert {head[:12]})"
    )
    (row,) = status(small.world(), (target,))
    assert row.escrow is not None
    assert (row.health, row.escrow["told"], row.escrow["daysLeft"], row.escrow["commit"]) == ("Deleted", said, 11, head)
    assert stands(small.world(), target) == (f"tenant/linden-yoga: {said}",)
    small.clock.at += timedelta(days=11)
    approve(small)
    (row,) = status(small.world(), (target,))
    assert row.escrow is not None
    assert (
        "its time is over since 2026-12-07, and it may be purged; purge approved until 2026-12-08" in row.escrow["told"]
    )
    assert row.escrow["daysLeft"] == 0


def test_holds_and_what_was_left_are_told_with_the_history(small: SmallWorld) -> None:
    target = Target.parse("tenant/acme-bakery")
    pause(small.world(), Target.parse("tenant/acme-bakery@staging"), "an incident", Window(until="2h"))
    pause(small.world(), Target.parse("shard/eu-001"), "a disk", Window(until="1h"))
    pause(small.world(), Target.parse("shard/us-001"), "elsewhere")
    small.clock.at += timedelta(minutes=90)
    assert stands(small.world(), target) == (
        "shard/eu-001: the hold by jo@example.org ended 2026-11-23 10:00Z: a disk",
        "tenant/acme-bakery@staging: on hold by jo@example.org until 2026-11-23 11:00Z: an incident",
    )
    (row,) = status(small.world(), (target,))
    assert row.reason == "on hold by jo@example.org until 2026-11-23 11:00Z: an incident"

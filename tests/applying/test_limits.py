"""Each limit on a single write, at its boundary. What was done before is told as rows, as a restart would read it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.applying.asked import Asked
from reconciler.applying.limits import admit
from reconciler.applying.sickness import everything_paused, sick
from reconciler.applying.tally import Tally
from reconciler.model.bounds import Bounds
from reconciler.model.effect import Effect, Mishap, Over, Reply, Row, Trip, row_from_json, row_to_json
from reconciler.model.guards import Guards
from reconciler.model.hold import Hold
from reconciler.model.plan import Action
from reconciler.model.ports import Call, Halt, Later, No
from tests.applying.builders import OWNER, change

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LIVE = tuple(f"site-{n:02}" for n in range(50))
APPROVED = f"purges/acme/{OWNER}/2026-11-23"


def ago(**much: float) -> datetime:
    return NOW - timedelta(**much)


def effect(resource: str, at: datetime = NOW, action: str = "update", **more: Any) -> Effect:
    given = {"id": f"id-{resource}", "plan": "p", "commit": "c", "shard": "s", "live": True, "holds_data": False}
    return Effect(at=at, resource=resource, action=action, **{**given, **more})


def service(n: int) -> str:
    return f"tenant/site-{n:02}/run.service/production"


def asked(
    resource: str = service(0),
    action: Action = Action.UPDATE,
    before: Iterable[Row] = (),
    call: Action | None = None,
    **more: Any,
) -> Asked:
    """A write that is about to be made in a fleet of 5,000, whose shard `s` has 50 live tenants."""
    tally = Tally()
    for row in before:
        tally.add(row)
    one = change(resource, f"projects/p/x/{resource}", {}, action, approval=more.pop("approval", ""))
    one = replace(one, shard=more.pop("shard", "s"))
    call_id, live = more.pop("call_id", "mine"), more.pop("seen", None)
    made = Call(call or action, one.address.kind, one.name, one.parent, {}, live=live, request_id=call_id)
    bounds = Bounds(guards=more.pop("guards", Guards()), sites=5000, shards=100, live={"s": LIVE})
    bounds = replace(bounds, **more.pop("bounds", {}))
    return Asked(one, made, "p", "c", tally, bounds, more.pop("now", NOW), **more)


def word(one: Asked) -> str:
    """ "" when it is admitted, else what said no."""
    said = admit(one)
    return "" if said is None else f"{type(said).__name__}: {said.why}"


# --- destroying -----------------------------------------------------------------------------------------------------

DATABASE = "tenant/acme/sql.database/production"


def purged(count: int, at: datetime) -> list[Row]:
    return [effect(f"tenant/t{n}/sql.database/production", at, "delete", holds_data=True) for n in range(count)]


@pytest.mark.parametrize(
    ("done", "at", "refused"),
    [
        (4, ago(minutes=59), ""),
        (5, ago(minutes=59), "guards.destroys.perHour"),
        (5, ago(hours=1), ""),
        (49, ago(hours=2), ""),
        (50, ago(hours=2), "guards.destroys.perDay"),
        (50, ago(hours=24), ""),
        (5, NOW + timedelta(days=1), "guards.destroys.perHour"),  # the clock was set back
    ],
)
def test_five_tenants_an_hour_and_fifty_a_day_are_purged_at_most(done: int, at: datetime, refused: str) -> None:
    said = word(asked(DATABASE, Action.DELETE, purged(done, at), approval=APPROVED))
    assert (refused in said) if refused else said == ""


def test_a_purge_that_has_begun_goes_on_at_the_cap() -> None:
    begun = effect("tenant/acme/secret/production", ago(minutes=1), "delete", holds_data=True)
    assert word(asked(DATABASE, Action.DELETE, [*purged(4, ago(minutes=1)), begun], approval=APPROVED)) == ""


def test_the_cap_says_when_there_is_room_again() -> None:
    rows = [effect(f"tenant/t{n}/secret/x", ago(minutes=50 - n), "delete", holds_data=True) for n in range(5)]
    said = word(asked(DATABASE, Action.DELETE, rows, approval=APPROVED))
    assert "5 tenants were purged in the last 1 h (limit 5: guards.destroys.perHour in fleet.yaml)" in said
    assert "room again at 2026-11-23 09:10Z" in said


@pytest.mark.parametrize(
    ("approval", "admitted"),
    [
        (APPROVED, True),
        ("", False),
        (f"purges/acme/{OWNER}/2026-11-22", False),
        (f"purges/other/{OWNER}/2026-11-23", False),
        ("purges/acme/q1w2e3r4/2026-11-23", False),
        ("purges/acme", False),
        (f"purges/acme/{OWNER}/soon", False),
        (f"other/acme/{OWNER}/2026-11-23", False),
    ],
)
def test_data_goes_only_with_an_approval_that_holds_at_this_moment(approval: str, admitted: bool) -> None:
    said = word(asked(DATABASE, Action.DELETE, approval=approval))
    assert (said == "") is admitted
    assert admitted or said.startswith("No: data-delete: ")


def test_an_approval_ends_with_its_last_day() -> None:
    one = asked(DATABASE, Action.DELETE, approval=APPROVED, now=NOW.replace(hour=23, minute=59))
    assert word(one) == ""
    assert "expired on 2026-11-23" in word(replace(one, now=NOW + timedelta(hours=15)))


def test_replacing_what_holds_data_is_destroying_it_and_no_approval_covers_that() -> None:
    for call in (Action.DELETE, Action.REPLACE):
        assert "replacing this database" in word(asked(DATABASE, Action.REPLACE, call=call, approval=APPROVED))


@pytest.mark.parametrize("kind", ["project", "folder"])
@pytest.mark.parametrize("action", [Action.DELETE, Action.REPLACE])
def test_projects_and_folders_are_on_the_never_list(kind: str, action: Action) -> None:
    assert "never-list" in word(asked(f"shard/s/{kind}/main", action, call=Action.DELETE, approval=APPROVED))


@pytest.mark.parametrize(("gone", "admitted"), [(4, True), (5, False)])
def test_a_plan_deletes_five_objects_without_data_at_most(gone: int, admitted: bool) -> None:
    rows = [effect(service(n), ago(minutes=5), "delete", live=False) for n in range(gone)]
    here = asked("tenant/acme/run.service/staging", Action.DELETE, rows)
    assert (word(here) == "") is admitted
    assert word(replace(here, plan="another")) == ""
    assert word(replace(here, bounds=replace(here.bounds, allow=frozenset({"deletes"})))) == ""
    purge = asked("tenant/acme/run.service/staging", Action.DELETE, rows, approval=APPROVED)
    assert word(purge) == ""


def test_what_is_half_replaced_is_made_again_whatever_else_holds() -> None:
    rows: list[Row] = [Trip(ago(seconds=1), "s", "sick"), *purged(50, ago(minutes=1))]
    assert word(asked("tenant/acme/iam.service-account/production", Action.REPLACE, rows, Action.CREATE)) == ""
    assert word(asked("tenant/acme/iam.service-account/production", Action.REPLACE, rows, Action.DELETE)) != ""


# --- how much and how fast ------------------------------------------------------------------------------------------


def changed(count: int, at: datetime, **more: Any) -> list[Row]:
    return [effect(service(n + 1), at, **more) for n in range(count)]


@pytest.mark.parametrize(("done", "at", "admitted"), [(4, 59, True), (5, 59, False), (5, 60, True)])
def test_a_tenth_of_a_projects_live_tenants_changes_an_hour(done: int, at: int, admitted: bool) -> None:
    said = word(asked(before=changed(done, ago(minutes=at), commit="earlier")))
    assert (said == "") is admitted
    assert admitted or "5 of the 50 live tenants of shard/s changed in the last hour (limit 5: guards.velocity" in said


def test_a_project_of_few_may_change_one_and_a_small_fleet_ten() -> None:
    few = {"live": {"s": LIVE[:3]}}
    assert word(asked(bounds=few)) == ""
    assert "limit 1" in word(asked(before=changed(1, ago(minutes=5)), bounds=few))
    assert word(asked(before=changed(9, ago(minutes=5)), bounds={"sites": 99})) == ""
    assert "limit 10" in word(asked(before=changed(10, ago(minutes=5)), bounds={"sites": 99}))
    assert "limit 5" in word(asked(before=changed(10, ago(minutes=5)), bounds={"sites": 100}))


@pytest.mark.parametrize(
    ("name", "sites", "passes"),
    [("project-share", 5000, True), ("blast-radius", 5000, False), ("blast-radius", 99, True), ("hold", 99, False)],
)
def test_who_lets_more_sites_change_in_a_small_fleet_means_the_project_too(name: str, sites: int, passes: bool) -> None:
    bounds = {"sites": sites, "allow": frozenset({name})}
    assert (word(asked(before=changed(20, ago(minutes=5)), bounds=bounds)) == "") is passes


def test_a_tenant_that_was_changed_already_does_not_count_twice() -> None:
    assert word(asked(service(3), before=changed(5, ago(minutes=5)))) == ""


def test_other_projects_and_what_is_not_live_do_not_count() -> None:
    rows = [*changed(9, ago(minutes=5), shard="other"), *changed(9, ago(minutes=5), live=False)]
    assert word(asked(before=rows)) == ""
    full = changed(5, ago(minutes=5))
    assert word(asked("tenant/new/run.service/production", Action.CREATE, full)) == ""
    assert word(asked("tenant/suspended/run.service/production", Action.UPDATE, full)) == ""


@pytest.mark.parametrize(("done", "seconds", "later"), [(4, 59, 0), (5, 59, 1), (5, 60, 0), (5, 20, 40)])
def test_a_rollout_reaches_five_live_tenants_a_minute_in_its_first_hour(done: int, seconds: int, later: int) -> None:
    said = admit(asked(before=changed(done, ago(seconds=seconds)), guards=wide()))
    assert (said.seconds if isinstance(said, Later) else 0) == later


def wide() -> Guards:
    return Guards.model_validate({"velocity": {"projectPercentPerHour": 100.0}})


def test_after_its_first_hour_a_rollout_is_not_slowed() -> None:
    first = effect("tenant/site-40/run.service/production", ago(minutes=60))
    rows = [first, *changed(5, ago(seconds=30))]
    assert admit(asked(before=rows, guards=wide())) is None
    assert admit(asked(before=[replace(first, at=ago(minutes=59)), *rows[1:]], guards=wide())) is not None
    assert admit(asked(before=[replace(r, commit="other") for r in rows[1:] if isinstance(r, Effect)])) is not None


def test_two_changing_calls_a_second_in_a_project_and_fifty_in_all() -> None:
    tenth = timedelta(milliseconds=100)
    lately = [effect(service(0), NOW - tenth * (n + 1), id=f"i{n}") for n in reversed(range(2))]
    assert admit(asked(before=lately[1:])) is None
    said = admit(asked(before=lately))
    assert isinstance(said, Later)
    assert said.seconds == pytest.approx(0.8)
    assert admit(asked(before=lately, now=NOW + timedelta(seconds=0.8))) is None
    others = [
        effect(f"tenant/x{n}/run.service/y", NOW - tenth, shard=f"s{n}", id=f"o{n}", commit="d") for n in range(50)
    ]
    assert admit(asked(before=others[:49])) is None
    assert isinstance(admit(asked(before=others)), Later)
    assert admit(asked("tenant/new/run.service/production", Action.CREATE, [*lately, *others])) is None


def test_one_cloud_sql_instance_of_the_fleet_is_changed_at_a_time() -> None:
    main, other = "shard/s/sql.instance/main", "shard/t/sql.instance/main"
    busy = effect(other, ago(minutes=5), shard="t")
    said = admit(asked(main, before=[busy]))
    assert isinstance(said, Later)
    assert other in said.why
    assert admit(asked(main, before=[busy, Over(ago(minutes=1), other)])) is None
    assert admit(asked(main, before=[effect(main, ago(minutes=5))])) is None
    assert admit(asked(main, before=[replace(busy, at=ago(minutes=30))])) is None
    assert admit(asked(main, Action.CREATE, [busy], bounds={"live": {}})) is None


# --- a sick cloud ---------------------------------------------------------------------------------------------------


def replies(good: int, bad: int, at: datetime = NOW, targets: int = 2, shard: str = "s") -> list[Row]:
    rows: list[Row] = [Reply(at, shard, "tenant/fine", error=False) for _ in range(good)]
    return rows + [Reply(at, shard, f"tenant/t{n % targets}", error=True) for n in range(bad)]


@pytest.mark.parametrize(
    ("rows", "opens"),
    [
        (replies(38, 2), False),  # exactly 5 %
        (replies(37, 2), True),
        (replies(17, 2), False),  # 19 calls say nothing
        (replies(18, 2), True),
        (replies(0, 30, targets=1), False),  # one sick tenant never stops its neighbours
        (replies(0, 30, at=NOW - timedelta(minutes=5)), False),
        (replies(0, 30, at=NOW - timedelta(minutes=4)), True),
        (replies(0, 30, shard="other"), False),
    ],
)
def test_a_project_whose_calls_fail_is_paused(rows: list[Row], opens: bool) -> None:
    one = asked(before=rows)
    assert bool(sick(one)) is opens
    assert ("breaker: shard/s is paused until 09:05:00Z" in word(one)) is opens


def test_a_paused_project_is_tried_out_with_one_call() -> None:
    trip = Trip(ago(minutes=5), "s", "why")
    assert "paused" in word(asked(before=[replace(trip, at=ago(minutes=4, seconds=59))]))
    assert word(asked(before=[trip])) == ""
    trip = replace(trip, at=ago(minutes=6))
    probe = effect(service(1), ago(seconds=10), id="probe")
    assert isinstance(admit(asked(before=[trip, probe])), Later)
    assert word(asked(before=[trip, probe], call_id="probe")) == ""
    good = Reply(ago(seconds=5), "s", "tenant/site-01", error=False, id="probe")
    assert word(asked(before=[trip, probe, good])) == ""
    assert "failed too" in word(asked(before=[trip, probe, replace(good, error=True)]))
    assert word(asked(before=[trip, replace(probe, at=ago(minutes=30))], now=NOW)) == ""


def test_two_paused_projects_and_more_than_one_percent_pause_everything() -> None:
    def paused(count: int, shards: int, at: datetime = NOW) -> str:
        tally = Tally()
        for n in range(count):
            tally.add(Trip(at, f"s{n}", "why"))
        return everything_paused(tally, Bounds(shards=shards), NOW)

    assert paused(1, 3) == ""
    assert "2 of 3 projects are paused" in paused(2, 3)
    assert paused(2, 200) == ""
    assert "2 of 199" in paused(2, 199)
    assert paused(2, 3, ago(minutes=5)) == ""


@pytest.mark.parametrize(
    ("repeated", "calls", "admitted"), [(19, 0, True), (20, 0, False), (20, 189, True), (20, 188, False)]
)
def test_repeats_stay_a_tenth_of_all_calls(repeated: int, calls: int, admitted: bool) -> None:
    """With this one, 20 or 21 of (20 + repeated + calls - 20 + 1) calls would be repeats."""
    ids = [(f"r{n % 20}", n >= 20) for n in range(repeated + 20)]
    rows: list[Row] = [effect(service(0), ago(minutes=9), id=i, repeat=again, live=False) for i, again in ids]
    rows += [effect(service(0), ago(minutes=9), id=f"c{n}", live=False) for n in range(calls - 20)]
    assert (word(asked(before=rows, call_id="r0")) == "") is admitted
    assert word(asked(before=rows, call_id="first")) == ""
    assert word(asked(before=rows, call_id="r0", since=ago(minutes=8))) == ""  # another order made it
    old = [replace(row, at=ago(minutes=10)) for row in rows if isinstance(row, Effect)]
    assert word(asked(before=old, call_id="r0")) == ""


def test_a_clock_that_was_set_back_does_not_hold_up_the_pace() -> None:
    """What was done a moment ago seems to be of an hour to come."""
    now = [effect(service(n), ago(seconds=0), id=f"c{n}") for n in (1, 2)]
    later = [replace(row, at=NOW + timedelta(hours=1)) for row in now]
    assert isinstance(admit(asked(before=now)), Later)
    assert word(asked(before=later)) == ""
    assert isinstance(admit(asked(before=[*later, *now])), Later)


# --- holds ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "said"), [("fleet", Halt), ("shard/s", No), ("tenant/site-00", No), ("tenant/site-00@production", No)]
)
def test_a_hold_stops_what_it_covers(target: str, said: type) -> None:
    hold = Hold(target, "incident", "jo", NOW, None)
    stopped = admit(asked(holds=(hold,)))
    assert isinstance(stopped, said)
    assert "incident" in stopped.why
    for other in ("shard/t", "tenant/site-01", "tenant/site-00@staging"):
        assert admit(asked(holds=(replace(hold, target=other),))) is None


@pytest.mark.parametrize(("count", "halts"), [(20, False), (21, True)])
def test_more_than_twenty_parked_tenants_stop_everything(count: int, halts: bool) -> None:
    parked = tuple(Hold(f"tenant/t{n}", "failed", "jo", NOW, None, "quarantine", "c") for n in range(count))
    assert isinstance(admit(asked(holds=parked)), Halt) is halts
    assert admit(asked(holds=tuple(replace(hold, kind="pause") for hold in parked))) is None


# --- all of them ----------------------------------------------------------------------------------------------------


def test_rows_survive_being_written_down() -> None:
    rows: list[Row] = [
        effect(service(0)), Reply(NOW, "s", "tenant/a", True, "x"), Over(NOW, "shard/s/sql.instance/main"),
        Trip(NOW, "s", "why"), Mishap(NOW, "a", "c", "why"),
    ]  # fmt: skip
    assert [row_from_json(row_to_json(row)) for row in rows] == rows

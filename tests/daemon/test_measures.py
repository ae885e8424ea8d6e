"""What /metrics tells: by the rules of the format, with a bounded number of series however large the fleet."""

from collections import Counter
from datetime import timedelta

import pytest
from prometheus_client.openmetrics.exposition import generate_latest as open_metrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as strict
from prometheus_client.parser import text_string_to_metric_families

from reconciler.daemon.measures import NAMED, limit_of
from reconciler.daemon.metrics import Metrics
from reconciler.daemon.serve import Begun, Reported
from reconciler.model.errors import HistoryUnreachableError
from reconciler.model.ids import Scope
from reconciler.model.outcome import Result
from reconciler.model.plan import Action
from tests.cycle.small_world import SteadyClock
from tests.daemon.measured import AT, FIRST, SECOND, applied, change, expositions, sight


def values(text: str) -> dict[str, float]:
    rows = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in rows}


class Told:
    def __init__(self) -> None:
        self.clock = SteadyClock(AT)
        self.metrics = Metrics(lambda: 0.0, lambda: 0.0, self.clock, sight(self.clock))
        self.number = 0

    def cycle(self, commit: str, how: object, *, scope: Scope | None = None, minutes: int = 1) -> dict[str, float]:
        self.number += 1
        self.metrics.begins(Begun(self.number, "commit", commit, scope or Scope(), self.clock.at))
        self.clock.at += timedelta(minutes=minutes)
        error = how if isinstance(how, Exception) else None
        done = None if error else how
        reported = Reported(self.number, "commit", commit, done, error, scope or Scope(), 60.0 * minutes)  # type: ignore[arg-type]
        self.metrics.told(reported, self.clock.at.timestamp())
        return values(self.metrics.text().decode())


@pytest.fixture
def told() -> Told:
    return Told()


def test_a_strict_parser_takes_all_of_it() -> None:
    text = expositions()[1]
    families = list(text_string_to_metric_families(text))
    assert len(families) > 30 and all(family.documentation for family in families)
    assert not [name for name, n in Counter(family.name for family in families).items() if n > 1]
    for family in families:
        assert family.type in ("counter", "gauge", "histogram")
        assert family.name.startswith(("aipress_", "workqueue_")), family.name
    told = Told()
    told.cycle(FIRST, applied((change(1, "s1"),), (Result.DONE,)))
    whole = open_metrics(told.metrics._registry).decode()
    assert list(strict(whole)), "the OpenMetrics parser refuses what breaks a rule of naming, order or type"


def test_a_fleet_of_fifty_thousand_sick_tenants_makes_no_series_for_each(told: Told) -> None:
    many = tuple(change(n, f"s{n % 1000:04d}", drift=True) for n in range(50_000))
    for code, result in ((1, Result.FAILED), (5, Result.SKIPPED), (1, Result.FAILED)):
        told.cycle(FIRST, applied(many, (result, Result.FAILED), 50_000, code))
    text = told.metrics.text().decode()
    series = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(series) < 6_000, Counter(line.partition("{")[0] for line in series).most_common(5)
    assert len([line for line in series if "tenant-0" in line]) == NAMED
    assert len(text) < 1_000_000


def test_how_long_a_commit_takes_is_told_from_its_making_and_from_its_being_seen(told: Told) -> None:
    name = 'aipress_{}_to_live_seconds_{}{{source="fleet"}}'
    first = told.cycle(FIRST, applied((), (Result.DONE,)))
    assert first.get(name.format("commit", "count"), 0) == 0, "what was there at the start is no news"
    waits = told.cycle(SECOND, applied((change(1, "s1"),), (Result.FAILED,), code=1), minutes=10)
    assert waits.get(name.format("seen", "count"), 0) == 0
    assert waits['aipress_queue_oldest_seconds{name="commits"}'] == 600
    live = told.cycle(SECOND, applied((change(1, "s1"),), (Result.DONE,)), minutes=5)
    assert live[name.format("seen", "sum")] == 900 and live[name.format("seen", "count")] == 1
    assert live[name.format("commit", "sum")] == 180
    assert live['aipress_queue_oldest_seconds{name="commits"}'] == 0
    again = told.cycle(SECOND, applied((), (Result.DONE,)))
    assert again[name.format("seen", "count")] == 1


def test_drift_has_a_severity_and_an_age_until_it_is_undone(told: Told) -> None:
    left, grave = change(1, "s1", drift=True), change(2, "s1", drift=True, kind="secret.iam")
    told.cycle(FIRST, applied((left, grave), (Result.SKIPPED,), code=5))
    told.clock.at += timedelta(hours=1)
    later = told.cycle(FIRST, applied((left, grave), (Result.SKIPPED, Result.DONE), code=5))
    assert later['aipress_drift_objects{severity="high",shard="s1"}'] == 1
    assert later['aipress_drift_oldest_seconds{severity="low"}'] == 3660
    assert later['aipress_drift_oldest_seconds{severity="high"}'] == 0
    over = told.cycle(FIRST, applied((), (Result.DONE,)))
    assert 'aipress_drift_objects{severity="low",shard="s1"}' not in over
    assert over['aipress_drift_oldest_seconds{severity="low"}'] == 0


def test_who_is_not_well_has_a_line_and_the_others_are_counted(told: Told) -> None:
    two = (change(1, "s1"), change(2, "s2"))
    sick = told.cycle(FIRST, applied(two, (Result.FAILED, Result.SKIPPED), 50, 1))
    assert [sick[f'aipress_tenants{{sync="{how}"}}'] for how in ("failed", "out_of_sync", "synced")] == [1, 1, 48]
    line = 'aipress_resource_info{kind="tenant",name="tenant-00001",ready="False",shard="s1",sync="failed"}'
    assert sick[line] == 1
    assert line not in told.cycle(FIRST, applied(two, (Result.DONE,), 50))


def test_a_breaker_is_open_until_its_shard_goes_through(told: Told) -> None:
    one = (change(1, "s1"),)
    open_ = told.cycle(FIRST, applied(one, (Result.SKIPPED,), code=5))
    assert open_['aipress_breaker_open{shard="s1"}'] == 1
    assert open_['aipress_limit_refusals_total{limit="breaker"}'] == 1
    assert told.cycle(FIRST, applied(one, (Result.DONE,)))['aipress_breaker_open{shard="s1"}'] == 0
    assert limit_of("rollout: 12 sites an hour") == "rollout" and limit_of("a sentence: breaker or not") == ""


def test_failures_in_a_row_and_a_history_that_is_away(told: Told) -> None:
    for _ in range(3):
        away = told.cycle(FIRST, HistoryUnreachableError("no route"))
    assert (away["aipress_cycle_failures"], away["aipress_history_reachable"]) == (3, 0)
    well = told.cycle(FIRST, applied((), (Result.DONE,)))
    assert (well["aipress_cycle_failures"], well["aipress_history_reachable"]) == (0, 1)
    assert well["aipress_cycle_timestamp_seconds"] == told.clock.at.timestamp()


def test_what_somebody_deleted_is_grave() -> None:
    from dataclasses import replace

    from reconciler.daemon.measures import severity

    site = change(1, "s1", drift=True)
    assert severity(site) == "low" and severity(replace(site, action=Action.CREATE)) == "high"

"""What visitors notice and how full the shards are: once, the worst first, nothing of a name takes effect."""

from reconciler.model.ids import shard_target, tenant_target
from reconciler.model.plan import Action, FieldChange, GuardVerdict, Verdict
from reconciler.report.markdown import comment
from reconciler.report.text import plan_text
from tests.report.conftest import MEMORY, change, plan_of

RESTART = (FieldChange(MEMORY, "512Mi", "1Gi"),)


def test_a_sentence_is_told_once_with_how_many_and_the_worst_first() -> None:
    sites = [
        change(tenant_target(f"site-{n}"), "run.service", "production", Action.UPDATE, fields=RESTART) for n in range(5)
    ]
    shard = shard_target("eu-001")
    tier = change(shard, "sql.instance", "main", Action.UPDATE, fields=(FieldChange("settings.tier", "a", "b"),))
    text = plan_text(plan_of([*sites, tier]))
    told = text[text.index("Visitors notice:") :].splitlines()
    assert told[1].startswith("  every site of 1 shard (eu-001): the database restarts on another machine")
    assert told[2].startswith("  5 sites (site-0, site-1, site-2 and 2 more): a restart")
    page = comment(plan_of([*sites, tier]))
    assert page.index("every site of 1 shard") < page.index("5 sites (site-0")


def test_a_site_is_told_once_by_its_worst() -> None:
    gone = tenant_target("old-co")
    both = [change(gone, kind, "production", Action.DELETE) for kind in ("sql.database", "run.service")]
    text = plan_text(plan_of(both))
    assert text.count("(old-co)") == 1 and "the database goes away" in text


def test_nothing_is_said_to_be_nothing_only_where_something_changes() -> None:
    label = (FieldChange("labels.team", "a", "b"),)
    quiet = change(tenant_target("acme"), "secret", "production", Action.UPDATE, fields=label)
    assert "Visitors notice nothing." in plan_text(plan_of([quiet]))
    assert "**Visitors notice" not in comment(plan_of([quiet]))
    assert "Visitors notice" not in plan_text(plan_of([]))


def test_capacity_is_told_of_what_the_guard_passed() -> None:
    told = "12 of 50 sites, 640 of 2,000 database connections promised"
    held = GuardVerdict("capacity", shard_target("eu-001"), Verdict.PASS, told)
    restart = change(tenant_target("acme"), "run.service", "production", Action.UPDATE, fields=RESTART)
    made = plan_of([restart], guards=(held,))
    assert "Capacity: eu-001: 12 of 50 sites, 640 of 2,000" in plan_text(made)
    assert "**Capacity:** `eu-001` `12 of 50 sites" in comment(made)

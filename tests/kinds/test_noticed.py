"""What visitors notice, from what is true of each kind."""

from typing import Any

import pytest

from reconciler.kinds.catalog import KINDS
from reconciler.kinds.noticed import NOTHING, Level, noticed
from reconciler.model.ids import Address
from reconciler.model.plan import Action, Change, FieldChange


def change(kind: str, action: Action, *fields: FieldChange) -> Change:
    where = "shard/eu-001" if kind in ("sql.instance", "storage.bucket", "project") else "tenant/acme"
    return Change(Address.parse(f"{where}/{kind}/k"), "n", "p", action, "", {}, "x", "", "eu-001", "o", fields)


def field(kind: str, path: str, before: Any = "a", after: Any = "b") -> Change:
    return change(kind, Action.UPDATE, FieldChange(path, before, after))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("settings.tier", "another machine: about 1 minute of errors"),
        ("settings.availabilityType", "up to a few minutes of errors"),
        ("settings.databaseFlags[max_connections].value", "may restart for its flags"),
        ("settings.backupConfiguration.binaryLogEnabled", "restarts for its binary log"),
    ],
)
def test_what_restarts_a_database_is_noticed_by_every_site_of_the_shard(path: str, words: str) -> None:
    found = noticed(field("sql.instance", path))
    assert words in found.sentence and found.level is Level.ERRORS and found.whole_shard


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("sql.instance", "settings.dataDiskSizeGb"),
        ("sql.instance", "settings.backupConfiguration.startTime"),
        ("sql.instance", "settings.userLabels.team"),
        ("run.service", "annotations.aipress.io/source-repository"),
        ("run.service", "labels.team"),
        ("storage.bucket", "versioning.enabled"),
        ("secret", "labels.team"),
    ],
)
def test_what_nobody_notices(kind: str, path: str) -> None:
    assert noticed(field(kind, path)) == NOTHING


def test_a_new_revision_is_a_cold_start_and_no_error() -> None:
    found = noticed(field("run.service", "template.containers[0].resources.limits.memory"))
    assert found.level is Level.SLOW and "no errors" in found.sentence


def test_values_that_say_more_than_their_path() -> None:
    assert "notice instead" in noticed(field("run.service", "labels.aipress-state", "active", "suspended")).sentence
    assert noticed(field("run.service", "labels.aipress-state", "suspended", "active")).level is Level.SLOW
    assert "cold start" in noticed(field("run.service", "template.scaling.minInstanceCount", 1, 0)).sentence
    assert "beyond 50" in noticed(field("sql.grant", "maxUserConnections", 250, 50)).sentence
    assert noticed(field("sql.grant", "maxUserConnections", 50, 250)) == NOTHING


def test_the_worst_of_a_change_is_told() -> None:
    slow, gone = FieldChange("template.timeout", "1s", "2s"), FieldChange("labels.aipress-state", "active", "deleted")
    assert noticed(change("run.service", Action.UPDATE, slow, gone)).level is Level.GONE
    unknown = FieldChange("charset", "a", None, may_replace=True)
    assert noticed(change("sql.database", Action.UPDATE, unknown)).level is Level.GONE


@pytest.mark.parametrize("action", [Action.DELETE, Action.REPLACE])
def test_taking_away_what_holds_data_is_never_unnoticed(action: Action) -> None:
    for kind in KINDS.values():
        if kind.data_bearing and kind.name not in ("sql.backup", "artifact.repository"):
            assert noticed(change(kind.name, action)).level <= Level.ERRORS, kind.name


def test_a_creation_an_adoption_and_a_run_are_noticed_by_nobody() -> None:
    for action in (Action.CREATE, Action.ADOPT, Action.RUN):
        assert all(noticed(change(kind, action)) == NOTHING for kind in KINDS)


def test_this_agrees_with_what_the_table_of_kinds_calls_visible() -> None:
    for kind in KINDS.values():
        for path in kind.visible:
            assert noticed(field(kind.name, path)) != NOTHING, (kind.name, path)

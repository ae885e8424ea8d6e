"""BigQuery against the pure core: what inventory and billing exports need."""

from __future__ import annotations

from typing import Any

BASE = "/bigquery/bigquery/v2/projects/acme-eu-001/datasets"


def dataset(world: Any) -> Any:
    status, made = world.ask("POST", BASE, {"datasetReference": {"datasetId": "billing"}, "location": "EU"})
    assert status == 200, made
    return made


def test_a_dataset_says_who_may_see_it(world: Any) -> None:
    made = dataset(world)
    assert (made["kind"], made["id"]) == ("bigquery#dataset", "acme-eu-001:billing")
    assert {entry["role"] for entry in made["access"]} == {"OWNER", "READER", "WRITER"}
    status, answer = world.ask("POST", BASE, {"datasetReference": {"datasetId": "billing"}})
    assert (status, answer["error"]["message"]) == (409, "Already Exists: Dataset acme-eu-001:billing")
    status, answer = world.ask("GET", f"{BASE}/none")
    assert (status, answer["error"]["message"]) == (404, "Not found: Dataset acme-eu-001:none")
    assert world.ask("POST", BASE, {"datasetReference": {"datasetId": "a-b"}})[0] == 400


def test_a_table_lives_in_its_dataset(world: Any) -> None:
    tables = f"{BASE}/billing/tables"
    wish = {"tableReference": {"tableId": "lines"}, "schema": {"fields": [{"name": "a", "type": "DATE"}]}}
    wish["timePartitioning"] = {"field": "a", "type": "DAY"}
    assert world.ask("POST", tables, wish)[0] == 404
    dataset(world)
    made = world.ask("POST", tables, wish)[1]
    assert (made["type"], made["location"], made["numRows"]) == ("TABLE", "EU", "0")
    assert made["partitionDefinition"] == {"partitionedColumn": [{"field": "a"}]}
    assert [row["id"] for row in world.ask("GET", tables)[1]["tables"]] == ["acme-eu-001:billing.lines"]
    changed = world.ask("PATCH", f"{tables}/lines", {"description": "x", "etag": made["etag"]})[1]
    assert (changed["description"], changed["schema"]) == ("x", made["schema"])
    assert world.ask("PATCH", f"{tables}/lines", {"description": "y", "etag": made["etag"]})[0] == 412
    assert "description" not in world.ask("PUT", f"{tables}/lines", wish)[1]
    assert world.ask("DELETE", f"{BASE}/billing")[0] == 400
    assert world.ask("DELETE", f"{BASE}/billing", deleteContents="true")[0] == 204
    assert world.ask("GET", f"{tables}/lines")[0] == 404

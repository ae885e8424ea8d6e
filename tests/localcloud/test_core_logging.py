"""Cloud Logging: the configuration that Google fills in, and entries that are routed and found."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services.logging.query import predicate

P = "/logging/v2/projects/acme-eu-001"
LOG = "projects/acme-eu-001/logs/app"
ENTRY = {
    "logName": LOG, "severity": "ERROR", "textPayload": "Disk is full", "labels": {"k8s-pod/run": "web"},
    "resource": {"type": "gce_instance", "labels": {"zone": "a"}}, "timestamp": "2027-01-15T08:00:00Z",
    "httpRequest": {"status": 503}, "jsonPayload": {"items": [{"n": 1}, {"n": 7}], "ok": True},
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("", True), ("severity>=WARNING", True), ("severity = info", False), ("severity != ERROR", False),
        ('textPayload:"disk"', True), ("textPayload=~'^Disk'", True), ("textPayload=~'^disk'", False),
        ("full", True), ('"is full" AND zone', False), ("NOT missing", True), ("-full", False),
        ('labels."k8s-pod/run"=web', True), ("resource.type=gce_instance resource.labels.zone=a", True),
        ("httpRequest.status>=500", True), ("http_request.status<500", False), ("jsonPayload.items.n=7", True),
        ("jsonPayload.ok=true", True), ("jsonPayload.missing:*", False), ("jsonPayload.items:*", True),
        ('LOG_ID("app")', True), ("textPayload:(none OR full)", True), ("textPayload:(none AND full)", False),
        ("timestamp>=2027-01-15T07:59:59Z", True), ('timestamp<"2027-01-15"', False),
        # OR binds closer than AND
        ("missing AND full OR full", False), ("full OR missing AND full", True), ("(missing AND full) OR full", True),
        ("full -- a comment", True),
    ],
)  # fmt: skip
def test_the_query_language(text: str, holds: bool) -> None:
    assert predicate(text)(ENTRY) is holds


@pytest.mark.parametrize("text", ["(", "a AND", "severity>=", "= x", "a OR OR b", "x=~'['", ")"])
def test_what_is_not_in_the_language_is_refused(text: str) -> None:
    with pytest.raises(GoogleError, match="Unparseable filter"):
        predicate(text)


def test_a_sink_gets_a_writer_and_its_name_in_full(world: Any) -> None:
    number = world.ask("GET", "/cloudresourcemanager/v3/projects/acme-eu-001")[1]["name"].split("/")[1]
    wish = {"name": "out", "destination": "storage.googleapis.com/logs", "filter": "severity>=ERROR"}
    status, made = world.ask("POST", f"{P}/sinks", wish, uniqueWriterIdentity="true")
    assert (status, made["resourceName"]) == (200, "projects/acme-eu-001/sinks/out")
    assert made["writerIdentity"] == f"serviceAccount:service-{number}@gcp-sa-logging.iam.gserviceaccount.com"
    assert world.ask("POST", f"{P}/sinks", wish)[1]["error"]["message"] == "Sink out already exists"
    assert [sink["name"] for sink in world.ask("GET", f"{P}/sinks")[1]["sinks"]] == ["out", "_Required", "_Default"]
    status, changed = world.ask("PATCH", f"{P}/sinks/out", {"filter": "a", "description": "d"}, updateMask="filter")
    assert (status, changed["filter"], "description" in changed) == (200, "a", False)
    assert world.ask("DELETE", f"{P}/sinks/out") == (200, {})
    assert world.ask("GET", f"{P}/sinks/out")[1]["error"]["message"] == "Sink out does not exist"


def test_sinks_of_folders_and_to_a_bucket_of_ones_own(world: Any) -> None:
    wish = {"name": "out", "destination": "pubsub.googleapis.com/projects/p/topics/t", "includeChildren": True}
    _, made = world.ask("POST", "/logging/v2/folders/222222222222/sinks", wish)
    assert made["writerIdentity"] == (
        "serviceAccount:service-folder-222222222222@gcp-sa-logging.iam.gserviceaccount.com"
    )
    own = "logging.googleapis.com/projects/acme-eu-001/locations/global/buckets/_Default"
    assert "writerIdentity" not in world.ask("POST", f"{P}/sinks", {"name": "in", "destination": own})[1]
    assert world.ask("POST", f"{P}/sinks", {"name": "x", "destination": "ftp://x"})[0] == 400


def test_every_project_has_two_buckets_and_may_have_more(world: Any) -> None:
    base = f"{P}/locations/global/buckets"
    assert world.ask("GET", f"{base}/_Required")[1]["retentionDays"] == 400
    status, made = world.ask("POST", base, {"description": "d"}, bucketId="mine")
    assert (status, made["retentionDays"], made["lifecycleState"]) == (200, 30, "ACTIVE")
    missing = world.ask("GET", f"{base}/none")
    assert (missing[0], missing[1]["error"]["message"]) == (404, "Bucket `none` in location `global` does not exist")
    names = [row["name"].rsplit("/", 1)[1] for row in world.ask("GET", f"{P}/locations/-/buckets")[1]["buckets"]]
    assert names == ["_Default", "_Required", "mine"]
    assert world.ask("PATCH", f"{base}/mine", {"retentionDays": 7}, updateMask="retentionDays")[1]["retentionDays"] == 7
    world.ask("DELETE", f"{base}/mine")
    assert world.ask("GET", f"{base}/mine")[1]["lifecycleState"] == "DELETE_REQUESTED"
    assert world.ask("POST", f"{base}/mine:undelete", {}) == (200, {})
    world.ask("DELETE", f"{base}/mine")
    world.pass_time(8 * 86_400)
    assert world.ask("GET", f"{base}/mine")[0] == 404


def test_a_view_and_those_that_come_with_a_bucket(world: Any) -> None:
    base = f"{P}/locations/global/buckets/_Default/views"
    status, made = world.ask("POST", base, {"filter": 'LOG_ID("app")'}, viewId="mine")
    assert (status, made["name"]) == (200, f"{base.removeprefix('/logging/v2/')}/mine")
    names = [row["name"].rsplit("/", 1)[1] for row in world.ask("GET", base)[1]["views"]]
    assert names == ["_AllLogs", "_Default", "mine"]
    assert world.ask("GET", f"{base}/none")[1]["error"]["message"] == "View none does not exist"


def test_a_metric_gets_its_descriptor(world: Any) -> None:
    wish = {"name": "nginx/errors", "filter": "severity>=ERROR", "description": "d"}
    status, made = world.ask("POST", f"{P}/metrics", wish)
    assert (status, made["metricDescriptor"]) == (
        200,
        {
            "metricKind": "DELTA", "valueType": "INT64", "unit": "1", "description": "d",
            "name": "projects/acme-eu-001/metricDescriptors/logging.googleapis.com/user/nginx/errors",
            "type": "logging.googleapis.com/user/nginx/errors",
        },
    )  # fmt: skip
    status, changed = world.ask("PUT", f"{P}/metrics/nginx%2Ferrors", {**wish, "filter": "a"})
    assert (status, changed["filter"], changed["createTime"]) == (200, "a", made["createTime"])
    assert world.ask("GET", f"{P}/metrics/none")[1]["error"]["message"] == "Metric none does not exist."
    assert world.ask("POST", f"{P}/metrics", {"name": "x"})[0] == 400


def test_a_metrics_labels_need_extractors_and_are_text_unless_they_say_so(world: Any) -> None:
    labels = [{"key": "code", "valueType": "INT64"}, {"key": "zone", "valueType": "STRING", "description": "z"}]
    wish = {"name": "m", "filter": "a", "metricDescriptor": {"labels": labels}}
    assert world.ask("POST", f"{P}/metrics", wish)[0] == 400
    extractors = {"code": "EXTRACT(httpRequest.status)", "zone": "EXTRACT(resource.labels.zone)"}
    _, made = world.ask("POST", f"{P}/metrics", {**wish, "labelExtractors": extractors})
    assert made["metricDescriptor"]["labels"] == [labels[0], {"key": "zone", "description": "z"}]


def test_an_exclusion_keeps_its_short_name(world: Any) -> None:
    _, made = world.ask("POST", f"{P}/exclusions", {"name": "noise", "filter": "severity<INFO"})
    assert made["name"] == "noise"
    _, changed = world.ask("PATCH", f"{P}/exclusions/noise", {"disabled": True}, updateMask="disabled")
    assert (changed["disabled"], changed["filter"]) == (True, "severity<INFO")
    missing = world.ask("GET", f"{P}/exclusions/none")[1]["error"]["message"]
    assert missing == "Exclusion projects/acme-eu-001/exclusions/none does not exist"


def write(world: Any, *entries: Any) -> None:
    assert world.ask("POST", "/logging/v2/entries:write", {"logName": LOG, "entries": list(entries)}) == (200, {})


def texts(world: Any, **query: Any) -> list[str]:
    body = {"resourceNames": ["projects/acme-eu-001"], **query}
    return [row["textPayload"] for row in world.ask("POST", "/logging/v2/entries:list", body)[1].get("entries", [])]


def test_entries_are_found_in_order_and_by_filter(world: Any) -> None:
    for severity, text in (("INFO", "a"), ("ERROR", "b"), ("ERROR", "c")):
        write(world, {"severity": severity, "textPayload": text})
        world.pass_time(1)
    assert texts(world) == ["a", "b", "c"]
    assert texts(world, filter="severity=ERROR", orderBy="timestamp desc") == ["c", "b"]
    page = world.ask("POST", "/logging/v2/entries:list", {"resourceNames": ["projects/acme-eu-001"], "pageSize": 2})[1]
    assert (len(page["entries"]), texts(world, pageToken=page["nextPageToken"])) == (2, ["c"])
    entry = page["entries"][0]
    assert {"insertId", "receiveTimestamp", "timestamp"} <= set(entry)
    assert entry["resource"] == {"type": "global", "labels": {"project_id": "acme-eu-001"}}
    assert world.ask("GET", f"{P}/logs")[1]["logNames"] == [LOG]
    assert world.ask("DELETE", f"{P}/logs/app") == (200, {})
    assert texts(world) == []


def test_the_same_entry_twice_is_one(world: Any) -> None:
    entry = {"textPayload": "once", "insertId": "1", "timestamp": "2027-01-15T08:00:00Z"}
    write(world, entry, entry)
    write(world, entry)
    assert texts(world) == ["once"]


def test_entries_expire_with_their_bucket(world: Any) -> None:
    write(world, {"textPayload": "old"})
    world.pass_time(29 * 86_400)
    assert texts(world) == ["old"]
    world.pass_time(2 * 86_400)
    assert texts(world) == []


def test_a_sink_sends_what_it_wants_to_a_topic(world: Any) -> None:
    world.ask("PUT", "/pubsub/v1/projects/acme-eu-001/topics/alarms", {})
    reader = "/pubsub/v1/projects/acme-eu-001/subscriptions/reader"
    world.ask("PUT", reader, {"topic": "projects/acme-eu-001/topics/alarms"})
    where = "pubsub.googleapis.com/projects/acme-eu-001/topics/alarms"
    exclusions = [{"name": "quiet", "filter": 'textPayload:"quiet"'}]
    sink = {"name": "alarms", "destination": where, "filter": "severity>=ERROR", "exclusions": exclusions}
    world.ask("POST", f"{P}/sinks", sink)
    for severity, text in (("INFO", "no"), ("ERROR", "quiet"), ("ERROR", "loud")):
        write(world, {"severity": severity, "textPayload": text})
    received = world.ask("POST", f"{reader}:pull", {"maxMessages": 9})[1]["receivedMessages"]
    assert [json.loads(base64.b64decode(one["message"]["data"]))["textPayload"] for one in received] == ["loud"]


def test_a_view_shows_only_its_part(world: Any) -> None:
    world.ask("POST", f"{P}/locations/global/buckets/_Default/views", {"filter": 'LOG_ID("b")'}, viewId="mine")
    write(world, {"textPayload": "in a"}, {"textPayload": "in b", "logName": "projects/acme-eu-001/logs/b"})
    seen = "projects/acme-eu-001/locations/global/buckets/_Default/views/mine"
    assert texts(world, resourceNames=[seen]) == ["in b"]


def test_a_link_needs_log_analytics_and_names_its_dataset(world: Any) -> None:
    base = f"{P}/locations/global/buckets"
    world.ask("POST", base, {}, bucketId="plain")
    assert world.ask("POST", f"{base}/plain/links", {}, linkId="tables")[0] == 400
    world.ask("POST", base, {"analyticsEnabled": True}, bucketId="rich")
    status, operation = world.ask("POST", f"{base}/rich/links", {"description": "d"}, linkId="tables")
    assert status == 200
    made = world.done("/logging/v2/", operation)["response"]
    assert made["bigqueryDataset"] == {"datasetId": "bigquery.googleapis.com/projects/acme-eu-001/datasets/tables"}
    assert world.ask("GET", f"{base}/rich/links/tables")[1]["lifecycleState"] == "ACTIVE"
    assert world.ask("GET", f"{base}/rich/links/none")[1]["error"]["message"] == "Link `none` does not exist"
    assert world.ask("DELETE", f"{base}/rich/links/tables")[0] == 200
    assert world.ask("GET", f"{base}/rich/links")[1] == {}


def test_settings_name_the_accounts_of_logging(world: Any) -> None:
    status, row = world.ask("GET", f"{P}/settings")
    assert (status, row["name"]) == (200, "projects/acme-eu-001/settings")
    assert row["loggingServiceAccountId"].startswith("service-")

"""Cloud DNS, Cloud Monitoring and Cloud Scheduler against the pure core."""

from __future__ import annotations

from typing import Any

DNS = "/dns/dns/v1/projects/acme-eu-001"
MONITORING = "/monitoring/v3/projects/acme-eu-001"
JOBS = "/cloudscheduler/v1/projects/acme-eu-001/locations/europe-west1/jobs"
A = {"name": "www.shop.example.", "type": "A", "ttl": 300, "rrdatas": ["192.0.2.1"]}


def zone(world: Any) -> Any:
    status, made = world.ask("POST", f"{DNS}/managedZones", {"name": "shop", "dnsName": "shop.example."})
    assert status == 200, made
    return made


def test_a_zone_has_its_servers_and_two_records(world: Any) -> None:
    made = zone(world)
    assert len(made["nameServers"]) == 4
    records = world.ask("GET", f"{DNS}/managedZones/shop/rrsets")[1]["rrsets"]
    assert [(row["kind"], row["type"]) for row in records] == [
        ("dns#resourceRecordSet", kind) for kind in ("NS", "SOA")
    ]
    assert world.ask("GET", f"{DNS}/managedZones/{made['id']}")[1]["name"] == "shop"
    assert world.ask("POST", f"{DNS}/managedZones", {"name": "shop", "dnsName": "shop.example."})[0] == 409
    assert world.ask("POST", f"{DNS}/managedZones", {"name": "two", "dnsName": "shop.example"})[0] == 400


def test_a_change_is_all_or_nothing(world: Any) -> None:
    zone(world)
    changes = f"{DNS}/managedZones/shop/changes"
    status, made = world.ask("POST", changes, {"additions": [A]})
    assert (status, made["status"]) == (200, "pending")
    world.pass_time(60)
    assert world.ask("GET", f"{changes}/{made['id']}")[1]["status"] == "done"
    wrong = {**A, "rrdatas": ["192.0.2.9"]}
    assert world.ask("POST", changes, {"additions": [{**A, "name": "b.shop.example."}], "deletions": [wrong]})[0] == 412
    assert world.ask("GET", f"{DNS}/managedZones/shop/rrsets", name="b.shop.example.")[1]["rrsets"] == []
    status, answer = world.ask("POST", changes, {"additions": [A]})
    assert (status, answer["error"]["message"]) == (
        409, "The resource 'entity.change.additions[0]' named 'www.shop.example. (A)' already exists",
    )  # fmt: skip
    assert world.ask("POST", changes, {"additions": [{**A, "name": "www.other.example."}]})[0] == 400
    absent = {**A, "name": "none.shop.example."}
    status, answer = world.ask("POST", changes, {"deletions": [absent]})
    assert (status, answer["error"]["message"]) == (
        404, "The 'entity.change.deletions[0]' resource named 'none.shop.example. (A)' does not exist.",
    )  # fmt: skip
    assert world.ask("DELETE", f"{DNS}/managedZones/shop")[0] == 400
    assert world.ask("POST", changes, {"deletions": [A]})[0] == 200
    assert world.ask("DELETE", f"{DNS}/managedZones/shop")[0] == 200


def test_records_one_at_a_time(world: Any) -> None:
    zone(world)
    sets = f"{DNS}/managedZones/shop/rrsets"
    assert world.ask("POST", sets, A)[0] == 200
    assert world.ask("POST", sets, A)[0] == 409
    assert world.ask("PATCH", f"{sets}/www.shop.example./A", {"ttl": 60})[1]["ttl"] == 60
    assert world.ask("DELETE", f"{sets}/www.shop.example./A")[0] == 200
    assert world.ask("GET", f"{sets}/www.shop.example./A")[0] == 404


def test_the_apex_is_listed_before_what_is_under_it(world: Any) -> None:
    zone(world)
    sets = f"{DNS}/managedZones/shop/rrsets"
    for name in ("www.shop.example.", "a.www.shop.example.", "www-2.shop.example.", "*.shop.example."):
        assert world.ask("POST", sets, {**A, "name": name})[0] == 200
    listed = [row["name"].removesuffix("shop.example.") for row in world.ask("GET", sets)[1]["rrsets"]]
    assert listed == ["", "", "*.", "www.", "a.www.", "www-2."]


def test_policies_come_back_in_an_envelope(world: Any) -> None:
    wish = {"name": "inbound", "networks": [{"networkUrl": "x"}]}
    made = world.ask("POST", f"{DNS}/policies", wish)[1]
    assert (made["kind"], made["networks"][0]["kind"]) == ("dns#policy", "dns#policyNetwork")
    changed = world.ask("PATCH", f"{DNS}/policies/inbound", {"networks": []})[1]["policy"]
    assert changed == {"kind": "dns#policy", "id": made["id"], "name": "inbound"}
    assert world.ask("DELETE", f"{DNS}/policies/inbound")[0] == 200


def test_an_alert_policy_gets_numbers(world: Any) -> None:
    condition = {"displayName": "busy", "conditionThreshold": {"filter": "x", "duration": "60s"}}
    wish = {"displayName": "busy", "combiner": "OR", "conditions": [condition]}
    made = world.ask("POST", f"{MONITORING}/alertPolicies", wish)[1]
    assert made["name"].rsplit("/", 1)[-1].isdigit()
    assert made["conditions"][0]["name"].startswith(f"{made['name']}/conditions/")
    assert made["enabled"] is True
    path = f"/monitoring/v3/{made['name']}"
    changed = world.ask("PATCH", path, {"displayName": "calm"}, updateMask="displayName")[1]
    assert (changed["displayName"], changed["creationRecord"]) == ("calm", made["creationRecord"])
    assert world.ask("POST", f"{MONITORING}/alertPolicies", {"displayName": "none", "combiner": "OR"})[0] == 400


def test_points_are_read_back_in_order(world: Any) -> None:
    def point(second: int, value: float) -> dict[str, Any]:
        metric = {"type": "custom.googleapis.com/orders", "labels": {"site": "shop"}}
        points = [{"interval": {"endTime": f"2027-01-15T08:00:{second:02d}Z"}, "value": {"doubleValue": value}}]
        return {"timeSeries": [{"metric": metric, "resource": {"type": "global"}, "points": points}]}

    series = f"{MONITORING}/timeSeries"
    assert world.ask("POST", series, point(10, 1.0))[0] == 200
    assert world.ask("POST", series, point(20, 2.0))[0] == 200
    assert world.ask("POST", series, point(15, 3.0))[0] == 400
    span = {"interval.startTime": "2027-01-15T08:00:00Z", "interval.endTime": "2027-01-15T08:00:15Z"}
    asked = {"filter": 'metric.type="custom.googleapis.com/orders" AND metric.labels.site="shop"', **span}
    found = world.ask("GET", series, **asked)[1]["timeSeries"]
    assert [p["value"]["doubleValue"] for p in found[0]["points"]] == [1.0]
    assert world.ask("GET", series, **{**asked, "filter": asked["filter"].replace('"shop"', '"none"')})[1] == {}
    assert world.ask("GET", series, **{**asked, "filter": ""})[0] == 400


def test_a_dashboard_is_named_by_its_maker(world: Any) -> None:
    base = "/monitoring/v1/projects/acme-eu-001/dashboards"
    wish = {"displayName": "d", "gridLayout": {"widgets": [{"text": {"content": "hello"}}]}}
    made = world.ask("POST", base, {**wish, "name": "projects/acme-eu-001/dashboards/one"})[1]
    assert made["name"].endswith("/dashboards/one")
    assert made["gridLayout"]["widgets"][0]["text"] == {"format": "MARKDOWN", "style": {}, "content": "hello"}
    assert world.ask("PATCH", f"{base}/one", {**wish, "etag": "none"})[0] == 409
    assert (
        world.ask("PATCH", f"{base}/one", {**wish, "displayName": "e", "etag": made["etag"]})[1]["displayName"] == "e"
    )


def test_a_job_is_paused_and_resumed(world: Any) -> None:
    job = {"schedule": "*/5 * * * *", "httpTarget": {"uri": "https://shop.example/wp-cron.php"}}
    name = f"{JOBS.removeprefix('/cloudscheduler/v1/')}/cron"
    made = world.ask("POST", JOBS, {**job, "name": name})[1]
    assert (made["state"], made["timeZone"], made["attemptDeadline"]) == ("ENABLED", "Etc/UTC", "180s")
    assert world.ask("POST", JOBS, {**job, "name": name})[0] == 409
    assert world.ask("POST", JOBS, {**job, "schedule": "soon"})[0] == 400
    assert world.ask("POST", JOBS, {"schedule": "* * * * *"})[0] == 400
    assert world.ask("POST", f"{JOBS}/cron:pause", {})[1]["state"] == "PAUSED"
    assert world.ask("POST", f"{JOBS}/cron:resume", {})[1]["state"] == "ENABLED"
    assert "lastAttemptTime" in world.ask("POST", f"{JOBS}/cron:run", {})[1]
    assert (
        world.ask("PATCH", f"{JOBS}/cron", {"schedule": "0 1 * * *"}, updateMask="schedule")[1]["schedule"]
        == "0 1 * * *"
    )

"""Secret Manager: what a secret may say, versions by number and alias, expiry, rotation, late destruction, regions."""

from __future__ import annotations

from typing import Any

import pytest

SECRETS = "/secretmanager/v1/projects/acme-eu-001/secrets"
REGIONAL = "/secretmanager/v1/projects/acme-eu-001/locations/europe-west1/secrets"
AUTOMATIC = {"replication": {"automatic": {}}}
TOPIC = {"topics": [{"name": "projects/acme-eu-001/topics/rotate"}]}
DAY = 86_400


def message(answer: Any) -> str:
    return str(answer["error"]["message"])


def made(world: Any, own: str = "db", base: str = SECRETS, **wish: Any) -> str:
    status, answer = world.ask("POST", base, {**(AUTOMATIC if base == SECRETS else {}), **wish}, secretId=own)
    assert status == 200, answer
    return f"{base}/{own}"


def added(world: Any, path: str, data: str = "c2VjcmV0") -> Any:
    status, version = world.ask("POST", f"{path}:addVersion", {"payload": {"data": data}})
    assert status == 200
    return version


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"replication": {}}, "secret.replication"),
        ({"replication": {"userManaged": {}}}, "secret.replication.user_managed.replicas"),
        (
            {
                "replication": {
                    "userManaged": {"replicas": [{"location": "europe-west1"}, {"location": "europe-west1"}]}
                }
            },
            "secret.replication.user_managed.replicas",
        ),
        (
            {"replication": {"automatic": {"customerManagedEncryption": {"kmsKeyName": "mine"}}}},
            "secret.customer_managed_encryption.kms_key_name",
        ),
        ({"labels": {"Upper": "x"}}, "secret.labels"),
        ({"labels": {"a": "x" * 64}}, "secret.labels"),
        ({"annotations": {"a": "x" * 17_000}}, "secret.annotations"),
        ({"topics": [{"name": "rotate"}]}, "secret.topics.name"),
        ({"rotation": {"nextRotationTime": "2030-01-01T00:00:00Z"}}, "secret.rotation"),
        ({**TOPIC, "rotation": {"rotationPeriod": "7200s"}}, "secret.rotation"),
        (
            {**TOPIC, "rotation": {"rotationPeriod": "60s", "nextRotationTime": "2030-01-01T00:00:00Z"}},
            "secret.rotation.rotation_period",
        ),
        ({"ttl": "60s", "expireTime": "2030-01-01T00:00:00Z"}, "secret"),
        ({"versionDestroyTtl": "60s"}, "secret.version_destroy_ttl"),
    ],
)
def test_what_a_secret_may_not_say_is_named(world: Any, wish: Any, field: str) -> None:
    status, answer = world.ask("POST", SECRETS, {**AUTOMATIC, **wish}, secretId="db")
    assert status == 400
    assert answer["error"]["details"][0]["fieldViolations"][0]["field"] == field


def test_lists_are_newest_first_and_counted(world: Any) -> None:
    for own in ("b", "a", "c"):
        made(world, own, labels={"for": own})
        world.pass_time(1)
    names = [row["name"].rpartition("/")[2] for row in world.ask("GET", SECRETS)[1]["secrets"]]
    assert names == ["c", "a", "b"]
    first = world.ask("GET", SECRETS, pageSize=2)[1]
    assert (len(first["secrets"]), first["totalSize"]) == (2, 3)
    rest = world.ask("GET", SECRETS, pageSize=2, pageToken=first["nextPageToken"])[1]
    assert [row["name"].rpartition("/")[2] for row in rest["secrets"]] == ["b"]
    only = world.ask("GET", SECRETS, filter="labels.for=a")[1]
    assert (len(only["secrets"]), "totalSize" in only) == (1, False)


def test_an_alias_names_a_version(world: Any) -> None:
    path = made(world)
    added(world, path)
    added(world, path, "c2Vjb25k")
    wish = {"versionAliases": {"stable": "1"}}
    assert world.ask("PATCH", path, wish, updateMask="version_aliases")[1]["versionAliases"] == {"stable": "1"}
    assert world.ask("GET", f"{path}/versions/stable:access")[1]["payload"]["data"] == "c2VjcmV0"
    assert world.ask("GET", f"{path}/versions/latest:access")[1]["payload"]["data"] == "c2Vjb25k"
    assert world.ask("PATCH", path, {"versionAliases": {"x": "9"}}, updateMask="versionAliases")[0] == 400
    assert world.ask("PATCH", path, {"versionAliases": {"latest": "1"}}, updateMask="versionAliases")[0] == 400
    missing = message(world.ask("GET", f"{path}/versions/none")[1])
    assert missing.startswith("Secret Version [projects/")
    assert missing.endswith("/secrets/db/versions/none] not found.")


def test_a_secret_expires(world: Any) -> None:
    path = made(world, ttl="7200s")
    added(world, path)
    assert "ttl" not in world.ask("GET", path)[1]
    assert "expireTime" in world.ask("GET", path)[1]
    world.pass_time(7100)
    assert world.ask("GET", path)[0] == 200
    world.pass_time(200)
    assert world.ask("GET", path)[0] == 404
    assert world.ask("GET", f"{path}/versions/1:access")[0] == 404


def test_an_expiry_can_be_put_off_and_taken_away(world: Any) -> None:
    path = made(world, ttl="7200s")
    world.ask("PATCH", path, {"ttl": "14400s"}, updateMask="ttl")
    world.pass_time(8000)
    assert world.ask("GET", path)[0] == 200
    assert "expireTime" not in world.ask("PATCH", path, {}, updateMask="expireTime")[1]
    world.pass_time(8000)
    assert world.ask("GET", path)[0] == 200


def test_a_rotation_moves_on_by_its_period(world: Any) -> None:
    path = made(world, **TOPIC, rotation={"rotationPeriod": "3600s", "nextRotationTime": "2027-01-15T09:00:00Z"})
    assert world.ask("GET", path)[1]["rotation"]["nextRotationTime"] == "2027-01-15T09:00:00Z"
    world.pass_time(2 * 3600)
    assert world.ask("GET", path)[1]["rotation"]["nextRotationTime"].startswith("2027-01-15T11:00:00")


def test_a_secret_tells_its_topic_what_happens_to_it(world: Any) -> None:
    world.ask("PUT", "/pubsub/v1/projects/acme-eu-001/topics/rotate", {})
    watch = "/pubsub/v1/projects/acme-eu-001/subscriptions/watch"
    world.ask("PUT", watch, {"topic": "projects/acme-eu-001/topics/rotate"})
    path = made(world, **TOPIC, rotation={"rotationPeriod": "3600s", "nextRotationTime": "2027-01-15T09:00:00Z"})
    added(world, path)
    world.pass_time(3600)
    world.ask("POST", f"{path}/versions/1:destroy", {})
    world.ask("DELETE", path)
    pulled = world.ask("POST", f"{watch}:pull", {"maxMessages": 10})[1]["receivedMessages"]
    told = [one["message"]["attributes"] for one in pulled]
    assert [one["eventType"] for one in told] == [
        "SECRET_CREATE", "SECRET_VERSION_ADD", "SECRET_ROTATE", "SECRET_VERSION_DESTROY", "SECRET_DELETE",
    ]  # fmt: skip
    assert told[1]["versionId"].endswith("/secrets/db/versions/1")
    assert told[4]["deleteType"] == "REQUESTED"


def test_a_delayed_destruction_can_be_called_off(world: Any) -> None:
    path = made(world, versionDestroyTtl="86400s")
    added(world, path)
    version = world.ask("POST", f"{path}/versions/1:destroy", {})[1]
    assert (version["state"], "scheduledDestroyTime" in version) == ("DISABLED", True)
    assert "scheduledDestroyTime" not in world.ask("POST", f"{path}/versions/1:enable", {})[1]
    world.pass_time(2 * DAY)
    assert world.ask("GET", f"{path}/versions/1:access")[0] == 200
    world.ask("POST", f"{path}/versions/1:destroy", {})
    world.pass_time(2 * DAY)
    row = world.ask("GET", f"{path}/versions/1")[1]
    assert (row["state"], "destroyTime" in row) == ("DESTROYED", True)
    assert "is in DESTROYED state" in message(world.ask("GET", f"{path}/versions/1:access")[1])


def test_a_version_says_which_key_it_was_sealed_with(world: Any) -> None:
    key = "projects/acme-eu-001/locations/global/keyRings/r/cryptoKeys/k"
    path = made(world, replication={"automatic": {"customerManagedEncryption": {"kmsKeyName": key}}})
    status = added(world, path)["replicationStatus"]
    assert status == {"automatic": {"customerManagedEncryption": {"kmsKeyVersionName": f"{key}/cryptoKeyVersions/1"}}}
    other = {"replication": {"automatic": {"customerManagedEncryption": {"kmsKeyName": key + "2"}}}}
    assert world.ask("PATCH", path, other, updateMask="replication")[0] == 200
    moved = {"replication": {"userManaged": {"replicas": [{"location": "europe-west1"}]}}}
    assert world.ask("PATCH", path, moved, updateMask="replication")[0] == 400


def test_regional_secrets_live_in_their_region(world: Any) -> None:
    path = made(world, base=REGIONAL)
    assert "replicationStatus" not in added(world, path)
    assert world.ask("GET", SECRETS)[1] == {}
    assert len(world.ask("GET", REGIONAL)[1]["secrets"]) == 1
    assert world.ask("POST", REGIONAL, AUTOMATIC, secretId="other")[0] == 400
    assert world.ask("GET", f"{path}/versions/latest:access")[1]["payload"]["data"] == "c2VjcmV0"

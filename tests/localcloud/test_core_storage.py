"""Cloud Storage through the pure core: what Google fills in, refuses, and lets happen as time passes."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.localcloud.values import Response

B = "/storage/storage/v1/b"
U = "/storage/upload/storage/v1/b/shop/o"
DAY = 86_400


def bucket(world: Any, name: str = "shop", **wish: Any) -> Any:
    status, row = world.ask("POST", B, {"name": name, "location": "europe-west1", **wish}, project="acme-eu-001")
    assert status == 200, row
    return row


def put(world: Any, name: str, content: bytes = b"x", **more: Any) -> Any:
    status, row = world.ask("POST", U, content, uploadType="media", name=name, **more)
    assert status == 200, row
    return row


def message(answer: Any) -> str:
    text: str = answer["error"]["message"]
    return text


UNIFORM = {"iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}}}


# --- buckets ---------------------------------------------------------------------------------------------------


def test_a_bucket_gets_googles_defaults(world: Any) -> None:
    row = bucket(world)
    assert (row["location"], row["locationType"], row["storageClass"]) == ("EUROPE-WEST1", "region", "STANDARD")
    assert row["iamConfiguration"] == {
        "publicAccessPrevention": "inherited", "uniformBucketLevelAccess": {"enabled": False},
        "bucketPolicyOnly": {"enabled": False},
    }  # fmt: skip
    assert row["softDeletePolicy"]["retentionDurationSeconds"] == "604800"
    assert (row["etag"], row["metageneration"], "rpo" in row, "acl" in row) == ("CAE=", "1", False, False)
    multi = bucket(world, "other", location="EU")
    assert (multi["locationType"], multi["rpo"]) == ("multi-region", "DEFAULT")


@pytest.mark.parametrize("name", ["Shop", "ab", "-shop", "192.168.0.1", "goog-x", "a..b", "x" * 64])
def test_bad_bucket_names_are_refused_in_googles_words(world: Any, name: str) -> None:
    status, answer = world.ask("POST", B, {"name": name}, project="acme-eu-001")
    assert (status, message(answer)) == (400, f"Invalid bucket name: '{name}'")


def test_a_location_that_does_not_exist_is_refused(world: Any) -> None:
    status, answer = world.ask("POST", B, {"name": "shop", "location": "moon"}, project="acme-eu-001")
    assert (status, message(answer)) == (400, "The specified location constraint is not valid.")


def test_autoclass_and_turned_off_soft_delete_are_completed(world: Any) -> None:
    row = bucket(world, autoclass={"enabled": True}, softDeletePolicy={"retentionDurationSeconds": "0"})
    assert row["autoclass"]["terminalStorageClass"] == "NEARLINE"
    assert {"toggleTime", "terminalStorageClassUpdateTime"} <= set(row["autoclass"])
    assert row["softDeletePolicy"] == {"retentionDurationSeconds": "0"}


def test_logs_of_a_bucket_go_under_its_name_unless_said_otherwise(world: Any) -> None:
    row = bucket(world, logging={"logBucket": "logs"})
    assert row["logging"] == {"logBucket": "logs", "logObjectPrefix": "shop"}
    assert "logging" not in world.ask("PATCH", f"{B}/shop", {"logging": None})[1]


def test_null_in_a_patch_removes_and_a_patch_answers_in_full(world: Any) -> None:
    bucket(world, labels={"a": "1", "b": "2"}, lifecycle={"rule": [{"action": {"type": "Delete"}}]})
    status, row = world.ask("PATCH", f"{B}/shop", {"labels": {"a": None}, "lifecycle": None})
    assert (status, row["labels"], "lifecycle" in row, row["metageneration"]) == (200, {"b": "2"}, False, "2")
    assert [entry["role"] for entry in row["acl"]] == ["OWNER", "OWNER", "READER"]
    assert "acl" not in world.ask("GET", f"{B}/shop")[1]
    assert "acl" in world.ask("GET", f"{B}/shop", projection="full")[1]


def test_a_locked_retention_policy_only_grows(world: Any) -> None:
    bucket(world, retentionPolicy={"retentionPeriod": "100"})
    assert world.ask("POST", f"{B}/shop/lockRetentionPolicy")[0] == 400
    status, row = world.ask("POST", f"{B}/shop/lockRetentionPolicy", ifMetagenerationMatch=1)
    assert (status, row["retentionPolicy"]["isLocked"]) == (200, True)
    assert world.ask("PATCH", f"{B}/shop", {"retentionPolicy": None})[0] == 403
    assert world.ask("PATCH", f"{B}/shop", {"retentionPolicy": {"retentionPeriod": "50"}})[0] == 403
    assert world.ask("PATCH", f"{B}/shop", {"retentionPolicy": {"retentionPeriod": "200"}})[0] == 200


def test_a_deleted_bucket_can_be_restored_for_a_week(world: Any) -> None:
    row = bucket(world)
    assert world.ask("DELETE", f"{B}/shop")[0] == 204
    listed = world.ask("GET", B, project="acme-eu-001", softDeleted="true")[1]
    assert [one["name"] for one in listed["items"]] == ["shop"]
    assert world.ask("POST", f"{B}/shop/restore", generation=row["generation"])[0] == 200
    world.ask("DELETE", f"{B}/shop")
    world.pass_time(8 * DAY)
    assert world.ask("POST", f"{B}/shop/restore", generation=row["generation"])[0] == 404


# --- access ----------------------------------------------------------------------------------------------------


def test_the_list_of_a_bucket_is_a_view_of_its_policy(world: Any) -> None:
    bucket(world)
    entity = "user-a@example.com"
    status, entry = world.ask("POST", f"{B}/shop/acl", {"entity": entity, "role": "READER"})
    assert (status, entry["id"], entry["email"]) == (200, f"shop/{entity}", "a@example.com")
    policy = world.ask("GET", f"{B}/shop/iam")[1]
    reader = next(one for one in policy["bindings"] if one["role"] == "roles/storage.legacyBucketReader")
    assert "user:a@example.com" in reader["members"]
    assert policy["etag"] == world.ask("GET", f"{B}/shop")[1]["etag"] == "CAI="
    assert world.ask("DELETE", f"{B}/shop/acl/{entity}")[0] == 204
    assert world.ask("GET", f"{B}/shop/acl/{entity}")[0] == 404


def test_default_lists_reach_new_objects_only(world: Any) -> None:
    bucket(world)
    put(world, "before")
    status, entry = world.ask("POST", f"{B}/shop/defaultObjectAcl", {"entity": "allUsers", "role": "READER"})
    assert (status, entry["kind"], entry["entity"]) == (200, "storage#objectAccessControl", "allUsers")
    put(world, "after")
    assert world.ask("GET", f"{B}/shop/o/before/acl/allUsers")[0] == 404
    assert world.ask("GET", f"{B}/shop/o/after/acl/allUsers")[1]["role"] == "READER"


def test_uniform_access_has_no_lists(world: Any) -> None:
    bucket(world, **UNIFORM)
    status, answer = world.ask("GET", f"{B}/shop/acl")
    assert (status, "uniform bucket-level access" in message(answer)) == (400, True)
    assert world.ask("POST", U, b"x", uploadType="media", name="a", predefinedAcl="publicRead")[0] == 400
    roles = [one["role"].rsplit(".", 1)[1] for one in world.ask("GET", f"{B}/shop/iam")[1]["bindings"]]
    assert roles == ["legacyBucketOwner", "legacyBucketReader", "legacyObjectOwner", "legacyObjectReader"]


def test_conditions_need_version_three_and_hide_from_older_readers(world: Any) -> None:
    bucket(world, **UNIFORM)
    condition = {"title": "t", "expression": "true"}
    binding = {"role": "roles/storage.objectViewer", "members": ["user:a@example.com"], "condition": condition}
    assert world.ask("PUT", f"{B}/shop/iam", {"bindings": [binding]})[0] == 400
    assert world.ask("PUT", f"{B}/shop/iam", {"bindings": [binding], "version": 3})[0] == 200
    old = world.ask("GET", f"{B}/shop/iam")[1]
    new = world.ask("GET", f"{B}/shop/iam", optionsRequestedPolicyVersion=3)[1]
    assert (old["version"], old["bindings"][0]["role"].startswith("roles/storage.objectViewer_withcond_")) == (1, True)
    assert (new["version"], new["bindings"]) == (3, [binding])


def test_prevented_public_access_stays_prevented(world: Any) -> None:
    bucket(world, iamConfiguration={"publicAccessPrevention": "enforced"})
    binding = {"role": "roles/storage.objectViewer", "members": ["allUsers"]}
    status, answer = world.ask("PUT", f"{B}/shop/iam", {"bindings": [binding]})
    assert (status, "public access prevention is enforced" in message(answer)) == (412, True)


# --- objects ---------------------------------------------------------------------------------------------------


def test_every_precondition_is_held(world: Any) -> None:
    bucket(world)
    row = put(world, "a", ifGenerationMatch=0)
    for name, value, status in (
        ("ifGenerationMatch", "0", 412), ("ifGenerationMatch", row["generation"], 200),
        ("ifGenerationNotMatch", row["generation"], 304), ("ifMetagenerationMatch", "2", 412),
        ("ifMetagenerationNotMatch", "1", 304), ("ifMetagenerationNotMatch", "2", 200),
    ):  # fmt: skip
        got, body = world.ask("GET", f"{B}/shop/o/a", **{name: value})
        assert (got, body is None) == (status, status == 304), name
    assert world.ask("DELETE", f"{B}/shop/o/a", ifMetagenerationNotMatch="1")[0] == 412


def test_metadata_is_merged_and_nulls_remove(world: Any) -> None:
    bucket(world)
    put(world, "a")
    world.ask("PATCH", f"{B}/shop/o/a", {"metadata": {"x": "1", "y": "2"}, "cacheControl": "no-store"})
    _, row = world.ask("PATCH", f"{B}/shop/o/a", {"metadata": {"x": None}, "cacheControl": None})
    assert (row["metadata"], "cacheControl" in row, row["metageneration"]) == ({"y": "2"}, False, "3")


def test_holds_and_retention_protect(world: Any) -> None:
    bucket(world, retentionPolicy={"retentionPeriod": str(DAY)})
    row = put(world, "a")
    assert "retentionExpirationTime" in row
    status, answer = world.ask("DELETE", f"{B}/shop/o/a")
    assert (status, "subject to bucket's retention policy" in message(answer)) == (403, True)
    world.pass_time(2 * DAY)
    world.ask("PATCH", f"{B}/shop/o/a", {"temporaryHold": True})
    status, answer = world.ask("POST", U, b"new", uploadType="media", name="a")
    assert (status, "under active Temporary hold" in message(answer)) == (403, True)
    world.ask("PATCH", f"{B}/shop/o/a", {"temporaryHold": False})
    assert world.ask("DELETE", f"{B}/shop/o/a")[0] == 204


def test_lifecycle_rules_act_as_days_pass(world: Any) -> None:
    rules = [
        {"action": {"type": "SetStorageClass", "storageClass": "NEARLINE"}, "condition": {"age": 10}},
        {"action": {"type": "Delete"}, "condition": {"age": 30, "matchesPrefix": ["tmp/"]}},
    ]
    bucket(world, lifecycle={"rule": rules})
    put(world, "tmp/a")
    put(world, "kept")
    world.pass_time(11 * DAY)
    assert world.ask("GET", f"{B}/shop/o/kept")[1]["storageClass"] == "NEARLINE"
    world.pass_time(20 * DAY)
    assert [one["name"] for one in world.ask("GET", f"{B}/shop/o")[1]["items"]] == ["kept"]
    assert world.ask("GET", f"{B}/shop/o/tmp%2Fa")[0] == 404


def test_old_generations_go_by_their_number(world: Any) -> None:
    rule = {"action": {"type": "Delete"}, "condition": {"numNewerVersions": 2, "isLive": False}}
    bucket(world, versioning={"enabled": True}, lifecycle={"rule": [rule]})
    for content in (b"1", b"2", b"3", b"4"):
        put(world, "a", content)
    world.pass_time(DAY)
    items = world.ask("GET", f"{B}/shop/o", versions="true")[1]["items"]
    assert ["timeDeleted" in one for one in items] == [True, False]


def test_listing_by_prefix_glob_offset_and_page(world: Any) -> None:
    bucket(world)
    for name in ("a/1.txt", "a/2.txt", "a/b/3.txt", "b/4.md", "c"):
        put(world, name)

    def names(**query: Any) -> list[str]:
        return [one["name"] for one in world.ask("GET", f"{B}/shop/o", **query)[1].get("items", [])]

    assert names(matchGlob="a/*.txt") == ["a/1.txt", "a/2.txt"]
    assert names(matchGlob="**.{txt,md}") == ["a/1.txt", "a/2.txt", "a/b/3.txt", "b/4.md"]
    assert names(startOffset="a/2", endOffset="b/5") == ["a/2.txt", "a/b/3.txt", "b/4.md"]
    found: list[str] = []
    prefixes: list[str] = []
    token = ""
    for _ in range(9):
        page = world.ask("GET", f"{B}/shop/o", delimiter="/", maxResults=1, pageToken=token)[1]
        found += [one["name"] for one in page.get("items", [])]
        prefixes += page.get("prefixes", [])
        token = page.get("nextPageToken", "")
        if not token:
            break
    assert (prefixes, found) == (["a/", "b/"], ["c"])


def test_a_range_and_what_cannot_be_satisfied(world: Any) -> None:
    bucket(world)
    put(world, "a", b"0123456789")
    for asked, status, body in (
        ("bytes=2-4", 206, b"234"), ("bytes=-3", 206, b"789"), ("bytes=7-", 206, b"789"), ("bytes=5-2", 200, None),
        ("bytes=10-", 416, None),
    ):  # fmt: skip
        answer = world.send("GET", f"{B}/shop/o/a", headers={"range": asked}, alt="media")
        assert answer.status == status, asked
        assert body is None or answer.body == body
    assert world.ask("GET", f"{B}/shop/o/none", alt="media") == (404, b"No such object: shop/none")


def test_gzip_is_unpacked_for_those_who_do_not_take_it(world: Any) -> None:
    bucket(world)
    put(world, "a", gzip.compress(b"hello"), contentEncoding="gzip")
    plain = world.send("GET", f"{B}/shop/o/a", headers={}, alt="media")
    packed = world.send("GET", f"{B}/shop/o/a", headers={"accept-encoding": "gzip"}, alt="media")
    assert (plain.body, "content-encoding" in plain.headers) == (b"hello", False)
    assert (gzip.decompress(packed.body), packed.headers["content-encoding"]) == (b"hello", "gzip")


def test_a_wrong_checksum_stores_nothing(world: Any) -> None:
    bucket(world)
    headers = {"x-goog-hash": "crc32c=AAAAAA=="}
    answer = world.send("POST", U, b"x", headers=headers, uploadType="media", name="a")
    assert (answer.status, "doesn't match calculated CRC32C" in answer.body["error"]["message"]) == (400, True)
    assert world.ask("GET", f"{B}/shop/o/a")[0] == 404


def key_headers(key: bytes) -> dict[str, str]:
    return {
        "x-goog-encryption-algorithm": "AES256",
        "x-goog-encryption-key": base64.b64encode(key).decode(),
        "x-goog-encryption-key-sha256": base64.b64encode(hashlib.sha256(key).digest()).decode(),
    }


def test_a_customers_key_opens_only_its_object(world: Any) -> None:
    bucket(world)
    mine, other = key_headers(b"k" * 32), key_headers(b"o" * 32)
    row = world.send("POST", U, b"secret", headers=mine, uploadType="media", name="a").body
    assert row["customerEncryption"]["encryptionAlgorithm"] == "AES256"
    assert world.send("GET", f"{B}/shop/o/a", headers=mine, alt="media").body == b"secret"
    assert world.send("GET", f"{B}/shop/o/a", headers=other, alt="media").status == 400
    assert world.ask("GET", f"{B}/shop/o/a", alt="media")[0] == 400
    assert "md5Hash" not in world.ask("GET", f"{B}/shop/o/a")[1]
    bad = {**mine, "x-goog-encryption-key-sha256": "AAAA"}
    refused = world.send("POST", U, b"x", headers=bad, uploadType="media", name="b").body
    assert refused["error"]["errors"][0]["reason"] == "customerEncryptionKeySha256IsInvalid"


def test_a_resumable_upload_goes_on_where_it_stopped(world: Any) -> None:
    bucket(world)
    opened = world.send("POST", U, b'{"name": "big"}', headers={}, uploadType="resumable")
    own = opened.headers["x-guploader-uploadid"]

    def chunk(content: bytes, where: str) -> Response:
        answer: Response = world.send(
            "PUT", U, content, headers={"content-range": where}, uploadType="resumable", upload_id=own
        )
        return answer

    part = b"x" * 262_144
    assert chunk(b"short", "bytes 0-4/*").status == 400
    assert chunk(part, "bytes 0-262143/*").headers["range"] == "bytes=0-262143"
    assert chunk(b"", "bytes */262149").headers["range"] == "bytes=0-262143"
    last = chunk(b"xxyyyyy", "bytes 262142-262148/262149")  # overlaps what is there already
    assert (last.status, last.body["size"]) == (200, "262149")
    assert chunk(b"", "bytes */262149").body["name"] == "big"
    assert world.send("DELETE", U, headers={}, uploadType="resumable", upload_id=own).status == 499
    assert chunk(b"", "bytes */262149").status == 404


def test_a_stream_of_unknown_length_ends_with_its_body(world: Any) -> None:
    bucket(world)
    for where, size in (("bytes 0-*/*", "5"), ("bytes 0-*/5", "5")):
        opened = world.send("POST", U, b'{"name": "streamed"}', headers={}, uploadType="resumable")
        own = opened.headers["x-guploader-uploadid"]
        answer = world.send("PUT", U, b"hello", headers={"content-range": where}, uploadType="resumable", upload_id=own)
        assert (answer.status, answer.body["size"]) == (200, size)


def test_copies_compositions_and_moves(world: Any) -> None:
    bucket(world)
    for name in ("a", "b"):
        put(world, name, name.encode())
    _, made = world.ask("POST", f"{B}/shop/o/ab/compose", {"sourceObjects": [{"name": "a"}, {"name": "b"}]})
    assert (made["componentCount"], made["size"], "md5Hash" in made) == (2, "2", False)
    status, answer = world.ask("POST", f"{B}/shop/o/no/compose", {"sourceObjects": [{"name": "a"}] * 33})
    assert (status, "(33)" in message(answer)) == (400, True)
    status, moved = world.ask("POST", f"{B}/shop/o/ab/moveTo/o/c")
    assert (status, moved["name"], world.ask("GET", f"{B}/shop/o/ab")[0]) == (200, "c", 404)
    put(world, "large", b"x" * 3_000_000)
    path, steps, token = f"{B}/shop/o/large/rewriteTo/b/shop/o/copy", 0, {}
    while True:
        _, step = world.ask("POST", path, {}, maxBytesRewrittenPerCall=1_048_576, **token)
        steps += 1
        if step["done"]:
            break
        token = {"rewriteToken": step["rewriteToken"]}
    assert (steps, step["resource"]["size"]) == (3, "3000000")


def test_soft_deleted_objects_come_back_one_by_one_or_together(world: Any) -> None:
    bucket(world)
    for name in ("logs/a", "logs/b", "other"):
        put(world, name, name.encode())
        world.ask("DELETE", f"{B}/shop/o/{name.replace('/', '%2F')}")
    assert len(world.ask("GET", f"{B}/shop/o", softDeleted="true")[1]["items"]) == 3
    status, operation = world.ask("POST", f"{B}/shop/o/bulkRestore", {"matchGlobs": ["logs/**"]})
    assert (status, operation["name"].startswith("projects/_/buckets/shop/operations/")) == (200, True)
    assert [one["name"] for one in world.ask("GET", f"{B}/shop/o")[1]["items"]] == ["logs/a", "logs/b"]
    assert world.ask("GET", f"{B}/shop/o/logs%2Fa", alt="media")[1] == b"logs/a"
    world.pass_time(10)
    own = operation["name"].rsplit("/", 1)[1]
    assert world.ask("GET", f"{B}/shop/operations/{own}")[1]["done"] is True


def test_objects_have_policies_of_their_own(world: Any) -> None:
    bucket(world)
    put(world, "a")
    put(world, "b")
    binding = {"role": "roles/storage.legacyObjectReader", "members": ["allUsers"]}
    assert world.ask("PUT", f"{B}/shop/o/a/iam", {"bindings": [binding]})[0] == 200
    assert world.ask("GET", f"{B}/shop/o/a/iam")[1]["bindings"] == [binding]
    assert "bindings" not in world.ask("GET", f"{B}/shop/o/b/iam")[1]
    assert world.ask("GET", f"{B}/shop/o/none/iam")[0] == 404


SHARED = Path(__file__).resolve().parents[3] / "shared" / "conformance" / "samples.jsonl"


def real_buckets() -> list[Any]:
    """Buckets of the real API, from the samples beside the repository; those of one class only once."""
    if not SHARED.exists():
        return []
    found: dict[str, Any] = {}
    for line in SHARED.read_text().splitlines():
        answer = json.loads(line)["response"]
        for row in answer.get("items", [answer]) if isinstance(answer, dict) else []:
            if isinstance(row, dict) and row.get("kind") == "storage#bucket" and "softDeletePolicy" in row:
                found[repr(sorted(row))] = row
    return list(found.values())


@pytest.mark.skipif(not SHARED.exists(), reason="no samples beside the repository (../shared/conformance)")
def test_buckets_have_the_shape_of_real_ones(world: Any) -> None:
    declared = ("labels", "lifecycle", "location", "storageClass", "iamConfiguration", "retentionPolicy", "versioning")
    rows = real_buckets()
    assert rows
    for index, row in enumerate(rows):
        wish = {name: row[name] for name in declared if name in row}
        made = world.ask("POST", B, {"name": f"real-{index}", **wish}, project="acme-eu-001", projection="full")[1]
        assert set(row) - {"defaultEventBasedHold", "satisfiesPZS"} <= set(made), row["name"]
        assert (made["locationType"], made.get("rpo")) == (row["locationType"], row.get("rpo"))
        for name in {"acl", "defaultObjectAcl"} & set(row):
            assert set(made[name][0]) == set(row[name][0])


# --- the rest --------------------------------------------------------------------------------------------------


def test_changes_are_told_to_a_topic(world: Any) -> None:
    bucket(world)
    status, answer = world.ask("POST", f"{B}/shop/notificationConfigs", {"topic": "//pubsub.googleapis.com/x"})
    assert (status, message(answer)) == (400, "Invalid Google Cloud Pub/Sub topic.")
    world.ask("PUT", "/pubsub/v1/projects/acme-eu-001/topics/changes", {})
    reader = "/pubsub/v1/projects/acme-eu-001/subscriptions/reader"
    world.ask("PUT", reader, {"topic": "projects/acme-eu-001/topics/changes"})
    wish = {"topic": "//pubsub.googleapis.com/projects/acme-eu-001/topics/changes", "payload_format": "JSON_API_V1"}
    status, made = world.ask("POST", f"{B}/shop/notificationConfigs", wish)
    assert (status, made["id"], made["topic"]) == (200, "1", wish["topic"])
    put(world, "a")
    world.ask("DELETE", f"{B}/shop/o/a")
    received = world.ask("POST", f"{reader}:pull", {"maxMessages": 9})[1]["receivedMessages"]
    kinds = [one["message"]["attributes"]["eventType"] for one in received]
    assert kinds == ["OBJECT_FINALIZE", "OBJECT_DELETE"]
    assert json.loads(base64.b64decode(received[0]["message"]["data"]))["name"] == "a"


def test_hmac_keys_are_made_inactive_before_they_go(world: Any) -> None:
    base = "/storage/storage/v1/projects/acme-eu-001/hmacKeys"
    _, made = world.ask("POST", base, serviceAccountEmail="a@acme-eu-001.iam.gserviceaccount.com")
    own = f"{base}/{made['metadata']['accessId']}"
    assert (len(made["secret"]), made["metadata"]["state"]) == (40, "ACTIVE")
    assert world.ask("DELETE", own)[0] == 400
    assert world.ask("PUT", own, {"state": "INACTIVE"})[1]["state"] == "INACTIVE"
    assert world.ask("DELETE", own)[0] == 204
    assert "items" not in world.ask("GET", base)[1]


def test_folders_of_a_hierarchical_bucket_are_renamed_with_what_they_hold(world: Any) -> None:
    bucket(world, hierarchicalNamespace={"enabled": True}, **UNIFORM)
    assert world.ask("POST", f"{B}/shop/folders", {"name": "a/b/"})[0] == 409
    assert world.ask("POST", f"{B}/shop/folders", {"name": "a/b/"}, recursive="true")[0] == 200
    put(world, "a/b/x", b"content")
    assert world.ask("DELETE", f"{B}/shop/folders/a%2Fb%2F")[0] == 409
    status, _ = world.ask("POST", f"{B}/shop/folders/a%2Fb%2F/renameTo/folders/c%2F")
    assert status == 200
    world.pass_time(60)
    assert world.ask("GET", f"{B}/shop/o/c%2Fx", alt="media") == (200, b"content")
    assert [one["name"] for one in world.ask("GET", f"{B}/shop/folders")[1]["items"]] == ["a/", "c/"]


def test_an_anywhere_cache_is_made_by_an_operation(world: Any) -> None:
    bucket(world)
    status, operation = world.ask("POST", f"{B}/shop/anywhereCaches", {"zone": "europe-west1-b"})
    assert (status, operation["done"]) == (200, False)
    world.pass_time(60)
    assert world.ask("GET", f"{B}/shop/anywhereCaches/europe-west1-b")[1]["state"] == "running"
    assert world.ask("POST", f"{B}/shop/anywhereCaches/europe-west1-b/pause")[1]["state"] == "paused"

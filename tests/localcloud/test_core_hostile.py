"""What no honest client sends: every request here once crashed the cloud, stopped it, or showed what it must not."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.localcloud import control
from reconciler.localcloud.call import Settings
from reconciler.localcloud.doors import batch, http
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.filters import Language, predicate
from reconciler.localcloud.house import House
from reconciler.localcloud.services.logging import query
from reconciler.localcloud.state import MemoryRows, State
from reconciler.localcloud.store import SqliteRows
from reconciler.localcloud.values import Request

LISTS = (
    "/run/v2/projects/{}/locations/europe-west1/services",
    "/secretmanager/v1/projects/{}/secrets",
    "/cloudresourcemanager/v1/projects",
    "/compute/compute/v1/projects/{}/global/networks",
    "/dns/dns/v1/projects/{}/managedZones",
    "/compute/compute/v1/projects/{}/global/operations",
)


def token(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode()


@pytest.mark.parametrize("size", ["²", "--5", "9" * 5000])
@pytest.mark.parametrize("path", LISTS)
def test_a_page_size_that_is_no_number_is_no_crash(world: Any, path: str, size: str) -> None:
    mine = "acme-eu-001"
    for name in ("pageSize", "maxResults"):
        status, _ = world.ask("GET", path.format(mine), **{name: size})
        assert status in (200, 400)


@pytest.mark.parametrize("path", LISTS)
def test_a_forged_page_token_shows_nothing_of_others(world: Any, path: str) -> None:
    """A token names the last key of the page before; one from an earlier collection led out of the list."""
    mine, other = world.project("mine-eu-001"), "acme-eu-001"
    body = {"replication": {"automatic": {}}}
    world.ask("POST", f"/secretmanager/v1/projects/{other}/secrets", body, secretId="theirs")
    honest = world.ask("GET", path.format(mine))
    for key in ("\0", "a"):
        found = world.ask("GET", path.format(mine), pageToken=token(key))
        assert found == honest or found[0] == 400


def test_a_scan_stays_within_its_prefix_wherever_it_is_told_to_begin() -> None:
    rows = MemoryRows()
    rows.commit({"a/1": b"{}", "b/1": b"{}", "b/2": b"{}", "c/1": b"{}"})
    state = State(rows)
    state.put("a/2", {})
    for after, found in (("a/0", ["b/1", "b/2"]), ("b/1", ["b/2"]), ("c/0", [])):
        assert [key for key, _ in state.scan("b/", after)] == found


@pytest.mark.parametrize("text", ["(" * 3000, "NOT " * 3000 + "a", "-" * 5000 + "a", "a:" + "(" * 3000])
def test_a_filter_that_goes_too_deep_is_refused(text: str) -> None:
    # In the logging language two hyphens begin a comment.
    for reads in (lambda text: predicate(text, Language({})), query.predicate)[: 1 if "--" in text else 2]:
        with pytest.raises(GoogleError) as refused:
            reads(text)
        assert refused.value.status == 400


def test_a_filter_of_many_terms_and_some_levels_is_read() -> None:
    text = " AND ".join(["(NOT (a=b OR a=c))"] * 500)
    for found in (predicate(text, Language({})), query.predicate(text)):
        assert found({"a": "d"})
        assert not found({"a": "c"})


def payload(depth: int) -> bytes:
    entry = '{"logName": "projects/acme-eu-001/logs/x", "resource": {"type": "global"}, "jsonPayload": %s}'
    deep = '{"a":' * depth + "1" + "}" * depth
    return ('{"entries": [' + entry % deep + "]}").encode()


def test_a_body_deeper_than_google_reads_is_refused(world: Any) -> None:
    status, answer = world.ask("POST", "/logging/v2/entries:write", payload(500))
    assert (status, answer["error"]["message"]) == (400, "Message too deep. Max recursion depth reached for key 'a'")
    assert world.ask("POST", "/logging/v2/entries:write", payload(90))[0] == 200
    wide = b'{"entries": [' + b",".join([b"{}"] * 300) + b"]}"
    assert world.ask("POST", "/logging/v2/entries:write", wide)[0] == 400
    assert "too deep" not in str(world.ask("POST", "/logging/v2/entries:write", wide)[1])


def test_a_body_of_countless_wrong_names_is_answered_in_a_bounded_way(world: Any) -> None:
    body = json.dumps({f"k{number}": 1 for number in range(20_000)}).encode()
    status, answer = world.ask("POST", "/storage/v1/b", body, project="acme-eu-001")
    assert status == 400
    assert len(json.dumps(answer)) < 1_000_000


@pytest.mark.parametrize(
    "part",
    [
        b"Content-Type: application/http\r\n\r\nGET http://[::1/x HTTP/1.1\r\n\r\n",
        b"Content-ID: <\xc3\xa9>\r\n\r\nGET /storage/v1/b/x HTTP/1.1\r\nX: \xe2\x82\xac\r\n\r\n",
        b"Content-Type: message/rfc822\r\n\r\n" * 3000,
        b"".join(b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (n, n) for n in range(3000)),
    ],
)
def test_an_odd_part_of_a_batch_is_refused_or_answered(part: bytes) -> None:
    try:
        found = batch.parts("multipart/mixed; boundary=a", b"--a\r\n" + part + b"\r\n--a--")
        batch.printed([(one, batch.Printed(200, {}, b"")) for one in found])
    except GoogleError as error:
        assert error.status == 400


def test_only_their_owner_reads_the_rows_and_their_snapshots(tmp_path: Path) -> None:
    file, copy = tmp_path / "cloud.sqlite", tmp_path / "copy.sqlite"
    file.touch(mode=0o644)
    rows = SqliteRows(file)
    rows.commit({"a/1": b"{}"})
    rows.snapshot(copy)
    rows.restore(copy)
    assert {each.name: oct(each.stat().st_mode & 0o077) for each in tmp_path.iterdir()} == {
        each.name: "0o0" for each in tmp_path.iterdir()
    }
    rows.close()


@pytest.mark.parametrize("wrong", [{"assetTypes": ["("]}, {"assetTypes": ["(a+)+b"]}, {"feedOutputConfig": {}}])
def test_a_feed_can_not_break_the_writes_of_others(world: Any, wrong: dict[str, Any]) -> None:
    feeds = "/cloudasset/v1/projects/acme-eu-001/feeds"
    right = {"feedOutputConfig": {"pubsubDestination": {"topic": "projects/acme-eu-001/topics/t"}}}
    world.ask("POST", feeds, {"feedId": "f", "feed": {**right, **wrong}})
    world.ask("POST", feeds, {"feedId": "g", "feed": right})
    mask, expected = ",".join(wrong), 200 if "+" in str(wrong) else 400
    assert world.ask("PATCH", f"{feeds}/g", {"updateMask": mask, "feed": wrong})[0] == expected
    assert world.ask("POST", "/storage/v1/b", {"name": "bucket-of-others"}, project="acme-eu-001")[0] == 200


@pytest.mark.parametrize("own", ["a/b", "..", "a\0b", "a b", "-/x"])
@pytest.mark.parametrize(
    ("path", "name", "body"),
    [
        ("/cloudkms/v1/projects/acme-eu-001/locations/global/keyRings", "keyRingId", {}),
        ("/workflows/v1/projects/acme-eu-001/locations/europe-west1/workflows", "workflowId", {"sourceContents": "x"}),
        (
            "/certificatemanager/v1/projects/acme-eu-001/locations/global/dnsAuthorizations",
            "dnsAuthorizationId",
            {"domain": "a.de"},
        ),
        ("/certificatemanager/v1/projects/acme-eu-001/locations/global/certificates", "certificateId", {"managed": {}}),
    ],
)
def test_an_id_stays_one_part_of_a_name(world: Any, path: str, name: str, body: Any, own: str) -> None:
    before = len(world.rows._keys)
    assert world.ask("POST", path, body, **{name: own})[0] == 400
    assert len(world.rows._keys) == before


@pytest.fixture
def bucket(world: Any) -> str:
    world.ask("POST", "/storage/v1/b", {"name": "bucket-of-odd-things"}, project="acme-eu-001")
    world.ask("POST", "/upload/storage/v1/b/bucket-of-odd-things/o", b"abcd", name="r", uploadType="media")
    return "/storage/v1/b/bucket-of-odd-things"


@pytest.mark.parametrize("asked", ["bytes=0-" + "9" * 5000, "bytes=-" + "9" * 5000])
def test_an_endless_number_in_a_range_is_no_crash(world: Any, bucket: str, asked: str) -> None:
    assert world.ask("GET", f"{bucket}/o/r", alt="media", headers={"range": asked}) == (200, b"abcd")


def test_an_endless_number_in_a_content_range_is_refused(world: Any, bucket: str) -> None:
    answer = world.send("POST", f"/upload{bucket}/o", b"{}", uploadType="resumable", name="q")
    own = answer.headers["x-guploader-uploadid"]
    for told in ("bytes 0-3/" + "9" * 5000, "bytes 0-" + "9" * 5000 + "/*"):
        headers = {"content-range": told}
        more = {"uploadType": "resumable", "upload_id": own, "headers": headers}
        assert world.ask("PUT", f"/upload{bucket}/o", b"abcd", **more)[0] == 400


@pytest.mark.parametrize("told", [b'{"name": "x", "metadata": 5}', b'{"name": "x", "contentType": ["a"]}'])
def test_what_an_upload_says_of_its_object_must_be_right(world: Any, bucket: str, told: bytes) -> None:
    body = b"--a\r\n\r\n" + told + b"\r\n--a\r\n\r\nx\r\n--a--"
    headers = {"content-type": "multipart/related; boundary=a"}
    assert world.ask("POST", f"/upload{bucket}/o", body, uploadType="multipart", headers=headers)[0] == 400
    assert world.ask("POST", f"/upload{bucket}/o", told, uploadType="resumable")[0] == 400


@pytest.mark.parametrize(
    "query",
    [
        {"Expires": "99999999999", "GoogleAccessId": "x", "Signature": "é"},
        {
            "X-Goog-Algorithm": "GOOG4-RSA-SHA256",
            "X-Goog-Date": "99999999T999999Z",
            "X-Goog-Expires": "5",
            "X-Goog-Credential": "a/b/c/d/e",
            "X-Goog-Signature": "00",
            "X-Goog-SignedHeaders": "host",
        },
    ],
)
def test_an_odd_signature_is_refused(world: Any, bucket: str, query: dict[str, str]) -> None:
    account = world.ask("POST", "/iam/v1/projects/acme-eu-001/serviceAccounts", {"accountId": "signer"})[1]["name"]
    world.ask("POST", f"/iam/v1/{account}/keys", {})
    query = {**query, "GoogleAccessId": account.rpartition("/")[2]}
    assert world.ask("GET", "/storage/bucket-of-odd-things/r", **query)[0] in (400, 403)


def test_time_can_not_be_moved_to_where_there_are_no_dates(tmp_path: Path) -> None:
    rows = SqliteRows(tmp_path / "cloud.sqlite")
    house = House(rows, Settings(), 0, lambda: 1_800_000_000.0)
    ask = Request("POST", f"{control.PREFIX}time", body=b"{...}")
    for _ in range(30):
        control.answer(house, ask, {"advance": 9e9})
    assert control.answer(house, ask, {"advance": 9e9}).status == 400
    assert control.answer(house, ask, {"advance": 1}).status == 200
    created = {"projectId": "acme-eu-001", "parent": "folders/222222222222"}
    asked = Request("POST", "/cloudresourcemanager/v3/projects", body=json.dumps(created).encode())
    assert house.answer(asked).response.status == 200
    rows.close()


def test_a_stored_text_makes_no_new_header() -> None:
    assert http._spoken("text/€\r\nSet-Cookie: a=b") == b"text/?  Set-Cookie: a=b"

"""More of google-cloud-storage: signed URLs, batches, transfers, access lists, notifications, HMAC keys, holds."""

from __future__ import annotations

import base64
import datetime
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from google.cloud.storage import transfer_manager
from google.cloud.storage.fileio import BlobWriter
from google.oauth2 import service_account

pytestmark = pytest.mark.slow
HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def client(cloud: Any, project: str) -> storage.Client:
    return storage.Client(
        project=project, credentials=AnonymousCredentials(), client_options={"api_endpoint": cloud.url}
    )


@pytest.fixture
def bucket(client: storage.Client, project: str) -> storage.Bucket:
    return client.create_bucket(f"{project}-media", location="europe-west1")


@dataclass(frozen=True)
class Signing:
    """A bucket, and the credentials of a service account from a key that the local cloud made.

    The server is one of its own: clients sign by their clock, and others move the clock of the session's server.
    """

    cloud: Any
    bucket: storage.Bucket
    credentials: Any


@pytest.fixture
def signing(starts: Callable[..., Any]) -> Signing:
    cloud, project = starts("--time-scale", "2000"), "signing-project"
    cloud.call("POST", "/cloudresourcemanager/v3/projects", {"projectId": project, "parent": "folders/222222222222"})
    time.sleep(0.1)
    base = f"/iam/v1/projects/{project}/serviceAccounts"
    mail = cloud.call("POST", base, {"accountId": "signer"})[1]["email"]
    made = cloud.call("POST", f"{base}/{mail}/keys", {})[1]
    told = json.loads(base64.b64decode(made["privateKeyData"]))
    options = {"api_endpoint": cloud.url}
    client = storage.Client(project=project, credentials=AnonymousCredentials(), client_options=options)
    credentials = service_account.Credentials.from_service_account_info(told)
    return Signing(cloud, client.create_bucket("signed-media", location="europe-west1"), credentials)


def fetch(url: str, verb: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, bytes, Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, body, named, method=verb)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers


@pytest.mark.parametrize("version", ["v4", "v2"])
def test_signed_urls_give_and_take_objects(signing: Signing, version: str) -> None:
    blob = signing.bucket.blob("a b/ü.txt")

    def url(verb: str, **more: Any) -> str:
        signed: str = blob.generate_signed_url(
            expiration=HOUR,
            version=version,
            method=verb,
            credentials=signing.credentials,
            api_access_endpoint=signing.cloud.url,
            **more,
        )
        return signed

    assert fetch(url("PUT", content_type="text/plain"), "PUT", b"hello", Content_Type="text/plain")[0] == 200
    status, body, headers = fetch(url("GET"))
    assert (status, body, headers["content-type"]) == (200, b"hello", "text/plain")
    assert fetch(url("HEAD"), "HEAD")[0] == 200
    assert fetch(url("GET"), Range="bytes=1-3")[:2] == (206, b"ell")
    status, body, _ = fetch(url("PUT"))  # signed for another verb
    assert (status, b"<Code>SignatureDoesNotMatch</Code>" in body) == (403, True)
    assert fetch(url("DELETE"), "DELETE")[0] == 204
    status, body, _ = fetch(url("GET"))
    assert (status, b"<Code>NoSuchKey</Code>" in body) == (404, True)


def test_a_signed_url_expires(signing: Signing) -> None:
    cloud, blob = signing.cloud, signing.bucket.blob("a")
    blob.upload_from_string("x")
    url = blob.generate_signed_url(
        expiration=datetime.timedelta(minutes=5),
        version="v4",
        credentials=signing.credentials,
        api_access_endpoint=cloud.url,
    )
    assert fetch(url)[0] == 200
    cloud.call("POST", "/_aipress/time", {"advance": 3600})
    status, body, _ = fetch(url)
    assert (status, b"<Code>ExpiredToken</Code>" in body) == (400, True)


def test_a_resumable_upload_by_a_signed_url(signing: Signing) -> None:
    bucket = signing.bucket
    url = bucket.blob("big").generate_signed_url(
        expiration=datetime.timedelta(days=6), version="v4", method="RESUMABLE",
        credentials=signing.credentials, api_access_endpoint=signing.cloud.url,
    )  # fmt: skip
    status, _, headers = fetch(url, "POST", b"", x_goog_resumable="start")
    assert status == 201
    content = b"x" * 300_000
    assert fetch(headers["location"], "PUT", content)[0] == 200
    assert bucket.blob("big").download_as_bytes() == content


def test_public_objects_are_read_by_anybody_and_others_by_nobody(cloud: Any, bucket: storage.Bucket) -> None:
    blob = bucket.blob("page.html")
    blob.upload_from_string("<p>hi", content_type="text/html")
    plain = f"{cloud.url}/storage/{bucket.name}/page.html"
    status, body, _ = fetch(plain)
    assert (status, b"Anonymous caller does not have storage.objects.get access" in body) == (403, True)
    blob.make_public()
    assert fetch(plain)[:2] == (200, b"<p>hi")


def test_a_batch_does_each_of_its_calls(client: storage.Client, bucket: storage.Bucket) -> None:
    for name in ("a", "b", "c"):
        bucket.blob(name).upload_from_string(name)
    with client.batch():
        for name in ("a", "b"):
            bucket.delete_blob(name)
    assert [blob.name for blob in client.list_blobs(bucket)] == ["c"]
    with pytest.raises(exceptions.NotFound), client.batch():
        bucket.delete_blob("a")


def test_the_transfer_manager_cuts_files_into_parts(bucket: storage.Bucket, tmp_path: Path) -> None:
    source = tmp_path / "big"
    source.write_bytes(bytes(range(256)) * 8192)
    files = []
    for index in range(3):
        (tmp_path / f"f{index}").write_text(str(index))
        files.append((str(tmp_path / f"f{index}"), bucket.blob(f"f{index}")))
    assert transfer_manager.upload_many(files, worker_type="thread") == [None] * 3
    blob = bucket.blob("big")
    blob.upload_from_filename(str(source))
    target = tmp_path / "back"
    transfer_manager.download_chunks_concurrently(blob, str(target), chunk_size=500_000, worker_type="thread")
    assert target.read_bytes() == source.read_bytes()


def test_a_blob_is_a_file(bucket: storage.Bucket) -> None:
    writer: BlobWriter
    with bucket.blob("log").open("wb", chunk_size=262_144) as writer:
        for _ in range(3):
            writer.write(b"y" * 200_000)
    with bucket.blob("log").open("rb") as reader:
        reader.seek(599_990)
        assert reader.read() == b"y" * 10


def test_access_lists_read_and_write(bucket: storage.Bucket) -> None:
    bucket.acl.user("jo@example.com").grant_read()
    bucket.acl.save()
    bucket.default_object_acl.all().grant_read()
    bucket.default_object_acl.save()
    blob = bucket.blob("a")
    blob.upload_from_string("x")
    assert {entry["entity"]: entry["role"] for entry in blob.acl}["allUsers"] == "READER"
    bucket.acl.reload()
    assert "READER" in bucket.acl.user("jo@example.com").get_roles()


def test_notifications_hmac_keys_and_the_service_account(
    cloud: Any, client: storage.Client, bucket: storage.Bucket, project: str
) -> None:
    cloud.call("PUT", f"/pubsub/v1/projects/{project}/topics/changes", {})
    made = bucket.notification("changes", topic_project=project, event_types=["OBJECT_FINALIZE"])
    made.create()
    assert [found.notification_id for found in bucket.list_notifications()] == [made.notification_id]
    made.delete()
    assert list(bucket.list_notifications()) == []
    key, secret = client.create_hmac_key(f"a@{project}.iam.gserviceaccount.com")
    assert (len(secret), key.state) == (40, "ACTIVE")
    key.state = "INACTIVE"
    key.update()
    key.delete()
    assert client.get_service_account_email().endswith("@gs-project-accounts.iam.gserviceaccount.com")


def test_a_customers_key_travels_with_every_call(bucket: storage.Bucket) -> None:
    mine, other = b"k" * 32, b"o" * 32
    bucket.blob("secret", encryption_key=mine).upload_from_string("hidden")
    assert bucket.blob("secret", encryption_key=mine).download_as_bytes() == b"hidden"
    with pytest.raises(exceptions.BadRequest):
        bucket.blob("secret").download_as_bytes()
    turned = bucket.blob("secret", encryption_key=other)
    source = bucket.blob("secret", encryption_key=mine)
    token, _, _ = turned.rewrite(source)
    assert (token, turned.download_as_bytes()) == (None, b"hidden")


def test_rules_of_a_bucket_come_back_as_they_were_set(bucket: storage.Bucket) -> None:
    bucket.add_lifecycle_delete_rule(age=7, matches_prefix=["tmp/"])
    bucket.add_lifecycle_set_storage_class_rule("NEARLINE", age=30)
    bucket.cors = [{"origin": ["*"], "method": ["GET"], "maxAgeSeconds": 60}]
    bucket.configure_website("index.html", "404.html")
    bucket.default_event_based_hold = True
    bucket.retention_period = 60
    bucket.patch()
    bucket.reload()
    assert [rule["action"]["type"] for rule in bucket.lifecycle_rules] == ["Delete", "SetStorageClass"]
    assert (bucket.cors[0]["maxAgeSeconds"], bucket.retention_period) == (60, 60)
    blob = bucket.blob("held")
    blob.upload_from_string("x")
    assert blob.event_based_hold is True
    with pytest.raises(exceptions.Forbidden, match="Event-Based hold"):
        blob.delete()
    bucket.clear_lifecycle_rules()
    bucket.retention_period = None
    bucket.cors = []
    bucket.patch()
    bucket.reload()
    assert (list(bucket.lifecycle_rules), bucket.retention_period, bucket.cors) == ([], None, [])

"""Cloud Storage through google-cloud-storage."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

pytestmark = pytest.mark.slow


@pytest.fixture
def client(cloud: Any, project: str) -> storage.Client:
    return storage.Client(
        project=project, credentials=AnonymousCredentials(), client_options={"api_endpoint": cloud.url}
    )


@pytest.fixture
def bucket(client: storage.Client, project: str) -> storage.Bucket:
    wish = client.bucket(f"{project}-media")
    wish.iam_configuration.uniform_bucket_level_access_enabled = True
    return client.create_bucket(wish, location="europe-west1")


def test_bucket_is_created_with_googles_defaults_and_patched_exactly(bucket: storage.Bucket) -> None:
    assert (bucket.location, bucket.location_type, bucket.storage_class) == ("EUROPE-WEST1", "region", "STANDARD")
    assert bucket.iam_configuration.public_access_prevention == "inherited"
    bucket.labels = {"tenant": "acme"}
    bucket.versioning_enabled = True
    bucket.patch()
    bucket.reload()
    assert (bucket.labels, bucket.versioning_enabled, bucket.metageneration) == ({"tenant": "acme"}, True, 2)
    bucket.labels = {}
    bucket.patch()
    bucket.reload()
    assert bucket.labels == {}
    assert bucket.versioning_enabled


def test_bucket_names_are_global(client: storage.Client, bucket: storage.Bucket) -> None:
    with pytest.raises(exceptions.Conflict, match="you already own it"):
        client.create_bucket(bucket.name)
    assert bucket.name in [found.name for found in client.list_buckets()]


def test_absent_bucket_is_not_found_and_absent_object_does_not_exist(
    client: storage.Client, bucket: storage.Bucket
) -> None:
    with pytest.raises(exceptions.NotFound, match="The specified bucket does not exist"):
        client.get_bucket(bucket.name + "-other")
    assert not bucket.blob("nothing").exists()


@pytest.mark.parametrize("size", [0, 5, 700_000])
def test_objects_come_back_as_they_were_sent(bucket: storage.Bucket, size: int) -> None:
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    blob = bucket.blob("a/b c/ü.bin", chunk_size=262_144 if size > 1000 else None)
    blob.metadata = {"k": "v"}
    blob.upload_from_string(content, content_type="image/png")
    again = bucket.get_blob("a/b c/ü.bin")
    assert again is not None
    assert again.download_as_bytes() == content
    assert (again.size, again.content_type, again.metadata) == (size, "image/png", {"k": "v"})
    if size > 10:
        assert again.download_as_bytes(start=3, end=6) == content[3:7]


def test_generation_preconditions_refuse_a_lost_race(bucket: storage.Bucket) -> None:
    blob = bucket.blob("state.json")
    blob.upload_from_string("one", if_generation_match=0)
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.blob("state.json").upload_from_string("two", if_generation_match=0)
    first = blob.generation
    bucket.blob("state.json").upload_from_string("two", if_generation_match=first)
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.blob("state.json").delete(if_generation_match=first)
    assert bucket.blob("state.json").download_as_bytes() == b"two"


def test_listing_pages_prefixes_and_versions(client: storage.Client, bucket: storage.Bucket) -> None:
    for name in ("a/1", "a/2", "b/1", "c"):
        bucket.blob(name).upload_from_string(name)
    assert [blob.name for blob in client.list_blobs(bucket, page_size=3)] == ["a/1", "a/2", "b/1", "c"]
    pages = client.list_blobs(bucket, delimiter="/", page_size=1)
    assert [blob.name for blob in pages] == ["c"]
    assert pages.prefixes == {"a/", "b/"}
    bucket.versioning_enabled = True
    bucket.patch()
    bucket.blob("c").upload_from_string("again")
    assert len(list(client.list_blobs(bucket, prefix="c", versions=True))) == 2


def test_deleted_object_can_be_restored(client: storage.Client, bucket: storage.Bucket) -> None:
    blob = bucket.blob("precious")
    blob.upload_from_string("kept")
    generation = blob.generation
    blob.delete()
    assert not bucket.blob("precious").exists()
    assert [found.name for found in client.list_blobs(bucket, soft_deleted=True)] == ["precious"]
    bucket.restore_blob("precious", generation=generation)
    assert bucket.blob("precious").download_as_bytes() == b"kept"


def test_full_bucket_is_not_deleted(bucket: storage.Bucket) -> None:
    bucket.blob("x").upload_from_string("x")
    with pytest.raises(exceptions.Conflict, match="not empty"):
        bucket.delete()
    bucket.delete(force=True)
    assert not bucket.exists()


def test_bucket_policy_needs_the_current_etag(bucket: storage.Bucket) -> None:
    policy, rival = bucket.get_iam_policy(requested_policy_version=3), bucket.get_iam_policy(requested_policy_version=3)
    policy.bindings.append({"role": "roles/storage.objectViewer", "members": {"user:a@example.com"}})
    bucket.set_iam_policy(policy)
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.set_iam_policy(rival)
    roles = {binding["role"] for binding in bucket.get_iam_policy(requested_policy_version=3).bindings}
    assert "roles/storage.objectViewer" in roles
    assert "roles/storage.legacyBucketOwner" in roles


def test_managed_folder_has_a_policy_of_its_own(client: storage.Client, bucket: storage.Bucket) -> None:
    api = client._connection.api_request
    base = f"/b/{bucket.name}/managedFolders"
    assert api(method="POST", path=base, data={"name": "acme/"})["name"] == "acme/"
    with pytest.raises(exceptions.Conflict):
        api(method="POST", path=base, data={"name": "acme/"})
    binding = {"role": "roles/storage.objectUser", "members": ["serviceAccount:x@y.iam.gserviceaccount.com"]}
    api(method="PUT", path=f"{base}/acme%2F/iam", data={"bindings": [binding]})
    assert api(method="GET", path=f"{base}/acme%2F/iam")["bindings"] == [binding]
    assert [folder["name"] for folder in api(method="GET", path=base)["items"]] == ["acme/"]
    api(method="DELETE", path=f"{base}/acme%2F")
    with pytest.raises(exceptions.NotFound):
        api(method="GET", path=f"{base}/acme%2F")

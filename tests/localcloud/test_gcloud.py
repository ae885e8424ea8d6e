"""gcloud as a user types it: every command here is one that a person would type, and its answer is read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.localcloud.gcloud import GcloudError, gcloud_for

pytestmark = pytest.mark.slow


def test_gcloud_reads_and_writes_and_says_what_is_missing(gcloud: Any, project: str) -> None:
    assert gcloud("projects", "describe", project)["projectId"] == project
    gcloud("secrets", "create", "first", "--replication-policy=automatic")
    assert "Created secret [first]" in gcloud.said
    assert [secret["name"].rsplit("/", 1)[1] for secret in gcloud("secrets", "list")] == ["first"]
    with pytest.raises(GcloudError, match="NOT_FOUND"):
        gcloud("secrets", "describe", "second")


READS = (
    "run services list", "sql instances list", "storage buckets list", "secrets list", "services list",
    "iam service-accounts list", "artifacts repositories list", "compute networks list",
)  # fmt: skip


@pytest.mark.parametrize("free", [True, False], ids=["through the proxy", "endpoints overridden"])
def test_gcloud_reads_every_service_on_either_way(cloud: Any, project: str, tmp_path: Path, free: bool) -> None:
    gcloud = gcloud_for(cloud, tmp_path / "gcloud", project, free=free)
    assert gcloud("projects", "describe", project)["projectId"] == project
    gcloud(
        "services", "enable", *(f"{name}.googleapis.com" for name in ("run", "sqladmin", "secretmanager", "compute"))
    )
    gcloud("services", "enable", *(f"{name}.googleapis.com" for name in ("iam", "artifactregistry", "storage")))
    for words in READS:
        assert isinstance(gcloud(*words.split()), list), words
    gcloud("secrets", "create", "first", "--replication-policy=automatic")
    assert [secret["name"].rsplit("/", 1)[1] for secret in gcloud("secrets", "list")] == ["first"]
    with pytest.raises(GcloudError, match="NOT_FOUND"):
        gcloud("secrets", "describe", "second")

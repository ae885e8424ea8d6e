"""gcloud used as people use it: storage, pubsub, builds, logging."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.localcloud.gcloud import Gcloud, GcloudError, gcloud_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_buckets_and_files(gcloud: Gcloud, project: str, tmp_path: Path) -> None:
    name = f"gs://{project}-files"
    gcloud("storage", "buckets", "create", name, "--location=europe-west1", "--uniform-bucket-level-access")
    gcloud("storage", "buckets", "update", name, "--update-labels=a=b")
    told = gcloud("storage", "buckets", "describe", name)
    assert (told["location"], told["labels"]) == ("EUROPE-WEST1", {"a": "b"})
    folder = tmp_path / "site"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "sub" / "b.bin").write_bytes(bytes(range(256)) * 40_000)  # 10 MB: a resumable upload
    gcloud("storage", "rsync", "-r", str(folder), f"{name}/site")
    (tmp_path / "back").mkdir()
    gcloud("storage", "cp", "-r", f"{name}/site", str(tmp_path / "back"))
    found = {path.name: path.read_bytes() for path in (tmp_path / "back").rglob("*") if path.is_file()}
    assert found == {"a.txt": b"a", "b.bin": (folder / "sub" / "b.bin").read_bytes()}
    gcloud("storage", "mv", f"{name}/site/a.txt", f"{name}/c.txt")
    listed = gcloud("storage", "objects", "list", f"{name}/**")
    assert sorted(row["name"] for row in listed) == ["c.txt", "site/sub/b.bin"]
    gcloud("storage", "rm", "-r", name)
    with pytest.raises(GcloudError, match="404"):
        gcloud("storage", "buckets", "describe", name)


def test_messages(gcloud: Gcloud) -> None:
    gcloud("pubsub", "topics", "create", "news")
    gcloud("pubsub", "subscriptions", "create", "readers", "--topic=news", "--ack-deadline=20")
    gcloud("pubsub", "topics", "publish", "news", "--message=hello", "--attribute=a=b")
    (received,) = gcloud("pubsub", "subscriptions", "pull", "readers", "--auto-ack")
    assert received["message"]["attributes"] == {"a": "b"}
    assert gcloud("pubsub", "subscriptions", "pull", "readers") == []
    gcloud("pubsub", "topics", "delete", "news")
    assert gcloud("pubsub", "subscriptions", "describe", "readers")["topic"] == "_deleted-topic_"


def test_builds(gcloud: Gcloud, tmp_path: Path) -> None:
    config = tmp_path / "cloudbuild.yaml"
    steps = [{"name": "gcr.io/cloud-builders/docker", "script": "echo building $_WHAT"}]
    config.write_text(
        json.dumps({"steps": steps, "images": ["gcr.io/$PROJECT_ID/site"], "substitutions": {"_WHAT": "x"}})
    )
    with pytest.raises(GcloudError, match='key "_NO" in the substitution data is not matched in the template'):
        gcloud("builds", "submit", "--no-source", f"--config={config}", "--substitutions=_NO=1", "--async")
    gcloud("builds", "submit", "--no-source", f"--config={config}", "--async")
    for _ in range(50):
        (build,) = gcloud("builds", "list")
        if build["status"] == "SUCCESS":
            break
        time.sleep(0.1)
    assert build["results"]["images"][0]["digest"].startswith("sha256:")
    assert gcloud("builds", "describe", build["id"])["steps"][0]["script"] == "echo building x"
    pool = ("builds", "worker-pools")
    gcloud(*pool, "create", "pool", "--region=europe-west1")
    assert gcloud(*pool, "describe", "pool", "--region=europe-west1")["state"] == "RUNNING"
    gcloud(*pool, "delete", "pool", "--region=europe-west1")


def test_what_gcloud_fetches_from_storage_googleapis_com(starts: Callable[..., Any], tmp_path: Path) -> None:
    """A build's log as it runs, and a signed URL: neither knows an endpoint override.

    The server is one whose clock was never advanced: gcloud signs by its own.
    """
    cloud, project = starts("--time-scale", "2000"), "signing-project"
    cloud.call("POST", "/cloudresourcemanager/v3/projects", {"projectId": project, "parent": "folders/222222222222"})
    time.sleep(0.1)
    gcloud = gcloud_for(cloud, tmp_path / "gcloud", project, free=True)
    config = tmp_path / "cloudbuild.yaml"
    config.write_text(json.dumps({"steps": [{"name": "x", "script": "echo from the step"}]}))
    build = gcloud("builds", "submit", "--no-source", f"--config={config}", "--async")
    assert "from the step" in gcloud("builds", "log", "--stream", build["id"])
    name = f"gs://{project}-files"
    gcloud("storage", "buckets", "create", name)
    gcloud("storage", "cp", str(config), f"{name}/a.yaml")
    base = f"/iam/v1/projects/{project}/serviceAccounts"
    mail = cloud.call("POST", base, {"accountId": "signer"})[1]["email"]
    key = tmp_path / "key.json"
    key.write_bytes(base64.b64decode(cloud.call("POST", f"{base}/{mail}/keys", {})[1]["privateKeyData"]))
    (signed,) = gcloud("storage", "sign-url", f"{name}/a.yaml", f"--private-key-file={key}", "--duration=10m")
    fetch = ["curl", "--silent", "--proxy", cloud.address["proxy"], "--cacert", cloud.address["ca"]]
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    url = signed["signed_url"]
    got, spoilt = (
        subprocess.run([*fetch, one], check=True, capture_output=True, timeout=20).stdout
        for one in (url, url.replace("x-goog-expires=600", "x-goog-expires=601"))
    )
    assert (got, b"<Code>SignatureDoesNotMatch</Code>" in spoilt) == (config.read_bytes(), True)


def test_logs(gcloud: Gcloud) -> None:
    gcloud("logging", "write", "app", "hello there", "--severity=ERROR")
    gcloud("logging", "write", "app", "never mind", "--severity=INFO")
    assert [row["textPayload"] for row in gcloud("logging", "read", "severity>=ERROR")] == ["hello there"]
    gcloud("logging", "sinks", "create", "out", "storage.googleapis.com/logs", "--log-filter=severity>=ERROR")
    assert gcloud("logging", "sinks", "describe", "out")["filter"] == "severity>=ERROR"
    gcloud("logging", "metrics", "create", "errors", "--description=d", "--log-filter=severity>=ERROR")
    gcloud("logging", "buckets", "create", "mine", "--location=global", "--retention-days=10")
    assert gcloud("logging", "buckets", "describe", "mine", "--location=global")["retentionDays"] == 10

"""Programs that know nothing of the local cloud, in a process that has only what `aipress cloud env` prints."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.cloud_environment import exports, variables

pytestmark = pytest.mark.slow

LIBRARIES = """
import sys
from google.cloud import secretmanager_v1, sqladmin_v1, storage

project = sys.argv[1]
bucket = storage.Client(project=project).create_bucket(f"{project}-media", location="EU")
bucket.blob("a/b c.txt").upload_from_string("hello")
print(bucket.blob("a/b c.txt").download_as_bytes().decode(), bucket.blob("nothing").exists())
with bucket.client.batch():
    for name in ("one", "two"):
        bucket.blob("a/b c.txt").patch()
secrets = secretmanager_v1.SecretManagerServiceClient()
secret = secrets.create_secret(
    parent=f"projects/{project}", secret_id="db", secret={"replication": {"automatic": {}}}
)
print(secrets.get_secret(name=secret.name).name == secret.name)
body = {"name": "main", "region": "europe-west1", "settings": {"tier": "db-f1-micro"}}
print(sqladmin_v1.SqlInstancesServiceClient().insert(request={"project": project, "body": body}).target_id)
print([found.name for found in sqladmin_v1.SqlInstancesServiceClient().list(request={"project": project}).items])
"""
DISCOVERED = """
import sys
from googleapiclient.discovery import build

project, told = sys.argv[1], []
projects = build("cloudresourcemanager", "v1").projects()
print(projects.get(projectId=project).execute()["projectId"] == project)
compute = build("compute", "v1", static_discovery=False)
batch = compute.new_batch_http_request(callback=lambda own, answer, error: told.append((answer, error)))
batch.add(compute.networks().list(project=project))
batch.add(compute.networks().get(project=project, network="nothing"))
batch.execute()
print(told[0][0]["kind"], told[1][1].status_code)
"""
STRANGERS = """
import urllib.request

for host in ("https://pypi.org/", "https://www.google.com/"):
    try:
        urllib.request.urlopen(host, timeout=10)
    except OSError as error:
        print(error)
"""


def told(cloud: Any, tmp_path: Path, program: str, *words: str) -> list[str]:
    """The lines that a program prints, started by a shell that has evaluated the variables and has nothing else."""
    script = exports(variables(cloud.address)) + 'exec "$@"\n'
    command = ["sh", "-c", script, "sh", sys.executable, "-W", "ignore", "-c", program, *words]
    bare = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    ended = subprocess.run(command, env=bare, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


def test_googles_libraries_over_rest_and_grpc(cloud: Any, project: str, tmp_path: Path) -> None:
    assert told(cloud, tmp_path, LIBRARIES, project) == ["hello False", "True", "main", "['main']"]


@pytest.mark.skipif(importlib.util.find_spec("socks") is None, reason="PySocks is not installed: make install")
def test_google_api_python_client_its_batches_and_its_fetched_descriptions(
    cloud: Any, project: str, tmp_path: Path
) -> None:
    assert told(cloud, tmp_path, DISCOVERED, project) == ["True", "compute#networkList 404"]


def test_nothing_else_is_reached(cloud: Any, tmp_path: Path) -> None:
    lines = told(cloud, tmp_path, STRANGERS)
    assert len(lines) == 2
    assert all("403 Forbidden" in line for line in lines), lines


def test_the_variables_are_those_of_a_cloud_that_may_have_no_proxy_yet() -> None:
    assert variables({"url": "http://127.0.0.1:1", "proxy": None}) == {"AIPRESS_CLOUD_URL": "http://127.0.0.1:1"}
    assert json.loads(json.dumps(variables({"url": "u"}))) == {"AIPRESS_CLOUD_URL": "u"}

"""The gcloud command line, unmodified, pointed at a server: a folder of its own, endpoint overrides, no credentials."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.cloud_environment import variables

# Names of gcloud's api_endpoint_overrides properties. A path in an override is used as it is, so APIs whose base URL
# has one need it here; the others want only their host's prefix.
_ENDPOINTS = {
    "bigquery": "bigquery/bigquery/v2/", "compute": "compute/compute/v1/", "dns": "dns/dns/v1/",
    "secrets": "secretmanager/", "sql": "sqladmin/", "storage": "storage/storage/v1/",
} | {
    name: f"{name}/"
    for name in (
        "artifactregistry", "billingbudgets", "certificatemanager", "cloudasset", "cloudbilling", "cloudbuild",
        "cloudkms", "cloudresourcemanager", "cloudscheduler", "iam", "iamcredentials", "logging", "monitoring",
        "networksecurity", "networkservices", "orgpolicy", "pubsub", "recommender", "redis", "run", "secretmanager",
        "servicenetworking", "servicemanagement", "serviceusage", "spanner", "sqladmin", "vpcaccess",
        "workflowexecutions", "workflows",
    )
}  # fmt: skip
_SECONDS = 120


class GcloudError(Exception):
    """gcloud exited with another code than 0; the message is what it wrote to stderr."""


class Gcloud:
    """`gcloud("run", "services", "list")` answers the parsed JSON that gcloud printed (None if it printed nothing).

    Cloud Run's commands put the region in front of the host of the endpoint (`europe-west1-127.0.0.1`), a name that
    nobody resolves; so the server is also the HTTP proxy, and sees the region in the Host header.

    `free`: no endpoint is overridden; gcloud calls Google's own hosts, where `aipress cloud env` sends them.
    """

    def __init__(self, server: Any, folder: Path, project: str, *, free: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        overridden = {
            f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{name.upper()}": f"{server.url}/{path}"
            for name, path in _ENDPOINTS.items()
        } | {"CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true", "http_proxy": server.url}
        kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        self.environment = {
            **kept, **(variables(server.address) if free else overridden), "CLOUDSDK_CONFIG": str(folder),
            "CLOUDSDK_CORE_PROJECT": project, "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
            "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "1", "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "1",
            "CLOUDSDK_SURVEY_DISABLE_PROMPTS": "1",
        }  # fmt: skip
        self.said = ""

    def __call__(self, *words: str) -> Any:
        """Run gcloud; what it wrote to stderr is in `said`. Raises GcloudError when it fails."""
        command = ["gcloud", *words, "--format=json"]
        ended = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=_SECONDS, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        self.said = ended.stderr
        if ended.returncode:
            raise GcloudError(f"{' '.join(command)}: exit {ended.returncode}: {ended.stderr}")
        return _parsed(ended.stdout)


def _parsed(printed: str) -> Any:
    """JSON, or the text of the few commands that only talk (`wait-until`)."""
    try:
        return json.loads(printed) if printed.strip() else None
    except ValueError:
        return printed


def gcloud_for(server: Any, folder: Path, project: str, *, free: bool = False) -> Gcloud:
    """gcloud for one project of a server; skips the test, saying so, where gcloud is not installed."""
    if shutil.which("gcloud") is None:
        pytest.skip("gcloud is not installed")
    return Gcloud(server, folder, project, free=free)

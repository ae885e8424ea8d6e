"""A synthetic fleet for the bench: Cloud Run services and their revisions, as the bulk door takes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import orjson

SERVICES_PER_PROJECT = 300
_PIECE_BYTES = 8 * 1024 * 1024
REGION = "europe-west1"


@dataclass(frozen=True)
class Fleet:
    """Half of the resources are services, half their revisions; a body is about what a WordPress site has."""

    resources: int

    @property
    def projects(self) -> list[str]:
        return [f"bench-{number:04d}" for number in range(-(-self.resources // (2 * SERVICES_PER_PROJECT)))]

    def services(self) -> Iterator[str]:
        """The full names of all services."""
        for index in range(self.resources // 2):
            project = f"bench-{index // SERVICES_PER_PROJECT:04d}"
            yield f"projects/{project}/locations/{REGION}/services/site-{index % SERVICES_PER_PROJECT:05d}"

    def pieces(self) -> Iterator[tuple[bytes, int]]:
        """The seeds in pieces that one request may hold, and how many are in each."""
        lines: list[bytes] = []
        size = 0
        for name in self.services():
            for path in (name, f"{name}/revisions/{name.rsplit('/', 1)[1]}-00001-abc"):
                lines.append(orjson.dumps({"service": "run", "path": path, "body": body(path)}))
                size += len(lines[-1])
            if size > _PIECE_BYTES:
                yield b"\n".join(lines), len(lines)
                lines, size = [], 0
        yield b"\n".join(lines), len(lines)


def template() -> dict[str, object]:
    image = "europe-docker.pkg.dev/acme/sites/wordpress@sha256:" + "0123456789abcdef" * 4
    env = [{"name": f"WORDPRESS_SETTING_{number}", "value": f"value-of-setting-{number}"} for number in range(10)]
    ports = [{"name": "http1", "containerPort": 8080}]
    limits = {"limits": {"cpu": "1", "memory": "512Mi"}, "startupCpuBoost": True}
    return {
        "scaling": {"maxInstanceCount": 5},
        "containers": [{"image": image, "env": env, "resources": limits, "ports": ports}],
        "timeout": "300s", "serviceAccount": "site@acme.iam.gserviceaccount.com", "maxInstanceRequestConcurrency": 80,
    }  # fmt: skip


def body(path: str) -> dict[str, object]:
    stamp = "2026-01-01T00:00:00.000000Z"
    done = [{"type": kind, "state": "CONDITION_SUCCEEDED", "lastTransitionTime": stamp} for kind in ("A", "B")]
    return {
        "name": path, "uid": "01234567-89ab-4def-a123-456789abcdef", "generation": "1", "createTime": stamp,
        "updateTime": stamp, "labels": {"owner": "k3v9x2ma"}, "etag": '"CJ2Tq8MGEJDOmNMB"', "template": template(),
        "conditions": done, "terminalCondition": done[0], "observedGeneration": "1", "ingress": "INGRESS_TRAFFIC_ALL",
    }  # fmt: skip

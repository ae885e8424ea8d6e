"""What the tests of compute's machine side ask alike: paths of one project, a resource made and read, a refusal."""

from __future__ import annotations

from typing import Any

V1 = "/compute/compute/v1"
P = f"{V1}/projects/acme-eu-001"
ZONE = f"{P}/zones/europe-west1-b"
REGION = f"{P}/regions/europe-west1"
GOOGLE = "https://www.googleapis.com/compute/v1/projects"
LINK = f"{GOOGLE}/acme-eu-001"


def make(world: Any, base: str, body: dict[str, Any], **query: Any) -> Any:
    """Create a resource, wait until it is ready, and read it back."""
    status, operation = world.ask("POST", base, body, **query)
    assert status == 200, operation
    world.pass_time(60)
    status, stored = world.ask("GET", f"{base}/{body['name']}")
    assert status == 200, stored
    return stored


def refusal(world: Any, verb: str, path: str, body: Any = None, **query: Any) -> tuple[int, str]:
    """The status and message of a request that must be refused."""
    status, answer = world.ask(verb, path, body, **query)
    assert status >= 400, answer
    return status, answer["error"]["message"]

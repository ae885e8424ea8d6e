"""Deliveries as code hosts make them."""

import base64
import hashlib
import hmac
import json
from typing import Any

from reconciler.forge.signatures import Delivery, Provider

SECRET = "0123456789abcdef0123456789abcdef"
OLD = "fedcba9876543210fedcba9876543210"
KEY = b"k" * 32
STANDARD = "whsec_" + base64.b64encode(KEY).decode()
COMMIT = "1f384f3a" * 5
AT = 1_795_770_000
"""2026-11-27, in seconds."""


def hexed(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def github(said: Any, event: str = "push", secret: str = SECRET, identity: str = "d-1") -> Delivery:
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    headers = [("x-github-event", event), ("x-github-delivery", identity), ("x-hub-signature-256", hexed(body, secret))]
    return delivery(Provider.GITHUB, headers, body)


def bitbucket(said: Any, key: str = "repo:push", secret: str = SECRET) -> Delivery:
    body = json.dumps(said).encode()
    headers = [("x-event-key", key), ("x-request-uuid", "b-1"), ("x-hub-signature", hexed(body, secret))]
    return delivery(Provider.BITBUCKET, headers, body)


def git(said: Any, secret: str = SECRET, identity: str = "g-1") -> Delivery:
    body = json.dumps(said).encode()
    headers = [("x-aipress-delivery", identity), ("x-hub-signature-256", hexed(body, secret))]
    return delivery(Provider.GIT, headers, body)


def standard(body: bytes, identity: str = "l-1", at: str = str(AT), key: bytes = KEY) -> str:
    text = f"{identity}.{at}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()


def gitlab(said: Any, identity: str = "l-1", at: str = str(AT), key: bytes = KEY) -> Delivery:
    body = json.dumps(said).encode()
    headers = [
        ("webhook-id", identity), ("webhook-timestamp", at), ("webhook-signature", standard(body, identity, at, key)),
        ("x-gitlab-event", "Push Hook"),
    ]  # fmt: skip
    return delivery(Provider.GITLAB, headers, body)


def delivery(provider: Provider, headers: list[tuple[str, str]], body: bytes) -> Delivery:
    return Delivery(provider, [(name.encode(), value.encode("latin-1")) for name, value in headers], body)


def github_push(name: str = "agency-north/acme-bakery", ref: str = "refs/heads/main") -> dict[str, Any]:
    return {"ref": ref, "after": COMMIT, "repository": {"id": 4711, "full_name": name}}


def git_push(name: str = "fleet", *refs: str) -> dict[str, Any]:
    moved = [{"ref": ref, "before": "0" * 40, "after": COMMIT} for ref in refs or ("refs/heads/main",)]
    return {"id": "g-1", "event": "push", "repository": name, "refs": moved}

"""Sends a message over HTTP: one try, no redirect followed, nothing said about where to; signed on request."""

import base64
import hashlib
import hmac
import ipaddress
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from reconciler.model.errors import UsageError

PATIENCE = 10.0
"""Seconds for each step of an exchange."""
MOST_WAIT = 600.0
"""Seconds that a receiver may ask us to wait."""


@dataclass(frozen=True, slots=True)
class Sent:
    """How a try ended. `status` 0: no answer; `why`: in words without a secret."""

    status: int
    why: str = ""
    retry_after: float = 0.0

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def again(self) -> bool:
        """Whether the same may succeed later. A redirect is not: who moved it has to say so in the settings."""
        return self.status in (0, 408, 425, 429) or self.status >= 500


Post = Callable[[str, Mapping[str, str], bytes], Sent]


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_given: Any) -> None:
        """Never: a redirect would carry the message, and its signature, to a place nobody configured."""


def post(url: str, headers: Mapping[str, str], body: bytes) -> Sent:
    """POST once. Never raises for what a network or a receiver does."""
    try:
        request = urllib.request.Request(url, body, dict(headers), method="POST")  # noqa: S310 - `checked` has seen it
        with urllib.request.build_opener(_Stay()).open(request, timeout=PATIENCE) as answer:
            return Sent(int(answer.status))
    except urllib.error.HTTPError as error:
        with error:
            return Sent(error.code, _refused(error.code), _seconds(error.headers.get("retry-after", "")))
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        late = isinstance(reason, TimeoutError)
        return Sent(0, "no answer in time" if late else f"no answer ({type(reason).__name__})")


def checked(url: str, setting: str) -> str:
    """A URL that messages may go to: https, or http on this host. Raises UsageError, which does not say it."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        parts, host = urlsplit(""), ""
    good = parts.scheme == "https" or (parts.scheme == "http" and _loopback(host))
    if not good or not host or not url.isascii() or not url.isprintable() or " " in url:
        raise UsageError(f"{setting} leads to something that is no https URL", "it holds one URL: https://…")
    return url


def signed(secret: str, identity: str, at: int, body: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks (standardwebhooks.com): who has the secret can tell that it comes from us, is
    whole, and is not an old one sent again. A secret with `whsec_` is base64, any other is taken as it is."""
    key = secret.encode()
    if secret.startswith("whsec_"):
        key = base64.b64decode(secret.removeprefix("whsec_") + "==")
    mac = hmac.new(key, f"{identity}.{at}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": identity, "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }  # fmt: skip


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refused(status: int) -> str:
    return f"it answers {status}, a redirect, which is not followed" if 300 <= status < 400 else f"it answers {status}"


def _seconds(text: str) -> float:
    return min(float(text), MOST_WAIT) if text.isascii() and text.isdigit() else 0.0

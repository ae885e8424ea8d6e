"""Whether a delivery is from whom it says, judged over its raw bytes before anything in it is read. Pure.

Every failure is the same answer, False: who forges one learns nothing from how it was refused. What signs, by provider:

- GitHub, and our own `hooks/post-receive` (git): `X-Hub-Signature-256: sha256=HEX`, HMAC-SHA256 over the body. GitHub's
  older `X-Hub-Signature` is SHA-1 and counts for nothing.
- Bitbucket (Cloud and Data Center): the same as `X-Hub-Signature: sha256=HEX`.
- GitLab: Standard Webhooks. `webhook-signature: v1,BASE64` over `{webhook-id}.{webhook-timestamp}.{body}`, with the key
  in `whsec_BASE64`, at most five minutes old. The static `X-Gitlab-Token`, which whoever saw one delivery can send
  again for ever, counts only where tokens are configured.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from reconciler.model.errors import UsageError

MOST_SECRETS = 2
"""Live at the same time: the one in use and the one that comes or goes (rotation)."""
LEAST_LENGTH = 16
"""Characters of a secret; `openssl rand -hex 32` makes 64."""
LEAST_KEY, MOST_KEY = 24, 64
"""Bytes of a `whsec_` key, as Standard Webhooks has it."""
WINDOW = 300
"""Seconds by which a signed time may be off."""

_HEX = re.compile(r"sha256=([0-9a-f]{64})")
_SECONDS = re.compile(r"[0-9]{1,12}")
_ID = re.compile(r"[A-Za-z0-9{}._:=-]{1,128}")
_PREFIX = "whsec_"
_MOST_SIGNATURES = 5
"""In one header: a sender that rotates its key sends two."""


class Provider(StrEnum):
    GITHUB = "github"
    GITLAB = "gitlab"
    BITBUCKET = "bitbucket"
    GIT = "git"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request as it came: headers with lower-case names, in their order, and the body's bytes."""

    provider: Provider
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes

    def header(self, name: str) -> str:
        """Its one value; "" when it is missing, comes twice or is no ASCII: what is ambiguous proves nothing."""
        wanted = name.encode()
        found = [value for given, value in self.headers if given == wanted]
        return found[0].decode() if len(found) == 1 and found[0].isascii() else ""


@dataclass(frozen=True, slots=True)
class Keys:
    """What proves one provider's deliveries. `signing`: of all deliveries signed with one of them; `tokens`: GitLab's
    static ones. Never printed."""

    signing: tuple[bytes, ...] = field(default=(), repr=False)
    tokens: tuple[bytes, ...] = field(default=(), repr=False)


def keys_of(provider: Provider, secrets: Sequence[str], tokens: Sequence[str] = ()) -> Keys:
    """The keys in these secrets. Raises UsageError for what protects nothing; its message holds no secret."""
    if not secrets and not tokens:
        raise UsageError(f"there is no webhook secret for {provider}", _MAKE)
    for what, given in (("webhook secrets", secrets), ("static tokens", tokens)):
        if len(given) > MOST_SECRETS:
            raise UsageError(
                f"{provider} has {len(given)} {what}; at most {MOST_SECRETS} may be live",
                "keep the one in use and the one that replaces it",
            )
        if any(len(one) < LEAST_LENGTH for one in given):
            raise UsageError(f"one of the {what} for {provider} has fewer than {LEAST_LENGTH} characters", _MAKE)
    if tokens and provider is not Provider.GITLAB:
        raise UsageError(f"{provider} sends no static token", "configure its webhook secret instead")
    signing = [_standard_key(one) if provider is Provider.GITLAB else one.encode() for one in secrets]
    return Keys(tuple(signing), tuple(one.encode() for one in tokens))


_MAKE = "make one with `openssl rand -hex 32`, and set it on the code host too"


def _standard_key(secret: str) -> bytes:
    help_ = "copy the signing token from GitLab's webhook settings as it is: whsec_ and base64"
    if not secret.startswith(_PREFIX):
        raise UsageError("a signing token of GitLab begins with whsec_, and one that is configured does not", help_)
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UsageError("a signing token of GitLab is not base64 behind its whsec_", help_) from error
    if not LEAST_KEY <= len(key) <= MOST_KEY:
        raise UsageError(f"a signing token of GitLab holds {len(key)} bytes, not {LEAST_KEY} to {MOST_KEY}", help_)
    return key


def verified(delivery: Delivery, keys: Keys, now: datetime) -> bool:
    """Whether the delivery was made by one who has a key. `now`: aware; only signed times are compared with it."""
    match delivery.provider:
        case Provider.GITLAB:
            return _standard(delivery, keys, now) or _static(delivery, keys)
        case Provider.BITBUCKET:
            return _signed(delivery, keys, "x-hub-signature")
        case _:
            return _signed(delivery, keys, "x-hub-signature-256")


def _signed(delivery: Delivery, keys: Keys, header: str) -> bool:
    found = _HEX.fullmatch(delivery.header(header))
    return found is not None and _matches([bytes.fromhex(found[1])], keys.signing, delivery.body)


def _standard(delivery: Delivery, keys: Keys, now: datetime) -> bool:
    identity, at = delivery.header("webhook-id"), delivery.header("webhook-timestamp")
    if not _ID.fullmatch(identity) or not _SECONDS.fullmatch(at):
        return False
    given = delivery.header("webhook-signature").split(" ")[:_MOST_SIGNATURES]
    claimed = [_decoded(one.removeprefix("v1,")) for one in given if one.startswith("v1,")]
    genuine = _matches(claimed, keys.signing, f"{identity}.{at}.".encode() + delivery.body)
    return genuine and abs(now.timestamp() - int(at)) <= WINDOW


def _static(delivery: Delivery, keys: Keys) -> bool:
    given, same = delivery.header("x-gitlab-token").encode(), False
    for token in keys.tokens:
        same |= hmac.compare_digest(token, given)
    return same


def _matches(claimed: Sequence[bytes], keys: Sequence[bytes], text: bytes) -> bool:
    """Every pair is compared, each in constant time: how long it takes does not tell which key came near."""
    genuine = False
    for key in keys:
        wanted = hmac.digest(key, text, "sha256")
        for one in claimed:
            genuine |= hmac.compare_digest(wanted, one)
    return genuine


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


_IDS = {
    Provider.GITHUB: ("x-github-delivery",),
    Provider.GITLAB: ("webhook-id", "idempotency-key", "x-gitlab-event-uuid"),
    Provider.BITBUCKET: ("x-request-uuid", "x-request-id"),
    Provider.GIT: ("x-aipress-delivery",),
}


def delivery_id(delivery: Delivery) -> str:
    """As its sender numbers it; "" when it does not, or not in a form that we keep."""
    found = (delivery.header(name) for name in _IDS[delivery.provider])
    return next((text for text in found if _ID.fullmatch(text)), "")


def marks(delivery: Delivery) -> tuple[str, ...]:
    """What a verified delivery is known by when it comes again: one mark in common, and it is the same one.

    GitLab signs the id. The others sign the body alone, so whoever caught a delivery could send it under another id:
    its body is a mark too. (Their bodies tell when a push was, or hold an id; two pushes do not look the same.)
    """
    identity, provider = delivery_id(delivery), delivery.provider
    found = (f"{provider} id {identity}",) if identity else ()
    if provider is Provider.GITLAB and identity:
        return found
    return (*found, f"{provider} body {hashlib.sha256(delivery.body).hexdigest()}")

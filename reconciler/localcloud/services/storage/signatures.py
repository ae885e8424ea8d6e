"""Signed URLs, V4 and V2: format, expiry, and the signature itself where the local cloud knows the key.

Rules: https://cloud.google.com/storage/docs/authentication/canonical-requests and …/access-control/signed-urls-v2. An
account that the local cloud does not have signs with a key that nobody here can check: its URLs pass.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from reconciler.localcloud import projects, rsa
from reconciler.localcloud.call import Moment
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json, Request

_LONGEST = 604_800
_SUBRESOURCES = frozenset({
    "acl", "compose", "cors", "lifecycle", "logging", "uploads", "uploadId", "versioning", "website",
    "response-content-type", "response-content-disposition",
})  # fmt: skip


@dataclass(frozen=True)
class RefusedError(Exception):
    """What is wrong with a request, as the XML API says it."""

    status: int
    code: str
    message: str
    details: str = ""


def _one(query: Mapping[str, list[str]], name: str) -> str:
    """A parameter, whose name is written in any case."""
    return next((values[0] for key, values in query.items() if key.lower() == name.lower() and values), "")


def signed(request: Request) -> bool:
    return bool(_one(request.query, "X-Goog-Signature") or _one(request.query, "Signature"))


def check(moment: Moment, request: Request, path: str) -> None:
    """Raises RefusedError unless the request's signature is good for `path` (`/bucket/object`, as it was written)."""
    if _one(request.query, "X-Goog-Signature"):
        _check_v4(moment, request, path)
    else:
        _check_v2(moment, request, path)


def _expired(when: float) -> RefusedError:
    shown = datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")
    return RefusedError(400, "ExpiredToken", "Invalid argument.", f"The provided token has expired. Request signature "
                        f"expired at: {shown}")  # fmt: skip


def _mismatch(said: str) -> RefusedError:
    return RefusedError(
        403,
        "SignatureDoesNotMatch",
        "Access denied.",
        "The request signature we calculated does not match the signature you provided. Check your Google secret key "
        f"and signing method. StringToSign: {said}",
    )


# --- V4 --------------------------------------------------------------------------------------------------------


def _check_v4(moment: Moment, request: Request, path: str) -> None:
    date, lasts = _one(request.query, "X-Goog-Date"), _one(request.query, "X-Goog-Expires")
    credential = _one(request.query, "X-Goog-Credential").split("/")
    algorithm = _one(request.query, "X-Goog-Algorithm")
    bad = len(credential) < 5 or not (lasts.isdecimal() and len(lasts) < 20) or not re.fullmatch(r"\d{8}T\d{6}Z", date)
    if bad or algorithm not in ("GOOG4-RSA-SHA256", "GOOG4-HMAC-SHA256"):
        raise RefusedError(400, "AuthenticationRequired", "Authentication required.")
    if int(lasts) > _LONGEST:
        raise RefusedError(400, "InvalidArgument", "Invalid argument.", "X-Goog-Expires must be at most 604800.")
    try:
        begins = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise RefusedError(400, "AuthenticationRequired", "Authentication required.") from error
    if moment.now > begins + int(lasts):
        raise _expired(begins + int(lasts))
    owner, scope = "/".join(credential[:-4]), "/".join(credential[-4:])
    given = _one(request.query, "X-Goog-Signature").lower()
    texts = []
    for verb in _verbs(request):
        hashed = hashlib.sha256(_canonical(request, verb, path).encode()).hexdigest()
        texts.append(f"{algorithm}\n{date}\n{scope}\n{hashed}")
    if algorithm == "GOOG4-HMAC-SHA256":
        secret = moment.state.get(f"storage.hmacsecret/{owner}")
        good = secret is not None and any(
            hmac.compare_digest(_hmac(secret["secret"], scope, text), given) for text in texts
        )
    else:
        raw = bytes.fromhex(given) if re.fullmatch(r"(?:[0-9a-f]{2})+", given) else b""
        good = any(_by_account(moment.state, owner, text.encode(), raw) for text in texts)
    if not good:
        raise _mismatch(texts[0])


def _verbs(request: Request) -> tuple[str, ...]:
    """The door asks the core to GET what a client asks it to HEAD, so a signature may be for either."""
    return ("GET", "HEAD") if request.verb == "GET" else (request.verb,)


def _canonical(request: Request, verb: str, path: str) -> str:
    """The canonical request: verb, path, query, headers, their names, and the payload's digest."""
    names = sorted(name for name in _one(request.query, "X-Goog-SignedHeaders").split(";") if name)
    pairs = sorted(
        (quote(key, safe="-_.~"), quote(value, safe="-_.~"))
        for key, values in request.query.items()
        if key.lower() != "x-goog-signature"
        for value in values
    )
    headers = "".join(f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in names)
    payload = request.headers.get("x-goog-content-sha256", "UNSIGNED-PAYLOAD")
    if "x-goog-content-sha256" not in names:
        payload = "UNSIGNED-PAYLOAD"
    lines = [verb, path, "&".join(f"{key}={value}" for key, value in pairs), headers, ";".join(names), payload]
    return "\n".join(lines)


def _hmac(secret: str, scope: str, said: str) -> str:
    key = b"GOOG4" + secret.encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, said.encode(), hashlib.sha256).hexdigest()


# --- V2 --------------------------------------------------------------------------------------------------------


def _check_v2(moment: Moment, request: Request, path: str) -> None:
    expires, owner = _one(request.query, "Expires"), _one(request.query, "GoogleAccessId")
    if not (expires.isdecimal() and len(expires) < 12) or not owner:
        raise RefusedError(400, "InvalidArgument", "Invalid argument.", "Expires and GoogleAccessId are required.")
    if moment.now > int(expires):
        raise _expired(int(expires))
    sub = [f"{key}={values[0]}" if values[0] else key for key, values in sorted(request.query.items())
           if key in _SUBRESOURCES]  # fmt: skip
    resource = path + ("?" + "&".join(sub) if sub else "")
    extension = "".join(
        f"{name}:{' '.join(value.split())}\n"
        for name, value in sorted(request.headers.items())
        if name.startswith("x-goog-") and "encryption-key" not in name
    )
    head = [request.headers.get("content-md5", ""), request.headers.get("content-type", ""), expires]
    given = _one(request.query, "Signature")
    try:
        raw = base64.b64decode(given, validate=True)
    except ValueError:
        raw = b""
    said = "\n".join(head) + "\n"
    texts = [f"{verb}\n{said}{more}{resource}" for verb in _verbs(request) for more in (extension, "")]
    if not any(_by_account(moment.state, owner, text.encode(), raw) for text in texts):
        raise _mismatch(texts[0])


# --- keys ------------------------------------------------------------------------------------------------------


def _by_account(state: State, mail: str, message: bytes, signature: bytes) -> bool:
    """Whether one of the account's keys made the signature; True for accounts and keys that are not known here."""
    rows = list(_keys(state, mail))
    if not rows or any("certificate" in row for row in rows):
        return True
    return any(rsa.signed(rsa.restored(row.get("secret", row)), message) == signature for row in rows)


def _keys(state: State, mail: str) -> Iterator[Json]:
    own = mail.partition("@")[2].removesuffix(".iam.gserviceaccount.com")
    project = projects.find(state, own)
    if project is None:
        return
    place = f"projects/{project['number']}/serviceAccounts/{mail}"
    account = state.get(f"iam.serviceAccounts/{place}")
    if account is None:
        return
    system = state.get(f"iam.systemkey/{account['uniqueId']}")
    if system is not None:
        yield system
    for _, row in state.scan(f"iam.keys/{place}/keys/"):
        if not row.get("disabled"):
            yield row

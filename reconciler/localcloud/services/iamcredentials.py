"""IAM Credentials v1: short-lived tokens and signatures of service accounts, for a caller who may impersonate them.

Tokens are made up, signatures are real (see `rsa`). Limits from the discovery document; the text for an account that
is not there is recalled. Newer clients ask for allowed locations and complain about any other answer than this one.
"""

from __future__ import annotations

import base64
import binascii

import orjson

from reconciler.localcloud import rsa
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError, invalid, not_found
from reconciler.localcloud.services.iam import accounts, keys
from reconciler.localcloud.values import Json, timestamp

_LONGEST = 3600.0


def _account(call: Call) -> Json:
    try:
        return accounts.row_of(call)[1]
    except GoogleError as error:
        email = call.subject.partition("/serviceAccounts/")[2]
        raise not_found(f"Not found; Gaia id not found for email {email}") from error


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _jwt(call: Call, account: Json, payload: bytes) -> tuple[str, str]:
    own, key = keys.signing(call, account)
    head = orjson.dumps({"alg": "RS256", "kid": own, "typ": "JWT"})
    text = f"{_encoded(head)}.{_encoded(payload)}"
    return own, f"{text}.{_encoded(rsa.signed(key, text.encode()))}"


def _access_token(call: Call) -> Answer:
    account = _account(call)
    if not call.body.get("scope"):
        raise invalid("Request contains an invalid argument.", ("scope", "required"))
    seconds = float((call.body.get("lifetime") or "3600s").removesuffix("s"))
    if not 0 < seconds <= _LONGEST:
        raise invalid(
            "The requested token lifetime must be positive and at most 3600 seconds.", ("lifetime", "out of range")
        )
    keys.signing(call, account)
    token = "ya29.c.local-" + _encoded(call.rng.randbytes(96))
    return {"accessToken": token, "expireTime": timestamp(call.now + seconds)[:19] + "Z"}


def _id_token(call: Call) -> Answer:
    account = _account(call)
    audience = call.body.get("audience")
    if not audience:
        raise invalid("Request contains an invalid argument.", ("audience", "required"))
    claims: Json = {
        "aud": audience, "azp": account["uniqueId"], "exp": int(call.now + 3600), "iat": int(call.now),
        "iss": "https://accounts.google.com", "sub": account["uniqueId"],
    }  # fmt: skip
    if call.body.get("includeEmail"):
        claims |= {"email": account["email"], "email_verified": True}
    return {"token": _jwt(call, account, orjson.dumps(claims))[1]}


def _sign_blob(call: Call) -> Answer:
    account = _account(call)
    text = call.body.get("payload") or call.body.get("bytesToSign") or ""
    try:
        payload = base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except binascii.Error as error:
        raise invalid("Invalid value at 'payload' (TYPE_BYTES), Base64 decoding failed") from error
    own, key = keys.signing(call, account)
    signature = base64.b64encode(rsa.signed(key, payload)).decode()
    return {"keyId": own, ("signature" if call.service == "iam" else "signedBlob"): signature}


def _sign_jwt(call: Call) -> Answer:
    account = _account(call)
    payload = call.body.get("payload") or ""
    try:
        claims = orjson.loads(payload)
    except orjson.JSONDecodeError:
        claims = None
    if not isinstance(claims, dict):
        raise invalid("Request contains an invalid argument.", ("payload", "must be a JSON object of claims"))
    own, text = _jwt(call, account, payload.encode())
    return {"keyId": own, "signedJwt": text}


def _locations(_: Call) -> Answer:
    return {"locations": [], "encodedLocations": "0x0"}


_BASE = "iamcredentials.projects.serviceAccounts."
METHODS: dict[str, Behaviour] = {
    f"{_BASE}generateAccessToken": _access_token, f"{_BASE}generateIdToken": _id_token,
    f"{_BASE}signBlob": _sign_blob, f"{_BASE}signJwt": _sign_jwt, f"{_BASE}getAllowedLocations": _locations,
    "iamcredentials.projects.locations.workloadIdentityPools.getAllowedLocations": _locations,
    "iamcredentials.locations.workforcePools.getAllowedLocations": _locations,
}  # fmt: skip

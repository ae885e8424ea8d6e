"""Keys of service accounts, and what is signed with them. The keys are real RSA keys; see `rsa`.

Each account has one key that Google holds itself (SYSTEM_MANAGED) and up to ten of its users. Shapes from samples.
"""

from __future__ import annotations

import base64
import binascii
import random

import orjson

from reconciler.localcloud import rsa
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError, failed_precondition, invalid, not_found
from reconciler.localcloud.services.iam.accounts import row_of
from reconciler.localcloud.values import Json, hexadecimal, timestamp

_FOREVER = "9999-12-31T23:59:59Z"
_SYSTEM_SECONDS = 17 * 86_400


def _key_of(account_key: str, own: str) -> str:
    return f"iam.keys/{account_key.partition('/')[2]}/keys/{own}"


def _second(now: float) -> str:
    return timestamp(now)[:19] + "Z"


def system_key(call: Call, account: Json) -> tuple[str, rsa.Key]:
    """The id and the key that Google keeps for an account: always the same, made when it is first needed."""
    place = f"iam.systemkey/{account['uniqueId']}"
    stored = call.state.get(place)
    if stored is None:
        rng = random.Random(f"system key {account['uniqueId']}")  # noqa: S311 - a likeness of a key, kept by nobody
        stored = {"id": hexadecimal(rng, 40), **rsa.made(rng).stored()}
        call.state.put(place, stored)
    return stored["id"], rsa.restored(stored)


def signing(call: Call, account: Json) -> tuple[str, rsa.Key]:
    """What signs for an account; a disabled one signs nothing."""
    if account.get("disabled"):
        raise failed_precondition(f"Service account {account['email']} is disabled.")
    return system_key(call, account)


def _shown(account: Json, row: Json) -> Json:
    hidden = ("secret", "certificate", "privateKeyType")
    kept = {name: value for name, value in row.items() if name not in hidden}
    return {**kept, "name": f"{account['name']}/keys/{row['name'].rpartition('/')[2]}"}


def _system_row(call: Call, account: Json) -> Json:
    own = hexadecimal(random.Random(f"system key {account['uniqueId']}"), 40)  # noqa: S311
    began = call.now - call.now % _SYSTEM_SECONDS
    return {
        "name": f"{account['name']}/keys/{own}", "validAfterTime": _second(began),
        "validBeforeTime": _second(began + _SYSTEM_SECONDS), "keyAlgorithm": "KEY_ALG_RSA_2048",
        "keyOrigin": "GOOGLE_PROVIDED", "keyType": "SYSTEM_MANAGED",
    }  # fmt: skip


def _create(call: Call) -> Answer:
    account_key, account = row_of(call, named=True)
    if account.get("disabled"):
        raise failed_precondition(f"Service account {account['email']} is disabled.")
    wanted = call.body.get("privateKeyType") or "TYPE_GOOGLE_CREDENTIALS_FILE"
    if wanted not in ("TYPE_GOOGLE_CREDENTIALS_FILE", "TYPE_UNSPECIFIED"):
        raise invalid("Request contains an invalid argument.", ("private_key_type", "only a credentials file is made"))
    if call.body.get("keyAlgorithm") == "KEY_ALG_RSA_1024":
        raise invalid("Request contains an invalid argument.", ("key_algorithm", "keys have 2048 bits"))
    made, own = rsa.made(call.rng), hexadecimal(call.rng, 40)
    row: Json = {
        "name": f"{account['name']}/keys/{own}", "validAfterTime": _second(call.now), "validBeforeTime": _FOREVER,
        "keyAlgorithm": "KEY_ALG_RSA_2048", "keyOrigin": "GOOGLE_PROVIDED", "keyType": "USER_MANAGED",
    }  # fmt: skip
    call.state.put(_key_of(account_key, own), {**row, "secret": made.stored()})
    data = base64.b64encode(_credentials(account, own, made)).decode()
    return {**row, "privateKeyType": "TYPE_GOOGLE_CREDENTIALS_FILE", "privateKeyData": data}


def _credentials(account: Json, own: str, made: rsa.Key) -> bytes:
    email = account["email"]
    file = {
        "type": "service_account", "project_id": account["projectId"], "private_key_id": own,
        "private_key": rsa.private_pem(made), "client_email": email, "client_id": account["uniqueId"],
        "auth_uri": "https://accounts.google.com/o/oauth2/auth", "token_uri": "https://oauth2.googleapis.com/token",
        "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
        "client_x509_cert_url": f"https://www.googleapis.com/robot/v1/metadata/x509/{email.replace('@', '%40')}",
        "universe_domain": "googleapis.com",
    }  # fmt: skip
    return orjson.dumps(file, option=orjson.OPT_INDENT_2)


def _upload(call: Call) -> Answer:
    account_key, account = row_of(call, named=True)
    try:
        text = base64.b64decode(call.body.get("publicKeyData") or "", validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise invalid("The public key is not a valid X.509 certificate.", ("public_key_data", "must be a certificate"))
    own = hexadecimal(call.rng, 40)
    row: Json = {
        "name": f"{account['name']}/keys/{own}", "validAfterTime": _second(call.now), "validBeforeTime": _FOREVER,
        "keyAlgorithm": "KEY_ALG_RSA_2048", "keyOrigin": "USER_PROVIDED", "keyType": "USER_MANAGED",
    }  # fmt: skip
    call.state.put(_key_of(account_key, own), {**row, "certificate": call.body["publicKeyData"]})
    return row


def _load(call: Call, text: str) -> tuple[str, Json, Json]:
    account_key, account = row_of(call, named=True)
    own = call.subject.rpartition("/keys/")[2]
    key = _key_of(account_key, own)
    row = call.state.get(key)
    if row is None and own == _system_row(call, account)["name"].rpartition("/")[2]:
        row = _system_row(call, account)
    if row is None:
        raise not_found(text.format(own))
    return key, row, account


def _get(call: Call) -> Answer:
    _, row, account = _load(call, "Service account key {} does not exist.")
    asked = call.query("publicKeyType")
    if asked in ("", "TYPE_NONE"):
        return _shown(account, row)
    return {**_shown(account, row), "publicKeyData": _public(call, account, row, asked)}


def _public(call: Call, account: Json, row: Json, form: str) -> str:
    if "certificate" in row:
        return str(row["certificate"])
    made = rsa.restored(row["secret"]) if "secret" in row else system_key(call, account)[1]
    serial = int(row["name"].rpartition("/")[2][:16], 16)
    pem = (
        rsa.public_pem(made)
        if form == "TYPE_RAW_PUBLIC_KEY"
        else rsa.certificate_pem(made, account["uniqueId"], serial)
    )
    return base64.b64encode(pem.encode()).decode()


def _list(call: Call) -> Answer:
    account_key, account = row_of(call, named=True)
    rows = [row for _, row in call.state.scan(_key_of(account_key, ""))]
    wanted = set(call.request.query.get("keyTypes", [])) - {"KEY_TYPE_UNSPECIFIED"}
    shown = [_shown(account, row) for row in (*rows, _system_row(call, account))]
    return {"keys": [row for row in shown if not wanted or row["keyType"] in wanted]}


def _delete(call: Call) -> Answer:
    key, row, _ = _load(call, "Service account key {} does not exist.")
    _ours(row)
    call.state.delete(key)
    return {}


def _ours(row: Json) -> None:
    if row["keyType"] == "SYSTEM_MANAGED":
        raise GoogleError(400, "Cannot delete system managed key.", "FAILED_PRECONDITION", "failedPrecondition")


def _turn(call: Call) -> Answer:
    key, row, _ = _load(call, "Service account key {} does not exist.")
    _ours(row)
    row.pop("disabled", None)
    row.pop("disableReason", None)
    if call.method.name == "disable":
        row |= {"disabled": True, "disableReason": "SERVICE_ACCOUNT_KEY_DISABLE_REASON_USER_INITIATED"}
    call.state.put(key, row)
    return {}


_BASE = "iam.projects.serviceAccounts.keys."
METHODS: dict[str, Behaviour] = {
    f"{_BASE}create": _create, f"{_BASE}upload": _upload, f"{_BASE}get": _get, f"{_BASE}list": _list,
    f"{_BASE}delete": _delete, f"{_BASE}enable": _turn, f"{_BASE}disable": _turn,
}  # fmt: skip

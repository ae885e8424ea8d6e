"""What Cloud Storage keeps per project: HMAC keys, and the service account that speaks for it."""

from __future__ import annotations

import base64

from reconciler.localcloud import projects
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.storage.rules import bucket_etag, refused, unmet
from reconciler.localcloud.values import Json, Response, milliseconds

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def _project(call: Call) -> Json:
    row = projects.find(call.state, call.params["projectId"])
    if row is None:
        raise refused(f"Unknown project id: {call.params['projectId']}")
    return row


def _key(call: Call, own: str) -> str:
    return f"storage.hmac/{_project(call)['number']}/{own}"


def _create(call: Call) -> Answer:
    project, mail, stamp = _project(call), call.query("serviceAccountEmail"), milliseconds(call.now)
    if "@" not in mail:
        raise refused("Invalid argument.")
    own = "GOOG1E" + "".join(call.rng.choice(_LETTERS) for _ in range(55))
    row: Json = {
        "kind": "storage#hmacKeyMetadata", "id": f"{project['projectId']}/{own}", "accessId": own,
        "selfLink": f"https://www.googleapis.com/storage/v1/projects/{project['projectId']}/hmacKeys/{own}",
        "projectId": project["projectId"], "serviceAccountEmail": mail, "state": "ACTIVE", "timeCreated": stamp,
        "updated": stamp, "etag": bucket_etag("1"),
    }  # fmt: skip
    secret = base64.b64encode(call.rng.randbytes(30)).decode()
    call.state.put(_key(call, own), row)
    call.state.put(f"storage.hmacsecret/{own}", {"secret": secret, "key": _key(call, own)})
    return {"kind": "storage#hmacKey", "metadata": row, "secret": secret}


def _hmac(call: Call) -> Json:
    row = call.state.get(_key(call, call.params["accessId"]))
    if row is None:
        own = call.params["accessId"]
        raise GoogleError(404, f"Access ID not found in project '{_project(call)['projectId']}': {own}",
                          reason="notFound")  # fmt: skip
    return row


def _get(call: Call) -> Answer:
    return _hmac(call)


def _list(call: Call) -> Answer:
    mail = call.query("serviceAccountEmail")
    rows = (
        (key, row)
        for key, row in call.state.scan(_key(call, ""), generic.start_of(call))
        if mail in ("", row["serviceAccountEmail"]) and (row["state"] != "DELETED" or call.flag("showDeletedKeys"))
    )
    found, token = generic.page(call, rows, default=250)
    return (
        {"kind": "storage#hmacKeysMetadata"}
        | ({"items": found} if found else {})
        | ({"nextPageToken": token} if token else {})
    )


def _changed(call: Call, row: Json, state: str) -> Json:
    etag = bucket_etag(str(int.from_bytes(base64.b64decode(row["etag"])[1:2], "big") % 126 + 1))
    row |= {"state": state, "updated": milliseconds(call.now), "etag": etag}
    call.state.put(_key(call, row["accessId"]), row)
    return row


def _update(call: Call) -> Answer:
    row = _hmac(call)
    if call.body.get("etag") and call.body["etag"] != row["etag"]:
        raise unmet()
    state = call.body.get("state")
    if state not in ("ACTIVE", "INACTIVE"):
        raise refused("Invalid argument.")
    if row["state"] == "DELETED":
        raise refused("Cannot modify a deleted HMAC key.")
    return _changed(call, row, state)


def _delete(call: Call) -> Answer:
    row = _hmac(call)
    if row["state"] == "ACTIVE":
        raise refused("Cannot delete an active HMAC key; it must be made INACTIVE first.")
    _changed(call, row, "DELETED")
    call.state.delete(f"storage.hmacsecret/{row['accessId']}")
    return Response(204, None)


def _service_account(call: Call) -> Answer:
    mail = f"service-{_project(call)['number']}@gs-project-accounts.iam.gserviceaccount.com"
    return {"kind": "storage#serviceAccount", "email_address": mail}


_H = "storage.projects.hmacKeys."
METHODS = {
    f"{_H}create": _create, f"{_H}get": _get, f"{_H}list": _list, f"{_H}update": _update, f"{_H}delete": _delete,
    "storage.projects.serviceAccount.get": _service_account,
}  # fmt: skip

"""The access control list of one object."""

from __future__ import annotations

from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.services.storage import access, acls
from reconciler.localcloud.services.storage.generations import find, save
from reconciler.localcloud.services.storage.rules import LINK, bucket_of, object_etag, refused, uniform
from reconciler.localcloud.values import Json, Response, milliseconds


def touched(call: Call, row: Json) -> None:
    row |= {"metageneration": str(int(row["metageneration"]) + 1), "updated": milliseconds(call.now)}
    row["etag"] = object_etag(row["generation"], row["metageneration"])


def entry_of(row: Json, entry: Json) -> Json:
    entity = entry["entity"]
    return {
        "kind": "storage#objectAccessControl", "id": f"{row['bucket']}/{row['name']}/{row['generation']}/{entity}",
        "selfLink": f"{LINK}{row['bucket']}/o/{row['selfLink'].rsplit('/', 1)[-1]}/acl/{entity}",
        "bucket": row["bucket"], "object": row["name"], "generation": row["generation"], **entry,
        **acls.details(entity), "etag": row["etag"],
    }  # fmt: skip


def _acl_of(call: Call) -> Json:
    row = find(call, call.params["bucket"], call.params["object"], call.query("generation"))
    if uniform(bucket_of(call)):
        word = "get legacy ACL" if call.request.verb == "GET" else "update access control"
        raise refused(
            f"Cannot {word} for an object when uniform bucket-level access is enabled. Read more at "
            "https://cloud.google.com/storage/docs/uniform-bucket-level-access"
        )
    return row


def _acl_list(call: Call) -> Answer:
    row = _acl_of(call)
    items = [entry_of(row, entry) for entry in row["acl"]]
    return {"kind": "storage#objectAccessControls"} | ({"items": items} if items else {})


def _acl_get(call: Call) -> Answer:
    row = _acl_of(call)
    return entry_of(row, acls.pick(row["acl"], call.params["entity"]))


def _acl_write(call: Call) -> Answer:
    row = _acl_of(call)
    row["acl"] = acls.changed(call, row["acl"], acls.OBJECT_ROLES)
    touched(call, row)
    save(call, row)
    return entry_of(row, acls.pick(row["acl"], call.params.get("entity") or call.body["entity"]))


def _acl_delete(call: Call) -> Answer:
    row = _acl_of(call)
    gone = acls.pick(row["acl"], call.params["entity"])
    row["acl"] = [entry for entry in row["acl"] if entry != gone]
    touched(call, row)
    save(call, row)
    return Response(204, None)


# --- the policy of an object: its list under other names, where the bucket has lists ---------------------------


def _policy_key(row: Json) -> str:
    return f"b/{row['bucket']}/o/{row['name']}"


def _get_policy(call: Call) -> Answer:
    row = _acl_of(call)
    shown = f"buckets/{row['bucket']}/objects/{row['name']}"
    return access.rendered(call, _policy_key(row), row["etag"], shown)


def _set_policy(call: Call) -> Answer:
    row = _acl_of(call)
    access.written(call, _policy_key(row), row["etag"])
    touched(call, row)
    save(call, row)
    return _get_policy(call)


def _test(call: Call) -> Answer:
    _acl_of(call)
    return access.test(call)


_A, _O = "storage.objectAccessControls.", "storage.objects."
METHODS = {
    f"{_O}getIamPolicy": _get_policy, f"{_O}setIamPolicy": _set_policy, f"{_O}testIamPermissions": _test,
    f"{_A}list": _acl_list, f"{_A}get": _acl_get, f"{_A}delete": _acl_delete,
    **{f"{_A}{verb}": _acl_write for verb in ("insert", "patch", "update")},
}  # fmt: skip

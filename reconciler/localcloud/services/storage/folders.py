"""Managed folders with policies of their own, and the real folders of a hierarchical namespace."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable

from reconciler.localcloud import operations, policies
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import GoogleError, failed_precondition
from reconciler.localcloud.operations import Ending, Finisher, Work
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.storage import access
from reconciler.localcloud.services.storage.rules import (
    LINK,
    at_least_one,
    bucket_etag,
    bucket_of,
    check,
    refused,
    required,
    uniform,
)
from reconciler.localcloud.values import Json, Response, hexadecimal, milliseconds

_CONTROL = "type.googleapis.com/google.storage.control.v2."


def _named(call: Call, kind: str) -> str:
    own = call.params.get(kind) or call.body.get("name", "")
    if not own:
        raise required()
    return own if own.endswith("/") else own + "/"


def _key(call: Call, collection: str, own: str) -> str:
    return f"storage.{collection}/{call.params['bucket']}/{own}"


def _row(call: Call, bucket: str, collection: str, own: str) -> Json:
    stamp = milliseconds(call.now)
    return {
        "kind": f"storage#{collection[:-1]}", "id": f"{bucket}/{own}", "name": own, "bucket": bucket,
        "selfLink": f"{LINK}{bucket}/{collection}/{urllib.parse.quote(own, safe='')}", "metageneration": "1",
        "createTime": stamp, "updateTime": stamp,
    }  # fmt: skip


def _page(call: Call, collection: str) -> Answer:
    bucket_of(call)
    prefix = _key(call, collection, call.query("prefix"))
    rows = ((key, row) for key, row in call.state.scan(prefix, generic.start_of(call)) if _wanted(call, row))
    found, token = generic.page(call, rows, default=1000)
    return (
        {"kind": f"storage#{collection}"}
        | ({"items": found} if found else {})
        | ({"nextPageToken": token} if token else {})
    )


def _wanted(call: Call, row: Json) -> bool:
    name, prefix, delimiter = row["name"], call.query("prefix"), call.query("delimiter")
    if name < call.query("startOffset") or (call.query("endOffset") and name >= call.query("endOffset")):
        return False
    return not delimiter or delimiter not in name[len(prefix) : -1]


# --- managed folders -------------------------------------------------------------------------------------------


def _managed(call: Call) -> Json:
    bucket_of(call)
    row = call.state.get(_key(call, "managedFolders", _named(call, "managedFolder")))
    if row is None:
        raise GoogleError(404, "The specified managed folder does not exist.", reason="notFound")
    return row


def _insert_managed(call: Call) -> Answer:
    bucket = bucket_of(call)
    if not uniform(bucket):
        raise refused("Cannot create managed folders in a bucket without uniform bucket-level access enabled.")
    own = _named(call, "managedFolder")
    if call.state.get(_key(call, "managedFolders", own)) is not None:
        raise GoogleError(409, "The managed folder already exists.", reason="conflict")
    row = _row(call, bucket["name"], "managedFolders", own)
    call.state.put(_key(call, "managedFolders", own), row)
    return row


def _get_managed(call: Call) -> Answer:
    row = _managed(call)
    check(call, row)
    return row


def _delete_managed(call: Call) -> Answer:
    row = _managed(call)
    check(call, row)
    if not call.flag("allowNonEmpty") and at_least_one(call.state, f"storage.o/{row['bucket']}/{row['name']}"):
        raise GoogleError(409, "The managed folder you tried to delete is not empty.", reason="conflict")
    call.state.delete(_key(call, "managedFolders", row["name"]))
    call.state.delete(policies.key_of(call, f"b/{row['bucket']}/managedFolders/{row['name']}"))
    return Response(204, None)


def _policy(call: Call, row: Json) -> Json:
    resource = f"{row['bucket']}/managedFolders/{row['name']}"
    return access.rendered(call, f"b/{resource}", bucket_etag(row["metageneration"]), f"buckets/{resource}")


def _update_managed(call: Call) -> Answer:
    """A managed folder has nothing that could change; its metageneration does."""
    row = _managed(call)
    check(call, row)
    row |= {"metageneration": str(int(row["metageneration"]) + 1), "updateTime": milliseconds(call.now)}
    call.state.put(_key(call, "managedFolders", row["name"]), row)
    return row


def _get_policy(call: Call) -> Answer:
    return _policy(call, _managed(call))


def _set_policy(call: Call) -> Answer:
    row = _managed(call)
    access.written(call, f"b/{row['bucket']}/managedFolders/{row['name']}", bucket_etag(row["metageneration"]))
    row |= {"metageneration": str(int(row["metageneration"]) + 1), "updateTime": milliseconds(call.now)}
    call.state.put(_key(call, "managedFolders", row["name"]), row)
    return _policy(call, row)


# --- folders ---------------------------------------------------------------------------------------------------


def _hierarchical(call: Call) -> Json:
    bucket = bucket_of(call)
    if not bucket.get("hierarchicalNamespace", {}).get("enabled"):
        raise GoogleError(
            409, "The bucket does not support hierarchical namespace.", "FAILED_PRECONDITION", "conditionNotMet"
        )
    return bucket


def _folder(call: Call, kind: str = "folder") -> Json:
    _hierarchical(call)
    row = call.state.get(_key(call, "folders", _named(call, kind)))
    if row is None:
        raise GoogleError(404, "The folder does not exist.", reason="notFound")
    return row


def _insert_folder(call: Call) -> Answer:
    bucket, own = _hierarchical(call), _named(call, "folder")
    if call.state.get(_key(call, "folders", own)) is not None:
        raise GoogleError(409, "The folder already exists.", reason="conflict")
    parents = own.rstrip("/").split("/")[:-1]
    for depth in range(1, len(parents) + 1):
        parent = "/".join(parents[:depth]) + "/"
        if call.state.get(_key(call, "folders", parent)) is None:
            if not call.flag("recursive"):
                raise GoogleError(409, "The parent folder does not exist.", reason="conflict")
            call.state.put(_key(call, "folders", parent), _row(call, bucket["name"], "folders", parent))
    row = _row(call, bucket["name"], "folders", own)
    call.state.put(_key(call, "folders", own), row)
    return row


def _get_folder(call: Call) -> Answer:
    row = _folder(call)
    check(call, row)
    return row


def _inside(call: Call, own: str) -> bool:
    bucket = call.params["bucket"]
    inner = (key for key, _ in call.state.scan(f"storage.folders/{bucket}/{own}"))
    return at_least_one(call.state, f"storage.o/{bucket}/{own}") or any(
        key != f"storage.folders/{bucket}/{own}" for key in inner
    )


def _delete_folder(call: Call) -> Answer:
    row = _folder(call)
    check(call, row)
    if _inside(call, row["name"]):
        raise GoogleError(409, "The folder you tried to delete is not empty.", reason="conflict")
    call.state.delete(_key(call, "folders", row["name"]))
    return Response(204, None)


def operation(call: Call, finisher: str, args: Json, response_type: str) -> Json:
    """A long-running operation of a bucket."""
    bucket = call.params["bucket"]
    name = f"projects/_/buckets/{bucket}/operations/{hexadecimal(call.rng, 24)}"
    metadata: Json = {
        "@type": _CONTROL + "CommonLongRunningOperationMetadata", "createTime": call.stamp, "updateTime": call.stamp,
        "type": call.method.name, "requestedCancellation": False, "progressPercent": -1,
    }  # fmt: skip
    row = operations.start(call, Work(name, finisher, args, metadata, response_type))
    return shown_operation(bucket, row)


def shown_operation(bucket: str, row: Json) -> Json:
    own = row["name"].rsplit("/", 1)[-1]
    link = {"kind": "storage#operation", "selfLink": f"{LINK}{bucket}/operations/{own}"}
    return {**link, **operations.rendered(row), "done": row["done"]}


def _rename(call: Call) -> Answer:
    row = _folder(call, "sourceFolder")
    check(call, row, "ifSource")
    target = _named(call, "destinationFolder")
    if call.state.get(_key(call, "folders", target)) is not None:
        raise GoogleError(409, "The destination folder already exists.", reason="conflict")
    args = {"bucket": row["bucket"], "source": row["name"], "target": target}
    return operation(call, "storage.folder_renamed", args, _CONTROL + "Folder")


def _renamed(ending: Ending) -> None:
    bucket, source, target = (ending.args[name] for name in ("bucket", "source", "target"))
    for collection in ("folders", "managedFolders", "o"):
        for key, row in list(ending.state.scan(f"storage.{collection}/{bucket}/{source}")):
            new = target + row["name"].removeprefix(source)
            content = f"storage.content/{bucket}/{row['name']}#{row.get('generation', '')}"
            stored = ending.state.get(content)
            if stored is not None:
                ending.state.put(f"storage.content/{bucket}/{new}#{row['generation']}", stored)
                ending.state.delete(content)
            moved = {**row, "name": new, "id": row["id"].replace(row["name"], new)}
            ending.state.delete(key)
            ending.state.put(f"storage.{collection}/{bucket}/{new}", moved)
    ending.response = {"name": f"projects/_/buckets/{bucket}/folders/{target}"}


def _delete_recursive(call: Call) -> Answer:
    row = _folder(call)
    check(call, row)
    args = {"bucket": row["bucket"], "folder": row["name"]}
    return operation(call, "storage.folder_emptied", args, "type.googleapis.com/google.protobuf.Empty")


def _emptied(ending: Ending) -> None:
    for collection in ("folders", "managedFolders", "o"):
        for key, _ in list(ending.state.scan(f"storage.{collection}/{ending.args['bucket']}/{ending.args['folder']}")):
            ending.state.delete(key)


def _operation(call: Call) -> Answer:
    bucket = bucket_of(call)["name"]
    base = f"operations/storage/projects/_/buckets/{bucket}/operations/"
    if call.method.name == "list":
        found, token = generic.page(call, call.state.scan(base, generic.start_of(call)))
        shown = [shown_operation(bucket, row) for row in found]
        return {"kind": "storage#operations", "operations": shown} | ({"nextPageToken": token} if token else {})
    row = call.state.get(base + call.params["operationId"])
    if row is None:
        raise GoogleError(404, "The specified operation does not exist.", reason="notFound")
    if call.method.name == "cancel":
        if row["done"]:
            raise failed_precondition("The operation is already complete.")
        error = {"code": 1, "message": "The operation was cancelled."}
        call.state.put(base + call.params["operationId"], {**row, "done": True, "ends": call.now, "error": error})
        return Response(204, None)
    return shown_operation(bucket, row)


def _lists(collection: str) -> Callable[[Call], Answer]:
    return lambda call: _page(call, collection)


_M, _F, _O = "storage.managedFolders.", "storage.folders.", "storage.buckets.operations."
METHODS = {
    f"{_M}insert": _insert_managed, f"{_M}get": _get_managed, f"{_M}list": _lists("managedFolders"),
    f"{_M}delete": _delete_managed, f"{_M}update": _update_managed,
    f"{_M}getIamPolicy": _get_policy, f"{_M}setIamPolicy": _set_policy,
    f"{_M}testIamPermissions": access.test,
    f"{_F}insert": _insert_folder, f"{_F}get": _get_folder, f"{_F}list": _lists("folders"),
    f"{_F}delete": _delete_folder, f"{_F}rename": _rename, f"{_F}deleteRecursive": _delete_recursive,
    f"{_O}get": _operation, f"{_O}list": _operation, f"{_O}cancel": _operation,
}  # fmt: skip
FINISHERS: dict[str, Finisher] = {"storage.folder_renamed": _renamed, "storage.folder_emptied": _emptied}

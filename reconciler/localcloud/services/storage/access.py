"""Who may do what with a bucket: its IAM policy, and the older access control lists that are a view of it.

A bucket's ACL is its legacy roles under other names (https://cloud.google.com/storage/docs/access-control/iam): only
the policy is stored. The policy's etag is the bucket's, and setting it counts the metageneration up (samples).
"""

from __future__ import annotations

from reconciler.localcloud import policies, projects
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services.storage import acls
from reconciler.localcloud.services.storage.rules import (
    LINK,
    bucket_etag,
    bucket_key,
    bucket_of,
    refused,
    uniform,
    unmet,
)
from reconciler.localcloud.values import Json, Response, milliseconds

_LEGACY = "roles/storage.legacyBucket"
_PUBLIC = ("allUsers", "allAuthenticatedUsers")
_READ_MORE = " Read more at https://cloud.google.com/storage/docs/uniform-bucket-level-access"


# --- the policy ------------------------------------------------------------------------------------------------


def _bindings(call: Call, bucket: Json) -> list[Json]:
    stored = call.state.get(policies.key_of(call, f"b/{bucket['name']}"))
    return list(stored.get("bindings", [])) if stored else []


def _set_bindings(call: Call, bucket: Json, bindings: list[Json]) -> None:
    _allowed(bucket, bindings)
    policies.write(call, f"b/{bucket['name']}", {"bindings": bindings, "version": 3})


def _allowed(bucket: Json, bindings: list[Json]) -> None:
    """GoogleError 412 for public members where public access is prevented."""
    prevented = bucket["iamConfiguration"]["publicAccessPrevention"] == "enforced"
    if prevented and any(member in _PUBLIC for binding in bindings for member in binding.get("members", [])):
        raise GoogleError(
            412,
            "The member bindings allUsers and allAuthenticatedUsers are not allowed since public access prevention is "
            "enforced.",
            reason="conditionNotMet",
        )


def begin(call: Call, bucket: Json, acl: list[Json] | None, defaults: list[Json] | None) -> None:
    """The access of a new bucket: project roles, or what `acl`, `defaultObjectAcl` and predefined lists say."""
    project = projects.find(call.state, bucket["projectNumber"]) or {}
    predefined = call.query("predefinedAcl"), call.query("predefinedDefaultObjectAcl")
    if uniform(bucket) and (acl or defaults or any(predefined)):
        raise refused("Cannot insert legacy ACL for a bucket when uniform bucket-level access is enabled." + _READ_MORE)
    if acl:
        entries = acls.checked(acl, acls.BUCKET_ROLES)
    else:
        entries = acls.predefined_bucket(predefined[0] or "projectPrivate", bucket["projectNumber"])
    bindings = _as_bindings(call, entries)
    if uniform(bucket):
        own = project["projectId"]
        bindings += [
            {"role": "roles/storage.legacyObjectOwner", "members": [f"projectEditor:{own}", f"projectOwner:{own}"]},
            {"role": "roles/storage.legacyObjectReader", "members": [f"projectViewer:{own}"]},
        ]
    if defaults:
        bucket["defaultObjectAcl"] = acls.checked(defaults, acls.OBJECT_ROLES)
    else:
        kind = predefined[1] or "projectPrivate"
        bucket["defaultObjectAcl"] = acls.predefined_object(kind, bucket["projectNumber"], "")
    call.state.delete(policies.key_of(call, f"b/{bucket['name']}"))
    _set_bindings(call, bucket, bindings)


def redeclare(call: Call, changed: Json, before: Json, wish: Json) -> None:
    """Take over `acl`, `defaultObjectAcl` and the predefined lists of a patch or an update."""
    predefined = call.query("predefinedAcl"), call.query("predefinedDefaultObjectAcl")
    acl, defaults = wish.get("acl"), wish.get("defaultObjectAcl")
    if uniform(changed):
        if any(predefined) or (uniform(before) and (acl or defaults)):
            message = "Cannot use ACL API to update bucket policy when uniform bucket-level access is enabled."
            raise refused(message + _READ_MORE)
        _set_bindings(call, changed, _bindings(call, changed))
        return
    if predefined[0] or acl:
        entries = (
            acls.predefined_bucket(predefined[0], changed["projectNumber"])
            if predefined[0]
            else acls.checked(acl or [], acls.BUCKET_ROLES)
        )
        others = [binding for binding in _bindings(call, changed) if not binding["role"].startswith(_LEGACY)]
        _set_bindings(call, changed, others + _as_bindings(call, entries))
    else:
        _set_bindings(call, changed, _bindings(call, changed))
    if predefined[1]:
        changed["defaultObjectAcl"] = acls.predefined_object(predefined[1], changed["projectNumber"], "")
    elif defaults is not None:
        changed["defaultObjectAcl"] = acls.checked(defaults, acls.OBJECT_ROLES)


def _as_bindings(call: Call, entries: list[Json]) -> list[Json]:
    by_role: dict[str, list[str]] = {}
    for entry in entries:
        by_role.setdefault(_LEGACY + entry["role"].capitalize(), []).append(acls.member_of(call.state, entry["entity"]))
    return [{"role": role, "members": members} for role, members in by_role.items()]


def _get_policy(call: Call) -> Answer:
    bucket = bucket_of(call)
    return rendered(call, f"b/{bucket['name']}", bucket["etag"], f"buckets/{bucket['name']}")


def rendered(call: Call, resource: str, etag: str, shown: str) -> Json:
    """A policy as this reader may see it, with the etag of what it belongs to."""
    seen = policies.read(call, resource)
    return {"kind": "storage#policy", "resourceId": f"projects/_/{shown}", "version": 1, **seen, "etag": etag}


def written(call: Call, resource: str, etag: str) -> None:
    """Take the request's policy over. GoogleError 412 when its etag is stale, as Cloud Storage says it."""
    sent = call.body.get("etag")
    if sent and sent.rstrip("=") != etag.rstrip("="):
        raise unmet()
    policies.write(call, resource, {**call.body, "etag": None})


def _set_policy(call: Call) -> Answer:
    bucket, bindings = bucket_of(call), call.body.get("bindings") or []
    _allowed(bucket, bindings)
    if not uniform(bucket) and any("condition" in binding for binding in bindings):
        raise GoogleError(
            412,
            "Conditional IAM role bindings are not allowed on buckets without uniform bucket-level access.",
            reason="conditionNotMet",
        )
    written(call, f"b/{bucket['name']}", bucket["etag"])
    _touched(call, bucket)
    return _get_policy(call)


def _touched(call: Call, bucket: Json) -> None:
    bucket["metageneration"] = str(int(bucket["metageneration"]) + 1)
    bucket |= {"etag": bucket_etag(bucket["metageneration"]), "updated": milliseconds(call.now)}
    call.state.put(bucket_key(bucket["name"]), bucket)


def test(call: Call) -> Answer:
    bucket_of(call)
    return {"kind": "storage#testIamPermissionsResponse", "permissions": call.request.query.get("permissions", [])}


def public(call: Call, bucket: Json) -> bool:
    """Whether everybody may read the bucket's objects by its policy."""
    return any(
        "allUsers" in binding["members"]
        and binding["role"].startswith(("roles/storage.object", "roles/storage.legacyObject", "roles/storage.admin"))
        for binding in _bindings(call, bucket)
    )


# --- the bucket's own list -------------------------------------------------------------------------------------


def _entries(call: Call, bucket: Json) -> list[Json]:
    found = [
        {"entity": acls.entity_of(call.state, member), "role": binding["role"].removeprefix(_LEGACY).upper()}
        for binding in _bindings(call, bucket)
        if binding["role"].startswith(_LEGACY)
        for member in binding["members"]
    ]
    return sorted(found, key=acls.order)


def _entry(bucket: Json, entry: Json) -> Json:
    own, entity = bucket["name"], entry["entity"]
    return {
        "kind": "storage#bucketAccessControl", "id": f"{own}/{entity}", "selfLink": f"{LINK}{own}/acl/{entity}",
        "bucket": own, **entry, **acls.details(entity), "etag": bucket["etag"],
    }  # fmt: skip


def seen_bucket(call: Call, bucket: Json, default: str) -> Json:
    """The bucket by its projection: access lists only in full, and never under uniform access (documentation)."""
    row = {name: value for name, value in bucket.items() if name != "defaultObjectAcl"}
    if (call.query("projection") or default) != "full" or uniform(bucket):
        return row
    return row | {
        "acl": [_entry(bucket, entry) for entry in _entries(call, bucket)],
        "defaultObjectAcl": [acls.default_entry(bucket, entry) for entry in bucket["defaultObjectAcl"]],
        "owner": {"entity": f"project-owners-{bucket['projectNumber']}"},
    }


def _listed(call: Call) -> Json:
    """The bucket in the path, if it has lists at all. GoogleError 400 under uniform access."""
    bucket = bucket_of(call)
    if uniform(bucket):
        reads = call.request.verb == "GET"
        message = (
            "Cannot get legacy ACL for a bucket that has uniform bucket-level access."
            if reads
            else "Cannot use ACL API to update bucket policy when uniform bucket-level access is enabled."
        )
        raise refused(message + _READ_MORE)
    return bucket


def _acl_list(call: Call) -> Answer:
    bucket = _listed(call)
    items = [_entry(bucket, entry) for entry in _entries(call, bucket)]
    return {"kind": "storage#bucketAccessControls"} | ({"items": items} if items else {})


def _acl_get(call: Call) -> Answer:
    bucket = _listed(call)
    return _entry(bucket, acls.pick(_entries(call, bucket), call.params["entity"]))


def _acl_write(call: Call) -> Answer:
    bucket = _listed(call)
    entries = acls.changed(call, _entries(call, bucket), acls.BUCKET_ROLES)
    _replace(call, bucket, entries)
    entity = call.params.get("entity") or call.body["entity"]
    return _entry(bucket, acls.pick(_entries(call, bucket), entity))


def _acl_delete(call: Call) -> Answer:
    bucket = _listed(call)
    entries = _entries(call, bucket)
    gone = acls.pick(entries, call.params["entity"])
    _replace(call, bucket, [entry for entry in entries if entry != gone])
    return Response(204, None)


def _replace(call: Call, bucket: Json, entries: list[Json]) -> None:
    others = [binding for binding in _bindings(call, bucket) if not binding["role"].startswith(_LEGACY)]
    _set_bindings(call, bucket, others + _as_bindings(call, entries))
    _touched(call, bucket)


# --- the list that new objects get -----------------------------------------------------------------------------


def _default_list(call: Call) -> Answer:
    bucket = _listed(call)
    items = [acls.default_entry(bucket, entry) for entry in bucket["defaultObjectAcl"]]
    return {"kind": "storage#objectAccessControls"} | ({"items": items} if items else {})


def _default_get(call: Call) -> Answer:
    bucket = _listed(call)
    return acls.default_entry(bucket, acls.pick(bucket["defaultObjectAcl"], call.params["entity"]))


def _default_write(call: Call) -> Answer:
    bucket = _listed(call)
    bucket["defaultObjectAcl"] = acls.changed(call, bucket["defaultObjectAcl"], acls.OBJECT_ROLES)
    _touched(call, bucket)
    entity = call.params.get("entity") or call.body["entity"]
    return acls.default_entry(bucket, acls.pick(bucket["defaultObjectAcl"], entity))


def _default_delete(call: Call) -> Answer:
    bucket = _listed(call)
    gone = acls.pick(bucket["defaultObjectAcl"], call.params["entity"])
    bucket["defaultObjectAcl"] = [entry for entry in bucket["defaultObjectAcl"] if entry != gone]
    _touched(call, bucket)
    return Response(204, None)


_B, _A, _D = "storage.buckets.", "storage.bucketAccessControls.", "storage.defaultObjectAccessControls."
METHODS = {
    f"{_B}getIamPolicy": _get_policy, f"{_B}setIamPolicy": _set_policy, f"{_B}testIamPermissions": test,
    f"{_A}list": _acl_list, f"{_A}get": _acl_get, f"{_A}delete": _acl_delete,
    **{f"{_A}{verb}": _acl_write for verb in ("insert", "patch", "update")},
    f"{_D}list": _default_list, f"{_D}get": _default_get, f"{_D}delete": _default_delete,
    **{f"{_D}{verb}": _default_write for verb in ("insert", "patch", "update")},
}  # fmt: skip

"""Exports: the inventory as JSON, an asset a line, written to objects in a bucket when the operation ends.

To one object (`uri`) or to one for each type (`uriPrefix`); BigQuery is not a destination here.
"""

from __future__ import annotations

import re

import orjson

from reconciler.localcloud import operations, projects
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError, invalid
from reconciler.localcloud.operations import Ending, Finisher, Work
from reconciler.localcloud.services.cloudasset import inventory, kinds
from reconciler.localcloud.services.storage import deposits
from reconciler.localcloud.values import Json, digits

_TYPE = "type.googleapis.com/google.cloud.asset.v1."
_OBJECT = re.compile(r"gs://([^/]+)/(.+)")


def _export(call: Call) -> Answer:
    scope = inventory.scope_of(call, call.subject)
    output = call.body.get("outputConfig") or {}
    if output.get("bigqueryDestination"):
        raise GoogleError(501, "The local cloud exports assets to Cloud Storage, not to BigQuery.")
    target = output.get("gcsDestination") or {}
    uri = target.get("uri") or target.get("uriPrefix") or ""
    found = _OBJECT.fullmatch(uri)
    if found is None or bool(target.get("uri")) == bool(target.get("uriPrefix")):
        raise invalid("Request contains an invalid argument.", ("output_config.gcs_destination", "uri or uri_prefix"))
    if call.state.look(f"storage.b/{found[1]}") is None:
        raise GoogleError(400, f"Failed to write to bucket {found[1]}: it does not exist.", "FAILED_PRECONDITION")
    content = inventory.content_asked(call.body.get("contentType") or "")
    types = [kind.type for kind in inventory.matching(call.body.get("assetTypes") or [])]
    name = f"{scope.name}/operations/ExportAssets/{content or 'CONTENT_TYPE_UNSPECIFIED'}/{digits(call.rng, 16)}"
    metadata = {"@type": _TYPE + "ExportAssetsRequest", **call.body, "parent": scope.name}
    args: Json = {"parent": scope.name, "types": types, "content": content, "output": output}
    work = Work(name, "cloudasset.exported", args, metadata, _TYPE + "ExportAssetsResponse")
    return operations.rendered(operations.start(call, work))


def _exported(ending: Ending) -> None:
    args, target = ending.args, ending.args["output"]["gcsDestination"]
    try:
        scope = inventory.scope_of(ending.moment, args["parent"])
    except GoogleError as error:  # what was to be listed went away meanwhile
        ending.failed = f"PERMISSION_DENIED: {error.message}"
        return
    lines: dict[str, list[bytes]] = {}
    for kind in inventory.matching(args["types"]) if args["content"] != "NONE" else ():
        for key, row in scope.keys(kind, ""):
            if kinds.alive(kind, row):
                shown = inventory.asset(ending.moment, scope, (kind, key, row), args["content"])
                if shown.get("iamPolicy", {}) is not None:
                    lines.setdefault(kind.type, []).append(orjson.dumps(shown))
    if target.get("uri"):
        files = {target["uri"]: [line for every in lines.values() for line in every]}
    else:
        files = {f"{target['uriPrefix'].rstrip('/')}/{kind}/0": every for kind, every in lines.items()}
    for uri, every in files.items():
        found = _OBJECT.fullmatch(uri)
        if found and ending.state.look(f"storage.b/{found[1]}") is not None:
            deposits.put(ending.moment, found[1], found[2], b"\n".join(every) + b"\n")
    ending.response = {
        "readTime": ending.stamp, "outputConfig": args["output"], "outputResult": {"gcsResult": {"uris": list(files)}},
    }  # fmt: skip


def _operation(call: Call) -> Answer:
    return operations.rendered(operations.find(call, projects.canonical(call.state, call.subject)))


METHODS: dict[str, Behaviour] = {"cloudasset.exportAssets": _export, "cloudasset.operations.get": _operation}
FINISHERS: dict[str, Finisher] = {"cloudasset.exported": _exported}

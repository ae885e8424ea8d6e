"""Exports and imports: a dump in a bucket that names the databases, as much as the light data plane holds.

An export writes the object when its operation ends; an import makes the databases that a dump creates. Refused is what
can be known: the address of the file, the format for the engine, a bucket, object or database that is not there. The
instance's service account is not asked whether it may write; Google asks (412, `The service account does not have the
required permissions for the bucket.`).
"""

from __future__ import annotations

import re
import zlib

from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.operations import Ending, Finisher
from reconciler.localcloud.services.sqladmin import accounts
from reconciler.localcloud.services.sqladmin.replicas import is_replica
from reconciler.localcloud.services.sqladmin.target import fail, free, key, operation, place, refused, running
from reconciler.localcloud.services.sqladmin.versions import engine
from reconciler.localcloud.services.storage import deposits
from reconciler.localcloud.services.storage.generations import content_of
from reconciler.localcloud.values import Json, etag_like

_FILE = re.compile(r"gs://([^/]+)/(.+)")
_FORMATS = {"MYSQL": ("SQL", "CSV"), "POSTGRES": ("SQL", "CSV"), "SQLSERVER": ("BAK", "TDE")}
_CREATES = re.compile(r"CREATE DATABASE (?:IF NOT EXISTS )?[`\"]?([^`\";\s]+)", re.IGNORECASE)
_GZIP = 31  # zlib's window bits for a gzip header
_LARGEST_DUMP = 1_000_000


def _file(call: Call, row: Json, context: Json) -> tuple[str, str]:
    """Bucket and object of the file that an export or import names."""
    uri, form = context.get("uri", ""), context.get("fileType", "SQL")
    found = _FILE.fullmatch(uri)
    if found is None:
        raise refused(f"Invalid Google Cloud Storage URI ({uri}).")
    if form not in _FORMATS[engine(row["databaseVersion"])]:
        raise refused(f"File type {form} is not supported for {row['databaseVersion']}.")
    if call.state.get(f"storage.b/{found[1]}") is None:
        raise GoogleError(404, "The specified bucket does not exist.", reason="notFound")
    return found[1], found[2]


def _existing(call: Call, names: list[str]) -> list[str]:
    """The named databases, or all that somebody made. GoogleError 400 for one that is not there."""
    prefix = f"sqladmin.databases/{place(call)}/databases/"
    known = [row["name"] for _, row in call.state.scan(prefix)]
    for name in names:
        if name not in known:
            raise refused(f"Database {name} does not exist.")
    return names or known


def _export(call: Call) -> Answer:
    row, context = running(call), call.body.get("exportContext", {})
    bucket, name = _file(call, row, context)
    named = _existing(call, context.get("databases", []))
    args = {"bucket": bucket, "object": name, "databases": named}
    return operation(
        call, "EXPORT", "sqladmin.exported", args, {"exportContext": {"kind": "sql#exportContext", **context}}
    )


def _exported(ending: Ending) -> None:
    free(ending)
    if ending.failed:
        return
    args = ending.args
    lines = ["-- Cloud SQL export of the local cloud: databases without their tables"]
    lines += [f"CREATE DATABASE IF NOT EXISTS `{name}`;" for name in args["databases"]]
    content = ("\n".join(lines) + "\n").encode()
    packed = zlib.compress(content, wbits=_GZIP) if args["object"].endswith(".gz") else content
    try:
        deposits.put(ending.moment, args["bucket"], args["object"], packed)
    except GoogleError as error:  # an object that is held or retained
        fail(ending, "INTERNAL_ERROR", error.message)


def _import(call: Call) -> Answer:
    row, context = running(call), call.body.get("importContext", {})
    if is_replica(row):
        raise refused("Import is not allowed on a read replica.")
    bucket, name = _file(call, row, context)
    stored = call.state.get(f"storage.o/{bucket}/{name}")
    if stored is None:
        raise GoogleError(404, f"No such object: {bucket}/{name}", reason="notFound")
    if context.get("database") and context.get("fileType") != "BAK":
        _existing(call, [context["database"]])
    args = {"databases": _created(content_of(call, stored))}
    return operation(
        call, "IMPORT", "sqladmin.imported", args, {"importContext": {"kind": "sql#importContext", **context}}
    )


def _created(content: bytes) -> list[str]:
    """The databases that a dump creates; of a dump that is no text, or very long, what its beginning says."""
    try:
        plain = zlib.decompressobj(_GZIP).decompress(content, _LARGEST_DUMP) if content[:2] == b"\x1f\x8b" else content
    except zlib.error:
        return []
    return [name for name in _CREATES.findall(plain[:_LARGEST_DUMP].decode(errors="replace")) if len(name) <= 63]


def _imported(ending: Ending) -> None:
    free(ending)
    where = ending.args["place"]
    if ending.failed or ending.state.get(key(where)) is None:
        return
    for name in ending.args["databases"]:
        path = f"sqladmin.databases/{where}/databases/{name}"
        if ending.state.get(path) is None:
            row = accounts.database_row(ending.state, where, name, etag_like(ending.moment.rng, 48))
            ending.state.put(path, row)


FINISHERS: dict[str, Finisher] = {"sqladmin.exported": _exported, "sqladmin.imported": _imported}
METHODS: dict[str, Behaviour] = {"sql.instances.export": _export, "sql.instances.import": _import}

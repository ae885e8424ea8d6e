"""BigQuery v2 as far as inventory and billing exports need it: datasets, tables, routines. No query runs here.

Shapes, defaults and the words for what is missing are recorded; rows, jobs and models stay with the API model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reconciler.localcloud import projects
from reconciler.localcloud.api.masks import merged
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services import generic
from reconciler.localcloud.values import Json, Response, etag_like

_ID = re.compile(r"[A-Za-z0-9_]{1,1024}")
_TABLE_ID = re.compile(r"[\w\- ]{1,1024}")
_ACCESS = (
    {"role": "OWNER", "specialGroup": "projectOwners"}, {"role": "OWNER", "userByEmail": "user@example.com"},
    {"role": "READER", "specialGroup": "projectReaders"}, {"role": "WRITER", "specialGroup": "projectWriters"},
)  # fmt: skip
_COUNTS = (
    "numBytes", "numLongTermBytes", "numRows", "numTotalLogicalBytes", "numActiveLogicalBytes",
    "numLongTermLogicalBytes",
)  # fmt: skip
_SERVER_SET = (
    "kind",
    "id",
    "selfLink",
    "creationTime",
    "datasetReference",
    "tableReference",
    "routineReference",
    "type",
)


def _project(call: Call) -> Json:
    return projects.find(call.state, call.params["projectId"]) or {"projectId": "", "number": "0"}


def _milliseconds(call: Call) -> str:
    return str(int(call.now * 1000))


@dataclass(frozen=True)
class _Kind:
    """Datasets, tables or routines. `word` is the singular that fields, parameters and messages use."""

    word: str
    collection: str
    ids: re.Pattern[str] = _ID

    def own(self, call: Call) -> str:
        return call.params[f"{self.word}Id"]

    def key(self, call: Call, own: str) -> str:
        inside = "" if self.word == "dataset" else f"{call.params['datasetId']}/"
        return f"bigquery.{self.collection}/{_project(call)['number']}/{inside}{own}"

    def named(self, call: Call, own: str) -> str:
        """As messages and ids name it: `project:dataset.table`."""
        inside = own if self.word == "dataset" else f"{call.params['datasetId']}.{own}"
        return f"{_project(call)['projectId']}:{inside}"

    def load(self, call: Call, own: str) -> Json:
        row = call.state.get(self.key(call, own))
        if row is None:
            said = f"Not found: {self.word.capitalize()} {self.named(call, own)}"
            raise GoogleError(404, said, "NOT_FOUND", "notFound")
        return row

    def insert(self, call: Call) -> Answer:
        if self.word != "dataset":
            DATASET.load(call, call.params["datasetId"])
        reference = call.body.get(f"{self.word}Reference")
        own = str(reference.get(f"{self.word}Id", "")) if isinstance(reference, dict) else ""
        if not self.ids.fullmatch(own):
            said = (
                f'Invalid {self.word} ID "{own}". {self.word.capitalize()} IDs must be alphanumeric (plus underscores).'
            )
            raise GoogleError(400, said, "INVALID_ARGUMENT", "invalid")
        if call.state.get(self.key(call, own)) is not None:
            said = f"Already Exists: {self.word.capitalize()} {self.named(call, own)}"
            raise GoogleError(409, said, "ALREADY_EXISTS", "duplicate")
        row = {**call.body, **self.made(call, own)}
        self.complete(call, row)
        call.state.put(self.key(call, own), row)
        return row

    def made(self, call: Call, own: str) -> Json:
        """What the server says of a new one."""
        project = _project(call)["projectId"]
        inside = {} if self.word == "dataset" else {"datasetId": call.params["datasetId"]}
        path = f"projects/{project}/datasets/" + (own if self.word == "dataset" else "")
        if inside:
            path += f"{call.params['datasetId']}/{self.collection}/{own}"
        known: Json = {
            "kind": f"bigquery#{self.word}", "id": self.named(call, own), "creationTime": _milliseconds(call),
            "selfLink": f"https://bigquery.googleapis.com/bigquery/v2/{path}",
            f"{self.word}Reference": {"projectId": project, **inside, f"{self.word}Id": own},
        }  # fmt: skip
        schema = call.api.schema(call.method.response)["properties"]
        return {name: value for name, value in known.items() if name in schema}

    def complete(self, call: Call, row: Json) -> None:
        row |= {"lastModifiedTime": _milliseconds(call), "etag": etag_like(call.rng, 16)}
        if self.word == "dataset":
            row.setdefault("location", "US")
            row.setdefault("access", [dict(entry) for entry in _ACCESS])
            row |= {"type": "DEFAULT", "maxTimeTravelHours": row.get("maxTimeTravelHours", "168")}
        elif self.word == "table":
            row["location"] = DATASET.load(call, call.params["datasetId"])["location"]
            row["type"] = _type(row)
            row |= dict.fromkeys(_COUNTS, "0") if "externalDataConfiguration" not in row else {}
            _complete_schema(row)
        else:
            row.setdefault("language", "SQL")

    def get(self, call: Call) -> Answer:
        return self.load(call, self.own(call))

    def change(self, call: Call) -> Answer:
        """patch merges; update replaces all but what the server set."""
        before = self.load(call, self.own(call))
        sent = call.body.get("etag") or call.request.headers.get("if-match", "")
        if sent and sent != before["etag"]:
            raise GoogleError(412, "Precondition check failed.", "FAILED_PRECONDITION", "conditionNotMet")
        kept = {name: before[name] for name in _SERVER_SET if name in before}
        row = merged(before, call.body) if call.method.name == "patch" else dict(call.body)
        row |= kept
        if self.word == "dataset":
            row["location"] = before["location"]
        self.complete(call, row)
        call.state.put(self.key(call, self.own(call)), row)
        return row

    def delete(self, call: Call) -> Answer:
        own = self.own(call)
        self.load(call, own)
        if self.word == "dataset":
            inside = [key for kind in (TABLE, ROUTINE) for key, _ in call.state.scan(kind.prefix(call, own))]
            if inside and not call.flag("deleteContents"):
                said = f"Dataset {self.named(call, own)} is still in use"
                raise GoogleError(400, said, "INVALID_ARGUMENT", "resourceInUse")
            for key in inside:
                call.state.delete(key)
        call.state.delete(self.key(call, own))
        return Response(204, None)

    def prefix(self, call: Call, dataset: str) -> str:
        return f"bigquery.{self.collection}/{_project(call)['number']}/" + (f"{dataset}/" if dataset else "")

    def list(self, call: Call) -> Answer:
        inside = "" if self.word == "dataset" else call.params["datasetId"]
        if inside:
            DATASET.load(call, inside)
        rows = call.state.scan(self.prefix(call, inside), generic.start_of(call))
        known = call.api.resolve(call.api.schema(call.method.response)["properties"][self.collection]["items"])
        shown = ((key, _short(known, row)) for key, row in rows)
        found, token = generic.page(call, shown)
        kinds: Json = (
            {"kind": f"bigquery#{self.word}List", "etag": etag_like(call.rng, 16)} if self.word != "routine" else {}
        )
        counted = {"totalItems": len(found)} if self.word == "table" else {}
        return kinds | counted | {self.collection: found} | ({"nextPageToken": token} if token else {})

    def methods(self) -> dict[str, Behaviour]:
        found: dict[str, Behaviour] = {
            "insert": self.insert, "get": self.get, "list": self.list, "patch": self.change, "update": self.change,
            "delete": self.delete,
        }  # fmt: skip
        return {f"bigquery.{self.collection}.{verb}": behaviour for verb, behaviour in found.items()}


def _short(schema: Json, row: Json) -> Json:
    """A row as a list shows it."""
    known = schema.get("properties", {})
    return {
        name: _short(known[name], value) if isinstance(value, dict) and "properties" in known[name] else value
        for name, value in row.items()
        if name in known
    }


def _type(row: Json) -> str:
    words = {"materializedView": "MATERIALIZED_VIEW", "view": "VIEW", "externalDataConfiguration": "EXTERNAL"}
    return next((kind for name, kind in words.items() if name in row), "TABLE")


def _complete_schema(row: Json) -> None:
    """Empty policy tags are left out, and a partitioned table says by what (recordings)."""
    if isinstance(row.get("schema"), dict):
        row["schema"] = {**row["schema"], "fields": list(_fields(row["schema"].get("fields", [])))}
    parted = row.get("timePartitioning") or row.get("rangePartitioning")
    if isinstance(parted, dict) and parted.get("field"):
        row["partitionDefinition"] = {"partitionedColumn": [{"field": parted["field"]}]}


def _fields(fields: Any) -> Iterator[Json]:
    for given in fields:
        told = {name: value for name, value in given.items() if name != "policyTags" or value}
        if told.get("fields"):
            told["fields"] = list(_fields(told["fields"]))
        yield told


DATASET, TABLE = _Kind("dataset", "datasets"), _Kind("table", "tables", _TABLE_ID)
ROUTINE = _Kind("routine", "routines")
METHODS: dict[str, Behaviour] = {
    name: one for kind in (DATASET, TABLE, ROUTINE) for name, one in kind.methods().items()
}

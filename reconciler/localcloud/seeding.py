"""The bulk door: a fleet's worth of finished resources as NDJSON, validated lightly, stored in one transaction.

Each line is `{"service": "run", "path": "projects/P/locations/L/services/S", "body": {…}}`: the resource as a get would
answer it. Nothing is filled in except `name`, no operation runs, no limit refuses; that is what makes it fast. It is
for resources that the core keeps under their path (services, revisions, secrets, versions, instances, databases, users,
networks …); projects, buckets and service accounts have indexes of their own and are made by their methods.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from reconciler.localcloud import projects
from reconciler.localcloud.api.discovery import Library
from reconciler.localcloud.state import State

_FIELDS = {"service", "path", "body"}
# Collections with rows beside the one under the path.
_BY_METHOD = {"project": "projects", "iam.serviceAccounts": "service accounts", "storage.b": "buckets"}


@dataclass
class Seeds:
    """Reads lines into rows; `collections` are those that got some."""

    state: State
    library: Library
    collections: set[str] = field(default_factory=set)
    _numbers: dict[str, str] = field(default_factory=dict)

    def rows(self, lines: bytes) -> list[tuple[str, bytes]]:
        """The rows of all lines, in key order. Raises ValueError that names the first wrong line."""
        found = []
        for number, line in enumerate(lines.split(b"\n"), 1):
            if not line.strip():
                continue
            try:
                found.append(self._row(orjson.loads(line)))
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"line {number}: {error.args[0] if error.args else error}") from error
        found.sort()
        return found

    def _row(self, seed: Any) -> tuple[str, bytes]:
        if not isinstance(seed, dict) or seed.keys() != _FIELDS:
            raise ValueError('each line must be {"service": "run", "path": "projects/…", "body": {…}}')
        service, path, body = seed["service"], seed["path"], seed["body"]
        parts = path.split("/")
        if len(parts) % 2 or not all(parts) or parts[0] != "projects" or not isinstance(body, dict):
            raise ValueError(f"{path!r} must be the full name of a resource in a project, and its body an object")
        collection = f"{service}.{parts[-2]}"
        if collection not in self.collections:
            self._know(service, collection)
        parts[1] = self._number(parts[1])
        if "name" not in body:
            body["name"] = path
        return f"{collection}/{'/'.join(parts)}", orjson.dumps(body)

    def _know(self, service: str, collection: str) -> None:
        if not self.library.knows(service):
            raise ValueError(f"no API is named {service!r}")
        if collection in _BY_METHOD:
            raise ValueError(f"{_BY_METHOD[collection]} cannot be seeded; make them with their methods")
        self.collections.add(collection)

    def _number(self, project: str) -> str:
        if project not in self._numbers:
            row = projects.find(self.state, project)
            if row is None:
                raise ValueError(f"there is no project {project!r}; make it first")
            self._numbers[project] = row["number"]
        return self._numbers[project]

"""From v1 names to stored objects: `namespaces/P/services/S` says no region, a regional host or nothing does."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator

from reconciler.localcloud import projects
from reconciler.localcloud.call import Call
from reconciler.localcloud.errors import GoogleError, invalid
from reconciler.localcloud.services.run.kinds import SHOWN
from reconciler.localcloud.services.run.knative.printing import Home
from reconciler.localcloud.values import Json

_REGIONAL = re.compile(r"([a-z]+-[a-z]+\d+)-")
# v1's collections in v2's spelling.
COLLECTIONS = {"workerpools": "workerPools", "configurations": "services", "routes": "services"}
_TERM = re.compile(
    r"\s*(?:(?P<not>!)?(?P<has>[\w./-]+)(?=\s*(?:,|$))"
    r"|(?P<key>[\w./-]+)\s*(?:(?P<op>==?|!=)\s*(?P<value>[\w./:-]*)|(?P<in>in|notin)\s*\((?P<values>[^)]*)\)))\s*(?:,|$)"
)


def region_of(call: Call) -> str:
    """The region that a namespaced request is for; empty on the global host."""
    found = _REGIONAL.match(call.request.headers.get("host", ""))
    return found[1] if found else ""


def project_of(call: Call) -> str:
    return call.subject.split("/")[1]


def home_of(call: Call, path: str = "") -> Home:
    row = projects.find(call.state, project_of(call)) or {"projectId": project_of(call), "number": "0"}
    last = call.state.get("run.operation/" + projects.canonical(call.state, path)) if path else None
    return Home(row["projectId"], str(row["number"]), (last or {}).get("id", ""))


def parent_of(call: Call, body: Json) -> str:
    """`projects/P/locations/R` for a new resource. Raises GoogleError 400 when nothing says a region."""
    parts = call.subject.split("/")
    if parts[0] == "projects":
        return "/".join(parts[:4])
    labels = (body.get("metadata") or {}).get("labels") or {}
    region = region_of(call) or labels.get("cloud.googleapis.com/location", "")
    if not region:
        raise invalid(
            "The request must be sent to a regional endpoint, such as https://us-central1-run.googleapis.com."
        )
    return f"projects/{parts[1]}/locations/{region}"


def path_of(call: Call) -> str:
    """The stored path of a named resource. Raises GoogleError 404."""
    parts = call.subject.split("/")
    collection, own = COLLECTIONS.get(parts[-2], parts[-2]), parts[-1]
    region = parts[3] if parts[0] == "projects" and len(parts) > 5 else region_of(call)
    for path in _candidates(call, collection, own, region or "-"):
        key = f"run.{collection}/{projects.canonical(call.state, path)}"
        if call.state.get(key) is not None:
            return projects.with_id(call.state, path)
    kind = SHOWN.get(collection, parts[-2].upper())
    where = f"in region '{region or '-'}' in project '{parts[1]}' does not exist."
    raise GoogleError(404, f"Resource '{own}' of kind '{kind}' {where}")


def _candidates(call: Call, collection: str, own: str, region: str) -> Iterator[str]:
    """Where a name may be: the names of what owns it are beginnings of its own."""
    regions = [region] if region != "-" else _regions(call, collection)
    for place in regions:
        base = f"projects/{project_of(call)}/locations/{place}"
        if collection == "revisions":
            for owner in _beginnings(own):
                yield f"{base}/services/{owner}/revisions/{own}"
                yield f"{base}/workerPools/{owner}/revisions/{own}"
        elif collection == "executions":
            for owner in _beginnings(own):
                yield f"{base}/jobs/{owner}/executions/{own}"
        elif collection == "tasks":
            execution = own.rpartition("-")[0]
            for owner in _beginnings(execution):
                yield f"{base}/jobs/{owner}/executions/{execution}/tasks/{own}"
        else:
            yield f"{base}/{collection}/{own}"


def _beginnings(own: str) -> Iterator[str]:
    parts = own.split("-")
    for count in range(len(parts) - 1, 0, -1):
        yield "-".join(parts[:count])


def _regions(call: Call, collection: str) -> list[str]:
    """The regions in which a project has anything of a collection, each found by one jump."""
    prefix = f"run.{collection}/{projects.canonical(call.state, f'projects/{project_of(call)}')}/locations/"
    found: list[str] = []
    after = ""
    while True:
        key = next((key for key, _ in call.state.scan(prefix, after)), None)
        if key is None:
            return found
        region = key.removeprefix(prefix).split("/")[0]
        found.append(region)
        after = f"{prefix}{region}/\U0010fffe"


def stored(call: Call, collection: str) -> Iterator[tuple[str, Json]]:
    """The rows that a list request may show: of its region or of all, under one owner if the selector names one."""
    parts = call.subject.split("/")
    region = parts[3] if parts[0] == "projects" and len(parts) > 3 else region_of(call)
    base = projects.canonical(call.state, f"projects/{parts[1]}")
    prefix = f"run.{collection}/{base}/locations/"
    if region and region != "-":
        prefix += f"{region}/" + _owner_part(collection, call.query("labelSelector"))
    return call.state.scan(prefix, start_of(call))


def _owner_part(collection: str, selector: str) -> str:
    owners = {
        "serving.knative.dev/service": ("revisions", "services"),
        "run.googleapis.com/job": ("executions", "jobs"),
        "run.googleapis.com/workerPool": ("revisions", "workerPools"),
    }
    for found in _TERM.finditer(selector):
        wanted, there = owners.get(found["key"] or "", ("", ""))
        if wanted == collection and found["op"] in ("=", "==") and found["value"]:
            return f"{there}/{found['value']}/"
    return ""


def start_of(call: Call) -> str:
    token = call.query("continue")
    try:
        return base64.b64decode(token.encode(), b"-_", validate=True).decode() if token else ""
    except (binascii.Error, UnicodeDecodeError) as error:
        raise invalid("The continue parameter is not valid.") from error


def selected(selector: str) -> Callable[[Json], bool]:
    """A Kubernetes label selector as a test of labels. Raises GoogleError 400 for one that cannot be read."""
    tests: list[Callable[[Json], bool]] = []
    position = 0
    while position < len(selector.strip()):
        found = _TERM.match(selector, position)
        if found is None:
            raise invalid(f"Invalid label selector: {selector}", ("labelSelector", "unable to parse"))
        tests.append(_term(found))
        position = found.end()
    return lambda labels: all(test(labels) for test in tests)


def _term(found: re.Match[str]) -> Callable[[Json], bool]:
    if found["has"]:
        return lambda labels: (found["has"] in labels) != bool(found["not"])
    if found["in"]:
        values = {value.strip() for value in found["values"].split(",")}
        return lambda labels: (labels.get(found["key"]) in values) == (found["in"] == "in")
    return lambda labels: (labels.get(found["key"]) == found["value"]) == (found["op"] != "!=")


def answered(call: Call, kind: str, api: str, rows: Iterable[tuple[str, Json]]) -> Json:
    """A list of printed objects; gcloud wants its metadata even when there is no next page."""
    found, token = page(call, rows, selected(call.query("labelSelector")))
    result: Json = {"apiVersion": api, "kind": kind, "metadata": {"continue": token} if token else {}}
    return result | ({"items": found} if found else {})


def page(call: Call, rows: Iterable[tuple[str, Json]], keep: Callable[[Json], bool]) -> tuple[list[Json], str]:
    """One page of printed objects whose labels are selected, and the token of the next."""
    limit = call.whole("limit", 0)
    found: list[Json] = []
    last = ""
    for key, printed in rows:
        if not keep(printed["metadata"].get("labels") or {}):
            continue
        if limit > 0 and len(found) == limit:
            return found, base64.urlsafe_b64encode(last.encode()).decode()
        found.append(printed)
        last = key
    return found, ""

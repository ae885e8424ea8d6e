"""The methods of v1: each finds its stored object, lets the package above decide, and prints the outcome in v1 form."""

from __future__ import annotations

import base64
from collections.abc import Callable

from reconciler.localcloud import operations, policies, projects
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.run import executions, jobs, names, resources, rollouts, rules, traffic
from reconciler.localcloud.services.run.kinds import INSTANCE, JOB, POOL, SERVICE, Kind
from reconciler.localcloud.services.run.knative import finding, printing, printing_jobs, reading
from reconciler.localcloud.services.run.knative.finding import COLLECTIONS
from reconciler.localcloud.services.run.rollouts import Wish
from reconciler.localcloud.values import Json

Read = Callable[[Json, tuple[str, str]], Json]
_READ: dict[Kind, Read] = {
    SERVICE: reading.service, POOL: reading.pool, JOB: reading.job, INSTANCE: reading.instance,
}  # fmt: skip
_V1_COLLECTIONS = {SERVICE: "services", POOL: "workerpools", JOB: "jobs", INSTANCE: "instances"}
_DOMAINS = "domains.cloudrun.com/v1"


def printed(call: Call, collection: str, row: Json) -> Json:
    """A stored row as the v1 collection shows it."""
    path = row["name"]
    home = finding.home_of(call, path)
    if collection in _PRINT:
        return _PRINT[collection](row, home)
    owner_path = path.rpartition(f"/{collection}/")[0]
    owner = call.state.get(generic.key_of(call, owner_path)) or {"name": owner_path, "uid": ""}
    home = finding.home_of(call, owner_path)
    if collection == "revisions":
        return printing.revision(row, home, owner)
    return printing_jobs.execution(row, home, owner if owner["uid"] else {})


_PRINT = {
    "services": printing.service, "configurations": printing.configuration, "routes": printing.route,
    "workerpools": printing.pool, "jobs": printing_jobs.job, "tasks": printing_jobs.task,
    "instances": printing.instance,
}  # fmt: skip


def _decide(kind: Kind, call: Call, wish: Wish, path: str, before: Json | None) -> Json:
    plain = kind in (JOB, INSTANCE)
    if before is None:
        made = jobs.created(call, wish, path) if plain else rollouts.created(call, wish, path)
    else:
        made = jobs.changed(call, wish, before) if plain else rollouts.changed(call, wish, before)
    return made[0]


def _wish(call: Call, kind: Kind) -> Wish:
    home = finding.home_of(call)
    return Wish(kind, _READ[kind](call.body, home.both), rules.v1_words(kind), call.query("dryRun") == "all")


def create(kind: Kind) -> Behaviour:
    def behaviour(call: Call) -> Answer:
        meta = call.body.get("metadata") or {}
        own = meta.get("name") or names.generated(call.rng, meta.get("generateName") or f"{kind.word}-")
        names.check_name(own, "metadata.name")
        _check_namespace(call, meta)
        path = names.new_path(call, kind, finding.parent_of(call, call.body), own)
        row = _decide(kind, call, _wish(call, kind), path, None)
        return printed(call, _V1_COLLECTIONS[kind], row)

    return behaviour


def _check_namespace(call: Call, meta: Json) -> None:
    """The body may repeat the project, by id or by number, and nothing else."""
    home = finding.home_of(call)
    if meta.get("namespace") and meta["namespace"] not in home.both:
        what = "Namespace must be project ID or project number, and the same as in the request's path."
        raise rules.refusal("metadata.namespace", what)


def replace(kind: Kind) -> Behaviour:
    def behaviour(call: Call) -> Answer:
        meta = call.body.get("metadata") or {}
        path = finding.path_of(call)
        before = names.load(call, path)
        if meta.get("name") and meta["name"] != names.own(path):
            raise rules.refusal("metadata.name", "The name of a resource cannot be changed.")
        _check_namespace(call, meta)
        sent = meta.get("resourceVersion")
        if sent and sent != printing.version(before):
            raise names.conflict(names.own(path), _micros(sent), names.changed_at(before.get("etag", "")))
        row = _decide(kind, call, _wish(call, kind), path, before)
        return printed(call, _V1_COLLECTIONS[kind], row)

    return behaviour


def _micros(version: str) -> int:
    """The number behind a resourceVersion; 0 for one that is not ours."""
    try:
        return int.from_bytes(base64.urlsafe_b64decode(version + "===")[:8], "big")
    except ValueError:
        return 0


def get(collection: str) -> Behaviour:
    def behaviour(call: Call) -> Answer:
        return printed(call, collection, names.load(call, finding.path_of(call)))

    return behaviour


def listed(collection: str, kind: str, api: str) -> Behaviour:
    def behaviour(call: Call) -> Answer:
        stored = finding.stored(call, COLLECTIONS.get(collection, collection))
        rows = ((key, printed(call, collection, row)) for key, row in stored)
        return finding.answered(call, kind, api, rows)

    return behaviour


def delete(call: Call) -> Answer:
    """Deletes at once for who asks again; answers Kubernetes' Status."""
    path = finding.path_of(call)
    row = names.load(call, path)
    collection = path.split("/")[-2]
    if collection == "revisions":
        traffic.check_unused(names.load(call, path.rpartition("/revisions/")[0]), path)
    if call.query("dryRun") != "all":
        resources.deleted(call, path, row)
    details = {
        "group": "run.googleapis.com" if collection in ("jobs", "executions", "workerPools") else "serving.knative.dev",
        "kind": call.subject.split("/")[-2], "name": names.own(path), "uid": row.get("uid", ""),
    }  # fmt: skip
    return {"details": details, "status": "Success"}


def run(call: Call) -> Answer:
    path = finding.path_of(call)
    job = names.load(call, path)
    row, _ = executions.begin(call, job, reading.overrides(call.body))
    return printed(call, "executions", row)


def cancel(call: Call) -> Answer:
    return printed(call, "executions", executions.cancelled(call, finding.path_of(call)))


# --- what v1 has beside resources ------------------------------------------------------------------------------


def get_policy(call: Call) -> Answer:
    return policies.read(call, _policed(call))


def set_policy(call: Call) -> Answer:
    return policies.write(call, _policed(call), call.body.get("policy", {}))


def _policed(call: Call) -> str:
    path = call.subject.replace("/workerpools/", "/workerPools/")
    names.load(call, path)
    return path


def switch(turn: Callable[[Call, str], Json]) -> Behaviour:
    """Start or stop an instance."""

    def behaviour(call: Call) -> Answer:
        return printed(call, "instances", turn(call, finding.path_of(call)))

    return behaviour


def operation(call: Call) -> Answer:
    return _of_v1(call, operations.rendered(operations.find(call, call.subject)))


def list_operations(call: Call) -> Answer:
    found = resources.list_operations(call)
    if isinstance(found, dict) and "operations" in found:
        found["operations"] = [_of_v1(call, one) for one in found["operations"]]
    return found


def _of_v1(call: Call, result: Json) -> Json:
    """v1's operations speak of v1's objects."""
    for field in ("metadata", "response"):
        packed = result.get(field)
        if packed and str(packed.get("name", "")).startswith("projects/"):
            collection = packed["name"].split("/")[-2].lower()
            plain = {name: value for name, value in packed.items() if name != "@type"}
            whole = {"uid": "00000000-0000-4000-a000-000000000000", **plain}
            result[field] = {"@type": packed["@type"].replace(".v2.", ".v1."), **printed(call, collection, whole)}
    return result


def domains(call: Call) -> Answer:  # noqa: ARG001 - a behaviour's shape
    """Nobody has proven a domain here."""
    return {}


def _mapping_key(call: Call, path: str) -> str:
    return "run.domainmappings/" + projects.canonical(call.state, path)


def mapped(call: Call) -> Answer:
    """A domain mapping: made ready at once, with the records that Google asks for (recalled)."""
    home, meta = finding.home_of(call), call.body.get("metadata") or {}
    own = str(meta.get("name", ""))
    if "." not in own:
        raise rules.refusal("metadata.name", "Must be a valid domain name.")
    parent = finding.parent_of(call, call.body)
    path = f"{parent}/domainmappings/{own}"
    if call.state.get(_mapping_key(call, path)) is not None:
        raise GoogleError(409, f"Resource '{own}' already exists.")
    target = (call.body.get("spec") or {}).get("routeName", "")
    names.load(call, f"{parent}/services/{target}")
    row = {
        "name": path, "uid": printing.derived(path, call.stamp), "createTime": call.stamp, "generation": "1",
        "etag": names.etag(call.now, call.rng, path), "labels": meta.get("labels") or {},
        "annotations": {**(meta.get("annotations") or {}), "serving.knative.dev/creator": rollouts.USER},
        "spec": {"certificateMode": "AUTOMATIC", **(call.body.get("spec") or {})}, "stamp": call.stamp,
    }  # fmt: skip
    call.state.put(_mapping_key(call, path), row)
    return _mapping(row, home)


def _mapping(row: Json, home: printing.Home) -> Json:
    meta = printing.metadata(row, home, "domainmappings", {}, {})
    meta["selfLink"] = f"/apis/{_DOMAINS}/namespaces/{home.number}/domainmappings/{names.own(row['name'])}"
    kinds = ("Ready", "CertificateProvisioned", "DomainRoutable")
    done = [{"lastTransitionTime": row["stamp"], "status": "True", "type": kind} for kind in kinds]
    record = {"name": names.own(row["name"]).split(".")[0], "rrdata": "ghs.googlehosted.com.", "type": "CNAME"}
    status = {
        "conditions": done, "mappedRouteName": row["spec"].get("routeName"), "observedGeneration": 1,
        "resourceRecords": [record],
    }  # fmt: skip
    return {"apiVersion": _DOMAINS, "kind": "DomainMapping", "metadata": meta, "spec": row["spec"], "status": status}


def mapping(call: Call) -> Answer:
    return _mapping(names.load(call, finding.path_of(call)), finding.home_of(call))


def mappings(call: Call) -> Answer:
    home = finding.home_of(call)
    rows = ((key, _mapping(row, home)) for key, row in finding.stored(call, "domainmappings"))
    return finding.answered(call, "DomainMappingList", _DOMAINS, rows)


def unmapped(call: Call) -> Answer:
    path = finding.path_of(call)
    call.state.delete(_mapping_key(call, path))
    return {"status": "Success"}

"""Identity pools and their providers, of workloads and of people: ids chosen by the caller, deleted softly for 30 days.

Rules from the discovery document, https://cloud.google.com/iam/docs/manage-workload-identity-pools-providers and
https://cloud.google.com/iam/docs/manage-workforce-identity-pools-providers.
"""

from __future__ import annotations

import re

from reconciler.localcloud import operations, policies, projects
from reconciler.localcloud.api.masks import masked
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import exists, failed_precondition, invalid, not_found
from reconciler.localcloud.operations import Ending, Finisher, Work
from reconciler.localcloud.services import generic
from reconciler.localcloud.values import Json, hexadecimal, timestamp

_ID = re.compile(r"[a-z0-9-]{4,32}")
_GRACE_SECONDS = 30 * 86_400.0
# The message of a kind; the name of its id in a query and of its list follow from it.
_KINDS = {
    "iam.projects.locations.workloadIdentityPools": "WorkloadIdentityPool",
    "iam.projects.locations.workloadIdentityPools.providers": "WorkloadIdentityPoolProvider",
    "iam.locations.workforcePools": "WorkforcePool",
    "iam.locations.workforcePools.providers": "WorkforcePoolProvider",
}
_SOURCES = ("aws", "oidc", "saml", "x509")


def _kind(call: Call) -> str:
    return _KINDS[call.method.id.rpartition(".")[0]]


def _word(call: Call) -> str:
    kind = _kind(call)
    return kind[0].lower() + kind[1:]


def _collection(call: Call) -> str:
    return call.method.id.split(".")[-2]


def _key(call: Call, path: str) -> str:
    return f"iam.{_collection(call)}/{projects.canonical(call.state, path)}"


def _load(call: Call) -> Json:
    row = call.state.get(_key(call, call.subject))
    if row is None:
        raise not_found("Requested entity was not found.")
    return row


def _check(call: Call, row: Json) -> None:
    if _collection(call) != "providers":
        return
    if sum(1 for name in _SOURCES if row.get(name)) != 1:
        raise invalid("Request contains an invalid argument.", ("provider_config", "one of aws, oidc, saml and x509"))
    mapping = row.get("attributeMapping") or {}
    if not row.get("aws") and "google.subject" not in mapping:
        raise invalid(
            "Request contains an invalid argument.", ("attribute_mapping", "must map google.subject"),
        )  # fmt: skip


def _create(call: Call) -> Answer:
    collection = _collection(call)
    own = call.query(f"{_word(call)}Id")
    if not _ID.fullmatch(own) or own.startswith("gcp-"):
        raise invalid("Request contains an invalid argument.", (f"{_word(call)}Id", "must be 4 to 32 of [a-z0-9-]"))
    parent = projects.canonical(call.state, call.subject)
    pool = parent if collection == "providers" else ""
    if pool and (call.state.get(f"iam.{pool.split('/')[-2]}/{pool}") or {"state": ""})["state"] != "ACTIVE":
        raise not_found("Requested entity was not found.")
    _check(call, call.body)
    path = f"{parent}/{collection}/{own}"
    if call.state.get(_key(call, path)) is not None:
        raise exists("Requested entity already exists")
    row: Json = {**call.body, "name": path, "state": "ACTIVE"}
    if _kind(call) == "WorkforcePool":
        row.setdefault("sessionDuration", "3600s")
        if not str(row.get("parent", "")).startswith("organizations/"):
            raise invalid("Request contains an invalid argument.", ("workforce_pool.parent", "an organization"))
    if row.get("aws") and "attributeMapping" not in row:
        row["attributeMapping"] = {
            "google.subject": "assertion.arn",
            "attribute.aws_role": "assertion.arn.contains('assumed-role') ? assertion.arn.extract('{account_arn}"
            "assumed-role/') + 'assumed-role/' + assertion.arn.extract('assumed-role/{role_name}/') : assertion.arn",
        }
    call.state.put(_key(call, path), row)
    return _started(call, row)


def _started(call: Call, row: Json) -> Json:
    kind = _kind(call)
    name = f"{row['name']}/operations/{hexadecimal(call.rng, 32)}"
    metadata = {"@type": f"type.googleapis.com/google.iam.v1.{kind}OperationMetadata"}
    work = Work(name, "generic.done", {"response": row}, metadata, f"type.googleapis.com/google.iam.v1.{kind}")
    return operations.rendered(operations.start(call, work))


def _get(call: Call) -> Answer:
    return _load(call)


def _list(call: Call) -> Answer:
    collection = _collection(call)
    rows = call.state.scan(_key(call, f"{call.subject}/{collection}/"), generic.start_of(call))
    kept = ((key, row) for key, row in rows if row["state"] == "ACTIVE" or call.flag("showDeleted"))
    found, token = generic.page(call, kept, default=50)
    name = f"{_word(call)}s"
    return ({name: found} if found else {}) | ({"nextPageToken": token} if token else {})


def _patch(call: Call) -> Answer:
    row = _load(call)
    if row["state"] != "ACTIVE":
        raise failed_precondition("Precondition check failed.")
    mask = call.query("updateMask")
    if not mask:
        raise invalid("Request contains an invalid argument.", ("update_mask", "required"))
    changed = masked(row, call.body, mask, call.api.schema(call.method.request)["properties"])
    changed |= {"name": row["name"], "state": row["state"]}
    _check(call, changed)
    call.state.put(_key(call, row["name"]), changed)
    return _started(call, changed)


def _delete(call: Call) -> Answer:
    row = _load(call)
    if row["state"] != "ACTIVE":
        raise failed_precondition("Precondition check failed.")
    row |= {"state": "DELETED", "expireTime": timestamp(call.now + _GRACE_SECONDS)}
    key = _key(call, row["name"])
    call.state.put(key, row)
    operations.later(call, f"iam.purge/{key}", _GRACE_SECONDS, "iam.pool_purged", {"key": key})
    return _started(call, row)


def _purged(ending: Ending) -> None:
    ending.state.delete(ending.args["key"])


def _undelete(call: Call) -> Answer:
    row = _load(call)
    if row["state"] != "DELETED":
        raise failed_precondition("Precondition check failed.")
    row = {**{name: value for name, value in row.items() if name != "expireTime"}, "state": "ACTIVE"}
    key = _key(call, row["name"])
    call.state.put(key, row)
    call.state.delete(f"iam.purge/{key}")
    return _started(call, row)


def _get_policy(call: Call) -> Answer:
    return policies.read(call, _load(call)["name"])


def _set_policy(call: Call) -> Answer:
    return policies.write(call, _load(call)["name"], call.body.get("policy") or {})


_OWN: dict[str, Behaviour] = {
    "create": _create, "get": _get, "list": _list, "patch": _patch, "delete": _delete, "undelete": _undelete,
}  # fmt: skip
METHODS: dict[str, Behaviour] = {f"{base}.{verb}": behaviour for base in _KINDS for verb, behaviour in _OWN.items()} | {
    f"{base}.{verb}": behaviour
    for base in _KINDS
    if not base.endswith(".providers")
    for verb, behaviour in {"getIamPolicy": _get_policy, "setIamPolicy": _set_policy}.items()
}
FINISHERS: dict[str, Finisher] = {"iam.pool_purged": _purged}

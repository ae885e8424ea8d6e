"""Which APIs a project has on. Turning one on takes time; then the project is held to its list.

A project made through the API has none on, as the recordings show; gcloud asks for `cloudapis`, which brings the usual
ones. Texts for what cannot be turned off are recalled.
"""

from __future__ import annotations

from reconciler.localcloud import operations, policies, projects
from reconciler.localcloud.api.discovery import documents
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError, failed_precondition, forbidden, invalid
from reconciler.localcloud.operations import Ending, Finisher, Work
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.iam import accounts
from reconciler.localcloud.services.serviceusage import table
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json, uuid_like

_PACKAGE = "type.googleapis.com/google.api.serviceusage.v1."
_HOST = ".googleapis.com"
# https://cloud.google.com/service-usage/quotas and the discovery document: services per batch.
_LARGEST_BATCH, _LARGEST_READ = 20, 30
# Enabled one at a time in the recordings, in projects whose other APIs had been on before: these alone hold nothing.
_PLUMBING = frozenset({"compute.googleapis.com", "servicenetworking.googleapis.com"})


def number_of(call: Call) -> str:
    row = projects.find(call.state, projects.of(call.subject))
    if row is None or row["state"] != "ACTIVE":
        raise forbidden()
    return str(row["number"])


def _key(number: str, name: str) -> str:
    return f"serviceusage.services/projects/{number}/services/{name}"


def _shown(number: str, name: str, state: str) -> Json:
    parent = f"projects/{number}"
    config: Json = {"name": name}
    own = name.removesuffix(_HOST)
    title, summary = documents().titles.get(own, (table.WITHOUT_DOCUMENT.get(own, ""), ""))
    if title:
        config |= {"title": title, "documentation": {"summary": summary} if summary else {}}
    usage = {"requirements": [f"serviceusage{_HOST}/tos/cloud"]}
    config |= {"quota": {}, "authentication": {}, "usage": usage}
    return {"name": f"{parent}/services/{name}", "parent": parent, "config": config, "state": state}


def _state(state: State, number: str, name: str) -> str:
    return "ENABLED" if projects.enabled(state, number, name.removesuffix(_HOST)) else "DISABLED"


def name_of(call: Call) -> str:
    return call.subject.split("/")[3]


def known(name: str) -> bool:
    own = name.removesuffix(_HOST)
    return name.endswith(_HOST) and (documents().knows(own) or own in table.WITHOUT_DOCUMENT)


def check(*names: str) -> None:
    """GoogleError 403 for a name that is no API's, or one that is not for everybody."""
    wrong = [name for name in names if not known(name)]
    if wrong:
        raise forbidden(f"Not found or permission denied for service(s): {', '.join(wrong)}.")


def _get(call: Call) -> Answer:
    number, name = number_of(call), name_of(call)
    check(name)
    return _shown(number, name, _state(call.state, number, name))


def _list(call: Call) -> Answer:
    """All that could be on, or with a filter those that are, or are not."""
    number, wanted = number_of(call), call.query("filter")
    if wanted not in ("", "state:ENABLED", "state:DISABLED"):
        raise invalid("Request contains an invalid argument.", ("filter", "state:ENABLED or state:DISABLED"))
    states = {key.rpartition("/")[2]: row["state"] for key, row in call.state.scan(_key(number, ""))}
    if wanted != "state:ENABLED":
        every = {*documents().titles, *table.WITHOUT_DOCUMENT}
        states = {**dict.fromkeys((name + _HOST for name in every), "DISABLED"), **states}
    start = generic.start_of(call)
    rows = (
        (name, _shown(number, name, state))
        for name, state in sorted(states.items())
        if name > start and wanted in ("", f"state:{state}")
    )
    found, token = generic.page(call, rows, default=50, most=200)
    return ({"services": found} if found else {}) | ({"nextPageToken": token} if token else {})


def _batch_get(call: Call) -> Answer:
    number = number_of(call)
    names = [name.rpartition("/")[2] for name in call.request.query.get("names", [])]
    if not names or len(names) > _LARGEST_READ:
        raise invalid("Request contains an invalid argument.", ("names", f"1 to {_LARGEST_READ} services"))
    check(*names)
    return {"services": [_shown(number, name, _state(call.state, number, name)) for name in names]}


# --- on and off ------------------------------------------------------------------------------------------------


def _change(call: Call, names: list[str], state: str, kind: str) -> Answer:
    """`names` are what the answer tells of; what they need, or what needs them, changes along."""
    number = number_of(call)
    check(*names)
    args: Json = {"number": number, "names": names, "state": state, "kind": kind}
    if all(_state(call.state, number, name) == state for name in names):
        for name in names:
            call.state.put(_key(number, name), {"state": state})
        work = Work("operations/noop.DONE_OPERATION", "", args, None, _PACKAGE + kind)
        return operations.rendered(operations.finished(call, work, _response(args)))
    args["all"] = [name + _HOST for name in table.with_needs([name.removesuffix(_HOST) for name in names])]
    if state == "DISABLED":
        args["all"] = [*names, *_dependents(call, number, names[0])]
    _hold(call, number, args["all"], state)
    if set(names) - _PLUMBING:
        call.state.put(f"serviceusage.touched/{number}", {})
    told = [f"projects/{number}/services/{name}" for name in args["all"]]
    metadata = {"@type": _PACKAGE + "OperationMetadata", "resourceNames": told}
    name = f"operations/acat.p2-{number}-{uuid_like(call.rng)}"
    work = Work(name, "serviceusage.changed", args, metadata, _PACKAGE + kind)
    return operations.rendered(operations.start(call, work))


def _hold(call: Call, number: str, names: list[str], state: str) -> None:
    """From the first change on, the project is held to its list: an API that is not on *yet* is off too."""
    for name in names:
        before = _state(call.state, number, name)
        call.state.put(_key(number, name), {"state": before if state == "ENABLED" else "ENABLED"})


def _response(args: Json) -> Json:
    shown = [_shown(args["number"], name, args["state"]) for name in args["names"]]
    return {"services": shown} if args["kind"].startswith("Batch") else {"service": shown[0]}


def _changed(ending: Ending) -> None:
    """A batch that ends in an error has enabled its first half, as a real one may."""
    args = ending.args
    names = args["all"]
    for name in names[: len(names) // 2] if ending.failed else names:
        ending.state.put(_key(args["number"], name), {"state": args["state"]})
        if args["state"] == "ENABLED":
            _employ(ending, args["number"], name.removesuffix(_HOST))
    ending.response = _response(args)


def _employ(ending: Ending, number: str, service: str) -> None:
    """The API's agent gets its role in the project; with Compute Engine comes the account that machines run as."""
    role = table.role_of(service)
    if role:
        key = f"iam/cloudresourcemanager/projects/{number}"
        policies.grant(ending.moment, key, role, f"serviceAccount:{table.agent(service, number)}")
    project = projects.find(ending.state, number)
    if service == "compute" and project:
        accounts.default_of_compute(ending.moment, project)


def _enable(call: Call) -> Answer:
    return _change(call, [name_of(call)], "ENABLED", "EnableServiceResponse")


def _batch_enable(call: Call) -> Answer:
    names = call.body.get("serviceIds") or []
    if not names or len(names) > _LARGEST_BATCH:
        raise invalid(
            f"The number of services in a batch must be between 1 and {_LARGEST_BATCH}, got {len(names)}.",
            ("service_ids", "size"),
        )
    return _change(call, names, "ENABLED", "BatchEnableServicesResponse")


def _disable(call: Call) -> Answer:
    number, name = number_of(call), name_of(call)
    if known(name) and call.state.get(_key(number, name)) is None:
        raise failed_precondition(f"Service {name} is not enabled for consumer project {number}.")
    return _change(call, [name], "DISABLED", "DisableServiceResponse")


def _dependents(call: Call, number: str, name: str) -> list[str]:
    """The enabled APIs that need `name`: GoogleError 400 unless the caller wants them off as well."""
    on = [key.rpartition("/")[2] for key, row in call.state.scan(_key(number, "")) if row["state"] == "ENABLED"]
    found = table.needing(name.removesuffix(_HOST), [one.removesuffix(_HOST) for one in on])
    hosts = [one + _HOST for one in found]
    if hosts and not call.body.get("disableDependentServices"):
        said = (
            f"The service {name} is depended on by the following active service(s): {','.join(hosts)}; "
            "Please specify disable_dependent_services=true if you want to proceed with disabling all services."
        )
        kind = "type.googleapis.com/google.rpc.PreconditionFailure"
        violation = {"type": "googleapis.com", "subject": "?error_code=100001", "description": said}
        raise GoogleError(400, said, "FAILED_PRECONDITION", details=[{"@type": kind, "violations": [violation]}])
    return hosts


# --- agents ----------------------------------------------------------------------------------------------------


def _identity(call: Call) -> Answer:
    """v1beta1 generateServiceIdentity: the service agent of an API in a project, made on first use."""
    number, name = number_of(call), name_of(call)
    check(name)
    own = name.removesuffix(_HOST)
    identity: Json = {}
    if own not in table.WITHOUT_ADDRESS:
        identity = {"email": table.agent(own, number), "uniqueId": f"1{int(number):020d}"}
    kind = "type.googleapis.com/google.api.serviceusage.v1beta1.ServiceIdentity"
    work = Work(f"operations/finished.DONE_OPERATION.{uuid_like(call.rng)}", "", response_type=kind)
    return operations.rendered(operations.finished(call, work, identity))


def _operation(call: Call) -> Answer:
    return operations.rendered(operations.find(call, call.subject))


METHODS: dict[str, Behaviour] = {
    "serviceusage.services.get": _get, "serviceusage.services.list": _list,
    "serviceusage.services.batchGet": _batch_get, "serviceusage.services.enable": _enable,
    "serviceusage.services.batchEnable": _batch_enable, "serviceusage.services.disable": _disable,
    "serviceusage.services.generateServiceIdentity": _identity, "serviceusage.operations.get": _operation,
}  # fmt: skip
FINISHERS: dict[str, Finisher] = {"serviceusage.changed": _changed}

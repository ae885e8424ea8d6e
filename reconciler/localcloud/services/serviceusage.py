"""Service Usage v1: which APIs a project has on. Turning one on takes time; then the project is held to its list."""

from __future__ import annotations

from reconciler.localcloud import operations, projects
from reconciler.localcloud.api.discovery import Library
from reconciler.localcloud.call import Answer, Call
from reconciler.localcloud.errors import failed_precondition, forbidden, invalid
from reconciler.localcloud.operations import Ending, Finisher, Work
from reconciler.localcloud.services import generic
from reconciler.localcloud.values import Json, uuid_like

_PACKAGE = "type.googleapis.com/google.api.serviceusage.v1."
# https://cloud.google.com/service-usage/quotas: services per batch.
_LARGEST_BATCH = 20
# Enabled one at a time in the recordings, in projects whose other APIs had been on before: these alone hold nothing.
_PLUMBING = frozenset({"compute.googleapis.com", "servicenetworking.googleapis.com"})
_known: Library | None = None


def _library() -> Library:
    global _known  # noqa: PLW0603 - the list of documents never changes while we run
    _known = _known or Library()
    return _known


def _number(call: Call) -> str:
    row = projects.find(call.state, projects.of(call.subject))
    if row is None or row["state"] != "ACTIVE":
        raise forbidden()
    return str(row["number"])


def _key(number: str, name: str) -> str:
    return f"serviceusage.services/projects/{number}/services/{name}"


def _shown(number: str, name: str, state: str) -> Json:
    parent = f"projects/{number}"
    return {"name": f"{parent}/services/{name}", "parent": parent, "config": {"name": name}, "state": state}


def _state(call: Call, number: str, name: str) -> str:
    return "ENABLED" if projects.enabled(call.state, number, name.removesuffix(".googleapis.com")) else "DISABLED"


def _name(call: Call) -> str:
    return call.subject.rsplit("/", 1)[1]


def _check(name: str, number: str) -> str:
    if not name.endswith(".googleapis.com") or not _library().knows(name.split(".", maxsplit=1)[0]):
        raise forbidden(f"Not found or permission denied for service(s): {name}.") if number else invalid(name)
    return name


def _get(call: Call) -> Answer:
    number = _number(call)
    name = _check(_name(call), number)
    return _shown(number, name, _state(call, number, name))


def _list(call: Call) -> Answer:
    """Enabled services only with `filter=state:ENABLED`; disabled ones are those that were once enabled."""
    number, wanted = _number(call), call.query("filter").removeprefix("state:")
    states = {f"{name}.googleapis.com": "ENABLED" for name in projects.DEFAULT_SERVICES}
    states |= {key.rsplit("/", 1)[1]: row["state"] for key, row in call.state.scan(_key(number, ""))}
    start = generic.start_of(call)
    rows = [
        (name, _shown(number, name, state))
        for name, state in sorted(states.items())
        if name > start and wanted in ("", state)
    ]
    found, token = generic.page(call, rows, default=50, most=200)
    return ({"services": found} if found else {}) | ({"nextPageToken": token} if token else {})


def _batch_get(call: Call) -> Answer:
    number = _number(call)
    names = [name.rsplit("/", 1)[-1] for name in call.request.query.get("names", [])]
    return {"services": [_shown(number, name, _state(call, number, name)) for name in names]}


def _operation_name(call: Call, number: str) -> str:
    return f"operations/acat.p2-{number}-{uuid_like(call.rng)}"


def _change(call: Call, names: list[str], state: str, kind: str) -> Answer:
    number = _number(call)
    for name in names:
        _check(name, number)
    if all(_state(call, number, name) == state for name in names):
        args: Json = {"number": number, "names": names, "state": state, "kind": kind}
        for name in names:
            call.state.put(_key(number, name), {"state": state})
        work = Work(f"operations/noop.DONE_OPERATION.{uuid_like(call.rng)}", "", args, None, _PACKAGE + kind)
        return operations.rendered(operations.finished(call, work, _response(args)))
    _hold(call, number, names, state)
    metadata = {
        "@type": _PACKAGE + "OperationMetadata",
        "resourceNames": [f"projects/{number}/services/{name}" for name in names],
    }
    work = Work(
        _operation_name(call, number),
        "serviceusage.changed",
        {"number": number, "names": names, "state": state, "kind": kind},
        metadata,
        _PACKAGE + kind,
    )
    return operations.rendered(operations.start(call, work))


def _hold(call: Call, number: str, names: list[str], state: str) -> None:
    """From the first change on, the project is held to its list: an API that is not on *yet* is off too."""
    for name in names:
        before = _state(call, number, name)
        call.state.put(_key(number, name), {"state": before if state == "ENABLED" else "ENABLED"})
    if set(names) - _PLUMBING:
        call.state.put(f"serviceusage.touched/{number}", {})


def _response(args: Json) -> Json:
    shown = [_shown(args["number"], name, args["state"]) for name in args["names"]]
    return {"services": shown} if args["kind"].startswith("Batch") else {"service": shown[0]}


def _changed(ending: Ending) -> None:
    """A batch that ends in an error has enabled its first half, as a real one may."""
    names = ending.args["names"]
    for name in names[: len(names) // 2] if ending.failed else names:
        ending.state.put(_key(ending.args["number"], name), {"state": ending.args["state"]})
    ending.response = _response(ending.args)


def _enable(call: Call) -> Answer:
    return _change(call, [_name(call)], "ENABLED", "EnableServiceResponse")


def _batch_enable(call: Call) -> Answer:
    names = call.body.get("serviceIds", [])
    if not names or len(names) > _LARGEST_BATCH:
        raise invalid(
            f"The number of services in a batch must be between 1 and {_LARGEST_BATCH}, got {len(names)}.",
            ("service_ids", "size"),
        )
    return _change(call, names, "ENABLED", "BatchEnableServicesResponse")


def _disable(call: Call) -> Answer:
    number, name = _number(call), _name(call)
    if call.state.get(_key(number, name)) is None and _state(call, number, name) == "DISABLED":
        raise failed_precondition(f"Service {name} is not enabled for consumer project {number}.")
    return _change(call, [name], "DISABLED", "DisableServiceResponse")


def _identity(call: Call) -> Answer:
    """v1beta1 generateServiceIdentity: the service agent of an API in a project, made on first use."""
    number, name = _number(call), _name(call)
    short = name.split(".")[0]
    agent = {"email": f"service-{number}@gcp-sa-{short}.iam.gserviceaccount.com", "uniqueId": f"{int(number):021d}"}
    kind = "type.googleapis.com/google.api.serviceusage.v1beta1.ServiceIdentity"
    work = Work(f"operations/finished.DONE_OPERATION.{uuid_like(call.rng)}", "", response_type=kind)
    return operations.rendered(operations.finished(call, work, agent))


def _operation(call: Call) -> Answer:
    return operations.rendered(operations.find(call, call.subject))


METHODS = {
    "serviceusage.services.get": _get, "serviceusage.services.list": _list,
    "serviceusage.services.batchGet": _batch_get,
    "serviceusage.services.enable": _enable, "serviceusage.services.batchEnable": _batch_enable,
    "serviceusage.services.disable": _disable, "serviceusage.services.generateServiceIdentity": _identity,
    "serviceusage.operations.get": _operation,
}  # fmt: skip
FINISHERS: dict[str, Finisher] = {"serviceusage.changed": _changed}

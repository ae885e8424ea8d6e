"""IAM policies: read, and changed by exactly our members, guarded by the policy's etag.

A binding with a condition is shown under the role "ROLE if EXPRESSION", so that it never merges with the plain one;
such a binding is only ever taken away (where we own the whole policy), never written by us.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from reconciler.gcp.adapter import found, refuse
from reconciler.gcp.errors import failure_of
from reconciler.gcp.session import Session
from reconciler.kinds.catalog import kind_of
from reconciler.model.canonical import Body
from reconciler.model.errors import Failure, Next
from reconciler.model.plan import Action
from reconciler.model.ports import Answer, Call, Done, Failed
from reconciler.model.resource import Found

POLICY_VERSION = 3
"""The version that carries conditions (cloud.google.com/iam/docs/policies#versions)."""

Members = dict[str, set[str]]


class Door(Protocol):
    """How one service reads and writes a policy: the API's JSON {"bindings", "etag", "version"}."""

    def read(self, resource: str) -> dict[str, Any]: ...

    def write(self, resource: str, policy: Mapping[str, Any]) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class PolicyAdapter:
    """`name` is "{resource}/iam". The uid is the resource's name: a policy has no identity of its own."""

    session: Session
    kind: str
    door: Door

    def list(self, parent: str, names: Sequence[str]) -> Mapping[str, Found]:  # noqa: ARG002 - policies have no list
        read = ((name, self._read(name)) for name in names)
        return {name: policy for name, policy in read if policy is not None}

    def get(self, name: str, parent: str, body: Body) -> Found | None:  # noqa: ARG002 - the port's shape
        return self._found(name, self.door.read(_resource(name)))

    def begin(self, call: Call) -> Answer:
        resource = _resource(call.name)
        policy = self.door.read(resource)
        if not policy.get("etag"):
            raise refuse(Next.RETRY, f"{call.name} was read without its etag, so it is not written")
        change = self._delta(call, policy)
        if not any(change):
            return Done(self._found(call.name, policy))
        written = self.door.write(resource, edited(policy, *change))
        return Done(self._found(call.name, written))

    def poll(self, operation: str, call: Call) -> Answer:
        return Failed(Failure(Next.BUG, f"{call.name}: setting a policy has no operation ({operation})"))

    def _read(self, name: str) -> Found | None:
        try:
            return self._found(name, self.door.read(_resource(name)))
        except Exception as error:
            if failure_of(error).missing:
                return None
            raise

    def _found(self, name: str, policy: Mapping[str, Any]) -> Found:
        shown = {"bindings": listed(members_of(policy.get("bindings", ()))), "etag": policy.get("etag", "")}
        return found(self.session, shown, name)

    def _delta(self, call: Call, policy: Mapping[str, Any]) -> tuple[Members, Members]:
        """(to add, to take away): the call's members against what the caller saw."""
        owned = all(rule.owned for rule in kind_of(call.kind).keyed)
        here = members_of(policy.get("bindings", ()))
        want = members_of(call.body.get("bindings", ()))
        if call.action is Action.DELETE:
            return {}, here if owned else want
        base = members_of(call.live.body.get("bindings", ())) if call.live is not None else here if owned else {}
        if call.action is not Action.UPDATE and not owned:
            base = {}  # a first setting beside others' members takes nothing away
        add = {role: members - here.get(role, set()) for role, members in want.items()}
        cut = {role: (members - want.get(role, set())) & here.get(role, set()) for role, members in base.items()}
        return {r: m for r, m in add.items() if m}, {r: m for r, m in cut.items() if m}


def members_of(bindings: Iterable[Mapping[str, Any]]) -> Members:
    result: Members = {}
    for binding in bindings:
        result.setdefault(_role(binding), set()).update(binding.get("members", ()))
    return result


def listed(members: Members) -> list[dict[str, Any]]:
    return [{"role": role, "members": sorted(who)} for role, who in sorted(members.items()) if who]


def edited(policy: Mapping[str, Any], add: Members, cut: Members) -> dict[str, Any]:
    """The policy with members added and taken away; every other binding, condition, field and the etag as it was."""
    bindings: list[dict[str, Any]] = []
    rest = {role: set(members) for role, members in add.items()}
    for binding in policy.get("bindings", ()):
        gone = cut.get(_role(binding), set())
        kept = [m for m in binding.get("members", ()) if m not in gone]
        if "condition" not in binding:
            kept += sorted(rest.pop(binding.get("role", ""), set()) - set(kept))
        if kept:
            bindings.append({**binding, "members": kept})
    bindings += listed(rest)
    return {**policy, "bindings": bindings, "version": POLICY_VERSION}


def _role(binding: Mapping[str, Any]) -> str:
    condition = binding.get("condition")
    role = str(binding.get("role", ""))
    return f"{role} if {condition.get('expression', '')}" if isinstance(condition, Mapping) else role


def _resource(name: str) -> str:
    return name.removesuffix("/iam")


@dataclass(frozen=True, slots=True)
class GapicDoor:
    """For clients whose get_iam_policy and set_iam_policy take google.iam.v1 messages."""

    client: Any

    def read(self, resource: str) -> dict[str, Any]:
        from reconciler.gcp.adapter import ONCE
        from reconciler.gcp.words import to_json

        request = {"resource": resource, "options": {"requested_policy_version": POLICY_VERSION}}
        return to_json(self.client().get_iam_policy(request=request, **ONCE))

    def write(self, resource: str, policy: Mapping[str, Any]) -> dict[str, Any]:
        from google.iam.v1 import policy_pb2
        from google.protobuf.json_format import ParseDict

        from reconciler.gcp.adapter import ONCE
        from reconciler.gcp.words import to_json

        message = ParseDict(dict(policy), policy_pb2.Policy())
        return to_json(self.client().set_iam_policy(request={"resource": resource, "policy": message}, **ONCE))

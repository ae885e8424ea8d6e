"""What an apply came to, as a version: the parent's resources with what succeeded put in, and nothing that failed.

The documents of a version are the *applied* ones: a target that did not get through keeps the text it had, so that a
version's text and resources agree and one can return to them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from reconciler.history.summary import summarise
from reconciler.kinds.catalog import kind_of
from reconciler.model.canonical import Body
from reconciler.model.fleet import Fleet
from reconciler.model.ids import FLEET, Address, Target, TargetKind, shard_target, tenant_target
from reconciler.model.outcome import ItemOutcome, Outcome, Result
from reconciler.model.plan import Action, Plan
from reconciler.model.version import Applied, TenantState, Version

_SECRET_NAMES = frozenset({"password", "rootPassword", "payload", "privateKeyData", "secretData"})
"""Body fields of Google's APIs that carry a secret itself; a version never holds one."""


@dataclass(frozen=True, slots=True)
class RecordContext:
    """What a version says beside the outcome.

    `documents`: path under the fleet root -> text at the commit, for the shard's own files and what they inherit.
    `owners`: which of those paths belong to a target that can fail by itself (its own file); the rest is shared.
    `tenants`: state of each valid tenant of the shard at the commit. `unsettled`: targets whose text at the commit is
    not (wholly) applied: out of scope, refused, frozen, or with an item that is not done.
    """

    shard: str
    at: datetime
    actor: str
    trigger: str
    fleet_commit: str
    documents: Mapping[str, str] = field(default_factory=dict)
    owners: Mapping[str, Target] = field(default_factory=dict)
    tenants: Mapping[str, TenantState] = field(default_factory=dict)
    unsettled: frozenset[Target] = frozenset()


def context_of(
    fleet: Fleet, shard: str, plan: Plan, outcome: Outcome, stamp: tuple[datetime, str, str]
) -> RecordContext:
    """The context of one shard ("" for the fleet's own objects). `stamp`: when, who, and why it was started."""
    at, actor, trigger = stamp
    documents: dict[str, str] = {}
    owners: dict[str, Target] = {}
    if fleet.fleet is not None:
        documents[fleet.fleet.path] = fleet.fleet.text
        if not shard:
            owners[fleet.fleet.path] = FLEET
    tenants = fleet.tenants_of(shard) if shard else ()
    tiers = {fleet.tenants[name].document.spec.tier for name in tenants}
    documents |= {fleet.tiers[tier].path: fleet.tiers[tier].text for tier in sorted(tiers) if tier in fleet.tiers}
    if shard in fleet.shards:
        documents[fleet.shards[shard].path] = fleet.shards[shard].text
        owners[fleet.shards[shard].path] = shard_target(shard)
    for name in tenants:
        written = fleet.tenants[name]
        documents[written.path] = written.text
        owners[written.path] = tenant_target(name)
    states = {name: _state(fleet, name, at) for name in tenants}
    unsettled = frozenset(_unsettled(fleet, shard, plan, outcome))
    return RecordContext(shard, at, actor, trigger, plan.fleet_head, documents, owners, states, unsettled)


def record(parent: Version | None, plan: Plan, outcome: Outcome, context: RecordContext) -> Version:
    """The version that follows `parent` (None: the first). Its id is "" until it is published.

    Raises ValueError when a body holds a secret itself: a bug, and nothing must be written then.
    """
    items = tuple(outcome.items.values())
    resources = dict(parent.resources) if parent else {}
    for item in items:
        if item.result is Result.DONE:
            _put(resources, item)
    result = "healthy" if outcome.ok else "partial" if outcome.count(Result.DONE) else "failed"
    return Version(
        id="", parent=parent.id if parent else None, shard=context.shard, number=parent.number + 1 if parent else 1,
        at=context.at, actor=context.actor, trigger=context.trigger, fleet_commit=context.fleet_commit,
        plan=plan.digest, result=result, summary=summarise(items), resources=resources,
        tenants=_tenants(parent, context, resources), documents=_documents(parent, context, resources),
        items=tuple(_row(item) for item in items),
    )  # fmt: skip


def _put(resources: dict[Address, Applied], item: ItemOutcome) -> None:
    change = item.change
    if change.action is Action.DELETE:
        resources.pop(change.address, None)
        return
    body = item.body if item.body is not None else change.body
    _refuse_secrets(change.address, body)
    uid = item.uid or change.uid
    resources[change.address] = Applied(
        change.address, change.name, change.parent, body, uid, change.owner, change.source
    )


def _refuse_secrets(address: Address, body: Body) -> None:
    """Write-only values are there as references (a mapping), as names (a list) or as the name of a recipe, never as
    themselves: what is secret is text."""
    kind = kind_of(address.kind)
    for path in kind.write_only:
        value = body.get(path.partition(".")[0])
        if isinstance(value, str) and path != "generate":
            raise ValueError(f"{address}: `{path}` is to be recorded by reference, not by value")
    for name in _names(body):
        if name in _SECRET_NAMES:
            raise ValueError(f"{address}: its body holds `{name}`, which is never recorded")


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(inner, Mapping) and inner is not None:
                yield str(key)
            yield from _names(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _names(inner)


def _row(item: ItemOutcome) -> dict[str, Any]:
    """For people. A creation's fields are its resource; only what was changed is told field by field."""
    change = item.change
    told = change.fields if change.action in (Action.UPDATE, Action.REPLACE) else ()
    row = {
        "resource": str(change.address), "action": str(change.action), "result": str(item.result),
        "message": item.message, "fields": [f.to_json() for f in told],
    }  # fmt: skip
    return {**row, "drift": True} if change.drift else row


# --- what is applied of the documents -------------------------------------------------------------------------------


def _documents(parent: Version | None, context: RecordContext, resources: Mapping[Address, Applied]) -> dict[str, str]:
    before = parent.documents if parent else {}
    result: dict[str, str] = {}
    for path, text in context.documents.items():
        owner = context.owners.get(path)
        if owner is None or owner not in context.unsettled:
            result[path] = text
        elif path in before:
            result[path] = before[path]
    kept = _with_something(resources)
    for path, text in before.items():
        name = path.split("/")[-2] if path.endswith("/tenant.yaml") else ""
        if path not in context.documents and name in kept:
            result[path] = text  # its file is gone or wrong, and its resources are still ours
    return result


def _tenants(
    parent: Version | None, context: RecordContext, resources: Mapping[Address, Applied]
) -> dict[str, TenantState]:
    """Tenants with something of theirs recorded; `since` moves only when the state or the owner does."""
    before = parent.tenants if parent else {}
    ours = _with_something(resources)
    result: dict[str, TenantState] = {}
    for name in sorted(ours):
        old, new = before.get(name), context.tenants.get(name)
        if new is None or (old is not None and tenant_target(name) in context.unsettled):
            new = old
        if new is not None:
            same = old is not None and (old.uid, old.state) == (new.uid, new.state)
            result[name] = replace(new, since=old.since) if same and old is not None else new
    return result


def _with_something(resources: Mapping[Address, Applied]) -> frozenset[str]:
    """Tenants that have something: a last backup is what stays of one that was purged."""
    return frozenset(a.target.name for a in resources if a.target.kind is TargetKind.TENANT and a.kind != "sql.backup")


def _state(fleet: Fleet, name: str, at: datetime) -> TenantState:
    document = fleet.tenants[name].document
    written = {"production": document.spec.environments.production, "staging": document.spec.environments.staging}
    environments = [key for key, said in written.items() if said is not None and said.state != "deleted"]
    return TenantState(
        document.metadata.uid or "", str(document.spec.state or "active"), at.isoformat(), document.spec.tier,
        tuple(environments),
    )  # fmt: skip


def _unsettled(fleet: Fleet, shard: str, plan: Plan, outcome: Outcome) -> Iterator[Target]:
    for item in outcome.items.values():
        if item.result is not Result.DONE:
            yield item.change.address.target.whole
    for verdict in plan.refused():  # what could not even be planned; refused changes are in the outcome
        yield from (address.target.whole for address in verdict.items if address not in outcome.items)
    for text in fleet.frozen:
        yield Target.parse(text)
    scope = frozenset(plan.scope)
    if not scope or "fleet" in scope or (shard and f"shard/{shard}" in scope):
        return
    yield from (tenant_target(name) for name in fleet.tenants_of(shard) if f"tenant/{name}" not in scope)
    if not any(name.startswith(f"shard/{shard}" if shard else "fleet") for name in scope):
        yield shard_target(shard) if shard else FLEET

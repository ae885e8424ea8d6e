"""Escrow: what a deletion keeps, for how long, who may let it go for good, and who may have the name meanwhile.

A purge is one thing: while some of its data may not go, nothing of it goes, so that all of it can be taken back.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from reconciler.kinds.catalog import kind_of
from reconciler.model.authorship import Authorship
from reconciler.model.fleet import Fleet
from reconciler.model.ids import Target, tenant_target
from reconciler.model.plan import Action, Change, GuardVerdict, Verdict
from reconciler.model.spec import Escrow as EscrowSpec
from reconciler.model.spec import PurgeApproval
from reconciler.model.version import Version
from reconciler.planning.facts import Facts

LONGEST = timedelta(days=7)
"""How far ahead an approval may reach (reliability.md, data-bearing deletes)."""
_DESTROYS = (Action.DELETE, Action.REPLACE)


@dataclass(frozen=True, slots=True)
class Escrow:
    """Where a deleted tenant is on its way out. `since` None: no version has recorded the deletion yet. `kept`: what of
    it is still there, in words; `line`: the "file:line" that takes it back; `purge`: its approval, "" when none."""

    tenant: str
    since: datetime | None
    ends: datetime | None
    kept: tuple[str, ...]
    line: str
    purge: str = ""

    def days_left(self, now: datetime) -> int:
        """Whole days until its data may be purged; 0 when they may be."""
        return max(0, -((now - self.ends) // timedelta(days=1))) if self.ends else 0

    def told(self, now: datetime, commit: str = "") -> str:
        """In words. `commit`: the one that wrote the line, "" when git does not tell."""
        revert = f" (git revert {commit[:12]})" if commit else ""
        back = f"Bring it back: take out `state: deleted` at {self.line}{revert}" if self.line else (
            "Bring it back: put its file back"
        )  # fmt: skip
        kept = f"kept: {', '.join(self.kept)}" if self.kept else "nothing of it is left"
        if self.since is None or self.ends is None:
            return f"its deletion is not applied yet; {kept}. {back}"
        days = self.days_left(now)
        left = f"{days} day{'' if days == 1 else 's'} left, until {self.ends:%Y-%m-%d}" if days else (
            f"its time is over since {self.ends:%Y-%m-%d}, and it may be purged"
        )  # fmt: skip
        approved = f"; purge approved until {self.purge}" if self.purge else ""
        return f"deleted {self.since:%Y-%m-%d}, {left}{approved}; {kept}. {back}"

    def to_json(self, now: datetime) -> dict[str, Any]:
        return {
            "since": self.since.isoformat() if self.since else None, "line": self.line,
            "until": self.ends.isoformat() if self.ends else None, "daysLeft": self.days_left(now),
            "kept": list(self.kept), "purgeApprovedUntil": self.purge or None,
        }  # fmt: skip


def escrow_of(fleet: Fleet, version: Version | None, name: str) -> Escrow | None:
    """Where a tenant is in its escrow, by the newest version of its shard; None when it is not deleted."""
    written, state = fleet.tenants.get(name), version.tenants.get(name) if version else None
    gone = state is not None and state.state == "deleted"
    asked = written.document.spec.state == "deleted" if written is not None else gone
    if not asked:
        return None
    spec = fleet.fleet.document.spec if fleet.fleet else None
    since = datetime.fromisoformat(state.since) if state is not None and gone else None
    mine = [a for a in (version.resources if version else ()) if a.target == tenant_target(name)]
    nouns = sorted({kind_of(a.kind).noun for a in mine if kind_of(a.kind).data_bearing})
    uid = state.uid if state is not None else ""
    approved = [p.expires for p in (spec.purges if spec else ()) if (p.tenant, p.uid) == (name, uid)]
    days = (spec.escrow if spec else EscrowSpec()).days
    return Escrow(
        tenant=name, since=since, ends=since + timedelta(days=days) if since else None, kept=tuple(nouns),
        line=written.at("spec", "state") if written is not None else "", purge=approved[0] if approved else "",
    )  # fmt: skip


def former_owners(facts: Facts, changes: Sequence[Change], _limits: object) -> Iterable[GuardVerdict]:
    """A name may come back, an owner does not: while what is kept of an earlier owner is there, nobody else is made
    under the name, so that what is kept can be brought back, or purged by its own uid."""
    for name, written in sorted(facts.fleet.tenants.items()):
        target = tenant_target(name)
        items = tuple(c.address for c in changes if c.address.target == target)
        shard = facts.keeper(name)
        version = facts.history.get(shard) if items else None
        state = version.tenants.get(name) if version else None
        if state is None or state.uid == written.document.metadata.uid or not state.uid:
            if not items or name not in facts.former:
                continue
            shard, uid, gone = facts.former[name]
        else:
            uid, gone = state.uid, state.state == "deleted"
        way = "purge it first (fleet.yaml spec.purges)" if gone else "delete and purge it first"
        message = (
            f"the name {name} still belongs to uid {uid}, whose data shard {shard} keeps"
            f"{' in escrow' if gone else ''}: {way}, bring its file back, or choose another name"
        )
        yield GuardVerdict("former-owner", target, Verdict.REFUSE, message, items)


def data_deletes(facts: Facts, changes: Sequence[Change], _limits: object) -> Iterable[GuardVerdict]:
    """Deleting or replacing what holds data needs a written, unexpired approval, and the escrow window over.

    A purge is one thing: while its data may not go, nothing of what it approves goes, so that it can be taken back.
    """
    refused: dict[tuple[Target, str, str], list[Change]] = {}
    for change in changes:
        kind = kind_of(change.address.kind)
        if change.action not in _DESTROYS or not kind.data_bearing:
            continue
        why = _not_approved(facts, change)
        if change.action is Action.REPLACE:
            why = f"replacing this {kind.noun} would destroy what it holds"
        if why:
            refused.setdefault((change.address.target, change.approval, why), []).append(change)
    for (target, approval, why), held in refused.items():
        named = ", ".join(f"{c.address.kind}/{c.address.key}" for c in held)
        message = f"{named} {'holds' if len(held) == 1 else 'hold'} data and {_stay(len(held))} untouched: {why}"
        together = [c for c in changes if approval and (c.address.target, c.approval) == (target, approval)]
        items = tuple(c.address for c in changes if c in held or c in together)
        yield GuardVerdict("data-delete", target, Verdict.REFUSE, message, items)


def _stay(number: int) -> str:
    return "stays" if number == 1 else "stay"


def _not_approved(facts: Facts, change: Change) -> str:
    """Why a written deletion may not happen yet; "" when it may."""
    fleet, name = facts.fleet.fleet, change.address.target.name
    version = facts.history.get(change.shard)
    tenant = version.tenants.get(name) if version else None
    if not change.approval or fleet is None:
        return (
            f"approve its purge in fleet.yaml `spec.purges` (tenant: {name}, uid: {change.owner}, expires, approvers)"
        )
    approval = next((p for p in fleet.document.spec.purges if p.tenant == name and p.uid == change.owner), None)
    if approval is None:
        return "the approval names another tenant or uid"
    if tenant is None or tenant.state != "deleted":
        return "no version records the tenant as deleted; its escrow has not begun"
    removal = next((r for r in facts.desired.removals if r.address == change.address), None)
    for address in removal.after if removal else ():
        backup, recorded = facts.found(address), version.resources.get(address) if version else None
        if backup is not None and (recorded is None or recorded.uid != backup.uid):
            return f"{address} is not the one that was recorded with this deletion; apply once more to record it"
    early = _too_early(facts.now, approval, datetime.fromisoformat(tenant.since), fleet.document.spec.escrow.days)
    return early or _by_its_author(approval, facts.authors.get(change.approval))


def _too_early(now: datetime, approval: PurgeApproval, since: datetime, days: int) -> str:
    today = now.date()
    if approval.last_day < today:
        return f"the approval expired on {approval.expires}"
    if approval.last_day > today + LONGEST:
        return f"the approval's expiry {approval.expires} is more than 7 days ahead"
    end = since + timedelta(days=days)
    return f"its escrow ends on {end:%Y-%m-%d}" if end > now else ""


def _by_its_author(approval: PurgeApproval, authorship: Authorship | None) -> str:
    """Two people approve what others wrote: neither who wrote the approval, nor who wrote the deletion. As far as git
    tells."""
    for name in approval.approvers:
        for who, what in authorship.wrote if authorship else ():
            if who.is_called(name):
                return f"{name} approves it and wrote {what} ({who.commit[:12]}): another person has to approve"
    return ""

"""The world of a command: every port, with the adapter that the settings choose."""

from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.assemble.choosing import Settings
from reconciler.assemble.place import cloud_url
from reconciler.model.observing import NOBODY
from reconciler.model.ports import Observer, Repository

if TYPE_CHECKING:
    from reconciler.actions.audit import Records
    from reconciler.cycle.world import World
    from reconciler.policy.cel import CelProcess
    from reconciler.source.git import GitRepository


def repository(chosen: Settings) -> "GitRepository":
    """The fleet repository that `-C` is in. Raises InputError when there is none."""
    from reconciler.source.git import GitRepository

    return GitRepository.discover(chosen.directory)


def world(chosen: Settings, fleet: "GitRepository | None" = None, observer: Observer = NOBODY) -> "World":
    """Everything wired for the chosen cloud; `fleet`: a repository that is open already; `observer` hears what is done
    while it is done. Raises UsageError when none is
    chosen, InputError when it is not up."""
    from reconciler.cycle.world import World
    from reconciler.engine.audit import FileAudit
    from reconciler.engine.clock import SystemClock
    from reconciler.engine.durable.engine import DurableEngine
    from reconciler.engine.durable.terms import Terms
    from reconciler.engine.effects import Effects, StopGate
    from reconciler.engine.fence import ShardLeases, this_process
    from reconciler.engine.journal import FileJournal
    from reconciler.engine.lease import FlockLease, shared_store_id, store_id
    from reconciler.engine.ledger import FileLedger
    from reconciler.engine.limits import CountedLimits
    from reconciler.engine.switch import FileStopSwitch
    from reconciler.engine.tenure import StoreTenure
    from reconciler.engine.trail import Trail
    from reconciler.gcp.cloud import GoogleCloud
    from reconciler.gcp.observed import ObservedCloud
    from reconciler.gcp.session import CloudSetting, Session
    from reconciler.gcp.visits import HttpVisitor
    from reconciler.history.audited import AuditedHistory

    fleet, clock = fleet or repository(chosen), SystemClock()
    url = cloud_url(chosen)
    setting = CloudSetting(url, "" if url else organization(fleet), chosen.get("quota_project"))
    cloud = ObservedCloud(GoogleCloud(Session(setting, clock, observer=observer)), observer, clock)
    stop = StopGate(FileStopSwitch(chosen.state))
    audit = FileAudit(chosen.state, clock, lambda: store_id(chosen.state))
    history = AuditedHistory(chosen.get("history"), clock, chosen.state / "history-mirrors", audit)
    shared = chosen.get("engine_url")
    us = this_process(shared_store_id(shared) if shared else store_id(chosen.state))
    fence = ShardLeases(history, clock, replace(us, store="") if shared else us)
    tenure = StoreTenure(history, clock, us)
    limits = CountedLimits(FileLedger(chosen.state), clock, history.holds)
    effects = Effects(cloud, FileJournal(chosen.state), clock, (stop, tenure), fence, limits, observer, Trail(audit))
    engine = DurableEngine(effects, chosen.state, Terms(chosen.parallel, chosen.get("engine_url")))
    lease = FlockLease(chosen.state)
    said = chosen.values["actor"]
    actor = fleet.person or said.value if said.origin == "default" else said.value
    visitor = HttpVisitor(clock, local=setting.local)
    return World(
        fleet, cloud, history, engine, clock, lease, actor, fence, limits, tenure, visitor, observer, audit,
        expressions(),
    )  # fmt: skip


def records(chosen: Settings) -> "Records":
    """What is read without a cloud: the fleet repository, the history, the audit log of this state folder."""
    from reconciler.actions.audit import Records
    from reconciler.engine.audit import FileAudit
    from reconciler.engine.clock import SystemClock
    from reconciler.engine.lease import store_id
    from reconciler.history.store import GitHistory

    clock = SystemClock()
    history = GitHistory(chosen.get("history"), clock, chosen.state / "history-mirrors")
    log = store_id(chosen.state)
    return Records(repository(chosen), history, FileAudit(chosen.state, clock, lambda: log), clock, log)


def expressions() -> "CelProcess":
    """What evaluates the expressions of policies; nothing starts before one is asked for."""
    from reconciler.policy.cel import CelProcess

    return CelProcess()


def organization(fleet: Repository) -> str:
    from reconciler.source.load import load

    written = load(fleet, "HEAD", shards=()).fleet
    return written.document.spec.organization if written else ""

"""Everything outside, as one value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from reconciler.model.audit import UNRECORDED
from reconciler.model.fleet import Fleet
from reconciler.model.ids import Address
from reconciler.model.observing import NOBODY
from reconciler.model.policies import Expressions, Unanswered
from reconciler.model.ports import (
    Audit,
    Clock,
    Cloud,
    Engine,
    Fence,
    History,
    Lease,
    Limits,
    Observer,
    Progress,
    Repository,
    Tenure,
    Visitor,
)
from reconciler.source.load import load, load_files
from reconciler.source.overlay import OverlayFiles
from reconciler.source.rules_unique import Kept
from reconciler.source.tree import CommitFiles

Texts = Mapping[str, str]
NO_TEXTS: Texts = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside, behind ports. `actor` is who asks ("jo@example.org", "aipress serve")."""

    repository: Repository
    cloud: Cloud
    history: History
    engine: Engine
    clock: Clock
    lease: Lease
    actor: str
    fence: Fence
    limits: Limits
    tenure: Tenure
    visitor: Visitor
    observer: Observer = NOBODY
    audit: Audit = UNRECORDED
    expressions: Expressions = field(default_factory=Unanswered)


@dataclass(frozen=True, slots=True)
class Walk:
    """How a plan is walked: who hears of it, guards allowed by name, and items left out with the reason."""

    progress: Progress
    trigger: str = "apply"
    allow: frozenset[str] = frozenset()
    skip: Mapping[Address, str] = field(default_factory=dict)
    texts: Texts = field(default_factory=dict)


def read_fleet(
    repository: Repository, commit: str, shards: frozenset[str] | None, texts: Texts, kept: Kept = frozenset()
) -> Fleet:
    """`kept`: who had first what two tenants claim; see cycle/contested.py."""
    if not texts and not kept:
        return load(repository, commit, shards=shards)
    return load_files(OverlayFiles(CommitFiles(repository, repository.resolve(commit)), texts), shards, kept=kept)

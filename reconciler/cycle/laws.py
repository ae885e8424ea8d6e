"""What a plan is held to that people wrote: policies, ownership, guards. Of a pull request, all of it comes from the
branch it goes to: a head cannot let itself off."""

from collections.abc import Iterator

from reconciler.cycle.world import World
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.fleet import Fleet, Written
from reconciler.model.policies import Base, Expressions, Laws, Trespass
from reconciler.model.ports import Repository
from reconciler.model.spec import FleetDocument
from reconciler.planning.policies import questions_of
from reconciler.source.load import load
from reconciler.source.ownership import trespasses
from reconciler.source.paths import FLEET_FILE
from reconciler.source.rules_policies import changed_laws, uncompiled


def laws_of(world: World, fleet: Fleet, base: Base) -> Laws:
    """Raises InputError for a base that is not there."""
    flaws = tuple(flaws_of(fleet.fleet, world.expressions))
    if not base.commit:
        return Laws(fleet.fleet, notes=flaws)
    there = load(world.repository, base.commit, shards=())
    if there.fleet is None and FLEET_FILE in there.files:
        first = next((d for d in there.errors if d.file == FLEET_FILE), None)
        why = f"fleet.yaml at {base.commit[:10]} cannot be used, so nobody knows its policies"
        return Laws(commit=base.commit, unreadable=f"{why}: {first.message}" if first else why, notes=flaws)
    notes = (*changed_laws(there.fleet, fleet.fleet, base.commit), *flaws)
    found = trespasses_of(world.repository, there, base, fleet.commit)
    return Laws(there.fleet, base.commit, trespasses=found, notes=notes)


def trespasses_of(repository: Repository, there: Fleet, base: Base, head: str) -> tuple[Trespass, ...]:
    """`there`: the fleet at the base. Raises InputError for a history that is cut off."""
    owned = there.fleet.document.spec.ownership if there.fleet else None
    return trespasses(repository, owned, base, head) if owned is not None else ()


def flaws_of(written: Written[FleetDocument] | None, expressions: Expressions) -> Iterator[Diagnostic]:
    """A diagnostic for every expression of a fleet.yaml that cannot be compiled."""
    if written is None or not written.document.spec.policies:
        return
    asked = [
        (index, name, question)
        for index, policy in enumerate(written.document.spec.policies)
        for name, question in questions_of(policy)
    ]
    for (index, name, _), flaw in zip(asked, expressions.flaws([q for _, _, q in asked]), strict=True):
        if flaw is not None:
            yield uncompiled(written, index, name, flaw)

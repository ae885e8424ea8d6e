"""`aipress place`: a shard for a new tenant, and its uid."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from reconciler.cli.invocation import Given
from reconciler.model.errors import InputError, RefusedError

if TYPE_CHECKING:
    from reconciler.actions.place import Placed

RANKED = 5
"""Most shards named beside the proposed one."""
MOST_BYTES = 256 * 1024
"""The limit of a fleet file (DESIGN §4)."""


def place(
    file: Annotated[Path, Parameter(help="The new tenant's YAML file, anywhere but in its place.")],
    /,
    *,
    region: Annotated[str, Parameter(help="Only shards in this region.")] = "",
    propose: Annotated[bool, Parameter(help="Only say where it would go; write nothing.")] = False,
    given: Given,
) -> int:
    """Choose a shard for a new tenant, give it its uid, and put its file there. Nobody else moves; you commit it."""
    from reconciler.actions.place import place as choose
    from reconciler.assemble import repository

    fleet = repository(given.settings())
    placed = choose(fleet, _content(given.directory / file), region)
    target = fleet.folder / placed.path if fleet.folder is not None and not propose else None
    if target is not None:
        if target.exists():
            raise RefusedError(f"{target} is there already; nothing was written", "compare the two and commit one")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(placed.text, encoding="utf-8")
    if given.terminal.json:
        given.terminal.out_json({**_document(placed), "written": str(target) if target is not None else None})
        return 0
    given.terminal.out(_told(placed))
    if target is not None:
        given.terminal.note(f"Wrote {target}. Commit it: Git holds the answer.")
    return 0


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})", "name the new tenant's YAML file") from error


def _document(placed: "Placed") -> dict[str, Any]:
    proposal = placed.proposal
    return {
        "tenant": placed.name, "uid": placed.uid, "shard": proposal.shard, "path": placed.path,
        "ranked": [{"shard": r.shard, "free": r.free, "reason": r.reason} for r in proposal.ranked],
        "refused": [{"shard": shard, "reason": reason} for shard, reason in proposal.refused],
    }  # fmt: skip


def _told(placed: "Placed") -> str:
    from reconciler.report.escape import plain
    from reconciler.report.values import count

    proposal = placed.proposal
    lines = [f"tenant/{placed.name} belongs on shard/{proposal.shard}  (uid {placed.uid})", f"  {placed.path}"]
    lines += [f"  {r.shard}: {r.free} free, {plain(r.reason)}" for r in proposal.ranked[:RANKED]]
    if len(proposal.ranked) > RANKED:
        lines.append(f"  and {count(len(proposal.ranked) - RANKED, 'more shard')} that would do")
    lines += [f"  not {shard}: {plain(reason)}" for shard, reason in proposal.refused[:RANKED]]
    return "\n".join(lines) + "\n"

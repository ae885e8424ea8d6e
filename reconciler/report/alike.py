"""The same field going from the same value to the same value on many sites: said once, with how many, even where those
sites differ in something else."""

from dataclasses import dataclass, field

from reconciler.model.ids import Target, TargetKind
from reconciler.report.arrange import Section
from reconciler.report.escape import cell, plain
from reconciler.report.values import count, transition

SITES_FROM = 10
"""Fewer are read in the table."""
MOST = 5


@dataclass(slots=True)
class _Alike:
    text: str
    sites: set[Target] = field(default_factory=set)
    variants: set[int] = field(default_factory=set)
    """Sections that hold it: sites of one section are alike in everything."""


def alike_markdown(ordered: tuple[Section, ...]) -> str:
    """ "**The same on many:** 12,400 sites: `run.service image "…8.2" → "…8.3"`, 3 variants"; "" when there is none."""
    found: dict[str, _Alike] = {}
    for number, section in enumerate(ordered):
        if section.target.kind is not TargetKind.TENANT:
            continue
        for change in section.changes:
            for one in change.fields:
                moved = transition(change.address.kind, one, change.address.target)
                text = f"{change.address.kind} {plain(one.path)} {moved}"
                same = found.setdefault(text, _Alike(text))
                same.sites.update(section.targets)
                same.variants.add(number)
    many = sorted((a for a in found.values() if len(a.sites) >= SITES_FROM), key=lambda a: (-len(a.sites), a.text))
    if not many:
        return ""
    lines = [f"- {count(len(a.sites), 'site')}: {cell(a.text, 240)}{_variants(a)}" for a in many[:MOST]]
    if len(many) > MOST:
        lines.append(f"- and {len(many) - MOST:,} more fields")
    return "\n".join(["**The same on many:**", "", *lines])


def _variants(found: _Alike) -> str:
    return f", {len(found.variants):,} variants" if len(found.variants) > 1 else ""

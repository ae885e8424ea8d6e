"""What must hold of fleet.yaml's waves. Pure."""

from collections.abc import Iterator
from difflib import get_close_matches

from reconciler.model.diagnostic import Diagnostic
from reconciler.model.fleet import Fleet, Path, Written
from reconciler.model.spec import FleetDocument
from reconciler.source.notes import error, warning


def waves(fleet: Fleet, written: Written[FleetDocument]) -> Iterator[Diagnostic]:
    """A canary is a tenant of the fleet (only a warning: one that is deleted must not stop the fleet), and each step
    says how far it reaches, once."""
    spec = written.document.spec.waves
    for index, name in enumerate(spec.canaries):
        if name not in fleet.where:
            close = get_close_matches(name, list(fleet.where), n=1)
            help_ = f"did you mean {close[0]}?" if close else "name a tenant, or remove it"
            path: Path = ("spec", "waves", "canaries", index)
            yield warning(written, "AP227", f"The canary `{name}` is no tenant of this fleet", path, help_)
    for index, step in enumerate(spec.steps):
        if (step.sites is None) == (step.percent is None):
            said = "neither" if step.sites is None else "both"
            message = f"A wave reaches a number of sites or a share of them; this one says {said}"
            help_ = "write `sites: 10` or `percent: 10`"
            yield error(written, "AP226", message, ("spec", "waves", "steps", index), help_)

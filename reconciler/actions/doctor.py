"""`aipress doctor`: is everything here that a cycle needs? Each probe is tried; what fails says how to mend it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from reconciler.model.errors import AipressError


@dataclass(frozen=True, slots=True)
class Probe:
    """`run` returns what it saw, or raises; `needed`: without it nothing can be applied."""

    name: str
    run: Callable[[], str]
    fix: str
    needed: bool = True


@dataclass(frozen=True, slots=True)
class Check:
    """`ok`, and what was seen or what is wrong; `fix` says what to do ("" when ok)."""

    name: str
    ok: bool
    message: str
    fix: str = ""
    needed: bool = True


def checks(probes: Iterable[Probe]) -> tuple[Check, ...]:
    """Every probe, in order; one that raises does not keep the others from being tried."""
    return tuple(_tried(probe) for probe in probes)


def _tried(probe: Probe) -> Check:
    try:
        return Check(probe.name, True, probe.run(), needed=probe.needed)
    except AipressError as error:
        return Check(probe.name, False, str(error), error.hint or probe.fix, probe.needed)
    except (OSError, ImportError, ValueError) as error:
        return Check(probe.name, False, str(error) or type(error).__name__, probe.fix, probe.needed)

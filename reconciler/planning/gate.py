"""The health gate between two waves: is every site of the wave at hand as well as it was before, and as applied?

Two witnesses: what Cloud Run says of its services, and what a visitor of their public URLs meets. Silence is no
testimony: a site that could not be asked is neither well nor unwell by it. What was known before the wave decides:

    before \\ now    well       unwell       silent
    well            go on      end          wait
    unwell          go on      go on        go on
    silent          go on      wait         go on, and say so
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from reconciler.kinds.compare import value_at
from reconciler.model.ids import Target, TargetKind
from reconciler.model.spec_waves import WavesProbe
from reconciler.model.visit import Heard, Visit
from reconciler.model.wave import Course
from reconciler.planning.facts import Facts
from reconciler.planning.health import QUIET, SICK

_UNCLEAR = frozenset({"Progressing", "Unknown"})
_HELP = "mend it or `aipress waves abort`; spec.waves.probe.enabled: false in fleet.yaml asks nobody"


@dataclass(frozen=True, slots=True)
class Gate:
    """The word of the health gate: `unwell` ends the waves, `waits` says why it is too early to tell; both "" : go on.
    `targets`: those that are unwell; `told`: what the visits say, for the record."""

    unwell: str = ""
    waits: str = ""
    targets: tuple[str, ...] = ()
    told: str = ""


@dataclass(frozen=True, slots=True)
class Witnessed:
    """Of the sites of a wave, read now: target -> health by Cloud Run, and target -> what a visitor met (of those that
    were asked). `moved`: targets that are not as they were applied."""

    healths: Mapping[str, str]
    visits: Mapping[str, Visit] = field(default_factory=dict)
    moved: tuple[str, ...] = ()

    def sick(self) -> tuple[str, ...]:
        return tuple(t for t, health in self.healths.items() if health not in QUIET)

    def heard(self) -> dict[str, str]:
        return {target: str(visit.heard) for target, visit in self.visits.items()}


def judge_wave(number: int, before: Course, now: Witnessed) -> Gate:
    """`before`: how the wave began."""
    regressed = tuple(t for t, health in now.healths.items() if health in SICK and t not in before.sick)
    if regressed:
        what = f"{regressed[0]} was well before wave {number} and is {now.healths[regressed[0]].lower()} now"
        return Gate(unwell=what + _more(regressed), targets=regressed)
    was = {target: Heard(word) for target, word in before.visits.items()}
    worse = tuple(t for t, v in now.visits.items() if was.get(t) is Heard.WELL and v.heard is Heard.UNWELL)
    if worse:
        what = f"{worse[0]} answered its visitors before wave {number}, and now {now.visits[worse[0]].told()}"
        return Gate(unwell=what + _more(worse), targets=worse)
    return Gate(waits=_waits(was, before, now), told=told(now.visits))


def _waits(was: Mapping[str, Heard], before: Course, now: Witnessed) -> str:
    for target, health in now.healths.items():
        if health in _UNCLEAR and target not in before.sick:
            return f"{target} is {health.lower()}"
    if now.moved:
        return f"{now.moved[0]} is not as it was applied"
    for target, visit in now.visits.items():
        if was.get(target) is Heard.WELL and visit.heard is Heard.SILENT:
            return f"{target} answered its visitors before; now {visit.told()}. Nobody knows how it is ({_HELP})"
        if was.get(target, Heard.SILENT) is Heard.SILENT and visit.heard is Heard.UNWELL:
            return f"{target}: {visit.told()}, and nobody could ask before the wave ({_HELP})"
    return ""


def told(visits: Mapping[str, Visit]) -> str:
    """ "4 of 4 sites answer their visitors", for the record of the move; "" when nobody was to be asked."""
    if not visits:
        return ""
    silent = {target: visit for target, visit in visits.items() if visit.heard is Heard.SILENT}
    first = next(
        (f"{target} could not be asked: {v.why or v.told()}{_more(silent)}" for target, v in silent.items()), ""
    )
    if len(silent) == len(visits):
        return f"by what Cloud Run says alone: {first}"
    well = sum(1 for visit in visits.values() if visit.heard is Heard.WELL)
    return f"{well:,} of {len(visits):,} sites answer their visitors" + (f"; {first}" if first else "")


def addresses(facts: Facts, targets: Iterable[str], probe: WavesProbe) -> dict[str, str]:
    """Target -> the public URL that is asked, "" for one that has none. Of more tenants than `probe.sites` the same
    ones each time, evenly chosen."""
    if not probe.enabled:
        return {}
    active = [name for name in targets if _answers(facts, Target.parse(name))]
    chosen = sorted(active, key=lambda name: sha256(name.encode()).digest())[: probe.sites]
    return {name: _url(facts, Target.parse(name), probe.path) for name in sorted(chosen)}


def _answers(facts: Facts, target: Target) -> bool:
    written = facts.fleet.tenants.get(target.name) if target.kind is TargetKind.TENANT else None
    return written is not None and str(written.document.spec.state or "active") == "active"


def _url(facts: Facts, target: Target, path: str) -> str:
    """Of its production service, as Google gives it; domains may lead anywhere while they are being set up."""
    wanted = (a for a in facts.desired.resources if a.target == target and a.kind == "run.service")
    production = next((a for a in wanted if a.environment == "production"), None)
    found = facts.found(production) if production is not None else None
    uri = value_at(found.body, "uri") if found is not None else None
    return f"{uri.rstrip('/')}{path}" if isinstance(uri, str) and uri else ""


def _more(several: Iterable[object]) -> str:
    rest = len(tuple(several)) - 1
    return f", and {rest} more" if rest > 0 else ""

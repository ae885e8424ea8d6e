"""Waves in words: those a plan asks for, those under way, and how they go on. A person must never have to guess why a
site waits, until when, and what moves it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from reconciler.model.planned import Planned
from reconciler.model.wave import Course, Phase, Wave, Waves
from reconciler.report.escape import cell, cut, plain
from reconciler.report.style import PLAIN, Style
from reconciler.report.tables import table
from reconciler.report.values import age, commit, count

NAMED = 3
"""Targets of a wave that are named; the rest is counted."""


def planned_text(planned: Planned, style: Style = PLAIN) -> list[str]:
    """The waves of a plan as a table; no line when it needs none."""
    if not planned.waves:
        return []
    total = sum(wave.sites for wave in planned.waves)
    head = (
        f"Waves: {count(total, 'live site')} in {count(len(planned.waves), 'wave')}. The next begins when the one "
        "before has baked and its sites are well:"
    )
    return [head, *("  " + line for line in _table(planned.waves, style))]


def planned_markdown(planned: Planned) -> str:
    """The same for a comment; "" when it needs none."""
    if not planned.waves:
        return ""
    total = sum(wave.sites for wave in planned.waves)
    together = f"{count(total, 'live site')} in {count(len(planned.waves), 'wave')}"
    lines = [
        f"**Waves:** {together}, each once the one before has baked and is well.", "",
        "| Wave | Sites | Shards | Bakes | Targets |", "|--:|--:|--:|---|---|",
    ]  # fmt: skip
    for number, wave in enumerate(planned.waves, 1):
        bakes = _bakes(wave, number == len(planned.waves))
        lines.append(f"| {number} | {wave.sites:,} | {wave.shards:,} | {bakes} | {cell(_targets(wave))} |")
    return "\n".join(lines)


def sentence(waves: Waves) -> str:
    """Where waves stand and how they go on, in one line."""
    name = f"Waves {waves.id}: "
    of = f"wave {waves.at_wave} of {len(waves.waves)}"
    match waves.phase:
        case Phase.PROPOSED:
            return f"{name}{count(len(waves.waves), 'wave')}, none walked yet."
        case Phase.WALKING:
            return f"{name}{of} is not walked to its end. Apply again to go on with it; `aipress serve` does so itself."
        case Phase.BAKING:
            until = f"{waves.until:%Y-%m-%d %H:%M}Z" if waves.until else "now"
            return (
                f"{name}{of} is walked and bakes until {until}. Then, if its sites are well, `aipress serve` goes on; "
                "without it, apply again."
            )
        case Phase.PAUSED:
            return (
                f"{name}paused at {of} by {plain(waves.last.actor)}: {plain(waves.last.why)}. To go on: aipress waves "
                f"resume {waves.id}"
            )
        case Phase.ABORTED:
            return (
                f"{name}aborted at {of}: {plain(waves.last.why)}. What was done stays; to return it: aipress rollback "
                f"--wave {waves.id}"
            )
        case Phase.SUPERSEDED:
            return f"{name}superseded at {of}: {plain(waves.last.why)}."
    return f"{name}all {count(len(waves.waves), 'wave')} are walked."


def waves_table(every: Sequence[Waves], now: datetime, style: Style = PLAIN) -> str:
    """Newest first."""
    if not every:
        return "No waves: no plan has changed more live sites than one may.\n"
    rows = [
        [
            w.id, _state(w, now), f"{w.at_wave} of {len(w.waves)}", f"{_walked_sites(w):,} of {_sites(w):,}",
            commit(w.commit), f"{age((now - w.log[0].at).total_seconds())} ago", w.last.actor, w.last.why,
        ]
        for w in every
    ]  # fmt: skip
    return table(("ID", "STATE", "WAVE", "SITES", "COMMIT", "SINCE", "BY", "WHY"), rows, style, 70)


def waves_text(waves: Waves, now: datetime, style: Style = PLAIN) -> str:
    """One of them whole: its waves, how each went, and every move."""
    rows = [
        [
            str(number), f"{wave.sites:,}", f"{wave.shards:,}", _bakes(wave, number == len(waves.waves)),
            _progress(waves, number), _failed(waves.courses.get(number)), _targets(wave),
        ]
        for number, wave in enumerate(waves.waves, 1)
    ]  # fmt: skip
    lines = [
        style.bold(f"Waves {waves.id}") + f"  commit {commit(waves.commit)}  plan {waves.plan[:19]}  "
        f"{_state(waves, now)}", "",
        table(("WAVE", "SITES", "SHARDS", "BAKES", "STATE", "FAILED", "TARGETS"), rows, style, 70).rstrip("\n"), "",
    ]  # fmt: skip
    lines += [f"  {_move(m)}" for m in (row.to_json() for row in waves.log)]
    return "\n".join([*lines, "", sentence(waves)]) + "\n"


def waves_document(waves: Waves) -> dict[str, Any]:
    """For `--json`: everything but the wishes, which nobody reads."""
    chart = {name: value for name, value in waves.chart().items() if name != "wishes"}
    until = waves.until.isoformat() if waves.until else None
    return {**chart, "phase": str(waves.phase), "wave": waves.at_wave, "until": until, **waves.progress()}


def _table(waves: Sequence[Wave], style: Style) -> list[str]:
    rows = [
        [str(n), f"{w.sites:,}", f"{w.shards:,}", _bakes(w, n == len(waves)), _targets(w)]
        for n, w in enumerate(waves, 1)
    ]
    return table(("WAVE", "SITES", "SHARDS", "BAKES", "TARGETS"), rows, style, 90).rstrip("\n").split("\n")


def _bakes(wave: Wave, last: bool) -> str:
    return "–" if last else age(wave.bake)


def _targets(wave: Wave) -> str:
    more = f" and {len(wave.targets) - NAMED:,} more" if len(wave.targets) > NAMED else ""
    return ", ".join(plain(t) for t in wave.targets[:NAMED]) + more


def _state(waves: Waves, now: datetime) -> str:
    if waves.until is None:
        return str(waves.phase)
    left = (waves.until - now).total_seconds()
    return f"baking, {age(left)} left" if left > 0 else "baking, over"


def _progress(waves: Waves, number: int) -> str:
    if number <= waves.walked:
        return "walked"
    if number == waves.at_wave:
        return str(waves.phase)
    return "waits" if waves.standing and waves.phase is not Phase.ABORTED else "not walked"


def _failed(course: Course | None) -> str:
    return cut(", ".join(course.failed), 60) if course and course.failed else "–"


def _sites(waves: Waves) -> int:
    return sum(wave.sites for wave in waves.waves)


def _walked_sites(waves: Waves) -> int:
    return sum(wave.sites for wave in waves.waves[: waves.walked])


def _move(row: Mapping[str, Any]) -> str:
    until = f" until {row['until'][:16].replace('T', ' ')}Z" if row["until"] else ""
    at = row["at"][:16].replace("T", " ")
    head = f"{at}Z  {row['phase']} {row['wave'] or ''}".rstrip()
    return f"{head}{until}  {plain(row['actor'])}: {plain(row['why'])}"

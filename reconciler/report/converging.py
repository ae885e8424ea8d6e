"""How far a merged commit has come, in one line and as the comment on its pull request."""

from collections import Counter
from collections.abc import Mapping, Sequence

from reconciler.model.convergence import Convergence
from reconciler.model.mark import Mark
from reconciler.model.plan import Plan
from reconciler.report.escape import code_span, cut, plain
from reconciler.report.values import commit, count, took

_LISTED = 25


def line(now: Convergence) -> str:
    """ "49,812 of 50,000 converged, 3 failed, 185 waiting for wave, about 6 min"."""
    if not now.total:
        return "Nothing to change"
    parts = [f"{len(now.done):,} of {now.total:,} converged"]
    if now.failed:
        parts.append(f"{len(now.failed):,} failed")
    parts += [f"{many:,} waiting for {why}" for why, many in sorted(Counter(now.waiting.values()).items())]
    if now.left is not None and now.open:
        parts.append(f"about {took(now.left)}")
    return cut(plain(", ".join(parts)), 140)


def comment(mark: Mark, now: Convergence, noted: int, asked: Plan | None, why: Mapping[str, str]) -> str:
    """On the merged pull request. `asked`: what waits for a yes (its target -> why in `why`); `noted`: items whose
    object had moved and that meant the same."""
    title = "applied" if not now.open and not now.failed and asked is None else line(now)
    blocks = [f"{mark.line()}\n### AIPress apply: {title}"]
    if now.failed:
        blocks.append(_rows("failed", [(target, said) for target, said in sorted(now.failed.items())]))
    if noted:
        blocks.append(f"{count(noted, 'object')} had moved since the plan was shown, and the change meant the same.")
    if asked is not None:
        names = dict(sorted(why.items()))
        blocks.append(
            f"**{count(len(names), 'target')} held**: what was shown here would come to something else by now."
        )
        blocks.append(_rows("held", list(names.items())))
        digits = asked.digest.removeprefix("sha256:")[:16]
        first = " ".join(plain(name) for name in list(names)[:3])
        blocks.append(
            f"**Next:** look at it (`aipress plan {first}`), then say yes here with "
            f"`/aipress apply plan={digits} head={mark.head}`, or push what is meant instead."
        )
    waits = Counter(now.waiting.values())
    if waits:
        told = ", ".join(f"{many:,} for {plain(why)}" for why, many in sorted(waits.items()))
        blocks.append(f"Waiting: {told}. `aipress why TARGET` tells more.")
    return "\n\n".join([*blocks, f"<sub>{code_span(commit(now.commit))} · {line(now)}</sub>"]) + "\n"


def _rows(what: str, rows: Sequence[tuple[str, str]]) -> str:
    lines = [f"- {code_span(target)} {code_span(cut(said, 300))}" for target, said in rows[:_LISTED]]
    if len(rows) > _LISTED:
        lines.append(f"- and {len(rows) - _LISTED:,} more {what}")
    return "\n".join(lines)

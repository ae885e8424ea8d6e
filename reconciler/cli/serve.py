"""`aipress serve`: the loop. What each cycle came to; with --json one JSON object a line."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from reconciler.cli.invocation import Given, Invocation
from reconciler.model.errors import UsageError

if TYPE_CHECKING:
    from reconciler.daemon.serve import Reported


def serve(
    *,
    once: Annotated[bool, Parameter(help="One pass over everything, then end.")] = False,
    role: Annotated[
        Literal["all", "api", "worker"],
        Parameter(help="worker: the loop. api: not in this release. all: what there is."),
    ] = "all",
    interval: Annotated[int | None, Parameter(help="Seconds between two passes over everything; default 60.")] = None,
    given: Given,
) -> int:
    """Reconcile continuously: a commit starts a cycle at once, and everything is looked at again at each interval."""
    from reconciler.assemble import repository, world
    from reconciler.daemon.serve import Watch, run
    from reconciler.daemon.serve import once as one_pass
    from reconciler.report.progress import event_line

    if role == "api":
        raise UsageError("this release has no API to serve yet", "run the loop: aipress serve --role worker")
    settings = given.settings({} if interval is None else {"interval": interval})
    terminal, all_of = given.terminal, world(settings)
    watch = Watch(
        folder=repository(settings).git_dir, interval=settings.interval,
        progress=lambda event: terminal.note(event_line(event, terminal.aside)),
        report=lambda reported: _tell(reported, given),
    )  # fmt: skip
    if not once:
        terminal.note(f"Watching the fleet; looking at everything every {settings.interval} s. Ctrl-C ends it.")
        return run(all_of, watch)
    reported = one_pass(all_of, watch)
    if reported.error is not None:
        raise reported.error
    _tell(reported, given)
    return reported.applied.exit_code if reported.applied else 1


def _tell(reported: "Reported", given: Invocation) -> None:
    from reconciler.report.jsontext import json_line
    from reconciler.report.values import commit

    terminal = given.terminal
    if terminal.json:
        terminal.out(json_line(_document(reported)))
        return
    at = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}Z"
    head = f"{at}  cycle {reported.number} ({reported.trigger}) at {commit(reported.commit)}"
    if reported.applied is None:
        style = terminal.aside
        terminal.warn(f"{head}: {style.red('error:')} {reported.error}")
        if reported.error is not None and reported.error.hint:
            terminal.warn(f"  {style.cyan('help:')} {reported.error.hint}")
        return
    terminal.out(f"{head}: {_sentence(reported)}\n")


def _sentence(reported: "Reported") -> str:
    from reconciler.report.summary import Told, apply_text

    applied = reported.applied
    if applied is None:
        return ""
    return apply_text(Told(applied.plan, applied.outcome, applied.versions, applied.skipped)).rstrip("\n")


def _document(reported: "Reported") -> dict[str, Any]:
    from reconciler.report.summary import Told, apply_document

    row: dict[str, Any] = {"cycle": reported.number, "trigger": reported.trigger, "commit": reported.commit}
    applied = reported.applied
    if applied is not None:
        told = Told(applied.plan, applied.outcome, applied.versions, applied.skipped)
        return {**row, **apply_document(told), "exit": applied.exit_code}
    error = reported.error
    if error is None:
        return row
    return {**row, "error": str(error), "hint": error.hint, "exit": error.exit_code}

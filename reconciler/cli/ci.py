"""`aipress ci`: what a pipeline tells on a pull request, from a saved plan."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from reconciler import __version__
from reconciler.cli.invocation import QUIET, Given, Invocation
from reconciler.cli.plan_file import read_plan, write_report
from reconciler.model.errors import ForbiddenError, InputError, UsageError
from reconciler.report.escape import plain

if TYPE_CHECKING:
    from reconciler.forge.where import Place
    from reconciler.model.forge import Check, Forge
    from reconciler.model.plan import Plan

MOST_BYTES = 26 * 1024 * 1024
"""Of the event of a workflow; GitHub's webhooks end at 25 MiB."""

app = App(name="ci", help="Tell a plan on its pull request, from your own CI.", default_parameter=QUIET)

PlanFile = Annotated[Path, Parameter(name="--plan", help="The file that `aipress plan --out` made.")]
Host = Annotated[str, Parameter(name="--forge", help="github or gitlab; in their own CI it is known.")]
Repository = Annotated[str, Parameter(help="owner/name, or a GitLab project's number; in CI it is known.")]
Api = Annotated[str, Parameter(name="--api-url", help="Its REST API, where it is not the public one.")]
WHERE = "run it in GitHub Actions or GitLab CI, or name --forge and --repository"


@app.command
def comment(
    *,
    plan: PlanFile,
    pr: Annotated[int, Parameter(help="The pull or merge request's number; in CI it is known.")] = 0,
    only_print: Annotated[bool, Parameter(name="--dry-run", help="Print the comment, send nothing.")] = False,
    forge: Host = "",
    repository: Repository = "",
    api_url: Api = "",
    given: Given,
) -> int:
    """Keep one comment on the pull request that tells the plan. Without a token it is printed instead.

    The token comes from AIPRESS_FORGE_TOKEN_FILE, AIPRESS_FORGE_TOKEN, GITHUB_TOKEN, GH_TOKEN or GITLAB_TOKEN.
    """
    from reconciler.actions.pull_request import Telling, tell
    from reconciler.assemble import forge as wired
    from reconciler.forge.where import Said
    from reconciler.report import markdown

    path, terminal = given.directory / plan, given.terminal
    made, place = read_plan(path), _place(Said(forge, repository, api_url, pr))
    view = _view(made, place, given, path)

    def body(part: float = 1.0) -> str:
        return markdown.comment(made, markdown.shorter(view, part))

    def instead(why: str) -> int:
        terminal.note(f"{why}: the comment is printed, and nothing is sent.")
        if terminal.json:
            terminal.out_json({"came": "printed", "why": why, "body": body()})
        else:
            terminal.out(body())
        return 0

    if only_print:
        return instead("--dry-run")
    if place is None:
        raise UsageError("which pull request is it?", WHERE)
    if not place.number:
        raise UsageError("which pull request is it?", "--pr NUMBER; a pipeline of a branch alone has none")
    host = wired(place)
    if host is None:
        return instead("there is no token")
    try:
        told = tell(host, Telling(place.number, markdown.mark(made, view), body))
    except ForbiddenError as error:
        if not place.stranger:
            raise
        return instead(f"a fork's pipeline may not comment ({plain(str(error))})")
    if terminal.json:
        terminal.out_json({"came": str(told.came), "why": told.why, "number": place.number})
    terminal.note(f"The comment on {place.repository}#{place.number} is {told.came}{_because(told.why)}.")
    return 0


@app.command
def annotate(
    *,
    plan: PlanFile,
    widget: Annotated[
        Path | None, Parameter(help="GitLab's `terraform` report; in GitLab CI default aipress-widget.json.")
    ] = None,
    codequality: Annotated[
        Path | None, Parameter(help="GitLab's `codequality` report; in GitLab CI default aipress-codequality.json.")
    ] = None,
    forge: Host = "",
    repository: Repository = "",
    api_url: Api = "",
    given: Given,
) -> int:
    """Say the verdict on the commit (`aipress/plan`) and remarks on the lines. Without a token, remarks are printed.

    GitHub: a check run with annotations. GitLab: two report files for `artifacts:reports`, and a commit status.
    """
    from reconciler.assemble import forge as wired
    from reconciler.forge.where import Host as Hosts
    from reconciler.forge.where import Said
    from reconciler.report import checks, markdown

    path, terminal = given.directory / plan, given.terminal
    made, place = read_plan(path), _place(Said(forge, repository, api_url))
    prefix = _prefix(given)
    if place is not None and place.host is Hosts.GITLAB:
        widget, codequality = widget or Path("aipress-widget.json"), codequality or Path("aipress-codequality.json")
    for file, text in ((widget, checks.widget), (codequality, lambda p: checks.quality(p, prefix))):
        if file is not None:
            write_report(given.directory / file, text(made))
    summary = markdown.comment(made, _view(made, place, given, path))
    said = checks.check(made, summary, prefix)
    if place is not None and place.commit:
        said = replace(said, commit=place.commit)  # a plan of the merge is shown where people look: on the head
    host = wired(place) if place is not None else None
    sent = host is not None and place is not None and _sent(host, said, place.stranger)
    if not sent and (place is None or place.host is Hosts.GITHUB) and not terminal.json:
        terminal.out(checks.commands(made, prefix))
    if terminal.json:
        terminal.out_json({"conclusion": str(said.conclusion), "title": said.title, "sent": sent,
                           "annotations": len(said.annotations)})  # fmt: skip
    where = "" if sent else " (not sent: no token that may)"
    terminal.note(f"{said.name}: {said.conclusion}: {said.title}{where}")
    return 0


def _sent(host: "Forge", said: "Check", stranger: bool) -> bool:
    try:
        host.put_check(said)
    except ForbiddenError:
        if not stranger:
            raise
        return False
    return True


def _view(made: "Plan", place: "Place | None", given: Invocation, path: Path) -> Any:
    """`at` is the moment when the plan's file was written: a run that was slow to come here is not newer for it."""
    from reconciler.report.markdown import CommentView

    at = datetime.fromtimestamp(path.stat().st_mtime, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    prefix = _prefix(given)
    head = place.commit if place is not None else ""
    blob = place.blob_url(head or made.fleet_head) if place is not None else ""
    return CommentView(
        version=__version__, fleet=prefix, at=at, head=head, blob_url=f"{blob}/{prefix}".rstrip("/") if blob else ""
    )


def _prefix(given: Invocation) -> str:
    """The fleet's folder in the repository; "" too where there is none, as in a job that was given the plan alone."""
    from reconciler.assemble import repository

    try:
        return repository(given.settings()).root
    except InputError:
        return ""


def _place(said: Any) -> "Place | None":
    from reconciler.forge.where import event_path, find

    return find(os.environ, _event(event_path(os.environ)), said)


def _event(path: str) -> Any:
    if not path:
        return None
    try:
        with Path(path).open("rb") as file:
            return json.loads(file.read(MOST_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} (GITHUB_EVENT_PATH) cannot be read: {str(error)[:200]}", WHERE) from error


def _because(why: str) -> str:
    return f": {plain(why)}" if why else ""

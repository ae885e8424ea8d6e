"""`aipress serve`: the loop. What each cycle came to; with --json one JSON object a line."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from reconciler.cli.invocation import Given
from reconciler.cli.voice import Voice
from reconciler.model.errors import UsageError

if TYPE_CHECKING:
    from reconciler.assemble import Settings
    from reconciler.cycle.world import World
    from reconciler.daemon.beside import Company
    from reconciler.daemon.following import Following
    from reconciler.daemon.observers import Observers
    from reconciler.daemon.serve import Reported
    from reconciler.source.git import GitRepository


def serve(
    *,
    once: Annotated[bool, Parameter(help="One pass over everything, then end.")] = False,
    role: Annotated[
        Literal["all", "api", "worker"],
        Parameter(help="worker: the loop. api: not in this release. all: what there is."),
    ] = "all",
    interval: Annotated[int | None, Parameter(help="Seconds between two passes over everything; default 60.")] = None,
    take_over: Annotated[
        bool, Parameter(negative="", help="The fleet becomes ours: another host's daemon stops before its next write.")
    ] = False,
    listen: Annotated[
        str | None, Parameter(help="HOST:PORT of the door for webhooks, health and metrics; default: no door.")
    ] = None,
    log_format: Annotated[
        Literal["text", "json"] | None,
        Parameter(help="json: standard error is lines of Cloud Logging's structured format; default text."),
    ] = None,
    given: Given,
) -> int:
    """Reconcile continuously: a commit starts a cycle at once, and everything is looked at again at each interval.

    A fleet repository that is a clone follows its remote (setting follow = "no": it does not). With --listen, a push
    that a code host tells of (POST /webhooks/github, gitlab, bitbucket or git) is looked at right away. Settings say
    where each webhook secret is: webhook_github = "file:/run/secrets/github" or "env:NAME", two with a comma while one
    replaces the other. With a token in AIPRESS_FORGE_TOKEN (or a file that AIPRESS_FORGE_TOKEN_FILE names), pull
    requests of the clone's GitHub or GitLab repository get their plan as a comment and a check, and commands in their
    comments are heard; settings forge, forge_repository and forge_api say where it is, other than github.com and
    gitlab.com. GET /livez, /readyz?verbose and /metrics tell how it is; private_listen moves them elsewhere.

    Settings notify_slack and notify_webhook say where the URL is that messages go to (file: or env:, as above): of what
    failed, what a guard refused, drift, waves that stopped, parked tenants, commits that are live. notify_webhook gets
    CloudEvents, signed as Standard Webhooks say with the secret at notify_webhook_secret. otlp_endpoint names
    an OpenTelemetry collector (http://127.0.0.1:4318) that gets the traces of commits.
    """
    from reconciler.assemble import logbook, seam

    if role == "api":
        raise UsageError("this release has no API to serve yet", "run the loop: aipress serve --role worker")
    settings = given.settings({"interval": interval, "listen": listen, "log_format": log_format})
    voice = Voice(given.terminal, logbook(settings, seam(settings), given.terminal.log), settings.structured)
    return voice.spoken(lambda: _serve(settings, voice, once=once, take_over=take_over))


def _serve(settings: "Settings", voice: Voice, *, once: bool, take_over: bool) -> int:
    from reconciler.assemble import following, repository, start_of, world
    from reconciler.daemon.observers import Observers
    from reconciler.daemon.serve import Watch, run
    from reconciler.daemon.serve import once as one_pass

    fleet = repository(settings)
    followed = following(settings, fleet)
    all_of = world(settings, fleet, observers := Observers())
    beside = _company(settings, fleet, all_of, followed, voice, observers, once=once)
    watch = Watch(
        folder=fleet.git_dir, interval=settings.interval, progress=beside.before(voice.progress()),
        report=beside.then(lambda reported: None if once else _tell(reported, voice)), take_over=take_over,
        start=start_of(settings), beside=beside,
    )  # fmt: skip
    if not once:
        voice.note(f"Watching the fleet; looking at everything every {settings.interval} s. Ctrl-C ends it.")
        return run(all_of, watch)
    reported = one_pass(all_of, watch)
    if reported.error is not None:
        raise reported.error
    _tell(reported, voice)
    return reported.applied.exit_code if reported.applied else 1


def _company(
    settings: "Settings",
    fleet: "GitRepository",
    world: "World",
    followed: "Following | None",
    voice: Voice,
    observers: "Observers",
    *,
    once: bool,
) -> "Company":
    """What goes on beside the loop, as far as settings ask for it; one pass opens no door and reviews nothing."""
    from reconciler.assemble import listen, merges, reviewing, watchers
    from reconciler.cli.pulls import Pulls
    from reconciler.daemon.beside import Company, Several

    watching = watchers(settings, fleet, world, voice.book)
    hearings = list(watching.hearings)
    for one in watching.observers:
        observers.add(one)
    open_at = None if once else listen(settings, fleet)
    if open_at is not None:
        from reconciler.daemon.front import FrontDoor

        door = FrontDoor(open_at, world.clock, voice.note, watching.knocked, watching.sight)
        hearings.insert(0, door)
        observers.add(door.observer)
        for courier in watching.couriers:
            courier.counted = door.sent
    pulls = Pulls(voice)
    after = None if once else merges(settings, fleet, world, pulls.converges, pulls.unsaid)
    reviews = reviewing(settings, fleet, pulls.told, after.approved) if after is not None else None
    if after is not None:
        hearings.append(after)
    if followed is not None:
        voice.note(f"Following {followed.sentence}{', and its pull requests' if reviews else ''}.")
    return Company(followed, Several(hearings), voice.warn, reviews, after)


def _tell(reported: "Reported", voice: Voice) -> None:
    from reconciler.report.jsontext import json_line
    from reconciler.report.values import commit

    terminal = voice.terminal
    if terminal.json:
        terminal.out(json_line(_document(reported)))
        return
    if voice.structured:
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
    from reconciler.report.holding import agreed_text
    from reconciler.report.summary import Told, apply_text

    applied = reported.applied
    if applied is None:
        return ""
    told = Told(applied.plan, applied.outcome, applied.versions, applied.skipped, applied.waves)
    return (apply_text(told) + agreed_text(applied.lifted)).rstrip("\n")


def _document(reported: "Reported") -> dict[str, Any]:
    from reconciler.report.summary import Told, apply_document

    row: dict[str, Any] = {"cycle": reported.number, "trigger": reported.trigger, "commit": reported.commit}
    applied = reported.applied
    if applied is not None:
        told = Told(applied.plan, applied.outcome, applied.versions, applied.skipped, applied.waves)
        return {**row, **apply_document(told), "exit": applied.exit_code}
    error = reported.error
    if error is None:
        return row
    return {**row, "error": str(error), "hint": error.hint, "exit": error.exit_code}

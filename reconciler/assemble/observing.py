"""What hears of the daemon beside its loop: the log, the messages, the traces; and the seam that keeps secrets in."""

import os
import platform
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.assemble.choosing import SECRETS, Settings
from reconciler.model.errors import AipressError, UsageError
from reconciler.model.ports import Clock, Observer, Repository

if TYPE_CHECKING:
    from reconciler.cycle.world import World
    from reconciler.daemon.beside import Hearing
    from reconciler.daemon.desk import Knock
    from reconciler.daemon.logbook import LogBook
    from reconciler.daemon.notify import Courier, Notifier
    from reconciler.daemon.otlp import Collector
    from reconciler.daemon.telling import Sight
    from reconciler.daemon.traces import Traces
    from reconciler.report.redact import Seam
    from reconciler.source.git import GitRepository

_SECRET = re.compile(r"(?i)token|secret|passw|headers|credential|private|auth|(?:^|_)key(?:$|_)|apikey")
_NO_SECRET = re.compile(r"(?i)_(?:file|path|dir|id|name)$")


def references(chosen: Settings, name: str) -> list[str]:
    """The secrets that a setting leads to; none where it is not set. Raises UsageError, InputError."""
    from reconciler.daemon.credentials import secrets_at

    said = chosen.values[name]
    folder = Path(said.origin).parent if said.origin.endswith(".toml") else Path.cwd()
    return secrets_at(said.value, name, folder) if said.value else []


def seam(chosen: Settings) -> "Seam":
    """Knows the secrets that the settings lead to and those in the environment. A setting that leads to nothing is for
    others to complain of."""
    from reconciler.report.redact import Seam

    return Seam(_known(chosen))


def _known(chosen: Settings) -> Iterator[str]:
    for name, value in os.environ.items():
        if _SECRET.search(name) and not _NO_SECRET.search(name):
            yield value
    for name in SECRETS:
        with suppress(AipressError):
            yield from references(chosen, name)
    if file := os.environ.get("AIPRESS_FORGE_TOKEN_FILE"):
        with suppress(OSError, ValueError):
            yield Path(file).read_text(encoding="ascii").strip()


def logbook(chosen: Settings, sieve: "Seam", write: Callable[[str], None]) -> "LogBook":
    """The log in the form that `log_format` says; `write` takes whole lines."""
    from reconciler import __version__
    from reconciler.daemon.logbook import LogBook
    from reconciler.report.cloud_logging import Origin, log_line, text_line

    if chosen.get("log_format") == "text":
        return LogBook(lambda notice: text_line(notice, sieve), write)
    origin = Origin(__version__, chosen.get("quota_project"))
    return LogBook(lambda notice: log_line(notice, sieve, origin), write)


def notifier(chosen: Settings, fleet: str, sieve: "Seam") -> "Notifier | None":
    """Sends messages where the settings say; None where they say nothing. Raises UsageError, InputError."""
    from reconciler.daemon.notify import Courier, Notifier, Target
    from reconciler.daemon.posting import checked, post
    from reconciler.engine.clock import SystemClock

    secrets = references(chosen, "notify_webhook_secret")
    targets = [
        Target(name, checked(url, name), form, secrets[0] if secrets and form == "cloudevents" else "")
        for name, form in (("notify_webhook", "cloudevents"), ("notify_slack", "slack"))
        for url in references(chosen, name)
    ]
    couriers = [Courier(target, fleet, sieve, SystemClock(), post) for target in targets]
    return Notifier(couriers) if couriers else None


@dataclass(frozen=True, slots=True)
class Watchers:
    """Who hears of the daemon. `knocked` is for the door's deliveries, `sight` for its metrics; `couriers` count there
    what they send; `observers` beside those of the world."""

    hearings: "tuple[Hearing, ...]"
    knocked: "Callable[[Knock], None]"
    sight: "Sight"
    couriers: "tuple[Courier, ...]"
    observers: "tuple[Observer, ...]"


def watchers(chosen: Settings, fleet: "GitRepository", world: "World", book: "LogBook") -> Watchers:
    """The log where it is structured, and the messages and traces that the settings ask for. Raises UsageError,
    InputError."""
    from reconciler.daemon.notices import Scene
    from reconciler.daemon.telling import Telling

    name, sieve, seen = fleet_name(fleet), seam(chosen), sight(chosen, fleet, world)
    sent = notifier(chosen, name, sieve)
    sinks = [book.take] if chosen.structured else []
    scene = Scene(name, f"aipress serve on {platform.node()}")
    heard = Telling(scene, seen, world.clock, [*sinks, *([sent.take] if sent else [])])
    traced = traces(chosen, fleet, world.clock, name, sieve)
    hearings = (*([sent] if sent else []), *(traced or ()), heard)
    return Watchers(hearings, heard.knocked, seen, sent.couriers if sent else (), traced[1:] if traced else ())


def traces(
    chosen: Settings, fleet: "GitRepository", clock: Clock, name: str, sieve: "Seam"
) -> "tuple[Collector, Traces] | None":
    """Takes spans to a collector, where the setting or OpenTelemetry's own variables name one. Raises UsageError."""
    endpoint = chosen.get("otlp_endpoint")
    named = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    if not endpoint and not any(os.environ.get(variable) for variable in named):
        return None
    if endpoint and not endpoint.startswith(("http://", "https://")):
        raise UsageError(f"otlp_endpoint is {chosen.values['otlp_endpoint'].origin}'s, and is no http(s) URL",
                         "otlp_endpoint = http://127.0.0.1:4318")  # fmt: skip
    from reconciler.daemon.otlp import Collector
    from reconciler.daemon.traces import Traces

    collector = Collector(endpoint, name, sieve)
    return collector, Traces(name, fleet.committed, clock, collector.take)


def sight(chosen: Settings, fleet: "GitRepository", world: "World") -> "Sight":
    """What hearers of the daemon may look up."""
    from reconciler.daemon.telling import Sight
    from reconciler.engine.switch import FileStopSwitch
    from reconciler.history.store import GitHistory
    from reconciler.model.fence import Store
    from reconciler.model.hold import Hold

    def holds() -> tuple[Hold, ...] | None:
        try:
            return tuple(world.history.holds())
        except AipressError:
            return None

    def owner() -> Store | None:
        try:
            return world.history.store() if isinstance(world.history, GitHistory) else None
        except AipressError:
            return None

    return Sight(fleet.committed, holds, FileStopSwitch(chosen.state).stopped, owner)


def fleet_name(fleet: Repository) -> str:
    """As fleet.yaml says at HEAD; "fleet" where it cannot be read."""
    from reconciler.source.load import load

    with suppress(AipressError):
        if written := load(fleet, "HEAD", shards=()).fleet:
            return str(written.document.metadata.name)
    return "fleet"

"""What `doctor` tries: each thing that a cycle needs."""

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.assemble.choosing import Settings
from reconciler.assemble.wiring import organization, repository, world
from reconciler.history.location import shown
from reconciler.model.errors import InputError
from reconciler.model.resource import Unknown

if TYPE_CHECKING:
    from reconciler.actions.doctor import Probe


def probes(chosen: Settings) -> "list[Probe]":
    """What a cycle needs, each as something to try."""
    from reconciler.actions.doctor import Probe

    return [
        Probe("python", _python, "install Python 3.11 or newer"),
        Probe("fleet repository", lambda: _fleet_seen(chosen), "run in a fleet repository, or name one with -C"),
        Probe("state folder", lambda: _writable(chosen.state), "choose another with AIPRESS_STATE"),
        Probe("history", lambda: _history_seen(chosen), "choose another with AIPRESS_HISTORY"),
        Probe("engine", lambda: _engine_seen(chosen), "see `aipress status`, then run `aipress apply`"),
        Probe("google libraries", _google_seen, "pip install 'aipress-reconciler[gcp]'"),
        Probe("cloud", lambda: _cloud_seen(chosen), "see `aipress cloud status`, or your Google credentials"),
        Probe("watchfiles", _watch_seen, "pip install 'aipress-reconciler[daemon]'", needed=False),
    ]


def _python() -> str:
    return ".".join(map(str, sys.version_info[:3]))


def _fleet_seen(chosen: Settings) -> str:
    from reconciler.source.load import load, require_fleet

    fleet = load(repository(chosen), "HEAD", shards=())
    require_fleet(fleet)
    return f"{fleet.tenants_total} tenants on {fleet.shards_total} shards at {fleet.commit[:12]}"


def _writable(folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / ".doctor"
    probe.write_text("")
    probe.unlink()
    free = shutil.disk_usage(folder).free // 2**20
    if free < 100:
        raise OSError(f"{folder}: only {free} MiB free")
    return f"{folder} ({free} MiB free)"


def _history_seen(chosen: Settings) -> str:
    from reconciler.engine.clock import SystemClock
    from reconciler.history.store import GitHistory

    heads = GitHistory(chosen.get("history"), SystemClock(), chosen.state / "history-mirrors").heads()
    return f"{shown(chosen.get('history'))} ({len(heads)} shards have versions)"


def _engine_seen(chosen: Settings) -> str:
    from reconciler.engine.clock import SystemClock
    from reconciler.engine.durable.file import oldest_open
    from reconciler.engine.durable.terms import Terms, overdue

    where = chosen.get("engine_url")
    if where:
        from reconciler.engine.durable.shop import oldest_open_at

        age = oldest_open_at(where, SystemClock())
    else:
        age = oldest_open(chosen.state)
    if age is not None and age > Terms().overdue:
        raise InputError(overdue(age))
    pending = "nothing is pending" if age is None else f"an apply is under way since {age / 60:.0f} min"
    return f"{shown(where) or 'a file in the state folder'} ({pending})"


def _google_seen() -> str:
    from importlib.metadata import version

    return ", ".join(
        f"{name} {version(name)}" for name in ("google-cloud-run", "google-cloud-sql", "google-cloud-storage")
    )


def _cloud_seen(chosen: Settings) -> str:
    seen = world(chosen).cloud
    answer = seen.list("folder", organization(repository(chosen)) or "organizations/0")
    if isinstance(answer, Unknown):
        raise InputError(f"{seen.identity}: {answer.reason}")
    return f"{seen.identity} answers"


def _watch_seen() -> str:
    from importlib.metadata import version

    return version("watchfiles")

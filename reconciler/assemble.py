"""Settings in, real adapters wired: the only place that picks one.

A setting comes from the first of: flag, `AIPRESS_*`, `aipress.toml` beside the fleet, the user's config, the default.
"""

import getpass
import hashlib
import json
import os
import shutil
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import platformdirs

from reconciler.cycle import World
from reconciler.history.location import is_url, shown
from reconciler.model.errors import InputError, UsageError
from reconciler.model.ports import Repository
from reconciler.model.resource import Unknown

if TYPE_CHECKING:
    from reconciler.actions.doctor import Probe
    from reconciler.source.git import GitRepository

APP = "aipress"


@dataclass(frozen=True, slots=True)
class Setting:
    """One value and where it came from ("--history", "AIPRESS_HISTORY", "/srv/fleet/aipress.toml", "default")."""

    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class Settings:
    """`directory` is the folder `-C` named; the others are resolved. Paths are absolute. Never a secret among them."""

    directory: Path
    values: Mapping[str, Setting]

    def get(self, name: str) -> str:
        return self.values[name].value

    @property
    def state(self) -> Path:
        """The folder with engine database and caches: one per fleet repository."""
        return Path(self.get("state"))

    @property
    def cloud_state(self) -> Path:
        """The local cloud's folder."""
        return Path(self.get("cloud_state"))

    @property
    def parallel(self) -> int:
        return _whole(self.values["max_parallel"], "max_parallel", 1, 64)

    @property
    def interval(self) -> int:
        """Seconds between two looks of `serve`."""
        return _whole(self.values["interval"], "interval", 1, 86_400)

    @property
    def actor(self) -> str:
        return self.get("actor")


NAMES = ("cloud", "cloud_url", "state", "history", "cloud_state", "max_parallel", "interval", "actor", "quota_project")


def settings(flags: Mapping[str, object]) -> Settings:
    """Resolve every setting; `flags` may hold `directory` (-C) and any of NAMES. Raises InputError, UsageError."""
    directory = Path(str(flags.get("directory") or ".")).absolute()
    if not directory.is_dir():
        raise UsageError(f"-C {directory}: there is no such folder")
    sources = [_files_setting(path) for path in _config_files(directory)]
    values = {name: _first(name, flags, sources) for name in NAMES}
    state = values["state"].value or str(platformdirs.user_state_path(APP) / "fleets" / _fleet_key(directory))
    defaults = {
        "state": state,
        "history": str(Path(state) / "history.git"),
        "cloud_state": str(_cloud_folder(values["state"])),
        "max_parallel": "8",
        "interval": "60",
        "actor": _person(),
    }
    if values["cloud_url"].value:
        values["cloud"] = Setting("local", values["cloud_url"].origin)
    for name, value in defaults.items():
        if not values[name].value:
            values[name] = Setting(value, "default")
    for name in ("state", "history", "cloud_state"):
        if not is_url(values[name].value):
            values[name] = Setting(str(Path(values[name].value).absolute()), values[name].origin)
    if values["cloud"].value not in ("", "local", "gcp"):
        raise UsageError(f"cloud is {values['cloud'].value!r} ({values['cloud'].origin}); it is local or gcp")
    return Settings(directory, values)


def repository(chosen: Settings) -> "GitRepository":
    """The fleet repository that `-C` is in. Raises InputError when there is none."""
    from reconciler.source.git import GitRepository

    return GitRepository.discover(chosen.directory)


def world(chosen: Settings) -> World:
    """Everything wired for the chosen cloud. Raises UsageError when none is chosen, InputError when it is not up."""
    from reconciler.engine.clock import SystemClock
    from reconciler.engine.journal import FileJournal
    from reconciler.engine.lease import FlockLease
    from reconciler.engine.switch import FileStopSwitch
    from reconciler.engine.threads import ThreadEngine
    from reconciler.gcp.cloud import GoogleCloud
    from reconciler.gcp.session import CloudSetting, Session
    from reconciler.history.store import GitHistory

    fleet, clock = repository(chosen), SystemClock()
    url = cloud_url(chosen)
    setting = CloudSetting(url, "" if url else _organization(fleet), chosen.get("quota_project"))
    cloud = GoogleCloud(Session(setting, clock))
    engine = ThreadEngine(cloud, FileJournal(chosen.state), clock, FileStopSwitch(chosen.state), chosen.parallel)
    history = GitHistory(chosen.get("history"), clock, chosen.state / "history-mirrors")
    said = chosen.values["actor"]
    actor = fleet.person or said.value if said.origin == "default" else said.value
    return World(fleet, cloud, history, engine, clock, FlockLease(chosen.state), actor)


def _organization(fleet: Repository) -> str:
    from reconciler.source.load import load

    written = load(fleet, "HEAD", shards=()).fleet
    return written.document.spec.organization if written else ""


def cloud_url(chosen: Settings) -> str:
    """The local cloud's address, or "" for Google Cloud. Raises UsageError or InputError saying what to do."""
    cloud = chosen.get("cloud")
    if not cloud:
        raise UsageError(
            "no cloud is chosen, and there is no default: a command must never reach the wrong one",
            'write `cloud = "local"` or `cloud = "gcp"` into aipress.toml, or set AIPRESS_CLOUD',
        )
    if cloud == "gcp":
        return ""
    if chosen.get("cloud_url"):
        return _loopback(chosen.get("cloud_url"))
    found = running_cloud(chosen)
    if found is None:
        raise InputError("the local cloud is not running", "start it: aipress cloud up")
    return str(found["url"])


def running_cloud(chosen: Settings) -> dict[str, Any] | None:
    """What the local cloud wrote about itself, while its process lives."""
    try:
        said: dict[str, Any] = json.loads((chosen.cloud_state / "cloud.json").read_text())
        os.kill(int(said["pid"]), 0)
    except (OSError, ValueError, KeyError):
        return None
    return said


def _loopback(url: str) -> str:
    """The local cloud is anonymous: it is never looked for on another machine."""
    host = urlsplit(url).hostname
    if urlsplit(url).scheme != "http" or host not in ("127.0.0.1", "localhost", "::1"):
        raise UsageError(f"AIPRESS_CLOUD_URL {url!r}: the local cloud is http on 127.0.0.1 only")
    return url.rstrip("/")


# --- where settings come from ---------------------------------------------------------------------------------------


def _config_files(directory: Path) -> list[Path]:
    upwards = [folder / "aipress.toml" for folder in (directory, *directory.parents)]
    nearest = next((path for path in upwards if path.is_file()), None)
    user = platformdirs.user_config_path(APP) / "config.toml"
    return [path for path in (nearest, user) if path is not None and path.is_file()]


def _files_setting(path: Path) -> dict[str, Setting]:
    try:
        said = tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {error}", 'it is TOML: name = "value" lines') from error
    unknown = sorted(said.keys() - set(NAMES))
    if unknown:
        raise InputError(f"{path}: unknown setting `{unknown[0]}`", f"settings are {', '.join(NAMES)}")
    relative = {"state", "history", "cloud_state"}
    return {
        name: Setting(
            str(path.parent / str(value)) if name in relative and not is_url(str(value)) else str(value), str(path)
        )
        for name, value in said.items()
    }


def _first(name: str, flags: Mapping[str, object], files: list[dict[str, Setting]]) -> Setting:
    if flags.get(name) not in (None, ""):
        return Setting(str(flags[name]), f"--{name.replace('_', '-')}")
    variable = f"AIPRESS_{name.upper()}"
    if os.environ.get(variable):
        return Setting(os.environ[variable], variable)
    return next((said[name] for said in files if name in said), Setting("", "default"))


def _cloud_folder(state: Setting) -> Path:
    return Path(state.value) / "cloud" if state.value else platformdirs.user_state_path(APP) / "cloud"


def _fleet_key(directory: Path) -> str:
    top = next(
        (f for f in (directory, *directory.parents) if (f / ".git").exists() or (f / "HEAD").is_file()), directory
    )
    return f"{top.name}-{hashlib.sha256(str(top).encode()).hexdigest()[:10]}"


def _person() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _whole(setting: Setting, name: str, least: int, most: int) -> int:
    if not setting.value.isdigit() or not least <= int(setting.value) <= most:
        raise UsageError(f"{name} is {setting.value!r} ({setting.origin}); it is a whole number from {least} to {most}")
    return int(setting.value)


# --- what doctor tries ----------------------------------------------------------------------------------------------


def probes(chosen: Settings) -> "list[Probe]":
    """What a cycle needs, each as something to try."""
    from reconciler.actions.doctor import Probe

    return [
        Probe("python", _python, "install Python 3.11 or newer"),
        Probe("fleet repository", lambda: _fleet_seen(chosen), "run in a fleet repository, or name one with -C"),
        Probe("state folder", lambda: _writable(chosen.state), "choose another with AIPRESS_STATE"),
        Probe("history", lambda: _history_seen(chosen), "choose another with AIPRESS_HISTORY"),
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


def _google_seen() -> str:
    from importlib.metadata import version

    return ", ".join(
        f"{name} {version(name)}" for name in ("google-cloud-run", "google-cloud-sql", "google-cloud-storage")
    )


def _cloud_seen(chosen: Settings) -> str:
    seen = world(chosen).cloud
    organization = _organization(repository(chosen)) or "organizations/0"
    answer = seen.list("folder", organization)
    if isinstance(answer, Unknown):
        raise InputError(f"{seen.identity}: {answer.reason}")
    return f"{seen.identity} answers"


def _watch_seen() -> str:
    from importlib.metadata import version

    return version("watchfiles")

"""Settings in, real adapters wired: the only place that picks one.

A setting comes from the first of: flag, `AIPRESS_*`, `aipress.toml` beside the fleet, the user's config, the default.
"""

import getpass
import hashlib
import json
import os
import platform
import shutil
import sys
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import platformdirs

from reconciler.history.location import is_url, shown
from reconciler.model.errors import InputError, UsageError
from reconciler.model.ports import Repository
from reconciler.model.resource import Unknown

if TYPE_CHECKING:
    from reconciler.actions.doctor import Probe
    from reconciler.cycle.world import World
    from reconciler.daemon.following import Following
    from reconciler.daemon.front import Listen
    from reconciler.daemon.serve import Start
    from reconciler.forge.where import Host, Place
    from reconciler.model.forge import Forge
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
    def start_jitter(self) -> int:
        """Seconds within which `serve` begins, so that many hosts do not begin at once."""
        return _whole(self.values["start_jitter"], "start_jitter", 0, 300)

    @property
    def actor(self) -> str:
        return self.get("actor")


MOST_BYTES = 8 * 1024
"""Of a file of settings: tomllib takes time and memory with the square of a dotted name's parts."""

NAMES = (
    "cloud", "cloud_url", "state", "history", "cloud_state", "engine_url", "max_parallel", "interval", "actor",
    "quota_project", "start_jitter", "follow", "listen", "private_listen", "webhook_github", "webhook_gitlab",
    "webhook_gitlab_token", "webhook_bitbucket", "webhook_git",
)  # fmt: skip

SECRETS = tuple(name for name in NAMES if name.startswith("webhook_"))
"""Settings that say where a secret is. Somebody may have written the secret itself there: never print them as they are.
"""


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
        "start_jitter": "300" if values["cloud"].value == "gcp" else "0",
        "actor": _person(),
        "follow": "auto",
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
    if values["follow"].value not in ("auto", "no"):
        raise UsageError(f"follow is {values['follow'].value!r} ({values['follow'].origin}); it is auto or no")
    engine = values["engine_url"]
    if engine.value and not engine.value.startswith("postgresql://"):
        raise UsageError(
            f"engine_url is {shown(engine.value)} ({engine.origin}); it is postgresql://…",
            "leave it out for one process and a file in the state folder",
        )
    return Settings(directory, values)


def repository(chosen: Settings) -> "GitRepository":
    """The fleet repository that `-C` is in. Raises InputError when there is none."""
    from reconciler.source.git import GitRepository

    return GitRepository.discover(chosen.directory)


def world(chosen: Settings, fleet: "GitRepository | None" = None) -> "World":
    """Everything wired for the chosen cloud; `fleet`: a repository that is open already. Raises UsageError when none is
    chosen, InputError when it is not up."""
    from reconciler.cycle.world import World
    from reconciler.engine.clock import SystemClock
    from reconciler.engine.durable.engine import DurableEngine
    from reconciler.engine.durable.terms import Terms
    from reconciler.engine.effects import Effects, StopGate
    from reconciler.engine.fence import ShardLeases, this_process
    from reconciler.engine.journal import FileJournal
    from reconciler.engine.lease import FlockLease, shared_store_id, store_id
    from reconciler.engine.ledger import FileLedger
    from reconciler.engine.limits import CountedLimits
    from reconciler.engine.switch import FileStopSwitch
    from reconciler.engine.tenure import StoreTenure
    from reconciler.gcp.cloud import GoogleCloud
    from reconciler.gcp.session import CloudSetting, Session
    from reconciler.gcp.visits import HttpVisitor
    from reconciler.history.store import GitHistory

    fleet, clock = fleet or repository(chosen), SystemClock()
    url = cloud_url(chosen)
    setting = CloudSetting(url, "" if url else _organization(fleet), chosen.get("quota_project"))
    cloud = GoogleCloud(Session(setting, clock))
    stop = StopGate(FileStopSwitch(chosen.state))
    history = GitHistory(chosen.get("history"), clock, chosen.state / "history-mirrors")
    shared = chosen.get("engine_url")
    us = this_process(shared_store_id(shared) if shared else store_id(chosen.state))
    fence = ShardLeases(history, clock, replace(us, store="") if shared else us)
    tenure = StoreTenure(history, clock, us)
    limits = CountedLimits(FileLedger(chosen.state), clock, history.holds)
    effects = Effects(cloud, FileJournal(chosen.state), clock, (stop, tenure), fence, limits)
    engine = DurableEngine(effects, chosen.state, Terms(chosen.parallel, chosen.get("engine_url")))
    lease = FlockLease(chosen.state)
    said = chosen.values["actor"]
    actor = fleet.person or said.value if said.origin == "default" else said.value
    visitor = HttpVisitor(clock, local=setting.local)
    return World(fleet, cloud, history, engine, clock, lease, actor, fence, limits, tenure, visitor)


def start_of(chosen: Settings) -> "Start":
    """How `serve` begins on this host: at a moment of its own, and with a look after a change of release."""
    from reconciler import __version__
    from reconciler.daemon.serve import Start
    from reconciler.engine.journal import FileJournal
    from reconciler.engine.release import ReleaseMark
    from reconciler.model.ids import Address, Target

    seed = hashlib.sha256(f"{platform.node()} {chosen.state}".encode()).digest()
    delay = chosen.start_jitter * int.from_bytes(seed[:4]) / 2**32
    intents = FileJournal(chosen.state).seen

    def unfinished() -> list[Target]:
        targets: set[Target] = set()
        for intent in intents():
            with suppress(ValueError):  # a journal is a hint: what it says is looked at, not believed
                targets.add(Address.parse(str(intent.change.get("resource"))).target)
        return sorted(targets)

    return Start(delay, ReleaseMark(chosen.state, __version__), unfinished)


def following(chosen: Settings, fleet: "GitRepository") -> "Following | None":
    """How `serve` keeps up with the remote that the fleet repository is a clone of; from then on HEAD of `fleet` is
    what was fetched. None where it is no clone, or `follow` is no. Raises UsageError for a remote of another kind."""
    from reconciler.daemon.following import FleetRemote, Following, Upstream
    from reconciler.engine.clock import SystemClock

    clone = fleet.clone_of if chosen.get("follow") == "auto" else None
    if clone is None:
        return None
    remote = FleetRemote(Upstream(fleet.git_dir, clone.url, clone.branch, clone.into))
    fleet.head = clone.into
    return Following(remote, fleet, SystemClock(), chosen.interval)


def listen(chosen: Settings, fleet: "GitRepository") -> "Listen | None":
    """What `serve` opens a door for; None where `listen` is not set. Raises UsageError, InputError (no such secret)."""
    from reconciler.daemon.credentials import secrets_at
    from reconciler.daemon.following import names_of
    from reconciler.daemon.front import Listen
    from reconciler.daemon.listening import place
    from reconciler.forge.signatures import Provider, keys_of

    def read(name: str) -> list[str]:
        said = chosen.values[name]
        folder = Path(said.origin).parent if said.origin.endswith(".toml") else Path.cwd()
        return secrets_at(said.value, name, folder) if said.value else []

    if not chosen.get("listen"):
        return None
    given = {one: (read(f"webhook_{one}"), read("webhook_gitlab_token") if one == "gitlab" else []) for one in Provider}
    keys = {one: keys_of(one, *both) for one, both in given.items() if any(both)}
    private = chosen.get("private_listen")
    clone = fleet.clone_of
    return Listen(
        place(chosen.get("listen"), "listen"), place(private, "private_listen") if private else None, keys,
        names_of(fleet.git_dir, clone.url if clone else ""), chosen.state,
    )  # fmt: skip


def forge(place: "Place") -> "Forge | None":
    """The code host of a pull request, as whom our token is; None without one. Raises InputError, UsageError."""
    token = _forge_token(place.host)
    if not token:
        return None
    from reconciler.engine.clock import SystemClock
    from reconciler.forge.github import GitHub
    from reconciler.forge.gitlab import GitLab
    from reconciler.forge.where import Host

    adapter = GitLab if place.host is Host.GITLAB else GitHub
    return adapter(place.repository, token, SystemClock(), place.api)


def _forge_token(host: "Host") -> str:
    """From the first variable that has one, or from the file that AIPRESS_FORGE_TOKEN_FILE names; "" : none."""
    from reconciler.forge.where import token_names

    file = os.environ.get("AIPRESS_FORGE_TOKEN_FILE", "")
    if file:
        try:
            return Path(file).read_text(encoding="ascii").strip()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it holds more than a token"
            raise InputError(
                f"{file} (AIPRESS_FORGE_TOKEN_FILE) cannot be read: {why}", "see who may read it"
            ) from error
    return next((os.environ[name].strip() for name in token_names(host) if os.environ.get(name, "").strip()), "")


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
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return said


def _loopback(url: str) -> str:
    """The local cloud is anonymous: it is never looked for on another machine."""
    try:
        parts = urlsplit(url)
        scheme, host = parts.scheme, parts.hostname
    except ValueError:  # half an IPv6 address
        scheme, host = "", ""
    if scheme != "http" or host not in ("127.0.0.1", "localhost", "::1"):
        raise UsageError(f"AIPRESS_CLOUD_URL {url!r}: the local cloud is http on 127.0.0.1 only")
    return url.rstrip("/")


# --- where settings come from ---------------------------------------------------------------------------------------


def _config_files(directory: Path) -> list[Path]:
    upwards = [folder / "aipress.toml" for folder in (directory, *directory.parents)]
    nearest = next((path for path in upwards if path.is_file()), None)
    user = platformdirs.user_config_path(APP) / "config.toml"
    return [path for path in (nearest, user) if path is not None and path.is_file()]


def _files_setting(path: Path) -> dict[str, Setting]:
    help_ = 'it is TOML: name = "value" lines'
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ValueError(f"it is larger than {MOST_BYTES // 1024} KiB")
        said = tomllib.loads(content.decode())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: {str(error)[:200]}", help_) from error
    unknown = sorted(said.keys() - set(NAMES))
    if unknown:
        raise InputError(f"{path}: unknown setting `{unknown[0][:60]}`", f"settings are {', '.join(NAMES)}")
    for name, value in said.items():
        if not isinstance(value, str | int) or not str(value).isprintable():
            raise InputError(f"{path}: `{name}` is neither a printable text nor a whole number", help_)
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
    organization = _organization(repository(chosen)) or "organizations/0"
    answer = seen.list("folder", organization)
    if isinstance(answer, Unknown):
        raise InputError(f"{seen.identity}: {answer.reason}")
    return f"{seen.identity} answers"


def _watch_seen() -> str:
    from importlib.metadata import version

    return version("watchfiles")

"""Settings: each from the first of flag, `AIPRESS_*`, `aipress.toml` beside the fleet, the user's config, default."""

import getpass
import hashlib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from reconciler.history.location import is_url, shown
from reconciler.model.errors import InputError, UsageError

APP = "aipress"
MOST_BYTES = 8 * 1024
"""Of a file of settings: tomllib takes time and memory with the square of a dotted name's parts."""
NAMES = (
    "cloud", "cloud_url", "state", "history", "cloud_state", "engine_url", "max_parallel", "interval", "actor",
    "quota_project", "start_jitter", "follow", "listen", "private_listen", "webhook_github", "webhook_gitlab",
    "webhook_gitlab_token", "webhook_bitbucket", "webhook_git", "forge", "forge_repository", "forge_api", "log_format",
    "notify_webhook", "notify_webhook_secret", "notify_slack", "otlp_endpoint",
)  # fmt: skip
SECRETS = tuple(name for name in NAMES if name.startswith(("webhook_", "notify_")))
"""Settings that say where a secret is. Somebody may have written the secret itself there: never print them as they are.
"""

_EITHER: Mapping[str, tuple[str, ...]] = {"follow": ("auto", "no"), "log_format": ("text", "json")}


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
    def structured(self) -> bool:
        """Whether the log of `serve` is one for programs."""
        return self.get("log_format") == "json"

    @property
    def actor(self) -> str:
        return self.get("actor")


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
        "log_format": "text",
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
    for name, either in _EITHER.items():
        if values[name].value not in either:
            said = values[name]
            raise UsageError(f"{name} is {said.value!r} ({said.origin}); it is {' or '.join(either)}")
    engine = values["engine_url"]
    if engine.value and not engine.value.startswith("postgresql://"):
        raise UsageError(
            f"engine_url is {shown(engine.value)} ({engine.origin}); it is postgresql://…",
            "leave it out for one process and a file in the state folder",
        )
    return Settings(directory, values)


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

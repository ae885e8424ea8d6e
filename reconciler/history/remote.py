"""A git repository elsewhere, spoken to through the `git` program: the only file of this room that starts a process.

Arguments are fixed and URLs stand behind `--`. git reads no system configuration and, of the user's own, only what
says how to get there and how to sign in. It runs no hook, asks nobody, follows no redirect, and is stopped in time.
"""

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.history.location import Location
from reconciler.model.errors import AipressError, ForbiddenError, HistoryUnreachableError

REFS = "refs/aipress/"
LOOK, TRANSFER, FIRST = 30.0, 120.0, 1800.0
"""Seconds for asking where the refs are, for bringing or sending what is new, and for the first copy."""

_LINE = re.compile(r"^([0-9a-f]{40})\t(refs/aipress/[A-Za-z0-9._/-]+)$")
_KEPT = (
    "HOME", "PATH", "USER", "LOGNAME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "SSH_AUTH_SOCK", "SSH_AGENT_PID",
    "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_ASKPASS", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "http_proxy", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "all_proxy",
    "ALL_PROXY", "GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG",
)  # fmt: skip
"""Of our environment: how to get there, and what credential helpers read. No GIT_DIR, no GIT_TRACE."""
_USERS = r"^(credential\.|http\.|core\.sshcommand$|core\.askpass$|ssh\.variant$)"
"""Of the user's own git configuration."""
_FIXED = (
    "core.hooksPath=/dev/null", "core.fsmonitor=false", "core.pager=cat", "gc.auto=0", "maintenance.auto=false",
    "transfer.fsckObjects=true", "fetch.fsckObjects=true", "protocol.allow=never", "http.followRedirects=false",
    "http.lowSpeedLimit=1", "http.lowSpeedTime=20", "push.gpgSign=false", "push.followTags=false",
)  # fmt: skip
_SSH = "ssh -o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=10 -o ServerAliveCountMax=2"
_DENIED = re.compile(
    r"authentication failed|could not read (username|password)|permission denied|returned error: 40[13]|"
    r"terminal prompts disabled|permission to .* denied|not authori[sz]ed|access denied|invalid credentials",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Ran:
    """How one call of git ended. `said` is what it wrote for people, without secrets; None as code: out of time."""

    code: int | None
    out: str
    said: str

    @property
    def denied(self) -> bool:
        return bool(_DENIED.search(self.said))


class GitRemote:
    """`refs`, `fetch` and `push` raise HistoryUnreachableError or ForbiddenError, saying what to do."""

    def __init__(self, location: Location) -> None:
        self.location = location
        self._settings: list[tuple[str, str]] | None = None

    def refs(self) -> Mapping[str, str]:
        """Full name -> commit id of every ref of ours there, now."""
        ran = self._git(["ls-remote", "--refs", "--", self.location.url, f"{REFS}*"], LOOK)
        if ran.code != 0:
            raise self.failure(ran)
        lines = [_LINE.match(line) for line in ran.out.splitlines()]
        if not all(lines):
            raise HistoryUnreachableError(
                f"the history {self.location.url} answers with refs that are not ours to read", "Check AIPRESS_HISTORY."
            )
        return {found[2]: found[1] for found in lines if found}

    def fetch(self, into: Path, first: bool) -> None:
        """Make the refs of ours in a bare repository what they are there, and bring what they lead to."""
        words = [
            f"--git-dir={into}", "fetch", "--quiet", "--no-tags", "--prune", "--force", "--no-write-fetch-head",
            "--no-recurse-submodules", "--no-auto-maintenance", "--no-show-forced-updates", "--",
            self.location.url, f"+{REFS}*:{REFS}*",
        ]  # fmt: skip
        ran = self._git(words, FIRST if first else TRANSFER)
        if ran.code != 0:
            raise self.failure(ran, f"If the copy in {into} is at fault (a full disk, a damaged file), delete it. ")

    def push(self, source: Path, ref: str, expected: str | None, identity: str) -> Ran:
        """Move one ref there from `expected` (None: not there) to a commit of `source`. Says how git ended: a call
        that failed or was cut off may have moved the ref all the same."""
        words = [
            f"--git-dir={source}", "push", "--quiet", "--porcelain", "--no-verify", "--no-follow-tags", "--no-signed",
            "--recurse-submodules=no", f"--force-with-lease={ref}:{expected or ''}", "--",
            self.location.url, f"{identity}:{ref}",
        ]  # fmt: skip
        return self._git(words, TRANSFER)

    def failure(self, ran: Ran, first: str = "") -> AipressError:
        """What a failed call means to a person."""
        where = self.location.url
        if ran.code is None:
            return HistoryUnreachableError(f"the history {where} did not answer in time", f"{first}{_REACH}")
        if ran.denied:
            return ForbiddenError(
                f"the history {where} lets us not in: {ran.said}",
                f"{first}Sign in as git does (an ssh key in the agent, a credential helper), ask for access, or set "
                "AIPRESS_HISTORY to another.",
            )
        hint = _REACH
        if "host key verification" in ran.said.lower():
            hint = "Compare the host's key with what its owner publishes and put it into ~/.ssh/known_hosts."
        elif re.search(r"not found|does not (exist|appear)|not exported", ran.said):
            hint = "Check AIPRESS_HISTORY; a new history starts as an empty repository (git init --bare) made there."
        return HistoryUnreachableError(f"the history {where} cannot be reached: {ran.said}", first + hint)

    # --- git --------------------------------------------------------------------------------------------------------

    def _git(self, words: Sequence[str], seconds: float) -> Ran:
        fixed = [part for one in (*_FIXED, f"protocol.{self.location.protocol}.allow=always") for part in ("-c", one)]
        return self._run(["git", *fixed, *words], self._environment(self._usable()), seconds)

    def _environment(self, settings: Sequence[tuple[str, str]]) -> dict[str, str]:
        """Secrets go by the environment: arguments of a process are for everybody to read."""
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        given = {f"GIT_CONFIG_{part}_{n}": text for n, pair in enumerate(settings) for part, text in _parts(pair)}
        return {
            "GIT_SSH_COMMAND": dict(settings).get("core.sshcommand", _SSH), **kept, **given,
            "GIT_CONFIG_COUNT": str(len(settings)), "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": self.location.protocol, "LC_ALL": "C",
        }  # fmt: skip

    def _usable(self) -> list[tuple[str, str]]:
        """What says how to get there and how to sign in: the user's own settings, then what stood in the URL."""
        if self._settings is not None:
            return self._settings
        settings: list[tuple[str, str]] = []
        if self.location.protocol in ("https", "http", "ssh"):
            names = {name: os.environ[name] for name in (*_KEPT, "GIT_CONFIG_GLOBAL") if name in os.environ}
            words = ["git", "config", "--global", "--includes", "--null", "--get-regexp", _USERS]
            ran = self._run(words, {**names, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}, LOOK)
            pairs = [(name, value) for name, _, value in (one.partition("\n") for one in ran.out.split("\0") if one)]
            settings = [pair for pair in pairs if not pair[0].endswith(".followredirects")]
        if self.location.sign_in:
            settings.append((f"http.{self.location.origin}.extraHeader", self.location.sign_in))
        self._settings = settings
        return settings

    def _run(self, words: Sequence[str], environment: Mapping[str, str], seconds: float) -> Ran:
        """In a session of its own: no terminal to ask at, and nothing left running when time is up."""
        try:
            running = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                errors="replace", env=dict(environment), cwd="/", start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise HistoryUnreachableError(
                f"the history {self.location.url} needs the `git` program, which does not start: {error}",
                "Install git, or set AIPRESS_HISTORY to a path.",
            ) from error
        try:
            out, said = running.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            _stop(running)
            return Ran(None, "", "out of time")
        except BaseException:
            _stop(running)
            raise
        return Ran(running.returncode, out, self._clean(f"{said}\n{out}" if running.returncode else said))

    def _clean(self, said: str) -> str:
        """One line of what git wrote, without secrets and control characters."""
        for secret in self.location.secrets:
            said = said.replace(secret, "***")
        lines = [" ".join("".join(c if c.isprintable() else " " for c in line).split()) for line in said.splitlines()]
        words = ["fatal: ", "error: ", "ERROR: "]
        told = [re.sub(f"^({'|'.join(words)})", "", line) for line in lines if line and not line.startswith("hint:")]
        return "; ".join(dict.fromkeys(told))[:500] or "git says nothing"


_REACH = "Check the network and AIPRESS_HISTORY, then try again."


def _parts(pair: tuple[str, str]) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("KEY", pair[0]), ("VALUE", pair[1])


def _stop(running: "subprocess.Popen[str]") -> None:
    """The whole group: git starts ssh and helpers of its own."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.communicate(timeout=2)
            return

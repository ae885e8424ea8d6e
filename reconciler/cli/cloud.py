"""`aipress cloud`: the local cloud, a process of its own that stays when the command ends."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from reconciler.cli.invocation import QUIET, Given, Invocation
from reconciler.model.errors import AipressError, InputError, UsageError

if TYPE_CHECKING:
    from reconciler.cli.cloud_process import CloudProcess

TIME_SCALE = 6000.0
"""A hundred minutes of a cloud's waiting pass in a second: even a Cloud SQL instance is there by the next request."""
DOORS = ("url", "grpc", "proxy", "pid", "state", "ca")

app = App(name="cloud", help="The local cloud: Google's APIs on loopback.", default_parameter=QUIET)
State = Annotated[Path | None, Parameter(help="Its folder; default under AIPRESS_STATE or the user's state folder.")]


@app.command
def up(
    *,
    port: Annotated[int, Parameter(help="Port on 127.0.0.1; default 0, any free one.")] = 0,
    state: State = None,
    data_plane: Annotated[Literal["light", "real"], Parameter(help="light: state only, nothing runs.")] = "light",
    time_scale: Annotated[float | None, Parameter(help="Divides how long operations take; default 6000.")] = None,
    seed: Annotated[int | None, Parameter(help="Of every made-up id; default 0.")] = None,
    quotas: Annotated[bool, Parameter(help="Google's rate quotas hold: 429 beyond them.", negative="")] = False,
    faults: Annotated[Path | None, Parameter(help="A JSON file of faults that are armed from the start.")] = None,
    consistency: Annotated[str, Parameter(help='How far reads lag behind writes: {"lists": {"run": 10}}.')] = "",
    given: Given,
) -> int:
    """Start the local cloud, return when it answers, and leave it running. Its state survives a restart.

    With --json: `url` of the HTTP door, `grpc` (host:port, plaintext), `proxy` (URL of the CONNECT proxy), `ca` (the
    certificate that clients behind the proxy must trust), `pid`, `state`.
    """
    from reconciler.cli.cloud_process import Wanted

    if data_plane == "real":
        raise UsageError("--data-plane real is not built yet", "leave it out: light keeps the state and runs no sites")
    if not 0 <= port <= 65535:
        raise UsageError("--port must be 0 to 65535", "leave it out for any free one; --json tells which")
    if time_scale is not None and time_scale <= 0:
        raise UsageError("--time-scale must be greater than 0", "60 makes a minute of the cloud a second here")
    process = _process(given, state)
    found = process.running()
    if found is None:
        more = ["--quotas"] if quotas else []
        more += ["--faults", str(given.directory / faults)] if faults else []
        more += ["--consistency", consistency] if consistency else []
        found = process.start(Wanted(port, time_scale or TIME_SCALE, seed or 0, tuple(more)))
    else:
        wished = {"--port": port or None, "--time-scale": time_scale, "--seed": seed}
        has = {"--port": _port(found), "--time-scale": found.get("time_scale"), "--seed": found.get("seed")}
        lost = [flag for flag, wish in wished.items() if wish not in (None, has[flag])]
        lost += [
            flag for flag, wish in (("--quotas", quotas), ("--faults", faults), ("--consistency", consistency)) if wish
        ]
        _refuse_lost(lost, state)
        given.terminal.note("It was running already, and stays as it was started.")
    if given.terminal.json:
        given.terminal.out_json({name: found.get(name) for name in DOORS})
    else:
        given.terminal.out(f"The local cloud answers at {found['url']} (process {found['pid']}).\n")
        given.terminal.note(
            f"State: {found['state']}\n"
            f'For gcloud and Google\'s libraries: eval "$(aipress cloud env{_same(state)})"\n'
            f"Stop it with: aipress cloud down{_same(state)}"
        )
    return 0


def _port(found: dict[str, Any]) -> int:
    return int(str(found["url"]).rsplit(":", 1)[-1])


def _refuse_lost(flags: list[str], state: Path | None) -> None:
    """A rehearsal must not believe in faults that nobody armed. Raises AipressError for flags that come too late."""
    if flags:
        raise AipressError(
            f"the local cloud runs already, and {', '.join(flags)} counts only when it starts",
            f"aipress cloud down{_same(state)} first (its state stays), or leave the flag out; faults, quotas and lags "
            "of a running one are set at its control door: reconciler/localcloud/CONTROL.md",
        )


@app.command
def status(*, state: State = None, given: Given) -> int:
    """Whether it runs, and what is in it. Exit 1 when it does not run."""
    process = _process(given, state)
    found = process.running()
    terminal = given.terminal
    if found is None:
        if terminal.json:
            terminal.out_json({**dict.fromkeys(DOORS), "state": str(process.folder), "running": False})
        else:
            start = f"aipress cloud up{_same(state)}"
            terminal.out(f"The local cloud is not running (state: {process.folder}). Start it: {start}\n")
        return 1
    told = process.ask(found, "GET", "/_aipress/status")
    if terminal.json:
        terminal.out_json({**{name: found.get(name) for name in DOORS}, "running": True, "status": told})
    else:
        terminal.out(f"The local cloud answers at {found['url']} (process {found['pid']}, state {found['state']}).\n")
        terminal.out("".join(f"  {name}: {_short(value)}\n" for name, value in sorted(told.items())))
    return 0


@app.command
def reset(*, state: State = None, given: Given) -> int:
    """Forget everything in it: as new. It keeps running."""
    process = _process(given, state)
    found = _running(process, state)
    process.ask(found, "POST", "/_aipress/reset")
    if given.terminal.json:
        given.terminal.out_json({name: found.get(name) for name in DOORS})
    else:
        given.terminal.out("The local cloud is empty again.\n")
    return 0


@app.command
def snapshot(file: Path, *, state: State = None, given: Given) -> int:
    """Copy all that is in it into FILE, as fast as its file is copied (seconds for 600,000 resources). It runs on."""
    return _copied(given, state, file, "snapshot", "Everything in the local cloud is also in {}.\n")


@app.command
def restore(file: Path, *, state: State = None, given: Given) -> int:
    """Go back to what FILE holds, a snapshot; what came after it is gone. It keeps running."""
    return _copied(given, state, file, "restore", "The local cloud is as it was in {}.\n")


def _copied(given: Invocation, state: Path | None, file: Path, verb: str, said: str) -> int:
    process = _process(given, state)
    where = (given.directory / file).absolute()
    told = process.ask(_running(process, state), "POST", f"/_aipress/{verb}", {"file": str(where)})
    if "error" in told:
        raise InputError(str(told["error"]), "nothing was changed")
    if given.terminal.json:
        given.terminal.out_json(told)
    else:
        given.terminal.out(said.format(where))
    return 0


@app.command
def down(*, state: State = None, given: Given) -> int:
    """Stop it. Its state stays for the next `up`."""
    process = _process(given, state)
    stopped = process.stop()
    if given.terminal.json:
        given.terminal.out_json({**dict.fromkeys(DOORS), "state": str(process.folder), "stopped": stopped})
    else:
        given.terminal.out("Stopped.\n" if stopped else "It was not running.\n")
    return 0


@app.command
def env(*, state: State = None, given: Given) -> int:
    """Print the variables that point commands at it: eval "$(aipress cloud env)".

    Google's clients and gcloud then need no settings of their own: their requests go through the local cloud's proxy,
    which refuses every other host, so nothing else is reached over HTTPS (git neither) where these are set.
    google-api-python-client needs PySocks too: without it httplib2 passes by every proxy.
    """
    from reconciler.cli.cloud_environment import exports, variables

    found = variables(_running(_process(given, state), state))
    if given.terminal.json:
        given.terminal.out_json(found)
    else:
        given.terminal.out(exports(found))
    return 0


@app.command
def coverage(*, given: Given) -> int:
    """Print what it has of Google's APIs, method by method counted, and how alike it answers. It need not run."""
    from reconciler.cli.cloud_process import coverage as told

    found = told()
    if given.terminal.json:
        given.terminal.out_json(found)
        return 0
    head = ("API", "METHODS", "BEHAVIOUR", "GENERIC", "MISSING", "AS RECORDED", "AS THE CLIENT")
    shape = "{:<22} {:>7} {:>9} {:>7} {:>7}  {:<19} {:<19}".format
    lines = [shape(*head)]
    for row in found["services"]:
        counts = [row[name] for name in ("behaviour", "generic", "missing")]
        lines.append(shape(row["service"], sum(counts), *counts, _shares(row["recorded"]), _shares(row["client"])))
    total = found["total"]
    counts = [sum(row[name] for row in found["services"]) for name in ("behaviour", "generic", "missing")]
    lines.append(shape("all", sum(counts), *counts, _shares(total["recorded"]), _shares(total["client"])))
    given.terminal.out("\n".join(line.rstrip() for line in lines) + "\n")
    given.terminal.note(
        "Likeness to recorded traffic of the real APIs, in percent: same status / leaves present / leaves equal /\n"
        "error messages equal. As recorded: with the placeholders that stand in the recordings for ids and etags;\n"
        "as the client: with those that were answered before. A missing method answers 501."
    )
    return 0


def _shares(shares: list[float]) -> str:
    return " / ".join(f"{share:.0f}" for share in shares) if shares else "-"


def _process(given: Invocation, state: Path | None) -> "CloudProcess":
    from reconciler.cli.cloud_process import CloudProcess

    flags = {} if state is None else {"cloud_state": (given.directory / state).absolute()}
    return CloudProcess(given.settings(flags).cloud_state)


def _same(state: Path | None) -> str:
    """The flag that makes the next command mean the same local cloud."""
    return "" if state is None else f" --state {shlex.quote(str(state))}"


def _running(process: "CloudProcess", state: Path | None) -> dict[str, Any]:
    found = process.running()
    if found is None:
        start = f"start it: aipress cloud up{_same(state)}"
        raise InputError(f"the local cloud is not running (state: {process.folder})", start)
    return found


def _short(value: Any) -> str:
    from reconciler.report.values import shown

    return shown(value, 200)

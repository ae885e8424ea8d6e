"""`aipress cloud`: the local cloud, a process of its own that stays when the command ends."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from reconciler.cli.invocation import Given, Invocation
from reconciler.model.errors import InputError, UsageError

if TYPE_CHECKING:
    from reconciler.cli.cloud_process import CloudProcess

TIME_SCALE = 600.0
"""Ten minutes of a cloud's waiting pass in a second."""
DOORS = ("url", "grpc", "proxy", "pid", "state")

app = App(name="cloud", help="The local cloud: Google's APIs on loopback.")
State = Annotated[Path | None, Parameter(help="Its folder; default under AIPRESS_STATE or the user's state folder.")]


@app.command
def up(
    *,
    port: Annotated[int, Parameter(help="Port on 127.0.0.1; default 0, any free one.")] = 0,
    state: State = None,
    data_plane: Annotated[Literal["light", "real"], Parameter(help="light: state only, nothing runs.")] = "light",
    time_scale: Annotated[float, Parameter(help="Divides how long operations take; default 600.")] = TIME_SCALE,
    seed: Annotated[int, Parameter(help="Of every made-up id; default 0.")] = 0,
    given: Given,
) -> int:
    """Start the local cloud, return when it answers, and leave it running. Its state survives a restart."""
    from reconciler.cli.cloud_process import Wanted

    if data_plane == "real":
        raise UsageError("--data-plane real is not built yet", "leave it out: light keeps the state and runs no sites")
    if time_scale <= 0:
        raise UsageError("--time-scale must be greater than 0", "60 makes a minute of the cloud a second here")
    process = _process(given, state)
    found = process.running()
    if found is None:
        found = process.start(Wanted(port, time_scale, seed))
    else:
        given.terminal.note("It was running already.")
    if given.terminal.json:
        given.terminal.out_json({name: found.get(name) for name in DOORS})
    else:
        given.terminal.out(f"The local cloud answers at {found['url']} (process {found['pid']}).\n")
        given.terminal.note(f"State: {found['state']}\nStop it with: aipress cloud down")
    return 0


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
            terminal.out(f"The local cloud is not running (state: {process.folder}). Start it: aipress cloud up\n")
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
    found = _running(process)
    process.ask(found, "POST", "/_aipress/reset")
    if given.terminal.json:
        given.terminal.out_json({name: found.get(name) for name in DOORS})
    else:
        given.terminal.out("The local cloud is empty again.\n")
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
    """Print the variables that point commands at it: eval "$(aipress cloud env)"."""
    found = _running(_process(given, state))
    variables = {"AIPRESS_CLOUD_URL": str(found["url"])}
    if given.terminal.json:
        given.terminal.out_json(variables)
    else:
        given.terminal.out("".join(f"export {name}={value}\n" for name, value in variables.items()))
    return 0


def _process(given: Invocation, state: Path | None) -> "CloudProcess":
    from reconciler.cli.cloud_process import CloudProcess

    flags = {} if state is None else {"cloud_state": (given.directory / state).absolute()}
    return CloudProcess(given.settings(flags).cloud_state)


def _running(process: "CloudProcess") -> dict[str, Any]:
    found = process.running()
    if found is None:
        raise InputError(f"the local cloud is not running (state: {process.folder})", "start it: aipress cloud up")
    return found


def _short(value: Any) -> str:
    from reconciler.report.values import shown

    return shown(value, 200)

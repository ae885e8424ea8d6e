"""The list of commands, the options they share, and the one place where an ending becomes an exit code."""

import difflib
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Group, Parameter
from cyclopts.exceptions import CycloptsError, UnknownCommandError, UnusedCliTokensError

from reconciler import __version__
from reconciler.cli.invocation import QUIET, Invocation
from reconciler.cli.terminal import Colour, Terminal
from reconciler.model.errors import AipressError
from reconciler.report.escape import plain
from reconciler.report.jsontext import error_document

USAGE = 64
INTERRUPTED = 130

EVERYDAY = Group("Every day", sort_key=1)
TROUBLE = Group("When something is wrong", sort_key=2)
SETTING_UP = Group("Setting up", sort_key=3)
REFERENCE = Group("Reference", sort_key=4)
SHARED = Group("Options of every command", sort_key=9)

COMMANDS: tuple[tuple[str, str, Group, str], ...] = (
    ("validate", "validate:validate", EVERYDAY, "Check the fleet's files, offline"),
    ("plan", "plan:plan", EVERYDAY, "Show what would change and why; never writes"),
    ("show", "plan:show", EVERYDAY, "Print a saved plan, or a version"),
    ("apply", "apply:apply", EVERYDAY, "Apply a saved plan, or targets after showing their plan"),
    ("status", "status:status", EVERYDAY, "Sync and health of targets, one line each"),
    ("cost", "cost:cost", EVERYDAY, "What sites, shards and the fleet cost a month"),
    ("history", "history:app", EVERYDAY, "Versions: what was applied, newest first"),
    ("why", "why:why", TROUBLE, "Why a target is as it is, and what comes next"),
    ("trace", "trace:trace", TROUBLE, "I pushed, why is it not live? A commit's way to a target"),
    ("drift", "drift:app", TROUBLE, "What was changed outside Git; keep it or undo it"),
    ("rollback", "rollback:rollback", TROUBLE, "Return a target to an earlier version"),
    ("pause", "holds:pause", TROUBLE, "Hold a target: nothing is applied to it"),
    ("resume", "holds:resume", TROUBLE, "Lift a target's holds"),
    ("waves", "waves:app", TROUBLE, "Changes of many sites, a few at a time: list, hold, end them"),
    ("audit", "audit:app", TROUBLE, "Who decided and wrote what, and whether the record of it is whole"),
    ("policy", "policy:app", SETTING_UP, "Policies of the fleet: test them, list what they may ask"),
    ("doctor", "doctor:doctor", TROUBLE, "Check everything that a cycle needs"),
    ("bootstrap", "bootstrap:bootstrap", SETTING_UP, "Make the fleet's own objects: folders, control project"),
    ("place", "place:place", SETTING_UP, "Propose a shard for a new tenant and give it its uid"),
    ("serve", "serve:serve", SETTING_UP, "Reconcile continuously"),
    ("ci", "ci:app", SETTING_UP, "Tell a plan on its pull request, from your own CI"),
    ("fleet", "fleet:app", SETTING_UP, "Lay out a fleet repository"),
    ("cloud", "cloud:app", SETTING_UP, "The local cloud: Google's APIs on loopback"),
    ("demo", "demo:demo", SETTING_UP, "From nothing to a reconciled fleet, in one command"),
    ("explain", "schema:explain", REFERENCE, "What a field of the fleet's files means"),
    ("schema", "schema:app", REFERENCE, "JSON Schemas of the fleet's files"),
    ("config", "config:app", REFERENCE, "The settings in force, and where each comes from"),
    ("completion", "completion:completion", REFERENCE, "A completion script for your shell"),
)
"""(name, where its function or sub-application is, group, help): nothing is imported to list them."""

EPILOGUE = (
    "TARGET is fleet, shard/NAME, tenant/NAME, tenant/NAME@ENVIRONMENT, or a path under the fleet repository. "
    "Exit codes: 0 done, 1 failed, 2 changes (only with --detailed-exitcode), 3 the input is wrong, "
    "4 not authenticated or forbidden, 5 refused or not confirmed, 64 usage, 130 interrupted."
)


def build() -> App:
    """The whole application; no command's file is imported."""
    app = App(
        name="aipress", version=__version__, version_flags=["--version"], help_format="plaintext",
        help="Git as the control panel of a WordPress fleet on Google Cloud.", help_epilogue=EPILOGUE,
        default_parameter=QUIET,
    )  # fmt: skip
    for order, (name, where, group, text) in enumerate(COMMANDS):
        app.command(f"reconciler.cli.{where}", name=name, group=group, help=text, sort_key=order)
    app["--help"].group = app["--version"].group = SHARED
    app.meta.suppress_keyboard_interrupt = False  # an interrupted call ends where every other one does
    app.meta.default(_Launch(app))
    return app


def run(arguments: Sequence[str] | None = None) -> int:
    """One call of `aipress`: its exit code. Nothing is raised."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    terminal = Terminal(json="--json" in words, verbose="-v" in words)
    try:
        code = build().meta(words, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads our output has gone (`| head`); say nothing more, and keep Python from trying.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (Exception, KeyboardInterrupt) as error:
        return _ended(error, terminal)
    return code if isinstance(code, int) else 0


@dataclass(frozen=True)
class _Launch:
    """Takes the shared options from anywhere on the command line and calls the command with the rest."""

    app: App

    def __call__(
        self,
        *words: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
        directory: Annotated[
            Path, Parameter(name="-C", group=SHARED, help="Work as if started in this folder.")
        ] = Path(),
        json: Annotated[
            bool, Parameter(name="--json", group=SHARED, help="Print JSON on standard output, errors too.")
        ] = False,
        no_input: Annotated[
            bool, Parameter(name="--no-input", group=SHARED, help="Never ask; refuse instead (exit 5).")
        ] = False,
        color: Annotated[
            Colour, Parameter(name="--color", group=SHARED, help="auto, always or never; NO_COLOR counts.")
        ] = "auto",
        quiet: Annotated[bool, Parameter(name="-q", group=SHARED, help="No progress, no remarks.")] = False,
        verbose: Annotated[
            bool, Parameter(name="-v", group=SHARED, help="Say more; show where an unexpected failure was.")
        ] = False,
    ) -> Any:
        command, bound, ignored = self.app.parse_args(words, exit_on_error=False, print_error=False)
        terminal = Terminal(json, no_input, color, quiet, verbose)
        more = {"given": Invocation(directory, terminal)} if "given" in ignored else {}
        return command(*bound.args, **bound.kwargs, **more)


def _ended(error: BaseException, terminal: Terminal) -> int:
    """Tell a failure and give its exit code."""
    message, hint, code = _words(error)
    if terminal.json:
        sys.stdout.write(error_document(message, hint, code))
    else:
        style = terminal.aside
        terminal.warn(f"{style.red('error:')} {plain(message)}")
        if hint:
            terminal.warn(f"  {style.cyan('help:')} {plain(hint)}")
    if code == 1 and terminal.verbose:
        terminal.warn("".join(traceback.format_exception(error)))
    return code


_HELP = "aipress --help lists commands and options"


def _words(error: BaseException) -> tuple[str, str, int]:
    """(what to say, what to do, exit code)."""
    if isinstance(error, AipressError):
        return str(error), error.hint, error.exit_code
    if isinstance(error, UnknownCommandError) and error.unused_tokens:
        return *_unknown(error.unused_tokens[0]), USAGE
    if isinstance(error, UnusedCliTokensError) and error.unused_tokens:
        return f"there is no place for `{' '.join(error.unused_tokens)}` here", _HELP, USAGE
    if isinstance(error, CycloptsError):
        return str(error).rstrip("."), _HELP, USAGE
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", "run the same command again to go on from here", INTERRUPTED
    if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("reconciler"):
        extra = {"google": "gcp", "googleapiclient": "gcp", "uvicorn": "daemon", "httpx2": "forge"}
        extra["opentelemetry"] = "otel"
        extra |= dict.fromkeys(("httptools", "prometheus_client", "watchfiles"), "daemon")
        name = extra.get((error.name or "").split(".")[0], "all")
        return f"{error.name} is not installed", f"pip install 'aipress-reconciler[{name}]'", 1
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}", "mend that and run the same command again; it goes on from here", 1
    kind = type(error).__name__
    return f"unexpected: {kind}: {error}", "this is a bug of ours; -v shows where it happened, please report that", 1


def _unknown(word: str) -> tuple[str, str]:
    """(message, hint). cyclopts' own words would import every command to list it."""
    close = difflib.get_close_matches(word, [name for name, *_ in COMMANDS], 1)
    return f"there is no command `{word}`" + (
        f"; did you mean `{close[0]}`?" if close else ""
    ), "aipress --help lists them"

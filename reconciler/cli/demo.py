"""`aipress demo`: the whole story, from nothing to a rollback, with the data centre on loopback."""

import itertools
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

import reconciler
from reconciler.cli.invocation import Given
from reconciler.model.errors import InputError, RefusedError


def demo(
    directory: Annotated[Path | None, Parameter(help="A new folder; default aipress-demo, numbered if taken.")] = None,
    /,
    *,
    given: Given,
) -> int:
    """Lay out a fleet, apply it, break it, heal it, change it and roll it back. All of it stays to look at."""
    from rich.console import Console

    from reconciler.cli.story import tell

    folder = (given.directory / directory).absolute() if directory else _unused(given.directory)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RefusedError(
            f"{folder} is not empty, and the demo begins with nothing", "name a new folder: aipress demo DIR"
        )
    terminal = given.terminal
    console = Console(no_color=not terminal.style.colour, highlight=False, quiet=terminal.quiet, stderr=terminal.json)
    code = tell(folder, _bundled(), console)
    if terminal.json:
        terminal.out_json({"directory": str(folder), "exit": code})
    return code


def _unused(where: Path) -> Path:
    """aipress-demo, aipress-demo-2, … : the first that is not there."""
    names = itertools.chain(["aipress-demo"], (f"aipress-demo-{number}" for number in itertools.count(2)))
    return next(where / name for name in names if not (where / name).exists()).absolute()


def _bundled() -> Path:
    """The folder that holds fleet/ and examples/: in the wheel, or the checkout."""
    package = Path(reconciler.__file__).parent
    for folder in (package / "bundled", package.parent):
        if (folder / "fleet" / "fleet.yaml").is_file() and (folder / "examples").is_dir():
            return folder
    raise InputError("this installation has no sample fleet", "install the wheel, or run the demo from a checkout")

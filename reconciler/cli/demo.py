"""`aipress demo`: the whole story, from nothing to a rollback, with the data centre on loopback."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

import reconciler
from reconciler.cli.invocation import Given
from reconciler.model.errors import InputError, RefusedError


def demo(
    directory: Annotated[Path, Parameter(help="A new folder; default aipress-demo.")] = Path("aipress-demo"),
    /,
    *,
    given: Given,
) -> int:
    """Lay out a fleet, apply it, break it, heal it, change it and roll it back. All of it stays to look at."""
    from rich.console import Console

    from reconciler.cli.story import tell

    folder = (given.directory / directory).absolute()
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


def _bundled() -> Path:
    """The folder that holds fleet/ and examples/: in the wheel, or the checkout."""
    package = Path(reconciler.__file__).parent
    for folder in (package / "bundled", package.parent):
        if (folder / "fleet" / "fleet.yaml").is_file() and (folder / "examples").is_dir():
            return folder
    raise InputError("this installation has no sample fleet", "install the wheel, or run the demo from a checkout")

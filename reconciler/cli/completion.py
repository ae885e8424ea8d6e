"""`aipress completion`: a script for the shell, made from the application itself."""

import os
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from reconciler.cli.invocation import Given
from reconciler.model.errors import UsageError

Shell = Literal["bash", "zsh", "fish"]


def completion(
    shell: Annotated[Shell | None, Parameter(help="bash, zsh or fish; default the one in $SHELL.")] = None,
    /,
    *,
    given: Given,
) -> int:
    """Print a completion script, to be saved where your shell looks for them."""
    from reconciler.cli.app import build

    name = shell or _yours()
    text = build().generate_completion(shell=name)
    if given.terminal.json:
        given.terminal.out_json({"shell": name, "script": text})
    else:
        given.terminal.out(text if text.endswith("\n") else text + "\n")
    return 0


def _yours() -> Shell:
    name = Path(os.environ.get("SHELL", "")).name
    known: dict[str, Shell] = {"bash": "bash", "zsh": "zsh", "fish": "fish"}
    if name not in known:
        raise UsageError(f"cannot tell your shell from SHELL={name!r}", "name it: aipress completion bash|zsh|fish")
    return known[name]

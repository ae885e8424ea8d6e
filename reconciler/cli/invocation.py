"""What every command is given beside its own flags: where it was called, how it talks, and the way to the world."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from reconciler.cli.targets import target_from
from reconciler.cli.terminal import Terminal
from reconciler.model.errors import UsageError
from reconciler.model.ids import Target

if TYPE_CHECKING:
    from reconciler.actions.audit import Records
    from reconciler.assemble import Settings
    from reconciler.cycle.world import World


@dataclass(frozen=True, slots=True)
class Invocation:
    """`directory` is what -C named. `flags` are settings given as flags of this command (they win over all others)."""

    directory: Path
    terminal: Terminal = field(default_factory=Terminal)

    def settings(self, flags: Mapping[str, object] | None = None) -> "Settings":
        """Raises UsageError, InputError."""
        from reconciler.assemble import settings

        return settings({"directory": str(self.directory), **(flags or {})})

    def world(self, flags: Mapping[str, object] | None = None) -> "World":
        """Everything wired for the chosen cloud. Raises UsageError, InputError with what to do."""
        from reconciler.assemble import world

        return world(self.settings(flags))

    def records(self) -> "Records":
        """What is read without a cloud. Raises UsageError, InputError."""
        from reconciler.assemble import records

        return records(self.settings())

    def targets(self, texts: tuple[str, ...]) -> tuple[Target, ...]:
        """Raises UsageError for a text that is neither a target nor a path of the fleet."""
        return tuple(target_from(text, self.directory) for text in texts)

    def target(self, text: str) -> Target:
        return target_from(text, self.directory)


QUIET = Parameter(negative=(), show_default=False)
"""For every option: no `--no-…` twin, and a default is told in words where it matters."""

AUTHOR = "The pull request's author by user id, github:ID or gitlab:ID; without it git's authors are believed."
_AUTHOR = re.compile(r"(github|gitlab):[0-9]{1,20}")


def author_of(text: str) -> str:
    """Raises UsageError for what is no user id: a name may be another's tomorrow."""
    if text and not _AUTHOR.fullmatch(text):
        raise UsageError(
            f"--author {text[:60]}: it is the id of a user", "github:583231 (CI knows it: see examples/ci)"
        )
    return text


Given = Annotated[Invocation, Parameter(parse=False)]
"""The parameter that a command gets from us and not from the command line."""

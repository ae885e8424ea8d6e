"""`aipress validate`: offline, everything that is wrong at once."""

from typing import Annotated, Literal

from cyclopts import Parameter

from reconciler.cli.invocation import AUTHOR, Given, author_of
from reconciler.model.errors import UsageError

Format = Literal["full", "concise", "json", "github", "gitlab", "sarif"]
WRONG = 3


def validate(
    *paths: Annotated[str, Parameter(help="Report only on these files or folders; everything is checked.")],
    staged: Annotated[bool, Parameter(help="Read the index instead of the working tree (for pre-commit).")] = False,
    rev: Annotated[str | None, Parameter(help="Read this commit instead (for pre-receive and CI).")] = None,
    base: Annotated[
        str | None, Parameter(help="Judge too who changed what since this revision (spec.ownership there).")
    ] = None,
    author: Annotated[str, Parameter(help=AUTHOR)] = "",
    fix: Annotated[bool, Parameter(help="Mend what needs no thought, in the working tree.")] = False,
    output_format: Annotated[Format | None, Parameter(help="How problems are printed; default full.")] = None,
    given: Given,
) -> int:
    """Check the fleet's files, offline: YAML, schema, references, policy. Exit 3 when something is wrong."""
    from reconciler.actions.validate import ValidateRequest
    from reconciler.actions.validate import validate as check
    from reconciler.assemble import expressions, repository
    from reconciler.cli.targets import fleet_path
    from reconciler.report.diagnostics import FORMATS, Findings, closing

    if (staged and rev) or (fix and (staged or rev)):
        raise UsageError("--staged, --rev and --fix exclude each other", "--fix writes to the working tree")
    fleet = repository(given.settings())
    inside = tuple(fleet_path(path, given.directory, fleet.folder) for path in paths)
    done = check(fleet, ValidateRequest(inside, staged, rev or "", fix, base or "", author_of(author)), expressions())
    terminal = given.terminal
    findings = Findings(done.diagnostics, done.files, done.fixed, fleet.root)
    chosen = "json" if terminal.json else output_format or "full"
    terminal.out(FORMATS[chosen](findings, terminal.style))
    if chosen not in ("full", "concise"):
        terminal.note(closing(findings))
    return 0 if done.ok else WRONG

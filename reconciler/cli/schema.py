"""`aipress schema export` and `aipress explain FIELD`: what may be written."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from reconciler.cli.invocation import QUIET, Given
from reconciler.model.errors import InputError

app = App(name="schema", help="JSON Schemas of the fleet's files.", default_parameter=QUIET)


@app.command
def export(
    directory: Annotated[Path, Parameter(help="Where to; default schemas.")] = Path("schemas"),
    /,
    *,
    given: Given,
) -> int:
    """Write the JSON Schemas (2020-12) of the four documents, for editors and for others' checks."""
    from reconciler.source.layout import export_schemas

    written = [str(path) for path in export_schemas(given.directory / directory)]
    if given.terminal.json:
        given.terminal.out_json({"written": written})
    else:
        given.terminal.out("".join(f"{path}\n" for path in written))
    return 0


def explain(
    field: Annotated[str, Parameter(help="A field as it is written: tenant.spec.runtime.memory")],
    /,
    *,
    given: Given,
) -> int:
    """What a field of the fleet's files means: type, allowed values, default, and whether anything manages it yet."""
    from reconciler.source.schema import explain as look_up

    try:
        found = look_up(field)
    except KeyError as error:
        raise InputError(str(error.args[0]), "aipress explain tenant lists a tenant's fields") from error
    if given.terminal.json:
        given.terminal.out_json(asdict(found))
    else:
        given.terminal.out(found.text().rstrip("\n") + "\n")
    return 0

"""`aipress fleet`: lay out a fleet repository, small to begin with or of any size to try things on."""

import secrets
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from reconciler.cli.invocation import QUIET, Given, Invocation

app = App(name="fleet", help="Lay out a fleet repository.", default_parameter=QUIET)


@app.command
def init(
    directory: Annotated[Path, Parameter(help="A new or empty folder; default this one.")] = Path(),
    /,
    *,
    name: Annotated[str | None, Parameter(help="The fleet's name; default the folder's.")] = None,
    region: Annotated[str, Parameter(help="Where its first shard is; default europe-west1.")] = "europe-west1",
    sample: Annotated[bool, Parameter(help="The sample fleet instead: two shards, three tiers, 14 tenants.")] = False,
    given: Given,
) -> int:
    """A git repository with one shard and one tenant to begin with, and the schemas for editors."""
    from reconciler.source.generate import Scaffold, scaffold
    from reconciler.source.layout import FirstCommit, lay_out
    from reconciler.source.layout import sample as sample_files
    from reconciler.source.uid import ENTROPY, uid_from

    folder = (given.directory / directory).absolute()
    if sample:
        files = sample_files()
        return _told(given, folder, len(files), lay_out(folder, files, FirstCommit("The fleet as it is today")))
    wanted = Scaffold(name or _name(folder), secrets.token_hex(3), region=region)
    files = scaffold(wanted, lambda: uid_from(secrets.token_bytes(ENTROPY)))
    commit = lay_out(folder, files, FirstCommit("Begin the fleet"))
    return _told(given, folder, len(files), commit)


@app.command
def generate(
    directory: Annotated[Path, Parameter(help="A new or empty folder.")],
    /,
    *,
    tenants: Annotated[int, Parameter(help="How many tenants; default 100.")] = 100,
    shards: Annotated[int | None, Parameter(help="How many shards; default one for each 50 tenants.")] = None,
    seed: Annotated[str, Parameter(help="The same seed makes the same fleet, byte for byte; default 0.")] = "0",
    given: Given,
) -> int:
    """A synthetic fleet of any size: a git repository with one commit, always the same for the same seed."""
    from reconciler.report.values import count
    from reconciler.source.generate import generate as make
    from reconciler.source.layout import FirstCommit, lay_out

    on = shards if shards is not None else max(1, -(-tenants // 50))
    folder = (given.directory / directory).absolute()
    files = make(tenants, on, seed)
    title = f"Generate {count(tenants, 'tenant')} on {count(on, 'shard')} (seed {seed})"
    return _told(given, folder, len(files), lay_out(folder, files, FirstCommit(title)))


def _told(given: Invocation, folder: Path, files: int, commit: str) -> int:
    if given.terminal.json:
        given.terminal.out_json({"directory": str(folder), "files": files, "commit": commit})
        return 0
    given.terminal.out(f"{folder}: {files:,} fleet files, commit {commit[:7]}\n")
    given.terminal.note(f"Next:\n  cd {folder}\n  aipress validate\n  aipress cloud up\n  aipress plan")
    return 0


def _name(folder: Path) -> str:
    """The folder's name as a name of ours."""
    letters = "".join(c if c.isascii() and (c.isalnum() or c == "-") else "-" for c in folder.name.lower()).strip("-")
    usable = letters[:30].strip("-")
    return usable if len(usable) >= 3 and usable[0].isalpha() else "my-fleet"

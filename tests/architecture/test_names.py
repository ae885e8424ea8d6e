"""Names say what a thing is. A name that fits everything says nothing."""

import ast
import re
from collections.abc import Iterator, Sequence

from tests.architecture.house import ROOT, Source, functions, imports, report, sources, tracked

ANYWHERE = {"manager", "handler", "helper", "helpers", "util", "utils"}
ALONE = {"service", "data", "info", "process", "processor", "common", "misc"}
"""Fine as a part of a name ("run.service" is a kind, a data-bearing kind is one), empty as the whole of it."""

AT_THE_ROOT = {
    "README.md", "pyproject.toml", "Makefile", "requirements.lock", "LICENSE", "CHANGELOG.md",
    "reconciler", "schemas", "fleet", "examples", "hooks", "tests",
}  # fmt: skip


def words(name: str) -> list[str]:
    return [w.lower() for w in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)]


def empty_names(source: Source) -> list[str]:
    found = []
    for node, name in _names(source):
        called_alone = "_".join(words(name)) in ALONE and not isinstance(node, ast.FunctionDef)
        if set(words(name)) & ANYWHERE or called_alone:
            found.append(source.at(node, f"`{name}` does not say what it is: name the result, not the doer"))
    return found


def _names(source: Source) -> Iterator[tuple[ast.AST, str]]:
    for part in source.path.split("/")[1:]:
        yield source.tree, part.removesuffix(".py")
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef):
            yield node, node.name
    for function in functions(source):
        yield function, function.name


def dry_run_flags(source: Source) -> list[str]:
    """A dry run does not call apply; there is no flag for it."""
    return [
        source.at(node, "no dry_run: a plan that is not applied is the dry run")
        for node in ast.walk(source.tree)
        if "dry_run" in (getattr(node, "id", ""), getattr(node, "attr", ""), getattr(node, "arg", ""))
    ]


def open_keywords(every: Sequence[Source]) -> list[str]:
    """Between rooms every argument has a name and a type; inside its room a function may pass on what it was given."""
    wanted = {(s.room, name) for s in every for _, name in imports(s)}
    return [
        s.at(f, f"{f.name} takes **{f.args.kwarg.arg} from another room: name its arguments")
        for s in every
        for f in functions(s)
        if f.args.kwarg and any(n == f"{_module(s)}.{f.name}" and room != s.room for room, n in wanted)
    ]


def _module(source: Source) -> str:
    return source.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def test_names_say_what_a_thing_is() -> None:
    assert not (found := [c for s in sources() for c in empty_names(s)]), report(found)


def test_there_is_no_dry_run_flag() -> None:
    assert not (found := [c for s in sources() for c in dry_run_flags(s)]), report(found)


def test_no_room_passes_another_unnamed_keywords() -> None:
    assert not (found := open_keywords(sources())), report(found)


def test_the_root_holds_only_what_belongs_there() -> None:
    top = {name.split("/")[0] for name in tracked()}
    strangers = {name for name in top - AT_THE_ROOT if not name.startswith(".")}
    assert not strangers, f"{sorted(strangers)} at the root: prose goes to docstrings, code to a room, the rest away"


def test_what_belongs_at_the_root_is_there() -> None:
    missing = sorted(name for name in AT_THE_ROOT if not (ROOT / name).exists())
    assert not missing, missing


def test_the_rules_see_what_breaks_them() -> None:
    for bad in ("class ShardManager: ...", "def run_helper(): ...", "class Info: ...", "def handleURLUtil(): ..."):
        assert empty_names(Source.of("reconciler/live/x.py", bad)), bad
    assert empty_names(Source.of("reconciler/live/utils.py", ""))
    for good in ("class DataBearing: ...", "def handle(): ...", "class RunService: ...", "def information(): ..."):
        assert not empty_names(Source.of("reconciler/live/x.py", good)), good
    for bad in ("def f(dry_run=False): ...", "f(dry_run=True)", "if options.dry_run: ..."):
        assert dry_run_flags(Source.of("reconciler/live/x.py", bad)), bad
    open_one = Source.of("reconciler/live/x.py", "def f(**rest): ...")
    neighbour, stranger = "reconciler/live/y.py", "reconciler/cycle.py"
    assert not open_keywords([open_one, Source.of(neighbour, "from reconciler.live.x import f")])
    assert open_keywords([open_one, Source.of(stranger, "from reconciler.live.x import f")])

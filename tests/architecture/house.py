"""The source tree as the rules read it: paths, text, syntax trees, and what a dotted name stands for."""

import ast
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Source:
    """One Python file. `path` is relative to the repository: "reconciler/planning/diff.py"."""

    path: str
    text: str
    tree: ast.Module = field(compare=False)

    @classmethod
    def of(cls, path: str, text: str) -> "Source":
        return cls(path, text, ast.parse(text, path))

    @property
    def room(self) -> str:
        """ "planning" of reconciler/planning/diff.py, "cycle" of reconciler/cycle.py."""
        return self.path.split("/")[1].removesuffix(".py")

    def at(self, node: ast.AST, message: str) -> str:
        return f"{self.path}:{getattr(node, 'lineno', 1)}: {message}"


@cache
def tracked(*suffixes: str) -> tuple[str, ...]:
    """Files of the repository, sorted: committed or about to be, never what .gitignore names."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    names = sorted(set(listed.split("\0")) - {""})
    return tuple(n for n in names if (not suffixes or n.endswith(suffixes)) and (ROOT / n).is_file())


@cache
def sources(top: str = "reconciler/") -> tuple[Source, ...]:
    """Every Python file under a folder, parsed."""
    return tuple(Source.of(n, (ROOT / n).read_text()) for n in tracked(".py") if n.startswith(top))


def imports(source: Source) -> Iterator[tuple[ast.AST, str]]:
    """(where, full name) of everything imported, inside functions too: "os", "datetime.datetime"."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node, f"{node.module}.{name.name}") for name in node.names)


def called(source: Source) -> Iterator[tuple[ast.Call, str]]:
    """(where, full name) of every call whose name leads back to an import or a builtin: "time.time", "print"."""
    known: dict[str, str] = {}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            known |= {
                n.asname or n.name.split(".")[0]: n.name if n.asname else n.name.split(".")[0] for n in node.names
            }
        elif isinstance(node, ast.ImportFrom) and node.module:
            known |= {n.asname or n.name: f"{node.module}.{n.name}" for n in node.names}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call):
            first, *rest = _chain(node.func)
            if first and (first in known or not rest):
                yield node, ".".join([known.get(first, first), *rest])


def _chain(node: ast.expr) -> list[str]:
    steps: list[str] = []
    while isinstance(node, ast.Attribute):
        steps.insert(0, node.attr)
        node = node.value
    return [node.id, *steps] if isinstance(node, ast.Name) else ["", *steps]


def functions(source: Source) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def under(name: str, prefixes: Sequence[str]) -> bool:
    """Whether a dotted name is one of these or lies in one of them."""
    return any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes)


def report(complaints: Sequence[str]) -> str:
    return "\n".join(["", *complaints])

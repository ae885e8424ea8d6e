"""Every room states its law: what may live there and what may not."""

import ast
import io
import re
import tokenize

from tests.architecture.house import ROOT, Source, report, sources, tracked

LIMIT = re.compile(r"\b(no|not|never|nothing|none|only|nobody|neither|without|pure)\b", re.IGNORECASE)
BARE = re.compile(r"#\s*(type:\s*ignore|noqa)(?!\[|:)\b(?!:)", re.IGNORECASE)


def lawless(source: Source) -> list[str]:
    law = ast.get_docstring(source.tree) or ""
    if len(law) < 40:
        return [f"{source.path}: no docstring that says in a sentence or two what may live here"]
    if not LIMIT.search(law):
        return [f"{source.path}: the docstring does not say what may not live here"]
    return []


def bare_exceptions(source: Source) -> list[str]:
    """`type: ignore` and `noqa` without a code silence whatever comes later, too."""
    tokens = tokenize.generate_tokens(io.StringIO(source.text).readline)
    return [
        f"{source.path}:{t.start[0]}: `{t.string}` silences everything: name the rule"
        for t in tokens
        if t.type == tokenize.COMMENT and BARE.search(t.string)
    ]


def test_every_package_says_what_may_live_in_it() -> None:
    laws = [s for s in sources() if s.path.endswith("/__init__.py")]
    assert not (found := [c for s in laws for c in lawless(s)]), report(found)


def test_every_folder_with_code_is_a_package() -> None:
    folders = {name.rsplit("/", 1)[0] for name in tracked(".py") if name.startswith("reconciler/")}
    missing = sorted(f for f in folders if not (ROOT / f / "__init__.py").is_file())
    assert not missing, missing


def test_every_module_has_a_docstring() -> None:
    silent = [s.path for s in sources() if not ast.get_docstring(s.tree)]
    assert not silent, report(silent)


def test_linters_are_silenced_by_name_only() -> None:
    every = (*sources("reconciler/"), *sources("tests/"))
    assert not (found := [c for s in every for c in bare_exceptions(s)]), report(found)


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    place = re.compile(r"(?<![\w.~*/-])/(root|home/[a-z]+|Users/[A-Za-z]+|work)/")
    found = []
    for name in tracked(".py", ".md", ".toml", ".yaml", ".yml", ".sh", ".lock", "Makefile", ".json", "/run"):
        text = (ROOT / name).read_text()
        found += [f"{name}:{text.count(chr(10), 0, m.start()) + 1}: {m[0]}" for m in place.finditer(text)]
    assert not found, report(found)


def test_the_rules_see_what_breaks_them() -> None:
    assert lawless(Source.of("reconciler/live/__init__.py", ""))
    assert lawless(Source.of("reconciler/live/__init__.py", '"""Here live all sorts of things that we like a lot."""'))
    assert not lawless(
        Source.of("reconciler/live/__init__.py", '"""Lists what the cloud holds; decides nothing about it."""')
    )
    for bad in ("# type: ignore", "# noqa", "#type:ignore  # sorry"):
        assert bare_exceptions(Source.of("reconciler/x.py", f"a = 1  {bad}\n")), bad
    for good in ("# type: ignore[arg-type]", "# noqa: S105", "'# noqa'"):
        assert not bare_exceptions(Source.of("reconciler/x.py", f"a = 1, {good}\n")), good

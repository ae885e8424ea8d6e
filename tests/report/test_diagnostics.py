"""Diagnostics: the caret stands under the token, and every format says the same problems."""

import json
import re
from collections.abc import Callable

import pytest

from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.report.diagnostics import FORMATS, Findings, closing, concise, full, github
from reconciler.report.style import PLAIN, Style

TENANT = "shards/eu-001/tenants/acme-bakery/tenant.yaml"
FINDINGS = Findings(
    (
        Diagnostic(
            "AP107", Severity.ERROR, '`spec.runtime.php` is not one of "8.1", "8.2", "8.3", "8.4"', TENANT,
            Position(10, 10, 4), 'quote it: "8.4"', "    php: 8.10 # näxt: 漢字", "tenant/acme-bakery", fixable=True,
        ),
        Diagnostic(
            "AP103", Severity.ERROR, "unknown field `domians`", TENANT, Position(8, 3, 7), "did you mean `domains`?",
            "  domians: [acme.example]", "tenant/acme-bakery",
        ),
        Diagnostic("AP301", Severity.NOTE, "`spec.cdn` is accepted, not yet managed", TENANT, Position(20, 3, 3)),
        Diagnostic("AP210", Severity.WARNING, "domain is served twice, 100% sure", "fleet.yaml", Position(1, 1)),
        Diagnostic("AP001", Severity.ERROR, "no fleet.yaml at this commit", help="run `aipress fleet init`"),
    ),
    files=1204,
)  # fmt: skip


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_format(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"diagnostics.{name}.txt", FORMATS[name](FINDINGS, PLAIN))


@pytest.mark.parametrize(
    ("excerpt", "column", "width", "under"),
    [
        ("  domians: [x]", 3, 7, "domians"),
        ("\tphp: 8.10", 7, 4, "8.10"),
        ("漢字: nope", 5, 4, "nope"),
        ("a\x1b[31m: nope", 9, 4, "nope"),
        ("domians: x\r\n", 1, 7, "domians"),
        ("x" * 400 + "NEEDLE" + "y" * 400, 401, 6, "NEEDLE"),
        ("x" * 400 + "NEEDLE", 401, 6, "NEEDLE"),
    ],
)
def test_the_caret_lies_under_the_token(excerpt: str, column: int, width: int, under: str) -> None:
    from reconciler.report.escape import columns

    found = Diagnostic("AP103", Severity.ERROR, "m", "f.yaml", Position(8, column, width), excerpt=excerpt)
    lines = full(Findings((found,), 1)).splitlines()
    source, carets = lines[3], lines[4]
    start = carets.index("^")
    length = carets.count("^")
    # walk the source line by terminal columns
    position, text = 0, ""
    for char in source:
        if start <= position < start + length:
            text += char
        position += columns(char)
    assert text == under
    assert len(source) < 160


def test_a_column_behind_the_end_of_the_line_does_not_crash() -> None:
    found = Diagnostic("AP103", Severity.ERROR, "m", "f.yaml", Position(8, 900, 5), excerpt="short")
    assert "^" in full(Findings((found,), 1))


def test_clean_files_are_counted() -> None:
    assert closing(Findings((), 16)) == "All 16 files valid."
    assert closing(Findings((), 16, fixed=("a", "b"))) == "Fixed 2 files. All 16 files valid."
    assert closing(Findings((), 0)) == "No fleet files found."
    note = Diagnostic("AP301", Severity.NOTE, "not yet managed", "f.yaml")
    assert closing(Findings((note, note), 16)) == "All 16 files valid; 2 notes."


def test_hostile_text_stays_on_its_line(hostile: str) -> None:
    found = Diagnostic("AP103", Severity.ERROR, hostile, hostile, Position(1, 1, 3), hostile, hostile)
    findings = Findings((found,), 1)
    for name, render in FORMATS.items():
        text = render(findings, PLAIN)
        assert all(line.isprintable() for line in text.split("\n")), name
        text.encode("utf-8")
    assert concise(findings).count("\n") == 2
    assert github(findings).count("\n") == 1


def test_github_properties_cannot_be_forged() -> None:
    found = Diagnostic("AP103", Severity.ERROR, "100%\n::error::x", "a,line=9::b%.yaml", Position(2, 1))
    line = github(Findings((found,), 1))
    assert re.fullmatch(
        r"::error file=a%2Cline=9%3A%3Ab%25\.yaml,line=2,col=1,endColumn=2,title=AP103::100%25\\n::error::x\n", line
    )


def test_paths_in_ci_start_at_the_repository() -> None:
    found = Diagnostic("AP103", Severity.ERROR, "m", "fleet.yaml", Position(2, 1))
    findings = Findings((found,), 1, prefix="ops/fleet/")
    assert "file=ops/fleet/fleet.yaml" in github(findings)
    assert json.loads(FORMATS["gitlab"](findings, PLAIN))[0]["location"]["path"] == "ops/fleet/fleet.yaml"
    assert '"uri": "ops/fleet/fleet.yaml"' in FORMATS["sarif"](findings, PLAIN)


def test_gitlab_fingerprints_do_not_move_with_the_line() -> None:
    def fingerprint(line: int) -> str:
        found = Diagnostic("AP103", Severity.ERROR, "m", "f.yaml", Position(line, 1), excerpt="x: 1")
        return str(json.loads(FORMATS["gitlab"](Findings((found,), 1), PLAIN))[0]["fingerprint"])

    assert fingerprint(1) == fingerprint(70)


def test_colour_only_when_asked() -> None:
    assert "\x1b[" not in full(FINDINGS)
    assert "\x1b[31m" in full(FINDINGS, Style(colour=True))

"""`aipress policy`: the fleet's own rules, tried out before anybody meets them."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from reconciler.cli.invocation import QUIET, Given
from reconciler.model.errors import InputError

app = App(name="policy", help="Policies of the fleet: test them, list what they may ask.", default_parameter=QUIET)
FAILED, WRONG = 1, 3


@app.command
def test(
    *paths: Annotated[Path, Parameter(help="More cases: files with tests: [{ policy, name, given, expect }].")],
    rev: Annotated[str | None, Parameter(help="Test the policies of this commit, not those being edited.")] = None,
    given: Given,
) -> int:
    """Run the tests that stand beside the policies in fleet.yaml. Offline; exit 1 when one fails.

    A case gives facts and says what is expected: pass, warn, deny, or error. What it does not give is empty.
    """
    from reconciler.actions.policy import cases_in, cases_of, tried
    from reconciler.actions.validate import ValidateRequest, validate
    from reconciler.assemble import expressions, repository
    from reconciler.report.diagnostics import FORMATS, Findings
    from reconciler.report.policies import TestLine, tests_text
    from reconciler.source.paths import FLEET_FILE

    fleet, terminal = repository(given.settings()), given.terminal
    checked = validate(fleet, ValidateRequest((FLEET_FILE,), revision=rev or ""), expressions())
    wrong = [d for d in checked.diagnostics if d.severity == "error"]
    written = checked.fleet
    if written is None:
        terminal.warn(FORMATS["full"](Findings(tuple(wrong), 1, prefix=fleet.root), terminal.aside).rstrip("\n"))
        raise InputError("fleet.yaml cannot be used, so there is no policy to test", "mend what is shown above")
    cases = [*cases_in(written), *(case for path in paths for case in cases_of(given.directory / path, written))]
    done = tried(cases, expressions())
    lines = [
        TestLine(
            one.case.policy.name, one.case.test.name, one.case.where, one.case.test.expect, one.got, one.passed,
            one.message, one.case.test.message or "", one.why,
        )
        for one in done
    ]  # fmt: skip
    tested = {line.policy for line in lines}
    untested = [policy.name for policy in written.document.spec.policies if policy.name not in tested]
    failed = sum(1 for line in lines if not line.passed)
    if terminal.json:
        rows = [line.to_json() for line in lines]
        terminal.out_json({"passed": len(lines) - failed, "failed": failed, "cases": rows, "untested": untested})
    else:
        terminal.out(tests_text(lines, untested, terminal.style))
    if wrong:
        terminal.warn(FORMATS["full"](Findings(tuple(wrong), 1, prefix=fleet.root), terminal.aside).rstrip("\n"))
    return FAILED if failed else WRONG if wrong else 0


@app.command
def facts(*, given: Given) -> int:
    """List what an expression may ask, with its type, by what it is asked about (`each`)."""
    from reconciler.model.policies import FACTS
    from reconciler.report.policies import facts_text

    if given.terminal.json:
        rows = [
            {"each": str(each), "name": name, "type": fact.kind, "about": fact.about}
            for each, known in FACTS.items()
            for name, fact in known.items()
        ]
        given.terminal.out_json(rows)
        return 0
    told = {
        f"each: {each}": [(name, fact.kind, fact.about) for name, fact in known.items()]
        for each, known in FACTS.items()
    }
    given.terminal.out(facts_text(told, given.terminal.style))
    return 0

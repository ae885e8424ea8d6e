"""`aipress policy`: the tests of a fleet's policies, and what they may ask."""

import shutil
from pathlib import Path

import pygit2
import pytest

from tests.cli.conftest import Aipress

SMALL = Path(__file__).parents[2] / "fleet"


@pytest.fixture
def fleet() -> Path:
    """The small fleet, in the folder where the command is called."""
    here = Path.cwd()
    shutil.copytree(SMALL, here, dirs_exist_ok=True)
    pygit2.init_repository(str(here), initial_head="main")
    return here


def edit(fleet: Path, old: str, new: str) -> None:
    text = (fleet / "fleet.yaml").read_text()
    assert old in text
    (fleet / "fleet.yaml").write_text(text.replace(old, new, 1))


def test_the_small_fleets_policy_passes_its_tests(aipress: Aipress, fleet: Path) -> None:
    ended = aipress("policy", "test")
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert lines[0].startswith("passed  gold-stays-warm: a gold site with one warm instance  fleet.yaml:")
    assert lines[-1] == "2 passed, 0 failed"


def test_a_test_that_fails_says_what_was_expected(aipress: Aipress, fleet: Path) -> None:
    edit(fleet, "expect: pass", "expect: deny")
    edit(fleet, "message: big-shop is gold", "message: small-shop")
    ended = aipress("policy", "test")
    assert ended.code == 1
    assert "FAILED  gold-stays-warm: a silver site may go cold" in ended.out
    assert "expected deny, got pass" in ended.out
    assert "expected in the message: small-shop" in ended.out and "message: big-shop is gold" in ended.out
    told = aipress("policy", "test", "--json")
    assert told.code == 1 and (told.json["passed"], told.json["failed"]) == (0, 2)
    assert [(c["expected"], c["got"], c["passed"]) for c in told.json["cases"]] == [
        ("deny", "deny", False), ("deny", "pass", False),
    ]  # fmt: skip


def test_more_tests_come_from_files(aipress: Aipress, fleet: Path) -> None:
    (fleet / "more.yaml").write_text(
        "tests:\n"
        "  - { policy: gold-stays-warm, name: no facts at all, given: {}, expect: pass }\n"
        "  - { policy: gold-stays-warm, name: an unknown fact, given: { tenant: { teir: gold } }, expect: pass }\n"
    )
    ended = aipress("policy", "test", "more.yaml")
    assert ended.code == 1
    assert "passed  gold-stays-warm: no facts at all" in ended.out
    assert "got error: there is no fact tenant.teir; did you mean tenant.tier?" in ended.out
    assert ended.out.endswith("3 passed, 1 failed\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tests: [{ policy: gold-stays-wram, name: one, given: {}, expect: pass }]", "did you mean gold-stays-warm?"),
        ("tests: [{ policy: gold-stays-warm, name: one, given: {}, expect: allow }]", "more.yaml:1"),
        ("[" * 50_000, "more.yaml"), ("policy: x", "more.yaml"),
    ],
)  # fmt: skip
def test_a_file_that_holds_no_tests_is_refused(aipress: Aipress, fleet: Path, text: str, told: str) -> None:
    (fleet / "more.yaml").write_text(text)
    ended = aipress("policy", "test", "more.yaml")
    assert ended.code == 3 and told in ended.err


def test_a_policy_that_cannot_be_compiled_is_shown_at_its_line(aipress: Aipress, fleet: Path) -> None:
    edit(fleet, "change.environment == 'production'", "change.environmnt == 'production'")
    for words in (("validate", "--output-format", "concise"), ("policy", "test")):
        ended = aipress(*words)
        assert ended.code == (1 if words[0] == "policy" else 3)
        assert "there is no fact 'change.environmnt'" in ended.out + ended.err
    line = (
        (fleet / "fleet.yaml")
        .read_text()
        .splitlines()
        .index("        change.environmnt == 'production' && has(change.body.template.scaling.minInstanceCount)")
    )
    assert f"fleet.yaml:{line + 1}:15: AP231" in aipress("validate", "--output-format", "concise").out


def test_sarif_holds_it_too(aipress: Aipress, fleet: Path) -> None:
    edit(fleet, "change.environment == 'production'", "change.environmnt == 'production'")
    ended = aipress("validate", "--output-format", "sarif")
    assert '"AP231"' in ended.out and ended.code == 3


def test_facts_are_listed_with_their_types(aipress: Aipress, fleet: Path) -> None:
    ended = aipress("policy", "facts")
    assert ended.code == 0 and "tenant.tier" in ended.out and "each: plan" in ended.out
    rows = aipress("policy", "facts", "--json").json
    assert {"each": "plan", "name": "plan.sites", "type": "int",
            "about": "live sites that the changes concern"} in rows  # fmt: skip


def test_the_author_is_an_id_and_no_name(aipress: Aipress, fleet: Path) -> None:
    ended = aipress("validate", "--base", "HEAD", "--author", "octocat")
    assert ended.code == 64 and "it is the id of a user" in ended.err


def test_an_exemption_and_a_tenant_policy_can_be_tried_out(aipress: Aipress, fleet: Path) -> None:
    edit(fleet, "  policies:\n", """\
  policies:
    - name: few-at-a-time
      each: tenant
      when: changes.size() > 1
      verdict: deny
      message: "{{ tenant.name }} changes in {{ changes.map(c, c.kind) }}"
      exemptions: [{ targets: [tenant/maple-street-books], until: "2026-03-01", by: Jo S, why: a move }]
      tests:
        - { name: two, given: { changes: [{ kind: a }, { kind: b }] }, expect: deny, message: "in a, b" }
        - { name: one, given: { changes: [{ kind: a }] }, expect: pass }
        - { name: the last day, expect: warn,
            given: { now: "2026-03-01T23:00:00Z", tenant: { name: maple-street-books }, changes: [{}, {}] } }
        - { name: a day later, expect: deny,
            given: { now: "2026-03-02T00:00:00Z", tenant: { name: maple-street-books }, changes: [{}, {}] } }
""")  # fmt: skip
    ended = aipress("policy", "test")
    assert (ended.code, ended.out.splitlines()[-1]) == (0, "6 passed, 0 failed"), ended.out + ended.err

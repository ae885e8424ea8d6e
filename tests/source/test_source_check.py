"""One document: every problem at once, under the caret, with a way out."""

import pytest

from reconciler.model.spec import TenantDocument
from reconciler.source.check import check
from reconciler.source.document import parse

PATH = "shards/eu-001/tenants/acme/tenant.yaml"
GOOD = """\
apiVersion: aipress.io/v1
kind: Tenant
metadata:
  name: acme
spec:
  tier: silver
  source: { repository: "https://git.example/acme.git" }
  environments:
    production: { ref: main }
"""


def told(extra: str, text: str = GOOD) -> list[tuple[str, int, int, str, str]]:
    """(code, line, column, underlined text, help) of GOOD with more lines under spec."""
    parsed = parse((text + extra).encode(), PATH)
    document, found = check(parsed)
    assert (document is None) == bool(found)
    return [(d.code, d.position.line, d.position.column, parsed.token(d.position), d.help) for d in found]


def test_a_good_document_is_a_model() -> None:
    document, found = check(parse(GOOD.encode(), PATH))
    assert found == ()
    assert isinstance(document, TenantDocument)
    assert document.spec.tier == "silver"


CASES: dict[str, tuple[str, tuple[str, int, int, str, str]]] = {
    "unknown field": (
        "  enviroments: {}\n", ("AP103", 10, 3, "enviroments", "did you mean `environments`?"),
    ),
    "field in the wrong place": (
        "  memory: 1Gi\n", ("AP103", 10, 3, "memory", "it belongs under `spec.runtime`"),
    ),
    "misspelt field in the wrong place": (
        "  domians: []\n",
        ("AP103", 10, 3, "domians", "did you mean `domains` under `spec.environments.production`?"),
    ),
    "number where text must stand": (
        "  runtime: { env: { N: 5 } }\n", ("AP104", 10, 24, "5", 'quote it: "5"'),
    ),
    "version read as a number": (
        "  runtime: { php: 8.3 }\n", ("AP107", 10, 19, "8.3", 'quote it: "8.3"'),
    ),
    "another version read as a number": (
        "  runtime: { php: 8.10 }\n", ("AP107", 10, 19, "8.10", 'quote it: "8.4"'),
    ),
    "not one of": (
        "  database: { charset: utf8mb }\n", ("AP107", 10, 24, "utf8mb", 'did you mean "utf8mb4"?'),
    ),
    "not a truth value": (
        "  media: { mount: yes }\n",
        ("AP104", 10, 19, "yes", "YAML 1.2 reads `yes` as text: write true"),
    ),
    "quoted number": (
        '  runtime: { concurrency: "80" }\n', ("AP104", 10, 27, '"80"', "write it without quotes: 80"),
    ),
    "out of range": (
        "  runtime: { concurrency: 0 }\n", ("AP108", 10, 27, "0", "Requests one instance serves at once."),
    ),
    "no value": (
        "  runtime:\n", ("AP106", 10, 3, "runtime", "give it a value, or leave the line out"),
    ),
    "null deep in an open block": (
        "  cdn: { rules: [{ a: ~ }] }\n", ("AP106", 10, 20, "a", "give it a value, or leave the line out"),
    ),
    "list where a mapping must stand": (
        "  runtime: []\n", ("AP104", 10, 3, "runtime", "How the site runs."),
    ),
    "bad key": (
        "  runtime: { env: { lower: x } }\n", ("AP105", 10, 21, "lower", "keys match ^[A-Z][A-Z0-9_]{0,63}$"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_mistake_is_told_where_it_stands_and_how_to_mend_it(name: str) -> None:
    extra, expected = CASES[name]
    assert told(extra) == [expected]


def test_a_pattern_is_explained_in_words_first() -> None:
    [(code, line, _, token, help_)] = told("  runtime: { memory: 1GB }\n")
    assert (code, line, token) == ("AP105", 10, "1GB")
    assert help_.startswith('Memory per instance: "512Mi", "1Gi".')


def test_every_problem_of_a_document_is_told_in_order_of_line() -> None:
    text = GOOD.replace("tier: silver", "teir: silver").replace("name: acme", "name: ACME")
    found = told("  runtime: { concurrency: 0, php: 8.3 }\n", text)
    assert [(row[0], row[1]) for row in found] == [
        ("AP105", 4), ("AP102", 5), ("AP103", 6), ("AP108", 10), ("AP107", 10),
    ]  # fmt: skip


def test_a_wrong_version_or_kind_is_told_once() -> None:
    text = GOOD.replace("aipress.io/v1", "aipress.io/v2").replace("kind: Tenant", "kind: Shard")
    assert [(row[0], row[1], row[4]) for row in told("", text)] == [
        ("AP101", 1, "write `apiVersion: aipress.io/v1`"),
        ("AP110", 2, "write `kind: Tenant`, or move the file"),
    ]


def test_what_reading_refused_is_not_told_twice() -> None:
    assert [row[0] for row in told("  runtime: { concurrency: 010 }\n")] == ["AP013"]
    assert [row[0] for row in told("  tier: gold\n")] == ["AP006"]


def test_a_document_freezes_its_own_target_only() -> None:
    _, found = check(parse(GOOD.replace("tier: silver", "tier: 5").encode(), PATH))
    assert {d.target for d in found} == {"tenant/acme"}
    assert found[0].excerpt == "  tier: 5"


def test_a_long_value_is_cut_in_the_message() -> None:
    _, found = check(parse(GOOD.replace("acme\n", f'"{"x" * 5000}"\n').encode(), PATH))
    assert max(len(d.message) for d in found) < 300


@pytest.mark.parametrize("lines", ['  runtime: { env: { A: "%s" } }\n' % ("x" * 4097), "  deletion: { reason: x }\n"])
def test_too_long_and_too_short_are_told(lines: str) -> None:
    assert [row[0] for row in told(lines)] == ["AP109"]

"""Expressions of people: what they may ask, and that none of them can take more than it is given."""

import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.model.policies import Answer, Asked, Question
from reconciler.model.spec_policies import Each
from reconciler.policy.cel import Bounds, CelProcess

FACTS = {"tenant.name": "acme", "tenant.tier": "gold", "tenant.owners": ["north"], "change.action": "delete"}
WIDE = {**FACTS, "tenant.tier": "a" * 4096, "tenant.owners": ["a" * 4096] * 1000}
FORTY = "[" + ",".join("1" * 40) + "]"
SLOW = f'{FORTY}.all(a,{FORTY}.all(b,!tenant.tier.matches("(a|b|c)*d(a|b)*e{{1,900}}")))'
LARGE = "tenant.owners.map(x,x+x+x+x+x+x+x+x+x+x+x).map(x,x+x+x+x+x+x+x+x+x+x).exists(x,x=='')"
ENDLESS = "tenant.owners.all(a,tenant.owners.all(b,tenant.owners.all(c,a+b+c!='')))"
TIGHT = Bounds(seconds=0.3, memory=256)


def ask(text: str, facts: dict[str, object] = FACTS, each: Each = Each.CHANGE, type: str = "") -> Answer:
    ((answer,),) = CelProcess(TIGHT).answers([Question(text, each, type)], [Asked((0,), facts)])
    return answer


def test_values_come_back_as_they_are() -> None:
    asked = ["tenant.tier == 'gold'", "tenant.owners", "'a' + tenant.name", "1 + 1", "{'a': 1.5}", "null"]
    answers = CelProcess().answers([Question(t) for t in asked], [Asked(tuple(range(len(asked))), FACTS)])
    assert [a.value for a in answers[0]] == [True, ["north"], "aacme", 2, {"a": 1.5}, None]
    assert ask("now > timestamp('2026-01-01T00:00:00Z')", {"now": "2026-02-01T00:00:00+00:00"}).value is True


@pytest.mark.parametrize(
    ("text", "each", "why", "column"),
    [
        ("tenant.teir == 'gold'", Each.CHANGE, "there is no fact 'tenant.teir'", 7),
        ("tenant.tier == 3", Each.CHANGE, "'(string, int)'", 13),
        ("change.action == 'delete'", Each.TENANT, "there is no fact 'change.action'", 7),
        ("tenant.tier == 'gold'", Each.PLAN, "there is no fact 'tenant.tier'", 7),
        ("tenant.tier", Each.CHANGE, "it is of type string, and must be bool", 1),
        ("(", Each.CHANGE, "Syntax error", 2),
        ("a" * 1999, Each.CHANGE, "there is no fact", 1),
        ("(" * 900 + "true" + ")" * 900, Each.CHANGE, "limit", 1),
    ],
)
def test_what_cannot_be_compiled_is_told_with_its_place(text: str, each: Each, why: str, column: int) -> None:
    (flaw,) = CelProcess().flaws([Question(text, each, "BOOL")])
    assert flaw is not None and why in flaw.why
    assert (flaw.line, flaw.column) == (1, column)


def test_a_flaw_stands_on_its_own_line() -> None:
    (flaw,) = CelProcess().flaws([Question("true\n  && tenant.teir == ''")])
    assert flaw is not None and (flaw.line, flaw.column) == (2, 12)


def test_each_expression_has_its_own_flaw() -> None:
    flaws = CelProcess().flaws([Question("true"), Question("("), Question("1 + 1")])
    assert [flaw is None for flaw in flaws] == [True, False, True]


def test_what_lacks_the_tenant_it_asks_about_is_not_asked() -> None:
    assert ask("tenant.tier == 'gold'", {"change.action": "delete"}) == Answer(none=True)
    assert ask("shard.region == ''", {"change.action": "delete"}) == Answer(none=True)
    assert ask("change.action == 'tenant.tier'", {"change.action": "delete"}) == Answer(value=False)


@pytest.mark.parametrize("text", ["tenant.owners[5] == ''", "1 / 0 == 1", "tenant.uid == ''", "int(tenant.name) == 1"])
def test_what_cannot_be_evaluated_is_an_error_and_no_value(text: str) -> None:
    answer = ask(text)
    assert answer.error and answer.value is None and not answer.none


@pytest.mark.parametrize("bomb", [SLOW, LARGE, ENDLESS])
def test_a_bomb_is_an_error_and_its_neighbours_are_answered(bomb: str) -> None:
    questions = [Question("change.action == 'delete'"), Question(bomb), Question("tenant.owners.size() > 0")]
    answers = CelProcess(TIGHT).answers(questions, [Asked((0, 1, 2), WIDE)] * 3 + [Asked((0, 2), FACTS)])
    for row in answers[:3]:
        assert (row[0].value, row[2].value) == (True, True)
        assert row[1].error and row[1].value is None
    assert [a.value for a in answers[3]] == [True, True]


def test_memory_is_bounded_where_time_is_not() -> None:
    cel = CelProcess(Bounds(seconds=60, memory=256))
    ((answer,),) = cel.answers([Question(LARGE)], [Asked((0,), WIDE)])
    assert answer.error and answer.value is None


def test_many_bombs_end_in_refusals_and_in_time() -> None:
    questions = [Question(SLOW + f" || {n} < 0") for n in range(10)]
    answers = CelProcess(Bounds(seconds=0.05)).answers(questions, [Asked((n,), WIDE) for n in range(10)])
    assert len(answers) == 10 and all(row[0].error for row in answers)


def test_an_expression_may_not_take_long_in_all() -> None:
    asked = [Asked((0,), FACTS)] * 20_000
    answers = CelProcess(Bounds(each=0.0)).answers([Question("tenant.tier == 'gold'")], asked)
    assert answers[0][0].value is True
    assert "in all" in answers[-1][0].error


def test_the_process_knows_no_secret_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    run = __import__("subprocess").Popen

    def watched(*words: object, **more: object) -> object:
        seen.append(more.get("env"))
        return run(*words, **more)

    monkeypatch.setenv("AIPRESS_FORGE_TOKEN", "s3cret")
    monkeypatch.setattr("subprocess.Popen", watched)
    assert ask("true").value is True
    assert seen == [{}]


HOSTILE = st.one_of(
    st.text(max_size=400),
    st.text(alphabet="([{}])!-.?:,'\"\\abc019 &|=<>+*%\n", max_size=600),
    st.lists(
        st.sampled_from(
            ["tenant.owners", ".map(x,", ".all(y,", "x+x", ")", "(", "[", "]", "tenant.tier", "matches('(a*)*b')", "&&",
             "||", "!", "-", "1", "{", "}", ":", "?", "'a'", "has(", ".exists(z,", "change.body", "9223372036854775807"]
        ), max_size=60,
    ).map("".join),
    st.integers(0, 1900).map(lambda n: "!" * n + "true"),
    st.integers(0, 900).map(lambda n: "[" * n + "]" * n),
    st.integers(0, 600).map(lambda n: "+".join(["1"] * n)),
)  # fmt: skip
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet=string.printable + "\x00\u202e\U0001f600", max_size=50),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=10), inner, max_size=5), max_leaves=20,
)  # fmt: skip


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(HOSTILE, min_size=1, max_size=12), ANYTHING)
def test_no_expression_and_no_fact_stops_the_caller(texts: list[str], body: object) -> None:
    """Whatever stands there: a flaw or none, an answer for each, and an honest neighbour keeps its own."""
    questions = [Question("tenant.tier == 'gold'"), *(Question(text) for text in texts)]
    cel = CelProcess(TIGHT)
    flaws = cel.flaws(questions)
    assert len(flaws) == len(questions) and flaws[0] is None
    facts = {**FACTS, "tenant.spec": body, "change.body": body}
    answers = cel.answers(questions, [Asked(tuple(range(len(questions))), facts), Asked((0,), FACTS)])
    assert [len(row) for row in answers] == [len(questions), 1]
    assert answers[0][0].value is True and answers[1][0].value is True
    for flaw, answer in zip(flaws, answers[0], strict=True):
        assert flaw is None or answer.error

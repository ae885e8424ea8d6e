"""Expressions from requests: what Python's `re` says of them, and in time."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.localcloud import regular
from reconciler.localcloud.filters import Language, predicate
from reconciler.localcloud.regular import Pattern
from reconciler.localcloud.services.logging import query
from reconciler.localcloud.services.sqladmin.mysql_privileges import like
from reconciler.localcloud.services.storage.globs import glob

LETTERS = st.sampled_from(["a", "b", r"\d", ".", "[ab]", "[^a]", "[a-c1]", r"\w", r"\s", "^", "$", r"\b", "(?i:A)"])
EXPRESSIONS = st.recursive(
    LETTERS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{0,2}", "{1,}", "*?"])).map(
            lambda two: f"({two[0]}){two[1]}"
        ),
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(EXPRESSIONS, st.text("aAb1 \n", max_size=8))
def test_it_says_what_python_says(expression: str, text: str) -> None:
    found, known = Pattern(expression), re.compile(expression)
    assert found._run(text, anywhere=False) == (known.fullmatch(text) is not None)
    assert found._run(text, anywhere=True) == (known.search(text) is not None)
    assert (found.fullmatch(text), found.search(text)) == (
        known.fullmatch(text) is not None,
        known.search(text) is not None,
    )


@pytest.mark.parametrize(
    "expression", [r"(a)\1", "(?=a)a", "(?<!b)a", "(", "[z-a]", "(" * 5000 + ")" * 5000, "(a{900}){900}"]
)
def test_what_re2_does_not_take_is_an_error(expression: str) -> None:
    with pytest.raises(re.error):
        Pattern(expression)


LONG = "a" * 200 + "!"


@pytest.mark.parametrize(
    "asked",
    [
        lambda: Pattern("(a+)+b").search(LONG),
        lambda: Pattern("(a|a)*b").fullmatch(LONG),
        lambda: Pattern("(a?){60}a{60}b").fullmatch("a" * 60),
        lambda: regular.glob("*a" * 30 + "*b").fullmatch(LONG),
        lambda: predicate("n:" + "*a" * 30 + "*b", Language({}))({"n": LONG}),
        lambda: predicate('n=~"' + ".*a" * 30 + '.*b"', Language({}))({"n": LONG}),
        lambda: query.predicate('textPayload=~"(a+)+b"')({"textPayload": LONG}),
        lambda: glob("**a" * 30 + "b").fullmatch(LONG),
        lambda: like("%a" * 30 + "b", LONG),
    ],
)
def test_nothing_that_is_asked_takes_long(asked: Any) -> None:
    began = time.process_time()
    assert not asked()
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("/compute/compute/v1/projects/acme-eu-001/global/networks", {"filter": "name eq (a+)+b"}),
        ("/compute/compute/v1/projects/acme-eu-001/global/networks", {"filter": " " * 3000 + "!"}),
        ("/compute/compute/v1/projects/acme-eu-001/global/networks", {"filter": "name eq a" + " " * 3000 + "!"}),
        ("/sqladmin/sql/v1beta4/projects/acme-eu-001/instances", {"filter": "a" + " " * 3000 + "!"}),
        ("/run/apis/serving.knative.dev/v1/namespaces/acme-eu-001/services", {"labelSelector": "a" + " " * 3000 + "!"}),
        ("/storage/v1/b/bucket-of-globs/o", {"matchGlob": "**a" * 30 + "b"}),
        ("/storage/v1/b/bucket-of-globs/o", {"matchGlob": "[z-a]"}),
        ("/cloudasset/v1/projects/acme-eu-001/assets", {"assetTypes": ".*(a+)+b.googleapis.com"}),
    ],
)
def test_no_list_takes_long(world: Any, path: str, more: dict[str, str]) -> None:
    world.ask("POST", "/compute/compute/v1/projects/acme-eu-001/global/networks", {"name": "a" * 60})
    world.ask("POST", "/storage/v1/b", {"name": "bucket-of-globs"}, project="acme-eu-001")
    world.ask("POST", "/upload/storage/v1/b/bucket-of-globs/o", b"x", name="a" * 60, uploadType="media")
    world.pass_time(1000)
    began = time.process_time()
    status, _ = world.ask("GET", path, **more)
    assert status in (200, 400)
    assert time.process_time() - began < 2

"""The filter language of Google's lists and searches."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.filters import Language, predicate

ROW: dict[str, Any] = {
    "displayName": "Acme Shop", "labels": {"env": "prod", "tier": ""}, "state": "ACTIVE", "size": "12",
    "createTime": "2026-03-01T10:00:00.000000Z", "topics": [{"name": "a"}, {"name": "b"}], "open": True,
    "members": ["user:jo@example.com"],
}  # fmt: skip
PLAIN = Language({"name": "displayName"}, anywhere=("displayName", "state"))


@pytest.mark.parametrize(
    ("text", "true"),
    [
        ("", True),
        ("state:active", True),
        ("state=ACTIVE labels.env=prod", True),
        ("state:ACTIVE AND labels.env:test", False),
        ("labels.env:test OR labels.env:prod", True),
        ("state:DELETED AND (labels.env:test OR labels.env:prod)", False),
        ("NOT state:DELETED", True),
        ("-state:ACTIVE", False),
        ("name:acme*", True),
        ("name:acme", False),
        ('name:"acme shop"', True),
        ("labels.env:*", True),
        ("labels.none:*", False),
        ("labels:env", True),
        ("size>9", True),
        ("size<=9", False),
        ('createTime > "2026-02-01T00:00:00Z"', True),
        ("create_time < 2026-02-01", False),
        ("topics.name:b", True),
        ("state:(DELETED OR ACTIVE)", True),
        ("state!=ACTIVE", False),
        ("shop", True),
        ("open=true", True),
        ("members:user:jo@example.com", True),
    ],
)
def test_what_a_filter_says_of_an_object(text: str, true: bool) -> None:
    assert predicate(text, PLAIN)(ROW) is true


def test_where_has_means_contains() -> None:
    assert predicate("name:sho", Language({"name": "displayName"}, contains=True))(ROW)


@pytest.mark.parametrize("text", ["state:", "(a", "a)", "=x", '"open', "a AND", "a:(b", "NOT", "a:(", "!"])
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(GoogleError):
        predicate(text, PLAIN)(ROW)

"""The rows in SQLite say what the rows in memory say, whatever is written in whatever order; and routes by tree."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.localcloud.api.discovery import documents
from reconciler.localcloud.doors.together import Together
from reconciler.localcloud.past import PastRows
from reconciler.localcloud.state import MemoryRows
from reconciler.localcloud.store import SqliteRows

KEYS = st.sampled_from([f"{head}{tail}" for head in ("pending/", "expiry/", "run.services/", "z/") for tail in "abcé"])
WRITES = st.dictionaries(KEYS, st.one_of(st.none(), st.binary(min_size=1, max_size=8)), max_size=4)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteRows]:
    found = SqliteRows(tmp_path_factory.mktemp("rows") / "cloud.sqlite")
    yield found
    found.close()


@settings(max_examples=60, deadline=None)
@given(st.lists(WRITES, max_size=6), st.data())
def test_both_kinds_of_rows_agree_after_every_commit(
    rows: SqliteRows, commits: list[dict[str, bytes | None]], data: st.DataObject
) -> None:
    rows.clear()
    model = MemoryRows()
    for writes in commits:
        rows.commit(writes)
        model.commit(writes)
        low, high, limit = data.draw(KEYS), data.draw(KEYS), data.draw(st.integers(1, 5))
        assert rows.scan(low, high, limit) == model.scan(low, high, limit)
        for timetable in ("pending/", "expiry/"):
            assert rows.scan(timetable, high, limit) == model.scan(timetable, high, limit)
        for key in (low, high, *writes):
            assert rows.get(key) == model.get(key)


@settings(max_examples=150, deadline=None)
@given(WRITES, WRITES, WRITES, st.integers(1, 4), KEYS)
def test_rows_behind_earlier_values_page_like_rows_that_never_changed(
    first: dict[str, bytes | None],
    second: dict[str, bytes | None],
    third: dict[str, bytes | None],
    limit: int,
    low: str,
) -> None:
    then, now = MemoryRows(), MemoryRows()
    for writes in (first, second):
        then.commit(writes)
        now.commit(writes)
    earlier = {key: now.get(key) for key in third}
    now.commit(third)
    past = PastRows(now, earlier)
    assert past.scan(low, "zz", limit) == then.scan(low, "zz", limit)
    assert [past.get(key) for key in sorted(third)] == [then.get(key) for key in sorted(third)]


def test_rows_survive_closing_and_the_timetable_is_found_again(tmp_path: Path) -> None:
    rows = SqliteRows(tmp_path / "cloud.sqlite")
    rows.commit({"pending/1/x": b"{}", "run.services/a": b"1"})
    rows.close()
    again = SqliteRows(tmp_path / "cloud.sqlite")
    assert again.scan("pending/", "pending/2", 9) == [("pending/1/x", b"{}")]
    assert again.scan("pending/", "pending/0", 9) == []
    assert again.keys("", 9) == ["pending/1/x", "run.services/a"]
    again.close()


@pytest.mark.parametrize(
    ("name", "version"),
    [("run", "v2"), ("run", "v1"), ("sqladmin", "v1"), ("storage", "v1"), ("secretmanager", "v1"), ("dns", "v1"),
     ("cloudresourcemanager", "v3"), ("monitoring", "v3"), ("logging", "v2"), ("cloudasset", "v1"), ("iam", "v1"),
     ("compute", "v1"), ("bigquery", "v2"), ("pubsub", "v1")],
)  # fmt: skip
def test_the_tree_leads_to_every_method_that_the_expressions_match(name: str, version: str) -> None:
    api = documents().api(name, version)
    assert api is not None
    for method in api.methods:
        path = re.sub(r"\*\*?", "thing", method.shape)
        found = api.match(method.verb, path)
        linear = next((each for each in api.methods if each.verb == method.verb and each.pattern.fullmatch(path)), None)
        assert (found[0] if found else None) is linear, path


def test_shared_writes_last_together_or_not_at_all(tmp_path: Path) -> None:
    rows = SqliteRows(tmp_path / "cloud.sqlite")
    rows.shared = True
    rows.commit({"a": b"1"})
    assert rows.open and rows.get("a") == b"1", "the next call sees it before it is kept"
    rows.flush()
    assert not rows.open
    rows.commit({"b": b"1"})
    with pytest.raises(sqlite3.Error):
        rows.commit({"c": object()})  # type: ignore[dict-item]
    assert rows.open, "whoever wrote b must still be told"
    with pytest.raises(sqlite3.Error):
        rows.flush()
    assert [rows.get(key) for key in "abc"] == [b"1", None, None]
    rows.commit({"b": b"2"})
    rows.close()
    again = SqliteRows(tmp_path / "cloud.sqlite")
    assert again.keys("", 9) == ["a", "b"]
    again.close()


def test_calls_that_come_together_share_a_commit_and_all_hear_of_a_failure(tmp_path: Path) -> None:
    rows = SqliteRows(tmp_path / "cloud.sqlite")
    together = Together(rows)
    flushes = []
    flush = rows.flush
    rows.flush = lambda: (flushes.append(1), flush())[1]  # type: ignore[method-assign]

    async def call(key: str, value: Any = b"1") -> str:
        try:
            rows.commit({key: value})
        except sqlite3.Error:
            key = "mine"
        try:
            await together.kept()
        except sqlite3.Error:
            return f"{key} failed"
        return f"{key} kept"

    async def three(*values: Any) -> list[str]:
        return await asyncio.gather(*(call(f"{index}", value) for index, value in enumerate(values)))

    assert asyncio.run(three(b"1", b"2", b"3")) == ["0 kept", "1 kept", "2 kept"]
    assert len(flushes) == 1
    assert asyncio.run(three(b"4", object(), b"5")) == ["0 failed", "mine failed", "2 failed"]
    assert [rows.get(key) for key in "012"] == [b"1", b"2", b"3"]
    rows.close()

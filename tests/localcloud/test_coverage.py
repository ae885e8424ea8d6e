"""The table of what is there and what is not is true."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from reconciler.localcloud import coverage, services
from tests.localcloud.generated import APIS, api_of, shot


def test_the_page_is_what_would_be_written_now() -> None:
    assert coverage.PAGE.read_text(encoding="utf-8") == coverage.page(), "run `make coverage`"


@pytest.mark.parametrize(("name", "version"), APIS)
def test_what_is_counted_as_missing_says_so_and_nothing_else_does(world: Any, name: str, version: str) -> None:
    api, rng = api_of(name, version), random.Random(name + version)
    for method in sorted(api.methods, key=lambda method: (method.name not in ("create", "insert"), len(method.shape))):
        asked, standing = shot(api, method, rng), services.standing(api, method)
        status, _ = world.ask(asked.verb, f"/{name}/{asked.path}", asked.body, **asked.query)
        if standing == "missing":
            assert status in (400, 403, 404, 501), f"{method.id} is counted as missing and answered {status}"
        elif standing == "generic":
            assert status != 501, f"{method.id} is counted as generic and answered 501"


def test_a_row_counts_every_method_once() -> None:
    rows = {row.service: row for row in coverage.rows()}
    assert set(rows) == set(services.SERVED)
    for name, versions in services.SERVED.items():
        assert rows[name].routed == sum(len(api_of(name, version).methods) for version in versions)


def test_the_readme_counts_the_apis_as_the_page_does() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert f"a likeness of {len(services.SERVED)} of Google's APIs" in readme

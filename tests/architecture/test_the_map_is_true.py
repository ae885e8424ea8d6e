"""ARCHITECTURE.md and README.md name only what is there, and every room is on the map."""

import re
import tomllib

import pytest

from reconciler.kinds.catalog import KINDS
from tests.architecture.house import ROOT, report, tracked

MAP = (ROOT / "reconciler" / "ARCHITECTURE.md").read_text()
PATH = re.compile(r"`((?:[\w.-]+/)*[\w.-]+(?:\.py|\.md|\.lock|/))`")
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)\)")


def missing_paths(text: str, folder: str) -> list[str]:
    """Code spans that look like a file or a folder, relative to the page or to the root, and are neither."""
    names = {*PATH.findall(text), *LINK.findall(text)}
    return sorted(n for n in names if not (ROOT / folder / n).exists() and not (ROOT / n).exists())


@pytest.mark.parametrize(("page", "folder"), [("reconciler/ARCHITECTURE.md", "reconciler"), ("README.md", ".")])
def test_a_page_names_only_what_is_there(page: str, folder: str) -> None:
    assert not (found := missing_paths((ROOT / page).read_text(), folder)), report(found)


def test_every_room_is_on_the_map() -> None:
    rooms = {name.split("/")[1].removesuffix(".py") for name in tracked(".py") if name.startswith("reconciler/")}
    section = MAP.split("## The rooms and their laws")[1].split("\n## ")[0]
    table = "\n".join(line.split("|")[1] for line in section.splitlines() if line.startswith("| `"))
    assert rooms - {"__init__"} == set(re.findall(r"`(\w+)`", table))


def test_the_rooms_stand_in_the_order_of_the_import_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(c["layers"] for c in contracts if c["type"] == "layers")
    floor = {r.strip(" ()"): n for n, layer in enumerate(layers) for r in layer.split("|")}
    section = MAP.split("## The rooms and their laws")[1].split("\n## ")[0]
    rows = [re.findall(r"`(\w+)`", line.split("|")[1]) for line in section.splitlines() if line.startswith("| `")]
    floors = [floor[room] for row in rows for room in row if room in floor]
    assert floors == sorted(floors)


def test_kinds_that_the_map_names_exist() -> None:
    named = {n for n in re.findall(r"`([a-z]+\.[a-z-]+)`", MAP) if not n.endswith((".py", ".yaml"))}
    assert named and named <= set(KINDS), named - set(KINDS)


def test_the_rule_sees_what_breaks_it() -> None:
    assert missing_paths("see `gone/away.py` and [that](no.md)", "reconciler") == ["gone/away.py", "no.md"]
    assert not missing_paths("see `model/spec.py`, [that](../README.md), `fleet.yaml`", "reconciler")

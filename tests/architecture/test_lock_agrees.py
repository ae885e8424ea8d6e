"""requirements.lock and pyproject.toml say the same, offline: otherwise `make install` makes another machine."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.architecture.house import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = (ROOT / "requirements.lock").read_text()
OWN = canonicalize_name(PROJECT["project"]["name"])


@dataclass(frozen=True)
class Pin:
    version: Version
    hashes: tuple[str, ...]
    direct: bool
    """pyproject.toml asks for it itself."""


def pins(lock: str) -> dict[str, Pin]:
    found = {}
    for block in re.split(r"\n(?=[A-Za-z0-9])", "\n" + re.sub(r"(?m)^#.*\n", "", lock))[1:]:
        name, version = re.match(r"([A-Za-z0-9._-]+)==([^\s;\\]+)", block).groups()  # type: ignore[union-attr]
        hashes = tuple(re.findall(r"--hash=sha256:([0-9a-f]{64})\b", block))
        found[canonicalize_name(name)] = Pin(Version(version), hashes, f"{OWN} (pyproject.toml)" in block)
    return found


def wanted(project: dict[str, object], extra: str = "dev") -> Iterator[Requirement]:
    """What the `dev` extra comes to, with the extras of our own that it names."""
    own = project["project"]
    assert isinstance(own, dict)
    for text in (*own["dependencies"], *own["optional-dependencies"][extra]):
        requirement = Requirement(text)
        if canonicalize_name(requirement.name) == OWN:
            for inner in requirement.extras:
                yield from wanted(project, inner)
        else:
            yield requirement


def disagreements(project: dict[str, object], lock: str) -> list[str]:
    have, asked = pins(lock), {canonicalize_name(r.name): r for r in wanted(project)}
    found = [f"{name}: asked for, not locked" for name in asked if name not in have]
    found += [
        f"{name}: locked {have[name].version}, asked for {r.specifier}"
        for name, r in asked.items()
        if name in have and not r.specifier.contains(have[name].version, prereleases=True)
    ]
    found += [
        f"{name}: locked as asked for, and is not" for name, pin in have.items() if pin.direct and name not in asked
    ]
    return found + [f"{name}: no hash" for name, pin in have.items() if not pin.hashes]


def test_the_lock_holds_what_the_project_asks_for() -> None:
    assert not (found := disagreements(PROJECT, LOCK)), "\n".join(["run `make lock`:", *found])


def test_the_lock_can_build_the_editable_install() -> None:
    for text in PROJECT["build-system"]["requires"]:
        requirement = Requirement(text)
        assert requirement.specifier.contains(pins(LOCK)[canonicalize_name(requirement.name)].version)
    assert "editables" in pins(LOCK)


def test_the_lock_names_no_index_and_no_place() -> None:
    lines = [line for line in LOCK.splitlines() if not line.lstrip().startswith(("#", "--hash="))]
    assert not [line for line in lines if "://" in line or "/" in line or line.startswith("-")]
    assert "://" not in LOCK


GOOD = "a==1.2 \\\n    --hash=sha256:" + "0" * 64 + f"\n    # via {OWN} (pyproject.toml)\n"


@pytest.mark.parametrize(
    ("asked", "lock", "complaint"),
    [
        (["a>=2"], GOOD, "a: locked 1.2, asked for >=2"),
        (["a", "b"], GOOD, "b: asked for, not locked"),
        ([], GOOD, "a: locked as asked for, and is not"),
        (["a"], GOOD.replace("--hash=sha256:", "--hash=md5:"), "a: no hash"),
    ],
)
def test_the_rule_sees_what_breaks_it(asked: list[str], lock: str, complaint: str) -> None:
    project: dict[str, object] = {"project": {"dependencies": asked, "optional-dependencies": {"dev": []}}}
    assert disagreements(project, lock) == [complaint]
    assert not disagreements({"project": {"dependencies": ["a"], "optional-dependencies": {"dev": []}}}, GOOD)

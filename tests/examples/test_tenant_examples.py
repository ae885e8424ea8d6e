"""The tenants' WordPress repositories in examples/tenants: what a build and a reader expect to find there."""

import json
import re
from pathlib import Path

import pytest

TENANTS = Path(__file__).parents[2] / "examples" / "tenants"
FILES = sorted(p for p in TENANTS.rglob("*") if p.is_file())
BLOCK = re.compile(r"<!-- (/?)wp:([a-z/-]+)\s*(\{.*?\})?\s*(/?)-->")


def named(*suffixes: str) -> list[Path]:
    return [p for p in FILES if p.name.endswith(suffixes)]


def relative(path: Path) -> str:
    return path.relative_to(TENANTS).as_posix()


def unbalanced(text: str) -> list[str]:
    """A template's blocks opened and not closed, or closed and not open. Raises for attributes that are no JSON."""
    wrong, opened = [], []
    for closing, name, attributes, alone in BLOCK.findall(text):
        if attributes:
            json.loads(attributes)
        if closing and (not opened or opened.pop() != name):
            wrong.append(f"/wp:{name}")
        elif not closing and not alone:
            opened.append(name)
    return wrong + opened


def test_there_is_an_overlay_and_a_bedrock_site() -> None:
    assert (TENANTS / "acme-bakery/wp-content/themes/acme-bakery/style.css").is_file()
    bedrock = TENANTS / "hearth-roastery"
    for name in ("composer.json", "config/application.php", "web/index.php", "web/wp-config.php", "web/app/themes"):
        assert (bedrock / name).exists(), name


def test_each_says_in_a_few_lines_what_it_is() -> None:
    for tenant in sorted(TENANTS.iterdir()):
        lines = (tenant / "README.md").read_text().splitlines()
        assert 5 <= len(lines) <= 30, tenant


@pytest.mark.parametrize("path", named("style.css"), ids=relative)
def test_a_theme_has_the_header_that_wordpress_reads(path: Path) -> None:
    header = path.read_text()[:8192]  # WordPress reads no further
    assert re.search(r"(?m)^Theme Name: .+$", header)
    assert re.search(r"(?m)^Requires PHP: 8\.\d$", header)
    assert (path.parent / "index.php").is_file()


@pytest.mark.parametrize("path", named(".php"), ids=relative)
def test_php_begins_as_php_and_is_not_run_by_itself(path: Path) -> None:
    text = path.read_text()
    assert text.startswith("<?php\n")
    if "/themes/" in relative(path) or "/mu-plugins/" in relative(path):
        assert "defined( 'ABSPATH' ) || exit;" in text


@pytest.mark.parametrize("path", named(".html"), ids=relative)
def test_blocks_of_a_template_are_balanced(path: Path) -> None:
    text = path.read_text()
    assert BLOCK.search(text)
    assert not unbalanced(text)


@pytest.mark.parametrize("path", named(".json"), ids=relative)
def test_json_is_json(path: Path) -> None:
    assert json.loads(path.read_text())


def test_the_bedrock_site_installs_where_its_configuration_looks() -> None:
    composer = json.loads((TENANTS / "hearth-roastery/composer.json").read_text())
    assert composer["extra"]["wordpress-install-dir"] == "web/wp"
    assert "/web/wp/" in (TENANTS / "hearth-roastery/config/application.php").read_text()
    assert all(path.startswith("web/app/") for path in composer["extra"]["installer-paths"])


def test_nothing_is_there_that_never_belongs_in_a_tenant_repository() -> None:
    assert not [relative(p) for p in FILES if p.name.startswith(".env") or p.suffix in (".sql", ".pem", ".key")]
    assert not [relative(p) for p in FILES if "uploads" in p.parts]


def test_the_reader_of_blocks_sees_what_is_wrong() -> None:
    assert unbalanced("<!-- wp:group --><!-- wp:query --><!-- /wp:group -->") == ["/wp:group", "group"]
    assert unbalanced('<!-- wp:group {"a":{"b":1}} --><!-- wp:title /--><!-- /wp:group -->') == []
    with pytest.raises(json.JSONDecodeError):
        unbalanced('<!-- wp:group {"a":} -->')

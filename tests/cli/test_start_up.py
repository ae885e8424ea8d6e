"""`aipress --help` is quick because it imports next to nothing; every command has its help."""

import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.cli.app import COMMANDS
from tests.cli.conftest import Aipress

HEAVY = (
    "google", "googleapiclient", "pydantic", "fastapi", "uvicorn", "pygit2", "jsonschema", "yaml", "ruamel",
    "rich.progress", "rich.markdown", "watchfiles", "reconciler.assemble", "reconciler.cycle", "reconciler.source",
    "httpx2", "httpcore2", "requests", "reconciler.forge", "prometheus_client",
    "opentelemetry",
)  # fmt: skip


def modules_after(*words: str) -> set[str]:
    program = (
        "import sys, io; from reconciler.__main__ import main; keep = sys.stdout; sys.stdout = io.StringIO();"
        f"main({list(words)!r}); sys.stdout = keep; print(*sys.modules, sep='\\n')"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    return set(ended.stdout.split())


@pytest.mark.parametrize("word", ["--help", "--version", "nosuch"])
def test_what_needs_no_command_imports_no_command_and_nothing_heavy(word: str) -> None:
    loaded = modules_after(word)
    assert not [name for name in HEAVY if name in loaded]
    files = {f"reconciler.cli.{where.partition(':')[0]}" for _, where, _, _ in COMMANDS}
    assert not files & loaded


@pytest.mark.parametrize("words", [("--help",), ("-C", "fleet", "validate"), ("apply", "--help"), ("plan", "--help")])
def test_what_walks_nothing_loads_no_engine(words: tuple[str, ...]) -> None:
    loaded = modules_after(*words)
    assert not [name for name in ("dbos", "sqlalchemy", "psycopg", "reconciler.engine.durable.shop") if name in loaded]


@pytest.mark.parametrize("words", [("-C", "fleet", "validate"), ("ci", "--help"), ("ci", "comment", "--help")])
def test_what_speaks_to_no_code_host_loads_no_http_client(words: tuple[str, ...]) -> None:
    assert not [name for name in ("httpx2", "httpcore2", "requests") if name in modules_after(*words)]


def test_validating_imports_no_google_library_and_no_web_framework() -> None:
    loaded = modules_after("-C", "fleet", "validate")
    assert "reconciler.source.load" in loaded
    assert not [name for name in loaded if name.startswith(("google.", "googleapiclient", "fastapi", "uvicorn"))]


@pytest.mark.parametrize("words", [("serve", "--help"), ("-C", "fleet", "validate")])
def test_what_traces_nothing_loads_no_exporter(words: tuple[str, ...]) -> None:
    assert not [name for name in modules_after(*words) if name.startswith("opentelemetry")]


@pytest.mark.parametrize("name", [name for name, *_ in COMMANDS])
def test_every_command_has_help(aipress: Aipress, name: str) -> None:
    ended = aipress(name, "--help")
    assert ended.code == 0
    assert f"Usage: aipress {name}" in ended.out


def test_no_words_at_all_is_help(aipress: Aipress) -> None:
    ended = aipress()
    assert ended.code == 0
    assert "Usage: aipress COMMAND" in ended.out


def test_the_version(aipress: Aipress) -> None:
    from reconciler import __version__

    assert aipress("--version").out.strip() == __version__

"""Time, chance, processes, the network and the terminal are touched only where that is listed, with a reason.

Import contracts (pyproject.toml) say which rooms may import what. This file sees what they cannot: which *function*
is called, and imports by a name known only at run time.
"""

import ast
from collections.abc import Callable, Mapping

import pytest

from tests.architecture import exceptions
from tests.architecture.house import Source, called, imports, report, sources, under

CLOCK = (
    "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today",
    "time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.perf_counter_ns",
    "time.sleep", "asyncio.sleep", "threading.Timer",
)  # fmt: skip
CHANCE = ("os.urandom", "uuid.uuid1", "uuid.uuid4", "secrets", "random")
PROCESSES = (
    "subprocess", "multiprocessing", "pty", "os.system", "os.popen", "os.fork", "os.forkpty", "os.posix_spawn",
    "os.execv", "os.execve", "os.execvp", "os.execl", "os.spawnv", "os.spawnl", "asyncio.create_subprocess_exec",
    "asyncio.create_subprocess_shell", "concurrent.futures.ProcessPoolExecutor",
)  # fmt: skip
NETWORK = (
    "socket", "ssl", "http.client", "http.server", "urllib.request", "smtplib", "ftplib", "requests", "httpx", "httpx2",
    "aiohttp", "websockets", "uvicorn", "googleapiclient", "google", "grpc", "httplib2", "google_auth_httplib2",
)  # fmt: skip


def clock(source: Source) -> list[str]:
    return [
        source.at(n, f"{name}(): take a Clock, or the time, as an argument")
        for n, name in called(source)
        if name in CLOCK
    ]


def chance(source: Source) -> list[str]:
    """A seeded random.Random is no chance."""
    return [
        source.at(node, f"{name}(): take the seed, or the value, as an argument")
        for node, name in called(source)
        if under(name, CHANCE) and not (name == "random.Random" and node.args)
    ]


def processes(source: Source) -> list[str]:
    named = [(n, name) for n, name in (*called(source), *imports(source)) if under(name, PROCESSES)]
    return [source.at(node, f"{name}: starting processes is listed") for node, name in named]


def shells(source: Source) -> list[str]:
    found = [source.at(n, f"{name}: no shell, ever") for n, name in called(source) if name in ("os.system", "os.popen")]
    return found + [
        source.at(call, "shell=True: pass the arguments as a list")
        for call, name in called(source)
        for option in call.keywords
        if under(name, PROCESSES) and option.arg == "shell" and getattr(option.value, "value", True)
    ]


def network(source: Source) -> list[str]:
    if source.room in ("gcp", "localcloud"):
        return []
    return [
        source.at(n, f"{name}: only gcp speaks to the cloud") for n, name in imports(source) if under(name, NETWORK)
    ]


def dynamic_imports(source: Source) -> list[str]:
    names = ("importlib.import_module", "__import__", "importlib.util.spec_from_file_location", "exec", "eval")
    return [source.at(n, f"{name}(): import contracts do not see it") for n, name in called(source) if name in names]


def prints(source: Source) -> list[str]:
    if source.room in ("cli", "report"):
        return []
    return [
        source.at(n, "print(): cli prints, everybody else returns") for n, name in called(source) if name == "print"
    ]


_PATHS = ("write_text", "write_bytes", "unlink", "mkdir", "touch", "symlink_to", "hardlink_to", "rmdir", "chmod")
_REFS = ("create_blob", "create_commit", "set_target", "create_reference", "create_tag", "create_branch")
_FILES = (
    "os.write", "os.rename", "os.replace", "os.unlink", "os.remove", "os.rmdir", "os.removedirs", "os.mkdir",
    "os.makedirs", "os.truncate", "os.link", "os.symlink", "shutil.rmtree", "shutil.move", "shutil.copy",
    "shutil.copyfile", "shutil.copytree", "pygit2.init_repository", "pygit2.clone_repository", "sqlite3.connect",
)  # fmt: skip


def files(source: Source) -> list[str]:
    """Files, folders and git refs are the other outside: who writes them is listed. localcloud's are its own."""
    if source.room == "localcloud":
        return []
    known = [source.at(n, f"{name}()") for n, name in called(source) if name in _FILES]
    known += [source.at(n, "open() for writing") for n, name in called(source) if name == "open" and _writes(n, 1)]
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name, words = node.func.attr, {k.arg for k in node.keywords}
            to_a_path = name in ("replace", "rename") and len(node.args) == 1 and not words
            if name in (*_PATHS, *_REFS) or to_a_path or (name == "open" and _writes(node, 0)):
                known.append(source.at(node, f".{name}(…): writes a file or a ref"))
        elif isinstance(node, ast.Attribute) and node.attr in ("O_WRONLY", "O_RDWR", "O_CREAT", "O_APPEND", "O_TRUNC"):
            known.append(source.at(node, f"os.{node.attr}"))
    return known


def _writes(node: ast.Call, place: int) -> bool:
    given = [k.value for k in node.keywords if k.arg == "mode"] or list(node.args[place : place + 1])
    return any(isinstance(g, ast.Constant) and isinstance(g.value, str) and set(g.value) & set("wax+") for g in given)


RULES: Mapping[str, tuple[Callable[[Source], list[str]], Mapping[str, str]]] = {
    "clock": (clock, exceptions.CLOCK),
    "chance": (chance, exceptions.CHANCE),
    "processes": (processes, exceptions.PROCESSES),
    "shells": (shells, {}),
    "network": (network, exceptions.NETWORK),
    "dynamic imports": (dynamic_imports, exceptions.DYNAMIC_IMPORTS),
    "prints": (prints, exceptions.PRINTS),
    "files": (files, exceptions.FILES),
}


@pytest.mark.parametrize("rule", RULES)
def test_the_world_is_touched_only_where_that_is_listed(rule: str) -> None:
    check, allowed = RULES[rule]
    found = [c for s in sources() if s.path not in allowed for c in check(s)]
    assert not found, report([*found, "If it must be: tests/architecture/exceptions.py, with the reason."])


@pytest.mark.parametrize("rule", RULES)
def test_every_exception_is_still_needed(rule: str) -> None:
    check, allowed = RULES[rule]
    needed = {s.path for s in sources() if check(s)}
    assert not (stale := sorted(set(allowed) - needed)), (
        f"listed in tests/architecture/exceptions.py for nothing: {stale}"
    )


BREACHES = {
    "clock": (
        "import time\ntime.time()",
        "from time import sleep as rest\nrest(1)",
        "import datetime as d\nd.datetime.now(d.UTC)",
        "from datetime import datetime\ndatetime.now()",
        "def f():\n    import time\n    time.monotonic()",
    ),
    "chance": (
        "import random\nrandom.random()",
        "import random\nrandom.Random()",
        "from uuid import uuid4\nuuid4()",
        "import secrets\nsecrets.token_hex()",
        "import os\nos.urandom(8)",
    ),
    "processes": (
        "import subprocess",
        "from subprocess import run",
        "import os\nos.fork()",
        "import os\nos.execvp('a', [])",
    ),
    "shells": ("import subprocess\nsubprocess.run('a', shell=True)", "import os\nos.system('a')"),
    "network": (
        "import socket",
        "from urllib.request import urlopen",
        "from google.cloud import run_v2",
        "import http.client",
    ),
    "dynamic imports": ("import importlib\nimportlib.import_module('a')", "__import__('a')", "eval('1')"),
    "prints": ("print(1)",),
    "files": (
        "def f(p):\n    p.write_text('x')",
        "def f(p, q):\n    p.replace(q)",
        "open('x', 'w')",
        "def f(p):\n    p.open('ab')",
        "import os\nos.open('x', os.O_RDWR)",
        "import shutil\nshutil.rmtree('x')",
        "def f(repo):\n    repo.references['r'].set_target('x')",
    ),
}


@pytest.mark.parametrize(("rule", "code"), [(rule, code) for rule, codes in BREACHES.items() for code in codes])
def test_the_rules_see_what_breaks_them(rule: str, code: str) -> None:
    assert RULES[rule][0](Source.of("reconciler/planning/x.py", code)), code


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("clock", "def f(clock):\n    return clock.now()"),
        ("chance", "import random\nrandom.Random(7)"),
        ("shells", "import subprocess\nsubprocess.run(['a'], shell=False)"),
        ("network", "from urllib.parse import urlsplit"),
        ("prints", "def f(page):\n    page.print(1)"),
        ("files", "def f(text, at):\n    return open(at), text.replace('a', 'b'), at.replace(hour=1)"),
    ],
)
def test_the_rules_leave_alone_what_keeps_them(rule: str, code: str) -> None:
    assert not RULES[rule][0](Source.of("reconciler/planning/x.py", code)), code

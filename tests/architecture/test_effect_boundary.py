"""Every write to the outside passes one door: the cloud's is engine/effects.py, and behind it an adapter's begin."""

import ast
from collections.abc import Mapping

import pytest

from reconciler.gcp import sql_grants
from reconciler.kinds.methods import BY_ID
from tests.architecture.house import Source, report, sources
from tests.architecture.writes import LOOKS, SITES, Definition, Site, definitions, reached, sites

DOOR = "reconciler/engine/effects.py"


def gcp() -> tuple[Source, ...]:
    return tuple(s for s in sources() if s.room == "gcp")


def functions(room: tuple[Source, ...]) -> dict[str, Definition]:
    return {full: definition for source in room for _, full, definition in definitions(source)}


def at_the_door(source: Source) -> list[str]:
    """Calls of Cloud.begin (one argument) and Cloud.poll (three) outside the door; adapters call their own."""
    if source.room in ("gcp", "localcloud") or source.path == DOOR:
        return []
    arguments = {"begin": 1, "poll": 3}
    return [
        source.at(node, f".{node.func.attr}(…): a write to the cloud is a Change, and only {DOOR} carries it out")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and len(node.args) + len(node.keywords) == arguments.get(node.func.attr)
    ]


def unlisted(room: tuple[Source, ...], listed: Mapping[str, tuple[str, ...]]) -> list[str]:
    return [
        source.at(site.node, f"{site.name}: a call that changes something and is not listed in writes.SITES")
        for source in room
        for site in sites(source)
        if not site.reads and site.name not in listed
    ]


def outside_begin(room: tuple[Source, ...]) -> list[str]:
    """Writes that a read can reach, or that begin and poll cannot."""
    known = functions(room)
    looking = reached(known, ("list", "get", "exists"), LOOKS)
    acting = reached(known, ("begin", "poll"), {})
    found: list[str] = []
    for source in room:
        for site in (s for s in sites(source) if not s.reads):
            if site.function in looking:
                found.append(source.at(site.node, f"{site.name} can be reached from list or get"))
            if site.function not in acting:
                found.append(source.at(site.node, f"{site.name} is not reached from begin or poll"))
    return found


def all_writes() -> list[Site]:
    return [site for source in gcp() for site in sites(source) if not site.reads]


def test_only_the_door_writes_to_the_cloud() -> None:
    found = [complaint for source in sources() for complaint in at_the_door(source)]
    assert not found, report(found)


def test_the_door_itself_is_there() -> None:
    (door,) = [s for s in sources() if s.path == DOOR]
    called = [n.func.attr for n in ast.walk(door.tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)]
    assert called.count("begin") == 1 and called.count("poll") == 1


def test_every_call_that_changes_something_is_listed_and_has_its_row() -> None:
    found = unlisted(gcp(), SITES)
    assert not found, report(found)
    assert {i for ids in SITES.values() for i in ids} == set(BY_ID), "writes.SITES and kinds/methods.py tell the same"


def test_what_is_listed_is_still_called() -> None:
    assert set(SITES) == {site.name for site in all_writes()}


def test_writes_are_reached_from_begin_and_poll_alone() -> None:
    found = outside_begin(gcp())
    assert not found, report(found)


def test_looking_at_grants_runs_statements_that_only_look() -> None:
    statements = [s.strip() for s in sql_grants.READ_ALL.split(";")]
    assert all(s.startswith("SELECT ") and " INTO " not in s.upper() for s in statements)
    look = functions(gcp())["sql_grants.GrantAdapter._look"]
    (call,) = [n for n in ast.walk(look) if isinstance(n, ast.Call)]
    assert ast.unparse(call) == "self._run(instance, READ_ALL)"


@pytest.mark.parametrize(
    "code",
    [
        "def f(cloud, call):\n    cloud.begin(call)",
        "def f(cloud, call):\n    cloud.poll('secret', 'o', call)",
        "class A:\n    def f(self, call):\n        return self._cloud.begin(call=call)",
    ],
)
def test_the_rule_sees_a_second_door(code: str) -> None:
    assert at_the_door(Source.of("reconciler/applying/x.py", code))
    assert at_the_door(Source.of("reconciler/engine/x.py", code))


@pytest.mark.parametrize(
    "code",
    [
        "class A:\n    def begin(self, call):\n        client().delete_everything(request={}, **ONCE)",
        "class A:\n    def begin(self, call):\n        client().undelete_secret(request={})",
        "class A:\n    def begin(self, call):\n        request(self.session, 'DELETE', '/b/x')",
        "class A:\n    def begin(self, call, verb):\n        request(self.session, verb, '/b/x')",
        "class A:\n    def begin(self, call):\n        self.session.execute(accounts.disable(name=call.name))",
        "class A:\n    def begin(self, call):\n        write = client.update\n        write(request={}, **ONCE)",
        "def f(session):\n    session.storage().api_request(method='PUT', path='/b')",
    ],
)
def test_the_rule_sees_an_unlisted_write(code: str) -> None:
    assert unlisted((Source.of("reconciler/gcp/x.py", code),), {}), code


@pytest.mark.parametrize(
    "code",
    [
        "class A:\n def get(s):\n  self._x()\n def begin(s):\n  self._x()\n def _x(s):\n  c().delete_x(request={})",
        "class A:\n    def tidy(self, n):\n        client().delete_x(request={}, **ONCE)",
        "class A:\n    def list(self, n):\n        helper(n)\ndef helper(n):\n    request(n, 'DELETE', '/b/x')",
    ],
)
def test_the_rule_sees_a_write_off_the_path(code: str) -> None:
    assert outside_begin((Source.of("reconciler/gcp/x.py", code),)), code

"""The process that evaluates expressions: started by `cel.py` by its path, with nothing of ours imported.

An expression is CEL and bounded by the library (32 levels, 10,000 iterations), yet within that it can ask for minutes
and for gigabytes (lists of texts that grow). So it runs here, under limits that the kernel keeps: too much memory, or
too much time for one question, ends this process, and whoever started it knows by the last answer which it was.

Standard input: one line with the set-up, then one line for each question. Standard output: a line for the set-up (what
is wrong with each expression), then one for each question. All are JSON.
"""

import json
import resource
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from cel_expr_python import cel

MOST_TEXT = 4000
"""Characters of a text that is answered; and of a fact, beyond which it is no fact to decide by."""


def main() -> None:
    setup = json.loads(sys.stdin.buffer.readline())
    _limit(setup["memory_mb"], setup["seconds"])
    compiled = [_Compiled(row, setup["facts"], setup["groups"]) for row in setup["expressions"]]
    _say([one.flaw for one in compiled])
    times = _typed_times(setup["facts"])
    for line in sys.stdin.buffer:
        asked, facts = json.loads(line)
        for name in times & facts.keys():
            facts[name] = datetime.fromisoformat(facts[name])
        signal.setitimer(signal.ITIMER_PROF, setup["seconds"])
        given: dict[int, Any] = {}
        _say([compiled[index].answer(facts, given, setup["seconds_each"]) for index in asked])


def _limit(megabytes: int, seconds: float) -> None:
    """SIGPROF ends a process by default: nothing that runs inside the library could be interrupted otherwise."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, 10 * seconds)  # of all that is compiled
    resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


class _Compiled:
    """One expression; what it needs of the groups of facts that not every question has."""

    def __init__(self, row: Mapping[str, Any], facts: Mapping[str, str], groups: Sequence[str]) -> None:
        self._text, self._spent = row["text"], 0.0
        known = {name: facts[name] for name in row["facts"]}
        self._environment = _environment(frozenset(known.items()))
        self._expression, self.flaw = _compile(self._text, known)
        if self._expression is not None and row["type"]:
            kind = self._expression.return_type().name()
            if kind not in (row["type"], "DYN"):
                why = f"it is of type {kind.lower()}, and must be {row['type'].lower()}"
                self.flaw = {"why": why, "line": 1, "column": 1}
        self._needs = [] if self.flaw else [group for group in groups if self._cannot_do_without(group, known)]

    def _cannot_do_without(self, group: str, known: Mapping[str, str]) -> bool:
        fewer = {name: kind for name, kind in known.items() if not name.startswith(group)}
        return len(fewer) < len(known) and _compile(self._text, fewer)[1] is not None

    def answer(self, facts: Mapping[str, Any], given: dict[int, Any], seconds: float) -> list[Any]:
        """["value", VALUE], ["error", WHY], or ["none"] where the question lacks what the expression is about.
        `given`: the facts as the library takes them, made once for all expressions of a question."""
        if self.flaw:
            return ["error", self.flaw["why"]]
        if any(group + "name" not in facts for group in self._needs):
            return ["none"]
        if self._spent > seconds:
            return ["error", f"it took more than {seconds:g} s in all"]
        began = time.process_time()
        try:
            environment = self._environment
            if id(environment) not in given:
                given[id(environment)] = environment.Activation(facts)
            value = self._expression.eval(given[id(environment)])
            if value.type().name() != "ERROR":
                return ["value", _plain(value.plain_value())]
            given.clear()  # what it had made lies beside the facts, and the next one needs the room
            return ["error", str(value.plain_value())]
        except Exception as error:  # the library raises what it likes; each is an answer
            given.clear()
            return ["error", _first_line(error)]
        finally:
            self._spent += time.process_time() - began


def _compile(text: str, facts: Mapping[str, str]) -> tuple[Any, dict[str, Any] | None]:
    try:
        return _environment(frozenset(facts.items())).compile(text), None
    except Exception as error:  # as above
        return None, _flaw(str(error))


@cache
def _environment(facts: frozenset[tuple[str, str]]) -> Any:
    return cel.NewEnv(variables={name: _type(kind) for name, kind in facts})


def _type(kind: str) -> Any:
    """ "list(map(string, dyn))": the library would take that for the name of a message."""
    outer, _, inner = kind.removesuffix(")").partition("(")
    if outer == "list":
        return cel.Type.List(_type(inner))
    if outer == "map":
        key, _, value = inner.partition(", ")
        return cel.Type.Map(_type(key), _type(value))
    return getattr(cel.Type, kind.upper())


def _flaw(said: str) -> dict[str, Any]:
    """ "INVALID_ARGUMENT: ERROR: <input>:1:4: Syntax error …" in parts."""
    line = said.partition("\n")[0]
    for prefix in ("INVALID_ARGUMENT: ", "ERROR: "):
        line = line.removeprefix(prefix)
    place, _, why = line.partition(": ") if line.startswith("<input>") else ("", "", line)
    numbers = [int(part) for part in place.split(":")[1:] if part.isdigit()]
    row, column = numbers if len(numbers) == 2 else (1, 1)
    why = why.removesuffix(" (in container '')").replace("undeclared reference to", "there is no fact")
    return {"why": why[:300], "line": max(row, 1), "column": max(column, 1)}


def _first_line(error: BaseException) -> str:
    return (str(error).partition("\n")[0] or type(error).__name__)[:300]


def _plain(value: Any) -> Any:
    """As JSON: numbers, texts (cut), lists and mappings; all else as text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return value[:MOST_TEXT]
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value[:20]]
    if isinstance(value, dict):
        return {str(key)[:200]: _plain(one) for key, one in list(value.items())[:20]}
    return str(value)[:MOST_TEXT]


def _typed_times(facts: Mapping[str, str]) -> frozenset[str]:
    return frozenset(name for name, kind in facts.items() if kind == "timestamp")


def _say(row: Any) -> None:
    sys.stdout.write(json.dumps(row) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

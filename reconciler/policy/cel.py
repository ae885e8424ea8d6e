"""The Expressions port: CEL in a process of its own, which ends when it asks for too much; see worker.py.

The process gets no environment, so no secret. It is started anew where it ended, without the expression it ended on.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.model.policies import FACTS, NOT_ALWAYS, Answer, Asked, Flaw, Question
from reconciler.model.spec_policies import Each

WORKER = Path(__file__).with_name("worker.py")
MOST_STARTS = 8
"""A fleet whose policies end the process more often is refused, and told so: it is not one mistake."""
_TOO_MUCH = "it took more than {seconds:g} s or {memory} MiB"


@dataclass(frozen=True, slots=True)
class Bounds:
    """`seconds` of processor time of one question with all its expressions, `each` of one expression in all;
    `whole` seconds of the clock on the wall for everything; memory of the process."""

    seconds: float = 2.0
    each: float = 60.0
    whole: float = 600.0
    memory: int = 512


class CelProcess:
    def __init__(self, bounds: Bounds = Bounds()) -> None:
        self._bounds = bounds

    def flaws(self, questions: Sequence[Question]) -> Sequence[Flaw | None]:
        if not questions:
            return []
        said = self._run(questions, [])
        if said:
            return [Flaw(**row) if row else None for row in said[0]]
        if len(questions) == 1:
            return [Flaw(f"to compile it {self._too_much()}".replace("it it", "it"))]
        return [self.flaws([question])[0] for question in questions]

    def answers(self, questions: Sequence[Question], asked: Sequence[Asked]) -> Sequence[Sequence[Answer]]:
        done: list[Sequence[Answer]] = []
        ended: dict[int, str] = {}
        for _ in range(MOST_STARTS):
            if len(done) == len(asked):
                return done
            rest = asked[len(done) :]
            live = [tuple(q for q in one.questions if q not in ended) for one in rest]
            lines = self._run(questions, [(q, one.facts) for q, one in zip(live, rest, strict=True)], ended)
            if not lines:
                break
            rows = [_answers(line, q, one, ended) for line, q, one in zip(lines[1:], live, rest, strict=False)]
            done += rows
            if len(done) < len(asked):
                ended |= self._guilty(questions, live[len(rows)], rest[len(rows)])
        why = f"the policies together took more than is allowed ({MOST_STARTS} times {self._too_much()})"
        return [*done, *([Answer(error=why)] * len(one.questions) for one in asked[len(done) :])]

    def _guilty(self, questions: Sequence[Question], live: Sequence[int], asked: Asked) -> dict[int, str]:
        """Which of the expressions of the question that ended the process does so alone; all where none does."""
        alone = [q for q in live if len(self._run(questions, [((q,), asked.facts)])) < 2]
        return dict.fromkeys(alone or live, self._too_much())

    def _too_much(self) -> str:
        return _TOO_MUCH.format(seconds=self._bounds.seconds, memory=self._bounds.memory)

    def _run(
        self, questions: Sequence[Question], asked: Sequence[tuple[Sequence[int], Any]], ended: Any = ()
    ) -> list[Any]:
        """The lines that the process said before it ended, however that was."""
        command = [sys.executable, "-I", str(WORKER)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}
        ) as process:
            try:
                said, _ = process.communicate(b"".join(self._lines(questions, asked, ended)), self._bounds.whole)
            except subprocess.TimeoutExpired:
                process.kill()
                said, _ = process.communicate()
        return [json.loads(line) for line in said.split(b"\n")[:-1]]

    def _lines(
        self, questions: Sequence[Question], asked: Sequence[tuple[Sequence[int], Any]], ended: Any
    ) -> Iterator[bytes]:
        every = {name: fact.kind for facts in FACTS.values() for name, fact in facts.items()}
        rows = [
            {"text": "false" if n in ended else q.text, "facts": list(FACTS[Each(q.each)]), "type": q.type}
            for n, q in enumerate(questions)
        ]
        setup = {
            "facts": every, "groups": NOT_ALWAYS, "expressions": rows, "memory_mb": self._bounds.memory,
            "seconds": self._bounds.seconds, "seconds_each": self._bounds.each,
        }  # fmt: skip
        yield json.dumps(setup).encode() + b"\n"
        for one in asked:
            yield json.dumps(one).encode() + b"\n"


def _answers(said: Any, live: Sequence[int], asked: Asked, ended: dict[int, str]) -> list[Answer]:
    told = dict(zip(live, map(_answer, said), strict=True))
    return [told[q] if q in told else Answer(error=ended[q]) for q in asked.questions]


def _answer(row: Sequence[Any]) -> Answer:
    match row[0]:
        case "value":
            return Answer(value=row[1])
        case "none":
            return Answer(none=True)
        case _:
            return Answer(error=str(row[1]) or "it has no value")

"""One cell of the matrix: a change, one method that it calls, one response, once or always; and what came of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reconciler.kinds.catalog import kind_of
from reconciler.kinds.compare import difference
from reconciler.kinds.methods import BY_ID, Repeat
from reconciler.model.outcome import Result
from reconciler.model.plan import Action, Change
from reconciler.model.resource import Absent, Found
from tests.faults.responses import RESPONSES, SHAPES, Faulty, Response
from tests.faults.worlds import SCENARIOS, Place, Scenario


@dataclass(frozen=True)
class Clean:
    """A scenario without any fault."""

    change: Change
    before: Mapping[str, int]
    after: Mapping[str, int]
    methods: tuple[str, ...]
    """Every method that it calls, in the order of their first call."""
    effects: Mapping[str, int]


@dataclass(frozen=True)
class Came:
    """What came of a cell. `wanted`: the object is as wanted (a deleted one: not there)."""

    end: str
    message: str
    wanted: bool
    struck: int
    wrong: tuple[str, ...]
    """Promises that were broken: none of them is up to a declaration."""


class Matrix:
    """The cloud that all cells share, and every scenario's clean run."""

    def __init__(self) -> None:
        self.wire = Faulty()
        self.place = Place(self.wire)
        self._clean: dict[str, Clean] = {}

    def clean(self, scenario: Scenario) -> Clean:
        if scenario.id not in self._clean:
            self.place.reset()
            self.wire.plant()
            change = self.place.planned(scenario)
            before = self.place.census()
            self.wire.plant()
            item = self.place.apply(change)
            methods, effects = tuple(dict.fromkeys(self.wire.seen)), dict(self.wire.effects)
            assert item.result is Result.DONE, (scenario.id, item.message)
            assert scenario.method in methods, (scenario.id, methods)
            assert self._wanted(scenario), scenario.id
            self._clean[scenario.id] = Clean(change, before, self.place.census(), methods, effects)
        return self._clean[scenario.id]

    def run(self, scenario: Scenario, method: str, response: Response, always: bool) -> Came:
        clean = self.clean(scenario)
        self.place.reset()
        self.wire.plant(method, response, always)
        item = self.place.apply(clean.change)
        struck, effects = self.wire.struck, dict(self.wire.effects)
        self.wire.plant()
        self.place.clock.sleep(100_000)  # whatever is under way comes to its end
        wanted = self._wanted(scenario)
        wrong = list(self._broken(clean, effects, item.message))
        if item.result is Result.DONE and not wanted:
            wrong.append("it says done, and it is not")
        return Came(str(item.result), item.message, wanted, struck, tuple(wrong))

    def _wanted(self, scenario: Scenario) -> bool:
        seen = self.place.cloud.get(scenario.kind, scenario.name, scenario.parent, scenario.body)
        if scenario.action is Action.DELETE:
            return isinstance(seen, Absent)
        assert isinstance(seen, Found | Absent), (scenario.id, seen)
        return isinstance(seen, Found) and not difference(
            kind_of(scenario.kind), seen.body, scenario.body, scenario.body
        )

    def _broken(self, clean: Clean, effects: Mapping[str, int], message: str) -> Iterator[str]:
        for sort, count in self.place.census().items():
            most = max(clean.before.get(sort, 0), clean.after.get(sort, 0))
            if count > most and sort not in ("iam.purge", "iam.deleted"):
                yield f"{count} of {sort}, and there should be {most}"
        for method, count in effects.items():
            if method in BY_ID and BY_ID[method].repeat is not Repeat.SAME and count > clean.effects.get(method, 0):
                yield f"{method} took effect {count} times"
        if len(message) > 2_000 or not message.isprintable():
            yield "its message is long or unprintable"


def is_write(method: str) -> bool:
    return method in BY_ID


def is_poll(method: str) -> bool:
    return ".operations." in method


def is_list(method: str) -> bool:
    return method.rpartition(".")[2] in ("list", "search") and method != "sql.databases.list"


def fits(method: str, response: Response) -> bool:
    """Whether a method can answer so at all."""
    return (
        response.of == "any"
        or (response.of == "list" and is_list(method))
        or (response.of == "poll" and is_poll(method))
    )


def cells(
    matrix: Matrix, scenarios: tuple[Scenario, ...] = SCENARIOS
) -> Iterator[tuple[Scenario, str, Response, bool]]:
    for scenario in scenarios:
        for method in matrix.clean(scenario).methods:
            for response in (*RESPONSES, *SHAPES):
                if fits(method, response):
                    yield scenario, method, response, False
                    yield scenario, method, response, True

"""Every method that we call × every response of T5 and T6, once and always: it ends as declared, nothing is broken."""

from collections.abc import Iterator

import pytest

from reconciler.kinds.methods import METHODS
from tests.faults.cells import Matrix, cells, is_poll, is_write
from tests.faults.responses import RESPONSES, SHAPES
from tests.faults.table import BELIEVED, DECLARED, EXCEPTIONS, declared
from tests.faults.worlds import SCENARIOS, Scenario

SOME = ("secretmanager.projects.secrets.create", "secretmanager.projects.secrets.delete")
"""What the fast test takes; the slow one takes every scenario."""


@pytest.fixture(scope="module")
def matrix() -> Iterator[Matrix]:
    yield Matrix()


def disagreements(matrix: Matrix, scenario: Scenario) -> list[str]:
    """Cells of a scenario that end otherwise than declared, are not declared, or break a promise."""
    found = []
    for _, method, response, always in cells(matrix, (scenario,)):
        role = "write" if is_write(method) else "poll" if is_poll(method) else "look"
        pair = declared(response.id, role, method, scenario.id, str(scenario.action))
        came = matrix.run(scenario, method, response, always)
        believed = (response.id, role, str(scenario.action), always) in BELIEVED
        wrong = [one for one in came.wrong if not (believed and one == "it says done, and it is not")]
        mode = "always" if always else "once"
        if pair is None:
            found.append(f"{method} × {response.id}: nobody declared what it means")
        elif came.end != pair[always]:
            found.append(
                f"{scenario.id} at {method} × {response.id} {mode}: {came.end}, declared {pair[always]}: {came.message}"
            )
        found += [f"{scenario.id} at {method} × {response.id} {mode}: {one}" for one in wrong]
        if not came.struck:
            found.append(f"{scenario.id} at {method} × {response.id} {mode}: never came to it")
    return found


@pytest.mark.parametrize("name", SOME)
def test_some_of_the_matrix(name: str, matrix: Matrix) -> None:
    [scenario] = [one for one in SCENARIOS if one.id == name]
    assert disagreements(matrix, scenario) == []


LOOKED_INTO = {
    "sql.instances.patch": ("404", "vanishes"), "sql.instances.update": ("404", "vanishes"),
    "run.projects.locations.services.create": ("401", "403"), "sql.users.update": ("401", "403"),
}  # fmt: skip


@pytest.mark.parametrize("name", LOOKED_INTO)
def test_an_operation_that_cannot_be_asked_after_is_no_failure(name: str, matrix: Matrix) -> None:
    """Forgotten, or not for us to see for a moment: the object itself is looked at, and decides."""
    [scenario] = [one for one in SCENARIOS if one.id == name]
    run = 0
    for _, method, response, always in cells(matrix, (scenario,)):
        if is_poll(method) and response.id in LOOKED_INTO[name]:
            came = matrix.run(scenario, method, response, always)
            gives_up = always and name == "sql.users.update"
            assert (came.end, came.wrong) == ("failed" if gives_up else "done", ()), (response.id, always, came.message)
            assert came.end == "done" or "not known" in came.message
            run += 1
    assert run == 4


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=[one.id for one in SCENARIOS])
def test_every_cell_of_the_matrix(scenario: Scenario, matrix: Matrix) -> None:
    assert disagreements(matrix, scenario) == []


def test_every_write_has_a_scenario_and_every_response_a_declaration() -> None:
    assert {one.method for one in SCENARIOS} == {method.id for method in METHODS}
    assert {one.id for one in (*RESPONSES, *SHAPES)} == set(DECLARED)
    assert {response for one in EXCEPTIONS for response in one.responses} <= set(DECLARED)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_coverage_is_whole(matrix: Matrix, capsys: pytest.CaptureFixture[str]) -> None:
    """A cell is a method and a response that it can give; each is run in every scenario that calls the method."""
    every = {(method, response.id) for _, method, response, _ in cells(matrix)}
    said = {
        (method, response.id)
        for scenario, method, response, _ in cells(matrix)
        if declared(response.id, "write" if is_write(method) else "poll" if is_poll(method) else "look", method,
                    scenario.id, str(scenario.action))
    }  # fmt: skip
    methods = {method for method, _ in every}
    runs = sum(1 for _ in cells(matrix))
    with capsys.disabled():
        told = f"{len(said)} of {len(every)} cells declared and run, {runs} runs"
        print(f"\n{len(methods)} methods × {len(DECLARED)} responses: {told}")
    assert said == every
    assert len(methods) >= 60

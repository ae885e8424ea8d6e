"""What keeps a durable apply near the pace of one without a journal: no timing, only what takes the time."""

import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.engine.durable.hands import Hands
from reconciler.engine.durable.journaled import JournaledSteps
from reconciler.model.ids import Address
from tests.architecture.house import ROOT
from tests.doubles import FakeCloud
from tests.engine.rig import Rig
from tests.engine.test_durable_crashes import secret


@pytest.fixture(autouse=True)
def durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Rig, "driver", "durable")
    monkeypatch.setattr(Rig, "folder", tmp_path, raising=False)


def test_no_step_waits_for_the_disk_and_two_writers_wait_for_each_other() -> None:
    """What a power cut takes of the journal costs a look; what must be on disk first is the intent."""
    with Rig().engine().working() as shop:  # type: ignore[attr-defined]
        for engine in (shop.ledger._engine, shop.journal._file):
            with engine.connect() as at:
                said = [at.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("synchronous", "busy_timeout")]
                assert said == [1, 30_000], "1 is NORMAL"


def test_the_way_from_one_wait_to_the_next_is_one_job_for_the_hands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each job is two changes of thread, which cost more than most requests: look, intent, call and close are one."""
    jobs: list[str] = []
    work = Hands.do

    async def counted(self: Hands, call: Callable[[], Any]) -> Any:
        jobs.append(getattr(call, "func", call).__name__)
        return await work(self, call)

    monkeypatch.setattr(Hands, "do", counted)
    assert Rig().apply([secret(0), secret(1)]).ok
    assert jobs.count("_as_far_as_it_goes") == 2 and len(jobs) <= 2 + 3, jobs


def test_an_operation_is_asked_after_in_time_however_long_its_handle_takes_to_be_recorded() -> None:
    """The first pause counts from the answer to the call: a lane of short operations would be twice as long."""
    rig = Rig(FakeCloud(polls=1))
    told: list[datetime] = []
    begin, poll = rig.cloud.begin, rig.cloud.poll
    rig.cloud.begin = lambda call: (begin(call), told.append(rig.clock.at))[0]  # type: ignore[method-assign]
    rig.cloud.poll = lambda *given: (told.append(rig.clock.at), poll(*given))[1]  # type: ignore[method-assign]
    run = JournaledSteps.run

    async def slow(self: JournaledSteps, what: str, address: Address, act: Callable[[], Any]) -> Any:
        row = await run(self, what, address, act)
        if what == "begin":
            rig.clock.at += timedelta(seconds=0.07)
        return row

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(JournaledSteps, "run", slow)
        assert rig.apply([secret(0)]).ok
    assert (told[1] - told[0]).total_seconds() < 0.15, "0.1 s after the call, and not 0.17"


def test_what_walks_is_loaded_while_the_cloud_is_read(tmp_path: Path) -> None:
    """An apply asks for what was left, and then reads. A plan asks for nothing, and loads nothing."""
    script = (
        "import sys, threading; from pathlib import Path; from tests.engine.rig import Rig\n"
        f"Rig.driver, Rig.folder = 'durable', Path({str(tmp_path)!r}); rig = Rig(); engine = rig.engine()\n"
        "shop = 'reconciler.engine.durable.shop'; assert shop not in sys.modules and 'dbos' not in sys.modules\n"
        "assert rig.resume() == ()\n"
        "[one.join(60) for one in threading.enumerate() if one.name == 'aipress-load']\n"
        "assert shop in sys.modules and 'dbos' in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

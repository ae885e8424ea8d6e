"""The health gate between two waves: what is known before a wave and after it, and what that means."""

from dataclasses import replace

import pytest

from reconciler.model.spec_waves import WavesProbe
from reconciler.model.visit import Heard, Visit
from reconciler.model.wave import Course
from reconciler.planning.gate import Witnessed, addresses, judge_wave, told
from tests.planning.given import found
from tests.planning.sites import alike

SITE, URL = "tenant/site-01", "https://site-01.example/"
ANSWERS = {Heard.WELL: Visit(URL, 200), Heard.UNWELL: Visit(URL, 503), Heard.SILENT: Visit(URL, why="no connection")}
GO, WAIT, END = "go on", "wait", "end"

TABLE = [
    (Heard.WELL, Heard.WELL, GO), (Heard.WELL, Heard.UNWELL, END), (Heard.WELL, Heard.SILENT, WAIT),
    (Heard.UNWELL, Heard.WELL, GO), (Heard.UNWELL, Heard.UNWELL, GO), (Heard.UNWELL, Heard.SILENT, GO),
    (Heard.SILENT, Heard.WELL, GO), (Heard.SILENT, Heard.UNWELL, WAIT), (Heard.SILENT, Heard.SILENT, GO),
    (None, Heard.WELL, GO), (None, Heard.UNWELL, WAIT), (None, Heard.SILENT, GO),
]  # fmt: skip


def judged(before: Heard | None, now: Heard, health: str = "Healthy") -> tuple[str, str]:
    """What is done, and the words for it."""
    visits = {SITE: str(before)} if before else {}
    gate = judge_wave(1, Course(visits=visits), Witnessed({SITE: health}, {SITE: ANSWERS[now]}))
    return (END, gate.unwell) if gate.unwell else (WAIT, gate.waits) if gate.waits else (GO, gate.told)


@pytest.mark.parametrize(("before", "now", "done"), TABLE)
def test_every_pair_of_what_visitors_met_means_one_thing(before: Heard | None, now: Heard, done: str) -> None:
    assert judged(before, now)[0] == done


def test_the_words_say_what_where_and_what_to_do() -> None:
    assert judged(Heard.WELL, Heard.UNWELL)[1] == (
        "tenant/site-01 answered its visitors before wave 1, and now https://site-01.example/ answers 503"
    )
    waits = judged(Heard.WELL, Heard.SILENT)[1]
    assert "https://site-01.example/ could not be asked: no connection. Nobody knows how it is" in waits
    assert "aipress waves abort" in waits and "spec.waves.probe.enabled: false" in waits
    assert judged(Heard.SILENT, Heard.SILENT)[1] == (
        "by what Cloud Run says alone: tenant/site-01 could not be asked: no connection"
    )
    both = {"a": ANSWERS[Heard.WELL], "b": ANSWERS[Heard.SILENT]}
    assert told(both) == "1 of 2 sites answer their visitors; b could not be asked: no connection"
    assert told({}) == ""


def test_what_cloud_run_says_comes_first_and_still_counts() -> None:
    assert judged(Heard.WELL, Heard.WELL, "Degraded") == (
        END,
        "tenant/site-01 was well before wave 1 and is degraded now",
    )
    assert judged(Heard.WELL, Heard.WELL, "Progressing") == (WAIT, "tenant/site-01 is progressing")


@pytest.mark.parametrize(
    ("status", "heard"),
    [(200, "well"), (204, "well"), (301, "well"), (401, "well"), (403, "well"), (404, "unwell"), (410, "unwell"),
     (429, "silent"), (500, "unwell"), (503, "unwell"), (0, "silent")],
)  # fmt: skip
def test_what_an_answer_says_of_a_site(status: int, heard: str) -> None:
    assert Visit(URL, status).heard == heard


def test_of_many_sites_the_same_few_are_asked_each_time() -> None:
    sites = alike(40)
    facts = sites.facts()
    names = [f"tenant/{name}" for name in sorted(sites.touched)]
    few = addresses(facts, names, WavesProbe(sites=7))
    assert len(few) == 7
    assert few == addresses(facts, list(reversed(names)), WavesProbe(sites=7))
    assert few.keys() - addresses(facts, names[1:], WavesProbe(sites=7)).keys() <= {names[0]}
    assert addresses(facts, names, WavesProbe(enabled=False)) == {}
    assert len(addresses(facts, names, WavesProbe())) == len(names)


def test_what_is_asked_is_the_public_address_that_google_gives_the_site() -> None:
    sites = alike(12)
    facts = sites.facts()
    name = sorted(sites.touched)[0]
    address = next(
        a for a in facts.desired.resources
        if a.target.name == name and a.kind == "run.service" and a.environment == "production"
    )  # fmt: skip
    seen = dict(facts.live.observations)
    seen[address] = found({"uri": "https://site-p-abc.run.app"})
    facts = replace(facts, live=replace(facts.live, observations=seen))
    asked = addresses(facts, [f"tenant/{name}"], WavesProbe(path="/wp-login.php"))
    assert asked == {f"tenant/{name}": "https://site-p-abc.run.app/wp-login.php"}

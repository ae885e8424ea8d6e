"""Between two waves: do the visitors of the sites get an answer, beside what Cloud Run says of its services?"""

from pathlib import Path

import pytest

from reconciler.model.wave import Phase
from tests.cycle.many_sites import WAVES, ManySites, site_of
from tests.cycle.test_walking_in_waves import SECOND


@pytest.fixture
def many(tmp_path: Path) -> ManySites:
    made = ManySites(tmp_path)
    assert made.apply().exit_code == 0
    return made


def service(many: ManySites, site: str) -> str:
    return next(name for kind, name in many.cloud.objects if kind == "run.service" and site_of(name) == site)


def answering(many: ManySites) -> None:
    """Every site has a public address, and answers there."""
    for kind, name in list(many.cloud.objects):
        if kind == "run.service":
            url = f"https://{name.rsplit('/', 1)[1]}.run.app"
            many.cloud.put(kind, name, {**many.cloud.body(kind, name), "uri": url})
            many.visitor.answers[f"{url}/"] = [200]


def address(many: ManySites, site: str) -> str:
    return f"{many.cloud.body('run.service', service(many, site))['uri']}/"


def test_a_site_that_answers_its_visitors_an_error_after_its_wave_ends_them(many: ManySites) -> None:
    """Cloud Run says that all is well: the container answers, and what it answers is 500."""
    answering(many)
    many.bigger()
    many.apply()
    assert many.visitor.asked == [address(many, "site-03")], "of the wave at hand, production alone"
    assert many.standing().courses[1].visits == {"tenant/site-03": "well"}
    many.visitor.answers[address(many, "site-03")] = [500]
    many.later(10)
    many.wrote()
    assert (many.apply().exit_code, many.wrote()) == (5, [])
    over = many.standing()
    assert over.phase is Phase.ABORTED
    assert over.last.why == (
        f"tenant/site-03 answered its visitors before wave 1, and now {address(many, 'site-03')} answers 500"
    )
    assert over.courses[1].failed == ("tenant/site-03",)


def test_one_hiccup_of_a_site_ends_nothing(many: ManySites) -> None:
    answering(many)
    many.bigger()
    many.apply()
    many.visitor.answers[address(many, "site-03")] = [502, 200]
    many.later(10)
    many.wrote()
    assert (many.apply().exit_code, many.wrote()) == (5, SECOND)
    assert "wave 1 is well (1 of 1 sites answer their visitors): apply" in {m.why for m in many.standing().log}


def test_silence_where_there_was_an_answer_is_waited_out_and_said(many: ManySites) -> None:
    answering(many)
    many.bigger()
    many.apply()
    many.visitor.answers[address(many, "site-03")] = [0]
    many.later(10)
    many.wrote()
    applied = many.apply()
    assert (applied.exit_code, many.wrote(), many.standing().phase) == (5, [], Phase.BAKING)
    why = next(iter(applied.skipped.values()))
    assert "(wave 1 has baked, but tenant/site-03 answered its visitors before; now https://" in why
    assert "could not be asked: no connection" in why
    many.visitor.answers[address(many, "site-03")] = [200]
    assert (many.apply().exit_code, many.wrote()) == (5, SECOND)


def test_where_nobody_can_be_asked_cloud_runs_word_counts_alone_and_that_is_said(many: ManySites) -> None:
    many.bigger()
    many.apply()
    many.later(10)
    many.wrote()
    assert (many.apply().exit_code, many.wrote()) == (5, SECOND)
    well = next(m.why for m in many.standing().log if "is well" in m.why)
    assert well == (
        "wave 1 is well (by what Cloud Run says alone: tenant/site-03 could not be asked: Cloud Run gives it no public "
        "URL): apply"
    )


def test_nobody_is_asked_where_the_fleet_says_so(tmp_path: Path) -> None:
    many = ManySites(tmp_path, waves=f"{WAVES.rstrip()}\n    probe: {{ enabled: false }}\n")
    assert many.apply().exit_code == 0
    answering(many)
    many.bigger()
    many.apply()
    many.later(10)
    many.apply()
    assert many.visitor.asked == []
    assert "wave 1 is well: apply" in {m.why for m in many.standing().log}

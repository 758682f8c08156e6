"""How a run's time is shared out."""

import time

import pytest

from limelight.errors import InputError
from limelight.search.plan import LEAST_SEARCH_SECONDS, derived_seed, make_plan, time_left


def test_everything_after_the_searches_fits_into_the_minutes():
    launched = time.time()
    plan = make_plan(["tpot", "autokeras"], minutes=2, cores=2, launched=launched)
    assert plan.deadline == pytest.approx(launched + 120)
    ends = {search.deadline for search in plan.searches}
    assert max(ends) < plan.choose_deadline < plan.deadline


def test_time_already_waited_is_taken_off_the_searches():
    now = time.time()
    early = make_plan(["tpot"], minutes=2, launched=now)
    late = make_plan(["tpot"], minutes=2, launched=now - 20)
    assert early.searches[0].seconds - late.searches[0].seconds == pytest.approx(20, abs=0.5)


def test_more_searches_than_workers_share_the_time_in_waves():
    one = make_plan(["tpot"], searches=1, minutes=5, workers=2)
    many = make_plan(["tpot"], searches=5, minutes=5, workers=2)
    assert many.searches[0].seconds == pytest.approx(one.searches[0].seconds / 3, rel=0.01)
    assert max(s.deadline for s in many.searches) == pytest.approx(
        max(s.deadline for s in one.searches), abs=0.5
    )


def test_a_large_table_leaves_more_time_for_the_choice():
    small = make_plan(["tpot"], minutes=5, cells=1_000)
    large = make_plan(["tpot"], minutes=5, cells=2_000_000)
    assert large.searches[0].seconds < small.searches[0].seconds - 5


def test_a_very_short_run_still_searches():
    plan = make_plan(["tpot"], minutes=0.1)
    assert plan.searches[0].seconds == pytest.approx(LEAST_SEARCH_SECONDS, abs=0.5)


def test_cores_are_shared_by_the_searches_that_run_together():
    plan = make_plan(["tpot", "autokeras"], searches=2, minutes=5, cores=16)
    assert {search.cores for search in plan.searches} == {4}


def test_trials_look_at_no_clock():
    plan = make_plan(["tpot", "autokeras"], trials=7)
    assert plan.deadline is None
    assert plan.choose_seconds() is None
    assert {search.budget().trials for search in plan.searches} == {7}


def test_seeds_differ_by_search_and_stay_the_same():
    plan = make_plan(["tpot", "autokeras"], searches=3, trials=1, seed=5)
    seeds = [search.seed for search in plan.searches]
    assert len(set(seeds)) == len(seeds)
    assert derived_seed(5, "tpot", 2) in seeds
    assert seeds == [
        s.seed for s in make_plan(["tpot", "autokeras"], searches=3, trials=9, seed=5).searches
    ]


def test_a_search_resumed_the_next_day_gets_its_planned_time():
    assert time_left(deadline=1_000, planned=60, now=950) == 50
    assert time_left(deadline=1_000, planned=60, now=90_000) == 60


def test_a_search_of_a_later_wave_that_starts_first_leaves_time_for_the_others():
    plan = make_plan(["tpot"], searches=3, minutes=5, workers=1)
    first, last = plan.searches[0], plan.searches[-1]
    assert last.budget(now=time.time()).seconds == pytest.approx(first.seconds)


def test_a_choice_that_starts_late_is_short_and_one_that_is_resumed_is_not():
    plan = make_plan(["tpot"], minutes=2)
    late = plan.choose_deadline
    assert plan.choose_seconds(now=late - 6) == pytest.approx(6)
    assert plan.choose_seconds(now=late + 10) < 5
    assert plan.choose_seconds(now=late + 3600) > 10
    assert plan.explain_seconds(now=plan.deadline - 7) == pytest.approx(7)


def test_a_retried_search_does_not_start_its_time_anew():
    search = make_plan(["tpot"], minutes=5).searches[1]
    late = search.deadline - 40
    assert search.budget(now=late, retried=True).seconds == pytest.approx(40)
    assert search.budget(now=late).seconds == pytest.approx(search.seconds)


def test_no_engines_leave_the_baselines():
    plan = make_plan([], minutes=1)
    assert plan.baselines.engine == "baseline"
    assert plan.foreach("tpot") == [None]


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"minutes": 1, "trials": 2}, "both"),
        ({}, "no budget"),
        ({"minutes": 0}, "--minutes"),
        ({"minutes": float("nan")}, "--minutes"),
        ({"trials": -1}, "--trials"),
        ({"trials": 1, "searches": 0}, "--searches"),
    ],
)
def test_a_budget_that_cannot_be_is_refused(given, word):
    with pytest.raises(InputError, match=word):
        make_plan(["tpot"], **given)


def test_networks_get_time_to_be_fitted_at_the_end_of_all_but_the_shortest_runs():
    def searching(engine, minutes):
        return make_plan([engine], minutes=minutes, launched=time.time()).searches[1].seconds

    assert searching("tpot", 2) - searching("autokeras", 2) == pytest.approx(3, abs=0.2)
    assert searching("tpot", 1) == pytest.approx(searching("autokeras", 1), abs=0.2)

"""The checks that every engine passes, on small mixed frames of each type of task."""

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from limelight.errors import InputError
from limelight.search.budget import Budget
from limelight.search.candidate import Candidate
from limelight.search.engine import SearchProblem, engine_names, get_engine
from limelight.search.evaluate import score_out_of_fold
from limelight.search.ledger import Ledger
from limelight.search.task import infer_task

ENGINES = [
    pytest.param(name, marks=pytest.mark.slow if name == "autokeras" else ())
    for name in engine_names()
]
PROBLEMS = ["binary", "multiclass", "regression"]
TRIALS = {"baseline": 5, "tpot": 6, "autokeras": 1}
ROWS = 150


def make_problem(kind: str, rows: int = ROWS) -> SearchProblem:
    """A frame with numbers, text, dates, booleans and gaps, and a target that follows them."""
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "amount": rng.lognormal(3, 1, rows),
            "age": pd.array(rng.integers(18, 80, rows), dtype="Int64"),
            "job": pd.Series(rng.choice(["clerk", "cook", "smith"], rows), dtype="str"),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, rows), "D"),
            "member": rng.choice([True, False], rows),
            "note": [f"note {i}" for i in range(rows)],
        }
    )
    frame.loc[rng.choice(rows, rows // 10, replace=False), "age"] = pd.NA
    frame.loc[rng.choice(rows, rows // 10, replace=False), "job"] = None
    value = np.log(frame["amount"]) + 2 * (frame["job"] == "cook") + rng.normal(0, 0.3, rows)
    labels: Any = {
        "binary": np.where(value > 4, "late", "paid"),
        "multiclass": np.array(["low", "middle", "high"])[np.digitize(value, [3, 4.2])],
        "regression": 1000 * value.to_numpy(),
    }[kind]
    target = pd.Series(labels, name="y")
    task = infer_task(target, kind)
    positions = np.arange(rows)
    folds = [(positions[positions % 3 != k], positions[positions % 3 == k]) for k in range(3)]
    return SearchProblem(frame, task.encode(target), task, folds)


def search(
    name: str, problem: SearchProblem, folder: Path, *, cores: int = 1, trials: int | None = None
) -> Ledger:
    ledger = Ledger(folder / "ledger", name, 0, problem.task.scorer)
    budget = Budget(trials=trials or TRIALS[name])
    workdir = folder / "engine"
    workdir.mkdir(exist_ok=True)
    get_engine(name).search(problem, budget, ledger, seed=1, number=0, cores=cores, workdir=workdir)
    return ledger


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Searches by engine and type of task, each done once."""
    done: dict[tuple[str, str], tuple[SearchProblem, Ledger]] = {}

    def get(name: str, kind: str) -> tuple[SearchProblem, Ledger]:
        if (name, kind) not in done:
            problem = make_problem(kind)
            done[name, kind] = problem, search(name, problem, tmp_path_factory.mktemp(name))
        return done[name, kind]

    return get


@pytest.mark.parametrize("kind", PROBLEMS)
@pytest.mark.parametrize("name", ENGINES)
def test_finds_candidates_that_beat_a_constant(name: str, kind: str, searched: Any) -> None:
    problem, ledger = searched(name, kind)
    assert ledger.candidates()
    assert {trial.outcome for trial in ledger.trials} == {"ok"}, ledger.trials
    scorer = problem.task.scorer
    constant: Any = np.full(ROWS, problem.target.mean())
    if problem.task.is_classification:
        constant = np.tile(np.bincount(problem.target) / ROWS, (ROWS, 1))
    best = ledger.candidates()[0].score
    assert scorer.sign * best > scorer.gain(problem.target, constant)


@pytest.mark.parametrize("kind", PROBLEMS)
@pytest.mark.parametrize("name", ENGINES)
def test_scores_are_those_of_the_out_of_fold_predictions(
    name: str, kind: str, searched: Any
) -> None:
    problem, ledger = searched(name, kind)
    scores = {trial.number: trial.score for trial in ledger.trials}
    for candidate in ledger.candidates():
        given = candidate.out_of_fold
        assert given.dtype == "float32"
        assert np.isfinite(given).all()
        if problem.task.is_classification:
            assert given.shape == (ROWS, len(problem.task.classes))
            np.testing.assert_allclose(given.sum(axis=1), 1.0, atol=1e-4)
        else:
            assert given.shape == (ROWS,)
        again = score_out_of_fold(given, problem.target, problem.task)
        assert candidate.score == pytest.approx(again, rel=1e-6)
        assert scores[candidate.number] == candidate.score
        folds = [problem.task.scorer(problem.target[v], given[v]) for _, v in problem.folds]
        np.testing.assert_allclose(candidate.fold_scores, folds, rtol=1e-4)
        assert candidate.fit_seconds > 0
        assert candidate.predict_seconds > 0


@pytest.mark.parametrize("kind", PROBLEMS)
@pytest.mark.parametrize("name", ENGINES)
def test_pipelines_take_raw_frames(name: str, kind: str, searched: Any) -> None:
    problem, ledger = searched(name, kind)
    candidates = ledger.candidates()
    for candidate in [*candidates[:2], candidates[-1]]:
        fitted = clone(candidate.pipeline).fit(problem.features, problem.target)
        again = pickle.loads(pickle.dumps(fitted))
        rows = problem.features.iloc[:7].assign(job="new", age=None)
        ask = "predict_proba" if problem.task.is_classification else "predict"
        prediction = np.asarray(getattr(again, ask)(rows))
        assert np.isfinite(prediction).all()
        assert len(prediction) == 7
        np.testing.assert_array_equal(prediction, getattr(fitted, ask)(rows))


def _essence(found: list[Candidate]) -> list[Any]:
    return [(one.id, one.description, one.parameters, one.fold_scores) for one in found]


@pytest.mark.parametrize("name", ENGINES)
def test_trials_depend_on_the_seed_alone(name: str, searched: Any, tmp_path: Path) -> None:
    problem, ledger = searched(name, "binary")
    cores = 1 if name == "autokeras" else 2
    again = search(name, problem, tmp_path, cores=cores)
    assert _essence(again.candidates()) == _essence(ledger.candidates())
    for one, other in zip(again.candidates(), ledger.candidates(), strict=True):
        np.testing.assert_array_equal(one.out_of_fold, other.out_of_fold)


@pytest.mark.parametrize("name", ["baseline", "tpot"])
def test_weights_reach_the_models(name: str, searched: Any, tmp_path: Path) -> None:
    problem, ledger = searched(name, "binary")
    weights = np.where(problem.target == 1, 20.0, 1.0)
    weighted = search(name, replace(problem, weights=weights), tmp_path, trials=2)
    assert {trial.outcome for trial in weighted.trials} == {"ok"}
    before = {one.description: one.out_of_fold[:, 1].mean() for one in ledger.candidates()}
    for one in weighted.candidates():
        if one.description == "ExtraTrees":
            continue  # grown until every leaf has one class, which no weight changes
        assert one.out_of_fold[:, 1].mean() > before[one.description]


def test_tpot_records_failures_and_says_when_nothing_works(tmp_path: Path) -> None:
    problem = make_problem("binary")
    broken = replace(problem, target=np.zeros(ROWS, dtype="int64"))
    from limelight.errors import SearchError

    with pytest.raises(SearchError, match="none of the 4 pipelines could be evaluated"):
        search("tpot", broken, tmp_path, trials=4)
    ledger = Ledger(tmp_path / "ledger", "tpot", 0, problem.task.scorer)
    assert [trial.outcome for trial in ledger.trials] == ["failed"] * 4
    assert all(trial.error for trial in ledger.trials)


def test_tpot_evolves_beyond_the_first_generation_the_same_on_two_cores(tmp_path: Path) -> None:
    problem = make_problem("regression", rows=60)
    found = []
    for cores in (1, 2):
        folder = tmp_path / str(cores)
        folder.mkdir()
        ledger = Ledger(folder, "tpot", 1, problem.task.scorer)
        get_engine("tpot").search(
            problem, Budget(trials=24), ledger, seed=4, number=1, cores=cores, workdir=folder
        )
        assert sorted(trial.number for trial in ledger.trials) == list(range(24))
        found.append(_essence(ledger.candidates()))
    assert found[0] == found[1]


def test_tpot_goes_on_with_what_its_ledger_has(tmp_path: Path) -> None:
    problem = make_problem("binary", rows=60)
    first = search("tpot", problem, tmp_path, trials=3)
    again = search("tpot", problem, tmp_path, trials=5)
    assert [trial.number for trial in again.trials] == [0, 1, 2, 3, 4]
    assert again.trials[:3] == first.trials


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(InputError, match="Did you mean 'tpot'"):
        get_engine("tpto")

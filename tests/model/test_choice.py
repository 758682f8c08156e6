"""The choice: honest towards the holdout, within its time, and never without a model."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import KFold
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from limelight.errors import SearchError
from limelight.model.choice import Choice, choose
from limelight.model.fitting import Fitter, Rows
from limelight.model.leaderboard import COLUMNS
from limelight.model.predictor import Predictor
from limelight.model.publishing import within_time
from limelight.search.candidate import Candidate
from limelight.search.engine import SearchProblem
from limelight.search.evaluate import predict, score_out_of_fold
from limelight.search.features import FrameEncoder
from limelight.search.task import infer_task

Array = NDArray[Any]
Holdout = tuple[pd.DataFrame, Array]


class Broken(ClassifierMixin, BaseEstimator):
    """Fails whenever it is fitted."""

    def fit(self, X: Any, y: Any) -> Broken:  # noqa: ARG002
        raise MemoryError("too large")


class FailsOnMoreRows(RegressorMixin, BaseEstimator):
    """Fits 200 rows and no more."""

    def fit(self, X: Any, y: Any) -> FailsOnMoreRows:
        if len(X) > 200:
            raise ValueError("too many rows")
        self.mean_ = float(np.mean(y))
        return self

    def predict(self, X: Any) -> Array:
        return np.full(len(X), self.mean_)


class Sleepy(GaussianNB):
    """Takes a quarter of a second to fit."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Sleepy:
        time.sleep(0.25)
        super().fit(X, y, sample_weight)
        return self


class SlowToTell(GaussianNB):
    """Takes half a second to predict."""

    def predict_proba(self, X: Any) -> Array:
        time.sleep(0.5)
        return np.asarray(super().predict_proba(X))


class Shy(LogisticRegression):
    """Gives the positive class half of the probability that it should."""

    def predict_proba(self, X: Any) -> Array:
        positive = super().predict_proba(X)[:, 1] * 0.5
        return np.stack([1 - positive, positive], axis=1)


def _table(kind: str) -> tuple[SearchProblem, Holdout]:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "x": rng.normal(size=260),
            "z": rng.normal(size=260),
            "kind": rng.choice(["a", "b", None], 260),
        }
    )
    signal = frame["x"] + (frame["z"] > 0) * 1.5 + rng.normal(0, 0.7, 260)
    labels = pd.Series(np.where(signal > 0.7, "yes", "no"))
    target = (labels if kind == "binary" else signal).rename("y")
    task = infer_task(target)
    codes = task.encode(target)
    folds = list(KFold(4, shuffle=True, random_state=0).split(frame[:200]))
    problem = SearchProblem(frame[:200], codes[:200], task, folds)
    return problem, (frame[200:], codes[200:])


def _candidate(
    problem: SearchProblem, name: str, estimator: Any, fit_seconds: float = 0.01
) -> Candidate:
    pipeline = make_pipeline(FrameEncoder("onehot", "standard"), estimator)
    task = problem.task
    shape = (200, len(task.classes)) if task.is_classification else (200,)
    out_of_fold = np.zeros(shape, dtype="float32")
    for training, validation in problem.folds:
        fitted = clone(pipeline).fit(problem.features.iloc[training], problem.target[training])
        out_of_fold[validation] = predict(fitted, problem.features.iloc[validation], task)
    scores = tuple(
        task.scorer(problem.target[rows], out_of_fold[rows].astype("float64"))
        for _, rows in problem.folds
    )
    return Candidate(
        id=name,
        engine=name.split("-")[0],
        search=0,
        number=0,
        description=type(estimator).__name__,
        parameters={},
        pipeline=pipeline,
        out_of_fold=out_of_fold,
        fold_scores=scores,
        score=score_out_of_fold(out_of_fold, problem.target, task),
        fit_seconds=fit_seconds,
        predict_seconds=0.001,
        constant=type(estimator).__name__.startswith("Dummy"),
    )


@pytest.fixture(scope="module")
def binary() -> tuple[list[Candidate], SearchProblem, Holdout]:
    problem, holdout = _table("binary")
    models = {
        "baseline-0/0": DummyClassifier(),
        "baseline-0/1": DecisionTreeClassifier(max_depth=2, random_state=0),
        "tpot-0/0": LogisticRegression(),
        "tpot-0/1": GaussianNB(),
        "tpot-0/2": DecisionTreeClassifier(random_state=0),
        "autokeras-0/0": DecisionTreeClassifier(max_depth=4, random_state=0),
    }
    return [_candidate(problem, *pair) for pair in models.items()], problem, holdout


@pytest.fixture(scope="module")
def numbers() -> tuple[list[Candidate], SearchProblem, Holdout]:
    problem, holdout = _table("regression")
    models = {
        "baseline-0/0": DummyRegressor(),
        "tpot-0/0": LinearRegression(),
        "tpot-0/1": DecisionTreeRegressor(max_depth=5, random_state=0),
    }
    return [_candidate(problem, *pair) for pair in models.items()], problem, holdout


def _choose(
    case: tuple[list[Candidate], SearchProblem, Holdout],
    candidates: list[Candidate] | None = None,
    holdout: Holdout | None = None,
    seconds: float | None = None,
    say: Callable[[str], None] = lambda _: None,
    **more: Any,
) -> Choice:
    known, problem, held = case
    return choose(
        known if candidates is None else candidates,
        problem,
        *(held if holdout is None else holdout),
        seconds=seconds,
        say=say,
        **more,
    )


def _same(one: Choice, other: Choice) -> bool:
    return one.members == other.members and one.leaderboard.equals(other.leaderboard)


def _with_pipeline(candidate: Candidate, estimator: Any) -> Candidate:
    pipeline = make_pipeline(FrameEncoder("onehot"), estimator)
    return dataclasses.replace(candidate, pipeline=pipeline)


def test_the_leaderboard_lists_every_candidate_and_the_ensemble(binary: Any) -> None:
    found = _choose(binary)
    board = found.leaderboard
    assert board.columns.tolist() == COLUMNS
    assert set(board["id"]) == {candidate.id for candidate in binary[0]} | {"ensemble"}
    assert board["score"].is_monotonic_decreasing
    assert board["rank"].tolist() == list(range(1, 8))
    assert (board["score_low"] <= board["score"]).all()
    assert (board["score"] <= board["score_high"]).all()
    assert board["behind"].iloc[0] == 0
    assert board["weight"].sum() == pytest.approx(1)
    assert dict(found.members) == board.loc[board["weight"] > 0].set_index("id")["weight"].to_dict()
    assert board["published"].sum() == 1
    for candidate in binary[0]:
        assert board.set_index("id").loc[candidate.id, "score"] == pytest.approx(candidate.score)


def test_the_holdout_is_asked_about_the_best_of_each_engine_and_the_floor(binary: Any) -> None:
    board = _choose(binary).leaderboard.set_index("id")
    for _, engine in board.groupby("engine"):
        assert np.isfinite(engine["holdout"].iloc[0])
    assert board.loc["baseline-0/0", "holdout"] == 0.5
    assert (board["holdout_low"].dropna() <= board["holdout"].dropna()).all()


def test_a_large_error_is_a_low_place_for_a_metric_that_is_to_be_small(numbers: Any) -> None:
    found = _choose(numbers)
    assert found.leaderboard["score"].is_monotonic_increasing
    assert (found.leaderboard["behind"] >= 0).all()
    assert found.leaderboard["id"].iloc[-1] == "baseline-0/0"
    assert set(found.metrics) == {"rmse", "mae", "r2"}


def test_holdout_labels_have_no_part_in_what_is_published(binary: Any) -> None:
    features, codes = binary[2]
    honest = _choose(binary)
    turned = _choose(binary, holdout=(features, 1 - codes))
    assert turned.members == honest.members
    same = ["id", "score", "score_low", "weight", "published", "behind"]
    assert turned.leaderboard[same].equals(honest.leaderboard[same])
    assert turned.metrics["roc_auc"]["score"] == pytest.approx(
        1 - honest.metrics["roc_auc"]["score"]
    )


def test_the_metrics_are_those_of_models_that_did_not_see_the_holdout(numbers: Any) -> None:
    candidates, problem, (features, values) = numbers
    tree = _with_pipeline(candidates[2], DecisionTreeRegressor(random_state=0))
    found = _choose(numbers, [tree])
    # A full tree knows the rows it was fitted on by heart: the published one knows the holdout.
    assert found.model.predict(features) == pytest.approx(values)
    assert found.metrics["rmse"]["score"] > 0.5
    alone = clone(tree.pipeline).fit(problem.features, problem.target)
    assert found.holdout_prediction == pytest.approx(alone.predict(features))


def test_the_same_seed_gives_the_same_choice(binary: Any) -> None:
    assert _same(_choose(binary, seed=5), _choose(binary, seed=5, cores=2))
    assert np.array_equal(
        _choose(binary, seed=5).holdout_prediction, _choose(binary, seed=5).holdout_prediction
    )


def test_the_order_of_the_candidates_does_not_matter(binary: Any) -> None:
    assert _same(_choose(binary), _choose(binary, binary[0][::-1]))


def _pair_that_helps(binary: Any) -> list[Candidate]:
    """Two candidates whose errors out of fold are independent, so that both are published."""
    problem = binary[1]
    rng = np.random.default_rng(3)
    pair = []
    for candidate in (binary[0][2], binary[0][3]):
        positive = 1 / (1 + np.exp(-(2 * problem.target - 1 + rng.normal(0, 1.5, 200))))
        both = np.stack([1 - positive, positive], axis=1).astype("float32")
        score = score_out_of_fold(both, problem.target, problem.task)
        pair.append(dataclasses.replace(candidate, out_of_fold=both, score=score))
    return pair


def test_an_ensemble_that_is_better_is_published(binary: Any) -> None:
    found = _choose(binary, _pair_that_helps(binary))
    assert [name for name, _ in found.members] != []
    assert len(found.members) == 2
    board = found.leaderboard.set_index("id")
    assert board.loc["ensemble", "published"]
    assert board.loc["ensemble", "holdout"] == found.metrics["roc_auc"]["score"]
    rows = binary[2][0]
    pairs = zip(found.model.weights, found.model.members, strict=True)
    expected = sum(weight * member.predict_proba(rows) for weight, member in pairs)
    calibrated = found.model.calibration.apply(expected)
    np.testing.assert_allclose(found.model.predict_proba(rows), calibrated, rtol=1e-5)


def test_a_member_that_fails_leaves_the_others_with_all_the_weight(binary: Any) -> None:
    sound, broken = _pair_that_helps(binary)
    broken = _with_pipeline(broken, Broken())
    found = _choose(binary, [sound, broken])
    assert found.members == [(sound.id, 1.0)]
    assert any("MemoryError: too large" in note for note in found.notes)
    assert found.leaderboard["weight"].sum() == 1


def test_when_the_chosen_fails_the_next_best_is_published(binary: Any) -> None:
    ranked = sorted(binary[0], key=lambda candidate: -candidate.score)
    broken = _with_pipeline(dataclasses.replace(ranked[0], score=0.99), Broken())
    # Like the first in all it predicts, the second is no partner for it.
    found = _choose(binary, [broken, dataclasses.replace(broken, id="x-0/0"), ranked[-1]])
    assert found.members == [(ranked[-1].id, 1.0)]
    assert any("could not be fitted" in note for note in found.notes)


def test_only_when_nothing_can_be_fitted_there_is_no_model(binary: Any) -> None:
    broken = [_with_pipeline(candidate, Broken()) for candidate in binary[0]]
    with pytest.raises(SearchError, match="none of 6 candidates could be fitted"):
        _choose(binary, broken)
    with pytest.raises(SearchError, match="no candidate"):
        _choose(binary, [])


def test_a_model_that_fails_on_all_rows_stays_as_it_was_confirmed(numbers: Any) -> None:
    stubborn = _with_pipeline(numbers[0][1], FailsOnMoreRows())
    found = _choose(numbers, [stubborn])
    assert np.isfinite(found.model.predict(numbers[2][0])).all()
    assert any("stays as it was fitted on the 200 training rows" in note for note in found.notes)


def test_confirmations_give_way_first_then_members_then_the_best(binary: Any) -> None:
    pair = _pair_that_helps(binary)
    dear = [dataclasses.replace(candidate, fit_seconds=20.0) for candidate in pair]
    # Predictions that are no help, so that neither comes into the ensemble.
    noise = np.random.default_rng(0).random((200, 1))
    useless = np.hstack([noise, 1 - noise]).astype("float32")
    cheap = dataclasses.replace(binary[0][4], fit_seconds=0.01, out_of_fold=useless, score=0.5)
    extra = dataclasses.replace(binary[0][0], fit_seconds=30.0)

    roomy = _choose(binary, [*dear, cheap, extra], seconds=105)
    assert len(roomy.members) == 2
    assert not any("left the ensemble" in note for note in roomy.notes)

    tight = _choose(binary, [*dear, cheap, extra], seconds=70)
    assert len(tight.members) == 1
    assert tight.members[0][0] in {candidate.id for candidate in dear}
    assert any("left the ensemble" in note for note in tight.notes)

    tightest = _choose(binary, [*dear, cheap, extra], seconds=8)
    assert tightest.members == [(cheap.id, 1.0)]
    assert any("too long to fit" in note for note in tightest.notes)


def test_the_member_whose_engine_takes_long_to_start_leaves_before_the_quick_ones(
    binary: Any,
) -> None:
    weights = {"autokeras-0/0": 0.4, "tpot-0/0": 0.35, "tpot-0/1": 0.25}
    pool = [candidate for candidate in binary[0] if candidate.id in weights]
    fitter = Fitter(binary[1].task, 1, 5.5, [], lambda _: None)
    training = Rows(binary[1].features, binary[1].target)
    held = Rows(*binary[2])
    kept = within_time(weights, pool, fitter, training, held)
    assert kept.keys() == {"tpot-0/0", "tpot-0/1"}
    most = {"autokeras-0/0": 0.8, "tpot-0/1": 0.2}
    kept = within_time(most, pool, fitter, training, held)
    first = next(candidate.id for candidate in pool if candidate.engine == "tpot")
    assert kept == {first: 1.0}, "what is left of an ensemble without its main member is no choice"


def test_without_any_time_the_fastest_is_published_and_it_is_no_constant(binary: Any) -> None:
    slow = [
        dataclasses.replace(candidate, fit_seconds=50.0 if candidate.id != "tpot-0/1" else 5.0)
        for candidate in binary[0]
    ]
    constant = dataclasses.replace(slow[0], fit_seconds=0.001)
    found = _choose(binary, [constant, *slow[1:]], seconds=0.0)
    assert found.members == [("tpot-0/1", 1.0)]
    assert any("the fastest is taken" in note for note in found.notes)


def test_the_clock_is_kept_where_fits_take_longer_than_foreseen(binary: Any) -> None:
    sleepy = [
        dataclasses.replace(_with_pipeline(binary[0][3], Sleepy()), id=f"e{i}-0/0", engine=f"e{i}")
        for i in range(12)
    ]
    begun = time.monotonic()
    found = _choose(binary, sleepy, seconds=2.5)
    assert time.monotonic() - begun < 3.0
    assert any("no time" in note for note in found.notes)


def test_importing_keras_is_foreseen(binary: Any) -> None:
    found = _choose(binary, seconds=5.0)
    assert any("autokeras-0/0" in note for note in found.notes)
    assert np.isnan(found.leaderboard.set_index("id").loc["autokeras-0/0", "holdout"])


def test_without_a_holdout_there_is_still_a_model(numbers: Any) -> None:
    features, values = numbers[2]
    found = _choose(numbers, holdout=(features[:0], values[:0]))
    assert np.isnan(found.metrics["rmse"]["score"])
    assert len(found.model.predict(features)) == 60
    assert len(found.holdout_prediction) == 0


def test_sample_weights_reach_the_published_model(numbers: Any) -> None:
    candidates, problem, (features, values) = numbers
    plain_numbers = ColumnTransformer([("numbers", "passthrough", ["x", "z"])])
    pipeline = make_pipeline(plain_numbers, LinearRegression())
    line = dataclasses.replace(candidates[1], pipeline=pipeline)
    weights = np.where(problem.features["x"] > 0, 1.0, 1e-9)
    weighted = dataclasses.replace(problem, weights=weights)
    case = ([line], weighted, (features, values))
    found = _choose(case, holdout_weights=np.full(60, 1e-9))
    only = problem.features["x"].to_numpy() > 0
    expected = clone(pipeline).fit(problem.features[only], problem.target[only])
    np.testing.assert_allclose(found.model.predict(features), expected.predict(features), atol=1e-6)
    plain = _choose(([line], problem, (features, values)))
    assert not np.allclose(found.model.predict(features), plain.model.predict(features), atol=0.02)


def test_the_verdict_compares_with_the_runner_up_and_the_best_baseline(binary: Any) -> None:
    verdict = _choose(binary).verdict
    assert {one.rows for one in verdict} == {"out-of-fold", "holdout"}
    assert any(one.second.startswith("baseline") for one in verdict)
    floor = next(one for one in verdict if one.second.startswith("baseline"))
    assert floor.low <= floor.difference <= floor.high
    assert 0 <= floor.probability <= 1


def test_a_holdout_of_one_class_has_no_part_in_the_verdict(binary: Any) -> None:
    features, target = binary[2]
    found = _choose(binary, holdout=(features[target == 0], target[target == 0]))
    assert {comparison.rows for comparison in found.verdict} == {"out-of-fold"}
    for metric in ("roc_auc", "average_precision"):
        assert np.isnan(list(found.metrics[metric].values())).all(), "nothing was ranked"
    assert found.metrics["accuracy"]["score"] > 0.5


def test_it_says_what_it_does(binary: Any) -> None:
    said: list[str] = []
    _choose(binary, say=said.append)
    assert "6 candidates; the best single is" in said[0]


def test_the_published_model_makes_a_predictor(binary: Any) -> None:
    found = _choose(binary)
    predictor = Predictor(found.model, binary[1].task, binary[1].features, {})
    answer = predictor.predict({"x": "2.5", "z": 2, "kind": "never seen", "more": 1})
    assert answer.tolist() == ["yes"]


def test_a_random_member_is_published_as_the_mean_of_two_seeds(numbers: Any) -> None:
    features = numbers[2][0]
    # Known rows are known by heart, whatever the seed.
    fresh = features.assign(x=features["x"] + 0.1)
    grown = ExtraTreesRegressor(n_estimators=5, random_state=0)
    found = _choose(numbers, [_with_pipeline(numbers[0][2], grown)])
    assert found.model.weights == (0.5, 0.5)
    one, two = (member.predict(fresh) for member in found.model.members)
    assert not np.array_equal(one, two)
    assert found.model.predict(fresh) == pytest.approx((one + two) / 2)
    assert len(found.confirmed.members) == 1
    assert any("mean of two fits" in note for note in found.notes)


def test_what_another_seed_does_not_change_is_fitted_once(numbers: Any) -> None:
    # It has a seed, and without samples of rows or columns no use for it.
    steady = HistGradientBoostingRegressor(max_iter=5, random_state=0)
    found = _choose(numbers, [_with_pipeline(numbers[0][2], steady)])
    assert len(found.model.members) == 1
    assert not any("mean of two fits" in note for note in found.notes)


def test_a_calibration_is_published_and_the_log_loss_is_of_what_it_gives(binary: Any) -> None:
    candidates, problem, (features, codes) = binary
    losses = dataclasses.replace(problem, task=dataclasses.replace(problem.task, metric="log_loss"))
    tree = _with_pipeline(candidates[4], DecisionTreeClassifier(random_state=0))
    tree = dataclasses.replace(
        tree, score=score_out_of_fold(tree.out_of_fold, losses.target, losses.task)
    )
    found = _choose((candidates, losses, binary[2]), [tree])
    # A full tree is certain of everything, and wrong one time in five.
    assert found.model.calibration.slope < 1
    assert any("flattened" in note for note in found.notes)
    board = found.leaderboard.set_index("id")
    assert board.loc[tree.id, "score"] < 0.7 < tree.score
    assert found.metrics["log_loss"]["score"] < 0.7
    assert board.loc[tree.id, "holdout"] == found.metrics["log_loss"]["score"]
    said = predict(found.confirmed, features, losses.task)
    np.testing.assert_allclose(said, found.holdout_prediction)
    assert losses.task.scorer(codes, said) == found.metrics["log_loss"]["score"]


def test_labels_are_mended_and_every_score_is_of_the_mended_ones(binary: Any) -> None:
    candidates, problem, (features, codes) = binary
    labels = dataclasses.replace(problem, task=dataclasses.replace(problem.task, metric="f1"))
    shy = []
    for candidate in candidates[2:4]:
        positive = candidate.out_of_fold[:, 1] * 0.5
        both = np.stack([1 - positive, positive], axis=1)
        shy.append(
            dataclasses.replace(
                candidate,
                out_of_fold=both,
                score=score_out_of_fold(both, labels.target, labels.task),
                pipeline=make_pipeline(FrameEncoder("onehot", "standard"), Shy()),
            )
        )
    assert max(candidate.score for candidate in shy) == 0
    found = _choose((shy, labels, binary[2]), shy)
    board = found.leaderboard.set_index("id")
    assert (board["score"] > 0.5).all()
    assert found.metrics["f1"]["score"] > 0.5
    said = found.confirmed.predict(features)
    assert labels.task.scorer(codes, np.eye(2)[said]) == found.metrics["f1"]["score"]
    assert any("the probabilities are" in note for note in found.notes)


def test_groups_of_the_holdout_make_its_interval_wider(numbers: Any) -> None:
    features, values = numbers[2]
    single = _choose(numbers, numbers[0][1:2])
    together = np.argsort(np.argsort(values)) // 10
    grouped = _choose(numbers, numbers[0][1:2], holdout_groups=together)
    widths = [
        found.metrics["r2"]["high"] - found.metrics["r2"]["low"] for found in (single, grouped)
    ]
    assert widths[1] > 1.2 * widths[0]
    assert len(features) == 60


def test_a_bound_on_the_time_of_predictions_is_kept(binary: Any) -> None:
    pair = _pair_that_helps(binary)
    slow = dataclasses.replace(pair[0], predict_seconds=5.0)
    found = _choose(binary, [slow, pair[1]], infer_seconds=1.0)
    assert found.members == [(pair[1].id, 1.0)]
    assert 0 < found.predict_seconds < 1.0
    assert any("within the bound of 1000 ms" in note for note in found.notes)


def test_what_is_foreseen_as_quick_and_measured_as_slow_leaves(binary: Any) -> None:
    pair = _pair_that_helps(binary)
    sleepy = _with_pipeline(pair[0], SlowToTell())
    found = _choose(binary, [sleepy, pair[1]], infer_seconds=0.2)
    assert found.members == [(pair[1].id, 1.0)]
    assert any(f"{sleepy.id} left the ensemble" in note for note in found.notes)


def test_where_nobody_is_quick_enough_the_fastest_is_published(binary: Any) -> None:
    slow = [
        dataclasses.replace(candidate, predict_seconds=9.0 - number)
        for number, candidate in enumerate(binary[0])
    ]
    found = _choose(binary, slow, infer_seconds=1e-6)
    assert found.members == [(slow[-1].id, 1.0)]
    assert any("no candidate is foreseen to predict 1,000 rows" in note for note in found.notes)
    assert any("over the bound" in note for note in found.notes)

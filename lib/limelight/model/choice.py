"""From the candidates of all engines to the published model.

The order of things keeps the holdout honest: what is published, its weights, its calibration and
its threshold are decided on out-of-fold predictions alone. Each member is then fitted twice: on the
training rows, which the holdout judges, and on all rows, which is published.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limelight.errors import SearchError
from limelight.model import latency
from limelight.model.comparison import Comparison, bootstrap_interval, compare
from limelight.model.ensemble import Blend, WeightedModel, blend, comparable, weighted_mean
from limelight.model.finish import Finish, finish, judged, shown
from limelight.model.fitting import Fitter, Rows, normalised_weights
from limelight.model.leaderboard import (
    ENSEMBLE,
    entries,
    out_of_fold_board,
    rank,
    with_verdict,
)
from limelight.model.publishing import Publication, within_time
from limelight.search.candidate import Candidate
from limelight.search.engine import SearchProblem
from limelight.search.metrics import METRICS
from limelight.search.protocol import disjoint_folds

Array = NDArray[Any]

BASELINE = "baseline"


@dataclass(frozen=True)
class Choice:
    """What was chosen, why, and how good it is.

    Args:
        leaderboard: Every candidate and the ensemble; see `limelight.model.leaderboard.COLUMNS`.
        members: Candidate id and weight of what is published, the heaviest first; sum 1.
        model: Fitted on training and holdout rows (or as the notes say); takes raw frames.
        confirmed: The same members, calibration and decision, each fitted once on the training rows
            alone: what the holdout judged.
        metrics: For each metric of the problem: score, low and high on the holdout, of the
            confirmed model.
        holdout_prediction: What those scores are of: (n,) or calibrated (n, k), in the holdout's
            order.
        notes: What was left out or done otherwise, a sentence each.
        verdict: The published against its runner-up and against the best baseline, out of fold
            and, where both were fitted, on the holdout.
        predict_seconds: Measured seconds of the published model for 1,000 rows on one core.
    """

    leaderboard: pd.DataFrame
    members: list[tuple[str, float]]
    model: WeightedModel
    confirmed: WeightedModel
    metrics: dict[str, dict[str, float]]
    holdout_prediction: Array
    notes: list[str]
    verdict: tuple[Comparison, ...]
    predict_seconds: float


def choose(
    candidates: Sequence[Candidate],
    problem: SearchProblem,
    holdout_features: pd.DataFrame,
    holdout_target: Array,
    *,
    seconds: float | None,
    cores: int = 1,
    seed: int = 0,
    say: Callable[[str], None] = print,
    holdout_weights: Array | None = None,
    holdout_groups: Array | None = None,
    infer_seconds: float | None = None,
) -> Choice:
    """Choose what to publish, confirm it on the holdout, and fit it on all rows.

    The ensemble is published unless it is worse than the best single candidate by its cross-fitted
    evidence (`limelight.model.ensemble.Blend.holds`). No holdout label has a part in that.

    Args:
        candidates: Of all engines, with out-of-fold predictions on the shared folds.
        problem: The training rows, as the searches had them.
        holdout_features: Raw frame with the same columns, shape (h, d); may have no rows.
        holdout_target: Encoded, shape (h,).
        seconds: Time for all of it. Where it is short, the members' second fits are left out first,
            then fewer candidates are confirmed, then the ensemble loses members, then a faster
            candidate is taken; the notes say so. None for no limit; the choice is then the same for
            the same seed.
        cores: Fits that run at the same time.
        seed: Seed of bootstrap samples and drawn rows.
        say: Takes lines of progress.
        holdout_weights: Sample weights of the holdout rows; where the problem has weights and
            these are not given, each holdout row weighs as the mean training row.
        holdout_groups: Codes of holdout rows that belong together, shape (h,); or None.
        infer_seconds: What the published model may take to predict 1,000 rows at once, on one core.
            Where no candidate is so fast the fastest is published, and a note says so.

    Raises:
        SearchError: There is no candidate, or none could be fitted.
    """
    if not candidates:
        raise SearchError("there is no candidate to choose from.", "Give the searches more time.")
    notes: list[str] = []
    fitter = Fitter(problem.task, max(1, cores), seconds, notes, say)
    metric = problem.task.scorer
    folds = disjoint_folds(problem.folds, problem.groups)
    scored, decisions, seen = judged(candidates, problem, folds, seed=seed)
    ranked = rank(scored, metric)
    pool = comparable(ranked)
    quick = latency.quick_enough(pool, problem, infer_seconds, notes)
    ensemble = blend(quick, problem.target, metric, folds, seed=seed)
    if ensemble and len(ensemble.weights) < 2:
        ensemble = None  # one member is a single candidate, and stands on the board already
    say(_announcement(ranked, ensemble, quick[0]))

    held = Rows(
        holdout_features,
        holdout_target,
        _held_weights(problem, holdout_weights, len(holdout_target)),
    )
    training = Rows(problem.features, problem.target, problem.weights)
    wished = dict(ensemble.weights) if ensemble and ensemble.holds else {quick[0].id: 1.0}
    if infer_seconds is not None:
        wished = latency.within_bound(wished, quick, problem, infer_seconds, notes)
    weights = within_time(wished, quick, fitter, training, held)
    work = Publication(fitter, training, held, {one.id: one for one in (*pool, *ranked)})
    weights = work.fit(weights, _to_confirm(pool, ranked, ensemble), quick)
    if infer_seconds is not None:
        weights = work.within(weights, infer_seconds)

    by_id = {one.id: one for one in ranked}
    whole = ensemble if ensemble and weights.keys() == ensemble.weights.keys() else None
    finished = finish(
        problem,
        whole.out_of_fold
        if whole
        else weighted_mean([by_id[name].out_of_fold for name in weights], list(weights.values())),
        folds,
        seed=seed,
    )
    notes.extend(finished.notes)
    model = WeightedModel(
        *work.published(weights), problem.task, finished.calibration, finished.decision
    )
    spent = latency.seconds_of(model, problem.features, problem.task)
    notes.extend(latency.said_of_speed(spent, infer_seconds))
    kept = normalised_weights(weights, work.confirmed)
    confirmed = WeightedModel(
        tuple(work.confirmed[name].model for name in kept),
        tuple(kept.values()),
        problem.task,
        finished.calibration,
        finished.decision,
    )
    prediction = _finished(
        weighted_mean([work.confirmed[name].prediction for name in kept], list(kept.values())),
        finished,
        problem,
    )

    name = ENSEMBLE if len(weights) > 1 else next(iter(weights))
    seen[name] = finished.out_of_fold
    rival = finished
    if ensemble and name != ENSEMBLE:
        rival = finish(problem, ensemble.out_of_fold, folds, seed=seed)
        seen[ENSEMBLE] = rival.out_of_fold
    holdout = {
        one: shown(decisions[one], metric, fitted.prediction)
        if one in decisions
        else fitted.prediction
        for one, fitted in work.confirmed.items()
    }
    if ensemble and all(member in work.confirmed for member in ensemble.weights):
        members = [work.confirmed[member].prediction for member in ensemble.weights]
        mixed = weighted_mean(members, list(ensemble.weights.values()))
        holdout[ENSEMBLE] = rival.shown(metric, _finished(mixed, rival, problem))
    holdout[name] = finished.shown(metric, prediction)
    listed = entries(ranked, ensemble, seen)
    board = out_of_fold_board(listed, problem.target, metric, seed=seed, groups=problem.groups)
    return Choice(
        leaderboard=with_verdict(
            board, holdout, held.target, metric, weights, seed=seed, groups=holdout_groups
        ),
        members=sorted(weights.items(), key=lambda member: -member[1]),
        model=model,
        confirmed=confirmed,
        metrics=_all_metrics(
            problem, held.target, prediction, finished, seed=seed, groups=holdout_groups
        ),
        holdout_prediction=prediction,
        notes=notes,
        verdict=_verdict(
            name,
            board,
            (
                (
                    "out-of-fold",
                    problem.target,
                    {one.id: one.out_of_fold for one in listed},
                    problem.groups,
                ),
                ("holdout", held.target, holdout, holdout_groups),
            ),
            problem,
            seed,
        ),
        predict_seconds=spent,
    )


def _announcement(ranked: Sequence[Candidate], ensemble: Blend | None, best: Candidate) -> str:
    text = f"{len(ranked)} candidates; the best single is {best.id} ({best.description})"
    if ensemble is None:
        return f"{text}; no ensemble of them is better."
    taken = "" if ensemble.holds else ", so it is not taken"
    return (
        f"{text}; an ensemble of {len(ensemble.weights)} gains {ensemble.gain:.4g} +/-"
        f" {ensemble.error:.2g} over it across the folds{taken}."
    )


def _held_weights(problem: SearchProblem, given: Array | None, rows: int) -> Array | None:
    if problem.weights is None:
        return None
    return given if given is not None else np.full(rows, float(np.mean(problem.weights)))


def _to_confirm(
    pool: Sequence[Candidate], ranked: Sequence[Candidate], ensemble: Blend | None
) -> list[Candidate]:
    """Whom the holdout is asked about beside the published, the most important first."""
    best_of_engine = {candidate.engine: candidate for candidate in reversed(ranked)}
    floor = [candidate for candidate in reversed(ranked) if candidate.engine == BASELINE][:1]
    members = [c for c in pool if ensemble and c.id in ensemble.weights]
    in_order = [pool[0], *floor, *_in_rank_order(ranked, best_of_engine.values()), *members]
    return list({candidate.id: candidate for candidate in in_order}.values())


def _in_rank_order(ranked: Sequence[Candidate], some: Any) -> list[Candidate]:
    """Some candidates in the order of the ranking."""
    names = {candidate.id for candidate in some}
    return [candidate for candidate in ranked if candidate.id in names]


def _finished(mean: Array, finished: Finish, problem: SearchProblem) -> Array:
    return finished.calibration.apply(mean) if problem.task.is_classification else mean


def _all_metrics(
    problem: SearchProblem,
    target: Array,
    prediction: Array,
    finished: Finish,
    *,
    seed: int,
    groups: Array | None,
) -> dict[str, dict[str, float]]:
    found = {}
    for metric in METRICS.values():
        if problem.task.problem in metric.problems:
            seen = finished.shown(metric, prediction)
            one = bootstrap_interval(metric, target, seen, seed=seed, groups=groups)
            found[metric.name] = {"score": one.score, "low": one.low, "high": one.high}
    return found


def _verdict(
    name: str,
    board: pd.DataFrame,
    sides: Sequence[tuple[str, Array, Mapping[str, Array], Array | None]],
    problem: SearchProblem,
    seed: int,
) -> tuple[Comparison, ...]:
    """The published against the best of the others, and against the best baseline."""
    others = board.loc[board["id"] != name]
    rivals = [*others["id"].head(1), *others.loc[others["engine"] == BASELINE, "id"].head(1)]
    metric = problem.task.scorer
    found = []
    for rival in dict.fromkeys(rivals):
        for rows, target, predictions, groups in sides:
            if len(target) and name in predictions and rival in predictions:
                pair = (name, predictions[name]), (rival, predictions[rival])
                found.append(compare(metric, target, *pair, rows=rows, seed=seed, groups=groups))
    # Rows of one class have no AUC, and say nothing of who is better.
    return tuple(one for one in found if np.isfinite(one.difference))

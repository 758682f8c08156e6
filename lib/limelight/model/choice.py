"""From the candidates of all engines to the published model.

The order of things keeps the holdout honest: what is published is decided on out-of-fold
predictions alone; the holdout then says how good it is; only after that do the holdout's rows
join the training rows for the last fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limelight.errors import SearchError
from limelight.model.comparison import Comparison, bootstrap_interval, compare
from limelight.model.ensemble import (
    Blend,
    WeightedModel,
    blend,
    comparable,
    is_constant,
    weighted_mean,
)
from limelight.model.fitting import Fitted, Fitter, Rows, normalised_weights
from limelight.model.leaderboard import (
    ENSEMBLE,
    Entry,
    entries,
    out_of_fold_board,
    rank,
    with_verdict,
)
from limelight.search.candidate import Candidate
from limelight.search.engine import Folds, SearchProblem
from limelight.search.metrics import METRICS

Array = NDArray[Any]

BASELINE = "baseline"
#: Share of the time left that foreseen fits may fill: what is foreseen is often too little.
FILL = 0.8
#: Weight of a member without which an ensemble would be another model.
MOST_LEFT_OUT = 0.5
#: Seconds kept for scoring on the holdout after the last fit.
SCORING_SECONDS = 1.0


@dataclass(frozen=True)
class Choice:
    """What was chosen, why, and how good it is.

    Args:
        leaderboard: Every candidate and the ensemble; see `limelight.model.leaderboard.COLUMNS`.
        members: Candidate id and weight of what is published, the heaviest first; sum 1.
        model: Fitted on training and holdout rows (or as the notes say); takes raw frames.
        confirmed: The same members, fitted on the training rows alone: what the holdout judged.
        metrics: For each metric of the problem: score, low and high on the holdout, of the
            published members fitted on the training rows alone.
        holdout_prediction: What those scores are of: (n,) or (n, k), in the holdout's order.
        notes: What was left out or done otherwise, a sentence each.
        verdict: The published against its runner-up and against the best baseline, out of fold
            and, where both were fitted, on the holdout.
    """

    leaderboard: pd.DataFrame
    members: list[tuple[str, float]]
    model: WeightedModel
    confirmed: WeightedModel
    metrics: dict[str, dict[str, float]]
    holdout_prediction: Array
    notes: list[str]
    verdict: tuple[Comparison, ...]


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
) -> Choice:
    """Choose what to publish, confirm it on the holdout, and fit it on all rows.

    The ensemble is published where it is better than the best single candidate by its
    cross-fitted evidence (`limelight.model.ensemble.Blend.is_better`), else the best single. No
    holdout label has a part in that.

    Args:
        candidates: Of all engines, with out-of-fold predictions on the shared folds.
        problem: The training rows, as the searches had them.
        holdout_features: Raw frame with the same columns, shape (h, d); may have no rows.
        holdout_target: Encoded, shape (h,).
        seconds: Time for all of it. Where it is short, fewer candidates are confirmed, then the
            ensemble loses its lightest members, then a faster candidate
            is taken; the notes say so. None for no limit; the choice is then the same for the
            same seed.
        cores: Fits that run at the same time.
        seed: Seed of bootstrap samples and drawn rows.
        say: Takes lines of progress.
        holdout_weights: Sample weights of the holdout rows; where the problem has weights and
            these are not given, each holdout row weighs as the mean training row.

    Raises:
        SearchError: There is no candidate, or none could be fitted.
    """
    if not candidates:
        raise SearchError("there is no candidate to choose from.", "Give the searches more time.")
    notes: list[str] = []
    fitter = Fitter(problem.task, max(1, cores), seconds, notes, say)
    metric = problem.task.scorer
    ranked = rank(candidates, metric)
    pool = comparable(ranked)
    ensemble = blend(pool, problem.target, metric, problem.folds, seed=seed)
    if ensemble and len(ensemble.weights) < 2:
        ensemble = None  # one member is a single candidate, and stands on the board already
    listed = entries(ranked, ensemble)
    board = out_of_fold_board(listed, problem.target, metric, seed=seed)
    say(_announcement(ranked, ensemble, pool[0]))

    held = Rows(
        holdout_features,
        holdout_target,
        _held_weights(problem, holdout_weights, len(holdout_target)),
    )
    weights = dict(ensemble.weights) if ensemble and ensemble.is_better else {pool[0].id: 1.0}
    training = Rows(problem.features, problem.target, problem.weights)
    passes = 2 + len(held) / max(1, len(training))
    weights, wanted = _within_time(
        weights, _to_confirm(pool, ranked, ensemble), pool, fitter, passes, problem.folds
    )
    weights, fitted = _confirm(weights, wanted, pool, ranked, fitter, training, held, passes - 1)
    model = _fit_on_all_rows(weights, ranked, fitted, fitter, training, held, passes - 1)

    holdout = {name: one.prediction for name, one in fitted.items()}
    published = weighted_mean([holdout[name] for name in weights], list(weights.values()))
    name = ENSEMBLE if len(weights) > 1 else next(iter(weights))
    if len(weights) > 1:
        holdout[ENSEMBLE] = published
    elif ensemble and all(member in holdout for member in ensemble.weights):
        holdout[ENSEMBLE] = weighted_mean(
            [holdout[member] for member in ensemble.weights], list(ensemble.weights.values())
        )
    return Choice(
        leaderboard=with_verdict(board, holdout, held.target, metric, weights, seed=seed),
        members=sorted(weights.items(), key=lambda member: -member[1]),
        model=model,
        confirmed=WeightedModel(
            tuple(fitted[name].model for name in weights), tuple(weights.values()), problem.task
        ),
        metrics=_all_metrics(problem, held.target, published, seed),
        holdout_prediction=published,
        notes=notes,
        verdict=_verdict(name, board, listed, problem, holdout, held.target, seed),
    )


def _announcement(ranked: Sequence[Candidate], ensemble: Blend | None, best: Candidate) -> str:
    text = f"{len(ranked)} candidates; the best single is {best.id} ({best.description})"
    if ensemble is None or len(ensemble.weights) < 2:
        return f"{text}; no ensemble of them is better."
    taken = "which is clear" if ensemble.is_better else "too little to take it"
    return (
        f"{text}; an ensemble of {len(ensemble.weights)} gains {ensemble.gain:.4g} +/-"
        f" {ensemble.error:.2g} over it across the folds, {taken}."
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


def _within_time(
    weights: dict[str, float],
    wanted: list[Candidate],
    pool: Sequence[Candidate],
    fitter: Fitter,
    passes: float,
    folds: Folds,
) -> tuple[dict[str, float], list[Candidate]]:
    """What of the published and the wanted is foreseen to be done in time."""
    left = FILL * (fitter.left - SCORING_SECONDS)
    by_id = {candidate.id: candidate for candidate in pool}
    wanted = [candidate for candidate in wanted if candidate.id not in weights]

    def cost(names: Mapping[str, float], others: Sequence[Candidate], times: float) -> float:
        members = [by_id[name] for name in names]
        extra = fitter.foresee([*members, *others]) - fitter.foresee(members)
        return fitter.foresee(members, times) + extra

    while wanted and cost(weights, wanted, passes) > left:
        # The dearest goes: the others may then all find their time.
        place = max(range(len(wanted)), key=lambda i: (fitter.foresee([wanted[i]]), i))
        late = wanted.pop(place)
        fitter.note(f"{late.id} ({late.description}) was not confirmed on the holdout: no time.")
    while len(weights) > 1 and cost(weights, [], passes) > left:
        total = cost(weights, [], passes)
        saved = {
            name: total - cost({other: 1.0 for other in weights if other != name}, [], passes)
            for name in weights
        }
        # An engine's own start counts too: the last of its members takes it along.
        dear = max(weights, key=lambda name: (saved[name] / weights[name], -weights[name]))
        if weights[dear] > MOST_LEFT_OUT:
            break
        fitter.note(f"{dear} left the ensemble: there is no time to fit it twice.")
        weights = normalised_weights(weights, weights.keys() - {dear})
    if cost(weights, [], 1.0) <= left:
        return weights, wanted
    telling = [candidate for candidate in pool if not is_constant(candidate, folds)] or list(pool)
    quick = [c for c in telling if cost({c.id: 1.0}, [], 1.0) <= left]
    taken = quick[0] if quick else min(telling, key=lambda c: fitter.foresee([c]))
    if taken.id not in weights:
        fitter.note(
            f"{taken.id} is published: {next(iter(weights))} is foreseen to take too long to fit."
        )
    if not quick:
        fitter.note(
            f"no candidate is foreseen to be fitted in the {max(0.0, fitter.left):.1f} s left; the"
            " fastest is taken."
        )
    return {taken.id: 1.0}, wanted


def _confirm(
    weights: dict[str, float],
    wanted: Sequence[Candidate],
    pool: Sequence[Candidate],
    ranked: Sequence[Candidate],
    fitter: Fitter,
    training: Rows,
    held: Rows,
    refit: float,
) -> tuple[dict[str, float], dict[str, Fitted]]:
    """Fit the published and the wanted on the training rows; who fails loses its place."""
    required = _in_rank_order(pool, [c for c in pool if c.id in weights])
    reserve = fitter.foresee(required, refit) + SCORING_SECONDS
    fitted = fitter.fit_all(required, wanted, training, held.features, reserve=reserve)
    if any(name in fitted for name in weights):
        return normalised_weights(weights, fitted), fitted
    tried = {candidate.id for candidate in required}
    for candidate in {c.id: c for c in (*pool, *ranked)}.values():
        if candidate.id in tried:
            continue
        if candidate.id not in fitted:
            fitted |= fitter.fit_all([candidate], [], training, held.features)
        if candidate.id in fitted:
            fitter.note(f"{candidate.id} is published: what was chosen could not be fitted.")
            return {candidate.id: 1.0}, fitted
    raise SearchError(
        f"none of {len(ranked)} candidates could be fitted on the training rows.",
        f"The last said: {fitter.notes[-1]}",
    )


def _fit_on_all_rows(
    weights: dict[str, float],
    ranked: Sequence[Candidate],
    fitted: Mapping[str, Fitted],
    fitter: Fitter,
    training: Rows,
    held: Rows,
    refit: float,
) -> WeightedModel:
    """The published model; members that cannot be fitted again stay as they were confirmed."""
    members = _in_rank_order(ranked, [c for c in ranked if c.id in weights])
    seconds = [refit * fitted[name].seconds for name in weights]
    models = {name: fitted[name].model for name in weights}
    foreseen = max(max(seconds), sum(seconds) / fitter.cores)
    if len(held) and foreseen + SCORING_SECONDS > fitter.left:
        fitter.note(
            f"the published model is fitted on the {len(training)} training rows alone: there was"
            f" no time for {foreseen:.1f} s more with the {len(held)} holdout rows."
        )
    elif len(held):
        everything = _joined(training, held)
        again = fitter.fit_all(members, [], everything, held.features.iloc[:0])
        models |= {name: one.model for name, one in again.items()}
        for name in models.keys() - again.keys():
            fitter.note(f"{name} stays as it was fitted on the {len(training)} training rows.")
    return WeightedModel(tuple(models[n] for n in weights), tuple(weights.values()), fitter.task)


def _joined(training: Rows, held: Rows) -> Rows:
    weights = None
    if training.weights is not None and held.weights is not None:
        weights = np.concatenate([training.weights, held.weights])
    return Rows(
        pd.concat([training.features, held.features], ignore_index=True),
        np.concatenate([training.target, held.target]),
        weights,
    )


def _all_metrics(
    problem: SearchProblem, target: Array, prediction: Array, seed: int
) -> dict[str, dict[str, float]]:
    found = {}
    for metric in METRICS.values():
        if problem.task.problem in metric.problems:
            one = bootstrap_interval(metric, target, prediction, seed=seed)
            found[metric.name] = {"score": one.score, "low": one.low, "high": one.high}
    return found


def _verdict(
    name: str,
    board: pd.DataFrame,
    listed: Sequence[Entry],
    problem: SearchProblem,
    holdout: Mapping[str, Array],
    target: Array,
    seed: int,
) -> tuple[Comparison, ...]:
    """The published against the best of the others, and against the best baseline."""
    others = board.loc[board["id"] != name]
    rivals = [*others["id"].head(1), *others.loc[others["engine"] == BASELINE, "id"].head(1)]
    known = {one.id: one.out_of_fold for one in listed}
    metric = problem.task.scorer
    found = []
    for rival in dict.fromkeys(rivals):
        for rows, labels, predictions in (
            ("out-of-fold", problem.target, known),
            ("holdout", target, holdout),
        ):
            if len(labels) and name in predictions and rival in predictions:
                pair = (name, predictions[name]), (rival, predictions[rival])
                found.append(compare(metric, labels, *pair, rows=rows, seed=seed))
    # Rows of one class have no AUC, and say nothing of who is better.
    return tuple(one for one in found if np.isfinite(one.difference))

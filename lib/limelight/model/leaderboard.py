"""Every candidate in one table, with how sure its place is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limelight.model.comparison import bootstrap_interval, bootstrap_scores, percentiles
from limelight.model.ensemble import Blend
from limelight.search.candidate import Candidate
from limelight.search.evaluate import covered_rows
from limelight.search.metrics import Metric

Array = NDArray[Any]

ENSEMBLE = "ensemble"

COLUMNS = [
    "rank",
    "id",
    "engine",
    "description",
    "metric",
    "score",
    "score_low",
    "score_high",
    "holdout",
    "holdout_low",
    "holdout_high",
    "weight",
    "published",
    "behind",
    "behind_low",
    "behind_high",
    "fit_seconds",
    "predict_seconds",
    "folds_done",
]


@dataclass(frozen=True)
class Entry:
    """A row of the leaderboard before it is scored: a candidate or the ensemble.

    Args:
        id, engine, description: Who it is.
        out_of_fold: Predictions of the training rows, NaN where there is none.
        fit_seconds, predict_seconds, folds_done: What it cost, and how far it was scored.
    """

    id: str
    engine: str
    description: str
    out_of_fold: Array
    fit_seconds: float
    predict_seconds: float
    folds_done: int


def rank(candidates: Sequence[Candidate], metric: Metric) -> list[Candidate]:
    """The candidates by their out-of-fold score, the best first; without a score, last."""

    def order(candidate: Candidate) -> tuple[float, str]:
        gain = metric.sign * candidate.score
        return (-gain if np.isfinite(gain) else np.inf, candidate.id)

    return sorted(candidates, key=order)


def entries(
    ranked: Sequence[Candidate], ensemble: Blend | None, seen: Mapping[str, Array]
) -> list[Entry]:
    """What goes into the leaderboard: every candidate, and the ensemble if there is one.

    Args:
        ranked: The candidates.
        ensemble: The ensemble.
        seen: What the metric sees of each of them out of fold, by id.
    """
    listed = [
        Entry(
            c.id,
            c.engine,
            c.description,
            seen[c.id],
            c.fit_seconds,
            c.predict_seconds,
            len(c.fold_scores),
        )
        for c in ranked
    ]
    if ensemble is None:
        return listed
    members = [
        (entry, ensemble.weights[entry.id]) for entry in listed if entry.id in ensemble.weights
    ]
    in_order = sorted(members, key=lambda member: -member[1])
    described = " + ".join(f"{weight:.0%} {one.description}" for one, weight in in_order)
    mixed = Entry(
        ENSEMBLE,
        ENSEMBLE,
        described,
        seen[ENSEMBLE],
        sum(entry.fit_seconds for entry, _ in members),
        sum(entry.predict_seconds for entry, _ in members),
        max(entry.folds_done for entry, _ in members),
    )
    return [*listed, mixed]


def out_of_fold_board(
    listed: Sequence[Entry],
    target: Array,
    metric: Metric,
    *,
    seed: int = 0,
    groups: Array | None = None,
) -> pd.DataFrame:
    """The leaderboard by the shared folds: `COLUMNS`, nothing published or confirmed yet.

    ``score``, ``score_low`` and ``score_high`` are in the metric's own units. ``behind`` is the
    gain that a row lacks to the first (positive: worse), with the interval of a paired bootstrap;
    where ``behind_low`` is below zero, the two cannot be told apart. The bootstrap draws whole
    ``groups``, codes of shape (n,), where there are any.
    """
    predictions = [one.out_of_fold for one in listed]
    samples = bootstrap_scores(metric, target, predictions, seed=seed, groups=groups)
    scores = [_score(one.out_of_fold, target, metric) for one in listed]
    gains = metric.sign * np.asarray(scores)
    order = np.argsort(np.where(np.isfinite(gains), -gains, np.inf), kind="stable")
    first = order[0]
    rows = []
    for place, i in enumerate(order, start=1):
        one = listed[i]
        low, high = percentiles(samples[:, i])
        lag_low, lag_high = percentiles(metric.sign * (samples[:, first] - samples[:, i]))
        rows.append(
            {
                "rank": place,
                "id": one.id,
                "engine": one.engine,
                "description": one.description,
                "metric": metric.name,
                "score": scores[i],
                "score_low": low,
                "score_high": high,
                "holdout": np.nan,
                "holdout_low": np.nan,
                "holdout_high": np.nan,
                "weight": 0.0,
                "published": False,
                "behind": gains[first] - gains[i],
                "behind_low": lag_low,
                "behind_high": lag_high,
                "fit_seconds": one.fit_seconds,
                "predict_seconds": one.predict_seconds,
                "folds_done": one.folds_done,
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def with_verdict(
    board: pd.DataFrame,
    holdout: Mapping[str, Array],
    target: Array,
    metric: Metric,
    weights: Mapping[str, float],
    *,
    seed: int = 0,
    groups: Array | None = None,
) -> pd.DataFrame:
    """The leaderboard with what the holdout said and what is published.

    Args:
        board: What `out_of_fold_board` made.
        holdout: Id to holdout prediction, for those that were fitted.
        target: Encoded target of the holdout.
        metric: The metric.
        weights: Candidate id to weight in the published model; the ensemble's own row is marked
            as published where there is more than one.
        seed: Seed of the bootstrap.
        groups: Codes of the holdout's rows that are drawn together; or None.
    """
    done = board.copy()
    for name, prediction in holdout.items():
        found = bootstrap_interval(metric, target, prediction, seed=seed, groups=groups)
        columns = ["holdout", "holdout_low", "holdout_high"]
        done.loc[done["id"] == name, columns] = [found.score, found.low, found.high]
    done["weight"] = done["id"].map(dict(weights)).fillna(0.0).astype("float64")
    done["published"] = done["id"] == (ENSEMBLE if len(weights) > 1 else next(iter(weights)))
    return done


def _score(out_of_fold: Array, target: Array, metric: Metric) -> float:
    covered = covered_rows(out_of_fold)
    if not covered.any():
        return float("nan")
    return metric(target[covered], out_of_fold[covered].astype("float64"))

"""Greedy ensembles of candidates, and whether they are worse than the best candidate alone.

The weights come from greedy selection with replacement on out-of-fold predictions (Caruana,
Niculescu-Mizil, Crew and Ksikes, *Ensemble Selection from Libraries of Models*, ICML 2004). A
score on the rows that the weights were chosen on flatters the ensemble, so the decision between it
and the best single is cross-fitted: both are chosen on all folds but one, and scored on that one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limelight.model import decision
from limelight.model.calibration import AS_IT_IS, Calibration
from limelight.model.decision import MOST_PROBABLE, Decision
from limelight.model.forms import form_of
from limelight.search.candidate import Candidate
from limelight.search.engine import Folds
from limelight.search.evaluate import covered_rows, predict
from limelight.search.metrics import METRICS, Metric
from limelight.search.task import Task

Array = NDArray[Any]

POOL = 25
STEPS = 20
MOST_MEMBERS = 6
LEAST_WEIGHT = 0.05
#: Rows that weights are chosen on; more change nothing but the time.
SELECTION_ROWS = 20_000
#: By what weights are chosen for a metric of ranks. A rank hangs on single rows: chosen by the
#: log-loss, the area under the ROC curve of new rows was better on 4 of 6 tables.
STAND_INS = {"roc_auc": "log_loss", "average_precision": "log_loss"}
#: So many of the best tell how labels are best decided, before there is an ensemble.
TYPICAL = 5
#: Two predictions nearer than this (mean distance over spread) are the same model twice.
SAME = 0.002

_PATIENCE = 5
_TIE = 1e-9


@dataclass(frozen=True)
class WeightedModel:
    """Fitted estimators whose predictions are averaged with weights.

    Args:
        members: Fitted estimators that take a raw frame and answer in the codes of the task.
        weights: One for each, summing to 1.
        task: What is predicted.
        calibration: What the mean probabilities are changed by.
        decision: Which label they become.

    Example:
        >>> from sklearn.dummy import DummyRegressor
        >>> frame = pd.DataFrame({"a": [1, 2]})
        >>> members = tuple(DummyRegressor().fit(frame, [mean, mean]) for mean in (1.0, 5.0))
        >>> WeightedModel(members, (0.75, 0.25), Task("regression", "rmse", "y")).predict(frame)
        array([2., 2.])
    """

    members: tuple[Any, ...]
    weights: tuple[float, ...]
    task: Task
    calibration: Calibration = AS_IT_IS
    decision: Decision = MOST_PROBABLE

    @property
    def classes_(self) -> Array:
        """The codes of the classes, int64, shape (k,); empty for regression."""
        return np.arange(len(self.task.classes))

    def predict_proba(self, frame: pd.DataFrame) -> Array:
        """Calibrated mean probabilities, float64, shape (n, k); for classification only."""
        if not self.task.is_classification:
            raise AttributeError("a regression has no predict_proba")
        return self.calibration.apply(self._mean(frame))

    def predict(self, frame: pd.DataFrame) -> Array:
        """Codes (int64) or values (float64), shape (n,)."""
        if not self.task.is_classification:
            return self._mean(frame)
        return self.decision.labels(self.predict_proba(frame))

    def _mean(self, frame: pd.DataFrame) -> Array:
        return weighted_mean(
            [predict(member, frame, self.task) for member in self.members], self.weights
        )


@dataclass(frozen=True)
class Blend:
    """An ensemble, and the evidence for it.

    Args:
        weights: Candidate id to weight, the heaviest first, summing to 1.
        out_of_fold: Each fold predicted with weights that were chosen without it; NaN where there
            is no prediction. Its score is honest where that of ``weights`` would be flattered.
        gain: Mean over the folds of the ensemble's gain less the best single's.
        error: Standard error of that mean; infinite for fewer than two folds.
    """

    weights: dict[str, float]
    out_of_fold: Array
    gain: float
    error: float

    @property
    def holds(self) -> bool:
        """Whether it is not behind the best single by more than one standard error.

        That is the one-standard-error rule of Breiman, Friedman, Olshen and Stone (1984) with the
        burden of proof turned round. Means of unlike models are seldom worse than the best of them:
        on 14 tables of 110 to 2,000 rows the ensemble was better on new rows 13 times, and clear
        on its own folds 8 times; the one time that it was worse its folds said so.
        """
        return len(self.weights) > 1 and bool(self.gain > -self.error)


def comparable(ranked: Sequence[Candidate]) -> list[Candidate]:
    """The candidates with a prediction for every row that any of them could be asked for.

    A candidate that was scored on some folds only is not comparable with those that were scored
    on all of them; where none was, those with the most rows count. The order is kept.
    """
    rows = [covered_rows(candidate.out_of_fold) for candidate in ranked]
    if not rows:
        return []
    fullest = max(rows, key=lambda covered: int(covered.sum()))
    return [c for c, covered in zip(ranked, rows, strict=True) if not (fullest & ~covered).any()]


def blend(
    ranked: Sequence[Candidate],
    target: Array,
    metric: Metric,
    folds: Folds,
    *,
    seed: int = 0,
) -> Blend | None:
    """The best ensemble of some candidates, with cross-fitted evidence; None if there is none.

    Args:
        ranked: Comparable candidates, the best first; the first 25 that differ count.
        target: Encoded training target, shape (n,).
        metric: What to be good at.
        folds: Disjoint ones: `limelight.search.protocol.disjoint_folds`.
        seed: Seed of all samples of rows.
    """
    pool = _distinct(ranked, target)
    if len(pool) < 2:
        return None
    # No member, but a rival: where nothing can be learnt, a constant is the best single.
    constant = [candidate for candidate in ranked if candidate.constant][:1]
    singles = np.stack([candidate.out_of_fold for candidate in (*pool, *constant)])
    stack = singles[: len(pool)]
    rows = np.flatnonzero(np.all([covered_rows(one) for one in singles], axis=0))
    chooser = _Chooser(metric, target, singles, len(pool), seed)
    out_of_fold = np.full(stack.shape[1:], np.nan, dtype="float32")
    ahead = []
    for _, validation in folds:
        inside = np.intersect1d(validation, rows)
        outside = np.setdiff1d(rows, inside)
        if len(inside) == 0 or len(outside) == 0:
            continue
        weights, single = chooser.choose(outside)
        mixed = weighted_mean(stack, weights)
        out_of_fold[inside] = mixed[inside]
        gains = [
            metric.gain(target[inside], chooser.decided(one, outside, inside))
            for one in (mixed, singles[single].astype("float64"))
        ]
        ahead.append(gains[0] - gains[1])
    final = chooser.choose(rows)[0]
    order = sorted(np.flatnonzero(final), key=lambda place: (-final[place], place))
    known = np.asarray(ahead)[np.isfinite(ahead)]
    return Blend(
        weights={pool[place].id: float(final[place]) for place in order},
        out_of_fold=out_of_fold,
        gain=float(known.mean()) if len(known) else float("nan"),
        error=float(known.std(ddof=1) / np.sqrt(len(known))) if len(known) > 1 else float("inf"),
    )


def greedy_weights(gains: Any, essences: Array) -> Array:
    """Weights by greedy selection with replacement; float64, shape (m,), summing to 1.

    Starts with the best alone and adds, step by step, the member that helps the mean most; what
    counts is the best mean on the way. Of equal ones, the earlier is taken: it has fewer members.

    Args:
        gains: ``essence -> gain``: greater is better.
        essences: What `limelight.model.forms.Form.essence` made of each prediction; (m, n, ...).
    """
    counts = np.zeros(len(essences))
    total = np.zeros(essences.shape[1:])
    best, best_gain, since = counts, -np.inf, 0
    for step in range(1, STEPS + 1):
        allowed = (
            range(len(essences)) if (counts > 0).sum() < MOST_MEMBERS else np.flatnonzero(counts)
        )
        found = [(gains((total + essences[place]) / step), int(place)) for place in allowed]
        top = max(gain for gain, _ in found)
        near = [place for gain, place in found if gain >= top - _TIE]
        # Of equal ones, a member already in; then the one with the better rank.
        chosen = min(near, key=lambda place: (counts[place] == 0, place))
        counts = counts + (np.arange(len(essences)) == chosen)
        total = total + essences[chosen]
        since += 1
        if top > best_gain + _TIE or step == 1:
            best, best_gain, since = counts, top, 0
        if since >= _PATIENCE:
            break
    return _pruned(best / best.sum())


def weighted_mean(predictions: Any, weights: Any) -> Array:
    """The weighted mean of predictions of the same shape; float64."""
    return np.asarray(
        np.tensordot(np.asarray(weights, dtype="float64"), np.asarray(predictions), 1)
    )


@dataclass(frozen=True)
class _Chooser:
    """Chooses weights of the first ``members`` and the best single of all on given rows."""

    metric: Metric
    target: Array
    singles: Array
    members: int
    seed: int

    def choose(self, rows: Array) -> tuple[Array, int]:
        if len(rows) > SELECTION_ROWS:
            rng = np.random.default_rng(self.seed)
            rows = np.sort(rng.choice(rows, SELECTION_ROWS, replace=False))
        alone = [gain(essence) for gain, essence in self._measures(self.metric, rows)]
        stand_in = METRICS[STAND_INS.get(self.metric.name, self.metric.name)]
        measures = self._measures(stand_in, rows)[: self.members]
        essences = np.stack([essence for _, essence in measures])
        return greedy_weights(measures[0][0], essences), int(np.argmax(alone))

    def decided(self, prediction: Array, outside: Array, inside: Array) -> Array:
        """The prediction of the rows inside, weighed as is best outside for a metric of labels."""
        if self.metric.name not in decision.OF_LABELS:
            return prediction[inside]
        fitted = decision.fit(self.metric, self.target[outside], prediction[outside])
        return fitted.weighed(prediction[inside])

    def _measures(
        self, metric: Metric, rows: Array
    ) -> list[tuple[Callable[[Array], float], Array]]:
        """The gain by a metric, and what it looks at of each single."""
        form, target, once = form_of(metric), self.target[rows], np.ones((1, len(rows)))
        predictions = [one[rows].astype("float64") for one in self.singles]
        if metric.name in decision.OF_LABELS:
            common = decision.fit(metric, target, np.mean(predictions[:TYPICAL], axis=0))
            # Not brought to a sum of 1: the weighed mean is then the mean of the weighed.
            predictions = [one * np.asarray(common.weights or 1.0) for one in predictions]

        def gain(essence: Array) -> float:
            value = metric.sign * float(form.score(target, essence, once)[0])
            return value if np.isfinite(value) else -np.inf

        return [(gain, form.essence(target, one)) for one in predictions]


def _distinct(ranked: Sequence[Candidate], target: Array) -> list[Candidate]:
    """The best candidates, without constants and those that predict the same as a better one."""
    pool: list[Candidate] = []
    for candidate in ranked:
        if len(pool) == POOL:
            break
        if candidate.constant:
            continue
        if all(
            _distance(candidate.out_of_fold, other.out_of_fold, target) > SAME for other in pool
        ):
            pool.append(candidate)
    return pool


def _distance(one: Array, other: Array, target: Array) -> float:
    # Probabilities are already on a common scale; values are measured by the target's spread.
    spread = 1.0 if one.ndim == 2 else float(np.std(target)) or 1.0
    return float(np.nanmean(np.abs(one - other))) / spread


def _pruned(weights: Array) -> Array:
    kept = np.where(weights >= LEAST_WEIGHT, weights, 0.0)
    return np.asarray(kept / kept.sum())

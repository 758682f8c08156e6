"""How sure a score is, and whether one model is better than another: the bootstrap.

Rows are drawn with replacement, within each class for classification; the percentiles of the
scores on the samples make the interval (Efron and Tibshirani, *An Introduction to the Bootstrap*,
1993, chapters 13 and 16). Two models are compared on the same samples, so that rows that are hard
for both cancel out. Where rows belong together, whole groups are drawn (the cluster bootstrap:
Davison and Hinkley, *Bootstrap Methods and their Application*, 1997, section 3.8): a hundred rows
of one patient tell less than a hundred patients.

On many rows a part of them is drawn from, and the spread of its scores is brought to that of all
rows by the square root of its share, as the error of a score falls (the m out of n bootstrap:
Bickel, Goetze and van Zwet, "Resampling fewer than n observations", Statistica Sinica 7, 1997).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limelight.model.forms import form_of
from limelight.search.evaluate import covered_rows
from limelight.search.metrics import Metric

Array = NDArray[Any]

LEVEL = 0.95
MOST_RESAMPLES = 1000
FEWEST_RESAMPLES = 100
#: Drawn rows, over all samples and predictions, that take about a second.
MOST_DRAWS = 1e8
#: From so many rows, and so many of each class, the spread of a score is told closely enough.
ENOUGH_ROWS, ENOUGH_OF_A_CLASS = 40_000, 1_000
_DRAWS_AT_ONCE = 500_000


@dataclass(frozen=True)
class Interval:
    """A score in the metric's own units, with its 95% interval."""

    score: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """How much better the first of two models is than the second, on the same rows.

    Args:
        first, second: Their names.
        rows: Which rows: ``"out-of-fold"`` or ``"holdout"``.
        difference: Gain of the first less gain of the second: positive where the first is better,
            whether the metric is to be large or small.
        low, high: 95% interval of the difference.
        probability: Share of the bootstrap samples on which the first is better; ties count half.
    """

    first: str
    second: str
    rows: str
    difference: float
    low: float
    high: float
    probability: float

    def __str__(self) -> str:
        better = "better" if self.difference >= 0 else "worse"
        sure = (
            f"95% interval {self.low:.4g} to {self.high:.4g}; better in {self.probability:.0%} of"
            " the samples"
            if np.isfinite(self.low)
            else "one group of rows: how sure that is cannot be told"
        )
        return (
            f"{self.first} is {abs(self.difference):.4g} {better} than {self.second} on the"
            f" {self.rows} rows ({sure})"
        )


def bootstrap_scores(
    metric: Metric,
    target: Array,
    predictions: Sequence[Array],
    *,
    seed: int = 0,
    groups: Array | None = None,
) -> Array:
    """The scores of predictions on the same bootstrap samples.

    Args:
        metric: The metric.
        target: Codes or values, shape (n,).
        predictions: Each (n,) or (n, k); rows with NaN are left out of its scores.
        seed: Seed of the samples.
        groups: Codes of rows that are drawn together, shape (n,); or None.

    Returns:
        float64, shape (samples, predictions), in the metric's own units. There are 1,000 samples,
        fewer for many or long predictions, and never under 100.
    """
    strata = target if "regression" not in metric.problems else np.zeros(len(target), dtype=int)
    part, ratio = _enough(strata, groups, seed)
    if len(part) == len(target):
        return _drawn_scores(metric, target, predictions, strata, seed, groups)
    some = [prediction[part] for prediction in predictions]
    together = None if groups is None else groups[part]
    drawn = _drawn_scores(metric, target[part], some, strata[part], seed, together)
    of_all = [_score(metric, target, prediction) for prediction in predictions]
    of_part = [_score(metric, target[part], prediction) for prediction in some]
    return np.asarray(np.asarray(of_all) + (drawn - np.asarray(of_part)) * ratio)


def _drawn_scores(
    metric: Metric,
    target: Array,
    predictions: Sequence[Array],
    strata: Array,
    seed: int,
    groups: Array | None,
) -> Array:
    form = form_of(metric)
    rows = [np.flatnonzero(covered_rows(prediction)) for prediction in predictions]
    essences = [
        form.essence(target[kept], prediction[kept].astype("float64"))
        for kept, prediction in zip(rows, predictions, strict=True)
    ]
    draws = max(1, len(target) * len(predictions))
    amount = int(np.clip(MOST_DRAWS / draws, FEWEST_RESAMPLES, MOST_RESAMPLES))
    if groups is not None and len(np.unique(groups)) < 2:
        # What another group would give is not known at all.
        return np.full((1, len(predictions)), np.nan)
    blocks = []
    drawn = _samples(strata, amount, seed) if groups is None else _clusters(groups, amount, seed)
    for counts in drawn:
        scores = [
            form.score(target[kept], essence, _columns(counts, kept))
            for kept, essence in zip(rows, essences, strict=True)
        ]
        blocks.append(np.stack(scores, axis=1))
    return np.concatenate(blocks)


def bootstrap_interval(
    metric: Metric,
    target: Array,
    prediction: Array,
    *,
    seed: int = 0,
    groups: Array | None = None,
) -> Interval:
    """The score of a prediction and its 95% interval; NaN where there are no rows.

    Example:
        >>> from limelight.search.metrics import METRICS
        >>> target = np.array([0, 1] * 50)
        >>> sure = np.stack([1 - target, target], axis=1) * 0.8 + 0.1
        >>> bootstrap_interval(METRICS["roc_auc"], target, sure)
        Interval(score=1.0, low=1.0, high=1.0)
    """
    kept = covered_rows(prediction)
    if not kept.any():
        return Interval(float("nan"), float("nan"), float("nan"))
    scores = bootstrap_scores(metric, target, [prediction], seed=seed, groups=groups)[:, 0]
    score = metric(target[kept], prediction[kept].astype("float64"))
    return Interval(score, *percentiles(scores))


def compare(
    metric: Metric,
    target: Array,
    first: tuple[str, Array],
    second: tuple[str, Array],
    *,
    rows: str,
    seed: int = 0,
    groups: Array | None = None,
) -> Comparison:
    """Compare two named predictions of the same rows by a paired bootstrap.

    Args:
        metric: The metric.
        target: Codes or values, shape (n,).
        first, second: Name and prediction; rows that one of them lacks are left out.
        rows: What to call the rows.
        seed: Seed of the samples.
        groups: Codes of rows that are drawn together, shape (n,); or None.
    """
    both = covered_rows(first[1]) & covered_rows(second[1])
    target, one, two = target[both], first[1][both], second[1][both]
    if not both.any():
        nan = float("nan")
        return Comparison(first[0], second[0], rows, nan, nan, nan, nan)
    together = None if groups is None else groups[both]
    scores = metric.sign * bootstrap_scores(metric, target, [one, two], seed=seed, groups=together)
    ahead = scores[:, 0] - scores[:, 1]
    gap = metric.gain(target, one.astype("float64")) - metric.gain(target, two.astype("float64"))
    ahead = ahead[np.isfinite(ahead)]
    won = np.sign(ahead) / 2 + 0.5
    probability = float(won.mean()) if len(won) else float("nan")
    return Comparison(first[0], second[0], rows, gap, *percentiles(ahead), probability)


def percentiles(samples: Array) -> tuple[float, float]:
    """The ends of the 95% interval of bootstrap samples; NaN samples are left out."""
    finite = samples[np.isfinite(samples)]
    if len(finite) == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(finite, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _score(metric: Metric, target: Array, prediction: Array) -> float:
    kept = covered_rows(prediction)
    return metric(target[kept], prediction[kept].astype("float64")) if kept.any() else float("nan")


def _enough(strata: Array, groups: Array | None, seed: int) -> tuple[Array, float]:
    """Rows to draw from, and the error of a score on all rows in terms of that on these."""
    rows = np.arange(len(strata))
    rarest = int(np.unique(strata, return_counts=True)[1].min()) if len(strata) else 0
    share = max(ENOUGH_ROWS / max(1, len(rows)), ENOUGH_OF_A_CLASS / max(1, rarest))
    if share >= 1:
        return rows, 1.0
    rng = np.random.default_rng(seed)
    if groups is not None:
        distinct = np.unique(groups)
        kept = rng.choice(distinct, max(2, round(share * len(distinct))), replace=False)
        return np.flatnonzero(np.isin(groups, kept)), float(np.sqrt(len(kept) / len(distinct)))
    parts = [np.flatnonzero(strata == stratum) for stratum in np.unique(strata)]
    some = [rng.choice(part, round(share * len(part)), replace=False) for part in parts]
    chosen = np.sort(np.concatenate(some))
    return chosen, float(np.sqrt(len(chosen) / len(rows)))


def _columns(counts: Array, kept: Array) -> Array:
    return counts if len(kept) == counts.shape[1] else counts[:, kept]


def _samples(strata: Array, amount: int, seed: int) -> Iterator[Array]:
    """Counts of the rows in bootstrap samples: float64 blocks of shape (some, n)."""
    rng = np.random.default_rng(seed)
    groups = [np.flatnonzero(strata == stratum) for stratum in np.unique(strata)]
    at_once = max(1, _DRAWS_AT_ONCE // max(1, len(strata)))
    for start in range(0, amount, at_once):
        size = min(at_once, amount - start)
        counts = np.empty((size, len(strata)))
        for group in groups:
            drawn = rng.integers(len(group), size=(size, len(group)))
            drawn += np.arange(size)[:, None] * len(group)
            counts[:, group] = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape)
        yield counts


def _clusters(groups: Array, amount: int, seed: int) -> Iterator[Array]:
    """As `_samples`, of whole groups; a sample may be without a class, and then has no score."""
    rng = np.random.default_rng(seed)
    _, place = np.unique(groups, return_inverse=True)
    many = int(place.max()) + 1
    at_once = max(1, _DRAWS_AT_ONCE // len(groups))
    for start in range(0, amount, at_once):
        size = min(at_once, amount - start)
        yield rng.multinomial(many, np.full(many, 1 / many), size=size)[:, place].astype("float64")

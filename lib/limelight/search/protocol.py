"""How often each training row is predicted by models that did not see it.

Everybody's rule is five folds. A few hundred rows give scores that are mostly noise, and cost
little: they are dealt into folds several times. Tens of thousands of rows give scores that are
sharp already, and one fold more costs minutes: fewer folds are validated there, so that more
models can be tried (Feurer et al., *Auto-sklearn 2.0*, JMLR 2022, choose between cross-validation
and a holdout for the same reason).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLDS = 5
#: Seconds of a usual fit of the portfolio on one core: fixed, and per cell. Boosted trees grow one
#: for each class, smaller ones: the time grows with this power of the classes.
_FIT_SECONDS, _SECONDS_PER_CELL, _POWER_OF_OUTPUTS = 0.15, 4e-6, 0.75
#: So many models are what a search should get to score in its time.
_MODELS = 8
#: Repeats may take this share of the time for that, as networks are slower.
_SHARE_OF_REPEATS = 1 / 3
#: Rows times repeats, and most repeats.
_ENOUGH_PREDICTIONS, _MOST_REPEATS = 1500, 4
#: Where so many rows are in one fold, that fold alone tells models apart.
_ENOUGH_IN_ONE = 15_000
#: Models are not told apart on fewer training rows than these where there are more.
_LEAST_SAMPLE = 50_000
#: All rows of a class that has no more are in a sample.
_RARE = 2_000
_PARTS = 5

Positions = NDArray[np.int64]
Folds = list[tuple[Positions, Positions]]


@dataclass(frozen=True)
class Protocol:
    """How candidates are scored.

    Args:
        repeats: How often all rows are dealt into folds anew; predictions are averaged.
        folds: How many of the five folds are validated; all of them if rows are dealt repeatedly.
        sample: Most training rows of a fold, and half as many to validate on; None for all.
    """

    repeats: int = 1
    folds: int = FOLDS
    sample: int | None = None

    def chosen(
        self, folds: Folds, *, in_time: bool = False, codes: NDArray[Any] | None = None
    ) -> Folds:
        """The folds that are validated.

        Args:
            folds: All folds of a split.
            in_time: Each fold looks ahead from those before it: the last have most to learn from.
            codes: Class of each training row; all rows of rare classes stay in a sample.
        """
        if self.repeats > 1:
            return folds
        used = folds[-self.folds :] if in_time else folds[: self.folds]
        if self.sample is None:
            return used
        return [
            (_some(train, self.sample, codes), _some(held, self.sample // 2, codes))
            for train, held in used
        ]


def protocol_for(rows: int, columns: int, outputs: int, seconds: float | None) -> Protocol:
    """The protocol for a table and the time there is.

    Args:
        rows: Training rows.
        columns: Of the raw frame.
        outputs: 1 for a value or two classes, else the number of classes.
        seconds: Of a search on one core; None for a budget of trials, which looks at no clock.

    Example:
        >>> protocol_for(400, 20, 1, seconds=90)
        Protocol(repeats=3, folds=5, sample=None)
        >>> protocol_for(5_000, 20, 1, seconds=90)
        Protocol(repeats=1, folds=5, sample=None)
        >>> protocol_for(40_000, 20, 1, seconds=90), protocol_for(40_000, 20, 1, seconds=900)
        (Protocol(repeats=1, folds=3, sample=None), Protocol(repeats=1, folds=5, sample=None))
        >>> protocol_for(1_000_000, 40, 1, seconds=60)
        Protocol(repeats=1, folds=1, sample=50000)
    """
    if seconds is None:
        return Protocol()
    cells = rows * (columns + 5) * outputs**_POWER_OF_OUTPUTS
    fit = _FIT_SECONDS + _SECONDS_PER_CELL * cells
    affordable = seconds / (_MODELS * fit)
    repeats = int(_SHARE_OF_REPEATS * affordable / FOLDS)
    wanted = min(_MOST_REPEATS, _ENOUGH_PREDICTIONS // max(rows, 1))
    least = 1 if rows // FOLDS >= _ENOUGH_IN_ONE else 2
    sample = None
    if affordable < least and rows > _LEAST_SAMPLE:
        sample = max(_LEAST_SAMPLE, round(rows * affordable / least))
    return Protocol(
        repeats=max(1, min(repeats, wanted)),
        folds=max(least, min(FOLDS, round(affordable))),
        sample=sample,
    )


def _some(positions: Positions, most: int, codes: NDArray[Any] | None) -> Positions:
    """About so many of some positions, the same ones each time, with all of rare classes."""
    if len(positions) <= most:
        return positions
    chosen = np.zeros(len(positions), dtype=bool)
    chosen[np.random.default_rng(0).choice(len(positions), most, replace=False)] = True
    if codes is not None:
        given = codes[positions]
        chosen |= np.bincount(given)[given] <= _RARE
    return positions[chosen]


def disjoint_folds(
    folds: Sequence[tuple[Positions, Positions]], groups: NDArray[Any] | None = None
) -> Folds:
    """The validated rows in folds that have no row in common, to cross-fit on predictions.

    They are the first deal of folds; where these are fewer than three, the validated rows are
    dealt into five parts instead. Training positions are the rows of the other parts.

    Args:
        folds: (training, validation) row positions; repeated folds follow the first ones.
        groups: Codes of rows that belong together, which stay together; None where none do.

    Example:
        >>> every = np.arange(6)
        >>> one = [(every[3:], every[:3]), (every[:3], every[3:])]
        >>> [part.tolist() for _, part in disjoint_folds(one)]
        [[0, 5], [1], [2], [3], [4]]
    """
    parts: list[Positions] = []
    for _, validation in folds:
        if any(np.intersect1d(part, validation).size for part in parts):
            break
        parts.append(validation)
    rows = np.sort(np.concatenate(parts))
    if len(parts) < 3:
        dealt_by = (
            np.arange(len(rows))
            if groups is None
            else np.unique(groups[rows], return_inverse=True)[1]
        )
        dealt = (rows[dealt_by % _PARTS == place] for place in range(_PARTS))
        parts = [part for part in dealt if len(part)]
    return [(np.setdiff1d(rows, part), part) for part in parts]

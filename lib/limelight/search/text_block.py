"""A column of free text as numbers: its topics, and what its words say of the target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold

from limelight.search.columns import FrameReader, Texts
from limelight.search.number_block import Reader
from limelight.search.target_means import outputs_of
from limelight.search.text import MOST_TEXTS, TextNumbers

Array = NDArray[Any]

#: A text's words have a length of 1; shrinks the weight of words that few texts have.
SHRINKAGE = 2.0
_SPLITS = 5


class TextTopics(Reader):
    """A column of free text, as `limelight.search.text.TextNumbers` describes it."""

    def __init__(self, texts: Texts, frame: FrameReader) -> None:
        self.texts = texts
        self.numbers = TextNumbers().fit(frame.levels(texts).texts)
        self.names = [f"{texts.name}: {name}" for name in self.numbers.names_]

    def read(self, frame: FrameReader) -> Sequence[Array]:
        return list(frame.looked_up(self.texts, self, self._of_texts).T)

    def _of_texts(self, texts: list[str]) -> Array:
        return self.numbers.transform(texts)


class TextVerdicts(TextTopics):
    """Topics, and what a ridge regression on all words makes of each text.

    A few topics lose the rare word that decides; trees cannot look at ten thousand words. Rows that
    it is fitted on get what was learnt of the other four fifths, as with
    `limelight.search.target_means.TargetMeans` (stacking: Wolpert, *Stacked generalization*, 1992).

    Args:
        texts: The column; its texts differ in nearly every row.
        frame: What the encoder is fitted on.
        outputs: Its target as of `limelight.search.target_means.outputs_of`, shape (n, k).
    """

    def __init__(self, texts: Texts, frame: FrameReader, outputs: Array) -> None:
        super().__init__(texts, frame)
        self.names += [f"{texts.name}: verdict {place + 1}" for place in range(outputs.shape[1])]
        levels = frame.levels(texts)
        weighed = self.numbers.weighed(levels.texts)
        rows = np.flatnonzero(levels.codes >= 0)
        self.mean = outputs[rows].mean(axis=0)
        self.weights = _learnt(weighed[levels.codes[rows]], outputs[rows] - self.mean)

    def read_training(self, frame: FrameReader, target: Any) -> Sequence[Array]:
        outputs = outputs_of(target)
        assert outputs is not None, "it was fitted on a target that has outputs"
        verdicts = frame.once(self, lambda: self._cross_fitted(frame, outputs))
        return [*list(self.read(frame))[: -outputs.shape[1]], *verdicts.T]

    def _cross_fitted(self, frame: FrameReader, outputs: Array) -> Array:
        codes, texts = frame.levels(self.texts)
        weighed = self.numbers.weighed(texts)
        rows = np.flatnonzero(codes >= 0)
        verdicts = np.full(outputs.shape, np.nan)
        for others, held in KFold(_SPLITS, shuffle=True, random_state=0).split(rows):
            known, asked = rows[others], rows[held]
            weights = _learnt(weighed[codes[known]], outputs[known] - self.mean)
            verdicts[asked] = self.mean + weighed[codes[asked]] @ weights
        return np.round(verdicts, 5)

    def _of_texts(self, texts: list[str]) -> Array:
        weighed = self.numbers.weighed(texts)
        verdicts = np.round(self.mean + weighed @ self.weights, 5)
        return np.hstack([self.numbers.described(texts, weighed), verdicts])


def _learnt(weighed: Any, outputs: Array) -> Array:
    """The weights of words, shape (words, k), from at most so many texts as words are learnt of."""
    step = -(-weighed.shape[0] // MOST_TEXTS)
    # No intercept: it would differ between the fifths, and tell which of them a row is in.
    ridge = Ridge(SHRINKAGE, fit_intercept=False, solver="sparse_cg", random_state=0)
    coefficients = ridge.fit(weighed[::step], outputs[::step]).coef_
    return np.asarray(np.atleast_2d(coefficients).T, dtype="float64")

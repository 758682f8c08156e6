"""Free text as a few dense numbers: what it is about, how long it is and what it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

Array = NDArray[Any]

#: So many numbers describe what a text is about; fewer where there are few texts to learn from.
MOST_TOPICS = 30
TEXTS_A_TOPIC = 15
#: Words and their parts are learnt from so many texts; more say little more.
MOST_TEXTS = 10_000
MOST_WORDS = 10_000
#: Of texts up to this mean length parts of words count too: names and titles have few words.
SHORT = 60
#: All texts together are cut to about so many characters: they are read in every fold.
MOST_CHARACTERS = 10_000_000
#: Numbers are told apart from noise where chance alone would show as much this rarely.
SURE = 0.001


class TextNumbers(BaseEstimator):  # type: ignore[misc]
    """Texts as topics (latent semantic analysis) and counts of characters and words.

    Words, pairs of words and, of short texts, parts of words weigh the more the fewer texts have
    them; the topics are the directions in which texts differ most (Deerwester et al., *Indexing by
    latent semantic analysis*, 1990).

    Args:
        topics: The most topics there may be.
        seed: Seed of the random start of the decomposition.

    Attributes:
        names_: What each number is.

    Example:
        >>> texts = [f"a {size} {kind} no {number}" for size in ("large", "small", "tiny")
        ...     for kind in ("red house", "blue boat") for number in range(20)]
        >>> numbers = TextNumbers(topics=2).fit(texts)
        >>> numbers.names_
        ['topic 1', 'topic 2', 'characters', 'digits']
        >>> numbers.transform(texts).shape
        (120, 4)
    """

    def __init__(self, topics: int = MOST_TOPICS, seed: int = 0) -> None:
        self.topics = topics
        self.seed = seed

    def fit(self, texts: Sequence[str]) -> Self:
        """Learn words and topics from different texts, shape (m,)."""
        lengths = np.fromiter(map(len, texts), dtype="int64", count=len(texts))
        self.cut_ = max(200, MOST_CHARACTERS // max(1, len(texts)))
        some = [text[: self.cut_] for text in _spread(texts, MOST_TEXTS)]
        self.vectorizers_ = [
            vectorizer
            for vectorizer in _vectorizers(len(some), parts=float(lengths.mean()) <= SHORT)
            if _has_words(vectorizer, some)
        ]
        self.decomposition_ = self._decomposed(some)
        counted = _counts([text[: self.cut_] for text in texts])
        self.counted_ = [name for name, values in counted.items() if np.ptp(values) > 0]
        topics = 0 if self.decomposition_ is None else len(self.decomposition_.components_)
        self.names_ = [f"topic {number + 1}" for number in range(topics)] + self.counted_
        return self

    def transform(self, texts: Sequence[str]) -> Array:
        """The numbers of texts, float32, shape (m, len(names_))."""
        return self.described(texts, self.weighed(texts))

    def weighed(self, texts: Sequence[str]) -> Any:
        """The weights of the words, sparse, shape (m, words); no columns where there are none."""
        from scipy.sparse import csr_matrix, hstack

        if not self.vectorizers_ or not len(texts):
            words = sum(len(one.vocabulary_) for one in self.vectorizers_)
            return csr_matrix((len(texts), words), dtype="float32")
        cut = [text[: self.cut_] for text in texts]
        return hstack([one.transform(cut) for one in self.vectorizers_], format="csr")

    def described(self, texts: Sequence[str], weighed: Any) -> Array:
        """As `transform`, for texts whose words are weighed already."""
        counted = _counts([text[: self.cut_] for text in texts])
        columns = np.zeros((len(texts), len(self.names_)), dtype="float32")
        if self.decomposition_ is not None and len(texts):
            topics = self.decomposition_.transform(weighed)
            # The last digits depend on the machine.
            columns[:, : topics.shape[1]] = np.round(topics, 5)
        for place, name in enumerate(self.counted_, len(self.names_) - len(self.counted_)):
            columns[:, place] = counted[name]
        return columns

    def _decomposed(self, texts: list[str]) -> Any:
        from sklearn.decomposition import TruncatedSVD

        if not self.vectorizers_:
            return None
        weighed = self.weighed(texts)
        topics = min(self.topics, max(2, len(texts) // TEXTS_A_TOPIC), weighed.shape[1] - 1)
        if topics < 1:
            return None
        return TruncatedSVD(topics, n_iter=3, random_state=self.seed).fit(weighed)


def _vectorizers(texts: int, *, parts: bool) -> list[Any]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    common: dict[str, Any] = {
        "min_df": max(2, texts // 2000),
        "max_df": 0.95,
        "max_features": MOST_WORDS,
        "sublinear_tf": True,
        "dtype": np.float32,
    }
    words = TfidfVectorizer(**common, token_pattern=r"(?u)\b\w+\b", ngram_range=(1, 2))
    if not parts:
        return [words]
    return [words, TfidfVectorizer(**common, analyzer="char_wb", ngram_range=(2, 4))]


def _has_words(vectorizer: Any, texts: list[str]) -> bool:
    """Fit it; False where no word comes often enough."""
    try:
        vectorizer.fit(texts)
    except ValueError:  # "After pruning, no terms remain", or there are only stop words
        return False
    return True


def _spread(texts: Sequence[str], most: int) -> list[str]:
    """So many texts, evenly over all."""
    return list(texts[:: -(-len(texts) // most)]) if len(texts) > most else list(texts)


def _counts(texts: list[str]) -> dict[str, Array]:
    """How long the texts are, and what share of them is digits, capitals and signs."""
    column = pd.Series(texts, dtype="str")
    length = column.str.len().to_numpy(dtype="float64")
    words = column.str.count(r"\s+").to_numpy(dtype="float64") + 1
    full = np.maximum(length, 1)
    return {
        "characters": np.log1p(length),
        "words": np.log1p(words),
        "digits": column.str.count(r"[0-9]").to_numpy(dtype="float64") / full,
        "capitals": column.str.count(r"[A-Z]").to_numpy(dtype="float64") / full,
        "signs": column.str.count(r"[^\w\s]").to_numpy(dtype="float64") / full,
    }


def tells(values: Array, target: Array) -> bool:
    """Whether any of some columns of numbers has to do with the target, by their ranks.

    Args:
        values: Shape (n, k); NaN counts as zero.
        target: Codes of classes (whole numbers or labels), or values (floats); shape (n,).

    Example:
        >>> rng = np.random.default_rng(0)
        >>> values = rng.normal(size=(500, 3))
        >>> tells(values, rng.normal(size=500)), tells(values, values[:, 1] + rng.normal(size=500))
        (False, True)
    """
    from scipy.stats import rankdata
    from sklearn.feature_selection import f_classif, f_regression

    step = -(-len(target) // MOST_TEXTS)
    some, shown = np.nan_to_num(values[::step]), np.asarray(target)[::step]
    some = some[:, np.ptp(some, axis=0) > 0]
    if not some.shape[1] or len(np.unique(shown)) < 2:
        return False
    if np.issubdtype(shown.dtype, np.floating):
        chances = f_regression(some, rankdata(shown))[1]
    else:
        chances = f_classif(some, shown)[1]
    return bool(np.nanmin(chances, initial=1.0) * some.shape[1] < SURE)

"""What a search leaves: trials (every attempt) and candidates (the ones that can be used)."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from numpy.typing import NDArray

Outcome = Literal["ok", "pruned", "failed", "timeout"]


@dataclass(frozen=True)
class Trial:
    """One attempt of a search, whatever came of it.

    Args:
        engine: Name of the engine.
        search: Number of the search among those of the engine.
        number: Number of the attempt within the search, from 0.
        description: What was tried, in a few words, e.g. ``"LGBMClassifier"``.
        parameters: Its parameters: JSON values only.
        outcome: ``"ok"``, ``"pruned"`` (cut early), ``"failed"`` or ``"timeout"``.
        score: The metric on the rows predicted out of fold, in its own units, or None.
        started: Seconds from the start of the search.
        wall_seconds, cpu_seconds: What it cost.
        error: The reason, for a failed attempt.
    """

    engine: str
    search: int
    number: int
    description: str
    parameters: dict[str, Any]
    outcome: Outcome
    score: float | None
    started: float
    wall_seconds: float
    cpu_seconds: float
    error: str = ""


@dataclass(frozen=True)
class Candidate:
    """A model recipe with the evidence for it.

    Args:
        id: Unique within a run, ``"<engine>-<search>/<number>"``, e.g. ``"tpot-0/12"``.
        engine, search, number, description, parameters: As in its `Trial`.
        pipeline: An unfitted scikit-learn estimator (`sklearn.base.clone` works) whose ``fit``
            takes the raw frame of features and the encoded target, and whose
            ``predict_proba`` (``predict`` for regression) takes a raw frame.
        out_of_fold: Predictions on the training rows by models that did not see them: float32,
            shape (n,) for regression, (n, k) for classes; NaN where no fold predicts the row.
        fold_scores: The metric on each fold, in its own units.
        score: The metric on all rows predicted out of fold, in its own units.
        fit_seconds: Foreseen seconds of one fit on all training rows, on one core.
        predict_seconds: Seconds to predict 1,000 rows.
        constant: Whether it predicts the same for all rows of a fold, in each fold.
    """

    id: str
    engine: str
    search: int
    number: int
    description: str
    parameters: dict[str, Any]
    pipeline: Any
    out_of_fold: NDArray[Any]
    fold_scores: tuple[float, ...]
    score: float
    fit_seconds: float
    predict_seconds: float
    constant: bool = False


@dataclass
class SearchResult:
    """The trials and candidates of one search, and what went wrong if it ended early.

    Args:
        engine, search: Whose result it is.
        pickled: The best candidates, a pickle each: who hands a result on needs none of the
            libraries of its models.
        trials: Every attempt.
        wall_seconds, peak_memory_mb: What it cost.
        failed: Empty for a search that ended as planned; else why it did not, in a sentence.
            Candidates found before that are kept.
    """

    engine: str
    search: int
    pickled: list[bytes] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    wall_seconds: float = 0.0
    peak_memory_mb: float = 0.0
    failed: str = ""

    @cached_property
    def candidates(self) -> list[Candidate]:
        """The candidates, best first by their trials; imports what they need."""
        return [pickle.loads(one) for one in self.pickled]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "candidates"}

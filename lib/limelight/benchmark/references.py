"""What a benchmark's scores are held against: a constant, and boosted trees as they come."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import make_pipeline

from limelight.benchmark.tasks import BenchmarkTask
from limelight.model.schema import Schema
from limelight.search.evaluate import predict
from limelight.search.features import FrameEncoder

Array = NDArray[Any]


class Reference(Protocol):
    """A model that is fitted when it is made."""

    #: What it is, in a line.
    about: str

    def __init__(self, task: BenchmarkTask, seed: int) -> None: ...

    def predict(self, rows: pd.DataFrame) -> Array:
        """Probabilities (n, k), or values (n,)."""


class Constant:
    """The frequencies of the classes, or the mean."""

    about = "frequencies of the classes, or the mean"

    def __init__(self, task: BenchmarkTask, seed: int) -> None:  # noqa: ARG002
        self.answer = task.floor

    def predict(self, rows: pd.DataFrame) -> Array:
        """Probabilities (n, k), or values (n,)."""
        return np.broadcast_to(self.answer, (len(rows), *self.answer.shape)).astype("float64")


class BoostedTrees:
    """scikit-learn's HistGradientBoosting as it comes, categories told as such; no search."""

    about = "HistGradientBoosting, defaults"

    def __init__(self, task: BenchmarkTask, seed: int) -> None:
        from sklearn.ensemble import HistGradientBoostingClassifier as Classifier
        from sklearn.ensemble import HistGradientBoostingRegressor as Regressor

        self.task = task.task
        frame = task.training_rows()
        target = self.task.encode(frame.pop(self.task.target))
        self.schema = Schema.of(frame)
        more: dict[str, Any] = {"categorical_features": "from_dtype", "random_state": seed}
        if self.task.is_classification and np.unique(target, return_counts=True)[1].min() < 2:
            # Its own early stopping needs two rows of every class.
            more["early_stopping"] = False
        model = (Classifier if self.task.is_classification else Regressor)(**more)
        self.model = make_pipeline(FrameEncoder("native"), model)
        self.model.fit(self.schema.normalise(frame), target)

    def predict(self, rows: pd.DataFrame) -> Array:
        """Probabilities (n, k), or values (n,)."""
        return predict(self.model, self.schema.normalise(rows), self.task)


REFERENCES: dict[str, type[Reference]] = {"constant": Constant, "hgb": BoostedTrees}

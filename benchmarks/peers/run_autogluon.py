"""AutoGluon's TabularPredictor with the preset that is asked for."""

from __future__ import annotations

import numpy as np
import pandas as pd
from autogluon.tabular import TabularPredictor

from benchmarks.peers.runner import Array, Request, aligned, main

_METRICS = {"rmse": "root_mean_squared_error"}


class AutoGluon:
    def __init__(self, request: Request, train: pd.DataFrame) -> None:
        self.request = request
        self.model = TabularPredictor(
            label=request.target,
            problem_type=request.problem,
            eval_metric=_METRICS.get(request.metric, request.metric),
            path="models",
        )
        self.model.fit(
            train,
            presets=request.options["preset"],
            time_limit=request.seconds,
            num_cpus=request.cores,
            num_gpus=0,
        )
        names = self.model.model_names()
        self.about = f"{self.model.model_best} of {len(names)} models"
        self.persisted = False

    def predict(self, rows: pd.DataFrame) -> Array:
        if not self.persisted:
            # As for a model in use: its parts stay in memory.
            self.model.persist("best")
            self.persisted = True
        if not self.request.is_classification:
            return np.asarray(self.model.predict(rows))
        probability = self.model.predict_proba(rows, as_multiclass=True)
        return aligned(probability, list(probability.columns), self.request.classes)


if __name__ == "__main__":
    main(AutoGluon, ["autogluon.tabular", "lightgbm", "xgboost", "catboost", "torch", "ray"])

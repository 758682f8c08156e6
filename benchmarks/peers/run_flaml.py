"""FLAML's AutoML with its default list of estimators."""

from __future__ import annotations

import numpy as np
import pandas as pd
from flaml import AutoML

from benchmarks.peers.runner import Array, Request, aligned, main


class Flaml:
    def __init__(self, request: Request, train: pd.DataFrame) -> None:
        self.request = request
        features = train.drop(columns=[request.target])
        self.model = AutoML()
        self.model.fit(
            self.prepared(features),
            train[request.target],
            task="classification" if request.is_classification else "regression",
            metric=request.metric,
            time_budget=request.seconds,
            n_jobs=request.cores,
            seed=request.seed,
            log_file_name="flaml.log",
            verbose=1,
        )
        if self.model.best_estimator is None or self.model.model is None:
            raise RuntimeError("no model in the time given")
        self.about = f"{self.model.best_estimator} {self.model.best_config}"

    def prepared(self, rows: pd.DataFrame) -> pd.DataFrame:
        return rows.astype(dict.fromkeys(self.request.categorical, "category"))

    def predict(self, rows: pd.DataFrame) -> Array:
        frame = self.prepared(rows)
        if not self.request.is_classification:
            return np.asarray(self.model.predict(frame))
        probability = self.model.predict_proba(frame)
        return aligned(probability, self.model.classes_, self.request.classes)


if __name__ == "__main__":
    main(Flaml, ["flaml", "lightgbm", "xgboost", "catboost"])

"""TPOT as its documentation has it: its own preprocessing for the features, codes for the labels.

``preprocessing=True`` imputes, and encodes the columns whose dtype is object. Labels have to be
integers, because some of its classifiers take nothing else. Metric, time, processes and seed are
given; the rest is as it comes.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import tpot

from benchmarks.peers.runner import Array, Request, aligned, certain, main

_SCORERS = {"log_loss": "neg_log_loss", "rmse": "neg_root_mean_squared_error"}


class Tpot:
    def __init__(self, request: Request, train: pd.DataFrame) -> None:
        self.request = request
        kind = tpot.TPOTClassifier if request.is_classification else tpot.TPOTRegressor
        self.model = kind(
            scorers=[_SCORERS.get(request.metric, request.metric)],
            scorers_weights=[1],
            preprocessing=True,
            max_time_mins=request.seconds / 60,
            n_jobs=request.cores,
            random_state=request.seed,
            verbose=1,
        )
        target = train[request.target].to_numpy()
        if request.is_classification:
            self.labels, target = np.unique(target.astype(str), return_inverse=True)
        self.model.fit(train.drop(columns=[request.target]), target)
        steps = [type(step).__name__ for _, step in self.model.fitted_pipeline_.steps]
        scores = self.model.evaluated_individuals[self.model.objective_names[0]]
        self.about = f"{' '.join(steps)}; {scores.notna().sum()} of {len(scores)} pipelines scored"

    def predict(self, rows: pd.DataFrame) -> Array:
        if not self.request.is_classification:
            return np.asarray(self.model.predict(rows))
        if not hasattr(self.model, "predict_proba"):
            codes = np.asarray(self.model.predict(rows)).astype(int)
            return certain(self.labels[codes], self.request.classes)
        return aligned(self.model.predict_proba(rows), self.labels, self.request.classes)


if __name__ == "__main__":
    # Its Dask workers are new processes that import this file again.
    main(Tpot, ["tpot", "dask", "xgboost", "lightgbm"])

"""mljar-supervised in the mode that is asked for ("Compete" is its best)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from supervised.automl import AutoML

from benchmarks.peers.runner import Array, Request, aligned, main

_PROBLEMS = {"binary": "binary_classification", "multiclass": "multiclass_classification"}
_METRICS = {"roc_auc": "auc", "log_loss": "logloss"}
_PREFIX = "prediction_"


class Mljar:
    def __init__(self, request: Request, train: pd.DataFrame) -> None:
        self.request = request
        self.model = AutoML(
            results_path="mljar",
            mode=request.options["mode"],
            ml_task=_PROBLEMS.get(request.problem, request.problem),
            eval_metric=_METRICS.get(request.metric, request.metric),
            total_time_limit=max(1, int(request.seconds)),
            n_jobs=request.cores,
            random_state=request.seed,
        )
        self.model.fit(train.drop(columns=[request.target]), train[request.target])
        self.about = f"mljar {request.options['mode']}, {len(self.model._models)} models"

    def predict(self, rows: pd.DataFrame) -> Array:
        if not self.request.is_classification:
            return np.asarray(self.model.predict(rows))
        found = self.model.predict_all(rows)
        columns = [name for name in found.columns if name.startswith(_PREFIX)]
        labels = [name.removeprefix(_PREFIX) for name in columns]
        return aligned(found[columns], labels, self.request.classes)


if __name__ == "__main__":
    main(Mljar, ["mljar-supervised", "lightgbm", "xgboost", "catboost"])

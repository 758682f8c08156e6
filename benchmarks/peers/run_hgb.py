"""scikit-learn's HistGradientBoosting as it comes, categories told by their dtype; no search."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from benchmarks.peers.runner import Array, Request, aligned, main

#: It takes at most 255 levels; the rarer ones count as missing.
_LEVELS = 250


class Hgb:
    about = "HistGradientBoosting"

    def __init__(self, request: Request, train: pd.DataFrame) -> None:
        self.request = request
        features = train.drop(columns=[request.target])
        texts = features.select_dtypes(exclude=["number", "bool"]).columns
        self.levels = {name: features[name].value_counts().index[:_LEVELS] for name in texts}
        target = train[request.target]
        kind = HistGradientBoostingRegressor
        extra = {}
        if request.is_classification:
            kind = HistGradientBoostingClassifier
            # Its own early stopping needs two rows of every class.
            extra = {"early_stopping": False} if target.value_counts().min() < 2 else {}
        model = kind(categorical_features="from_dtype", random_state=request.seed, **extra)
        self.model = model.fit(self.prepared(features), target)

    def prepared(self, rows: pd.DataFrame) -> pd.DataFrame:
        known = {n: pd.Categorical(rows[n], categories=at) for n, at in self.levels.items()}
        return rows.assign(**known)

    def predict(self, rows: pd.DataFrame) -> Array:
        frame = self.prepared(rows)
        if not self.request.is_classification:
            return np.asarray(self.model.predict(frame))
        probability = self.model.predict_proba(frame)
        return aligned(probability, self.model.classes_, self.request.classes)


if __name__ == "__main__":
    main(Hgb)

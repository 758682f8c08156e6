"""AutoKeras' StructuredDataClassifier and StructuredDataRegressor as they come.

They know trials and no clock, so one is added from outside: after `_SEARCH` of the budget the
trial that runs is stopped and no other begins; the rest is for AutoKeras' own last fit on all
rows. Missing texts are a level of their own, since it cannot sort them else. The target of a
regression goes in as it is.
"""

from __future__ import annotations

import time
from typing import Any

import autokeras
import keras
import numpy as np
import pandas as pd
from autokeras.utils import utils

from benchmarks.peers.runner import Array, Request, aligned, main

_SEARCH = 0.6
_MOST_TRIALS = 100


class Deadline(keras.callbacks.EarlyStopping):  # type: ignore[misc]
    """AutoKeras' own early stopping, and the clock.

    It is an EarlyStopping because AutoKeras leaves out just those in its last fit.
    """

    def __init__(self, at: float) -> None:
        super().__init__(patience=10, min_delta=1e-4)
        self.at = at

    def on_train_batch_end(self, *_: Any, **__: Any) -> None:
        if time.time() > self.at:
            self.model.stop_training = True


class AutoKeras:
    def __init__(self, request: Request, train: pd.DataFrame) -> None:
        self.request = request
        deadline = time.time() + _SEARCH * request.seconds
        keras.utils.set_random_seed(request.seed)
        features = train.drop(columns=[request.target])
        self.texts = list(features.select_dtypes(exclude=["number", "bool"]).columns)
        kinds = {c: "categorical" if c in self.texts else "numerical" for c in features}
        options: dict[str, Any] = {}
        if request.problem == "multiclass":
            options["num_classes"] = train[request.target].nunique()
        kind = autokeras.StructuredDataRegressor
        target = train[request.target].to_numpy()
        if request.is_classification:
            kind = autokeras.StructuredDataClassifier
            target = target.astype(str)
            self.labels = sorted(set(target))
        self.model = kind(
            column_names=list(features.columns),
            column_types=kinds,
            objective="val_loss",
            max_trials=_MOST_TRIALS,
            seed=request.seed,
            overwrite=True,
            directory="autokeras",
            **options,
        )
        self.trials = 0
        self._stop_at(deadline)
        self.model.fit(self.prepared(features), target, callbacks=[Deadline(deadline)], verbose=2)
        self.about = f"a network, the best of {self.trials} trials"

    def _stop_at(self, deadline: float) -> None:
        """Have the search end with the trial that is running then."""
        tuner = self.model.tuner
        end = tuner.on_trial_end

        def on_trial_end(trial: Any) -> None:
            end(trial)
            self.trials = len(tuner.oracle.trials)
            if time.time() > deadline:
                tuner.oracle.max_trials = self.trials

        tuner.on_trial_end = on_trial_end

    def prepared(self, rows: pd.DataFrame) -> Array:
        known = {c: rows[c].astype(object).fillna("missing") for c in self.texts}
        return rows.assign(**known).to_numpy(dtype=object)

    def predict(self, rows: pd.DataFrame) -> Array:
        if not self.request.is_classification:
            return np.asarray(self.model.predict(self.prepared(rows), verbose=0)).ravel()
        # predict() gives labels; the probabilities come from the network behind it.
        adapted = self.model._adapt(self.prepared(rows), self.model.inputs)
        inputs = self.model.tuner.get_best_pipeline().transform_x(adapted)
        network = self.model.tuner.get_best_model()
        found = utils.predict_with_adaptive_batch_size(
            model=network, batch_size=32, x=inputs, verbose=0
        )
        probability = np.asarray(found[0] if isinstance(found, list | tuple) else found)
        if probability.shape[1] == 1:
            probability = np.hstack([1 - probability, probability])
        return aligned(probability, self.labels, self.request.classes)


if __name__ == "__main__":
    main(AutoKeras, ["autokeras", "keras", "keras-tuner", "jax"])

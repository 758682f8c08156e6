"""H2O AutoML. Its server (a JVM) starts before its clock; handing the rows over is on the clock."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import h2o
import numpy as np
import pandas as pd
from h2o.automl import H2OAutoML

from benchmarks.peers.runner import Array, Request, aligned, main

_METRICS = {"roc_auc": "AUC", "log_loss": "logloss", "rmse": "RMSE"}
#: Its place for the fit; what XGBoost takes comes beside it.
_MEMORY = "4G"


def serve(request: Request) -> None:
    # It takes two ports in a row.
    port = 20000 + os.getpid() % 20000 // 2 * 2
    h2o.init(
        nthreads=request.cores,
        port=port,
        max_mem_size=_MEMORY,
        bind_to_localhost=True,
        ice_root=request.folder,
        name=f"peer{os.getpid()}",
    )
    h2o.no_progress()


class H2O:
    def __init__(self, request: Request, train: pd.DataFrame) -> None:
        begun = time.time()
        self.request = request
        self.types = dict.fromkeys(request.numeric, "numeric")
        self.types |= dict.fromkeys(request.categorical, "enum")
        self.types[request.target] = "enum" if request.is_classification else "numeric"
        frame = self.frame(train, "train")
        left = request.seconds - (time.time() - begun)
        self.model = H2OAutoML(
            max_runtime_secs=max(1, int(left)),
            sort_metric=_METRICS[request.metric],
            seed=request.seed + 1,
        )
        self.model.train(y=request.target, training_frame=frame)
        if self.model.leader is None:
            raise RuntimeError("no model in the time given")
        count = self.model.leaderboard.nrows
        self.about = f"{self.model.leader.model_id} of {count} models"

    def frame(self, table: pd.DataFrame, name: str) -> Any:
        path = Path(f"{name}.csv").resolve()
        table.to_csv(path, index=False)
        types = {column: kind for column, kind in self.types.items() if column in table}
        return h2o.import_file(str(path), col_types=types, header=1)

    def predict(self, rows: pd.DataFrame) -> Array:
        found = self.model.leader.predict(self.frame(rows, "rows"))
        table = found.as_data_frame(use_multi_thread=False)
        if not self.request.is_classification:
            return np.asarray(table["predict"], dtype="float64")
        # A column may be named in its own way ("p1" for "1"); the order is that of the labels.
        labels = self.model.leader._model_json["output"]["domains"][-1]
        return aligned(table.iloc[:, 1 : 1 + len(labels)], labels, self.request.classes)


if __name__ == "__main__":
    main(H2O, ["h2o"], prepare=serve)

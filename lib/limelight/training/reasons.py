"""From the published model to its reasons: which rows, why, and what matters overall."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from limelight.explain.importance import permutation_importance
from limelight.explain.lime import explain_rows
from limelight.explain.selection import pick_rows
from limelight.explain.text import row_keys
from limelight.model import finish
from limelight.model.ensemble import WeightedModel
from limelight.model.predictor import Predictor
from limelight.search.engine import SearchProblem
from limelight.search.evaluate import predict
from limelight.training.prepare import Holdout

#: Of the seconds there are, the share for the explanations and for the importance of columns.
LIME_SHARE, IMPORTANCE_SHARE = 0.4, 0.25


@dataclass(frozen=True)
class Reasons:
    """What `explain` leaves as artifacts.

    Args:
        explanations: A line for each explained row and column; see `explain_rows`.
        rows: The rows that are explained: row_key, reason, actual and predicted value.
        importance: A line for each column; see `permutation_importance`.
    """

    explanations: pd.DataFrame
    rows: pd.DataFrame
    importance: pd.DataFrame


def give_reasons(
    predictor: Predictor,
    confirmed: WeightedModel,
    problem: SearchProblem,
    holdout: Holdout,
    predictions: pd.DataFrame,
    *,
    seed: int = 0,
    seconds: float | None = None,
) -> Reasons:
    """Explain some predictions on the holdout, and weigh the columns.

    The explanations are of the published predictor: they answer why it says what it says. The
    importance is measured on the model that never saw the holdout, or it would reward what a
    model knows by heart.

    Args:
        predictor: What is published.
        confirmed: The same members, fitted on the training rows alone.
        problem: The training rows, which LIME draws its perturbations from.
        holdout: The rows to explain some of.
        predictions: Actual and predicted value of each holdout row; see `Conclusion.holdout`.
        seed: Seed of everything random.
        seconds: Time to keep to, roughly; None for no limit.
    """
    task = problem.task

    def seen(frame: pd.DataFrame) -> NDArray[Any]:
        """What the labels, and a metric of labels, are made of."""
        return finish.shown(confirmed.decision, task.scorer, predict(confirmed, frame, task))

    prediction = confirmed.decision.weighed(predict(confirmed, holdout.features, task))
    picked = pick_rows(prediction, holdout.target, task, seed=seed)
    positions = picked["position"].to_numpy(dtype="int64")
    rows = holdout.features.iloc[positions]
    explanations = explain_rows(
        predictor.predict_array,
        problem.features,
        rows,
        task,
        seed=seed,
        seconds=None if seconds is None else LIME_SHARE * seconds,
    )
    importance = permutation_importance(
        seen,
        holdout.features,
        holdout.target,
        task,
        seed=seed,
        seconds=None if seconds is None else IMPORTANCE_SHARE * seconds,
    )
    shown = predictions[["actual", "predicted"]].iloc[positions].reset_index(drop=True)
    keys = pd.Series(row_keys(rows), name="row_key", dtype=object)
    explained = pd.concat([keys, picked["reason"].reset_index(drop=True), shown], axis=1)
    return Reasons(explanations, explained, importance)

"""What is done to the predictions of the chosen candidates: calibrated, and made labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limelight.model import decision
from limelight.model.calibration import AS_IT_IS, Calibration, calibrate, floor
from limelight.model.decision import MOST_PROBABLE, Decision
from limelight.search.candidate import Candidate
from limelight.search.engine import Folds, SearchProblem
from limelight.search.evaluate import covered_rows, score_out_of_fold
from limelight.search.metrics import Metric

Array = NDArray[Any]


@dataclass(frozen=True)
class Finish:
    """A calibration and a decision, fitted on predictions out of fold.

    Args:
        calibration, decision: Fitted on all rows.
        out_of_fold: What the metric sees of the training rows, each fold finished by the others.
        notes: What was found to help, a sentence each.
    """

    calibration: Calibration
    decision: Decision
    out_of_fold: Array
    notes: tuple[str, ...] = ()

    def shown(self, metric: Metric, probability: Array) -> Array:
        """What a metric sees of calibrated probabilities: one of labels sees them weighed."""
        return shown(self.decision, metric, probability)


def shown(chosen: Decision, metric: Metric, probability: Array) -> Array:
    """What a metric sees of probabilities: one of labels sees them weighed by the decision."""
    return chosen.weighed(probability) if metric.name in decision.OF_LABELS else probability


def finish(problem: SearchProblem, out_of_fold: Array, folds: Folds, *, seed: int = 0) -> Finish:
    """What helps the predictions of a model on rows that it was not fitted on.

    A calibration is taken where its cross-fitted gain of log-loss is over one standard error, a
    decision where a metric of labels asks for one and gains clearly.

    Args:
        problem: Whose target and task count.
        out_of_fold: Predictions of the training rows, NaN where there is none.
        folds: Disjoint ones.
        seed: Seed of samples.
    """
    task, metric = problem.task, problem.task.scorer
    if not task.is_classification:
        return Finish(AS_IT_IS, MOST_PROBABLE, out_of_fold)
    notes = []
    known = covered_rows(out_of_fold)
    base = floor(problem.target[known], len(task.classes))
    done = calibrate(problem.target, out_of_fold, folds, problem.groups)
    if done is None:
        calibration, after = base, base.apply(out_of_fold)
    else:
        calibration, after = done.calibration, done.out_of_fold
        notes.append(
            f"the probabilities are {calibration}: that gains {done.gain:.3g} +/-"
            f" {done.error:.2g} of log-loss across the folds."
        )
    chosen, seen = _decision(metric, problem.target, after, folds, seed)
    if chosen.threshold is not None:
        notes.append(
            f"{task.positive!r} is predicted from a probability of {chosen.threshold:.3g} on: that"
            f" is better for {metric.name} than 0.5."
        )
    elif chosen.weights:
        listed = ", ".join(
            f"{label!r} {weight * len(task.classes):.2g}"
            for label, weight in zip(task.classes, chosen.weights, strict=True)
        )
        notes.append(
            f"the label is the class with the largest product of probability and weight, which is"
            f" better for {metric.name}; the weights are {listed}."
        )
    return Finish(calibration, chosen, seen, tuple(notes))


def _decision(
    metric: Metric, target: Array, probability: Array, folds: Folds, seed: int
) -> tuple[Decision, Array]:
    """The decision, if it does not lose out of fold, and what the metric sees by it."""
    if metric.name not in decision.OF_LABELS:
        return MOST_PROBABLE, probability
    known = covered_rows(probability)
    chosen = decision.fit(metric, target[known], probability[known], seed=seed)
    if not chosen.weights:
        return MOST_PROBABLE, probability
    seen = decision.cross_fitted(metric, target, probability, folds, seed=seed)
    gains = [metric.gain(target[known], one[known]) for one in (seen, probability)]
    return (chosen, seen) if gains[0] > gains[1] else (MOST_PROBABLE, probability)


def judged(
    candidates: Sequence[Candidate], problem: SearchProblem, folds: Folds, *, seed: int = 0
) -> tuple[list[Candidate], Mapping[str, Decision], dict[str, Array]]:
    """Candidates with the scores that they have when their labels are decided as is best for each.

    Returns:
        The candidates, their scores cross-fitted for a metric of labels and else as they are; the
        decision of each; and what the metric sees of each out of fold.
    """
    metric = problem.task.scorer
    if metric.name not in decision.OF_LABELS:
        return list(candidates), {}, {one.id: one.out_of_fold for one in candidates}
    found, decisions, seen = [], {}, {}
    for one in candidates:
        decisions[one.id], seen[one.id] = _decision(
            metric, problem.target, one.out_of_fold, folds, seed
        )
        score = score_out_of_fold(np.asarray(seen[one.id]), problem.target, problem.task)
        found.append(replace(one, score=score))
    return found, decisions, seen

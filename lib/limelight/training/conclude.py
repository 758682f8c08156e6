"""From what the searches found to the model that is published."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd
from threadpoolctl import threadpool_limits

from limelight import lineage
from limelight.errors import SearchError
from limelight.model.choice import Choice, choose
from limelight.model.ensemble import WeightedModel
from limelight.model.predictor import Predictor
from limelight.model.schema import Schema
from limelight.search.candidate import SearchResult, Trial
from limelight.search.engine import SearchProblem
from limelight.search.packing import unpack_result
from limelight.search.plan import Plan
from limelight.training.prepare import Holdout


@dataclass(frozen=True)
class Conclusion:
    """What `choose` leaves as artifacts.

    Args:
        choice: The leaderboard, the published model, its scores on the holdout.
        predictor: What is published.
        trials: Every attempt of every search, a row each.
        holdout: The rows kept for the verdict: key, actual and predicted value, probabilities.
        lineage: What the model was made of.
        notes: What is missing or went wrong, a sentence each.
    """

    choice: Choice
    predictor: Predictor
    trials: pd.DataFrame
    holdout: pd.DataFrame
    lineage: dict[str, Any]
    notes: list[str]


def conclude(
    packed: Sequence[bytes],
    problem: SearchProblem,
    holdout: Holdout,
    schema: Schema,
    *,
    plan: Plan,
    facts: Mapping[str, Any],
    seed: int,
    cores: int,
    failures: Iterable[str] = (),
    say: Callable[[str], None] = print,
    infer_ms: float | None = None,
) -> Conclusion:
    """Choose among all candidates, confirm on the holdout, fit the predictor on all rows.

    Args:
        packed: The packed results of all searches; one that gave nothing is named in the notes.
        problem: The training rows.
        holdout: The rows that no search saw.
        schema: How raw rows are brought to the look of the training rows.
        plan: Says how long this may take.
        facts: What the lineage says beside packages, seeds and the hash of the predictions.
        seed: Seed of everything random.
        cores: Cores to fit on.
        failures: Searches that were lost altogether, a sentence each.
        say: Takes lines of progress.
        infer_ms: Milliseconds that the predictor may take for 1,000 rows; None for no bound.

    Raises:
        SearchError: No engine gave a model.
    """
    results = [unpack_result(one) for one in packed]
    candidates = [candidate for result in results for candidate in result.candidates]
    notes = [*failures, *missing(results)]
    if not candidates:
        raise SearchError(
            f"no engine gave a model. {' '.join(notes)}", "Give more --minutes, or look at the log."
        )
    for note in notes:
        say(note)
    # Small products of matrices on several threads took 20 times as long on busy cores.
    with threadpool_limits(1):
        choice = choose(
            candidates,
            problem,
            holdout.features,
            holdout.target,
            seconds=plan.choose_seconds(),
            cores=cores,
            seed=seed,
            say=say,
            holdout_groups=holdout.groups,
            infer_seconds=None if infer_ms is None else infer_ms / 1000,
        )
    made_of = {
        **facts,
        "finish": finish_facts(choice.model),
        "seeds": {f"{s.engine}-{s.number}": s.seed for s in plan.searches} | {"run": seed},
        "packages": lineage.package_versions(),
        "holdout_predictions": lineage.array_hash(choice.holdout_prediction),
    }
    predictor = Predictor(choice.model, problem.task, schema, lineage=made_of)
    return Conclusion(
        choice=choice,
        predictor=predictor,
        trials=trials_frame(results),
        holdout=_holdout_frame(choice, problem, holdout),
        lineage=made_of,
        notes=[*notes, *choice.notes],
    )


def finish_facts(model: WeightedModel) -> dict[str, Any]:
    """What is done to the mean of the members' probabilities; empty for regression.

    Example:
        >>> from limelight.model.decision import Decision
        >>> from limelight.search.task import Task
        >>> task = Task("binary", "f1", "y", ("no", "yes"))
        >>> finish_facts(WeightedModel((), (), task, decision=Decision.at(0.25)))
        {'slope': 1.0, 'bias': [], 'threshold': 0.25}
    """
    if not model.task.is_classification:
        return {}
    found: dict[str, Any] = {
        "slope": model.calibration.slope,
        "bias": list(model.calibration.bias),
    }
    if model.decision.threshold is not None:
        return found | {"threshold": model.decision.threshold}
    return found | {"class_weights": list(model.decision.weights)}


def missing(results: Iterable[SearchResult]) -> list[str]:
    """A sentence for each search that ended early or without a candidate."""
    said = []
    for result in results:
        name = f"{result.engine} search {result.search}"
        if result.failed:
            said.append(f"{name}: {result.failed}")
        elif not result.candidates:
            tried = len(result.trials)
            said.append(f"{name} gave no candidate in {tried} trials; it may need more --minutes.")
    return said


def trials_frame(results: Iterable[SearchResult]) -> pd.DataFrame:
    """Every attempt of every search, a row each; columns are the fields of `Trial`."""
    rows = [asdict(trial) for result in results for trial in result.trials]
    return pd.DataFrame(rows, columns=list(Trial.__dataclass_fields__))


def _holdout_frame(choice: Choice, problem: SearchProblem, holdout: Holdout) -> pd.DataFrame:
    """Key, actual and predicted value of each held-out row, and the probability of each class."""
    task, prediction = problem.task, choice.holdout_prediction
    frame = pd.DataFrame({"actual": task.decode(holdout.target)}, index=holdout.features.index)
    if not task.is_classification:
        return frame.assign(predicted=prediction)
    frame["predicted"] = task.decode(choice.model.decision.labels(prediction))
    for code, label in enumerate(task.classes):
        frame[f"probability {label}"] = prediction[:, code]
    return frame

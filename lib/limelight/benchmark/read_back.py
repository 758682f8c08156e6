"""A training run read back as a user would: by the client, in a process that had no part in it.

    python -m limelight.benchmark.read_back

runs in the folder of the run, finds the run's id in ``run`` and the test rows in ``rows.pkl``, and
leaves what they are predicted as, and what is to be known of the run, in ``answer.pkl``.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limelight.errors import InputError

Array = NDArray[Any]

#: Rows by which prediction is timed, so that times compare between tasks.
TIMED_ROWS = 1000


def aligned(probability: Array, labels: Sequence[Any], classes: Sequence[str]) -> Array:
    """Probabilities in the order of ``classes``, which a file tells as text.

    Args:
        probability: Shape (n, labels).
        labels: As the model knows them: ``True`` for a file's ``TRUE``, ``1`` for its ``1.0``.
        classes: All there are; one that is no label gets probability 0.

    Returns:
        float64, shape (n, classes).

    Raises:
        InputError: A label is none of the classes.

    Example:
        >>> aligned(np.array([[0.2, 0.8]]), [True, False], ["false", "maybe", "true"]).tolist()
        [[0.8, 0.0, 0.2]]
    """
    found = np.zeros((len(probability), len(classes)))
    for place, label in enumerate(labels):
        found[:, _place(str(label), classes)] += probability[:, place]
    return found


def _place(label: str, classes: Sequence[str]) -> int:
    """Where a label stands among the classes; its own spelling first: "a" and "A" may be two."""
    spelt = [label in classes, _spelt(label) in map(_spelt, classes)]
    if not any(spelt):
        raise InputError(f"the label {label!r} is none of the classes {list(classes)}.")
    return classes.index(label) if spelt[0] else [*map(_spelt, classes)].index(_spelt(label))


def _spelt(text: str) -> str:
    """A label without case, and as a number where it is one."""
    try:
        return str(float(text))
    except ValueError:
        return text.strip().casefold()


def read_back(folder: Path) -> dict[str, Any]:
    """What the run in the working directory, which is its datastore too, says of the test rows.

    Args:
        folder: Where the run's id and the rows are.

    Returns:
        ``prediction``: (n,) values or (n, k) probabilities in the order of ``labels``; how long it
        took; ``about`` the published model; ``board``, ``trials``, ``notes`` and ``report`` of
        the run.
    """
    from limelight.runs import find_run

    rows: pd.DataFrame = pd.read_pickle(folder / "rows.pkl")
    data: Any = find_run("TrainFlow", (folder / "run").read_text(encoding="utf-8").strip()).data
    predictor = data.predictor
    begun = time.perf_counter()
    prediction = predictor.predict_array(rows)
    predict_seconds = time.perf_counter() - begun
    many = rows.iloc[np.arange(TIMED_ROWS) % len(rows)].reset_index(drop=True)
    begun = time.perf_counter()
    predictor.predict_array(many)
    board = data.leaderboard
    return {
        "seconds_per_1000": time.perf_counter() - begun,
        "predict_seconds": predict_seconds,
        "prediction": prediction,
        "labels": list(predictor.classes_),
        "about": " + ".join(board.loc[board["weight"] > 0, "description"]),
        "board": board,
        "trials": len(data.trials),
        "notes": list(data.notes),
        "report": data.report,
    }


if __name__ == "__main__":
    Path("answer.pkl").write_bytes(pickle.dumps(read_back(Path())))

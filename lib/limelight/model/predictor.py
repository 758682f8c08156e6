"""What is published: raw rows in, labels and probabilities out."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limelight.errors import InputError
from limelight.model import predictor_file
from limelight.model.decision import MOST_PROBABLE, Decision
from limelight.model.schema import Rows, Schema
from limelight.search.evaluate import predict
from limelight.search.task import Task

Array = NDArray[Any]


class Predictor:
    """A fitted model that takes raw rows as they are in the source, and knows its origin.

    Args:
        model: Fitted; ``predict_proba`` (``predict`` for regression) takes a normalised frame of
            features and answers in the codes of the task (``classes_``). Its ``decision``, if it
            has one, says which label probabilities become.
        task: What is predicted.
        features: The schema of the features, or the raw training frame to take it from.
        lineage: Where the model comes from (dataset, commit, run, ...): JSON values only.

    A predictor can be pickled, and saved to one file. Rows are anything that
    `limelight.model.schema.Schema.normalise` takes; it says which rows are refused.

    Example:
        >>> from sklearn.tree import DecisionTreeClassifier
        >>> features = pd.DataFrame({"age": [20.0, 30.0, 60.0]})
        >>> task = Task("binary", "roc_auc", "churn", ("no", "yes"))
        >>> model = DecisionTreeClassifier(random_state=0).fit(features, [0, 0, 1])
        >>> predictor = Predictor(model, task, features, {"dataset": "customers"})
        >>> predictor.predict({"age": "61", "name": "not used"}).tolist()
        ['yes']
        >>> predictor.predict_proba([{"age": 61}, {"age": None}])
            no  yes
        0  0.0  1.0
        1  1.0  0.0
    """

    def __init__(
        self, model: Any, task: Task, features: Schema | pd.DataFrame, lineage: dict[str, Any]
    ) -> None:
        self.model = model
        self.task = task
        self.schema = features if isinstance(features, Schema) else Schema.of(features)
        self.lineage = dict(lineage)

    @property
    def features(self) -> list[str]:
        """The names of the columns that rows must have."""
        return self.schema.names

    @property
    def classes_(self) -> list[Any]:
        """The class labels in the order of the probabilities' columns; empty for regression."""
        return list(self.task.classes)

    @property
    def decision(self) -> Decision:
        """Which label probabilities become: by a threshold, or a weight for each class."""
        found: Decision = getattr(self.model, "decision", MOST_PROBABLE)
        return found

    def predict(self, rows: Rows) -> pd.Series:
        """The labels or values, shape (n,); index of the rows, named as the target.

        A label has the type it had in the training data; a regression gives float64. The label is
        the most probable class, unless the model was chosen by a metric of labels and another
        `decision` was better for it.

        Raises:
            InputError: The rows do not fit the schema.
        """
        frame = self.schema.normalise(rows)
        prediction = self._predict_normalised(frame)
        if not self.task.is_classification:
            return pd.Series(prediction, index=frame.index, name=self.task.target)
        names = pd.Series(self.classes_, name=self.task.target)
        labels: pd.Series = names.iloc[self.decision.labels(prediction)]
        labels.index = frame.index
        return labels

    def predict_proba(self, rows: Rows) -> pd.DataFrame:
        """The probability of each class, float64, shape (n, k); columns are the labels.

        Raises:
            InputError: The rows do not fit the schema, or the task is a regression.
        """
        if not self.task.is_classification:
            raise InputError(
                f"{self.task.target!r} is a number, and a regression has no probabilities.",
                "Use predict(rows).",
            )
        frame = self.schema.normalise(rows)
        prediction = self._predict_normalised(frame)
        return pd.DataFrame(prediction, index=frame.index, columns=pd.Index(self.classes_))

    def predict_array(self, rows: Rows) -> Array:
        """The prediction as metrics and explainers take it: float64, (n,) or (n, k).

        Raises:
            InputError: The rows do not fit the schema.
        """
        return self._predict_normalised(self.schema.normalise(rows))

    def save(self, path: str | Path) -> Path:
        """Write the predictor to one file, all of it or nothing; returns the path."""
        return predictor_file.write(self, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> Predictor:
        """Read a predictor from the file that `save` wrote.

        The file holds a pickle, and **a pickle runs code when it is read**. The checksum finds
        damage, not malice: load only what you trust.

        Raises:
            InputError: There is no such file, it is no predictor, it is damaged or from a newer
                version of this program, or a package that the model needs is not installed.
        """
        loaded = predictor_file.read(Path(path))
        if not isinstance(loaded, cls):
            raise InputError(
                f"{str(path)!r} holds a {type(loaded).__name__}, not a predictor.",
                "Give a file that Predictor.save wrote.",
            )
        return loaded

    def _predict_normalised(self, frame: pd.DataFrame) -> Array:
        if frame.empty:
            # Estimators refuse zero rows; there is nothing to ask them.
            return np.zeros((0, len(self.task.classes)) if self.task.is_classification else 0)
        return predict(self.model, frame, self.task)

    def __repr__(self) -> str:
        task = self.task
        lines = [f"Predictor of {task.target!r}: {task.problem}, chosen by {task.metric}"]
        if task.is_classification:
            lines.append(f"  classes: {', '.join(map(str, task.classes))}")
        if self.decision.threshold is not None:
            lines.append(
                f"  {task.positive}: from a probability of {self.decision.threshold:.3g} on"
            )
        lines.append(f"  features: {', '.join(f'{n} ({r})' for n, r in self.schema.roles.items())}")
        lines += [f"  {name}: {value}" for name, value in self.lineage.items()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        task = self.task
        facts = {"problem": task.problem, "metric": task.metric}
        if task.is_classification:
            facts["classes"] = ", ".join(map(str, task.classes))
        if self.decision.threshold is not None:
            facts[f"{task.positive} from"] = f"a probability of {self.decision.threshold:.3g} on"
        facts |= {name: str(value) for name, value in self.lineage.items()}
        features = [(f.name, f.role, f.dtype, f.example) for f in self.schema.features]
        return (
            f"<h4>Predictor of <code>{html.escape(task.target)}</code></h4>"
            f"<table>{''.join(_html_row(pair) for pair in facts.items())}</table>"
            f"<details><summary>{len(features)} features</summary><table>"
            f"{_html_row(('column', 'role', 'dtype', 'example'))}"
            f"{''.join(_html_row(feature) for feature in features)}</table></details>"
        )


def _html_row(cells: tuple[str, ...]) -> str:
    return f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in cells)}</tr>"

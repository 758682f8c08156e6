"""The spaces that AutoKeras searches: dense networks for tables, another for each search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from limelight.search.task import Task

#: AutoKeras' own rates go down to 1e-5, at which no table is learnt within minutes.
LEARNING_RATES = [1e-2, 3e-3, 1e-3, 3e-4]
#: Its third optimizer, SGD without momentum, is left out for the same reason.
OPTIMIZERS = ["adam", "adam_weight_decay"]


@dataclass(frozen=True)
class Space:
    """Which networks a search may try; a known good one first.

    Args:
        layers, units, dropout: What a dense block chooses from.
        first: Networks to begin with: (units of each layer, dropout, batch norm, learning rate).
    """

    layers: tuple[int, ...]
    units: tuple[int, ...]
    dropout: tuple[float, ...]
    first: tuple[tuple[tuple[int, ...], float, bool, float], ...]

    def initial(self) -> list[dict[str, Any]]:
        """The networks to begin with, as AutoKeras names their parameters.

        Example:
            >>> space(1).initial()[0]["dense_block_1/units_0"]
            256
        """
        block = "dense_block_1"
        return [
            {
                f"{block}/use_batchnorm": normalised,
                f"{block}/num_layers": len(units),
                f"{block}/dropout": dropout,
                **{f"{block}/units_{place}": width for place, width in enumerate(units)},
                "optimizer": "adam",
                "learning_rate": rate,
            }
            for units, dropout, normalised, rate in self.first
        ]


_SPACES = (
    Space(
        layers=(1, 2, 3),
        units=(16, 32, 64, 128, 256),
        dropout=(0.0, 0.1, 0.25, 0.5),
        first=(((128, 64), 0.25, False, 1e-3), ((128, 64), 0.1, True, 3e-3)),
    ),
    Space(
        layers=(2, 3, 4),
        units=(128, 256, 512),
        dropout=(0.1, 0.25, 0.5),
        first=(((256, 128), 0.25, True, 1e-3), ((256, 256, 128), 0.5, False, 1e-3)),
    ),
    Space(
        layers=(1, 2),
        units=(8, 16, 32, 64, 512),
        dropout=(0.0, 0.25, 0.5),
        first=(((64,), 0.25, False, 3e-3), ((512,), 0.5, False, 1e-3)),
    ),
)


def space(number: int) -> Space:
    """The space of the search of that number: plain, wide and deep, shallow; then again."""
    return _SPACES[number % len(_SPACES)]


def output_units(task: Task) -> int:
    """Outputs of a network: one for two classes and for a value, else one for each class."""
    return len(task.classes) if len(task.classes) > 2 else 1


def loss_of(task: Task) -> str:
    """The Keras loss that fits the task and its metric.

    Example:
        >>> loss_of(Task("regression", "mae", "price"))
        'mean_absolute_error'
    """
    if task.problem == "regression":
        return "mean_absolute_error" if task.metric == "mae" else "mean_squared_error"
    return "binary_crossentropy" if output_units(task) == 1 else "categorical_crossentropy"


def batch_size(rows: int) -> int:
    """Rows a step: a power of two from 16 to 1024 that gives about 64 steps an epoch.

    Example:
        >>> [batch_size(rows) for rows in (100, 1_000, 25_000, 1_000_000)]
        [16, 16, 256, 1024]
    """
    power = 1 << max(0, (rows // 64).bit_length() - 1)
    return min(max(power, 16), 1024)


def auto_model(task: Task, chosen: Space, **options: Any) -> Any:
    """An unfitted `autokeras.AutoModel` that searches the space; all columns are numbers.

    Args:
        task: Decides about the head.
        chosen: The space.
        options: As `autokeras.AutoModel` takes them.
    """
    import autokeras
    import keras
    from keras_tuner import HyperParameters
    from keras_tuner.engine.hyperparameters import Choice

    # Blocks are numbered through the life of the process: the names in `Space.initial` begin at 1.
    keras.utils.clear_session()
    values = HyperParameters()
    values.Choice("learning_rate", LEARNING_RATES, default=1e-3)
    values.Choice("optimizer", OPTIMIZERS, default="adam")
    inputs = autokeras.Input()
    hidden = autokeras.DenseBlock(
        num_layers=Choice("num_layers", list(chosen.layers)),
        num_units=Choice(
            "num_units", list(chosen.units), default=chosen.units[len(chosen.units) // 2]
        ),
        dropout=Choice("dropout", list(chosen.dropout)),
    )(inputs)
    head = (
        autokeras.ClassificationHead(dropout=0.0, metrics=[])
        if task.is_classification
        else autokeras.RegressionHead(loss=loss_of(task), dropout=0.0, metrics=[])
    )
    return autokeras.AutoModel(
        inputs,
        head(hidden),
        objective="val_loss",
        hyperparameters=values,
        initial_hps=chosen.initial(),
        **options,
    )

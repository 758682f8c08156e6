"""The spaces that AutoKeras searches: networks for tables, another beginning for each search."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from limelight.search.network_input import Layout
from limelight.search.task import Task

#: AutoKeras' own learning rates go down to 1e-5, at which no table is learnt within minutes.
RATES: dict[str, list[float]] = {
    "learning_rate": [3e-3, 1e-3, 1e-2],
    "weight_decay": [0.03, 0.003, 0.3],
    "dropout": [0.1, 0.0, 0.25, 0.4],
}

_BLOCK = "table"
_BLOCK_CHOICES: dict[str, list[Any]] = {
    "embedding": ["pieces-16", "pieces-8", "pieces-32", "waves-4", "plain"],
    "hidden": ["128-64", "64-64", "256-128", "256-256-128", "512-128"],
    "activation": ["relu", "silu", "selu"],
}


@dataclass(frozen=True)
class Space:
    """Which networks a search may try; known good ones first.

    Args:
        choices: What the block chooses from.
        first: Networks to begin with: what differs from the first of the choices.
    """

    choices: dict[str, list[Any]]
    first: tuple[dict[str, Any], ...]

    def initial(self) -> list[dict[str, Any]]:
        """The networks to begin with, as AutoKeras names their parameters.

        Example:
            >>> space(0).initial()[0]["table/hidden"]
            '128-64'
        """
        rates = {name: some[0] for name, some in RATES.items()}
        default = {name: some[0] for name, some in self.choices.items()}
        made = []
        for given in self.first:
            whole = {**default, **rates, **given}
            made.append(
                {(f"{_BLOCK}/{name}" if name in default else name): whole[name] for name in whole}
            )
        return made


# What differs from the last one only in rates is not compiled again.
_DEFAULT: dict[str, Any] = {}
_SMOOTH = {"dropout": 0.25, "weight_decay": 0.3, "learning_rate": 1e-3}
_STEEP = {"dropout": 0.0, "learning_rate": 1e-2}
_WAVES = {"embedding": "waves-4", "activation": "silu"}
_WIDE = {"hidden": "256-128", "dropout": 0.25, "weight_decay": 0.3}
_FINE = {"embedding": "pieces-32", "dropout": 0.25}
_PLAIN = {"embedding": "plain", "hidden": "256-128", "activation": "selu", "learning_rate": 1e-3}

_FIRST = (
    (_DEFAULT, _SMOOTH, _PLAIN, _WAVES, _STEEP, _WIDE, _FINE),
    (_WIDE, _DEFAULT, _WAVES, _PLAIN),
    (_FINE, _WAVES, _PLAIN, _DEFAULT),
)


def space(number: int) -> Space:
    """The space of the search of that number: each begins with other networks; then again."""
    return Space(_BLOCK_CHOICES, _FIRST[number % len(_FIRST)])


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


def auto_model(task: Task, chosen: Space, layout: Layout, **options: Any) -> Any:
    """An unfitted `autokeras.AutoModel` that searches the space.

    Args:
        task: Decides about the head.
        chosen: The space.
        layout: Of the matrix that networks take.
        options: As `autokeras.AutoModel` takes them.
    """
    import autokeras
    import keras
    from keras_tuner import HyperParameters

    from limelight.search.autokeras_block import TableBlock

    # Layers are numbered through the life of the process: of networks that are the same, what was
    # compiled for one serves the other.
    keras.utils.clear_session()
    values = HyperParameters()
    for name, some in RATES.items():
        values.Choice(name, some, default=some[0])
    values.Fixed("optimizer", "adam")
    inputs = autokeras.Input()
    hidden = TableBlock(asdict(layout), chosen.choices, name=_BLOCK)(inputs)
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


def plain_names(values: dict[str, Any]) -> dict[str, Any]:
    """The hyperparameters that are searched, without the name of the block.

    Example:
        >>> plain_names({"table/hidden": "64-64", "optimizer": "adam", "learning_rate": 0.01})
        {'hidden': '64-64', 'learning_rate': 0.01}
    """
    return {
        name.removeprefix(f"{_BLOCK}/"): value
        for name, value in values.items()
        if name != "optimizer"
    }

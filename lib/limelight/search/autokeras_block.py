"""The block that AutoKeras builds networks for tables from. Importing it imports AutoKeras."""

from __future__ import annotations

import importlib
from typing import Any

from limelight.search.autokeras_backend import load_keras
from limelight.search.autokeras_layers import ColumnEmbedding, TunedDropout

keras = load_keras()
autokeras = importlib.import_module("autokeras")  # after the backend is chosen


@keras.saving.register_keras_serializable(package="limelight")
class TableBlock(autokeras.Block):  # type: ignore[misc,name-defined]
    """An embedding of the columns, and dense layers on it.

    What it tunes: ``embedding``, as `limelight.search.autokeras_layers.ColumnEmbedding` has it with
    its size (``"pieces-16"``), ``hidden`` (``"128-64"``) and ``activation``.

    Args:
        layout: `limelight.search.network_input.Layout` as a dictionary.
        choices: What each may be; the first is the default.
    """

    def __init__(self, layout: dict[str, int], choices: dict[str, list[Any]], **kwargs: Any):
        super().__init__(**kwargs)
        self.layout = layout
        self.choices = choices

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "layout": self.layout, "choices": self.choices}

    def build(self, hp: Any, inputs: Any) -> Any:
        chosen = {
            name: hp.Choice(name, some, default=some[0]) for name, some in self.choices.items()
        }
        kind, _, size = chosen["embedding"].partition("-")
        x = ColumnEmbedding(**self.layout, kind=kind, size=int(size or 1))(inputs[0])
        for units in map(int, chosen["hidden"].split("-")):
            # Zeros are quick to make: weights are drawn when training starts.
            x = keras.layers.Dense(
                units, activation=chosen["activation"], kernel_initializer="zeros"
            )(x)
            x = TunedDropout()(x)
        return x

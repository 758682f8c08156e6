"""Networks trained one after another, on any backend of Keras."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limelight.search.autokeras_backend import load_keras
from limelight.search.autokeras_initial import decayed, first_weights, optimizer_for, row_losses
from limelight.search.autokeras_training import MOST_HELD, Recipe, Rows

Array = NDArray[Any]


class InTurn:
    """Networks that are trained one after another, on any backend; see `Trainer`."""

    def __init__(
        self,
        make: Callable[[], Any],
        recipe: Recipe,
        data: Rows,
        constants: dict[str, Array],
        rng: np.random.Generator,
    ) -> None:
        self.data = data
        self.decay = recipe.weight_decay
        self.models = [make() for _ in data.splits]
        self.model = self.models[0]
        self.loss = row_losses(recipe.loss)
        for model in self.models:
            for variable, value in zip(
                model.variables, first_weights(model, constants, rng), strict=True
            ):
                variable.assign(value)
            model.compile(optimizer=optimizer_for(model), loss=recipe.loss)

    def round(self, rows: Array, rates: Array) -> Array:
        for chosen, rate in zip(rows, rates, strict=True):
            for model, some in zip(self.models, chosen, strict=True):
                model.optimizer.learning_rate = float(rate)
                for variable, is_decayed in zip(
                    model.trainable_variables, decayed(model), strict=True
                ):
                    if is_decayed:
                        variable.assign(variable * (1.0 - float(rate) * self.decay))
                model.train_on_batch(
                    self.data.inputs[some], self.data.outputs[some], self.data.weights[some]
                )
        pairs = zip(self.models, self.data.splits, strict=True)
        return np.asarray([self._held(model, held[:MOST_HELD]) for model, (_, held) in pairs])

    def _held(self, model: Any, rows: Array) -> float:
        if len(rows) == 0:
            return 0.0
        predicted = model(self.data.inputs[rows], training=False)
        each = load_keras().ops.convert_to_numpy(self.loss(self.data.outputs[rows], predicted))
        return float(np.average(each, weights=self.data.weights[rows]))

    def snapshot(self) -> Any:
        return [[np.array(value) for value in model.get_weights()] for model in self.models]

    def values(self, snapshot: Any) -> dict[str, Array]:
        paths = [variable.path for variable in self.models[0].weights]
        stacked = [np.stack(every) for every in zip(*snapshot, strict=True)]
        return dict(zip(paths, stacked, strict=True))

"""AutoKeras' greedy tuner with a scorer: it chooses networks, the shared protocol scores them."""

from __future__ import annotations

import json
import math
from typing import Any, Protocol

from limelight.search.autokeras_space import plain_names

#: Networks in a row that fail, after which the search is given up.
MOST_FAILURES = 10


class SearchOver(Exception):
    """The search has ended; raised out of AutoKeras, which would else train its best once more."""


class Scorer(Protocol):
    """Who scores networks, and may end the search for them."""

    def before(self) -> None:
        """A network is about to be chosen; raises `SearchOver` to end the search."""

    def score(self, values: dict[str, Any], architecture: str, weights: int) -> float | None:
        """Score a network.

        Args:
            values: Its hyperparameters.
            architecture: Its layers as JSON.
            weights: How many it has.

        Returns:
            What AutoKeras is to make small, infinite for a network that was pruned, None for one
            that failed.
        """


def scored_tuner(scorer: Scorer) -> type:
    """A class of tuners for `autokeras.AutoModel` that has its networks scored elsewhere."""
    from autokeras.tuners.greedy import Greedy
    from keras_tuner.errors import FailedTrialError

    class ScoredTuner(Greedy):  # type: ignore[misc]
        def pre_create_trial(self) -> None:
            scorer.before()

        def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> float:  # noqa: ARG002
            model = self._try_build(trial.hyperparameters)
            values = plain_names(trial.hyperparameters.values)
            loss = scorer.score(values, architecture_of(model), model.count_params())
            if loss is None or math.isnan(loss):
                raise FailedTrialError("it could not be trained")
            return loss

        def on_search_end(self) -> None:
            raise SearchOver

    return ScoredTuner


def architecture_of(model: Any) -> str:
    """The layers of a Keras model as JSON, without how it was compiled.

    AutoKeras' cast of the input, which is float32 here, becomes Keras' own ``Identity``: the
    network is then built, fitted and loaded where AutoKeras is not imported.
    """
    whole = json.loads(model.to_json())
    for layer in whole["config"]["layers"]:
        if layer["class_name"] == "CastToFloat32":
            layer.update(module="keras.layers", class_name="Identity", registered_name=None)
    return json.dumps({key: value for key, value in whole.items() if key != "compile_config"})

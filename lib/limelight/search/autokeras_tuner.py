"""AutoKeras' greedy tuner with an observer: what it tries is seen, and can be ended, as it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

Array = NDArray[Any]

#: Epochs without a lower validation loss after which a trial ends.
PATIENCE = 8
LEAST_GAIN = 1e-4


class SearchOver(Exception):
    """The search has ended; raised out of AutoKeras, which would else train its best once more."""


@dataclass(frozen=True)
class Finished:
    """A trial that AutoKeras has finished.

    Args:
        values: Its hyperparameters.
        loss: The lowest validation loss, or None if it failed.
        training: What its training left, or None if it failed.
        error: Why it failed.
    """

    values: dict[str, Any]
    loss: float | None
    training: Training | None
    error: str


@dataclass(frozen=True)
class Training:
    """What a training leaves.

    Args:
        model: The Keras model, with the weights of its best epoch.
        epochs: How many epochs it took to the best.
        first_seconds: Seconds of the first epoch: compiling, mostly.
        epoch_seconds: Seconds of each further epoch, on average.
        cut: Whether the observer ended it.
    """

    model: Any
    epochs: int
    first_seconds: float
    epoch_seconds: float
    cut: bool


class Observer(Protocol):
    """Who watches a search, and may end it."""

    def before(self) -> None:
        """A trial is about to be chosen; raises `SearchOver` to end the search."""

    def begin(self, values: dict[str, Any]) -> None:
        """A trial with these hyperparameters begins."""

    def must_stop(self, first: float | None, seconds: float) -> bool:
        """Whether a training must end: seconds of its first epoch, if it is over, and in all."""

    def finish(self, finished: Finished) -> None:
        """A trial has ended."""


def observed_tuner(
    observer: Observer, batch_size: int, validation_weights: Array | None = None
) -> type:
    """A class of tuners for `autokeras.AutoModel` that tells the observer of each trial.

    Args:
        observer: Is told of each trial before and after it.
        batch_size: Rows a step, for optimizers with a schedule.
        validation_weights: Weights of the validation rows, shape (n,), for which AutoKeras has
            no argument: without them training and early stopping would follow two aims.
    """
    from autokeras.tuners.greedy import Greedy

    class ObservedTuner(Greedy):  # type: ignore[misc]
        trained: Training | None = None

        def pre_create_trial(self) -> None:
            # AutoKeras takes all rows for one batch here, which ends a schedule of the learning
            # rate after as many steps as there should be epochs.
            self.hypermodel.inputs[0].batch_size = batch_size
            observer.before()

        def _prepare_model_build(self, hp: Any, **kwargs: Any) -> tuple[Any, ...]:
            pipeline, training, validation = super()._prepare_model_build(hp, **kwargs)
            if validation_weights is not None:
                validation = (*validation, validation_weights)
            return pipeline, training, validation

        def on_trial_begin(self, trial: Any) -> None:
            self.trained = None
            super().on_trial_begin(trial)
            observer.begin(_active(trial.hyperparameters))

        def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> Sequence[Any]:
            # Without checkpoints on disk after each epoch, and without TensorBoard, which the
            # original looks for whenever TensorFlow is the backend.
            watch = _watch(observer)
            kwargs["callbacks"] = [watch]
            history = self._build_and_fit_model(trial, *args, **kwargs)
            self.trained = watch.training()
            return [history]

        def on_trial_end(self, trial: Any) -> None:
            super().on_trial_end(trial)
            ended = self.oracle.get_trial(trial.trial_id)
            error = (ended.message or "").strip().splitlines()[-1:]
            values = _active(trial.hyperparameters)
            observer.finish(Finished(values, ended.score, self.trained, "".join(error)))

        def on_search_end(self) -> None:
            raise SearchOver

    return ObservedTuner


def _active(hyperparameters: Any) -> dict[str, Any]:
    """The hyperparameters that a network is built with: units of layers it has not are left out."""
    values: dict[str, Any] = hyperparameters.values
    layers = values["dense_block_1/num_layers"]
    return {
        name.removeprefix("dense_block_1/"): value
        for name, value in values.items()
        if "/units_" not in name or int(name.rpartition("_")[2]) < layers
    }


def _watch(observer: Observer) -> Any:
    """Early stopping that keeps the best weights, measures time and asks the observer."""
    import time

    import keras

    class Watch(keras.callbacks.EarlyStopping):  # type: ignore[misc]
        def on_train_begin(self, logs: Any = None) -> None:
            super().on_train_begin(logs)
            self.begun = time.perf_counter()
            self.ends: list[float] = []
            self.cut = False

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
            first = self.ends[0] if self.ends else None
            if not self.cut and observer.must_stop(first, time.perf_counter() - self.begun):
                self.cut = self.model.stop_training = True

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            super().on_epoch_end(epoch, logs)
            self.ends.append(time.perf_counter() - self.begun)

        def training(self) -> Training:
            further = max(len(self.ends) - 1, 1)
            return Training(
                model=self.model,
                epochs=self.best_epoch + 1,
                first_seconds=self.ends[0],
                epoch_seconds=(self.ends[-1] - self.ends[0]) / further,
                cut=self.cut,
            )

    return Watch(
        monitor="val_loss", patience=PATIENCE, min_delta=LEAST_GAIN, restore_best_weights=True
    )

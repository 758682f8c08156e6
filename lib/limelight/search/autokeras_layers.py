"""The Keras layers of networks for tables. Importing them imports Keras."""

from __future__ import annotations

from typing import Any

from limelight.search.autokeras_backend import load_keras

keras = load_keras()
ops = keras.ops

#: Numbers of a row of the table of levels.
LEVEL_SIZE = 8
#: How many times faster the importance of a column is learnt than a kernel.
SCALE_RATE = 6.0
#: Waves that an embedding by waves is mixed from.
WAVES = 16


@keras.saving.register_keras_serializable(package="limelight")
class ColumnEmbedding(keras.layers.Layer):  # type: ignore[misc,name-defined]
    """Numbers in a form that a network learns from, flags as they are, levels from a table.

    ``"pieces"`` gives each number with how far it is through each of the pieces that its range is
    cut into, ``"waves"`` with mixtures of waves of learnt frequency, ``"plain"`` as it is
    (Gorishniy, Rubachev and Babenko, *On Embeddings for Numerical Features in Tabular Deep
    Learning*, NeurIPS 2022). What comes out is multiplied column by column with what is learnt of
    its importance (Holzmueller et al., *Better by Default*, NeurIPS 2024).

    Args:
        numbers, flags, codes, rows: As in `limelight.search.network_input.Layout`.
        kind: ``"pieces"``, ``"waves"`` or ``"plain"``.
        size: Pieces of each number, or numbers that its waves are mixed to.
    """

    def __init__(
        self,
        numbers: int,
        flags: int,
        codes: int,
        rows: int,
        kind: str = "pieces",
        size: int = 16,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.numbers = numbers
        self.flags = flags
        self.codes = codes
        self.rows = rows
        self.kind = kind
        self.size = size

    def get_config(self) -> dict[str, Any]:
        own = ("numbers", "flags", "codes", "rows", "kind", "size")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}

    def build(self, input_shape: Any) -> None:  # noqa: ARG002
        # Zeros are quick to make; `autokeras_training.first_weights` draws what is learnt.
        pieces = (self.numbers, self.size)
        if self.kind == "pieces":
            self.lower = self._weight("lower", pieces, trainable=False)
            self.factor = self._weight("factor", pieces, trainable=False)
        if self.kind == "waves":
            self.frequency = self._weight("frequency", (self.numbers, WAVES))
            self.phase = self._weight("phase", (self.numbers, WAVES))
            self.mixture = self._weight("mixture", (self.numbers, WAVES, self.size))
        if self.codes:
            self.table = self._weight("table", (self.rows, LEVEL_SIZE))
        # One plus this: so that it begins with one, whatever it is built with.
        self.scale = self._weight("scale", (self.width,))

    def call(self, inputs: Any) -> Any:
        numbers = inputs[:, : self.numbers]
        parts = [
            self._embedded(numbers),
            inputs[:, self.numbers : self.numbers + self.flags],
        ]
        if self.codes:
            places = ops.cast(inputs[:, self.numbers + self.flags :], "int32")
            found = ops.take(self.table, places, axis=0)
            parts.append(ops.reshape(found, (-1, self.codes * LEVEL_SIZE)))
        return ops.concatenate(parts, axis=1) * (1.0 + SCALE_RATE * self.scale)

    @property
    def width(self) -> int:
        """Columns of the output."""
        embedded = self.numbers * (1 if self.kind == "plain" else 1 + self.size)
        return embedded + self.flags + self.codes * LEVEL_SIZE

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, int]:
        return (input_shape[0], self.width)

    def _embedded(self, numbers: Any) -> Any:
        if self.kind == "pieces":
            wide = ops.clip((ops.expand_dims(numbers, -1) - self.lower) * self.factor, 0.0, 1.0)
        elif self.kind == "waves":
            angles = ops.expand_dims(numbers, -1) * self.frequency + self.phase
            wide = ops.einsum("ndw,dws->nds", ops.cos(angles), self.mixture)
        else:
            return numbers
        return ops.concatenate([numbers, ops.reshape(wide, (-1, self.numbers * self.size))], axis=1)

    def _weight(self, name: str, shape: tuple[int, ...], trainable: bool = True) -> Any:
        return self.add_weight(shape=shape, name=name, initializer="zeros", trainable=trainable)


@keras.saving.register_keras_serializable(package="limelight")
class TunedDropout(keras.layers.Layer):  # type: ignore[misc,name-defined]
    """Dropout (Srivastava et al., JMLR 2014) whose rate is a variable.

    Networks that differ in their rates alone then share what was compiled.
    """

    def build(self, input_shape: Any) -> None:  # noqa: ARG002
        self.rate = self.add_weight(
            shape=(), name="dropout_rate", initializer="zeros", trainable=False
        )
        self.generator = keras.random.SeedGenerator(0)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training:
            return inputs
        drawn = keras.random.uniform(ops.shape(inputs), seed=self.generator)
        return ops.where(drawn >= self.rate, inputs / (1.0 - self.rate), 0.0)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

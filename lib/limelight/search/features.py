"""From a raw frame to the matrix that estimators take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from limelight.errors import InputError
from limelight.search.column_plan import Block, Planner
from limelight.search.columns import FrameReader

Array = NDArray[Any]

KINDS = ("onehot", "ordinal", "native", "levels")


class FrameEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Encodes a raw frame of any mixture of columns as a matrix of numbers.

    How a column is read follows from its role (`limelight.search.roles`) in the frame it is
    fitted on, and of text from what is written there: dates, amounts, codes and free text become
    numbers (`limelight.search.column_plan`). Columns that tell nothing are left out: constant ones,
    ones without values, and texts that are different in nearly every row and have nothing to do
    with the target. A value that was not there when fitting counts as infrequent or missing; whole
    numbers may come as floats or text later.

    Args:
        kind: ``"onehot"`` gives no NaN: numbers with their median where missing and
            an indicator of it, a column for each frequent level of a category. ``"ordinal"``
            gives NaN where missing: categories are codes, the most frequent is 0,
            for estimators that take both (boosted trees, forests). ``"native"`` gives the same
            as a frame, categories as such, for HistGradientBoosting and LightGBM. ``"levels"``
            is as ``"native"`` with a code for every level, however many there are, for CatBoost.
            All are float32.
        scale: ``"standard"`` brings numbers and times to one scale, within 3 on both sides, and
            bends outliers back; one-hot columns stay 0 and 1. Categories stay codes under
            ``"ordinal"``.

    Attributes:
        categorical_features_: bool, shape (columns of the matrix,): which hold category codes;
            codes are whole numbers, below 255 unless under ``"levels"``.
        feature_names_in_: The columns of the frame; object, shape (d,).

    Example:
        >>> frame = pd.DataFrame({"age": [30, None, 50, 41], "job": ["a", "b", "a", "b"]})
        >>> encoder = FrameEncoder().fit(frame)
        >>> encoder.get_feature_names_out().tolist()
        ['age', 'age (missing)', 'job = b']
        >>> encoder.transform(frame).tolist()
        [[30.0, 0.0, 0.0], [41.0, 1.0, 1.0], [50.0, 0.0, 0.0], [41.0, 0.0, 1.0]]
        >>> FrameEncoder("ordinal").fit_transform(frame).tolist()
        [[30.0, 0.0], [nan, 1.0], [50.0, 0.0], [41.0, 1.0]]
    """

    def __init__(
        self,
        kind: Literal["onehot", "ordinal", "native", "levels"] = "onehot",
        scale: Literal["standard"] | None = None,
    ) -> None:
        self.kind = kind
        self.scale = scale

    def fit(self, features: pd.DataFrame, target: Any = None) -> Self:
        """Learn levels, medians, scales and topics of a raw frame, shape (n, d).

        Args:
            features: Raw frame, shape (n, d).
            target: Codes of classes (integers) or values (floats), shape (n,), for the mean
                target of levels; None for an encoding without.

        Raises:
            ValueError: ``kind`` or ``scale`` is unknown.
        """
        self._fit(FrameReader(features), target)
        return self

    def fit_transform(self, features: pd.DataFrame, target: Any = None) -> Any:
        """`fit`, and the matrix of the same rows.

        It differs from that of `transform` in the mean targets, which are those of other rows.
        """
        reader = FrameReader(features)
        target = self._fit(reader, target)
        return self._filled(reader, lambda block, out: block.encode_training(reader, target, out))

    def transform(self, features: pd.DataFrame) -> Any:
        """The matrix, shape (n, len(get_feature_names_out())); a frame for native categories.

        Raises:
            InputError: Columns are missing.
        """
        lost = [name for name in self.feature_names_in_ if name not in features.columns]
        if lost:
            raise InputError(
                f"the columns {', '.join(map(repr, lost))} are missing from the frame.",
                "Give the columns that the model was trained on.",
            )
        reader = FrameReader(features)
        return self._filled(reader, lambda block, out: block.encode(reader, out))

    def _fit(self, reader: FrameReader, target: Any) -> Array | None:
        if self.kind not in KINDS or self.scale not in (None, "standard"):
            raise ValueError(f"unknown kind={self.kind!r} or scale={self.scale!r}")
        features = reader.frame
        self.feature_names_in_ = np.asarray(features.columns, dtype=object)
        self.n_features_in_ = features.shape[1]
        known = None if target is None else np.asarray(target)
        self.blocks_ = Planner(self.kind, self.scale == "standard", reader, known).blocks()
        names = [name for block in self.blocks_ for name in block.names]
        # Estimators need a column, also where no column of the frame tells anything.
        self.names_ = names or ["(nothing)"]
        self.categorical_features_ = np.asarray(self._level_counts() or [0]) > 0
        return known

    def _level_counts(self) -> list[int]:
        """How many codes each column of the matrix holds; 0 where it holds numbers."""
        return [
            block.levels if place == 0 else 0
            for block in self.blocks_
            for place in range(len(block.names))
        ]

    def _filled(self, reader: FrameReader, write: Callable[[Block, Array], None]) -> Any:
        matrix = np.zeros((len(reader), len(self.names_)), dtype="float32")
        end = 0
        for block in self.blocks_:
            start, end = end, end + len(block.names)
            write(block, matrix[:, start:end])
        as_frame = self.kind in ("native", "levels")
        return self._as_frame(matrix, reader.frame.index) if as_frame else matrix

    def _as_frame(self, matrix: Array, index: pd.Index) -> pd.DataFrame:
        """The matrix as a frame with category columns; plain names, as LightGBM refuses some."""
        columns: dict[str, Any] = {f"x{place}": column for place, column in enumerate(matrix.T)}
        for name, count in zip(list(columns), self._level_counts(), strict=False):
            if count:
                codes = np.nan_to_num(columns[name], nan=-1.0).astype("int32")
                columns[name] = pd.Categorical.from_codes(codes, categories=pd.RangeIndex(count))
        return pd.DataFrame(columns, index=index)

    def get_feature_names_out(self, input_features: Any = None) -> Array:  # noqa: ARG002
        """Names of the matrix's columns; object, shape (columns of the matrix,)."""
        return np.asarray(self.names_, dtype=object)

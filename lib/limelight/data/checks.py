"""Checks of training data before any work: what is wrong, how often, and the way out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from limelight.data.schema import check_names
from limelight.errors import InputError, did_you_mean

MIN_ROWS = 20
"""Fewest rows that can be divided into a holdout and folds."""


def check_training_data(frame: pd.DataFrame, target: str, ignore: Sequence[str] = ()) -> None:
    """All checks in turn; the first that fails raises.

    Args:
        frame: The dataset, shape (n, d), indexed by its key.
        target: The column to predict.
        ignore: Columns that are no features; they may be empty.

    Raises:
        InputError: The data cannot be trained on as it is.

    Example:
        >>> try:
        ...     check_training_data(pd.DataFrame({"x": range(5), "y": range(5)}), "y")
        ... except InputError as error:
        ...     print(error.problem)
        the table has 5 rows, and at least 20 are needed.
    """
    check_names(frame.columns)
    check_target_there(frame, target)
    check_rows(frame)
    check_target_complete(frame[target])
    check_target_finite(frame[target])
    check_target_varies(frame[target])
    check_ignored_there(frame, target, ignore)
    check_columns_filled(frame, [target, *ignore])
    check_features(frame, [target, *ignore])


def check_target_there(frame: pd.DataFrame, target: str) -> None:
    """The target is a column, and not the key."""
    if target in frame.index.names:
        raise InputError(
            f"the target {target!r} is the dataset's key.", "Choose another --target or --key."
        )
    if target not in frame.columns:
        raise InputError(
            f"the target {target!r} is not in the table.", did_you_mean(target, frame.columns)
        )


def check_rows(frame: pd.DataFrame) -> None:
    """There are rows enough."""
    if len(frame) < MIN_ROWS:
        raise InputError(
            f"the table has {len(frame)} row{'' if len(frame) == 1 else 's'}, and at least"
            f" {MIN_ROWS} are needed.",
            "Give more rows.",
        )


def check_target_complete(target: pd.Series) -> None:
    """The target has no missing values."""
    missing = int(target.isna().sum())
    if missing:
        raise InputError(
            f"the target {target.name!r} is missing in {missing:,} of {len(target):,} rows.",
            "Choose another --target."
            if missing == len(target)
            else "Fill it in, or leave these rows out with --drop-missing-target.",
        )


def check_target_finite(target: pd.Series) -> None:
    """The target has no infinite values."""
    if not pd.api.types.is_float_dtype(target):
        return
    infinite = int(np.isinf(target.to_numpy(dtype="float64", na_value=np.nan)).sum())
    if infinite:
        raise InputError(
            f"the target {target.name!r} is infinite in {infinite:,} of {len(target):,} rows.",
            "Correct these values, or drop the rows.",
        )


def check_target_varies(target: pd.Series) -> None:
    """The target has more than one value."""
    if target.nunique() == 1:
        raise InputError(
            f"the target {target.name!r} has the one value {target.astype(object).iloc[0]!r} in all"
            f" {len(target):,} rows; there is nothing to predict.",
            "Choose another --target, or data with more than one outcome.",
        )


def check_ignored_there(frame: pd.DataFrame, target: str, ignore: Sequence[str]) -> None:
    """The columns to ignore are there (a key is ignored anyway); the target is none of them."""
    for name in ignore:
        if name == target:
            raise InputError(f"the target {name!r} is to be ignored.", "Take it out of --ignore.")
        if name not in (*frame.columns, *frame.index.names):
            raise InputError(
                f"the column {name!r} to ignore is not in the table.",
                did_you_mean(name, frame.columns),
            )


def check_columns_filled(frame: pd.DataFrame, besides: Sequence[str] = ()) -> None:
    """Every feature has a value somewhere."""
    features = frame.drop(columns=list(besides), errors="ignore")
    empty = [str(name) for name in features.columns[features.isna().all()]]
    if empty:
        one = len(empty) == 1
        raise InputError(
            f"{'column' if one else f'{len(empty):,} columns'} {', '.join(map(repr, empty[:10]))}"
            f"{', ...' if len(empty) > 10 else ''} {'has' if one else 'have'} only missing values"
            f" in {len(frame):,} rows.",
            f"Drop {'it' if one else 'them'} from the data, or list {'it' if one else 'them'}"
            f" under --ignore {','.join(empty[:10])}.",
        )


def check_features(frame: pd.DataFrame, besides: Sequence[str]) -> None:
    """There is a column to predict from."""
    if frame.shape[1] <= len(set(besides) & set(frame.columns)):
        raise InputError(
            "the table has no column to predict from beside the target.",
            "Give a table with features, or ignore fewer columns.",
        )

"""Values of one column in several versions: where they differ, and a type that holds them all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, time
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_object_dtype

from limelight.data._threeway import Sides, interleaved
from limelight.errors import InputError

Bools = NDArray[np.bool_]

_UNITS = ("s", "ms", "us", "ns")


def differs(left: pd.Series, right: pd.Series) -> Bools:
    """Where two columns differ, place by place; a missing value is equal to a missing value.

    Values of different types are compared as values (1 is 1.0, and a category is its value); those
    of types that have nothing in common, as text.

    Args:
        left, right: The values, each of shape (n,); their indexes are not looked at.

    Example:
        >>> differs(pd.Series([1, 2, 3]), pd.Series([1.0, 2.5, None])).tolist()
        [False, True, True]
    """
    if left is right:
        return np.zeros(len(left), dtype=bool)
    left, right = _comparable(left, right)
    gone_left, gone_right = left.isna().to_numpy(), right.isna().to_numpy()
    # A comparison with a missing value is missing, or true: the masks say it in any case.
    found = pd.Series(left.array != right.array).to_numpy(dtype=bool, na_value=False)
    unequal: Bools = found & ~gone_left & ~gone_right
    unequal |= gone_left != gone_right
    return unequal


def common_type(left: pd.Series, right: pd.Series) -> Any:
    """The narrowest dtype that both columns can have, or None.

    Whole numbers and numbers widen, times take the finer unit, categories come together. Text and
    numbers, or times with and without a zone, have none. A column without any value fits all.
    """
    if same_type(left.dtype, right.dtype) and not is_object_dtype(left.dtype):
        return left.dtype
    empty = [column for column in (left, right) if family(column) == "nothing"]
    if len(empty) == 1:
        dtype = right.dtype if empty[0] is left else left.dtype
        return nullable(dtype) if len(empty[0]) else dtype
    kinds = {family(left, "other"), family(right, "other")}
    if kinds == {"category"}:
        base = pd.Series(pd.Categorical([], left.cat.categories, left.cat.ordered))
        return merged_categories(Sides(base, left, right))
    if "category" in kinds:
        return common_type(plain(left), plain(right))
    if len(kinds) > 1:
        return max(map(nullable, (left.dtype, right.dtype)), key=str) if empty else None
    return _COMMON.get(kinds.pop(), _same_dtype)(left.dtype, right.dtype)


def cast(series: pd.Series, dtype: Any) -> pd.Series | None:
    """The column with another dtype, if every value stays exactly what it is; else None.

    Example:
        >>> cast(pd.Series([1, 2]), "float64").tolist(), cast(pd.Series([1.5]), "Int64")
        ([1.0, 2.0], None)
    """
    dtype = pd.api.types.pandas_dtype(dtype)
    if same_type(series.dtype, dtype):
        return series
    if family(series) == "nothing":
        empty = [None] * len(series)
        fits = not empty or nullable(dtype) == dtype
        return pd.Series(empty, series.index, dtype) if fits else None
    sample = pd.Series([], dtype=dtype)
    if not is_object_dtype(dtype) and family(plain(sample), "other") != family(plain(series)):
        return None
    try:
        found = _astype(series, dtype)
    except (ValueError, TypeError, OverflowError):
        return None
    exact = not differs(plain(series).astype(object), plain(found).astype(object)).any()
    return found if exact else None


def _astype(series: pd.Series, dtype: Any) -> pd.Series:
    """The values in another dtype, as pandas converts them; what it has no place for is missing."""
    if is_object_dtype(dtype):
        return _whole(series)
    if not isinstance(dtype, pd.CategoricalDtype):
        return plain(series).astype(dtype)
    codes = dtype.categories.get_indexer(pd.Index(plain(series).array))
    found = pd.Categorical.from_codes(codes, dtype=dtype)
    return pd.Series(found, series.index, name=series.name)


def converted(series: pd.Series, like: pd.Series) -> pd.Series:
    """The column with the type of another, that somebody decided on: by its text, if need be.

    Raises:
        InputError: A value cannot be had in this type; names it.
    """
    dtype = like.dtype
    if not is_object_dtype(dtype) or family(like) in ("nothing", family(series)):
        for wanted in (dtype, nullable(dtype)):
            if (found := cast(series, wanted)) is not None:
                return found
    if isinstance(dtype, pd.StringDtype):
        return words(series).astype(dtype)
    if isinstance(dtype, pd.CategoricalDtype):
        return _more_categories(series, like)
    return _read_again(series, dtype)


def _more_categories(series: pd.Series, like: pd.Series) -> pd.Series:
    """As the other's categories, with what is not among them behind."""
    known = like.cat.categories
    values = converted(plain(series), pd.Series(known))
    more = [value for value in values.dropna().unique() if value not in known]
    dtype = pd.CategoricalDtype(known.append(pd.Index(more, dtype=known.dtype)), like.cat.ordered)
    return values.astype(dtype)


def _read_again(series: pd.Series, dtype: Any) -> pd.Series:
    """What the text of each value says in another type."""
    kept = plain(series).dropna()
    read = {value: _parsed(value, dtype) for value in kept.unique()}
    for value, found in read.items():
        if is_object_dtype(dtype) or cast(found, nullable(dtype)) is None:
            raise InputError(
                f"the value {value!r} of column {series.name!r} cannot be had as {dtype}, the type"
                " that was decided on.",
                "Decide for the other side, or change the value on its branch first.",
            )
    values = pd.Series([read[value].iloc[0] for value in kept], kept.index)
    return values.astype(nullable(dtype)).reindex(series.index)


def merged_categories(columns: Sides[pd.Series]) -> Any:
    """The categorical dtype with the categories of ours and of theirs, or None.

    None where their values have no type in common, or where ordered categories are in another
    order in one of them.
    """
    values = columns.map(lambda column: pd.Series(column.cat.categories))
    dtype = common_type(values.ours, values.theirs)
    known = values.map(lambda found: None if dtype is None else cast(found, dtype))
    if known.ours is None or known.theirs is None:
        return None
    before: list[Any] = [] if known.base is None else known.base.tolist()
    order = Sides[Sequence[Any]](before, known.ours.tolist(), known.theirs.tolist())
    found = interleaved(order)
    flags = columns.map(lambda column: bool(column.cat.ordered))
    ordered = flags.theirs if flags.ours == flags.base else flags.ours
    moved = [side for side in (order.ours, order.theirs) if side != order.base]
    if ordered and not all(_in_order(found, side) for side in moved):
        return None
    return pd.CategoricalDtype(pd.Index(pd.Series(found, dtype=dtype)), ordered=ordered)


def nullable(dtype: Any) -> Any:
    """The dtype itself if it has missing values, else its like that has them.

    Example:
        >>> nullable("int64"), nullable("float64")
        (Int64Dtype(), dtype('float64'))
    """
    dtype = pd.api.types.pandas_dtype(dtype)
    if isinstance(dtype, np.dtype) and dtype.kind in "iub":
        return pd.Series([], dtype=dtype).convert_dtypes().dtype
    return dtype


def same_type(left: Any, right: Any) -> bool:
    """Whether two dtypes are the same, with the same categories in the same order."""
    if isinstance(left, pd.CategoricalDtype) and isinstance(right, pd.CategoricalDtype):
        return left.ordered == right.ordered and left.categories.equals(right.categories)
    return bool(left == right)


def plain(series: pd.Series) -> pd.Series:
    """The column with its categories' values instead of categories."""
    if not isinstance(series.dtype, pd.CategoricalDtype):
        return series
    dtype = series.cat.categories.dtype
    return series.astype(nullable(dtype) if series.hasnans else dtype)


def words(series: pd.Series) -> pd.Series:
    """The values as text; missing ones stay missing."""
    return plain(series).astype(object).map(str, na_action="ignore").astype("str")


def family(series: pd.Series, empty: str = "nothing") -> str:
    """What a column's values are, whatever their width; ``empty`` where it has none."""
    dtype = series.dtype
    if empty == "nothing" and series.isna().all():
        return empty
    for known, name in _FAMILIES.items():
        if isinstance(dtype, known):
            return name
    if is_object_dtype(dtype):
        return _family_of_objects(series, empty)
    if isinstance(dtype, np.dtype) and dtype.kind in "mM":
        return dtype.name.partition("64")[0]
    return "number"


_FAMILIES: dict[Any, str] = {
    pd.CategoricalDtype: "category",
    pd.DatetimeTZDtype: "zoned",
    pd.PeriodDtype: "period",
    pd.StringDtype: "text",
}


def _family_of_objects(series: pd.Series, empty: str) -> str:
    """By the first value: a column of objects is of one type."""
    if series.isna().all():
        return empty
    value = series.array[series.notna().to_numpy().argmax()]
    known = {bytes: "bytes", Decimal: "decimal", date: "date", time: "time", str: "text"}
    return known.get(type(value), "number")


def _comparable(left: pd.Series, right: pd.Series) -> tuple[pd.Series, pd.Series]:
    if all(isinstance(column.dtype, pd.DatetimeTZDtype) for column in (left, right)):
        left, right = left.dt.tz_convert("UTC"), right.dt.tz_convert("UTC")
    if left.dtype != right.dtype or isinstance(left.dtype, pd.CategoricalDtype):
        dtype = common_type(left, right)
        one, other = (cast(left, dtype), cast(right, dtype)) if dtype is not None else (None, None)
        if one is None or other is None:
            return words(left), words(right)
        left, right = one, other
    if isinstance(left.dtype, pd.CategoricalDtype):
        return _codes(left), _codes(right)
    if is_object_dtype(left.dtype) and "decimal" in (family(left), family(right)):
        return words(left), words(right)  # 1.50 says more than 1.5, and is kept as it is written
    return left, right


def _codes(series: pd.Series) -> pd.Series:
    codes = series.cat.codes
    return codes.astype("float64").where(codes >= 0)


def _whole(series: pd.Series) -> pd.Series:
    """Whole numbers of any size, as Python's; other objects are what they are."""
    values = plain(series).astype(object)
    gone = values.isna()
    if family(series) == "number":
        values = pd.Series([int(v) for v in values[~gone]], values.index[~gone], dtype=object)
        values = values.reindex(series.index)
    values[gone] = None
    return values


def _parsed(value: Any, dtype: Any) -> pd.Series:
    """One value by its text as what the dtype asks for; as it is, where it cannot be read so."""
    convert: Any = pd.to_datetime if getattr(dtype, "kind", "") == "M" else pd.to_numeric
    try:
        return pd.Series([convert(str(value))])
    except (ValueError, TypeError, OverflowError):
        return pd.Series([value])


def _in_order(found: Sequence[Any], side: Sequence[Any]) -> bool:
    kept = set(side)
    return [value for value in found if value in kept] == list(side)


def _common_number(left: Any, right: Any) -> Any:
    """As numpy has it, but whole numbers never become doubles without need."""
    if is_object_dtype(left) or is_object_dtype(right):
        return np.dtype(object)
    widths = [np.dtype("bool" if d.name == "boolean" else d.name.lower()) for d in (left, right)]
    found = np.result_type(*widths)
    if found.kind == "f" and all(width.kind in "iub" for width in widths):
        return np.dtype(object)
    masked = [not isinstance(dtype, np.dtype) for dtype in (left, right)]
    if found.kind != "f":
        return nullable(found) if any(masked) else found
    floats = [m for m, width in zip(masked, widths, strict=True) if width.kind == "f"]
    return pd.api.types.pandas_dtype(found.name.capitalize()) if any(floats) else found


def _finer(left: Any, right: Any) -> Any:
    return max(left, right, key=lambda dtype: _UNITS.index(np.datetime_data(dtype)[0]))


def _one_zone(left: Any, right: Any) -> Any:
    if str(left.tz) != str(right.tz):
        return None
    return max(left, right, key=lambda dtype: _UNITS.index(dtype.unit))


def _text(left: Any, right: Any) -> Any:
    return left if left.na_value is pd.NA else right


def _same_dtype(left: Any, right: Any) -> Any:
    return left if left == right else None


_COMMON: dict[str, Callable[[Any, Any], Any]] = {
    "number": _common_number,
    "datetime": _finer,
    "timedelta": _finer,
    "zoned": _one_zone,
    "text": _text,
}

"""How the values of each kind of column become SQL values, and come back exactly.

There are three forms. A *series* is what a person has. *SQL values* (int, float, str, bytes, None)
are what a store keeps. Between them on the way back stands an *Arrow* column of the kind's own
type: it is as small as the series, can be kept in a cache, and becomes the series at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from limelight.errors import InputError, StoreError

Detail = dict[str, Any]
Gather = Callable[[Sequence[Any]], pa.Array]

_ARROW = "arrow"
"""In the detail of a column whose dtype is Arrow's: its name. The rest is as of pandas' own."""

_OWN: dict[pa.DataType, Any] = {
    pa.bool_(): pd.BooleanDtype(),
    pa.string(): pd.StringDtype(na_value=pd.NA),
    pa.large_string(): pd.StringDtype(na_value=pd.NA),
    **{
        pa.from_numpy_dtype(name.lower()): pd.api.types.pandas_dtype(name)
        for name in ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64")
    },
    pa.float32(): pd.Float32Dtype(),
    pa.float64(): pd.Float64Dtype(),
}


@dataclass(frozen=True)
class Codec:
    """One kind of column.

    Args:
        sql_type: Declared type in SQL.
        encode: A series, or a piece of one, to SQL values.
        arrow_type: Type in Arrow, by dtype.
        gather: SQL values to an Arrow array of that type.
        decode: Such an array (chunked) to what a series can be made of, by dtype and detail; it
            may share the memory of the array.
    """

    sql_type: str
    encode: Callable[[pd.Series, Detail], list[Any]]
    arrow_type: Callable[[str], pa.DataType]
    gather: Callable[[Sequence[Any], pa.DataType, Detail], pa.Array]
    decode: Callable[[pa.ChunkedArray, str, Detail], Any]


def sql_type(kind: str, detail: Detail) -> str:
    """The declared SQL type of a kind; of a category, that of its values."""
    return _codec(detail["values"]["kind"] if kind == "category" else kind).sql_type


def encode(series: pd.Series, kind: str, detail: Detail) -> list[Any]:
    """Values of a described column as int, float, str, bytes or None; never numpy scalars.

    A piece of the column is encoded as it is in the whole.
    """
    own = plain(series) if _ARROW in detail else series
    return _encode_category(own, detail) if kind == "category" else _codec(kind).encode(own, detail)


def arrow_type(kind: str, dtype: str, detail: Detail) -> pa.DataType:
    """The type that a column's values have in Arrow."""
    if kind == "category":
        return pa.from_numpy_dtype(np.min_scalar_type(-len(detail["categories"]) - 1))
    return _codec(kind).arrow_type(dtype)


def gatherer(kind: str, dtype: str, detail: Detail) -> Gather:
    """What turns SQL values, a piece of a column at a time, into Arrow."""
    kept = arrow_type(kind, dtype, detail)
    if kind == "category":
        codes: dict[Any, int | None] = {v: code for code, v in enumerate(detail["categories"])}
        codes[None] = None
        return lambda values: pa.array([codes[value] for value in values], kept)
    gather = _codec(kind).gather
    return lambda values: gather(values, kept, detail)


def restore(values: pa.ChunkedArray, kind: str, dtype: str, detail: Detail) -> Any:
    """The array of the series from its Arrow column; it may share the memory of the column."""
    if kind == "category":
        return _decode_category(values, detail)
    found = _codec(kind).decode(values, dtype, detail)
    if _ARROW not in detail:
        return found
    wanted = arrow_dtype(detail[_ARROW])
    return wanted.__from_arrow__(pa.array(pd.Series(found), wanted.pyarrow_dtype, from_pandas=True))


def decode(chunks: Iterable[Sequence[Any]], kind: str, dtype: str, detail: Detail) -> pd.Series:
    """The inverse of `encode`, from chunks of SQL values."""
    gather = gatherer(kind, dtype, detail)
    values = pa.chunked_array([gather(c) for c in chunks], arrow_type(kind, dtype, detail))
    return pd.Series(restore(values, kind, dtype, detail), copy=True)


def arrow_dtype(name: str) -> Any:
    """The dtype of Arrow's that has a name; text would else be taken for pandas' own.

    Raises:
        TypeError, NotImplementedError: pandas does not find it by its name.
    """
    if name == "string[pyarrow]":
        return pd.ArrowDtype(pa.string())
    return pd.api.types.pandas_dtype(name)


def plain(series: pd.Series) -> pd.Series:
    """A column of Arrow's in pandas as the equal one of pandas' own."""
    values = pa.chunked_array(pa.array(series.array))
    return pd.Series(values.to_pandas(types_mapper=_OWN.get), name=series.name)


def cannot_keep(series: pd.Series, what: str, way_out: str) -> InputError:
    """The error for a column whose values cannot be kept exactly."""
    return InputError(f"column {series.name!r} holds {what}, which cannot be kept.", way_out)


def _codec(kind: str) -> Codec:
    if kind not in _CODECS:
        raise StoreError(
            f"a column is of the kind {kind!r}, which this version of limelight does not know.",
            "The store was written by a newer version: pip install --upgrade limelight.",
        )
    return _CODECS[kind]


# To SQL values.


def _listed(values: NDArray[Any], missing: Any) -> list[Any]:
    """numpy's values as Python's, and None for those that are missing."""
    if missing.any():
        values = values.astype(object)
        values[missing] = None
    found: list[Any] = values.tolist()
    return found


def _encode_number(dtype: str) -> Callable[[pd.Series, Detail], list[Any]]:
    def encode_number(series: pd.Series, _: Detail) -> list[Any]:
        missing = series.isna().to_numpy()
        own = isinstance(series.dtype, np.dtype) and series.dtype != object
        # The width stays: a float32 is what it is as a double, and NaN is missing.
        return _listed(series.to_numpy() if own else series.to_numpy(dtype, na_value=0), missing)

    return encode_number


def _encode_bool(series: pd.Series, _: Detail) -> list[Any]:
    missing = series.isna().to_numpy()
    return _listed(series.to_numpy("bool", na_value=False).view("int8"), missing)


def _encode_each(convert: Callable[[Any], Any]) -> Callable[[pd.Series, Detail], list[Any]]:
    def encode_each(series: pd.Series, _: Detail) -> list[Any]:
        pairs = zip(series.tolist(), series.isna().tolist(), strict=True)
        return [None if missing else convert(value) for value, missing in pairs]

    return encode_each


def arrow_text(series: pd.Series) -> pa.Array:
    """A column of text in Arrow.

    Raises:
        InputError: A value is not valid Unicode.
    """
    try:
        values = series.to_numpy() if series.dtype == object else series.array
        return pa.array(values, pa.large_string(), from_pandas=True)
    except UnicodeEncodeError as problem:
        raise cannot_keep(
            series, f"text that is not valid Unicode ({problem.object!r})", "Clean this value."
        ) from problem


def _encode_text(series: pd.Series, _: Detail) -> list[Any]:
    return _python(arrow_text(series))


def _encode_date(series: pd.Series, _: Detail) -> list[Any]:
    return _python(
        pa.array(series.to_numpy(object), pa.date32(), from_pandas=True).cast(pa.string())
    )


def _encode_category(series: pd.Series, detail: Detail) -> list[Any]:
    known = np.empty(len(detail["categories"]) + 1, dtype=object)
    known[:-1] = detail["categories"]  # the code -1 is a missing value: the last one, None
    found: list[Any] = known[series.cat.codes.to_numpy()].tolist()
    return found


_LOW, _HIGH = np.datetime64("0000-01-01", "s"), np.datetime64("10000-01-01", "s")


def _encode_datetime(series: pd.Series, detail: Detail) -> list[Any]:
    objects = series.dtype == object
    series = pd.to_datetime(series, utc="zone" in detail) if objects else series
    if "zone" in detail:
        series = series.dt.tz_convert("UTC").dt.tz_localize(None)
    times = series.to_numpy(f"datetime64[{detail['unit']}]")
    missing = np.isnat(times)
    seconds = times[~missing].astype("datetime64[s]")
    if not ((seconds >= _LOW) & (seconds < _HIGH)).all():  # years that do not have four digits
        return _listed(np.datetime_as_string(times), missing)
    # As numpy says it, and several times faster: but for the T between date and time.
    spaced = pa.array(times).cast(pa.string()).cast(pa.binary())
    return _python(pc.binary_replace_slice(spaced, 10, 11, b"T").cast(pa.string()))


def _encode_timedelta(series: pd.Series, detail: Detail) -> list[Any]:
    series = pd.to_timedelta(series) if series.dtype == object else series
    spans = series.to_numpy(f"timedelta64[{detail['unit']}]")
    return _listed(spans.astype("int64"), np.isnat(spans))


def _encode_period(series: pd.Series, _: Detail) -> list[Any]:
    return _listed(pd.PeriodIndex(series).asi8, series.isna().to_numpy())


def _python(values: pa.Array | pa.ChunkedArray) -> list[Any]:
    """Texts or bytes as a list, with None for nulls."""
    chunked = values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([values])
    found: list[Any] = chunked.to_numpy().tolist()
    return found


# To Arrow.


def _gather(values: Sequence[Any], kept: pa.DataType, _: Detail) -> pa.Array:
    return pa.array(values, kept)


def _gather_float(values: Sequence[Any], kept: pa.DataType, _: Detail) -> pa.Array:
    try:
        return pa.array(values, kept)
    except pa.ArrowInvalid:  # a diff has large doubles as ints, which Arrow does not trust
        return pa.array([None if value is None else float(value) for value in values], kept)


def _gather_bool(values: Sequence[Any], kept: pa.DataType, _: Detail) -> pa.Array:
    return pa.array(values, pa.int64()).cast(kept)


def _gather_parsed(values: Sequence[Any], kept: pa.DataType, _: Detail) -> pa.Array:
    return pa.array(values, pa.large_string()).cast(kept)


def _gather_datetime(values: Sequence[Any], kept: pa.DataType, detail: Detail) -> pa.Array:
    texts = pa.array(values, pa.string())
    try:
        return texts.cast(pa.timestamp(detail["unit"])).cast(kept)
    except pa.ArrowInvalid:  # years that do not have four digits
        objects = texts.fill_null("NaT").to_numpy(zero_copy_only=False)
        times = objects.astype(str).astype(f"datetime64[{detail['unit']}]")
        return pa.array(times.astype("int64"), kept, mask=np.isnat(times))


# From Arrow.


def _decode_number(values: pa.ChunkedArray, dtype: str, _: Detail) -> Any:
    if dtype[0].isupper() or dtype == "boolean":
        nullable: Any = pd.api.types.pandas_dtype(dtype)
        return nullable.__from_arrow__(values)
    if values.null_count and not dtype.startswith("float"):
        raise ValueError(f"a value of type {dtype} is missing")
    return values.to_numpy()


def _decode_wide(values: pa.ChunkedArray, dtype: str, detail: Detail) -> Any:
    return (
        _decode_each(int)(values, dtype, detail)
        if dtype == "object"
        else _decode_number(values, dtype, detail)
    )


def _decode_text(values: pa.ChunkedArray, dtype: str, _: Detail) -> Any:
    kind: Any = pd.StringDtype(na_value=pd.NA if dtype == "string" else np.nan)
    return kind.__from_arrow__(_whole(values))


def _decode_category(values: pa.ChunkedArray, detail: Detail) -> Any:
    of = detail["values"]
    index = pd.Index(decode([detail["categories"]], of["kind"], of["dtype"], of["detail"]))
    dtype = pd.CategoricalDtype(index, ordered=detail["ordered"])
    return pd.Categorical.from_codes(values.fill_null(-1).to_numpy(), dtype=dtype)


_NOT_A_TIME = np.iinfo("int64").min


def _decode_datetime(values: pa.ChunkedArray, _: str, detail: Detail) -> Any:
    times = values.fill_null(_NOT_A_TIME).to_numpy().view(f"datetime64[{detail['unit']}]")
    if "zone" not in detail:
        return times
    return pd.DatetimeIndex(times).tz_localize("UTC").tz_convert(detail["zone"]).array


def _decode_timedelta(values: pa.ChunkedArray, _: str, detail: Detail) -> Any:
    return values.fill_null(_NOT_A_TIME).to_numpy().view(f"timedelta64[{detail['unit']}]")


def _decode_period(values: pa.ChunkedArray, _: str, detail: Detail) -> Any:
    ordinals = values.fill_null(_NOT_A_TIME).to_numpy()
    # In pandas since 2.2, and not yet in its published types.
    index: Any = pd.PeriodIndex
    return index.from_ordinals(ordinals, freq=detail["freq"]).array


def _decode_objects(values: pa.ChunkedArray, _: str, __: Detail) -> Any:
    return values.to_pandas(date_as_object=True).to_numpy()


def _decode_each(convert: Callable[[Any], Any]) -> Callable[[pa.ChunkedArray, str, Detail], Any]:
    def decode_each(values: pa.ChunkedArray, _: str, __: Detail) -> Any:
        found = [None if value is None else convert(value) for value in values.to_pylist()]
        # Element by element: numpy would guess a type.
        return np.fromiter(found, dtype=object, count=len(found))

    return decode_each


def _whole(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column in one piece, which all that is done with it later is faster on."""
    return pa.chunked_array([values.combine_chunks()], values.type)


def _always(kept: pa.DataType) -> Callable[[str], pa.DataType]:
    return lambda _: kept


def _as_numpy(dtype: str) -> pa.DataType:
    return pa.from_numpy_dtype(np.dtype(dtype.lower()))


def _wide_type(dtype: str) -> pa.DataType:
    return pa.large_string() if dtype == "object" else pa.uint64()


_TEXT, _INT = _always(pa.large_string()), _always(pa.int64())
_CODECS: dict[str, Codec] = {
    "int": Codec("INTEGER", _encode_number("int64"), _as_numpy, _gather, _decode_number),
    "wide_int": Codec(
        "TEXT", _encode_each(lambda v: str(int(v))), _wide_type, _gather_parsed, _decode_wide
    ),
    "float": Codec("REAL", _encode_number("float64"), _as_numpy, _gather_float, _decode_number),
    "wide_float": Codec(
        "TEXT", _encode_each(lambda v: repr(float(v))), _as_numpy, _gather_parsed, _decode_number
    ),
    "bool": Codec("INTEGER", _encode_bool, _always(pa.bool_()), _gather_bool, _decode_number),
    "text": Codec("TEXT", _encode_text, _TEXT, _gather, _decode_text),
    "datetime": Codec("TEXT", _encode_datetime, _INT, _gather_datetime, _decode_datetime),
    "timedelta": Codec("INTEGER", _encode_timedelta, _INT, _gather, _decode_timedelta),
    "period": Codec("INTEGER", _encode_period, _INT, _gather, _decode_period),
    "date": Codec("TEXT", _encode_date, _always(pa.date32()), _gather_parsed, _decode_objects),
    "time": Codec(
        "TEXT", _encode_each(time.isoformat), _TEXT, _gather, _decode_each(time.fromisoformat)
    ),
    "decimal": Codec("TEXT", _encode_each(str), _TEXT, _gather, _decode_each(Decimal)),
    "bytes": Codec(
        "BLOB", _encode_each(bytes), _always(pa.large_binary()), _gather, _decode_objects
    ),
}

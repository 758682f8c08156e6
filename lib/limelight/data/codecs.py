"""How the values of each kind of column become SQL values, and come back exactly."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from limelight.errors import InputError

Detail = dict[str, Any]
# Its published overloads do not take a dtype whose name is only known at run time.
_array: Callable[..., Any] = pd.array
Description = tuple[str, str, Detail]


@dataclass(frozen=True)
class Codec:
    """One kind of column.

    Args:
        sql_type: Declared type in SQL.
        arrow_type: Type of the SQL values in Arrow.
        encode: Values that are not missing (object array) to a list of SQL values.
        decode: SQL values (Arrow, may hold nulls), dtype and detail to a pandas array.
    """

    sql_type: str
    arrow_type: pa.DataType
    encode: Callable[[pd.Series, Detail], list[Any]]
    decode: Callable[[pa.ChunkedArray, str, Detail], Any]


def sql_type(kind: str, detail: Detail) -> str:
    """The declared SQL type of a kind; of a category, that of its values."""
    return _CODECS[detail["values"]["kind"] if kind == "category" else kind].sql_type


def describe(series: pd.Series) -> Description:
    """Kind, dtype and detail of a column.

    Raises:
        InputError: Its values cannot be kept exactly.
    """
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _describe_category(series, dtype)
    if isinstance(dtype, pd.DatetimeTZDtype):
        return "datetime", "datetime64", {"unit": dtype.unit, "zone": _zone_name(series, dtype)}
    if isinstance(dtype, pd.StringDtype):
        return "text", "string" if dtype.na_value is pd.NA else "str", {}
    if isinstance(dtype, (pd.ArrowDtype, pd.SparseDtype)):
        raise _cannot_keep(series, str(dtype), "Convert it: frame.convert_dtypes().")
    if dtype == np.dtype(object):
        return _describe_objects(series)
    return _describe_dtype(series)


def encode(series: pd.Series, kind: str, detail: Detail) -> list[Any]:
    """Values of a described column as int, float, str, bytes or None; never numpy scalars."""
    if kind == "category":
        return _encode_category(series, detail)
    codec = _CODECS[kind]
    missing = series.isna().to_numpy()
    if not missing.any():
        return codec.encode(series, detail)
    values = np.full(len(series), None, dtype=object)
    kept = codec.encode(series[~missing], detail)
    # Element by element: an assignment of the list would let numpy guess a type.
    values[~missing] = np.fromiter(kept, dtype=object, count=len(kept))
    found: list[Any] = values.tolist()
    return found


def decode(chunks: list[list[Any]], kind: str, dtype: str, detail: Detail) -> pd.Series:
    """The inverse of `encode`, from chunks of SQL values."""
    if kind == "category":
        return _decode_category(chunks, detail)
    codec = _CODECS[kind]
    arrays = [pa.array(chunk, type=codec.arrow_type) for chunk in chunks]
    return pd.Series(codec.decode(pa.chunked_array(arrays, codec.arrow_type), dtype, detail))


def _cannot_keep(series: pd.Series, what: str, way_out: str) -> InputError:
    return InputError(f"column {series.name!r} holds {what}, which cannot be kept.", way_out)


def _describe_dtype(series: pd.Series) -> Description:
    """A column with a dtype of numpy's, or of pandas' nullable ones."""
    name = str(series.dtype)
    if name in ("uint64", "UInt64"):
        return "wide_int", name, {}
    if re.fullmatch(r"u?int(8|16|32|64)|U?Int(8|16|32|64)", name):
        return "int", name, {}
    if re.fullmatch(r"[fF]loat(16|32|64)", name):
        return "float", name, {}
    if name in ("bool", "boolean"):
        return "bool", name, {}
    timed = re.fullmatch(r"(datetime|timedelta)64\[(s|ms|us|ns)\]", name)
    if timed:
        detail = {"unit": timed[2]}
        return timed[1], f"{timed[1]}64", detail
    raise _cannot_keep(series, f"values of type {name}", "Convert it: frame[column].astype(str).")


_OBJECT_KINDS: dict[str, Description] = {
    "string": ("text", "str", {}),
    "empty": ("text", "str", {}),
    "boolean": ("bool", "boolean", {}),
    "floating": ("float", "float64", {}),
    "date": ("date", "object", {}),
    "decimal": ("decimal", "object", {}),
    "bytes": ("bytes", "object", {}),
}


def _describe_objects(series: pd.Series) -> Description:
    """A column of Python objects: by the type that all of its values share."""
    found = pd.api.types.infer_dtype(series, skipna=True)
    if found == "date" and series.map(lambda value: isinstance(value, datetime)).any():
        raise _odd_one(series, found)  # a datetime is a date as well, and would lose its time
    if found in _OBJECT_KINDS:
        return _OBJECT_KINDS[found]
    if found == "integer":
        kept = series.dropna()
        fits = kept.min() >= -(2**63) and kept.max() < 2**63
        return ("int", "Int64", {}) if fits else ("wide_int", "object", {})
    if found in ("datetime", "datetime64", "timedelta", "timedelta64"):
        try:
            convert: Any = pd.to_datetime if found.startswith("datetime") else pd.to_timedelta
            return describe(convert(series).rename(series.name))
        except (ValueError, TypeError) as problem:
            raise _cannot_keep(
                series,
                f"times that do not go together ({problem})",
                "Convert it: pd.to_datetime(frame[column], utc=True).",
            ) from problem
    raise _odd_one(series, found)


def _odd_one(series: pd.Series, found: str) -> InputError:
    """The error for a column of mixed or unknown objects, with a value that does not fit."""
    kept = series.dropna()
    types = kept.map(type)
    common = types.value_counts().index[0]
    odd = kept[types != common]
    value = odd.iloc[0] if len(odd) else kept.iloc[0]
    what = (
        f"values of several types: mostly {common.__name__}, and {value!r} is"
        f" {type(value).__name__}"
        if len(odd)
        else f"values of type {found if found != 'mixed' else common.__name__}, e.g. {value!r}"
    )
    return _cannot_keep(series, what, "Make them one type, e.g. frame[column].astype(str).")


def _zone_name(series: pd.Series, dtype: pd.DatetimeTZDtype) -> str:
    name = str(dtype.tz)
    try:
        pd.DatetimeTZDtype(dtype.unit, name)
    except Exception as problem:  # each zone library has errors of its own
        raise _cannot_keep(
            series,
            f"times in the zone {name!r}, which cannot be found again by its name",
            "Convert it: frame[column].dt.tz_convert('UTC').",
        ) from problem
    return name


def _describe_category(series: pd.Series, dtype: pd.CategoricalDtype) -> Description:
    values = pd.Series(dtype.categories, name=series.name)
    kind, value_dtype, detail = describe(values)
    if kind == "bytes":
        raise _cannot_keep(series, "categories of bytes", "Decode them to text.")
    found = {
        "ordered": bool(dtype.ordered),
        "categories": encode(values, kind, detail),
        "values": {"kind": kind, "dtype": value_dtype, "detail": detail},
    }
    return "category", "category", found


def _encode_category(series: pd.Series, detail: Detail) -> list[Any]:
    known: list[Any] = [*detail["categories"], None]  # the code -1 is a missing value
    return [known[code] for code in series.cat.codes.tolist()]


def _decode_category(chunks: list[list[Any]], detail: Detail) -> pd.Series:
    categories, values = detail["categories"], detail["values"]
    codes = {value: code for code, value in enumerate(categories)}
    codes[None] = -1
    found = np.fromiter((codes[v] for chunk in chunks for v in chunk), dtype="int64")
    index = pd.Index(decode([categories], values["kind"], values["dtype"], values["detail"]))
    dtype = pd.CategoricalDtype(index, ordered=detail["ordered"])
    return pd.Series(pd.Categorical.from_codes(found, dtype=dtype))


def _masked(values: pa.ChunkedArray, filler: Any) -> tuple[Any, Any]:
    """Values with the nulls filled, and where they were; numpy arrays."""
    return (
        values.fill_null(filler).to_numpy(),
        values.is_null().to_numpy(),
    )


def _decode_number(values: pa.ChunkedArray, dtype: str, _: Detail) -> Any:
    filled, missing = _masked(values, 0)
    array = _array(filled.astype("bool" if dtype == "boolean" else dtype.lower()), dtype=dtype)
    if missing.any():
        array[missing] = np.nan if dtype.startswith("float") else pd.NA
    return array


def _encode_wide(series: pd.Series, _: Detail) -> list[Any]:
    return [str(int(value)) for value in series.astype(object)]


def _decode_wide(values: pa.ChunkedArray, dtype: str, _: Detail) -> Any:
    found = [None if value is None else int(value) for value in values.to_pylist()]
    array = np.fromiter(found, dtype=object, count=len(found))
    return array if dtype == "object" else _array(array, dtype=dtype)


def _encode_text(series: pd.Series, _: Detail) -> list[Any]:
    values: list[str] = series.astype(object).tolist()
    try:
        "".join(values).encode()
    except UnicodeEncodeError as problem:
        bad = next(value for value in values if re.search("[\ud800-\udfff]", value))
        raise _cannot_keep(
            series, f"text that is not valid Unicode ({bad!r})", "Clean this value."
        ) from problem
    return values


def _decode_text(values: pa.ChunkedArray, dtype: str, _: Detail) -> Any:
    missing = pd.NA if dtype == "string" else np.nan
    return pd.array(values.to_numpy(), dtype=pd.StringDtype(na_value=missing))


def _encode_datetime(series: pd.Series, detail: Detail) -> list[Any]:
    times = pd.to_datetime(series) if series.dtype == object else series
    if "zone" in detail:
        times = times.dt.tz_convert("UTC").dt.tz_localize(None)
    unit = detail["unit"]
    texts: list[Any] = np.datetime_as_string(times.to_numpy(f"datetime64[{unit}]")).tolist()
    return texts


def _decode_datetime(values: pa.ChunkedArray, _: str, detail: Detail) -> Any:
    texts = values.fill_null("NaT").to_numpy().astype(str)
    times = pd.Series(texts.astype(f"datetime64[{detail['unit']}]"))
    if "zone" not in detail:
        return times
    return times.dt.tz_localize("UTC").dt.tz_convert(detail["zone"])


def _encode_timedelta(series: pd.Series, detail: Detail) -> list[Any]:
    spans = pd.to_timedelta(series) if series.dtype == object else series
    values: list[Any] = spans.to_numpy(f"timedelta64[{detail['unit']}]").astype("int64").tolist()
    return values


def _decode_timedelta(values: pa.ChunkedArray, _: str, detail: Detail) -> Any:
    filled, missing = _masked(values, 0)
    spans = filled.astype(f"timedelta64[{detail['unit']}]")
    spans[missing] = np.timedelta64("NaT")
    return spans


def _encode_each(convert: Callable[[Any], Any]) -> Callable[[pd.Series, Detail], list[Any]]:
    return lambda series, _: [convert(value) for value in series.tolist()]


def _decode_each(convert: Callable[[Any], Any]) -> Callable[[pa.ChunkedArray, str, Detail], Any]:
    def decode_objects(values: pa.ChunkedArray, _: str, __: Detail) -> Any:
        found = [None if value is None else convert(value) for value in values.to_pylist()]
        return pd.Series(np.fromiter(found, dtype=object, count=len(found)), dtype=object)

    return decode_objects


_CODECS: dict[str, Codec] = {
    "int": Codec("INTEGER", pa.int64(), _encode_each(int), _decode_number),
    "wide_int": Codec("TEXT", pa.string(), _encode_wide, _decode_wide),
    "float": Codec("REAL", pa.float64(), _encode_each(float), _decode_number),
    "bool": Codec("INTEGER", pa.int64(), _encode_each(int), _decode_number),
    "text": Codec("TEXT", pa.string(), _encode_text, _decode_text),
    "datetime": Codec("TEXT", pa.string(), _encode_datetime, _decode_datetime),
    "timedelta": Codec("INTEGER", pa.int64(), _encode_timedelta, _decode_timedelta),
    "date": Codec(
        "TEXT", pa.string(), _encode_each(date.isoformat), _decode_each(date.fromisoformat)
    ),
    "decimal": Codec("TEXT", pa.string(), _encode_each(str), _decode_each(Decimal)),
    "bytes": Codec("BLOB", pa.binary(), _encode_each(bytes), _decode_each(bytes)),
}

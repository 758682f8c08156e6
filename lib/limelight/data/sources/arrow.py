"""Parquet and Feather, and Arrow's values as columns of pandas."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import feather, parquet

from limelight.data.schema import check_names
from limelight.data.sources.files import DAMAGE, Part
from limelight.data.sources.table import Columns, Rows, Wanted, lacking
from limelight.errors import InputError

# The name of an index that has none.
_NAMELESS = re.compile(r"__index_level_\d+__")
_NULLABLE: dict[pa.DataType, Any] = {
    pa.bool_(): pd.BooleanDtype(),
    **{
        getattr(pa, name.lower())(): pd.api.types.pandas_dtype(name)
        for name in ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64")
    },
}


def as_series(values: pa.ChunkedArray, name: str) -> pd.Series:
    """Arrow's values with the dtype of pandas that keeps them exactly.

    Whole numbers and booleans with nulls become pandas' nullable types: by itself they would
    become doubles, which are not exact, or objects.
    """
    if _needs_nullable(values):
        series = values.to_pandas(types_mapper=_NULLABLE.get)
    else:
        series = values.to_pandas()
    if isinstance(series.dtype, pd.DatetimeTZDtype) and values.type.tz == "UTC":
        series = series.dt.tz_convert("UTC")
    named: pd.Series = series.rename(name)
    return named


def read_arrow(parts: Sequence[Part], wanted: Wanted) -> Columns:
    """The columns of Parquet or Feather files, with the types that they carry.

    Types of parts that differ in width become the wider one; an index that pandas wrote becomes
    columns again.

    Raises:
        InputError: A part has other columns than the first, or a column of another type.
    """
    schemas = [_schema(part) for part in parts]
    names = wanted.of([name for name in schemas[0].names if not _NAMELESS.fullmatch(name)])
    schema = _united(parts, schemas, names) if len(parts) > 1 else None
    tables = [_read(part, names) for part in parts]
    rows = Rows(tuple(part.name for part in parts), tuple(table.num_rows for table in tables))
    table = pa.concat_tables(t.cast(schema) for t in tables) if schema is not None else tables[0]
    del tables
    return Columns(_taken_apart(table), rows)


def _schema(part: Part) -> pa.Schema:
    try:
        if part.format == "parquet":
            schema = parquet.read_schema(part.path)
        else:
            with pa.memory_map(str(part.path)) as file:
                schema = pa.ipc.open_file(file).schema
    except DAMAGE as problem:
        raise part.damaged(problem) from problem
    check_names(schema.names)
    return schema


def _read(part: Part, names: Sequence[str]) -> pa.Table:
    try:
        if part.format == "parquet":
            # Not read_table: it takes folders called a=b for columns.
            return parquet.ParquetFile(part.path).read(columns=list(names)).select(list(names))
        return feather.read_table(part.path, columns=list(names), memory_map=False)
    except DAMAGE as problem:
        raise part.damaged(problem) from problem


def _united(parts: Sequence[Part], schemas: Sequence[pa.Schema], names: list[str]) -> pa.Schema:
    """The schema that all parts can have, with the metadata of the first."""
    fields = []
    for name in names:
        for part, schema in zip(parts, schemas, strict=True):
            if name not in schema.names:
                raise lacking(parts[0].name, part.name, name)
        types = [schema.field(name) for schema in schemas]
        fields.append(_field(types, parts))
    for part, schema in zip(parts, schemas, strict=True):
        for name in schema.names:
            if name not in schemas[0].names and not _NAMELESS.fullmatch(name):
                raise lacking(part.name, parts[0].name, name)
    return pa.schema(fields, metadata=schemas[0].metadata)


def _field(fields: Sequence[pa.Field], parts: Sequence[Part]) -> pa.Field:
    """A column with the type that it can have in all parts."""
    united = fields[0].remove_metadata()
    for field, part in zip(fields[1:], parts[1:], strict=True):
        try:
            schema = pa.unify_schemas(
                [pa.schema([united]), pa.schema([field.remove_metadata()])],
                promote_options="permissive",
            )
        except pa.ArrowException as problem:
            raise InputError(
                f"column {field.name!r} is {fields[0].type} in {parts[0].name} and {field.type} in"
                f" {part.name}.",
                "Give it one type in all parts, or leave it out.",
            ) from problem
        united = schema.field(0)
    return united


def _taken_apart(table: pa.Table) -> dict[str, pd.Series]:
    """The columns as pandas has them; their memory in Arrow is given back one by one."""
    like = _without_index(table.slice(0, 0).to_pandas())
    check_names(like.columns)
    exact = {
        name: as_series(table[name], name)
        for name in table.column_names
        if _needs_nullable(table[name]) and isinstance(like[name].dtype, np.dtype)
    }
    rest = table.drop_columns(list(exact))
    del table
    frame = _without_index(rest.to_pandas(split_blocks=True, self_destruct=True))
    return {name: exact[name] if name in exact else frame[name] for name in like.columns}


def _without_index(frame: pd.DataFrame) -> pd.DataFrame:
    """The index as columns, if it has a name."""
    return frame.reset_index(drop=list(frame.index.names) == [None])


def _needs_nullable(values: pa.ChunkedArray) -> bool:
    dtype = values.type
    return bool(values.null_count and (pa.types.is_integer(dtype) or pa.types.is_boolean(dtype)))

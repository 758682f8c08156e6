"""Reading a table from a file, a folder of files, or a database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from limelight.data.keys import check_key
from limelight.data.sources.arrow import read_arrow
from limelight.data.sources.delimited import read_delimited
from limelight.data.sources.files import DAMAGE, Part, file_part
from limelight.data.sources.folder import add_partitions, besides_partitions, folder_parts
from limelight.data.sources.given import check_types, given_type, parse_types
from limelight.data.sources.json_rows import read_json
from limelight.data.sources.table import Columns, Wanted
from limelight.errors import InputError, did_you_mean

__all__ = ["SourceTable", "parse_types", "read_source"]


@dataclass(frozen=True)
class SourceTable:
    """A table as it was read from a source.

    Args:
        frame: The rows, with a plain count as the index.
        notes: What the user should know of how columns were read, a sentence each: mixed
            columns with the values and rows that do not fit, dates in a local order, ...
        origin: Where it is from, for a dataset's card: the name of a file or folder, or a URL
            without password, with the table's name.
        first: ``day`` or ``month``, by column with local dates: which stood first.
    """

    frame: pd.DataFrame
    notes: tuple[str, ...] = ()
    origin: str = ""
    first: Mapping[str, str] = field(default_factory=dict)


_READERS: dict[str, Callable[[Sequence[Part], Wanted], Columns]] = {
    "csv": read_delimited,
    "json": read_json,
    "parquet": read_arrow,
    "feather": read_arrow,
}


def read_source(
    source: str | Path,
    key: Sequence[str] = (),
    *,
    types: Mapping[str, str] | None = None,
    columns: Sequence[str] = (),
    without: Sequence[str] = (),
    query: str = "",
) -> SourceTable:
    """The table in a source, with careful types.

    CSV, TSV and JSON lines may be compressed (``.gz``, ``.bz2``, ``.xz``, ``.zst``); Parquet and
    Feather are so inside. A folder of files of one kind is one table, whose types are found over
    all files together. A URL is one of SQLAlchemy's (``postgresql://...``).

    In CSV and TSV an empty cell is missing; see `limelight.data.reading.narrowest` for how a
    column finds its type, and `limelight.data.sources.local_forms` for local dates and numbers.
    The other sources carry their types; whole numbers and booleans with missing values become
    pandas' nullable types.

    Args:
        source: A path, whose ending says what it is, or a URL.
        key: Columns that identify a row; checked.
        types: Types of columns that are not to be found by themselves; words of
            `limelight.data.sources.given.TYPES`.
        columns: The only columns to read; all of them if empty.
        without: Columns to leave out.
        query: For a URL: a SELECT, or the name of a table.

    Raises:
        InputError: The source is missing, empty, damaged, ragged, not in UTF-8 or not what its
            ending says; a column name is given twice; a value does not fit a given type; the key
            is missing or not unique; the database cannot be reached or refuses the query.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "t.csv")
        ...     _ = path.write_text("zip,n\\n01234,1\\n98765,\\n")
        ...     read_source(path).frame.dtypes.astype(str).to_dict()
        {'zip': 'str', 'n': 'Int64'}
    """
    check_types(types or {})
    wanted = Wanted(tuple(columns), tuple(without), frozenset(types or ()))
    _check_key_wanted(key, wanted)
    if "://" in str(source):
        # SQLAlchemy is heavy, and needed for URLs alone.
        from limelight.data.sources.database import read_database

        found, origin = read_database(str(source), query, wanted)
    else:
        found, origin = _read_files(Path(source).expanduser(), query, wanted)
    _apply(types or {}, found, wanted)
    # Column by column: a frame made of blocks would copy all of it.
    frame = pd.concat(found.series.values(), axis=1, keys=found.series.keys())
    if frame.empty:
        raise InputError(f"{origin} has no rows.", "Give a table with a header and rows.")
    check_key(frame, key)
    return SourceTable(frame, tuple(found.notes), origin, found.first)


def _check_key_wanted(key: Sequence[str], wanted: Wanted) -> None:
    for name in key:
        if not wanted.keeps(name):
            raise InputError(
                f"the key {name!r} is not among the columns to read.", "Read it too, or drop it."
            )


def _apply(types: Mapping[str, str], found: Columns, wanted: Wanted) -> None:
    """Give the columns the types that are given for them."""
    for name, given in types.items():
        if name in found.series:
            found.series[name] = given_type(found.series[name], given, found.rows)
        elif wanted.keeps(name):
            raise InputError(
                f"column {name!r}, which is given as {given}, is not in the source.",
                did_you_mean(name, found.series),
            )


def _read_files(path: Path, query: str, wanted: Wanted) -> tuple[Columns, str]:
    if query:
        raise InputError(
            f"{path} is a file, and a query is for a database.",
            "Give a URL, e.g. sqlite:///file.db, or no query.",
        )
    parts = folder_parts(path) if path.is_dir() else [file_part(path)]
    try:
        found = _READERS[parts[0].format](parts, besides_partitions(parts, wanted))
    except DAMAGE as problem:
        raise InputError(
            f"{path} cannot be read: {problem}.", "Make or download the file again."
        ) from problem
    add_partitions(parts, found, wanted)
    return found, path.name

"""Reading a table from a file: CSV, TSV, Parquet or Feather."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import csv, feather, parquet

from limelight.data.keys import check_key
from limelight.data.reading import typed
from limelight.data.schema import check_names
from limelight.errors import InputError

_COMPRESSIONS: dict[str, Callable[[Path], Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zst": lambda path: pa.input_stream(path, compression="zstd"),
}
_ENDINGS = (".csv", ".tsv", ".parquet", ".pq", ".feather", ".arrow")
_MAGIC = {
    b"PAR1": "a Parquet file",
    b"ARROW1": "a Feather file",
    b"\x1f\x8b": "a gzip file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ\0": "an xz file",
    b"PK\x03\x04": "a zip or Excel file",
    b"\x89PNG": "a PNG picture",
    b"%PDF": "a PDF file",
    b"SQLite format 3": "an SQLite database",
    b"CTLD": "a dataset store",
    b"<!doctype html": "a web page",
    b"<html": "a web page",
    b"\xff\xfe": "text in UTF-16",
    b"\xfe\xff": "text in UTF-16",
}
_LINE_END = b"\n"
_DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError, pa.ArrowException)


def read_source(path: str | Path, key: Sequence[str] = ()) -> pd.DataFrame:
    """The table in a file, with careful types.

    In CSV and TSV (also ``.gz``, ``.bz2``, ``.xz``, ``.zst``) an empty cell is missing; see
    `limelight.data.reading.typed` for how a column finds its type. Parquet and Feather carry
    their types; whole numbers and booleans with missing values become pandas' nullable types.

    Args:
        path: The file; its ending says what it is.
        key: Columns that identify a row; checked.

    Raises:
        InputError: The file is missing, empty, damaged, ragged, not in UTF-8 or not what its
            ending says; a column name is given twice; the key is missing or not unique.
    """
    place = Path(path).expanduser()
    _check_exists(place)
    ending, compression = _ending(place)
    _check_content(place, ending, compression)
    try:
        frame = (
            _read_text(place, "\t" if ending == ".tsv" else ",", compression)
            if ending in (".csv", ".tsv")
            else _read_arrow(place, ending)
        )
    except _DAMAGE as problem:
        raise InputError(
            f"{place} cannot be read: {problem}.", "Make or download the file again."
        ) from problem
    if frame.empty:
        raise InputError(f"{place} has no rows.", "Give a table with a header and rows.")
    check_key(frame, key)
    return frame


def _ending(path: Path) -> tuple[str, str]:
    """What the file is, and how it is compressed, by the ending of its name."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compression = suffixes.pop() if suffixes and suffixes[-1] in _COMPRESSIONS else ""
    ending = suffixes[-1] if suffixes else ""
    if ending not in _ENDINGS or (compression and ending not in (".csv", ".tsv")):
        raise InputError(
            f"the ending of {path.name!r} is not one that can be read.",
            f"Use {', '.join(_ENDINGS)}, or .csv and .tsv with .gz, .bz2, .xz or .zst behind.",
        )
    return ending, compression


def _check_exists(path: Path) -> None:
    if path.is_dir():
        raise InputError(f"{path} is a folder.", "Give one file.")
    if not path.exists():
        near = sorted(other.name for other in path.parent.glob("*") if _is_readable(other))
        way_out = f"In that folder are: {', '.join(near[:10])}." if near else "Check the path."
        raise InputError(f"the file {path} does not exist.", way_out)
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty.", "Give a table with a header and rows.")


def _is_readable(path: Path) -> bool:
    return path.is_file() and any(ending in path.suffixes for ending in _ENDINGS)


def _check_content(path: Path, ending: str, compression: str) -> None:
    """The first bytes are what the ending says."""
    try:
        with _opened(path, compression) as file:
            head: bytes = file.read(4096)
    except _DAMAGE as problem:
        raise InputError(
            f"{path} is not a whole {compression or ending} file ({problem}).",
            "Make or download the file again, or correct its ending.",
        ) from problem
    is_text = ending in (".csv", ".tsv")
    expected = {".parquet": b"PAR1", ".pq": b"PAR1"}.get(ending, b"ARROW1")
    if not is_text and head.startswith(expected):
        return
    start = head.lstrip()[:20].lower()
    found = next((n for m, n in _MAGIC.items() if head.startswith(m) or start.startswith(m)), "")
    if is_text and not found and b"\0" not in head:
        return
    what = found or ("a binary file" if b"\0" in head else "a text file")
    raise InputError(
        f"{path} ends in {ending}{compression} and is {what}.",
        "Save it as UTF-8." if "UTF-16" in what else "Correct its ending, or give another file.",
    )


def _opened(path: Path, compression: str) -> Any:
    return _COMPRESSIONS[compression](path) if compression else path.open("rb")


def _read_text(path: Path, separator: str, compression: str) -> pd.DataFrame:
    with _opened(path, compression) as file:
        content: bytes = file.read()
    if not content.strip():
        raise InputError(f"{path} is empty.", "Give a table with a header and rows.")
    try:
        content.decode()
    except UnicodeDecodeError as problem:
        raise InputError(
            f"{path} is not in UTF-8: byte 0x{content[problem.start]:02x} in line"
            f" {content.count(_LINE_END, 0, problem.start) + 1} cannot be read.",
            "Save it as UTF-8, e.g. iconv -f latin1 -t utf-8 IN.csv > OUT.csv.",
        ) from problem
    try:
        table = _parsed(content, _separator(content, separator))
    except pa.ArrowInvalid as problem:
        said = " ".join(str(problem).removeprefix("CSV parse error: ").split())
        raise InputError(
            f"the rows of {path} do not fit together: {said[:200]}.",
            "Give each row as many cells as the header, and quote cells that hold a separator.",
        ) from problem
    header = [column[0].as_py() for column in table.columns]
    # A column without a name gets the one that pandas gives it: later rows will have that.
    names = [name.strip() or f"Unnamed: {place}" for place, name in enumerate(header)]
    check_names(names)
    columns = [typed(column[1:].to_pandas()) for column in table.columns]
    return pd.concat(columns, axis=1).set_axis(names, axis=1)


def _separator(content: bytes, separator: str) -> str:
    """A ``;`` where the header of a CSV has no comma, as spreadsheets in many countries have it.

    So it is with tabs and bars. What stands in quotes does not count.
    """
    if separator != ",":
        return separator
    header = re.sub(rb'"[^"]*"', b"", content.split(_LINE_END, 1)[0])
    return next((other for other in ",;\t|" if other.encode() in header), separator)


def _parsed(content: bytes, separator: str) -> pa.Table:
    """All cells as text; the header is the first row."""
    arguments = {
        "read_options": csv.ReadOptions(
            use_threads=False,  # so that an error can say the row
            autogenerate_column_names=True,
            block_size=min(len(content) + 1, 2**30),
        ),
        "parse_options": csv.ParseOptions(delimiter=separator, newlines_in_values=True),
    }
    width = csv.open_csv(io.BytesIO(content), **arguments).schema.names
    options = csv.ConvertOptions(column_types=dict.fromkeys(width, pa.string()))
    return csv.read_csv(io.BytesIO(content), **arguments, convert_options=options)


def _read_arrow(path: Path, ending: str) -> pd.DataFrame:
    if ending in (".parquet", ".pq"):
        check_names(parquet.read_schema(path).names)  # a name given twice fails in the next line
        table = parquet.read_table(path)
    else:
        table = feather.read_table(path)
        check_names(table.column_names)
    frame: pd.DataFrame = table.to_pandas()
    if list(frame.index.names) != [None]:
        frame = frame.reset_index()
    for field in table.schema:
        nullable = pa.types.is_integer(field.type) or pa.types.is_boolean(field.type)
        if nullable and field.name in frame.columns and table[field.name].null_count:
            # By itself it would become floats, which are not exact, or objects.
            frame[field.name] = table[field.name].to_pandas(types_mapper=_NULLABLE.get)
    check_names(frame.columns)
    return frame.reset_index(drop=True)


_NULLABLE: dict[pa.DataType, Any] = {
    pa.bool_(): pd.BooleanDtype(),
    **{
        getattr(pa, name.lower())(): pd.api.types.pandas_dtype(name)
        for name in ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64")
    },
}

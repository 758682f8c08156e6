"""CSV and TSV: read in batches, so that a table never takes much more memory than its frame."""

from __future__ import annotations

import codecs
import csv as python_csv
import io
import re
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import csv

from limelight.data.schema import check_names
from limelight.data.sources.arrow import as_series
from limelight.data.sources.files import Part, not_utf8
from limelight.data.sources.local_forms import COMMAS, local_form
from limelight.data.sources.table import Columns, Rows, Wanted, lacking
from limelight.data.sources.text_column import TextColumn
from limelight.errors import InputError

# Bytes that are read and parsed at a time: what stays in a processor's cache, but some hundred
# rows even of a wide table.
_BLOCK = 2**20
_WIDE_BLOCK = 2**24
_CELLS = 2**16
_HEAD = 2**20
_LARGEST_BLOCK = 2**30


def read_delimited(parts: Sequence[Part], wanted: Wanted) -> Columns:
    """The columns of CSV or TSV files with one header, each with the type that all parts agree on.

    Cells are read as text in batches, and each batch of a column is kept in the narrowest type.
    Columns that turn out to be text after all are read a second time.

    Raises:
        InputError: A part has other columns than the first; it is ragged, empty or not in UTF-8.
    """
    names = _same_names(parts)
    columns = [TextColumn(name, text=name in wanted.given) for name in wanted.of(names)]
    rows = _fill(parts, columns)
    again = [TextColumn(column.name, text=True) for column in columns if column.fallen]
    if again:
        if _fill(parts, again) != rows:
            raise InputError("the source changed while it was read.", "Read it again.")
        read_again = {column.name: column for column in again}
        columns = [read_again.get(column.name, column) for column in columns]
    comma = any(separator(part) == ";" for part in parts)
    found = Columns({}, rows)
    for column in columns:
        # One by one, so that batches and columns of all names are never there together.
        _finish(column, found, comma=comma, given=column.name in wanted.given)
    commas = [f"column {name!r} {COMMAS}" in found.notes for name in found.series]
    for (name, series), comma in zip(found.series.items(), commas, strict=True):
        if any(commas) and not comma and name not in wanted.given and _like_thousands(series):
            found.notes.append(
                f"column {name!r} has points, read as decimal points though other columns have"
                " decimal commas: give its type as text if they stand between thousands"
            )
    return found


def _like_thousands(series: pd.Series) -> bool:
    """Whether numbers may be spelt like 1.234 and 12.500, with three digits behind a point."""
    if series.dtype != "float64":
        return False
    values = series.dropna().abs()
    return bool(
        values.between(1, 1000, inclusive="left").all()
        and (values.round(3) == values).all()
        and (values.round(2) != values).any()
    )


def separator(part: Part) -> str:
    """A ``;`` where the header of a CSV has no comma, as spreadsheets in many countries have it.

    So it is with tabs and bars. What stands in quotes does not count.
    """
    if part.ending == ".tsv":
        return "\t"
    with part.opened() as file:
        head = b"\n" + file.read(_HEAD).removeprefix(codecs.BOM_UTF8).lstrip(b"\r\n")
    lines = re.sub(rb'(?<=[,;\t|\r\n])"(?:[^"]|"")*"', b"", head).splitlines()
    header = b"".join(lines[1:2])
    return next((other for other in ",;\t|" if other.encode() in header), ",")


def _finish(column: TextColumn, found: Columns, *, comma: bool, given: bool) -> None:
    values, note = column.values(), ""
    if column.is_text and not given:
        form = local_form(values, decimal_comma=comma)
        if form is not None:
            values = form.values if form.values is not None else values
            note = f"column {column.name!r} {form.note}"
            if form.first:
                found.first[column.name] = form.first
        note = note or column.watch.note(column.name, found.rows)
    found.series[column.name] = as_series(values, column.name)
    if note:
        found.notes.append(note)


def _same_names(parts: Sequence[Part]) -> list[str]:
    """The column names of the first part, which all others have too."""
    first = _names(parts[0])
    for part in parts[1:]:
        names = _names(part)
        for name in [*first, *names]:
            if (name in names) != (name in first):
                has, lacks = (part, parts[0]) if name in names else (parts[0], part)
                raise lacking(has.name, lacks.name, name)
    return first


def _names(part: Part) -> list[str]:
    """The header of a file."""
    with closing(_batches(part)) as batches:
        first = next(batches, None)
    header = [column[0].as_py() for column in first.columns] if first is not None else []
    if not header or (len(header) == 1 and not header[0].strip()):
        raise InputError(f"{part.name} is empty.", "Give a table with a header and rows.")
    # A column without a name gets the one that pandas gives it: later rows will have that.
    names = [name.strip() or f"Unnamed: {place}" for place, name in enumerate(header)]
    check_names(names)
    return names


def _fill(parts: Sequence[Part], columns: Sequence[TextColumn]) -> Rows:
    """Read the parts into the columns."""
    counts = []
    for part in parts:
        places = _names(part)
        wanted = [f"f{places.index(column.name)}" for column in columns]
        block = min(max(_CELLS * len(places), _BLOCK), _WIDE_BLOCK)
        count, batch = -1, None  # the header
        for batch in _batches(part, wanted, block):
            for cells, column in zip(batch.columns, columns, strict=True):
                column.add(cells.slice(1) if count < 0 else cells)
            count += batch.num_rows
        if batch is not None and columns[-1].name == places[-1]:
            _check_closed(part, batch.columns[-1][-1].as_py())
        counts.append(count)
    return Rows(tuple(part.name for part in parts), tuple(counts))


def _check_closed(part: Part, last: str) -> None:
    """The quotes that were opened are closed: if not, all rows behind them are one cell.

    Args:
        part: The file.
        last: Its last cell, which is the one that goes on to the end.
    """
    if "\n" not in last and "\r" not in last:
        return
    limit = python_csv.field_size_limit(sys.maxsize)
    try:
        with part.opened() as file, io.TextIOWrapper(file, "utf-8-sig", newline="") as text:
            rows = python_csv.reader(text, delimiter=separator(part), strict=True)
            line = 1
            for _ in rows:
                line = rows.line_num + 1
    except python_csv.Error as problem:
        if "unexpected end" in str(problem):
            raise InputError(
                f"{part.name} ends within quotes: those that open in line {line} are not closed.",
                "Close them, or double the quotes that are meant as such.",
            ) from problem
    finally:
        python_csv.field_size_limit(limit)


def _batches(
    part: Part, wanted: Sequence[str] = (), block: int = _BLOCK
) -> Generator[Any, None, None]:
    """The rows, header first, as text; in larger blocks once a row is longer than a block."""
    done = 0
    while True:
        seen = 0
        try:
            for batch in _read(part, wanted, block):
                fresh = batch.slice(max(done - seen, 0))
                seen += batch.num_rows
                done = max(done, seen)
                if fresh.num_rows:
                    yield fresh
            return
        except pa.ArrowInvalid as problem:
            if "straddling" not in str(problem) or block >= _LARGEST_BLOCK:
                raise _misfit(part, problem) from problem
            block *= 8


def _read(part: Part, wanted: Sequence[str], block: int) -> Iterator[Any]:
    arguments = {
        "read_options": csv.ReadOptions(autogenerate_column_names=True, block_size=block),
        "parse_options": csv.ParseOptions(delimiter=separator(part), newlines_in_values=True),
    }
    if not wanted:
        with part.opened() as file, csv.open_csv(file, **arguments) as reader:
            wanted = reader.schema.names
    options = csv.ConvertOptions(
        column_types=dict.fromkeys(wanted, pa.string()), include_columns=list(wanted)
    )
    with part.opened() as file, csv.open_csv(file, **arguments, convert_options=options) as reader:
        yield from reader


def _misfit(part: Part, problem: Exception) -> InputError:
    """What is wrong with a file that cannot be parsed; looks through it again."""
    said = " ".join(str(problem).removeprefix("CSV parse error: ").split())
    if "Empty CSV" in said:
        return InputError(f"{part.name} is empty.", "Give a table with a header and rows.")
    return not_utf8(part) or InputError(
        f"the rows of {part.name} do not fit together: {_ragged(part) or said[:200]}.",
        "Give each row as many cells as the header, and quote cells that hold a separator.",
    )


def _ragged(part: Part) -> str:
    """The first row with more or fewer cells than the header; empty if there is none."""
    with part.opened() as file, io.TextIOWrapper(file, "utf-8-sig", newline="") as text:
        rows = (row for row in python_csv.reader(text, delimiter=separator(part)) if row)
        try:
            width = len(next(rows, []))
            for number, row in enumerate(rows, 2):
                if len(row) != width:
                    return f"Row #{number}: Expected {width} columns, got {len(row)}"
        except python_csv.Error:  # a cell that is too long for it
            return ""
    return ""

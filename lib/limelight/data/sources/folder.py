"""A folder of files that together are one table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pyarrow as pa

from limelight.data.sources.arrow import as_series
from limelight.data.sources.files import Part, file_part, is_readable
from limelight.data.sources.table import Columns, Wanted
from limelight.data.sources.text_column import TextColumn
from limelight.errors import InputError

_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"

Partition = tuple[tuple[str, str | None], ...]


def folder_parts(folder: Path) -> list[Part]:
    """The parts of a table in the order of their names.

    All have one format; text may be compressed or not. Files and folders whose names start with
    ``.`` or ``_`` (``_SUCCESS``) do not count, nor do empty files. Folders called ``year=2024``
    are partitions, as Hive writes them: their columns are read as well.

    Raises:
        InputError: There is no file to read, there are two formats, some other file, a folder
            that is no partition, or parts with different partitions.
    """
    found = [(path, partition) for path, partition in _files(folder, ()) if path.stat().st_size > 0]
    if not found:
        raise InputError(f"the folder {folder} has no file that can be read.", "Check the path.")
    parts = [
        replace(file_part(path, path.relative_to(folder).as_posix()), partition=partition)
        for path, partition in found
    ]
    _check_alike(folder, parts)
    return parts


def _files(folder: Path, partition: Partition) -> Iterator[tuple[Path, Partition]]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "_")):
            continue
        if path.is_dir():
            yield from _files(path, (*partition, _partition(path)))
        elif is_readable(path):
            yield path, partition
        else:
            raise InputError(
                f"{path} is not a file that can be read, among the parts of a table.",
                "Take it out of the folder, or give one file.",
            )


def _partition(folder: Path) -> tuple[str, str | None]:
    name, equals, value = folder.name.partition("=")
    if not equals or not name:
        raise InputError(
            f"{folder} is a folder among the parts of a table, and no partition (name=value).",
            "Give the folder that holds the files.",
        )
    return unquote(name), None if value == _NO_VALUE else unquote(value)


def _check_alike(folder: Path, parts: list[Part]) -> None:
    """One format, and the same partitions, everywhere."""
    first = parts[0]
    for part in parts[1:]:
        if part.format != first.format:
            raise InputError(
                f"the folder {folder} has parts of two kinds: {first.name} and {part.name}.",
                "Give files of one kind, or read them one by one.",
            )
        if [name for name, _ in part.partition] != [name for name, _ in first.partition]:
            raise InputError(
                f"{first.name} and {part.name} are not partitioned by the same columns.",
                "Give the folder of one table.",
            )


def besides_partitions(parts: list[Part], wanted: Wanted) -> Wanted:
    """What is wanted of the files themselves."""
    names = {name for name, _ in parts[0].partition}
    columns = tuple(name for name in wanted.columns if name not in names)
    if wanted.columns and not columns:
        raise InputError(
            "all columns to read are partitions.", "Read a column of the files as well."
        )
    without = tuple(name for name in wanted.without if name not in names)
    return replace(wanted, columns=columns, without=without)


def add_partitions(parts: list[Part], found: Columns, wanted: Wanted) -> None:
    """Add the columns that the names of folders say, typed as the cells of a CSV file are.

    Raises:
        InputError: A file has a column of that name too.
    """
    for place, (name, _) in enumerate(parts[0].partition):
        if name in found.series:
            raise InputError(
                f"column {name!r} is in the files and in the names of their folders.",
                f"Leave it out of the files, or read without {name!r}.",
            )
        if wanted.keeps(name):
            texts = [part.partition[place][1] or "" for part in parts]
            column = TextColumn(name, text=name in wanted.given)
            column.add(pa.array(texts, pa.string()))
            codes = np.repeat(np.arange(len(parts)), found.rows.counts)
            found.series[name] = as_series(column.values().take(codes), name)

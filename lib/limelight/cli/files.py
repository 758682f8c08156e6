"""Frames into files: by the ending of the name, whole or not at all."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

import pandas as pd
import pyarrow as pa
from pyarrow import feather, parquet

from limelight.cli.values import flat, json_values
from limelight.data.schema import ROW_KEY
from limelight.errors import InputError

STDOUT = "-"
"""The file name that means stdout."""


def table_of(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame as it goes into a file: the key as its first columns; a made-up key is left out."""
    return frame if frame.index.names == [ROW_KEY] else flat(frame)


def check_target(target: str, *, force: bool = False) -> None:
    """A file can be written, and none is lost by it.

    Raises:
        InputError: Its ending says no known format, its folder is missing, or it exists.
    """
    if target == STDOUT:
        return
    _format(Path(target))
    check_place(target, force=force)


def check_place(target: str, *, force: bool = False) -> None:
    """A file of whatever ending can be written, and none is lost by it.

    Raises:
        InputError: Its folder is missing, or it exists.
    """
    path = Path(target)
    if not path.parent.is_dir():
        raise InputError(f"the folder {str(path.parent)!r} does not exist.", "Make it first.")
    if path.is_dir():
        raise InputError(f"{target!r} is a folder.", "Give the name of a file in it.")
    if path.exists() and not force:
        raise InputError(f"the file {target!r} exists.", "Give --force to replace it.")


def write_frame(frame: pd.DataFrame, target: str, *, force: bool = False) -> None:
    """A frame into a file, or as CSV to stdout.

    Args:
        frame: Columns as they are to be; its index is left out.
        target: Ending in .csv, .tsv or .jsonl (then also .gz, .bz2, .xz or .zst), or in .parquet,
            .pq, .feather or .arrow; or ``-``.
        force: Whether a file may be replaced.

    Raises:
        InputError: As `check_target`; a value that the format cannot hold; no space or no
            permission.
    """
    check_target(target, force=force)
    if target == STDOUT:
        _write_csv(frame, sys.stdout.buffer)
        return
    write, compression = _format(Path(target))
    with _whole(Path(target), force=force) as stream, _COMPRESSIONS[compression](stream) as packed:
        write(frame, packed)


def write_text(text: str, target: str, *, force: bool = False) -> None:
    """Text into a file, whole or not at all.

    Raises:
        InputError: As `check_place`; no space or no permission.
    """
    check_place(target, force=force)
    with _whole(Path(target), force=force) as stream:
        stream.write(text.encode())


@contextmanager
def _whole(path: Path, *, force: bool) -> Iterator[IO[bytes]]:
    """A file that has its name only once it is complete and on the disk."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as stream:
            yield stream
        with part.open("r+b") as complete:
            os.fsync(complete.fileno())
        if force:
            part.replace(path)
        else:
            os.link(part, path)  # unlike a rename, never over a file that came meanwhile
    except FileExistsError:
        raise InputError(f"the file {str(path)!r} exists.", "Give --force to replace it.") from None
    except OSError as problem:
        raise InputError(
            f"{str(path)!r} cannot be written: {problem.strerror or problem}.",
            "Free space, or write to another place.",
        ) from problem
    finally:
        part.unlink(missing_ok=True)


def _write_csv(frame: pd.DataFrame, stream: IO[bytes], separator: str = ",") -> None:
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
    _spelled(frame).to_csv(text, index=False, sep=separator, lineterminator="\n")
    text.flush()
    text.detach()


def _write_tsv(frame: pd.DataFrame, stream: IO[bytes]) -> None:
    _write_csv(frame, stream, "\t")


def _write_jsonl(frame: pd.DataFrame, stream: IO[bytes]) -> None:
    columns = [json_values(frame.iloc[:, place]) for place in range(frame.shape[1])]
    names = [str(name) for name in frame.columns]
    for row in zip(*columns, strict=True):
        line = json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False, allow_nan=False)
        stream.write(line.encode() + b"\n")


def _write_parquet(frame: pd.DataFrame, stream: IO[bytes]) -> None:
    parquet.write_table(_arrow(frame), stream, compression="zstd")


def _write_feather(frame: pd.DataFrame, stream: IO[bytes]) -> None:
    feather.write_feather(_arrow(frame), stream, compression="zstd")


def _arrow(frame: pd.DataFrame) -> pa.Table:
    try:
        return pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowException, OverflowError) as problem:
        raise InputError(
            f"the rows do not fit this format: {problem}.", "Export them as .csv or .jsonl."
        ) from problem


def _spelled(frame: pd.DataFrame) -> pd.DataFrame:
    """With text for what CSV has no spelling of its own for: bytes, spans of time."""
    odd = {
        name: pd.Series(json_values(frame[name]), index=frame.index, dtype="str")
        for name in frame.columns
        if frame[name].dtype.kind == "m" or _holds_bytes(frame[name])
    }
    return frame.assign(**odd)


def _holds_bytes(series: pd.Series) -> bool:
    return series.dtype == object and pd.api.types.infer_dtype(series, skipna=True) == "bytes"


Writer = Callable[[pd.DataFrame, IO[bytes]], None]

_TEXT: dict[str, Writer] = {
    ".csv": _write_csv,
    ".tsv": _write_tsv,
    ".jsonl": _write_jsonl,
    ".ndjson": _write_jsonl,
}
_BINARY: dict[str, Writer] = {
    ".parquet": _write_parquet,
    ".pq": _write_parquet,
    ".feather": _write_feather,
    ".arrow": _write_feather,
}


@contextmanager
def _as_it_is(stream: IO[bytes]) -> Iterator[IO[bytes]]:
    yield stream


_COMPRESSIONS: dict[str, Callable[[IO[bytes]], Any]] = {
    "": _as_it_is,
    # No time stamp: the same rows give the same file.
    ".gz": lambda stream: gzip.GzipFile("", "wb", fileobj=stream, mtime=0),
    ".bz2": partial(bz2.BZ2File, mode="wb"),
    ".xz": partial(lzma.LZMAFile, mode="wb"),
    ".zst": lambda stream: pa.CompressedOutputStream(pa.PythonFile(stream, "w"), "zstd"),
}


def _format(path: Path) -> tuple[Writer, str]:
    """How to write a file of this name, and what compresses it."""
    endings = [suffix.lower() for suffix in path.suffixes]
    if endings and endings[-1] in _BINARY:
        return _BINARY[endings[-1]], ""
    compression = endings.pop() if endings and endings[-1] in _COMPRESSIONS else ""
    if endings and endings[-1] in _TEXT:
        return _TEXT[endings[-1]], compression
    raise InputError(
        f"the ending of {path.name!r} says no format that can be written.",
        f"Use {', '.join([*_TEXT, *_BINARY])}; the first four may be followed by"
        f" {', '.join(name for name in _COMPRESSIONS if name)}.",
    )

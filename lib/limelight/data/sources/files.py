"""Files that hold tables: what they are by their ending, and whether their content agrees."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from limelight.errors import InputError

FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".feather": "feather",
    ".arrow": "feather",
}
"""Endings that can be read, and the format that each stands for."""

DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError, pa.ArrowException)
"""What a file that is not whole makes its readers raise."""

_COMPRESSIONS: dict[str, Callable[[Path], Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zst": lambda path: io.BufferedReader(pa.input_stream(path, compression="zstd")),
}
_TEXTS = ("csv", "json")
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


@dataclass(frozen=True)
class Part:
    """A file that is a table, or a part of one.

    Args:
        path: Where it is.
        name: How messages call it.
        ending: What it is; a key of `FORMATS`.
        compression: The ending of its compression, or empty.
        partition: Columns that the names of its folders say, and their text (None: missing).
    """

    path: Path
    name: str
    ending: str
    compression: str = ""
    partition: tuple[tuple[str, str | None], ...] = ()

    @property
    def format(self) -> str:
        return FORMATS[self.ending]

    def opened(self) -> Any:
        """The content, uncompressed, as a file of bytes."""
        if self.compression:
            return _COMPRESSIONS[self.compression](self.path)
        return self.path.open("rb")

    def damaged(self, problem: Exception) -> InputError:
        """The error for a file whose reader gave up."""
        said = " ".join(str(problem).split())
        return InputError(
            f"{self.name} cannot be read: {said[:300]}.", "Make or download the file again."
        )


def file_part(path: Path, name: str = "") -> Part:
    """A file whose ending can be read and agrees with its content.

    Raises:
        InputError: It does not exist, is empty, has another ending, or is not what that says.
    """
    _check_exists(path)
    ending, compression = _ending(path)
    part = Part(path, name or str(path), ending, compression)
    _check_content(part)
    return part


def is_readable(path: Path) -> bool:
    """Whether a file has an ending that can be read."""
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    return path.is_file() and any(suffix in FORMATS for suffix in suffixes)


def _ending(path: Path) -> tuple[str, str]:
    """What the file is, and how it is compressed, by the ending of its name."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compression = suffixes.pop() if suffixes and suffixes[-1] in _COMPRESSIONS else ""
    ending = suffixes[-1] if suffixes else ""
    if ending not in FORMATS or (compression and FORMATS[ending] not in _TEXTS):
        raise InputError(
            f"the ending of {path.name!r} is not one that can be read.",
            f"Use {', '.join(FORMATS)}; text also with {', '.join(_COMPRESSIONS)} behind.",
        )
    return ending, compression


def _check_exists(path: Path) -> None:
    if not path.exists():
        near = sorted(other.name for other in path.parent.glob("*") if is_readable(other))
        way_out = f"In that folder are: {', '.join(near[:10])}." if near else "Check the path."
        raise InputError(f"the file {path} does not exist.", way_out)
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty.", "Give a table with a header and rows.")


def _check_content(part: Part) -> None:
    """The first bytes are what the ending says."""
    try:
        with part.opened() as file:
            head: bytes = file.read(4096)
    except DAMAGE as problem:
        raise InputError(
            f"{part.name} is not a whole {part.compression or part.ending} file ({problem}).",
            "Make or download the file again, or correct its ending.",
        ) from problem
    is_text = part.format in _TEXTS
    expected = b"PAR1" if part.format == "parquet" else b"ARROW1"
    if not is_text and head.startswith(expected):
        return
    start = head.lstrip()[:20].lower()
    found = next((n for m, n in _MAGIC.items() if head.startswith(m) or start.startswith(m)), "")
    if is_text and not found and b"\0" not in head:
        return
    what = found or ("a binary file" if b"\0" in head else "a text file")
    raise InputError(
        f"{part.name} ends in {part.ending}{part.compression} and is {what}.",
        "Save it as UTF-8." if "UTF-16" in what else "Correct its ending, or give another file.",
    )


def not_utf8(part: Part) -> InputError | None:
    """The error for a file whose bytes are not all UTF-8, or None where they are."""
    line = 1
    with part.opened() as file:
        # By lines, since UTF-8 never has a line end inside a letter.
        for text in file:
            try:
                text.decode()
            except UnicodeDecodeError as problem:
                return InputError(
                    f"{part.name} is not in UTF-8: byte 0x{text[problem.start]:02x} in line"
                    f" {line} cannot be read.",
                    "Save it as UTF-8, e.g. iconv -f latin1 -t utf-8 IN.csv > OUT.csv.",
                )
            line += 1
    return None

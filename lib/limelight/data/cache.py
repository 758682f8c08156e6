"""A cache of what was read: the columns of a table, in files that many processes share.

A table at a commit never changes, so an entry is never out of date: its name is a hash of the
table's own hash and of the types of its columns. An entry is Arrow's stream format with a checksum
behind it. Nothing that goes wrong here breaks a read, which then takes the rows from the store.

The environment decides where entries are and how many:

- ``LIMELIGHT_CACHE``: the folder, or ``off``; ``$XDG_CACHE_HOME/limelight/reads`` if not given.
- ``LIMELIGHT_CACHE_BYTES``: the most they may take, 5 GB if not given. Those that were not read
  for the longest time go first.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
import warnings
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from limelight.errors import InputError

Columns = list[pa.ChunkedArray]

FOLDER, LIMIT = "LIMELIGHT_CACHE", "LIMELIGHT_CACHE_BYTES"
OFF = "off"

_FORMAT = b"limelight reads 1"
"""Changes with what the entries hold; those of another format are never found."""

_LIMIT_BYTES = 5_000_000_000
_WORTH_BYTES = 200_000
"""A smaller table is read from the store nearly as fast."""

_BATCH = 2**14
"""Rows that are written at a time: what is held beside the columns themselves."""

_BUFFER = 2**20
_LEFT_SECONDS = 3600.0
"""A file that was not finished by then never will be: its writer was killed."""


@dataclass(frozen=True)
class Cache:
    """Entries in a folder.

    Args:
        folder: Where they are.
        limit: Most bytes that they may take together.

    Example:
        >>> folder = tempfile.TemporaryDirectory()
        >>> cache = Cache(Path(folder.name), limit=1_000_000)
        >>> numbers = pa.chunked_array([range(100_000)], pa.int64())
        >>> cache.put("numbers", [numbers])
        >>> cache.get("numbers", [pa.int64()])[0].equals(numbers)
        True
    """

    folder: Path
    limit: int = _LIMIT_BYTES

    def get(self, name: str, types: Sequence[pa.DataType]) -> Columns | None:
        """The columns of an entry, or None where there is none that is sound and of the types."""
        path = self._path(name)
        try:
            self._check_own()
            found = _loaded(path)
            if found is not None and [column.type for column in found] == list(types):
                with contextlib.suppress(PermissionError):  # it then only seems older than it is
                    os.utime(path)
                return found
            # Cut short by a full disk, or decayed: it would never get better.
            path.unlink(missing_ok=True)
        except FileNotFoundError:
            pass
        except OSError as problem:
            self._warn("read", problem)
        return None

    def put(self, name: str, columns: Columns) -> None:
        """Keep columns as an entry, unless they are too small or too large to be worth it."""
        if not _WORTH_BYTES <= sum(column.nbytes for column in columns) <= self.limit:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._check_own()
            handle, temporary = tempfile.mkstemp(dir=self.folder, prefix="unfinished-")
            os.close(handle)
            try:
                _save(columns, temporary)
                Path(temporary).replace(self._path(name))
            finally:
                Path(temporary).unlink(missing_ok=True)
            self._evict()
        except OSError as problem:
            self._warn("written", problem)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.arrow"

    def _check_own(self) -> None:
        """Nobody else can have put anything into the folder."""
        if self.folder.stat().st_uid != os.getuid():
            raise PermissionError(f"{self.folder} belongs to another user")

    def _evict(self) -> None:
        """Take away what was not read for the longest time, and what was never finished."""
        kept = 0
        for used, size, path in sorted(self._entries(), reverse=True):
            kept += size
            unfinished = path.suffix != ".arrow"
            if kept > self.limit or (unfinished and used < time.time() - _LEFT_SECONDS):
                path.unlink(missing_ok=True)

    def _entries(self) -> Iterator[tuple[float, int, Path]]:
        """When each was last used, its size, and where it is."""
        for path in self.folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # another process took it away
                found = path.stat()
                yield found.st_mtime, found.st_size, path

    def _warn(self, what: str, problem: OSError) -> None:
        warnings.warn(
            f"the cache of reads cannot be {what} ({problem}), so rows come from the store, which"
            f" is slower. Set {FOLDER} to another folder, or to {OFF!r}.",
            RuntimeWarning,
            stacklevel=3,
        )


def cache_from_environment() -> Cache | None:
    """The cache that the environment asks for, or None where it is switched off.

    Raises:
        InputError: ``LIMELIGHT_CACHE_BYTES`` is no whole number.
    """
    given = os.environ.get(FOLDER, "").strip()
    if given.lower() == OFF:
        return None
    limit = os.environ.get(LIMIT, "").strip() or str(_LIMIT_BYTES)
    if not limit.isdecimal():
        raise InputError(f"{LIMIT} is {limit!r}.", "Give a number of bytes, e.g. 5000000000.")
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 (never raises)
    folder = Path(given).expanduser() if given else Path(home) / "limelight" / "reads"
    return Cache(folder, int(limit))


def entry_name(table_hash: str, types: Sequence[str]) -> str:
    """The name of the entry for a table: of its hash, and of what is known of its columns."""
    digest = hashlib.blake2b(_FORMAT, digest_size=20)
    for part in (table_hash, *types):
        digest.update(b"%d:%s" % (len(part.encode()), part.encode()))
    return digest.hexdigest()


def _save(columns: Columns, path: str) -> None:
    """Write columns a piece at a time, and their checksum behind them."""
    table = pa.Table.from_arrays(columns, [str(place) for place in range(len(columns))])
    # The fastest of those tried: Parquet takes twice as long to read, and this as long as no
    # compression at all, for two thirds of the space.
    options = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
    with (
        pa.OSFile(path, "wb") as file,
        pa.ipc.new_stream(file, table.schema, options=options) as to,
    ):
        for start in range(0, len(table), _BATCH):
            to.write_table(table.slice(start, _BATCH).combine_chunks())
    checksum, _ = _checksums(path, tail=0)
    with open(path, "ab") as file:  # noqa: PTH123
        file.write(checksum)


def _loaded(path: Path) -> Columns | None:
    """The columns in a file, or None where they are not what was written."""
    found, written = _checksums(path, tail=4)
    if found != written:
        return None
    try:
        with pa.OSFile(str(path)) as file:
            columns: Columns = pa.ipc.open_stream(file).read_all().columns
    except pa.ArrowInvalid:
        return None
    return columns


def _checksums(path: str | Path, tail: int) -> tuple[bytes, bytes]:
    """The checksum of a file without its last bytes, and these."""
    checksum, buffer = 0, memoryview(bytearray(_BUFFER))
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123
        left = max(os.fstat(file.fileno()).st_size - tail, 0)
        while left > 0:
            size = file.readinto(buffer[: min(left, _BUFFER)])
            if not size:
                raise OSError(f"{path} ended while it was read")
            checksum, left = zlib.crc32(buffer[:size], checksum), left - size
        return checksum.to_bytes(4, "big"), file.read(tail)

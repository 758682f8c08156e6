"""The driver of the embedded store: a private copy of sqlite3 bound to libdoltlite.

The ``doltlite`` package must not be imported: it replaces the process's sqlite3, which breaks
child processes, pytest and Jupyter. Only its shared library is used. A copy of the standard
library's ``_sqlite3`` extension, and one of libdoltlite under a name of the same length, are
written to a cache folder, and the pair is loaded with symbols of its own. The standard library's
sqlite3 stays as it was.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import importlib.machinery
import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from limelight.errors import StoreError

_LINKED = b"libsqlite3.so.0\0"
_LIBRARY = b"libdoltlite.so.0\0"
_PRIVATE = b"libdoltl3.so.0\0"
_MODULE = "limelight.data._doltlite._sqlite3"
_OTHER_WAY = "Run with a Python from python.org, pyenv, conda, Debian or Docker's python image."


@functools.cache
def driver() -> ModuleType:
    """The private ``_sqlite3`` module; its ``connect`` opens doltlite databases.

    Raises:
        StoreError: This Python, or this system, cannot load it; says what can.
    """
    library, extension = _doltlite_library(), _sqlite_extension()
    patched = {
        _PRIVATE[:-1].decode(): _renamed(library.read_bytes(), _LIBRARY, library),
        extension.name: _renamed(extension.read_bytes(), _LINKED, extension),
    }
    digest = hashlib.blake2b(b"".join(patched.values()), digest_size=8).hexdigest()
    problems = []
    for folder in _cache_folders():
        try:
            return _load(_placed(folder / f"doltlite-{digest}", patched))
        except (OSError, ImportError) as problem:
            problems.append(f"{folder}: {problem}")
    raise StoreError(
        f"the store's driver cannot be placed in any folder ({'; '.join(problems)}).",
        "Set XDG_CACHE_HOME to a folder that can be written and allows programs to run.",
    )


def _doltlite_library() -> Path:
    """The shared library inside the ``doltlite`` package, which stays unimported."""
    if sys.platform != "linux":
        raise StoreError(
            f"the embedded store does not run on {sys.platform} yet; it needs Linux with glibc.",
            "Run in a Linux container or virtual machine (on Windows, in WSL).",
        )
    try:
        os.confstr("CS_GNU_LIBC_VERSION")
    except ValueError:
        raise StoreError(
            "the embedded store needs glibc, and this Linux has another C library (musl?).",
            "Use a Debian, Ubuntu, Fedora or similar image instead of Alpine.",
        ) from None
    spec = importlib.util.find_spec("doltlite")
    found = Path(spec.origin).parent / "_lib" / "libdoltlite.so" if spec and spec.origin else None
    if found is None or not found.exists():
        raise StoreError(
            "the doltlite package, which holds the embedded store's library, is not installed.",
            "Run: pip install doltlite==0.51.3",
        )
    return found


def _sqlite_extension() -> Path:
    """The file of the standard library's ``_sqlite3``; there is none where it is built in."""
    spec = importlib.util.find_spec("_sqlite3")
    if spec is None:
        raise StoreError(f"{sys.executable} was built without sqlite3.", _OTHER_WAY)
    path = Path(spec.origin or "")
    if not spec.has_location or not path.is_file() or _LINKED not in path.read_bytes():
        raise StoreError(
            f"{sys.executable} has sqlite3 linked in statically (as the Pythons that uv installs"
            " have), and the embedded store cannot use it.",
            f"{_OTHER_WAY} With uv: uv venv --python-preference only-system",
        )
    return path


def _renamed(binary: bytes, name: bytes, path: Path) -> bytes:
    """The binary with a library's name in its string table replaced by the private name."""
    at = binary.find(b"\0" + name) + 1
    if at == 0:
        raise StoreError(
            f"{path} does not carry the name {name[:-1].decode()!r}.",
            "Install the pinned version: pip install doltlite==0.51.3",
        )
    return binary[:at] + _PRIVATE.ljust(len(name), b"\0") + binary[at + len(name) :]


def _cache_folders() -> Iterator[Path]:
    """Where the patched files may live, the best place first."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    if given:
        yield Path(given) / "limelight"
    else:
        yield Path(os.path.expanduser("~")) / ".cache" / "limelight"  # noqa: PTH111 (never raises)
    yield Path(tempfile.gettempdir()) / f"limelight-{os.getuid()}"


def _placed(folder: Path, files: dict[str, bytes]) -> Path:
    """The folder with the files in it; safe when many processes do it at once."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if folder.stat().st_uid != os.getuid():
        raise OSError(f"{folder} belongs to another user")
    for name, content in files.items():
        path = folder / name
        # Compared, not trusted: a file cut short by a full disk is written again.
        if not path.exists() or path.read_bytes() != content:
            handle, temporary = tempfile.mkstemp(dir=folder, prefix=name)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(temporary).chmod(0o700)
            Path(temporary).replace(path)
    return folder


def _load(folder: Path) -> ModuleType:
    """Load the library and then the extension, whose link finds it by its private name."""
    mode = os.RTLD_NOW | os.RTLD_LOCAL | os.RTLD_DEEPBIND
    ctypes.CDLL(str(folder / _PRIVATE[:-1].decode()), mode=mode)
    (extension,) = folder.glob("_sqlite3*")
    loader = importlib.machinery.ExtensionFileLoader(_MODULE, str(extension))
    spec = importlib.util.spec_from_file_location(_MODULE, extension, loader=loader)
    if spec is None:
        raise ImportError(f"{extension} is no extension module")
    flags = sys.getdlopenflags()
    sys.setdlopenflags(mode)
    try:
        module = importlib.util.module_from_spec(spec)
        loader.exec_module(module)
    finally:
        sys.setdlopenflags(flags)
    return module

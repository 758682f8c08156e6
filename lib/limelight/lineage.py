"""What a run is made of, so that it can be found, explained and made again."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

PACKAGES = (
    "limelight",
    "metaflow",
    "tpot",
    "autokeras",
    "keras",
    "tensorflow-cpu",
    "tensorflow",
    "jax",
    "torch",
    "scikit-learn",
    "lightgbm",
    "xgboost",
    "lime",
    "doltlite",
    "pandas",
    "numpy",
    "pyarrow",
)


def package_versions() -> dict[str, str]:
    """Versions of Python, the platform, and the installed packages that a model depends on."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def code_version(files: Iterable[Path]) -> dict[str, str]:
    """The hash of source files, and the git commit of the checkout that they are in.

    Args:
        files: Python files, or folders that are searched for them.

    Returns:
        ``hash``: SHA-256 over the names and contents of all files; ``commit``: the git commit,
        with ``+changes`` where the checkout differs from it, or "" outside of git.
    """
    paths = list(files)
    digest = hashlib.sha256()
    for root in paths:
        for path in sorted(root.rglob("*.py")) if root.is_dir() else [root]:
            name = path.relative_to(root.parent).as_posix()
            digest.update(f"{name}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return {"hash": digest.hexdigest(), "commit": _git_commit(paths[0].resolve().parent)}


def _git_commit(folder: Path) -> str:
    def git(*words: str) -> str:
        ran = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, check=True
        )
        return ran.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ".")
        return git("rev-parse", "HEAD") + ("+changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return ""  # no git, or no checkout: the hash of the files still says which code it was


def array_hash(array: NDArray[Any]) -> str:
    """SHA-256 of an array's dtype, shape and bytes."""
    header = f"{array.dtype.str}{array.shape}".encode()
    return hashlib.sha256(header + array.tobytes(order="C")).hexdigest()

"""An environment of its own for every tool, from pinned requirements, kept between runs.

``requirements/<name>.in`` says what we ask for, ``requirements/<name>.txt`` is what that resolved
to (``uv pip compile --universal``). An environment is found by a hash of the latter, so that other
pins make another one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent / "requirements"


class InstallError(Exception):
    """A tool cannot be had here.

    Args:
        problem: Why, in a line.
        said: What the installer said.
    """

    def __init__(self, problem: str, said: str = "") -> None:
        super().__init__(problem, said)
        self.problem = problem
        self.said = said


def cache_folder() -> Path:
    """Where environments are kept: ``$XDG_CACHE_HOME/limelight/peers``, or below ``~/.cache``."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "limelight" / "peers"


def place_of(requirements: Path, cache: Path) -> Path:
    """The folder of the environment that these requirements ask for, made or not."""
    version = "{}.{}".format(*sys.version_info)
    text = version + requirements.read_text(encoding="utf-8")
    return cache / f"{requirements.stem}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def python_in(environment: Path) -> Path:
    """The interpreter of an environment."""
    return environment / "bin" / "python"


def is_made(requirements: Path, cache: Path) -> bool:
    """Whether the environment is there and complete."""
    return (place_of(requirements, cache) / "complete").exists()


def make(requirements: Path, cache: Path) -> Path:
    """The interpreter of the environment for these requirements; made where it is not there.

    Raises:
        InstallError: The installer failed. What it left is thrown away.
    """
    folder = place_of(requirements, cache)
    if is_made(requirements, cache):
        return python_in(folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        # An environment knows its own path: it is made in place, and marked when complete.
        _run(sys.executable, "-m", "venv", str(folder))
        _run(*_installer(folder), "-r", str(requirements))
    except InstallError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    (folder / "complete").touch()
    return python_in(folder)


def _installer(folder: Path) -> list[str]:
    """uv where there is one, pip else."""
    python = python_in(folder)
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv:
        # Compiled now, as pip does, or the tool's first run would pay for it.
        return [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python)]
    return [str(python), "-m", "pip", "install", "--quiet"]


def _run(*words: str) -> None:
    # Some packages build in the working directory: one that nobody minds.
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        said = done.stderr or done.stdout
        raise InstallError("its environment could not be made", said[-2000:])

"""Where the ``dolt`` program is; run as a script, it is built where there is none.

``python tests/dolt_binary.py`` prints where it is. The build needs a Go toolchain and a C compiler,
two or three minutes, and happens once: the program stays in the user's cache folder.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

VERSION = "1.83.2"
"""The version that the tests were made with."""

# Dolt's Go module has no tags since 2022, so a commit is named: the one of VERSION.
_MODULE = "github.com/dolthub/dolt/go/cmd/dolt@v0.40.5-0.20260306010754-a1fdc83b8378"
_GO_FOLDERS = ("/usr/local/go/bin", "/usr/lib/go/bin", "/opt/homebrew/bin")
_TELL_EVERY = 10.0


def find() -> Path | None:
    """``dolt`` on PATH or in the cache folder, or None."""
    on_path = shutil.which("dolt")
    if on_path:
        return Path(on_path)
    return _cached() if _cached().exists() else None


def build() -> Path:
    """Build ``dolt`` into the cache folder, telling how far it is.

    Raises:
        RuntimeError: It cannot be built here; says why, and the way out.
    """
    go, target = _go(), _cached()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        environment = {**os.environ, "CGO_ENABLED": "1", "GOBIN": folder}
        environment["PATH"] = os.pathsep.join([str(go.parent), os.environ.get("PATH", "")])
        _run([str(go), "install", "-v", "-tags", "gms_pure_go", _MODULE], environment)
        (Path(folder) / "dolt").replace(target)
    return target


def _cached() -> Path:
    given = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(given) if given else Path.home() / ".cache"
    return root / "limelight" / f"dolt-{VERSION}" / "dolt"


def _go() -> Path:
    """The Go toolchain, once all that a build needs is there."""
    found = shutil.which("go") or shutil.which("go", path=os.pathsep.join(_GO_FOLDERS))
    if found is None:
        raise RuntimeError(
            "dolt is not on PATH, and there is no Go toolchain to build it with."
            " Install Dolt (https://docs.dolthub.com/introduction/installation)"
            " or Go 1.26 (https://go.dev/dl)."
        )
    compilers = (os.environ.get("CC", ""), "cc", "gcc", "clang")
    if not any(shutil.which(name) for name in compilers if name):
        raise RuntimeError(
            f"dolt is not on PATH; {found} could build it, but there is no C compiler."
            " Install one (Debian, Ubuntu: apt install gcc libc6-dev)."
        )
    return Path(found)


def _run(command: list[str], environment: dict[str, str]) -> None:
    """Run the build; a line every ten seconds says how many packages are done."""
    started = told = time.monotonic()
    print(f"Building dolt {VERSION}: two or three minutes, once.", flush=True)
    lines: list[str] = []
    with subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            lines.append(line)
            if time.monotonic() - told > _TELL_EVERY:
                told = time.monotonic()
                print(f"  {told - started:.0f} s: {_package(line)} ({len(lines)})", flush=True)
    if process.returncode != 0:
        raise RuntimeError(f"The build of dolt failed: {' '.join(lines[-5:]).strip()}")
    print(f"Built dolt {VERSION} in {time.monotonic() - started:.0f} s.", flush=True)


def _package(line: str) -> str:
    """What a line of Go's is about, in a word or two."""
    downloaded = re.match(r"go: downloading (\S+)", line)
    return f"downloaded {downloaded[1]}" if downloaded else f"compiling {line.strip()}"


if __name__ == "__main__":
    try:
        print(find() or build())
    except RuntimeError as problem:
        sys.exit(f"{problem}\nWithout it, the tests that need a Dolt server are skipped.")

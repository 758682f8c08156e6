"""The one door to every chore: ``nox`` checks and tests, ``nox --list`` shows the rest."""

import os
import re
import shlex
import sys
import tempfile
from pathlib import Path

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "types", "tests"]
nox.options.reuse_existing_virtualenvs = True

LOCK, TESTS_LOCK = "requirements.lock", "requirements-tests.lock"
DOLT = "tests/dolt_binary.py"


def install_all(session: nox.Session) -> None:
    """The locked packages, and this project as it stands."""
    session.install("-r", TESTS_LOCK)
    session.install("--no-deps", "-e", ".")


def locked(name: str) -> str:
    """A package at the version the lock has."""
    found = re.search(rf"^{name}==\S+", Path(TESTS_LOCK).read_text(encoding="utf-8"), re.M)
    assert found, f"{name} is not in {TESTS_LOCK}"
    return found.group()


@nox.session
def lint(session: nox.Session) -> None:
    """Rules and format (ruff)."""
    session.install(locked("ruff"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Types, strict (mypy)."""
    install_all(session)
    session.run("mypy", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """All tests, the fast ones first; ``nox -s tests -- -m 'not slow'`` for those alone."""
    install_all(session)
    if session.posargs:
        session.run("pytest", *session.posargs)
        return
    # Where it fails, it says why, and pytest skips the tests that need a server.
    session.run("python", DOLT, success_codes=[0, 1])
    session.run("pytest", "-q", "-m", "not slow")
    session.run("pytest", "-q", "-m", "slow", "--durations=10")


@nox.session(venv_backend="none")
def dolt(session: nox.Session) -> None:
    """See that there is a ``dolt`` for the tests' server; built once, in two or three minutes."""
    session.run(sys.executable, DOLT)


@nox.session
def fresh(session: nox.Session) -> None:
    """A newcomer's first minutes: the README's first command, in a clean clone."""
    with tempfile.TemporaryDirectory() as folder:
        session.run("git", "clone", "-q", ".", folder, external=True)
        command = session.run("python", ".ci/readme-command", "1", silent=True)
        session.chdir(folder)
        wish = " ".join(map(shlex.quote, session.posargs or ["--minutes", "1"]))
        environment = {"PATH": _path_without(session), "METAFLOW_USER": "newcomer"}
        session.run("bash", "-ec", f"{str(command).strip()} {wish}", external=True, env=environment)


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Run a script of benchmarks/: ``nox -s benchmarks -- overhead --minutes 1``."""
    install_all(session)
    name, *rest = session.posargs or ["overhead"]
    session.run("python", f"benchmarks/{name}.py", *rest)


@nox.session
def peers(session: nox.Session) -> None:
    """Ourselves beside other tools: ``nox -s peers -- --tasks FOLDER --minutes 1 5``."""
    install_all(session)
    session.run("python", "-m", "benchmarks.peers", *session.posargs)


@nox.session
def lock(session: nox.Session) -> None:
    """Write the lock files anew from setup.cfg, for every Python and platform we support."""
    session.install("uv")
    options = "--universal --python-version 3.11 --generate-hashes --no-header --no-annotate"
    for target, extras in ((LOCK, []), (TESTS_LOCK, ["--extra", "tests"])):
        command = ["uv", "pip", "compile", *options.split(), "--no-emit-index-url", *extras]
        session.run(*command, *session.posargs, "-q", "-o", target, "setup.cfg")


def _path_without(session: nox.Session) -> str:
    """PATH without this session's own environment, so that the clone makes its own."""
    kept = [p for p in os.environ["PATH"].split(os.pathsep) if p not in (session.bin_paths or [])]
    return os.pathsep.join([*kept, str(Path(sys.base_prefix) / "bin")])

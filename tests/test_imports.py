"""Imports go one way: flows -> limelight, and inside it from the later rooms to the earlier."""

import ast
from pathlib import Path

import pytest

LIBRARY = Path(__file__).resolve().parent.parent / "lib" / "limelight"

# Each room may import itself and the rooms before it.
ROOMS = [
    *("errors", "parameters", "data", "search", "model", "explain", "report"),
    *("lineage", "ingest", "training", "benchmark", "cli"),
]
# These stand above all rooms but those that look at runs.
DOORS = {"runs", "cards", "serve"}
ABOVE = {"benchmark", "cli"}
KNOWS_METAFLOW = {"runs.py", "cards.py"}
HEAVY = {"tensorflow", "keras", "autokeras", "tpot", "lime", "matplotlib", "doltlite"}
#: Subclasses of Keras' and AutoKeras' own need them at the top: these count as heavy themselves.
HEAVY_MODULES = {"limelight.search.autokeras_block", "limelight.search.autokeras_layers"}

FILES = sorted(LIBRARY.rglob("*.py"))


def imported(path: Path, *, top_level_only: bool = False) -> set[str]:
    """Full names of the modules that a file imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names: set[str] = set()
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return names


def named(path: Path) -> str:
    return path.relative_to(LIBRARY).as_posix()


@pytest.mark.parametrize("path", FILES, ids=named)
def test_rooms_import_only_what_stands_before_them(path):
    room = path.relative_to(LIBRARY).parts[0].removesuffix(".py")
    if room not in ROOMS:
        return
    later = set(ROOMS[ROOMS.index(room) + 1 :]) | (DOORS if room not in ABOVE else set())
    reached = {name.split(".")[1] for name in imported(path) if name.startswith("limelight.")}
    assert not reached & later, f"{named(path)} reaches back to {sorted(reached & later)}"


@pytest.mark.parametrize("path", FILES, ids=named)
def test_only_the_door_knows_metaflow(path):
    if named(path) not in KNOWS_METAFLOW:
        assert "metaflow" not in {name.split(".")[0] for name in imported(path)}


@pytest.mark.parametrize("path", FILES, ids=named)
def test_heavy_libraries_are_imported_where_they_are_used(path):
    if f"limelight.{named(path)[:-3].replace('/', '.')}" in HEAVY_MODULES:
        return
    reached = imported(path, top_level_only=True)
    assert not {name.split(".")[0] for name in reached} & HEAVY
    assert not reached & HEAVY_MODULES


@pytest.mark.parametrize("path", FILES, ids=named)
def test_nobody_imports_doltlite(path):
    # It would take over the process's sqlite3.
    assert "doltlite" not in {name.split(".")[0] for name in imported(path)}

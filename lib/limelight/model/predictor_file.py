"""A predictor as one file: a zip of ``manifest.json`` (to be read) and ``model.pkl``."""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import os
import pickle
import platform
import sys
import tempfile
import zipfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limelight import __version__
from limelight.errors import InputError

if TYPE_CHECKING:
    from limelight.model.predictor import Predictor

FORMAT = "limelight-predictor"
VERSION = 1

_MANIFEST = "manifest.json"
_MODEL = "model.pkl"
_SAVE_AGAIN = "Save the predictor again, or take another copy of the file."


class _NotingPickler(pickle.Pickler):
    """Pickles as ever, and notes the packages that the classes and functions come from."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=5)
        self.modules: set[str] = set()

    def persistent_id(self, obj: Any) -> None:
        for module in (getattr(obj, "__module__", None), type(obj).__module__):
            if isinstance(module, str):
                self.modules.add(module.partition(".")[0])


def write(predictor: Predictor, path: Path) -> Path:
    """Write a predictor, whole or not at all.

    Raises:
        TypeError: The lineage is no JSON.
    """
    buffer = io.BytesIO()
    pickler = _NotingPickler(buffer)
    pickler.dump(predictor)
    model = buffer.getvalue()
    manifest = json.dumps(_manifest(predictor, model, pickler.modules), indent=2, sort_keys=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w") as archive:
            archive.writestr(_MANIFEST, manifest)
            archive.writestr(_MODEL, model, compress_type=zipfile.ZIP_DEFLATED)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def read(path: Path) -> Any:
    """Read what `write` wrote; the errors are those of `Predictor.load`."""
    if not path.is_file():
        raise InputError(f"there is no file {str(path)!r}.", "Give a file that save() wrote.")
    manifest, model = _contents(path)
    if manifest["version"] > VERSION:
        raise InputError(
            f"{str(path)!r} has format {manifest['version']}, and this limelight {__version__}"
            f" reads formats up to {VERSION}.",
            f"Install limelight {manifest['limelight']} or later.",
        )
    if hashlib.sha256(model).hexdigest() != manifest["sha256"]:
        raise InputError(
            f"{str(path)!r} is damaged or was changed: its model has another checksum than its"
            " manifest says.",
            _SAVE_AGAIN,
        )
    predictor = _unpickle(path, model, manifest["packages"])
    if _description(predictor) != {name: manifest[name] for name in _description(predictor)}:
        raise InputError(
            f"{str(path)!r} was changed: its manifest does not describe its model.", _SAVE_AGAIN
        )
    return predictor


def _manifest(predictor: Predictor, model: bytes, modules: set[str]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "limelight": __version__,
        "python": platform.python_version(),
        "packages": {name: found for name in sorted(modules) if (found := _package(name))},
        "sha256": hashlib.sha256(model).hexdigest(),
        **_description(predictor),
    }


def _description(predictor: Predictor) -> dict[str, Any]:
    task = predictor.task
    described = {
        "task": {
            "problem": task.problem,
            "metric": task.metric,
            "target": task.target,
            "classes": [str(label) for label in task.classes],
        },
        "schema": predictor.schema.to_dict(),
        "lineage": predictor.lineage,
    }
    # Through JSON and back, so that what is written and what is read compare as equal.
    plain: dict[str, Any] = json.loads(json.dumps(described))
    return plain


@cache
def _distributions() -> dict[str, list[str]]:
    return dict(importlib.metadata.packages_distributions())


def _package(module: str) -> dict[str, str] | None:
    """The distribution of a top-level module and its version; None for the standard library."""
    if module in sys.stdlib_module_names:
        return None
    names = _distributions().get(module)
    return {"name": names[0], "version": importlib.metadata.version(names[0])} if names else None


def _contents(path: Path) -> tuple[dict[str, Any], bytes]:
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = json.loads(archive.read(_MANIFEST))
            model = archive.read(_MODEL)
    except zipfile.BadZipFile as error:
        raise InputError(
            f"{str(path)!r} is no predictor file, or it is damaged ({error}).", _SAVE_AGAIN
        ) from error
    except (KeyError, ValueError) as error:
        raise InputError(f"{str(path)!r} is no predictor file.", _SAVE_AGAIN) from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise InputError(f"{str(path)!r} is no predictor file.", _SAVE_AGAIN)
    return manifest, model


def _unpickle(path: Path, model: bytes, packages: dict[str, dict[str, str]]) -> Any:
    try:
        return pickle.loads(model)
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        package = packages.get(module, {"name": module, "version": "unknown"})
        raise InputError(
            f"the model in {str(path)!r} needs {package['name']} (it was saved with version"
            f" {package['version']}), and {error.name} cannot be imported.",
            f"Install it: pip install '{package['name']}=={package['version']}'.",
        ) from error
    except (ImportError, AttributeError, TypeError) as error:
        wanted = [f"{package['name']}=={package['version']}" for package in packages.values()]
        raise InputError(
            f"the model in {str(path)!r} does not load with the packages installed here ({error}).",
            f"It was saved with {' '.join(wanted)}.",
        ) from error

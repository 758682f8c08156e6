"""Which of its backends Keras computes with, chosen before Keras is first imported."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from limelight.errors import InputError

#: On it the networks of a candidate are one compiled program, on others they are trained in turn;
#: it is imported in two thirds of tensorflow's time, and PyPI's torch for Linux brings CUDA along.
DEFAULT_BACKEND = "jax"

_PACKAGES = {"jax": "jax", "tensorflow": "tensorflow-cpu", "torch": "torch"}


def chosen_backend() -> str:
    """The backend in ``KERAS_BACKEND``, or `DEFAULT_BACKEND`.

    Raises:
        InputError: It is unknown, or not installed.
    """
    name = os.environ.get("KERAS_BACKEND") or DEFAULT_BACKEND
    if name not in _PACKAGES:
        raise InputError(
            f"KERAS_BACKEND is {name!r}, which is none that a network can be trained with.",
            f"Set it to one of {', '.join(map(repr, _PACKAGES))}, or unset it.",
        )
    if importlib.util.find_spec(name) is None:
        raise InputError(
            f"Keras is to compute with {name!r}, which is not installed.",
            f"Run: pip install {_PACKAGES[name]}; or set KERAS_BACKEND to one that is.",
        )
    return name


def load_keras(cores: int | None = None) -> Any:
    """The ``keras`` module, imported on the chosen backend (seconds, the first time).

    Args:
        cores: Threads to compute with, in a process of its own; takes effect the first time only.
            None: the backend's own choice.

    Raises:
        InputError: The backend is unknown, or not installed.
    """
    os.environ["KERAS_BACKEND"] = chosen_backend()
    # Progress bars and the C++ side's greetings would hide our own lines.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if cores is not None:
        for name in ("NPROC", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
            os.environ.setdefault(name, str(cores))
        with _without_plots():
            import keras
    import keras

    return keras


@contextmanager
def _without_plots() -> Iterator[None]:
    """Let Keras find no matplotlib, which it imports for its galleries: a third of its time."""
    if "matplotlib" in sys.modules:
        yield
        return
    sys.modules["matplotlib"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["matplotlib"]

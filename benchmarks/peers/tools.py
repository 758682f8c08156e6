"""The tools that are compared: what each is, how it is run, and in which environment."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.peers import environments


@dataclass(frozen=True)
class Tool:
    """One row of the comparison.

    Args:
        name: The name in tables and on the command line.
        about: A line about it.
        words: What its Python runs; the request's file comes after it.
        requirements: Pinned packages of its environment; None is our own environment.
        options: What its runner should know beside the request.
        environment: Environment variables that it needs before it is imported.
        programs: What has to be on PATH.
    """

    name: str
    about: str
    words: tuple[str, ...]
    requirements: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    programs: tuple[str, ...] = ()

    def python(self, cache: Path) -> Path:
        """Its interpreter; its environment is made where it is not there yet.

        Raises:
            environments.InstallError: That failed, or one of its programs is not there.
        """
        missing = [program for program in self.programs if shutil.which(program) is None]
        if missing:
            raise environments.InstallError(f"{' and '.join(missing)} not found on PATH")
        if self.requirements is None:
            return Path(sys.executable)
        return environments.make(self.requirements, cache)


def _peer(name: str, about: str, runner: str, packages: str, **more: Any) -> Tool:
    module = f"benchmarks.peers.run_{runner}"
    pinned = environments.REQUIREMENTS / f"{packages}.txt"
    return Tool(name, about, ("-m", module), pinned, **more)


US = "limelight"

TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool(US, "flows/train.py run", ("-m", "benchmarks.peers.run_limelight")),
        _peer("constant", "class frequencies, or the mean", "constant", "sklearn"),
        _peer("hgb", "scikit-learn's HistGradientBoosting, defaults", "hgb", "sklearn"),
        _peer("flaml", "FLAML AutoML", "flaml", "flaml"),
        _peer(
            "autogluon_medium",
            "AutoGluon, medium_quality",
            "autogluon",
            "autogluon",
            options={"preset": "medium_quality"},
        ),
        _peer(
            "autogluon_best",
            "AutoGluon, best_quality",
            "autogluon",
            "autogluon",
            options={"preset": "best_quality"},
        ),
        _peer("mljar", "mljar-supervised, Compete", "mljar", "mljar", options={"mode": "Compete"}),
        _peer("h2o", "H2O AutoML", "h2o", "h2o", programs=("java",)),
        _peer("tpot", "TPOT, defaults and its own preprocessing", "tpot", "tpot"),
        _peer(
            "autokeras",
            "AutoKeras' structured data models, defaults, on jax",
            "autokeras",
            "autokeras",
            environment={"KERAS_BACKEND": "jax"},
        ),
    )
}

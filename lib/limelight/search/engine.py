"""The contract of an engine, and the engines there are."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray

from limelight.errors import InputError, did_you_mean
from limelight.search.budget import Budget
from limelight.search.packing import pack, unpack
from limelight.search.task import Task

if TYPE_CHECKING:
    import pandas as pd

    from limelight.search.ledger import Ledger

Folds = list[tuple["NDArray[Any]", "NDArray[Any]"]]
"""Row positions (training, validation) of each fold; int64 arrays."""


@dataclass(frozen=True)
class SearchProblem:
    """Everything a search may know: training rows only, never the holdout.

    Args:
        features: Raw frame, shape (n, d), as it is in the source.
        target: Encoded target, shape (n,): int64 codes 0..k-1, or float64 for regression.
        task: What is to be predicted.
        folds: The shared folds.
        weights: Sample weights, float64, shape (n,), or None.
        groups: Codes of rows that belong together, int64, shape (n,), or None. The folds keep
            them together already; how sure a score is depends on them too.
    """

    features: pd.DataFrame
    target: NDArray[Any]
    task: Task
    folds: Folds
    weights: NDArray[Any] | None = None
    groups: NDArray[Any] | None = None

    def __getstate__(self) -> dict[str, Any]:
        # As an artifact the frame is Parquet: a tenth of the time and size of pickled objects.
        known = dict(self.__dict__)
        if "packed" not in known:
            known["packed"] = pack(known["features"])
        known.pop("features", None)
        return known

    def __getattr__(self, name: str) -> Any:
        """Unpack the frame when it is first asked for: who hands a problem on does not ask."""
        if name != "features" or "packed" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self.__dict__["features"] = unpack(self.__dict__.pop("packed"))
        return self.__dict__["features"]


class Engine(Protocol):
    """Something that searches for models; one file, one class, one shared set of checks."""

    name: str

    def search(
        self,
        problem: SearchProblem,
        budget: Budget,
        ledger: Ledger,
        *,
        seed: int,
        number: int,
        cores: int,
        workdir: Path,
    ) -> None:
        """Search until the budget ends; enter every trial and candidate in the ledger at once.

        Runs in a child process that is killed some seconds after the budget's end; what is in
        the ledger by then counts. With a budget of trials the result depends on the seed alone.

        Args:
            problem: The training rows, task and folds.
            budget: Seconds, or a number of trials.
            ledger: Where trials and candidates go, as they are finished.
            seed: Seed of everything random.
            number: Number of this search among those of the engine (another number, another space).
            cores: Cores this search may use.
            workdir: An own, empty folder (or the one left by a killed attempt).
        """
        ...


_ENGINES = {
    "baseline": "limelight.search.baseline:BaselineEngine",
    "tpot": "limelight.search.tpot:TpotEngine",
    "autokeras": "limelight.search.autokeras:AutoKerasEngine",
}


def engine_names() -> list[str]:
    """The names `get_engine` knows."""
    return list(_ENGINES)


def check_engine(name: str) -> None:
    """Raise an InputError with the nearest names if there is no engine of that name."""
    if name not in _ENGINES:
        raise InputError(f"engine {name!r} is unknown.", did_you_mean(name, _ENGINES))


def get_engine(name: str) -> Engine:
    """The engine of that name; its libraries are imported when it searches.

    Raises:
        InputError: No such engine.

    Example:
        >>> get_engine("tpot").name
        'tpot'
    """
    check_engine(name)
    module, _, cls = _ENGINES[name].partition(":")
    engine: Engine = getattr(importlib.import_module(module), cls)()
    return engine

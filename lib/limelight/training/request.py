"""What the user asks of a training run."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limelight.errors import InputError
from limelight.parameters import wishes
from limelight.search.engine import check_engine
from limelight.search.plan import DASK, Plan, make_plan

DEFAULT_MINUTES = 2.0
BASELINE = "baseline"


@dataclass(frozen=True)
class Request:
    """What the user asks for; empty text and None stand for "decide for me".

    Fields are the parameters of `flows/train.py`, whose ``--help`` says what each one is.
    """

    bundled: Path
    source: str = ""
    dataset: str = ""
    ref: str = "main"
    store: str = ""
    target: str = ""
    key: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    drop_missing_target: bool = False
    task: str = ""
    metric: str = ""
    positive: str = ""
    minutes: float | None = None
    trials: int | None = None
    engines: tuple[str, ...] = ("tpot", "autokeras")
    searches: int = 1
    seed: int = 0
    infer_ms: float | None = None
    holdout: float = 0.2
    group: str = ""
    time: str = ""
    dask: str = ""

    @classmethod
    def from_parameters(cls, given: Any, bundled: Path) -> Request:
        """A request from an object with the parameters as typed: lists are texts with commas.

        A parameter may be called ``<name>_option`` where an artifact has its plain name.

        Example:
            >>> from types import SimpleNamespace
            >>> given = dict.fromkeys(Request.__dataclass_fields__)
            >>> given |= {"key": "year, id", "engines": "tpot"}
            >>> Request.from_parameters(SimpleNamespace(**given), Path("data")).key
            ('year', 'id')
        """
        names = [name for name in cls.__dataclass_fields__ if name != "bundled"]
        return cls(bundled, **wishes(given, names, lists=("key", "ignore", "engines")))

    def __post_init__(self) -> None:
        for name in self.engines:
            check_engine(name)
            if self.engines.count(name) > 1:
                raise InputError(
                    f"the engine {name!r} is given {self.engines.count(name)} times.",
                    "Give it once; --searches says how many searches of each there are.",
                )
        if not 0 < self.holdout < 1:
            raise InputError(
                f"--holdout is {self.holdout:g}, and must be a share between 0 and 1.",
                "A usual one is 0.2.",
            )
        if self.infer_ms is not None and not 0 < self.infer_ms < math.inf:
            raise InputError(
                f"--infer-ms is {self.infer_ms:g}, and is a positive number of milliseconds for"
                " 1,000 rows.",
                "50 keeps to small models; leave it out for no bound.",
            )
        if self.source and self.ref != "main":
            raise InputError(
                f"--source {self.source} and --ref {self.ref} are both given.",
                "A source becomes a new commit on main: leave out one of them.",
            )
        # Made for its checks alone: amounts that are no budget are refused before any work.
        self.plan(cells=0, cores=1, workers=1)
        self._check_dask()

    @property
    def cluster(self) -> str:
        """Address of the Dask scheduler; empty for none."""
        return self.dask or os.environ.get(DASK, "")

    def _check_dask(self) -> None:
        if self.dask and "tpot" not in self.engines:
            raise InputError(
                f"--dask {self.dask} is given, and --engines has no tpot.",
                "Only TPOT's search uses a cluster: add it, or leave --dask out.",
            )
        if self.cluster and "tpot" in self.engines:
            from limelight.search.cluster import check_cluster

            check_cluster(self.cluster)

    def plan(self, *, cells: int, cores: int, workers: int, launched: float | None = None) -> Plan:
        """Share the minutes or trials out over the searches; arguments as of `make_plan`."""
        minutes = self.minutes
        if minutes is None and self.trials is None:
            minutes = DEFAULT_MINUTES
        return make_plan(
            # The baselines always race: to name them too asks for nothing more.
            [name for name in self.engines if name != BASELINE],
            searches=self.searches,
            minutes=minutes,
            trials=self.trials,
            seed=self.seed,
            cores=cores,
            workers=workers,
            cells=cells,
            launched=launched,
            dask=self.cluster,
        )

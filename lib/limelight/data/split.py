"""Which rows are for training, which are the holdout, and the folds that searches share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limelight.data import folding
from limelight.data.folding import Folds
from limelight.data.hashing import redrawn, stable_hash
from limelight.data.schema import ROW_KEY
from limelight.errors import InputError

Kind = Literal["key", "group", "time"]
Positions = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Split:
    """The two sides of a dataset, and the folds of its training side.

    Args:
        training: Positions of the training rows in the dataset, ascending.
        holdout: Positions of the rows that no search sees, ascending.
        folds: (train, validation) positions of each fold, counted within the training rows:
            ``frame.iloc[split.training].iloc[train]``.
        kind: What decided the side of a row: its ``"key"``, its ``"group"`` or its ``"time"``.
        classes: Name, training rows and holdout rows of each class; empty for regression.
    """

    training: Positions
    holdout: Positions
    folds: Folds
    kind: Kind
    classes: tuple[tuple[str, int, int], ...] = ()

    def summary(self) -> dict[str, Any]:
        """Counts for a person to read; JSON values only."""
        rows = len(self.training) + len(self.holdout)
        found: dict[str, Any] = {
            "kind": self.kind,
            "training": len(self.training),
            "holdout": len(self.holdout),
            "holdout_fraction": round(len(self.holdout) / rows, 4),
            "folds": len(self.folds),
        }
        if self.classes:
            found["classes"] = {
                name: {"training": training, "holdout": holdout}
                for name, training, holdout in self.classes
            }
        return found


def make_split(
    keys: pd.Index,
    target: NDArray[Any],
    *,
    holdout: float = 0.2,
    n_folds: int = 5,
    repeats: int = 1,
    stratify: bool,
    groups: pd.Series | None = None,
    time: pd.Series | None = None,
    class_names: Sequence[Any] = (),
) -> Split:
    """Divide the rows of a dataset; the same rows are always divided in the same way.

    The side of a row is decided by a hash of its key (of its group, where groups are given), not
    by a seed: a row stays on its side when rows are added or removed, so that models of different
    versions are compared on the same rows. Membership in a fold may change when the data grows.
    With ``time`` the last rows are the holdout, and each fold is trained on what came before it.

    Args:
        keys: The dataset's index, shape (n,).
        target: Encoded target, shape (n,): codes 0..k-1 if ``stratify``, else numbers.
        holdout: Share of the rows that no search sees; between 0 and 1, met on average.
        n_folds: Most folds; fewer are made where a class, the groups or the times are few.
        repeats: How often the rows are dealt into folds; the folds of the first deal come first.
            Time has one order only, and is dealt once.
        stratify: The target is classes, and each fold gets its share of every one.
        groups: Rows of one value stay together, shape (n,).
        time: Dates or numbers, shape (n,).
        class_names: Names of the codes, for errors and the summary.

    Raises:
        InputError: A side or a fold cannot be made: a class is too rare, groups or times are
            missing or too few, both are given, or ``holdout`` or ``n_folds`` is out of range.

    Example:
        >>> split = make_split(pd.RangeIndex(100), np.arange(100) % 2, stratify=True)
        >>> split.summary()["training"], len(split.folds)
        (81, 5)
    """
    _check_arguments(holdout, n_folds, repeats, groups, time)
    kind: Kind = "time" if time is not None else "key" if groups is None else "group"
    hashes = stable_hash(_without_number(keys) if groups is None else groups)
    in_holdout = _last(time, holdout) if time is not None else _lowest(hashes, holdout)
    codes = target.astype("int64") if stratify else None
    if kind == "key" and codes is not None:
        in_holdout &= ~_too_few_outside(codes, in_holdout)
    training, held = np.flatnonzero(~in_holdout), np.flatnonzero(in_holdout)
    names = _names(codes, class_names)
    if codes is not None:
        _check_rare(codes, training, names)
    inner = codes[training] if codes is not None else None
    folds: Folds = []
    for deal in range(1 if time is not None else repeats):
        dealt = redrawn(hashes[training], deal)
        if time is not None:
            folds += folding.windows(time.iloc[training], inner, n_folds, names)
        elif groups is not None:
            folds += folding.grouped(groups.iloc[training], dealt, inner, n_folds, names)
        elif inner is not None:
            folds += folding.stratified(inner, dealt, n_folds)
        else:
            folds += folding.balanced(target[training], dealt, n_folds)
    return Split(training, held, folds, kind, _class_counts(codes, training, held, names))


def _check_arguments(
    holdout: float,
    n_folds: int,
    repeats: int,
    groups: pd.Series | None,
    time: pd.Series | None,
) -> None:
    if not 0 < holdout < 1:
        raise InputError(f"the holdout is {holdout}, and it is a share of the rows.", "Try 0.2.")
    if n_folds < 2:
        raise InputError(f"{n_folds} folds are given, and at least 2 are needed.", "Try 5.")
    if repeats < 1:
        raise InputError(f"{repeats} repeats are given, and at least 1 is needed.", "Try 1.")
    if groups is not None and time is not None:
        raise InputError(
            f"--group {groups.name} and --time {time.name} are both given.",
            "Use one: --time where the model predicts the future, --group where rows of one"
            " origin must not be on both sides.",
        )
    for option, column in (("--group", groups), ("--time", time)):
        missing = int(column.isna().sum()) if column is not None else 0
        if column is not None and missing:
            raise InputError(
                f"the {option} column {column.name!r} is missing in {missing:,} of"
                f" {len(column):,} rows.",
                "Fill it, or drop these rows.",
            )


def _without_number(keys: pd.Index) -> pd.Index:
    """The keys; of those made from the content, without the number that tells equal rows apart.

    Equal rows on both sides would let a model be tested on what it has seen.
    """
    return keys.str.replace(r"-\d+$", "", regex=True) if keys.name == ROW_KEY else keys


def _lowest(hashes: NDArray[np.uint64], holdout: float) -> NDArray[np.bool_]:
    """The rows whose hash is in the lowest share of all hashes there could be."""
    places = hashes / 2.0**64
    chosen = places < holdout
    if chosen.any() and not chosen.all():
        return np.asarray(chosen)
    distinct = np.unique(places)
    if len(distinct) < 2:
        raise InputError(
            "all rows have the same group, so there can be no holdout.",
            "Choose a --group column with more values, or none.",
        )
    if chosen.any():
        side, fitting = "all", max(np.floor(distinct[-1] * 100) / 100, 0.01)
    else:
        side, fitting = "none", np.ceil(distinct[0] * 100) / 100
    raise InputError(
        f"of {len(hashes):,} rows ({len(distinct):,} keys or groups) {side} fall into a holdout"
        f" of {holdout}.",
        f"Use --holdout {fitting:.2f}, or more data.",
    )


def _last(time: pd.Series, holdout: float) -> NDArray[np.bool_]:
    """The rows of the last share of time; rows of the same time stay together."""
    ranks = folding.time_ranks(time)
    # The border's time belongs to the holdout, unless it is the first of all.
    border = max(np.sort(ranks)[int(len(ranks) * (1 - holdout))], ranks.min() + 1)
    chosen = ranks >= border
    if not chosen.any():
        raise InputError(
            f"the --time column {time.name!r} has one value in all {len(time):,} rows.",
            "Choose a column that tells earlier rows from later ones.",
        )
    return np.asarray(chosen)


def _names(codes: NDArray[np.int64] | None, given: Sequence[Any]) -> list[str]:
    if codes is None:
        return []
    return [str(name) for name in given] or [str(code) for code in range(int(codes.max()) + 1)]


def _too_few_outside(codes: NDArray[np.int64], in_holdout: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The rows of classes of which fewer than two rows are outside of the holdout."""
    outside = np.bincount(codes[~in_holdout], minlength=int(codes.max()) + 1)
    return np.asarray(outside[codes] < 2)


def _check_rare(codes: NDArray[np.int64], training: Positions, names: list[str]) -> None:
    """Every class has two rows to train on, so that each fold can have one."""
    total = np.bincount(codes, minlength=len(names))
    counts = np.bincount(codes[training], minlength=len(names))
    rare = np.flatnonzero(counts < 2)
    for code in rare[:1]:
        others = f" {len(rare) - 1:,} other classes are as rare." if len(rare) > 1 else ""
        way_out = "Merge it with another class, drop its rows, or lower --holdout."
        many = "Merge rare classes, or choose another --target: this one may be no class at all."
        raise InputError(
            f"class {names[code]!r} has {total[code]:,} of {len(codes):,} rows, of which"
            f" {counts[code]} outside the holdout; at least 2 are needed there.{others}",
            many if len(rare) > 1 else way_out,
        )


def _class_counts(
    codes: NDArray[np.int64] | None, training: Positions, held: Positions, names: list[str]
) -> tuple[tuple[str, int, int], ...]:
    if codes is None:
        return ()
    inside, outside = (np.bincount(codes[rows], minlength=len(names)) for rows in (training, held))
    return tuple((name, int(a), int(b)) for name, a, b in zip(names, inside, outside, strict=True))

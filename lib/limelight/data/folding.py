"""Folds of the training rows: by class, by target, by group, or by time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limelight.errors import InputError

Folds = list[tuple[NDArray[np.int64], NDArray[np.int64]]]
Codes = NDArray[np.int64]
Hashes = NDArray[np.uint64]


def stratified(codes: Codes, hashes: Hashes, n_folds: int) -> Folds:
    """Folds with each class's share: its rows are dealt in the order of their hashes.

    Rows of one hash are the same row many times, and stay together: a model would else be
    validated on what it was trained on. Of two classes each fold needs both, so there are no more
    folds than the rarer one has different rows; of more, a rare one may be in two folds only, which
    leaves some of it in every fold's training rows.
    """
    rows, row_of = _different(codes, hashes)
    alone = np.flatnonzero(np.bincount(codes[rows]) == 1)
    if len(alone):
        # Each fold's training rows need every class, also one that is the same row many times.
        own = np.arange(len(codes), dtype=hashes.dtype)
        rows, row_of = _different(codes, np.where(np.isin(codes, alone), own, hashes))
    counts = np.bincount(codes[rows])
    most = int(counts.min()) if len(counts) == 2 else len(rows) // 2
    n_folds = max(2, min(n_folds, most))
    # One deal over all classes, so that the folds' sizes differ by one at most.
    return _dealt(np.lexsort((hashes[rows], codes[rows])), row_of, n_folds)


def balanced(target: NDArray[Any], hashes: Hashes, n_folds: int) -> Folds:
    """Folds with like distributions of a number: of ``n_folds`` neighbours each gets one.

    Rows of one hash stay together, as in `stratified`.
    """
    rows, row_of = _different(target, hashes)
    n_folds = max(2, min(n_folds, len(rows) // 2))
    rank = np.empty(len(rows), dtype=np.int64)
    rank[np.lexsort((hashes[rows], target[rows]))] = np.arange(len(rows))
    return _dealt(np.lexsort((hashes[rows], rank // n_folds)), row_of, n_folds)


def _different(target: NDArray[Any], hashes: Hashes) -> tuple[NDArray[Any], NDArray[Any]]:
    """Rows that differ in hash or target: one of each, and for every row which of them it is."""
    order = np.lexsort((target, hashes))
    ranked, same = hashes[order], target[order]
    begins = np.ones(len(order), dtype=bool)
    begins[1:] = (ranked[1:] != ranked[:-1]) | (same[1:] != same[:-1])
    row_of = np.empty(len(order), dtype=np.int64)
    row_of[order] = np.cumsum(begins) - 1
    return order[begins], row_of


def grouped(
    groups: pd.Series, hashes: Hashes, codes: Codes | None, n_folds: int, names: list[str]
) -> Folds:
    """Folds of whole groups, the largest dealt first, each to where its classes are fewest.

    Raises:
        InputError: There is one group only, or a class is in one fold only.
    """
    numbers, distinct = pd.factorize(groups)
    n_folds = min(n_folds, len(distinct))
    if n_folds < 2:
        raise InputError(
            f"the --group column {groups.name!r} has one value outside the holdout.",
            "Choose a column with more values, or lower --holdout.",
        )
    kinds = np.zeros(len(groups), dtype=np.int64) if codes is None else codes
    shares = np.zeros((len(distinct), int(kinds.max()) + 1))
    np.add.at(shares, (numbers, kinds), 1.0)
    sizes = shares.sum(axis=1, keepdims=True)
    shares = np.hstack([sizes / len(groups), shares / np.maximum(shares.sum(axis=0), 1)])
    first_hash = np.zeros(len(distinct), dtype=np.uint64)
    first_hash[numbers] = hashes
    fold_of = np.empty(len(distinct), dtype=np.int64)
    load = np.zeros((n_folds, shares.shape[1]))
    for group in np.lexsort((first_hash, -sizes[:, 0])):
        fold = int(np.argmin(load @ shares[group]))
        fold_of[group] = fold
        load[fold] += shares[group]
    folds = _folds(fold_of[numbers], n_folds)
    lacking = _lacking(folds, codes, names)
    if lacking:
        raise InputError(
            f"class {lacking!r} is in too few groups of {groups.name!r} to be in every fold's"
            " training rows.",
            "Merge it with another class, drop its rows, or choose another --group column.",
        )
    return folds


def windows(time: pd.Series, codes: Codes | None, n_folds: int, names: list[str]) -> Folds:
    """Folds that look ahead: each validates on a stretch of time, trained on all before it.

    Rows of the same time stay together, and the first stretch is never validated. Fewer folds,
    with a longer first stretch, are made where a class would be missing from its start.

    Raises:
        InputError: No two folds can be made.
    """
    ranks = time_ranks(time)
    lacking = ""
    for number in range(min(n_folds, len(np.unique(ranks)) - 1), 1, -1):
        folds = _expanding(ranks, number)
        lacking = _lacking(folds, codes, names)
        if len(folds) >= 2 and not lacking:
            return folds
    raise InputError(
        f"class {lacking!r} is missing from the earlier part of {time.name!r}."
        if lacking
        else f"the --time column {time.name!r} has too few different values for two folds.",
        "Merge the class with another one or leave --time out."
        if lacking
        else "Choose a finer column, or lower --holdout.",
    )


def time_ranks(time: pd.Series) -> NDArray[np.int64]:
    """The order of the times, from 0, equal for equal times; int64, shape (n,).

    Raises:
        InputError: The column holds neither dates nor numbers.
    """
    types = pd.api.types
    ordered = types.is_numeric_dtype(time) or types.is_datetime64_any_dtype(time)
    if not ordered and types.infer_dtype(time, skipna=True) not in ("date", "datetime", "decimal"):
        raise InputError(
            f"the --time column {time.name!r} holds {time.dtype} (e.g. {time.iloc[0]!r}), and"
            " dates or numbers are needed.",
            "Convert it to dates like 2026-01-31, or choose another column.",
        )
    return np.asarray(time.rank(method="dense") if ordered else _ranked(time), dtype=np.int64) - 1


def _ranked(time: pd.Series) -> NDArray[np.int64]:
    codes, _ = pd.factorize(time, sort=True)
    return codes.astype(np.int64) + 1


def _expanding(ranks: NDArray[np.int64], number: int) -> Folds:
    starts = np.arange(1, number + 1) * len(ranks) // (number + 1)
    borders = np.unique(np.sort(ranks)[starts])
    borders = borders[borders > 0]
    ends = [*borders[1:], ranks.max() + 1]
    return [
        (np.flatnonzero(ranks < start), np.flatnonzero((ranks >= start) & (ranks < end)))
        for start, end in zip(borders, ends, strict=True)
    ]


def _lacking(folds: Folds, codes: Codes | None, names: list[str]) -> str:
    """The name of a class that some fold has none of in its training rows, or nothing."""
    if codes is None:
        return ""
    for train, _ in folds:
        absent = np.setdiff1d(codes, codes[train])
        if len(absent):
            return names[int(absent[0])]
    return ""


def _dealt(order: NDArray[Any], row_of: NDArray[Any], n_folds: int) -> Folds:
    """Different rows dealt in an order; ``row_of`` says which of them each row is."""
    fold_of = np.empty(len(order), dtype=np.int64)
    fold_of[order] = np.arange(len(order)) % n_folds
    return _folds(fold_of[row_of], n_folds)


def _folds(fold_of: NDArray[np.int64], n_folds: int) -> Folds:
    return [
        (np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold))
        for fold in range(n_folds)
    ]

"""Whether a fit will find the memory it needs, before it starts: who runs out of it is killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psutil
from sklearn.pipeline import Pipeline

#: A fit may take so much of what is free: others run beside it.
SHARE_OF_FREE = 0.8
#: Bytes of a node of a tree beside its values, as scikit-learn keeps them.
_NODE_BYTES = 72
#: Copies of the matrix that a fit makes, beside it: of bytes, floats and category codes.
_COPIES = {"LGBM": 0.5, "XGB": 1.5, "CatBoost": 2.5}
_USUAL_COPIES = 2.0
_PAIRS = frozenset({"SVC", "SVR", "KNeighborsClassifier", "KNeighborsRegressor"})
#: Where a container's limit stands, what it uses, and what of that are files that can be let go.
_CGROUP = (
    ("/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
    (
        "/sys/fs/cgroup/memory",
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        "total_inactive_file",
    ),
)


class TooLarge(MemoryError):
    """A fit that would take more memory than there is."""


def check_memory(estimator: Any, matrix: Any, outputs: int, free: float | None = None) -> None:
    """Refuse a fit that is foreseen to need more than there is.

    Args:
        estimator: What is about to be fitted.
        matrix: The encoded rows it is fitted on, shape (n, d).
        outputs: Numbers it predicts for a row: 1 for a value, else the number of classes.
        free: Bytes that are free; asked of the system if not given.

    Raises:
        TooLarge: It would need more than 80% of what is free; says how much.
    """
    rows, columns = matrix.shape
    needed = bytes_of_fit(estimator, rows, columns, outputs)
    there = free_bytes() if free is None else free
    if needed > SHARE_OF_FREE * there:
        raise TooLarge(
            f"it needs about {needed / 1e9:.1f} GB to be fitted, and {there / 1e9:.1f} GB are free"
        )


def bytes_of_fit(estimator: Any, rows: int, columns: int, outputs: int) -> float:
    """Bytes that fitting an estimator takes on top of its matrix, roughly.

    Args:
        estimator: Unfitted; estimators that wrap others are looked into.
        rows, columns: Of the matrix.
        outputs: As of `check_memory`.

    Example:
        >>> from sklearn.ensemble import ExtraTreesRegressor
        >>> forest = ExtraTreesRegressor(200, min_samples_leaf=1)
        >>> round(bytes_of_fit(forest, 1_000_000, 10, 1) / 1e9)
        32
    """
    core = _core(estimator)
    matrix = 8.0 * rows * columns
    if hasattr(core, "min_samples_leaf") and hasattr(core, "n_estimators"):
        nodes = 2.0 * rows / max(1, int(core.min_samples_leaf)) * int(core.n_estimators)
        return matrix / 2 + nodes * (_NODE_BYTES + 8 * outputs)
    name = type(core).__name__
    if name in _PAIRS:
        return matrix * _USUAL_COPIES + 8.0 * min(rows, 10_000) * rows
    copies = [times for prefix, times in _COPIES.items() if name.startswith(prefix)]
    gradients = 16.0 * rows * outputs
    return matrix * (copies or [_USUAL_COPIES])[0] + gradients


def free_bytes() -> float:
    """Bytes that this process may still take: of the machine, and of its container if it has one.

    Example:
        >>> free_bytes() > 0
        True
    """
    free = float(psutil.virtual_memory().available)
    for folder, limit, used, files in _CGROUP:
        try:
            most, now, details = (
                (Path(folder) / name).read_text(encoding="ascii").strip()
                for name in (limit, used, "memory.stat")
            )
        except OSError:
            continue
        if most.isdigit():
            stat = dict(line.split(maxsplit=1) for line in details.splitlines())
            free = min(free, float(most) - float(now) + float(stat.get(files, 0)))
    return max(0.0, free)


def _core(estimator: Any) -> Any:
    """The estimator that does the work: the last step, what is wrapped."""
    if isinstance(estimator, Pipeline):
        return _core(estimator.steps[-1][1])
    if hasattr(estimator, "n_estimators"):
        return estimator  # a forest has its kind of tree as "estimator"
    for name in ("booster", "estimator", "forest", "regressor"):
        inner = getattr(estimator, name, None)
        if hasattr(inner, "fit"):
            return _core(inner)
    return estimator

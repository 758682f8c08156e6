import numpy as np
import pandas as pd

from limelight.report import figures


def trials(scores: list[float | None]) -> pd.DataFrame:
    n = len(scores)
    return pd.DataFrame(
        {
            "engine": ["tpot"] * n,
            "search": [1] * n,
            "outcome": ["ok" if s is not None else "failed" for s in scores],
            "score": scores,
            "started": np.arange(n, dtype="float64"),
            "wall_seconds": [0.5] * n,
        }
    )


def test_figures_take_the_colours_of_the_page() -> None:
    svg = figures.search_progress(trials([0.5, None, 0.7]), "roc_auc", True)
    assert svg.startswith("<svg")
    assert "var(--series-0)" in svg
    assert "var(--ink)" in svg
    assert "#01020" not in svg
    assert "tpot 1" in svg


def test_a_search_without_scores_has_no_figure() -> None:
    assert figures.search_progress(trials([None, None]), "roc_auc", True) == ""


def test_progress_shows_how_searches_end_whatever_their_start() -> None:
    best = np.array([1e9, 0.52, 0.51, 0.50, 0.50, 0.49, 0.48, 0.47, 0.46, 0.45, 0.44])
    low, high = figures._window([best, np.array([0.9])], greater_is_better=False)
    assert low < 0.44
    assert 0.9 < high < 1.1


def test_many_points_are_drawn_as_cells() -> None:
    rng = np.random.default_rng(0)
    target = rng.normal(size=30_000)
    svg = figures.predicted_against_actual(target, target + rng.normal(size=30_000), "y")
    assert len(svg) < 300_000


def test_identifiers_of_two_figures_do_not_meet() -> None:
    import re

    target = np.array([0, 1, 0, 1, 1])
    odds = np.column_stack([1 - np.linspace(0, 1, 5), np.linspace(0, 1, 5)])
    roc, pr = figures.roc_curve(target, odds), figures.precision_recall_curve(target, odds)
    one, two = (set(re.findall(r'\bid="([^"]+)"', svg)) for svg in (roc, pr))
    assert one
    assert not one & two
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', roc))
    assert used <= one

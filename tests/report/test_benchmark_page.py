"""The page of a benchmark."""

from dataclasses import replace

import numpy as np
import pytest

from limelight.benchmark.conclude import conclude
from limelight.benchmark.measure import Measured
from limelight.benchmark.results import Result
from limelight.report.benchmark_page import BenchmarkReport, render_benchmark_report

TRUTH = np.tile([0, 1], 50)


def made(tool, task, score, **more) -> Result:
    facts = {"status": "failed" if score is None else "ok", "metric": "roc_auc", "floor": 0.5}
    spread = {} if score is None else {"low": score - 0.02, "high": score + 0.02}
    facts |= {"train_rows": 1234, "test_rows": 100, "seed": 0, "minutes": 1.0, "cores": 2}
    facts |= {"overrun_seconds": -2.5, "waited_seconds": 57.5, "peak_mb": 812.0} | spread
    return Result(tool=tool, task=task, score=score, **(facts | more))


@pytest.fixture
def report() -> BenchmarkReport:
    sure = np.stack([1 - TRUTH, TRUTH], axis=1) * 0.8 + 0.1
    results = [
        made("limelight", "<b>loans", 0.9, predictions="limelight", about="CatBoost & more"),
        made("hgb", "<b>loans", 0.8, predictions="hgb"),
        made("constant", "<b>loans", 0.5),
        made("limelight", "flats", None, reason="it ran out", overrun_seconds=12.0),
        made("hgb", "flats", 20.0, metric="rmse", floor=50.0, low=18.0, high=22.0),
        made("constant", "flats", 50.0, metric="rmse", floor=50.0),
    ]
    results[3] = replace(results[3], metric="rmse", floor=50.0)
    found = conclude(
        [
            Measured(results[:3], TRUTH, {"limelight": sure, "hgb": 0.5 + 0 * sure}),
            Measured(results[3:], np.zeros(100), {}),
        ]
    )
    tables = found.results, found.summary, found.comparisons, found.wins
    return BenchmarkReport("BenchmarkFlow/1", "limelight", *tables, "1 min", 2, found.notes)


def test_the_page_tells_scores_costs_and_failures(report):
    page = render_benchmark_report(report)
    for text in (
        "BenchmarkFlow/1",
        "<strong>0.9</strong>",
        "0.8800 to 0.9200",
        "1 of 2 runs",
        "+12.0 s",
        "1 of them over 5 s late",
        "812 MB",
        "limelight on flats, seed 0: failed, it ran out",
        "CatBoost &amp; more",
        "&lt;b&gt;loans",
    ):
        assert text in page, text
    assert "<b>loans" not in page
    assert "://" not in page.replace("http://www.w3.org", "")


def test_the_figure_has_a_row_for_each_task_and_a_mark_for_each_tool(report):
    page = render_benchmark_report(report)
    figure = page[page.index("<svg") : page.index("</svg>")]
    assert "normalised score" in figure
    for name in ("limelight", "hgb", "flats"):
        assert f">{name}<" in figure
    assert ">constant<" not in figure


def test_one_task_and_nobody_to_compare_with_is_a_page_too(report):
    alone = report.results[report.results["tool"] == "limelight"]
    page = render_benchmark_report(
        replace(
            report,
            results=alone,
            summary=report.summary.loc[["limelight"]],
            wins=report.wins.iloc[:0],
            comparisons=report.comparisons.iloc[:0],
        )
    )
    assert "against each" not in page

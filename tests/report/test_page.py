import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from limelight.data.card import DatasetCard
from limelight.data.store import DataVersion
from limelight.explain.lime import explain_rows
from limelight.explain.selection import pick_rows
from limelight.report.page import TrainingReport, render_training_report
from limelight.report.profile import profile_columns
from limelight.search.metrics import METRICS
from limelight.search.task import Task

EVIL = '<script>alert("x")</script>'
TASKS = {
    "binary": Task("binary", "roc_auc", "y", ("good", "bad")),
    "multiclass": Task("multiclass", "log_loss", "y", ("a", "b", "c")),
    "regression": Task("regression", "rmse", "y"),
}


def report(problem: str = "binary", rows: int = 120, **given: Any) -> TrainingReport:
    task = TASKS[problem]
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(rows, 3)), columns=["x1", EVIL, "x3"])
    k = max(len(task.classes), 1)

    def predict(features: pd.DataFrame) -> Any:
        value = features["x1"].to_numpy(dtype="float64") * 1000
        if k == 1:
            return value
        odds = np.exp(np.outer(value / 1000, np.arange(k)))
        return odds / odds.sum(axis=1, keepdims=True)

    prediction = predict(frame)
    target = prediction + rng.normal(size=rows) if k == 1 else rng.integers(0, k, rows)
    picked = pick_rows(prediction, target, task, n=3)
    chosen = frame.iloc[picked["position"]]
    leaderboard = pd.DataFrame(
        {
            "rank": [1, 2],
            "id": ["ensemble", "tpot-0/12"],
            "engine": ["ensemble", "tpot"],
            "description": ["2 models", EVIL],
            "score": [0.91, 0.90],
            "score_low": [0.89, 0.88],
            "score_high": [0.93, 0.92],
            "holdout": [0.90, np.nan],
            "holdout_low": [0.85, np.nan],
            "holdout_high": [0.95, np.nan],
            "weight": [0.0, 0.5],
            "published": [True, False],
            "fit_seconds": [2.0, 61.2],
            "predict_seconds": [0.1, np.nan],
            "behind": [0.0, 0.01],
            "behind_low": [np.nan, -0.002],
            "behind_high": [np.nan, 0.02],
        }
    )
    trials = pd.DataFrame(
        {
            "engine": ["tpot", "tpot", "autokeras"],
            "search": [0, 0, 0],
            "number": [0, 1, 0],
            "outcome": ["ok", "failed", "ok"],
            "score": [0.8, None, 0.7],
            "started": [0.0, 1.0, 0.0],
            "wall_seconds": [1.0, 1.0, 9.0],
            "error": ["", EVIL, ""],
        }
    )
    scores = {m.name: m(target, prediction) for m in METRICS.values() if problem in m.problems}
    made = TrainingReport(
        title="TrainFlow/17",
        dataset=f"loans {EVIL}",
        data_version=DataVersion("file:store.db", "loans", "main", "c0ffee" * 6, "beef", 600),
        card=DatasetCard("loans", "y", description=EVIL),
        columns=profile_columns(frame),
        task=task,
        split={"folds": 5, "classes": {EVIL: {"training": 80, "holdout": 20}}},
        searches=[{"engine": "tpot", "number": 0, "seed": 7}],
        trials=trials,
        leaderboard=leaderboard,
        metrics={name: {"score": s, "low": s, "high": s} for name, s in scores.items()},
        target=target,
        prediction=prediction,
        explanations=explain_rows(predict, frame, chosen, task, n_samples=200),
        explained=pd.DataFrame(
            {
                "row_key": chosen.index.astype(str),
                "reason": picked["reason"],
                "actual": task.decode(target)[picked["position"]],
            }
        ),
        importance=pd.DataFrame(
            {"feature": ["x1", EVIL], "importance": [0.2, -0.01], "std": [0.01, 0.0]}
        ),
        lineage={"evil": EVIL, "commit": "c0ffee"},
        notes=[f"autokeras gave no model: {EVIL}"],
        verdict=f"It is published {EVIL}.",
        seconds=75.0,
    )
    return replace(made, **given)


def visible(page: str) -> str:
    """The text of a page, without styles, figures and tags."""
    text = re.sub(r"<(style|svg).*?</\1>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


@pytest.mark.parametrize("problem", TASKS)
def test_the_page_needs_nothing_from_outside_and_is_small(problem: str) -> None:
    page = render_training_report(report(problem))
    assert page.startswith("<!doctype html>")
    assert len(page.encode()) < 300_000
    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", page)
    assert not re.search(r"url\(\s*[\"']?http|@import|<link|<script|<img", page)


@pytest.mark.parametrize("problem", TASKS)
def test_what_comes_from_data_is_escaped(problem: str) -> None:
    page = render_training_report(report(problem))
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_a_target_named_like_a_tag_is_escaped_in_the_figures() -> None:
    task = Task("regression", "rmse", "<b>price</b> $x_1$")
    page = render_training_report(replace(report("regression"), task=task))
    assert "<b>price" not in page
    assert "x_1" in visible(page)


def test_the_headline_says_score_interval_model_and_commit() -> None:
    given = {"roc_auc": {"score": 0.87654, "low": 0.81, "high": 0.92}}
    text = visible(render_training_report(report(metrics=given)))
    assert "roc_auc on the holdout 0.8765 95% interval 0.8100 to 0.9200" in text
    assert "c0ffee" * 6 in text
    assert "1 min 15 s" in text
    assert text.index("2 models") < text.index("Leaderboard") < text.index("explained")
    assert text.index("explained") < text.index("relies on") < text.index("The searches")
    assert text.index("The searches") < text.index("The data") < text.index("Lineage")


def test_the_split_is_told_class_by_class() -> None:
    text = visible(render_training_report(report()))
    assert "Split: folds 5" in text
    assert "80 training, 20 holdout" in text


def test_the_metric_of_the_task_comes_first() -> None:
    task = Task("binary", "f1", "y", ("good", "bad"))
    text = visible(render_training_report(report(task=task)))
    section = text[text.index("On the holdout") :]
    assert section.index("f1") < section.index("roc_auc")
    assert "f1 on the holdout" in text


def test_each_problem_has_the_figures_that_fit_it() -> None:
    binary, multiclass, regression = (render_training_report(report(p)) for p in TASKS)
    assert "ROC curve on the holdout" in binary
    assert "ROC" not in multiclass
    assert 'class="confusion"' in multiclass
    assert 'class="confusion"' not in regression
    assert "Predicted against actual" in regression
    for page in (binary, multiclass, regression):
        assert "Best score so far" in page
        assert page.count('role="img"') == page.count("<svg")


def test_bars_of_an_explanation_add_up_to_the_local_prediction() -> None:
    made = report()
    named = made.explanations.groupby("row_key", sort=False).head(2)
    page = render_training_report(replace(made, explanations=named))
    assert page.count("all other columns") == named["row_key"].nunique()
    assert "all other columns" not in render_training_report(made)


def test_the_confusion_counts_every_row_of_the_holdout() -> None:
    made = report("multiclass")
    page = render_training_report(made)
    table = page[page.index('<table class="confusion">') :]
    cells = re.findall(r"<td[^>]*>([\d,]+)<span>", table)
    assert sum(int(cell) for cell in cells) == len(made.target)


def test_large_tables_do_not_make_a_large_page() -> None:
    made = report("regression")
    rng = np.random.default_rng(0)
    target = rng.normal(size=20_000)
    wide = pd.concat([made.columns] * 700, ignore_index=True)
    many = pd.concat([made.leaderboard] * 400, ignore_index=True)
    big = replace(made, target=target, prediction=target, columns=wide, leaderboard=many)
    page = render_training_report(big)
    assert len(page.encode()) < 1_500_000
    assert "more columns are not shown" in page
    assert page.count("<td>number</td>") <= 200


def test_a_run_with_little_to_tell_is_told_too() -> None:
    made = report()
    page = render_training_report(
        replace(
            made,
            trials=made.trials.assign(score=None, outcome="failed"),
            explanations=made.explanations.iloc[:0],
            importance=made.importance.iloc[:0],
            leaderboard=made.leaderboard.iloc[:1],
            target=np.zeros(len(made.target), dtype="int64"),
            notes=[],
            seconds=None,
            lineage={},
        )
    )
    assert "Why:" not in page
    assert "Best score so far" not in page
    assert json.dumps({}) in visible(page)


@pytest.mark.parametrize("problem", TASKS)
def test_without_a_holdout_the_folds_have_the_word(problem: str) -> None:
    made = report(problem)
    bare = replace(made, target=made.target[:0], prediction=made.prediction[:0], metrics={})
    text = visible(render_training_report(bare))
    assert "on the folds 0.9100 95% interval 0.8900 to 0.9300" in text
    assert "On the holdout" not in text


def test_the_published_candidate_is_the_one_in_the_headline() -> None:
    made = report()
    board = made.leaderboard.assign(published=[False, True], description=["2 models", "a tree"])
    text = visible(render_training_report(replace(made, leaderboard=board)))
    assert text.index("a tree") < text.index("Leaderboard") < text.index("2 models")


def test_the_same_run_gives_the_same_page() -> None:
    assert render_training_report(report()) == render_training_report(report())

"""The training flow, run for real and read back."""

import json
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.slow

CONTRACT = {
    "dataset",
    "data_version",
    "task",
    "split",
    "searches",
    "trials",
    "leaderboard",
    "predictor",
    "metrics",
    "explanations",
    "importance",
    "lineage",
}


@pytest.fixture
def data(first_run, client):
    return client(first_run.folder)


def test_the_artifacts_of_the_contract_are_there(data):
    assert {name for name in CONTRACT if getattr(data, name, None) is not None} == CONTRACT
    assert data.dataset == "credit_g"
    assert data.task.problem == "binary"


def test_every_engine_took_part(data):
    assert {"baseline", "tpot", "autokeras"} <= set(data.trials["engine"])
    assert {"baseline", "tpot", "autokeras"} <= set(data.leaderboard["engine"])
    # Nobody is missing: it is told how many fits are published, and nothing else.
    assert all("mean of two fits" in note for note in data.notes)


def test_the_data_version_reads_the_rows_that_were_split(data):
    from limelight.data import open_store

    version = data.data_version
    store = open_store(version.store)
    frame = store.read(version)
    assert len(frame) == version.rows == 1000
    assert version.commit in {commit.commit for commit in store.log("credit_g")}
    assert data.split["training"] + data.split["holdout"] == 1000


def test_the_holdout_score_is_the_score_of_the_holdout_predictions(data):
    from limelight.search.metrics import METRICS

    held = data.holdout_predictions
    probabilities = held[[f"probability {label}" for label in data.task.classes]].to_numpy()
    target = data.task.encode(held["actual"])
    found = data.metrics["roc_auc"]
    assert found["score"] == pytest.approx(METRICS["roc_auc"](target, probabilities))
    assert found["low"] < found["score"] < found["high"]
    assert found["score"] > 0.65


def test_the_holdout_never_reached_a_search(data):
    held = set(data.holdout_predictions.index)
    assert not held & set(data.problem.features.index)
    assert len(held) == data.split["holdout"]


def test_the_predictor_takes_raw_rows_and_refuses_what_does_not_fit(data):
    from limelight.data import open_store
    from limelight.errors import InputError

    raw = open_store(data.data_version.store).read(data.data_version).head(5)
    labels = data.predictor.predict(raw)
    probabilities = data.predictor.predict_proba(raw)
    assert set(labels) <= {"good", "bad"}
    assert np.allclose(probabilities.sum(axis=1), 1)
    with pytest.raises(
        InputError, match=r"'credit_amount'.*'duration'|'duration'.*'credit_amount'"
    ):
        data.predictor.predict(raw.drop(columns=["duration", "credit_amount"]))


def test_the_predictor_says_where_it_comes_from(data):
    lineage = data.predictor.lineage
    assert lineage["data"]["commit"] == data.data_version.commit
    assert lineage["run"].startswith("TrainFlow/")
    assert lineage["parameters"]["trials"] == 2
    assert lineage["packages"]["tpot"] == "1.1.0"
    assert len(lineage["code"]["hash"]) == 64
    json.dumps(lineage)


def test_the_saved_predictor_predicts_the_same_in_a_fresh_process(data, tmp_path):
    path = data.predictor.save(tmp_path / "model.limelight")
    assert zipfile.is_zipfile(path)
    rows = data.problem.features.head(3)
    rows.to_parquet(tmp_path / "rows.parquet")
    code = (
        "import sys, pandas as pd\n"
        "from limelight.model.predictor import Predictor\n"
        f"p = Predictor.load({str(path)!r})\n"
        f"print(p.predict_proba(pd.read_parquet({str(tmp_path / 'rows.parquet')!r})).to_json())\n"
        "assert not {'tpot', 'autokeras', 'metaflow'} & set(sys.modules), 'a search library'\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    fresh = pd.DataFrame(json.loads(ran.stdout.splitlines()[-1]))
    assert np.allclose(fresh.to_numpy(), data.predictor.predict_proba(rows).to_numpy())


def test_explanations_are_of_holdout_rows(data):
    explanations = data.explanations
    assert set(explanations["row_key"]) <= set(map(str, data.holdout_predictions.index))
    assert explanations["fit_r2"].between(-1, 1).all()
    assert set(explanations["feature"]) <= set(data.predictor.features)
    assert set(data.importance["feature"]) == set(data.predictor.features)


def test_the_card_shows_the_run(first_run, client):
    client(first_run.folder)
    from metaflow.cards import get_cards

    from limelight.runs import find_run

    html = get_cards(find_run()["explain"].task)[0].get()
    for word in ("credit_g", "roc_auc", "checking_status", "tpot-0/", "autokeras-0/"):
        assert word in html, f"the card lacks {word}"


def test_the_end_says_where_to_look(first_run):
    for word in ("roc_auc", "card view", "latest_successful_run", "commit"):
        assert word in first_run.output


def test_the_same_trials_and_seed_give_the_same_predictions(first_run, flow, client, tmp_path):
    again = flow(tmp_path, "run", "--trials", "2", "--seed", "7")
    assert again.code == 0, again.output
    first = client(first_run.folder)
    second = client(tmp_path)
    assert second.lineage["holdout_predictions"] == first.lineage["holdout_predictions"]
    assert second.data_version.table_hash == first.data_version.table_hash


def test_the_library_travels_with_the_flow(flow, tmp_path):
    listed = flow(tmp_path, "package", "list")
    assert "limelight/search/engine.py" in listed.output
    assert "limelight/report/page.html" in listed.output


def test_bad_input_ends_in_one_line_before_any_search(flow, tmp_path):
    ran = flow(tmp_path, "run", "--engines", "tpott")
    assert ran.code != 0
    assert "engine 'tpott' is unknown. Did you mean 'tpot'?" in ran.output
    assert "Traceback" not in ran.output
    assert "search_tpot" not in ran.output
    assert not (tmp_path / ".limelight/store.db").exists()


def test_a_killed_run_is_resumed_from_where_it_was(flow, tmp_path, client):
    words = ["run", "--trials", "1", "--engines", ""]
    killed = flow(tmp_path, *words, kill_at="/choose/")
    assert killed.code != 0
    resumed = flow(tmp_path, "resume")
    assert resumed.code == 0, resumed.output
    data = client(tmp_path)
    assert data.data_version.rows == 1000
    from limelight.runs import find_run

    cloned = find_run()["baselines"].task.metadata_dict
    assert "origin-task-id" in cloned


def test_a_table_of_ones_own_with_a_number_to_predict(flow, tmp_path, client):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "sold at": pd.date_range("2024-01-01", periods=200).strftime("%Y-%m-%d"),
            "size": rng.uniform(20, 200, 200).round(1),
            "city": rng.choice(["Bern", "Zürich", None], 200),
            "listing": [f"A{n:04}" for n in range(200)],
        }
    )
    frame["price"] = (3000 * frame["size"] + 1e5 * (frame["city"] == "Zürich")).round()
    frame.to_csv(tmp_path / "flats.csv", index=False)
    words = ["--source", "flats.csv", "--target", "price", "--key", "listing"]
    ran = flow(tmp_path, "run", *words, "--trials", "1", "--engines", "")
    assert ran.code == 0, ran.output
    data = client(tmp_path)
    assert (data.dataset, data.task.problem, data.task.metric) == ("flats", "regression", "rmse")
    assert data.metrics["r2"]["score"] > 0.8
    assert "listing" not in data.predictor.features
    predicted = data.predictor.predict(pd.read_csv(tmp_path / "flats.csv").head(3))
    assert np.allclose(predicted, frame["price"].head(3), rtol=0.3)
    assert "Predicted" in data.report

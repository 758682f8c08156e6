"""The published predictor: raw rows in, labels out; one file on disk that is checked."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from limelight.errors import InputError
from limelight.model.calibration import Calibration
from limelight.model.decision import Decision
from limelight.model.ensemble import WeightedModel
from limelight.model.predictor import Predictor
from limelight.search.features import FrameEncoder
from limelight.search.portfolio import portfolio
from limelight.search.task import Task, infer_task

LINEAGE = {"dataset": "people", "commit": "abc", "rows": 60}


def _features() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({"age": rng.integers(18, 80, 60), "city": rng.choice(["Bern", "Oslo"], 60)})


def _predictor(labels: tuple[Any, Any] = ("no", "yes")) -> Predictor:
    features = _features()
    target = pd.Series(np.where(features["age"] > 50, labels[1], labels[0]), name="bought")
    task = infer_task(target, positive=str(labels[1]))
    model = make_pipeline(FrameEncoder(), DecisionTreeClassifier(random_state=0))
    model.fit(features, task.encode(target))
    return Predictor(model, task, features, LINEAGE)


def _regressor() -> Predictor:
    features = _features()
    model = make_pipeline(FrameEncoder(), LinearRegression()).fit(features, 2.0 * features["age"])
    return Predictor(model, Task("regression", "rmse", "twice"), features, {})


def test_rows_as_they_are_in_the_source_are_predicted() -> None:
    rows = pd.DataFrame(
        {"bought": ["?", "?"], "city": ["Oslo", "Rome"], "key": [7, 8], "age": ["70", "20"]},
        index=[101, 55],
    )
    predictor = _predictor()
    found = predictor.predict(rows)
    assert found.to_dict() == {101: "yes", 55: "no"}
    assert found.name == "bought"
    probability = predictor.predict_proba(rows)
    assert probability.columns.tolist() == predictor.classes_ == ["no", "yes"]
    assert probability.index.tolist() == [101, 55]
    assert np.array_equal(probability.to_numpy(), predictor.predict_array(rows))


@pytest.mark.parametrize(
    ("labels", "dtype"), [((0, 1), "int64"), ((1.5, 2.5), "float64"), ((False, True), "bool")]
)
def test_labels_have_their_original_type(labels: tuple[Any, Any], dtype: str) -> None:
    predictor = _predictor(labels)
    assert str(predictor.predict(_features()).dtype) == dtype
    assert predictor.predict({"age": 79, "city": "Bern"}).tolist() == [labels[1]]


def test_no_rows_give_no_predictions() -> None:
    empty = _features().iloc[:0]
    assert len(_predictor().predict(empty)) == 0
    assert _predictor().predict_proba(empty).shape == (0, 2)
    assert str(_regressor().predict(empty).dtype) == "float64"


def test_a_regression_predicts_values_and_has_no_probabilities() -> None:
    assert _regressor().predict({"age": 30, "city": "Bern"}).iloc[0] == pytest.approx(60)
    with pytest.raises(InputError, match="'twice' is a number"):
        _regressor().predict_proba(_features())


def test_it_shows_what_it_is() -> None:
    predictor = _predictor(("<b>", "yes"))
    assert "Predictor of 'bought'" in repr(predictor)
    assert "age (number)" in repr(predictor)
    shown = predictor._repr_html_()
    assert "&lt;b&gt;" in shown
    assert "<b>" not in shown
    assert "abc" in shown


def test_saved_and_loaded_in_a_fresh_process_it_predicts_the_same(tmp_path: Path) -> None:
    predictor = _predictor()
    path = predictor.save(tmp_path / "new" / "model.limelight")
    assert [file.name for file in path.parent.iterdir()] == ["model.limelight"]
    program = (
        "import sys, json\n"
        "from limelight.model.predictor import Predictor\n"
        f"p = Predictor.load({str(path)!r})\n"
        "rows = [{'age': 70, 'city': 'Bern'}, {'age': 20, 'city': None}]\n"
        "heavy = {'tpot', 'autokeras', 'metaflow', 'keras', 'tensorflow'} & set(sys.modules)\n"
        "print(json.dumps([p.predict(rows).tolist(), p.lineage, sorted(heavy)]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [["yes", "no"], LINEAGE, []]


def _boosted() -> Predictor:
    """An ensemble of the portfolio's kinds of models."""
    features = _features()
    target = pd.Series(np.where(features["age"] > 50, "yes", "no"), name="bought")
    task = infer_task(target)
    found: dict[str, Any] = {}
    for one in portfolio(task, rows=len(features), columns=2):
        if one.kind not in found:
            model = clone(one.estimator)
            model.set_params(**{name: 20 for name in model.get_params() if name == "iterations"})
            found[one.kind] = make_pipeline(clone(one.encoder), model)
            found[one.kind].fit(features, task.encode(target))
    weights = (1 / len(found),) * len(found)
    return Predictor(WeightedModel(tuple(found.values()), weights, task), task, features, LINEAGE)


def test_boosted_trees_load_in_a_fresh_process_without_what_searched(tmp_path: Path) -> None:
    predictor = _boosted()
    path = predictor.save(tmp_path / "model.limelight")
    assert {"catboost", "lightgbm", "xgboost", "sklearn"} <= set(_manifest(path)["packages"])
    assert path.stat().st_size < 2e6
    program = (
        "import sys, json\n"
        "{block}"
        "from limelight.model.predictor import Predictor\n"
        "from limelight.errors import InputError\n"
        "try:\n"
        f"    p = Predictor.load({str(path)!r})\n"
        "    given = p.predict_proba([{'age': 70, 'city': 'Bern'}, {'age': 20, 'city': 'X'}])\n"
        "    heavy = {'tpot', 'keras', 'limelight.search.portfolio'} & set(sys.modules)\n"
        "    print(json.dumps([given['yes'].tolist(), sorted(heavy)]))\n"
        "except InputError as error:\n"
        "    print(json.dumps(str(error)))"
    )

    def say(block: str) -> Any:
        command = [sys.executable, "-c", program.replace("{block}", block)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    expected = predictor.predict_proba([{"age": 70, "city": "Bern"}, {"age": 20, "city": "X"}])
    assert say("") == [expected["yes"].tolist(), []]
    assert "pip install 'catboost==" in say("sys.modules['catboost'] = None\n")
    assert [file.name for file in tmp_path.iterdir()] == ["model.limelight"]


def test_it_pickles() -> None:
    again = pickle.loads(pickle.dumps(_predictor()))
    assert again.predict(_features()).equals(_predictor().predict(_features()))


def test_the_manifest_tells_what_is_inside(tmp_path: Path) -> None:
    manifest = _manifest(_predictor().save(tmp_path / "p"))
    assert manifest["task"]["classes"] == ["no", "yes"]
    assert [column["name"] for column in manifest["schema"]] == ["age", "city"]
    assert manifest["packages"]["sklearn"]["name"] == "scikit-learn"
    assert manifest["lineage"] == LINEAGE


def test_a_failed_save_leaves_the_old_file(tmp_path: Path) -> None:
    path = _predictor().save(tmp_path / "p")
    before = path.read_bytes()
    broken = _predictor()
    broken.lineage["run"] = object()
    with pytest.raises(TypeError):
        broken.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def _manifest(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as archive:
        found: dict[str, Any] = json.loads(archive.read("manifest.json"))
        return found


def _rewrite(path: Path, model: bytes | None = None, **changes: Any) -> Path:
    manifest = _manifest(path) | changes
    with zipfile.ZipFile(path) as archive:
        model = archive.read("model.pkl") if model is None else model
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", json.dumps(manifest))
        archive.writestr("model.pkl", model)
    return path


def test_what_is_no_predictor_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        Predictor.load(tmp_path / "nothing")
    text = tmp_path / "text"
    text.write_text("hello")
    with pytest.raises(InputError, match="no predictor file"):
        Predictor.load(text)
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("manifest.json", "[]")
        archive.writestr("model.pkl", "")
    with pytest.raises(InputError, match="no predictor file"):
        Predictor.load(other)


def test_a_changed_model_or_manifest_is_refused(tmp_path: Path) -> None:
    path = _predictor().save(tmp_path / "p")
    with pytest.raises(InputError, match="damaged or was changed"):
        Predictor.load(_rewrite(path, model=pickle.dumps("evil")))
    path = _predictor().save(path)
    with pytest.raises(InputError, match="manifest does not describe"):
        Predictor.load(_rewrite(path, lineage={"dataset": "another"}))
    path = _predictor().save(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match="no predictor file, or it is damaged"):
        Predictor.load(path)


def test_a_newer_format_says_which_version_to_install(tmp_path: Path) -> None:
    path = _rewrite(_predictor().save(tmp_path / "p"), version=2, limelight="9.1")
    with pytest.raises(InputError, match=r"Install limelight 9\.1 or later"):
        Predictor.load(path)


def test_a_missing_package_is_named_with_its_version(tmp_path: Path) -> None:
    module = tmp_path / "oddmodel.py"
    module.write_text(
        "import numpy as np\n"
        "class Odd:\n"
        "    classes_ = [0, 1]\n"
        "    def predict_proba(self, X):\n"
        "        return np.full((len(X), 2), 0.5)\n"
    )
    sys.path.insert(0, str(tmp_path))
    try:
        import oddmodel  # type: ignore[import-not-found]

        predictor = _predictor()
        predictor.model = oddmodel.Odd()
        path = predictor.save(tmp_path / "p")
    finally:
        sys.path.remove(str(tmp_path))
        sys.modules.pop("oddmodel", None)
    _rewrite(path, packages={"oddmodel": {"name": "odd-model", "version": "1.2"}})
    with pytest.raises(InputError, match=r"pip install 'odd-model==1\.2'"):
        Predictor.load(path)


def test_labels_follow_the_decision_and_probabilities_do_not() -> None:
    frame = pd.DataFrame({"a": [0.0, 1.0]})
    task = Task("binary", "f1", "y", ("no", "yes"))
    member = DummyClassifier(strategy="prior").fit(frame, [0, 1])
    member.class_prior_ = np.array([0.7, 0.3])
    plain = Predictor(WeightedModel((member,), (1.0,), task), task, frame, {})
    careful = Predictor(
        WeightedModel((member,), (1.0,), task, decision=Decision.at(0.25)), task, frame, {}
    )
    assert plain.predict(frame).tolist() == ["no", "no"]
    assert careful.predict(frame).tolist() == ["yes", "yes"]
    assert careful.predict_proba(frame).equals(plain.predict_proba(frame))
    assert "yes: from a probability of 0.25 on" in repr(careful)
    assert "0.25 on" in careful._repr_html_()


def test_a_calibration_and_a_decision_are_saved(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": np.arange(6.0)})
    task = Task("multiclass", "balanced_accuracy", "y", ("p", "q", "r"))
    member = DecisionTreeClassifier(max_depth=1).fit(frame, [0, 0, 1, 1, 2, 2])
    model = WeightedModel(
        (member,), (1.0,), task, Calibration(0.5, (0.1, 0.0, -0.1)), Decision((0.2, 0.2, 0.6))
    )
    predictor = Predictor(model, task, frame, {})
    again = Predictor.load(predictor.save(tmp_path / "model.limelight"))
    assert again.predict_proba(frame).equals(predictor.predict_proba(frame))
    assert again.predict(frame).tolist() == predictor.predict(frame).tolist()
    assert "r" in set(again.predict(frame.iloc[3:]))

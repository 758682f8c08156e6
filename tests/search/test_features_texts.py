"""What the encoder finds in texts: words, dates, amounts, codes; and what it leaves alone."""

import pickle
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_limits

from limelight.search.features import FrameEncoder

KINDS = ["onehot", "ordinal", "native", "levels"]
RNG = np.random.default_rng(0)
ROWS = 600


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """As in a search: threads of BLAS take longer to start than these small products."""
    with threadpool_limits(1):
        yield


def names(frame: pd.DataFrame, target: object, kind: str = "ordinal") -> list[str]:
    encoder = FrameEncoder(kind)
    encoder.fit_transform(frame, target)
    return [str(name) for name in encoder.get_feature_names_out()]


@pytest.fixture(scope="module")
def remarks() -> tuple[pd.DataFrame, np.ndarray]:
    """Free text of several words, in which one of many words decides."""
    words = np.array([f"word{letter}" for letter in "abcdefghijklmnopqrst"])
    target = RNG.integers(0, 2, ROWS)
    texts = [
        " ".join([*RNG.choice(words, 6), "engine failure" if sick else "all well", str(number)])
        for number, sick in enumerate(target)
    ]
    return pd.DataFrame({"remark": texts}), target


@pytest.mark.parametrize("kind", KINDS)
def test_free_text_tells_what_it_is_about(
    remarks: tuple[pd.DataFrame, np.ndarray], kind: str
) -> None:
    frame, target = remarks
    encoder = FrameEncoder(kind)
    half = ROWS // 2
    given = np.asarray(encoder.fit_transform(frame[:half], target[:half]), dtype=float)
    shown = np.asarray(encoder.transform(frame[half:]), dtype=float)
    assert 2 <= given.shape[1] <= 37
    model = LogisticRegression(C=100).fit(np.nan_to_num(given), target[:half])
    assert model.score(np.nan_to_num(shown), target[half:]) > 0.95


@pytest.mark.parametrize("kind", KINDS)
def test_encoders_of_texts_clone_and_pickle(
    remarks: tuple[pd.DataFrame, np.ndarray], kind: str
) -> None:
    frame, target = remarks
    frame = frame.assign(when="24.04.2022", cost="3 €")
    frame.loc[::2, "when"], frame.loc[::3, "cost"] = "1.5.2023", "1.250 €"
    encoder = clone(FrameEncoder(kind))
    expected = np.asarray(encoder.fit(frame, target).transform(frame), dtype=float)
    again = pickle.loads(pickle.dumps(encoder))
    np.testing.assert_array_equal(np.asarray(again.transform(frame), dtype=float), expected)
    gaps = pd.DataFrame({"remark": [None, ""], "when": [None, "?"], "cost": [None, "new"]})
    assert np.asarray(again.transform(gaps)).shape == (2, expected.shape[1])
    assert again.transform(frame.head(0)).shape == (0, expected.shape[1])


def test_a_rare_word_is_not_lost_in_the_topics() -> None:
    words = np.array([f"{a}{b}{c}" for a in "bcdfgh" for b in "aeiou" for c in "klmnpr"])
    target = RNG.integers(0, 2, 900)
    texts = [" ".join([*RNG.choice(words, 30), "leak" if bad and n % 3 else str(n)])
             for n, bad in enumerate(target)]  # fmt: skip
    encoder = FrameEncoder()
    encoder.fit(pd.DataFrame({"note": texts[:600]}), target[:600])
    names = encoder.get_feature_names_out().tolist()
    assert "note: verdict 1" in names
    later = encoder.transform(pd.DataFrame({"note": texts[600:]}))[
        :, names.index("note: verdict 1")
    ]
    assert roc_auc_score(target[600:], later) > 0.7


def test_words_of_a_random_target_stay_at_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    # Shown in any case: else they would be left out here, and prove nothing.
    monkeypatch.setattr("limelight.search.column_plan.tells", lambda *_: True)
    words = np.array([f"{a}{b}" for a in "bcdfgh" for b in "aeiou"])
    target = RNG.integers(0, 2, 900)
    frame = pd.DataFrame({"note": [" ".join(RNG.choice(words, 9)) for _ in target]})
    encoder = FrameEncoder("ordinal")
    given = encoder.fit_transform(frame[:600], target[:600])
    assert abs(roc_auc_score(target[:600], given[:, -1]) - 0.5) < 0.08
    tree = DecisionTreeClassifier(min_samples_leaf=20).fit(given, target[:600])
    later = tree.predict_proba(encoder.transform(frame[600:]))[:, 1]
    assert abs(roc_auc_score(target[600:], later) - 0.5) < 0.08


def test_texts_and_ids_that_tell_nothing_are_left_out(
    remarks: tuple[pd.DataFrame, np.ndarray],
) -> None:
    noise = RNG.permutation(remarks[1])
    ids = pd.DataFrame(
        {
            "hash": [f"{value:032x}" for value in RNG.integers(0, 2**60, ROWS)],
            "id": [f"id{place}" for place in RNG.permutation(ROWS)],
            "remark": remarks[0]["remark"],
            "x": RNG.normal(size=ROWS),
        }
    )
    assert names(ids, noise) == ["x"]


def test_the_same_words_in_many_levels_give_a_category_and_topics() -> None:
    jobs = np.array([f"{a} {b} {c}" for a in ("senior", "junior", "lead")
                     for b in ("nurse", "clerk", "driver", "cook", "guard", "pilot")
                     for c in "abcdefghijklmnopqrst"])  # fmt: skip
    job = RNG.choice(jobs, 1500)
    pay = np.char.startswith(job, "senior") * 2.0 + (np.char.find(job, "pilot") > 0) * 3.0
    frame = pd.DataFrame({"job": job})
    found = names(frame, pay + RNG.normal(size=1500))
    assert "job" in found
    assert "job: topic 1" in found
    # Levels that were not there share their words with those that were.
    known = np.isin(job, jobs[::2])
    model = make_pipeline(FrameEncoder("onehot", "standard"), Ridge(1.0))
    model.fit(frame[known], pay[known])
    assert np.corrcoef(model.predict(frame[~known]), pay[~known])[0, 1] > 0.8


def test_codes_give_their_letters_and_digits() -> None:
    airline = RNG.choice(["UA", "AA", "DL"], ROWS)
    number = RNG.permutation(ROWS) + 100
    frame = pd.DataFrame({"plane": [f"N{n}{a}" for n, a in zip(number, airline, strict=True)]})
    target = (airline == "UA") * 5.0 + number / 50
    found = names(frame, target)
    assert found == ["plane (last letters)", "plane (first digits)"]
    assert (
        cross_val_score(
            make_pipeline(FrameEncoder("onehot", "standard"), Ridge(0.1)), frame, target
        ).min()
        > 0.9
    )


def test_dates_as_text_are_dates() -> None:
    days = pd.date_range("2020-01-05", periods=ROWS, freq="19h")
    frame = pd.DataFrame(
        {
            "american": days.strftime("%m/%d/%Y %H:%M"),
            "german": (days + pd.Timedelta(days=3)).strftime("%d.%m.%Y"),
        }
    )
    encoder = FrameEncoder("ordinal").fit(frame)
    matrix = pd.DataFrame(encoder.transform(frame), columns=encoder.get_feature_names_out())
    assert matrix["american: weekday"].tolist() == days.day_of_week.astype(float).tolist()
    assert matrix["german - american (days)"].between(2, 3).all()
    later = encoder.transform(pd.DataFrame({"american": ["x", None], "german": [None, ""]}))
    assert np.isnan(later).all()


def test_parts_of_time_turn_in_a_circle_for_straight_lines_alone() -> None:
    times = pd.date_range("2020-01-01", periods=ROWS, freq="7h")
    frame = pd.DataFrame({"at": times})
    assert not [name for name in names(frame, None) if "sine" in name]
    encoder = FrameEncoder().fit(frame)
    new = pd.DataFrame({"at": pd.to_datetime(["2021-01-01 23:59", "2021-01-02 00:00"])})
    found = dict(zip(encoder.get_feature_names_out(), encoder.transform(new).T, strict=True))
    assert abs(np.diff(found["at: hour sine"]))[0] < 0.01
    assert abs(np.diff(found["at: hour"]))[0] > 23


def test_amounts_are_numbers_and_few_of_them_are_categories_too() -> None:
    price = RNG.uniform(1, 5000, ROWS).round(2)
    frame = pd.DataFrame(
        {"price": [f"${value:,.2f}" for value in price], "term": ["36 months", "60 months"] * 300}
    )
    encoder = FrameEncoder("ordinal").fit(frame)
    matrix = pd.DataFrame(encoder.transform(frame))
    assert encoder.get_feature_names_out().tolist() == ["price", "term", "term"]
    np.testing.assert_allclose(matrix[0], price, rtol=1e-6)
    assert matrix[1].tolist() == [36.0, 60.0] * 300
    assert encoder.categorical_features_.tolist() == [False, False, True]


def test_whole_numbers_as_text_stay_categories_and_become_numbers_where_they_are_many() -> None:
    codes = RNG.choice([str(number) for number in range(98000, 98300)], ROWS)
    assert names(pd.DataFrame({"zip": codes}), None)[0] == "zip"
    assert FrameEncoder("native").fit(pd.DataFrame({"zip": codes})).names_[-1] == "zip"
    few = pd.DataFrame({"grade": RNG.choice(["1", "2", "3"], ROWS)})
    assert names(few, None) == ["grade"]
    assert FrameEncoder("native").fit(few).categorical_features_.tolist() == [True]


@pytest.mark.parametrize("kind", KINDS)
def test_odd_tables_pass(kind: str) -> None:
    rows = 150
    frame = pd.DataFrame(
        {
            'a "quoted", [odd] {name}\n': RNG.normal(size=rows),
            "ünï": [f"level {number}" for number in RNG.integers(0, 1000, rows)],
            7: RNG.choice([np.inf, -np.inf, 1.0, 2.0], rows),
            "truth": RNG.choice([True, False], rows),
            "one": [1.0, *[np.nan] * (rows - 1)],
            "same": [3.0] * (rows - 1) + [np.nan],
            "blank": [""] * rows,
            "twice": [1.5] * rows,
        }
    )
    target = RNG.permutation(np.arange(rows) % 100)
    encoder = FrameEncoder(kind, "standard" if kind == "onehot" else None)
    given = np.asarray(encoder.fit_transform(frame, target), dtype=float)
    assert given.shape == (rows, len(encoder.get_feature_names_out()))
    assert not np.isinf(given).any()
    assert "blank" not in encoder.get_feature_names_out()
    if kind == "onehot":
        assert np.isfinite(given).all()

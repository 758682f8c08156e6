"""Dates as text at prediction are the times that training made of the same texts, or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from limelight.data import DatasetCard
from limelight.data.source import read_source
from limelight.errors import InputError
from limelight.model.schema import Schema
from limelight.training.load import keyed, load
from limelight.training.prepare import prepare
from limelight.training.request import Request

DAYS = pd.date_range("2022-01-03", periods=60, freq="5D").as_unit("us")
"""Some of them can be read with the day and with the month first."""

FORMS = {
    "day": ("%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y %H:%M"),
    "month": ("%m/%d/%Y", "%m-%d-%Y", "%m.%d.%Y %H:%M:%S"),
    "": ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"),
}
CASES = [(form, first) for first, forms in FORMS.items() for form in forms]


def _source(folder: Path, texts: list[str]) -> Path:
    path = folder / "visits.csv"
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"when": texts, "x": rng.normal(size=60), "y": ["a", "b"] * 30})
    frame.to_csv(path, index=False)
    return path


def _dates_of(*days: str) -> Schema:
    return Schema.of(pd.DataFrame({"when": pd.to_datetime(list(days))}))


def _read(schema: Schema, *texts: object) -> list[pd.Timestamp]:
    frame = schema.normalise([{"when": text} for text in texts])
    assert frame["when"].dtype == "datetime64[us]"
    return frame["when"].tolist()


@pytest.mark.parametrize(("form", "first"), CASES)
def test_texts_of_the_source_are_the_times_of_training_in_a_batch_and_alone(
    tmp_path: Path, form: str, first: str
) -> None:
    texts = DAYS.strftime(form).tolist()
    path = _source(tmp_path, texts)
    table = read_source(path)
    assert table.first == ({"when": first} if first else {})
    card = DatasetCard(name="visits", target="y")
    schema = prepare(keyed(table.frame, ()), card, Request(tmp_path), first=table.first).schema
    trained = schema.normalise(table.frame)["when"].tolist()
    assert trained == DAYS.tolist()
    raw = pd.read_csv(path, dtype=str)
    assert schema.normalise(raw)["when"].tolist() == trained
    dates = Schema.of(table.frame[["when"]], table.first)
    assert [_read(dates, text)[0] for text in texts] == trained
    assert _read(dates, "2022-03-04") == [pd.Timestamp("2022-03-04")]


def test_the_order_goes_with_the_table_that_a_request_imports(
    tmp_path: Path,
) -> None:
    texts = DAYS.strftime("%d.%m.%Y").tolist()
    path = _source(tmp_path, texts)
    store = str(tmp_path / "store.db")
    request = Request(tmp_path, source=str(path), target="y", store=store)
    table = load(request)
    schema = prepare(table.frame, table.card, request, first=table.first).schema
    row = {"x": 1.0, "when": "05.06.2022"}
    assert schema.normalise(row)["when"].tolist() == [pd.Timestamp("2022-06-05")]
    again = load(Request(tmp_path, dataset="visits", store=store))
    assert not again.first
    schema = prepare(again.frame, again.card, request, first=again.first).schema
    rows = {"x": np.zeros(60), "when": texts}
    assert schema.normalise(pd.DataFrame(rows))["when"].tolist() == DAYS.tolist()
    with pytest.raises(InputError, match=r"'05\.06\.2022' in row 0, which can be 2022-06-05 or"):
        schema.normalise(row)


def test_a_column_whose_order_nothing_shows_stays_text(tmp_path: Path) -> None:
    early = [f"{day % 12 + 1:02}/{day % 11 + 1:02}/2022" for day in range(60)]
    table = read_source(_source(tmp_path, early))
    schema = Schema.of(table.frame, table.first)
    assert (schema.roles["when"], schema.features[0].first) == ("category", "")
    assert schema.normalise(table.frame)["when"].tolist() == early


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["05/06/2022", "24/06/2022"], ["2022-06-05", "2022-06-24"]),
        (["05/06/2022", "06/24/2022"], ["2022-05-06", "2022-06-24"]),
        (["5.6.2022 9:15", "24.6.2022 10:00"], ["2022-06-05 09:15", "2022-06-24 10:00"]),
        (["2022-06-05", "24.06.2022", "07.06.2022"], ["2022-06-05", "2022-06-24", "2022-06-07"]),
        (["05/05/2022"], ["2022-05-05"]),
        (["24.06.2022"], ["2022-06-24"]),
        (["06/24/2022"], ["2022-06-24"]),
        (["24.06.2022", "06.24.2022"], ["2022-06-24", "2022-06-24"]),
        (["05.06.99", "24.06.22"], ["1999-06-05", "2022-06-24"]),
        (["05/06/2022 10:15 PM", "24/06/2022 1:00 AM"], ["2022-06-05 22:15", "2022-06-24 01:00"]),
        (["Jun 5, 2022"], ["2022-06-05"]),
        (["5 June 2022", "5 May 2022"], ["2022-06-05", "2022-05-05"]),
        (["05-Jun-22"], ["2022-06-05"]),
        (["2022/6/5 9:15", " 2022.06.05 "], ["2022-06-05 09:15", "2022-06-05"]),
        (["20220605", "20220605T101500", "2022-06"], ["2022-06-05", "2022-06-05 10:15", "2022-06"]),
        (["9999-12-31", "0999-01-01"], ["9999-12-31", "0999-01-01"]),
    ],
)
def test_without_a_known_order_the_texts_show_it(texts: list[str], expected: list[str]) -> None:
    assert _read(_dates_of("2020-01-01"), *texts) == [pd.Timestamp(text) for text in expected]


@pytest.mark.parametrize(
    ("texts", "place"),
    [
        (["05/06/2022"], 0),
        (["05.06.2022"], 0),
        (["2022-06-05", "05-06-2022"], 1),
        (["24.06.2022", "06.24.2022", "05.06.2022"], 2),
        (["05.06.22"], 0),
        (["22-04-05"], 0),
        (["24.06.22"], 0),
        (["05/06/2022 10:15 PM"], 0),
        (["05.06.2022 10:15 PM"], 0),
        (["Jun-22"], 0),
        (["24.06.2022", "31.02.2022"], 1),
        (["2022-13-01"], 0),
        (["now"], 0),
        (["10:15"], 0),
        (["2022"], 0),
    ],
)
def test_what_can_be_read_in_two_ways_or_in_none_is_refused(texts: list[str], place: int) -> None:
    with pytest.raises(InputError) as refused:
        _read(_dates_of("2020-01-01"), *texts)
    assert f"'when' has {texts[place]!r} in row {place}, which " in str(refused.value)
    assert "year-month-day, such as 2020-01-01" in str(refused.value)


def test_a_known_order_is_not_given_up_for_what_rows_show() -> None:
    schema = Schema.of(pd.DataFrame({"when": DAYS}), {"when": "day"})
    with pytest.raises(InputError, match="'06/24/2022' in row 1, which is no date with the day fi"):
        _read(schema, "05/06/2022", "06/24/2022")


def test_times_with_a_zone_are_converted_and_others_are_taken_as_of_the_column() -> None:
    when = pd.to_datetime(["2020-01-01T00:00Z"], utc=True).tz_convert("Europe/Berlin")
    schema = Schema.of(pd.DataFrame({"when": when}), {"when": "day"})
    texts = ("2022-07-01T00:00Z", "2022-07-01 00:00:00.5", "2022-07-01 00:00-02", "01.07.2022 1:00")
    more = ("2022-07-01 00:00:00 UTC", "Fri Jul 01 00:00:00 +0000 2022", "2022-07-01")
    hours = [2.0, 0.5 / 3600, 4.0, 1.0, 2.0, 2.0, 0.0]
    start = pd.Timestamp("2022-07-01")
    assert _read(schema, *texts, *more) == [start + pd.Timedelta(hours=hour) for hour in hours]


def test_texts_among_times_and_gaps_keep_their_places() -> None:
    schema = _dates_of("2020-01-01")
    given = [None, "24.06.2022", pd.Timestamp("2022-01-02"), "NA", "05.06.2022", "24.06.2022"]
    days = _read(schema, *given)
    assert [None if pd.isna(day) else day.day for day in days] == [None, 24, 2, None, 5, 24]

"""Numbers written as text: one way of writing a column."""

import numpy as np
import pytest

from limelight.search.amounts import find_amounts, read_amounts


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["$1,200.50", "$80", "-$3.5"], [1200.5, 80, -3.5]),
        (["1.200,50 €", "80 €", "0,5 €"], [1200.5, 80, 0.5]),
        (["12%", "3.5%", "100 %"], [12, 3.5, 100]),
        (["1,5", "2,25", "0,125"], [1.5, 2.25, 0.125]),
        (["1,234", "500", "2,345,678"], [1234, 500, 2345678]),
        (["1.234", "12.345.678"], [1234, 12345678]),
        (["1 200 000", "3 400"], [1200000, 3400]),
        (["36 months", "1 month"], [36, 1]),
        (["19M", "201k", "3.5M"], [19e6, 201e3, 3.5e6]),
        (["(1,200)", "300"], [-1200, 300]),
        (["USD 12", "USD 1,200"], [12, 1200]),
        (["9:30", "23:01", "10:15 pm"], [570, 1381, 1335]),
        (["1e5", "-2.5E-3"], [1e5, -2.5e-3]),
    ],
)
def test_what_is_written_is_read(texts: list[str], values: list[float]) -> None:
    form = find_amounts(texts)
    assert form is not None
    np.testing.assert_allclose(read_amounts(texts, form), values)


@pytest.mark.parametrize(
    "texts",
    [
        ["id1", "id2"],
        ["00123", "00456"],
        ["< 5", "> 7"],
        ["10+ years", "< 1 year"],
        ["5 ft", "7 kg"],
        ["5'10", "6'01"],
        ["98109-1234", "98109-2345"],
        ["N502UA", "N3JHAA"],
        ["red", "blue"],
        [],
    ],
)
def test_other_texts_are_no_numbers(texts: list[str]) -> None:
    assert find_amounts(texts) is None


def test_nearly_all_must_be_numbers_and_the_others_are_missing() -> None:
    texts = [f"${i}.50" for i in range(60)]
    form = find_amounts([*texts, "ask"])
    assert form is not None
    assert np.isnan(read_amounts(["ask", "€ 5 each day or so"], form)).all()
    assert find_amounts([*texts, "ask"], [1] * 60 + [30]) is None


def test_plain_whole_numbers_are_marked_as_they_may_be_names() -> None:
    plain, euros = find_amounts(["98109", "98121"]), find_amounts(["98 €", "121 €"])
    assert plain is not None
    assert euros is not None
    assert (plain.plain, euros.plain) == (True, False)

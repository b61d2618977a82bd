"""Rows become the same numbers whoever reads them: one by one, together, written in any way."""

import contextlib
import csv
import io

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from graphnet.errors import DatasetError
from graphnet.prepare.table import ColumnPreparation, TableReader
from graphnet.spec.columns import CategoryColumn, NumberColumn

NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=32)
TEXTS = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\u2028\u2029"),
    min_size=1,
    max_size=10,
).filter(lambda text: text.strip() and not text.startswith(" "))


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(NUMBERS, TEXTS), min_size=1, max_size=20),
    mean=st.floats(-1e3, 1e3),
    std=st.floats(1e-3, 1e3),
    delimiter=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_a_table_that_was_written_is_read_back(rows, mean, std, delimiter, end):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end)
    writer.writerow(["n", "c"])
    writer.writerows((repr(number), category) for number, category in rows)
    file = io.BytesIO(text.getvalue().encode())
    reader = TableReader(file, "t.csv", {"c": "category", "n": "number"}, (), delimiter)
    found = list(reader)
    assert [row.problem for row in found] == [None] * len(rows)
    assert [row.cells for row in found] == [[category, number] for number, category in rows]
    values = tuple(sorted({category for _, category in rows}))
    columns = {
        "n": NumberColumn(type="number", mean=mean, std=std),
        "c": CategoryColumn(type="category", values=values),
    }
    preparation = ColumnPreparation(columns, (1 + len(values),), np.float64)
    cells = {"n": [number for number, _ in rows], "c": [category for _, category in rows]}
    together, wrong = preparation.numbers(cells)
    assert not wrong
    for i, (number, category) in enumerate(rows):
        alone, _ = preparation.numbers({"n": [number], "c": [category]})
        np.testing.assert_array_equal(alone[0], together[i])
        assert together[i, 0] == (number - mean) / std
        assert together[i, 1 + values.index(category)] == together[i, 1:].sum() == 1


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=80).map(str.encode))
def test_any_bytes_end_in_rows_or_in_an_error_that_names_the_file(data):
    try:
        reader = TableReader(io.BytesIO(data), "t.csv", {"n": "number"}, ("x", "y"))
        problems = [row.problem for row in reader if row.problem]
    except DatasetError as e:
        problems = [str(e)]
    for problem in problems:
        assert problem.startswith("t.csv")
        assert len(problem) <= 500
        assert problem.isprintable()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=8), max_size=8))
def test_any_cells_end_in_rows_or_problems(cells):
    file = io.BytesIO(("n\n" + "\n".join(cells)).encode("utf-8", "replace"))
    with contextlib.suppress(DatasetError):
        for row in TableReader(file, "t.csv", {"n": "number"}):
            assert row.problem is not None or np.isfinite(row.cells[0])

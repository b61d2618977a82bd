"""Every value and key of a JSON text is found at its line and column."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from graphnet.spec.positions import Positions, line_column

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


def paths(value, at=()):
    """Every value inside a value, with its path."""
    yield at, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths(item, (*at, key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from paths(item, (*at, i))


def rest(text, line, column):
    """The text from a line and column on."""
    rows = text.split("\n")
    return "\n".join([rows[line - 1][column - 1 :], *rows[line:]])


@settings(deadline=None)
@given(
    VALUES,
    st.sampled_from([None, 0, 1, 4, "\t", " \t "]),
    st.booleans(),
    st.sampled_from([(",", ":"), (" , ", "\n:  ")]),
)
def test_every_value_is_found(value, indent, ascii_only, separators):
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only, separators=separators)
    text = f"\n {text}\n"
    places = Positions(text)
    decoder = json.JSONDecoder()
    for at, expected in paths(value):
        assert decoder.raw_decode(rest(text, *places.of(at)))[0] == expected
        if at and isinstance(at[-1], str):
            assert decoder.raw_decode(rest(text, *places.of(at, key=True)))[0] == at[-1]
    assert places.duplicates == []


@settings(deadline=None)
@given(VALUES)
def test_paths_that_are_not_wanted_lead_to_what_is_above(value):
    text = json.dumps(value, indent=1)
    every = Positions(text)
    some = Positions(text, wanted={at for at, _ in paths(value) if len(at) <= 1})
    for at, _ in paths(value):
        assert some.of(at) == every.of(at[:1])


def test_what_is_not_there_is_looked_up_above():
    places = Positions('{"a":\n  {"b": [1]}}')
    assert places.of(("a", "b", 7)) == (2, 9)
    assert places.of(("a", "c")) == (2, 3)
    assert places.of(("a", "c"), key=True) == (2, 3)
    assert places.of(("c",)) == (1, 1)


def test_duplicates_are_kept_by_path_and_offset():
    places = Positions('{"a": {"x": 1, "x": 2}, "b": {"x": 1}, "a": 3}')
    assert places.duplicates == [(("a", "x"), 15), (("a",), 39)]


def test_line_and_column_count_from_one():
    assert [line_column("ab\n\u00e9c", i) for i in (0, 2, 3, 5)] == [(1, 1), (1, 3), (2, 1), (2, 3)]

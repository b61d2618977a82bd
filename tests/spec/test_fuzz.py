"""Whatever comes in, what comes out is a GraphSpec or one of the errors that are meant."""

import copy
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from graphnet.errors import ShapeError, SpecError, SpecLimitError
from graphnet.spec.canonical import canonical_text
from graphnet.spec.graph import GraphSpec
from graphnet.spec.reader import parse_spec
from graphnet.spec.source import decode, parse

GOOD = {
    "format": 1,
    "name": "good",
    "inputs": {
        "x": {"shape": [4], "image": {"size": [2, 2], "mean": [0.5], "range": [0, 1]}},
        "y": {"shape": [4], "value": [1, 2, 3, 4]},
    },
    "nodes": [
        {"id": "a", "type": "Affine", "units": 4, "init": {"type": "Normal", "std": 0.1}},
        {"id": "b", "type": "Affine", "units": 4, "share": "a", "shape": [4]},
        {"id": "add", "type": "Add"},
        {"id": "m", "type": "Power", "exponent": 2},
        {"id": "out", "type": "Flatten"},
    ],
    "edges": [["x", "a", "add.x"], ["y", "b", "add.y", "m", "out"]],
    "outputs": ["out"],
    "loss": {"type": "SoftmaxWithLoss"},
    "labels": ["p", "q", "r", "s"],
    "data": {"source": "idx", "train_images": "i", "train_labels": "j"},
    "train": {"epochs": 3, "optimizer": {"type": "SGD", "lr": 0.5}},
}
FUZZ = settings(max_examples=300, deadline=None)
WORDS = st.sampled_from(
    ["x", "y", "a", "b", "add", "m", "out", "add.x", "b.x", ".", "", "Affine", "Relu", "MatMul",
     "type", "id", "share", "shape", "init", "units", "value", "image", "He", "idx", "digits",
     "inputs", "nodes", "edges", "labels", "\ud800", "\n", "a" * 200]
)  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-2, 5)
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | WORDS
    | st.text(max_size=5)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


def reads_or_refuses(text):
    """Nothing but a spec, whose canonical text reads again, or an error of readable lines."""
    try:
        spec = parse_spec(text, "f")
    except (SpecError, ShapeError, SpecLimitError) as e:
        lines = str(e).splitlines()
    else:
        lines = []
        assert isinstance(spec, GraphSpec)
        assert canonical_text(parse_spec(canonical_text(spec))) == canonical_text(spec)
    assert len(lines) <= 11
    for line in lines:
        assert line.startswith("f:")
        assert line.isprintable()
        assert len(line) <= 500


@FUZZ
@given(VALUES)
def test_any_json(value):
    reads_or_refuses(json.dumps(value))


@FUZZ
@given(st.dictionaries(st.sampled_from(sorted(GOOD)), VALUES))
def test_any_attributes(changes):
    reads_or_refuses(json.dumps({**GOOD, **changes}))


def places(value, at=()):
    yield at
    if isinstance(value, (dict, list)):
        for step, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(item, (*at, step))


PLACES = [at for at in places(GOOD) if at]
MUTATIONS = st.tuples(
    st.sampled_from(PLACES), st.sampled_from(["put", "drop", "add"]), VALUES, WORDS
)


def mutate(values, at, how, value, word):
    """One change at a place, if earlier ones have left it there."""
    holder = values
    try:
        for step in at[:-1]:
            holder = holder[step]
        found = holder[at[-1]]
    except (KeyError, IndexError, TypeError):
        return
    if how == "drop" and not isinstance(holder, str):
        del holder[at[-1]]
    elif how == "put" and not isinstance(holder, str):
        holder[at[-1]] = value
    elif isinstance(found, dict):
        found[word] = value
    elif isinstance(found, list):
        found.append(word)


@FUZZ
@given(st.lists(MUTATIONS, min_size=1, max_size=4))
def test_a_good_spec_with_a_few_changes(mutations):
    values = copy.deepcopy(GOOD)
    for mutation in mutations:
        mutate(values, *mutation)
    reads_or_refuses(json.dumps(values))


@FUZZ
@given(
    st.lists(st.lists(WORDS, min_size=2, max_size=5), min_size=1, max_size=5),
    st.lists(
        st.fixed_dictionaries(
            {
                "id": st.sampled_from("abcxy"),
                "type": st.sampled_from(["Add", "Relu", "Affine", "MatMul"]),
            },
            optional={
                "units": st.integers(1, 4),
                "share": st.sampled_from("abcx"),
                "shape": st.lists(st.integers(1, 4), max_size=3),
            },
        ),
        min_size=1,
        max_size=4,
    ),
    st.lists(st.integers(1, 4), max_size=2),
)
def test_any_graph(edges, nodes, shape):
    inputs = {"x": {"shape": shape}, "y": {"shape": [2]}}
    values = {"format": 1, "name": "g", "inputs": inputs, "nodes": nodes, "edges": edges}
    reads_or_refuses(json.dumps(values))


@FUZZ
@given(st.integers(0, 10_000), st.text(max_size=3), st.integers(0, 3))
def test_a_good_text_with_a_slip_of_the_keyboard(at, typed, lost):
    text = json.dumps(GOOD, indent=1)
    at %= len(text)
    reads_or_refuses(text[:at] + typed + text[at + lost :])


ANY_TEXT = st.text(max_size=50).map(lambda text: text.encode("utf-8", "surrogatepass"))


@FUZZ
@given(st.binary(max_size=200) | ANY_TEXT)
def test_any_bytes(data):
    parses_or_refuses(lambda: decode(data, "f"))


@FUZZ
@given(st.text(st.sampled_from('{}[]",:\\u0d8aNIn1-.e \n\tfalse\ud83d'), max_size=40))
def test_any_text(text):
    parses_or_refuses(lambda: text)


def parses_or_refuses(text):
    try:
        parse(text(), "f")
    except (SpecError, SpecLimitError) as e:
        lines = str(e).splitlines()
    else:
        lines = []
    assert all(line.startswith("f:") and line.isprintable() for line in lines)

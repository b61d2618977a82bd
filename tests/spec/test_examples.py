"""One valid example of everything that a spec declares by its type."""

import json

import numpy as np
import pytest
from pydantic import TypeAdapter

from graphnet.builder import build
from graphnet.layers import LAYERS
from graphnet.spec import examples
from graphnet.spec.blocks import BlockNode, BlockSpec
from graphnet.spec.clip import ClipSpec
from graphnet.spec.columns import COLUMNS_IN, CategoryColumn, NumberColumn
from graphnet.spec.early import EarlyStopping
from graphnet.spec.examples import NODES, PARTS, TYPED
from graphnet.spec.graph import GraphSpec, InputSpec
from graphnet.spec.image import ImageSpec
from graphnet.spec.reader import parse_spec
from graphnet.spec.recipe import TrainSpec
from graphnet.spec.schema import FAMILIES
from graphnet.spec.text import TextSpec

KINDS = {
    **{kind.__name__: kind for kind in (ImageSpec, NumberColumn, CategoryColumn, TextSpec)},
    **{kind.__name__: kind for kind in (InputSpec, ClipSpec, EarlyStopping, TrainSpec)},
    **{kind.__name__: kind for kind in (GraphSpec, BlockSpec)},
    "Block": BlockNode,
}


def test_every_type_has_an_example():
    for family, members in FAMILIES.items():
        have = {*NODES, "Block"} if family == "Node" else set(TYPED[family])
        assert have == set(members), f"graphnet/spec/examples.py: one of each {family} is expected"


@pytest.mark.parametrize("name", LAYERS)
def test_the_example_of_a_layer_computes(name, rng):
    example = NODES[name]
    spec = LAYERS[name].Spec.model_validate(examples.node(name))
    shape = spec.infer_shape(*example.shapes)
    net = build(parse_spec(json.dumps(examples.graph(name))), seed=0)
    x = {
        port: rng.uniform(example.low, example.high, (2, *given.shape))
        if given.dtype is None
        else rng.integers(0, 2, (2, *given.shape))
        for port, given in net.spec.inputs.items()
    }
    out = net.forward(x)[spec.id]
    assert out.shape == (2, *shape)
    assert np.isfinite(out).all()


@pytest.mark.parametrize(
    ("family", "name"),
    [(family, name) for family, members in TYPED.items() for name in members],
)
def test_the_example_of_another_type_is_valid(family, name):
    values = TYPED[family][name]
    found = FAMILIES[family][name].model_validate(values)
    assert values.get("type", values.get("source")) == name
    assert type(found).__name__ != "Declaration"


@pytest.mark.parametrize("name", [*PARTS])
def test_the_example_of_a_part_is_valid(name):
    if name == "Columns":
        assert set(COLUMNS_IN.validate_python(PARTS[name])) == {"rooms", "town"}
    elif name != "NodeSpec":
        TypeAdapter(KINDS[name]).validate_python(PARTS[name])


def test_the_example_of_a_whole_spec_is_right_as_a_whole():
    assert parse_spec(json.dumps(PARTS["GraphSpec"])).name == "digits"

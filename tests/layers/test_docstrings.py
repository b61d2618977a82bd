"""What every layer's docstring says: formula, shapes, gradients, source. The manual shows it."""

import re

import pytest

from graphnet.layers import LAYERS
from graphnet.losses import LOSSES
from graphnet.optimizers import OPTIMIZERS
from graphnet.spec.examples import NODES, node


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_says_formula_shapes_and_source_in_that_order(name):
    doc = LAYERS[name].__doc__
    assert doc.startswith("out = ")
    assert re.search(r"\n\n    Shapes: .*?\n    (Errors: .*?\n    )?Source: ", doc, re.S), doc


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_says_the_gradient_of_each_port_and_parameter(name):
    source = LAYERS[name].__doc__.partition("Source: ")[2]
    shapes = NODES[name].shapes
    spec = LAYERS[name].Spec.model_validate(node(name))
    ports = [port for port in spec.ports + spec.optional if port not in spec.integers]
    ports = ["x"] if spec.repeats else ports  # "each dx"
    for wanted in [*ports, *spec.parameters(*shapes)]:
        assert re.search(rf"\bd{wanted}\b", source), f"{name}: no d{wanted} in: {source}"
    assert re.search(r"\bd\w+(\[i\])? = ", source)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_says_formula_shapes_units_gradient_and_source(name):
    doc = LOSSES[name].__doc__
    assert doc.startswith("loss = ")
    assert re.search(r"Shapes: .*Units: .*Source: .*\bdx = ", doc, re.S), doc


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_says_how_it_moves_and_whose_it_is(name):
    doc = OPTIMIZERS[name].__doc__
    assert "W <- W - lr * " in doc
    assert "Source: " in doc

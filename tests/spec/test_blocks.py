"""Blocks: what a spec with some stands for, and what an error in one says."""

import copy
import json
import time
from pathlib import Path

import numpy as np
import pytest

import graphnet as gn
from graphnet.errors import GraphnetError, ShapeError, SpecError, SpecLimitError
from graphnet.spec.canonical import canonical_text, readable_text
from graphnet.spec.expansion import expand
from graphnet.spec.reader import check_values, parse_spec

RESIDUAL = {
    "args": {"channels": 4},
    "inputs": ["x"],
    "output": "relu2",
    "nodes": [
        {"id": "conv1", "type": "Conv2D", "channels": "$channels", "kernel": 3, "padding": "same"},
        {"id": "relu1", "type": "Relu", "doc": "inside"},
        {"id": "conv2", "type": "Conv2D", "channels": "$channels", "kernel": 3, "padding": "same"},
        {"id": "add", "type": "Add"},
        {"id": "relu2", "type": "Relu"},
    ],
    "edges": [["x", "conv1", "relu1", "conv2", "add", "relu2"], ["x", "add"]],
}
MERGE = {
    "inputs": ["a", "b"],
    "output": "gap",
    "nodes": [{"id": "gap", "type": "Sub"}],
    "edges": [["b", "gap.y"], ["a", "gap.x"]],
}


def spec(nodes, edges, blocks=None, inputs=None, **more):
    """Plain values of a spec whose input is a picture of 4 channels."""
    values = {"format": 1, "name": "net", "inputs": inputs or {"x": {"shape": [6, 6, 4]}}}
    if blocks is not None:
        values["blocks"] = copy.deepcopy(blocks)
    return {**values, "nodes": nodes, "edges": edges, **more}


def block(node_id, name, **more):
    return {"id": node_id, "type": "Block", "block": name, **more}


def plain(values):
    """The nodes and edges that a spec stands for."""
    check_values(values)
    expanded = expand(values).values
    assert "blocks" not in expanded
    return [node["id"] for node in expanded["nodes"]], expanded["edges"]


def refused(values, error=SpecError):
    with pytest.raises(error) as caught:
        check_values(values)
    return str(caught.value)


def affine(node_id="f", **more):
    return {"id": node_id, "type": "Affine", "units": 3, **more}


def test_copies_follow_each_other():
    values = spec(
        [block("stage", "residual", repeat=2), {"id": "end", "type": "Flatten"}],
        [["x", "stage", "end"]],
        {"residual": RESIDUAL},
    )
    names = ["conv1", "relu1", "conv2", "add", "relu2"]
    assert plain(values) == (
        [*(f"stage/1/{n}" for n in names), *(f"stage/2/{n}" for n in names), "end"],
        [
            ["stage/2/relu2", "end"],
            ["x", *(f"stage/1/{n}" for n in names)],
            ["x", "stage/1/add"],
            ["stage/1/relu2", *(f"stage/2/{n}" for n in names)],
            ["stage/1/relu2", "stage/2/add"],
        ],
    )


def test_without_repeat_there_is_no_number():
    ids, _ = plain(spec([block("a", "residual")], [["x", "a"]], {"residual": RESIDUAL}))
    assert ids[0] == "a/conv1"
    ids, _ = plain(spec([block("a", "residual", repeat=1)], [["x", "a"]], {"residual": RESIDUAL}))
    assert ids[0] == "a/1/conv1"


def test_an_argument_is_put_in_as_it_is():
    kind = {
        "args": {"units": 3, "init": {"type": "He"}, "bias": True, "shape": None},
        "inputs": ["x"],
        "output": "f",
        "nodes": [
            {
                "id": "f",
                "type": "Affine",
                "units": "$units",
                "init": "$init",
                "bias": "$bias",
                "shape": "$shape",
            }
        ],
        "edges": [["x", "f"]],
    }
    given = {"units": 7, "init": {"type": "Normal", "std": 0.5}, "bias": False, "shape": [7]}
    values = spec(
        [block("a", "kind", args=given)], [["x", "a"]], {"kind": kind}, {"x": {"shape": [2]}}
    )
    assert expand(values).values["nodes"] == [{"id": "a/f", "type": "Affine", **given}]
    node = check_values(values).spec.nodes[0]
    assert (node.units, node.init.std, node.bias, node.shape) == (7, 0.5, False, (7,))
    del values["nodes"][0]["args"]["bias"]
    values["nodes"][0]["args"]["shape"] = None
    assert check_values(values).spec.nodes[0].bias is True


def test_blocks_use_blocks_and_hand_their_arguments_on():
    stage = {
        "args": {"width": None, "depth": 2},
        "inputs": ["x"],
        "output": "body",
        "nodes": [
            {"id": "in", "type": "Conv2D", "channels": "$width", "kernel": 1},
            block("body", "residual", args={"channels": "$width"}, repeat="$depth"),
        ],
        "edges": [["x", "in", "body"]],
    }
    values = spec(
        [
            block("s1", "stage", args={"width": 5}),
            block("s2", "stage", args={"width": 6, "depth": 1}, repeat=2),
        ],
        [["x", "s1", "s2"]],
        {"stage": stage, "residual": RESIDUAL},
    )
    found = check_values(values)
    assert found.wiring.outputs == ("s2/2/body/1/relu2",)
    assert found.shapes["s1/body/2/relu2"] == (6, 6, 5)
    assert found.shapes["s2/2/body/1/relu2"] == (6, 6, 6)
    assert found.wiring.sources["s2/1/in"] == ("s1/body/2/relu2",)
    assert found.wiring.sources["s2/2/in"] == ("s2/1/body/1/relu2",)


def test_several_inputs_are_ports():
    blocks = {"merge": MERGE}
    inputs = {"x": {"shape": [2]}, "y": {"shape": [2]}}
    for edges in ([["x", "m"], ["y", "m"]], [["y", "m.b"], ["x", "m.a"]]):
        found = check_values(spec([block("m", "merge")], edges, blocks, inputs))
        assert found.wiring.sources["m/gap"] == ("x", "y")
    found = check_values(
        spec([block("m", "merge")], [["x", "m"], ["x", "m"]], blocks, {"x": inputs["x"]})
    )
    assert found.wiring.sources["m/gap"] == ("x", "x")


def test_what_arrives_may_go_to_several_nodes_and_through_to_a_block():
    outer = {
        "inputs": ["p", "q"],
        "output": "sum",
        "nodes": [block("m", "merge"), {"id": "sum", "type": "Add"}],
        "edges": [["q", "m"], ["p", "m", "sum"], ["p", "sum"]],
    }
    nodes = [{"id": "neg", "type": "Neg"}, block("o", "outer"), block("last", "merge")]
    edges = [["x", "neg", "o.q"], ["x", "o.p"], ["o", "last"], ["neg", "last"]]
    values = spec(nodes, edges, {"outer": outer, "merge": MERGE}, {"x": {"shape": [2]}})
    sources = check_values(values).wiring.sources
    assert sources["o/m/gap"] == ("neg", "x")
    assert sources["o/sum"] == ("o/m/gap", "x")
    assert sources["last/gap"] == ("o/sum", "neg")
    net = gn.build(check_values({**values, "dtype": "float64"}).spec)
    x = np.array([[2.0, 3.0]])
    # neg = -x; m = neg - x; sum = m + x; last = sum - neg
    np.testing.assert_array_equal(net.predict(x), (-x - x) + x + x)


def test_edges_of_a_node_keep_the_order_in_which_they_are_written():
    nodes = [block("a", "merge"), {"id": "gap", "type": "Sub"}]
    edges = [["x", "gap"], ["x", "a.b"], ["x", "a.a"], ["a", "gap"]]
    values = spec(nodes, edges, {"merge": MERGE}, {"x": {"shape": [2]}})
    assert check_values(values).wiring.sources["gap"] == ("x", "a/gap")


def test_outputs_labels_and_losses_name_the_output_of_a_block():
    head = {"inputs": ["x"], "output": "f", "nodes": [affine()], "edges": [["x", "f"]]}
    nodes = [block("left", "head"), block("right", "head", repeat=2)]
    values = spec(
        nodes,
        [["x", "left"], ["x", "right"]],
        {"head": head},
        {"x": {"shape": [3]}},
        outputs=["right", "left"],
        labels={"right": ["a", "b", "c"]},
        losses=[
            {"type": "SoftmaxWithLoss", "on": "left"},
            {"type": "SoftmaxWithLoss", "on": "right", "target": "u"},
        ],
        train={"epochs": 1, "metrics": [{"type": "Accuracy", "on": "right"}]},
    )
    found = check_values(values).spec
    assert found.outputs == ("right/2/f", "left/f")
    assert found.labels == {"right/2/f": ("a", "b", "c")}
    assert [loss.on for loss in found.losses] == ["left/f", "right/2/f"]
    assert found.train.metrics[0].on == "right/2/f"
    for change in (
        {"labels": {"right/2/f": ["a", "b", "c"]}},
        {"losses": [{"type": "SoftmaxWithLoss", "on": "right/2/f"}]},
        {"nodes": [*nodes, affine("g", share="right/2/f")], "edges": [["x", "left", "right", "g"]]},
    ):
        said = "'right/2/f' is inside 'right', which only its output leaves: write 'right'"
        assert said in refused({**values, **change})
    values["labels"]["right"] = ["a", "b"]
    assert "labels.right: 2 labels, but 'right/2/f' gives (3,)" in refused(values, ShapeError)


def test_a_claim_of_a_shape_is_one_of_the_output():
    values = spec(
        [block("s", "residual", repeat=2, shape=[6, 6, 4])], [["x", "s"]], {"residual": RESIDUAL}
    )
    shapes = {node.id: node.shape for node in check_values(values).spec.nodes if node.shape}
    assert shapes == {"s/2/relu2": (6, 6, 4)}
    values["nodes"][0]["shape"] = [6, 6, 5]
    assert "'shape' claims (6, 6, 5)" in refused(values, ShapeError)
    values["blocks"]["residual"]["nodes"][4]["shape"] = [6, 6, 4]
    assert "[6, 6, 5] is claimed here, [6, 6, 4] by its output 's/2/relu2'" in refused(values)


def test_a_plain_spec_stays_what_it_is():
    values = spec([{"id": "n", "type": "Neg"}], [["x", "n"]])
    assert expand(values).values == values
    once = expand(
        spec([block("s", "residual", repeat=3)], [["x", "s"]], {"residual": RESIDUAL})
    ).values
    assert expand(once).values == once
    assert check_values(json.loads(readable_text(once))).spec == check_values(once).spec


def test_the_values_handed_in_are_not_changed():
    values = spec(
        [block("s", "residual", repeat=3)],
        [["x", "s"]],
        {"residual": RESIDUAL},
        outputs=["s"],
        labels=None,
    )
    before = copy.deepcopy(values)
    check_values(values)
    assert values == before


def test_the_spec_that_is_read_is_the_plain_one():
    values = spec([block("s", "residual", repeat=2)], [["x", "s"]], {"residual": RESIDUAL})
    text = canonical_text(check_values(values).spec)
    assert all(word not in text for word in ("Block", "blocks", "$"))
    assert canonical_text(parse_spec(text)) == text


def test_fifty_layers_in_forty_lines():
    # Those with parameters: 16 copies of 3, one before them, one after.
    text = (Path(__file__).parent / "fifty_layers.json").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 40
    found = parse_spec(text)
    layers = [node for node in found.nodes if node.type in ("Conv2D", "Affine")]
    assert len(layers) == 50
    net = gn.build(found, seed=0)
    scores = net.predict(np.random.default_rng(0).normal(size=(2, 16, 16, 3)))
    assert scores.shape == (2, 10)
    assert np.isfinite(scores).all()


# Limits: found before anything is built.


def chain(length, repeat=None):
    """Blocks b1, b2, ... each with one node: the block before."""
    blocks = {
        "b0": {
            "inputs": ["x"],
            "output": "n",
            "nodes": [{"id": "n", "type": "Neg"}],
            "edges": [["x", "n"]],
        }
    }
    for i in range(1, length):
        more = {} if repeat is None else {"repeat": repeat}
        blocks[f"b{i}"] = {
            "inputs": ["x"],
            "output": "n",
            "nodes": [block("n", f"b{i - 1}", **more)],
            "edges": [["x", "n"]],
        }
    return blocks


def quickly(values, error):
    text = json.dumps(values)
    start = time.process_time()
    with pytest.raises(error) as caught:
        parse_spec(text)
    assert time.process_time() - start < 5  # what is built first would take minutes or all memory
    return str(caught.value)


def test_a_repeat_without_end():
    values = spec([block("s", "residual", repeat=10**9)], [["x", "s"]], {"residual": RESIDUAL})
    assert "with it the expanded graph has more than 10,000 nodes" in quickly(
        values, SpecLimitError
    )
    values["nodes"][0]["repeat"] = 10_001
    values["blocks"]["residual"] = chain(1)["b0"]
    assert "more than 10,000 nodes" in quickly(values, SpecLimitError)
    values["nodes"][0]["repeat"] = 10_000
    assert len(check_values(values).spec.nodes) == 10_000


def test_repeats_in_repeats():
    values = spec([block("s", "b9", repeat=10**9)], [["x", "s"]], chain(10, 10**9))
    assert "more than 10,000 nodes" in quickly(values, SpecLimitError)


def test_blocks_that_double_and_double():
    blocks = chain(1)
    for i in range(1, 40):
        nodes = [block("l", f"b{i - 1}"), block("r", f"b{i - 1}")]
        blocks[f"b{i}"] = {
            "inputs": ["x"],
            "output": "r",
            "nodes": nodes,
            "edges": [["x", "l", "r"]],
        }
    values = spec([block("s", "b39")], [["x", "s"]], blocks)
    assert "with it the expanded graph has more than" in quickly(values, SpecLimitError)


def test_blocks_nested_too_deep_for_a_name():
    values = spec([block("s", "b9999")], [["x", "s"]], chain(10_000))
    assert "expanded, its id has 151 characters; at most 150" in quickly(values, SpecError)
    values = spec([block("s", "b73")], [["x", "s"]], chain(74))
    assert plain(values)[0] == ["s/" + "n/" * 73 + "n"]


def test_ten_thousand_blocks():
    blocks = {f"b{i}": chain(1)["b0"] for i in range(10_000)}
    nodes = [block(f"n{i}", f"b{i}") for i in range(10_000)]
    values = spec(nodes, [["x", *(f"n{i}" for i in range(10_000))]], blocks)
    assert len(check_values(values).spec.nodes) == 10_000
    nodes.append(block("one", "b0"))
    assert "at most 10,000 entries" in quickly(values, SpecLimitError)


def test_names_in_paths_without_end():
    wide = {
        "inputs": ["x"],
        "output": "n",
        "nodes": [{"id": "n", "type": "Neg"}],
        "edges": [["x", "n"]] * 5000,
    }
    values = spec([block("s", "wide", repeat=100)], [["x", "s"]], {"wide": wide})
    assert "more than 100,000 names in paths" in quickly(values, SpecLimitError)


@pytest.mark.parametrize("where", ["doc", "argument"])
def test_a_long_text_many_times(where):
    blocks = chain(1)
    args = {}
    if where == "doc":
        blocks["b0"]["nodes"][0]["doc"] = "d" * 100_000
    else:
        blocks["b0"]["args"] = {"shape": None}
        blocks["b0"]["nodes"][0]["shape"] = "$shape"
        args = {"args": {"shape": list(range(20_000))}}
    values = spec([block("s", "b0", repeat=9000, **args)], [["x", "s"]], blocks)
    assert "more than 2,097,152 bytes" in quickly(values, SpecLimitError)


def test_a_circle_of_blocks():
    blocks = chain(3)
    blocks["b0"]["nodes"].append(block("m", "b2"))
    blocks["b0"]["edges"].append(["n", "m"])
    values = spec([block("s", "b2")], [["x", "s"]], blocks)
    message = refused(values)
    assert "blocks use each other in a circle: " in message
    assert len(message.splitlines()) == 1


# Errors: the place in the file, and the expanded node.


def test_a_mistake_in_a_block_names_both_places():
    blocks = {"residual": copy.deepcopy(RESIDUAL)}
    blocks["residual"]["nodes"][2]["kernel"] = 0
    blocks["residual"]["nodes"][1]["unit"] = 3
    values = spec([block("s", "residual", repeat=3)], [["x", "s"]], blocks)
    text = json.dumps(values, indent=1)
    with pytest.raises(SpecError) as caught:
        parse_spec(text, "f.json")
    lines = str(caught.value).splitlines()
    row = next(i for i, line in enumerate(text.splitlines(), 1) if '"unit"' in line)
    assert lines[0].startswith(f"f.json:{row}:6: blocks.residual.nodes[1].unit: unknown attribute")
    assert lines[0].endswith("(expanded: 's/1/relu1' and 2 more)")
    row = next(i for i, line in enumerate(text.splitlines(), 1) if '"kernel": 0' in line)
    assert all(line.startswith(f"f.json:{row}:16: blocks.residual.nodes[2]") for line in lines[1:])


def test_an_argument_of_the_wrong_type_is_named_where_it_is_written():
    values = spec(
        [block("s", "residual", args={"channels": "many"})], [["x", "s"]], {"residual": RESIDUAL}
    )
    assert refused(values) == (
        "spec: nodes[0].args.channels: an integer is expected, found 'many' "
        "(expanded: 's/conv1' and 1 more)"
    )


def test_all_mistakes_of_a_file_are_told_together():
    blocks = {"residual": copy.deepcopy(RESIDUAL), "merge": copy.deepcopy(MERGE)}
    blocks["merge"]["edges"][0][0] = "c"
    values = spec(
        [block("s", "residual"), block("m", "merge"), affine(units=0)],
        [["x", "s", "m", "f", "g"], ["x", "m"]],
        blocks,
        outputs=["f"],
        nome="x",
    )
    said = refused(values)
    assert "blocks.merge.edges[0][0]" in said
    assert "name 'g' is not defined" in said
    assert "nodes[2].units: must be at least 1" in said
    assert "unknown attribute 'nome'" in said
    assert len(said.splitlines()) == 4


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda v: v["nodes"][0].update(args={"chanels": 3}),
            "nodes[0].args.chanels: block 'residual' has no argument 'chanels'; "
            "did you mean 'channels'?",
        ),
        (
            lambda v: v["nodes"][0].update(args={"channels": "$wide"}),
            "nodes[0].args.channels: '$wide': only nodes inside a block have arguments; "
            "write a value",
        ),
        (
            lambda v: v["blocks"]["residual"]["args"].update(channels="$wide"),
            "blocks.residual.args.channels: '$wide': no argument is put in here, only as the whole "
            "of a node's attribute, and not in 'id', 'type', 'doc' or 'block'",
        ),
        (
            lambda v: v["blocks"]["residual"]["nodes"][1].update(doc="$channels"),
            "blocks.residual.nodes[1].doc: '$channels': no argument is put in here, only as the "
            "whole of a node's attribute, and not in 'id', 'type', 'doc' or 'block'",
        ),
        (
            lambda v: v["nodes"].append({"id": "a/b", "type": "Neg"}),
            "nodes[1].id: 'a/b' has a slash, as nodes of expanded blocks have: "
            "write a name without one",
        ),
        (lambda v: v.update(blocks={}), "blocks: it is empty: leave it out"),
        (
            lambda v: v["nodes"][0].update(share="s"),
            "nodes[0].share: it cannot share with itself: leave it out",
        ),
    ],
)
def test_what_is_said(change, said):
    values = spec([block("s", "residual", repeat=2)], [["x", "s"]], {"residual": RESIDUAL})
    change(values)
    assert f"spec: {said}" in refused(values).splitlines()


def test_a_dollar_in_a_comment_is_a_dollar():
    blocks = {
        "residual": {**RESIDUAL, "doc": "$channels", "nodes": copy.deepcopy(RESIDUAL["nodes"])}
    }
    blocks["residual"]["nodes"][0]["doc"] = "$5 a piece"
    nodes = [block("s", "residual", doc="$channels")]
    assert check_values(spec(nodes, [["x", "s"]], blocks, doc="$x")).spec.doc == "$x"


def test_only_specs_without_blocks_have_ids_with_slashes():
    values = spec(
        [{"id": "a/2/b", "type": "Neg"}, {"id": "b", "type": "Neg"}], [["x", "a/2/b", "b"]]
    )
    assert check_values(values).wiring.order == ("a/2/b", "b")
    for wrong in ("a//b", "/a", "a/", "a/2", "2/a", "a/02/b", "a/1/2/b", "a/b\n"):
        values["nodes"][0]["id"] = values["edges"][0][1] = wrong
        assert "a name of letters, digits and _" in refused(values)


def test_a_block_name_is_no_input_and_no_node():
    values = spec([block("x", "residual")], [["x", "x"]], {"residual": RESIDUAL})
    assert "'x' is already the name of an input" in refused(values)
    values = spec(
        [block("s", "residual"), {"id": "s", "type": "Relu"}], [["x", "s"]], {"residual": RESIDUAL}
    )
    assert "'s' is already the name of a node" in refused(values)


# Shared parameters.


def tied(**more):
    return {
        "inputs": ["x"],
        "output": "second",
        "nodes": [affine("first"), {"id": "tanh", "type": "Tanh"}, affine("second", share="first")],
        "edges": [["x", "first", "tanh", "second"]],
        **more,
    }


def test_share_in_a_block_names_a_node_of_the_same_copy():
    values = spec(
        [block("b", "tied", repeat=2)], [["x", "b"]], {"tied": tied()}, {"x": {"shape": [3]}}
    )
    nodes = {node.id: node for node in check_values(values).spec.nodes}
    assert nodes["b/1/second"].share == "b/1/first"
    assert nodes["b/2/second"].share == "b/2/first"
    net = gn.build(check_values(values).spec)
    assert sorted(net.params) == ["b/1/first/W", "b/1/first/b", "b/2/first/W", "b/2/first/b"]


def test_a_block_shares_with_another_node_by_node():
    nodes = [block("b", "tied", repeat=2), block("c", "tied", repeat=2, share="b")]
    inputs = {"x": {"shape": [3]}, "y": {"shape": [3]}}
    values = spec(nodes, [["x", "b"], ["y", "c"]], {"tied": tied()}, inputs, outputs=["b", "c"])
    found = {node.id: node.share for node in check_values(values).spec.nodes}
    assert found["c/1/first"] == found["c/1/second"] == "b/1/first"
    assert found["c/2/first"] == found["c/2/second"] == "b/2/first"
    assert found["c/1/tanh"] is None
    net = gn.build(check_values(values).spec)
    x = np.random.default_rng(0).normal(size=(4, 3))
    out = net.predict({"x": x, "y": x})
    np.testing.assert_array_equal(out["b/2/second"], out["c/2/second"])


def test_a_node_may_share_with_the_output_of_a_block():
    head = {"inputs": ["x"], "output": "f", "nodes": [affine()], "edges": [["x", "f"]]}
    nodes = [block("b", "head"), affine("g", share="b")]
    values = spec(nodes, [["x", "b", "g"]], {"head": head}, {"x": {"shape": [3]}})
    assert check_values(values).spec.nodes[1].share == "b/f"


def test_nested_blocks_share_too():
    outer = {
        "inputs": ["x"],
        "output": "two",
        "nodes": [block("one", "tied"), block("two", "tied", share="one")],
        "edges": [["x", "one", "two"]],
    }
    nodes = [block("a", "outer"), block("b", "outer", share="a")]
    values = spec(nodes, [["x", "a", "b"]], {"outer": outer, "tied": tied()}, {"x": {"shape": [3]}})
    spec_read = check_values(values).spec
    shares = {node.share for node in spec_read.nodes if node.type == "Affine"}
    assert shares == {None, "a/one/first"}
    assert len(gn.build(spec_read).params) == 2


def test_every_error_is_one_that_is_meant():
    with pytest.raises(GraphnetError):
        check_values({"blocks": None, "nodes": [{"type": "Block"}]})

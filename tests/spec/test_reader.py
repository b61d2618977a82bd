"""Whole specs: what the grammar allows, what it gives, and what it never bends into shape."""

import copy
import json

import pytest

from graphnet.errors import ShapeError, SpecError, SpecLimitError
from graphnet.spec.reader import check_values, parse_spec, resolve

GOOD = {
    "format": 1,
    "name": "good",
    "inputs": {"x": {"shape": [4], "image": {"size": [2, 2]}}},
    "nodes": [
        {"id": "hidden", "type": "Affine", "units": 8, "init": {"type": "Normal", "std": 0.1}},
        {"id": "relu", "type": "Relu"},
        {"id": "scores", "type": "Affine", "units": 10},
    ],
    "edges": [["x", "hidden", "relu", "scores"]],
    "loss": {"type": "SoftmaxWithLoss"},
    "data": {"source": "idx", "train_images": "images", "train_labels": "labels"},
    "train": {"epochs": 3, "seed": 1, "optimizer": {"type": "SGD", "lr": 0.5}},
}


def change(at, value):
    """A good spec with one value replaced; `...` takes it away."""
    values = copy.deepcopy(GOOD)
    holder = values
    for step in at[:-1]:
        holder = holder[step]
    if value is ...:
        del holder[at[-1]]
    else:
        holder[at[-1]] = value
    return values


def graph(inputs, nodes, edges, **more):
    values = {"format": 1, "name": "g", "inputs": inputs, "nodes": nodes, "edges": edges, **more}
    return check_values(values)


def refused(values, error=SpecError):
    with pytest.raises(error) as caught:
        check_values(values)
    return str(caught.value)


def test_a_spec_with_everything_left_to_the_defaults():
    spec = graph({"x": {"shape": []}}, [{"id": "y", "type": "Neg"}], [["x", "y"]]).spec
    assert (spec.dtype, spec.outputs, spec.loss, spec.labels) == ("float32", None, None, None)
    assert (spec.doc, spec.data, spec.train, spec.inputs["x"].value) == (None, None, None, None)


def test_the_defaults_of_the_parts():
    spec = check_values(change(("train", "optimizer"), ...)).spec
    assert (spec.train.batch_size, spec.train.seed) == (100, 1)
    assert (spec.train.optimizer.type, spec.train.optimizer.lr) == ("SGD", 0.01)
    image = spec.inputs["x"].image
    assert (image.mode, image.range, image.fit) == ("grey", (0.0, 1.0), "contain")
    assert (image.mean, image.std, image.background, image.ink) == (None, None, None, None)
    assert spec.nodes[2].init.type == "He"


def test_shapes_and_order_follow():
    found = check_values(GOOD)
    assert found.shapes == {"x": (4,), "hidden": (8,), "relu": (8,), "scores": (10,)}
    assert found.wiring.order == ("hidden", "relu", "scores")
    assert found.wiring.outputs == ("scores",)
    assert found.arriving("scores") == ((8,),)
    assert list(found.nodes) == ["hidden", "relu", "scores"]


def test_several_inputs_and_outputs_with_labels_by_output():
    found = graph(
        {"a": {"shape": [3]}, "b": {"shape": [3], "value": [1, 2.5, -3]}},
        [
            {"id": "both", "type": "Add", "shape": [3], "doc": "where they meet"},
            {"id": "kind", "type": "Affine", "units": 3},
            {"id": "yes", "type": "Affine", "units": 1},
        ],
        [["a", "both.y", "kind"], ["b", "both.x"], ["both", "yes"]],
        outputs=["yes", "kind"],
        labels={"kind": ["cat", "dog", "owl"], "yes": ["no", "yes"]},
    )
    assert found.wiring.sources["both"] == ("b", "a")
    assert found.wiring.outputs == ("yes", "kind")
    assert found.spec.labels == {"kind": ("cat", "dog", "owl"), "yes": ("no", "yes")}
    assert found.spec.inputs["b"].value == (1.0, 2.5, -3.0)


def test_a_single_score_has_two_labels():
    nodes = [{"id": "y", "type": "Neg"}]
    for shape in ([], [1]):
        given = {"x": {"shape": shape}}
        assert graph(given, nodes, [["x", "y"]], labels=["off", "on"]).spec.labels == ("off", "on")


def test_values_are_nested_as_their_shape():
    given = {"x": {"shape": [2, 1, 2], "value": [[[1, 2]], [[3, 4]]]}}
    spec = graph(given, [{"id": "y", "type": "Neg"}], [["x", "y"]]).spec
    assert spec.inputs["x"].value == (((1.0, 2.0),), ((3.0, 4.0),))


def shared(**second):
    return {
        "format": 1,
        "name": "twins",
        "inputs": {"a": {"shape": [4]}, "b": {"shape": [4]}},
        "nodes": [
            {"id": "f", "type": "Affine", "units": 2, "init": {"type": "Xavier"}},
            {"id": "g", "type": "Affine", "units": 2, "share": "f", **second},
            {"id": "gap", "type": "Sub"},
        ],
        "edges": [["a", "f", "gap"], ["b", "g", "gap"]],
    }


def test_a_node_shares_the_parameters_of_another():
    assert check_values(shared()).nodes["g"].share == "f"
    assert check_values(shared(doc="the second eye", shape=[2])).nodes["g"].shape == (2,)


def test_what_a_shared_node_must_not_do():
    assert "share with itself" in refused(shared(share="g"))
    assert "node 'h' is not defined" in refused(shared(share="h"))
    assert "'init' belongs to 'f'" in refused(shared(init={"type": "Xavier"}))
    assert "'units' is 3 here, 2 there" in refused(shared(units=3))
    wider = shared()
    wider["inputs"]["b"]["shape"] = [5]
    found = refused(wider, ShapeError)
    assert "its parameters have shapes {'W': (5, 2), 'b': (2,)}, those of 'f' {'W': (4, 2)" in found


def test_sharing_between_nodes_that_are_wrong_themselves():
    """The parameters of a node are asked for only where its inputs fit."""
    scalar = shared()
    scalar["inputs"]["a"]["shape"] = []
    assert refused(scalar, ShapeError).count("\n") == 0
    crowded = shared(shape=[2])
    crowded["edges"].append(["a", "g"])
    assert refused(crowded).count("\n") == 0


@pytest.mark.parametrize(
    ("at", "value", "found"),
    [
        (("format",), True, "found true"),
        (("format",), 1.0, "found 1.0"),
        (("format",), "1", "found '1'"),
        (("name",), 1, "a text is expected, found 1"),
        (("name",), "a\n", "found 'a\\n'"),
        (("name",), "", "found ''"),
        (("dtype",), "float16", "found 'float16'"),
        (("inputs", "x", "shape"), [True], "an integer is expected, found true"),
        (("inputs", "x", "shape"), [4.0], "an integer is expected, found 4.0"),
        (("inputs", "x", "shape"), ["4"], "an integer is expected, found '4'"),
        (("inputs", "x", "shape"), 4, "a list is expected, found 4"),
        (("inputs", "x", "shape"), {"0": 4}, "a list is expected"),
        (("inputs", "x", "shape"), "4", "a list is expected, found '4'"),
        (("inputs", "x", "shape"), [1] * 8, "at most 7 entries"),
        (("inputs", "x", "value"), True, "found True"),
        (("inputs", "x", "value"), [1, 2, 3, "4"], "found '4'"),
        (("inputs", "x", "value"), [], "must not be empty"),
        (("inputs", "x", "image", "size"), [2, 2, 2], "2"),
        (("inputs", "x", "image", "size"), [2], "missing"),
        (("inputs", "x", "image", "range"), [0, "1"], "a number is expected, found '1'"),
        (("inputs", "x", "image", "range"), [1, 1], "must span two different numbers"),
        (("inputs", "x", "image", "mean"), [True], "a number is expected, found true"),
        (("inputs", "x", "image", "mean"), [1, 1, 1, 1], "at most 3 entries"),
        (("inputs", "x", "image", "std"), [0], "must not be 0"),
        (("nodes", 0, "units"), True, "an integer is expected, found true"),
        (("nodes", 0, "units"), 8.0, "an integer is expected, found 8.0"),
        (("nodes", 0, "units"), "8", "an integer is expected, found '8'"),
        (("nodes", 0, "units"), None, "an integer is expected, found null"),
        (("nodes", 0, "init", "std"), "0.1", "a number is expected, found '0.1'"),
        (("nodes", 0, "init", "std"), True, "a number is expected, found true"),
        (("nodes", 0, "init"), None, "an object is expected, found null"),
        (("nodes", 0, "id"), "a/", "found 'a/'"),
        (("nodes", 1), "Relu", "an object is expected, found 'Relu'"),
        (("nodes",), [], "1 or more entries are expected, found 0"),
        (("edges",), [], "1 or more entries are expected, found 0"),
        (("edges",), [["x", 1]], "a text is expected, found 1"),
        (("edges",), "x", "a list is expected, found 'x'"),
        (("outputs",), [], "1 or more entries are expected, found 0"),
        (("outputs",), "scores", "a list is expected, found 'scores'"),
        (("loss", "type"), ["SoftmaxWithLoss"], "unknown loss ['SoftmaxWithLoss']"),
        (("labels",), "0123456789", "a list of two names or more is expected"),
        (("labels",), {}, "a list of names for each output is expected"),
        (("labels",), ["a", ""], "a text of 1 to 200 characters"),
        (("data", "train_images"), "", "a text that is not empty"),
        (("train", "epochs"), "3", "an integer is expected, found '3'"),
        (("train", "epochs"), 3.0, "an integer is expected, found 3.0"),
        (("train", "epochs"), 10**6, "must be at most 20000, found 1000000"),
        (("train", "seed"), True, "an integer is expected, found true"),
        (("train", "seed"), -1, "must be at least 0, found -1"),
        (("train", "seed"), 2**63, "must be less than 9223372036854775808"),
        (("train", "optimizer", "lr"), "0.1", "a number is expected, found '0.1'"),
        (("train", "optimizer", "lr"), True, "a number is expected, found true"),
        (("train", "optimizer", "lr"), float("inf"), "a finite number is expected"),
        (("train", "optimizer", "lr"), float("nan"), "a finite number is expected"),
    ],
)
def test_nothing_is_coerced(at, value, found):
    message = refused(change(at, value))
    assert message.count("\n") == 0
    assert message.startswith("spec: ")
    assert found in message


@pytest.mark.parametrize(
    "at",
    [("train", "optimizer", "lr"), ("nodes", 0, "init", "std")],
)
def test_an_integer_is_a_number(at):
    assert check_values(change(at, 1)).spec == check_values(change(at, 1.0)).spec


@pytest.mark.parametrize(
    "at",
    [("format",), ("name",), ("inputs",), ("nodes",), ("edges",), ("inputs", "x", "shape"),
     ("nodes", 0, "units"), ("nodes", 0, "id"), ("nodes", 0, "type"), ("loss", "type"),
     ("data", "source"), ("data", "train_labels"), ("train", "epochs"),
     ("train", "optimizer", "type"), ("nodes", 0, "init", "type")],
)  # fmt: skip
def test_what_must_be_given(at):
    message = refused(change(at, ...))
    assert message.count("\n") == 0
    assert f"missing attribute '{at[-1]}'" in message


@pytest.mark.parametrize(
    "at",
    [(), ("inputs", "x"), ("inputs", "x", "image"), ("nodes", 0), ("nodes", 0, "init"), ("loss",),
     ("data",), ("train",), ("train", "optimizer")],
)  # fmt: skip
def test_unknown_attributes_are_errors_everywhere(at):
    message = refused(change((*at, "zzz"), 1))
    assert message.count("\n") == 0
    assert "unknown attribute 'zzz'; known here: " in message


def test_strange_names_are_quoted_in_the_path():
    message = refused(change(("inputs", "x", "my\nown thing"), 1))
    assert "inputs.x['my\\nown thing']: unknown attribute 'my\\nown thing'" in message


def test_a_broken_part_hides_no_mistake_elsewhere():
    values = change(("nodes", 1, "type"), "Rely")
    values["edges"] = [["x", "hiden", "relu", "scores"]]
    values["outputs"] = ["score"]
    lines = refused(values).splitlines()
    assert len(lines) == 3
    assert "did you mean 'Relu'?" in lines[0]
    assert "did you mean 'hidden'?" in lines[1]
    assert "did you mean 'scores'?" in lines[2]


def test_a_claim_lets_the_rest_be_checked():
    values = change(("nodes", 1), {"id": "relu", "type": "Relu", "shape": [8], "slope": 1})
    values["nodes"][2]["shape"] = [11]
    assert "unknown attribute 'slope'" in refused(values)
    values["nodes"][1] = {"id": "relu", "type": "Relu"}
    assert "claims (11,)" in refused(values, ShapeError)


def test_a_spec_is_frozen():
    spec = check_values(GOOD).spec
    with pytest.raises(ValueError, match="frozen"):
        spec.name = "other"


def test_a_spec_resolves_again_to_the_same():
    found = check_values(GOOD)
    assert resolve(found.spec) == found


def test_positions_count_in_the_text():
    text = json.dumps(change(("nodes", 1, "type"), "Rely"), indent=2)
    with pytest.raises(SpecError) as caught:
        parse_spec(text, "mine.json")
    row = next(i for i, line in enumerate(text.split("\n"), 1) if "Rely" in line)
    column = text.split("\n")[row - 1].index('"Rely"') + 1
    assert str(caught.value).startswith(f"mine.json:{row}:{column}: nodes[1].type: ")


def chain(count):
    nodes = [{"id": f"n{i}", "type": "Relu"} for i in range(count)]
    path = ["x", *(node["id"] for node in nodes)]
    values = {"format": 1, "name": "chain", "inputs": {"x": {"shape": [2]}}, "nodes": nodes}
    return json.dumps({**values, "edges": [path]})


def test_ten_thousand_nodes():
    spec = parse_spec(chain(10_000))
    assert resolve(spec).wiring.order == tuple(f"n{i}" for i in range(10_000))


def test_one_node_more_is_over_the_limit():
    message = r"^spec:1:\d+: nodes: at most 10,000 entries are allowed, found 10,001$"
    with pytest.raises(SpecLimitError, match=message):
        parse_spec(chain(10_001))


def test_the_other_limits_of_length():
    with pytest.raises(SpecLimitError, match=r"^spec: edges: at most 100,000 names in paths"):
        check_values(change(("edges",), [["x", "hidden"]] * 50_001))
    with pytest.raises(SpecLimitError, match=r"^spec: inputs: at most 10,000 entries"):
        check_values(change(("inputs",), {f"x{i}": {"shape": []} for i in range(10_001)}))
    with pytest.raises(SpecLimitError, match=r"^spec: outputs: at most 10,000 entries"):
        check_values(change(("outputs",), ["scores"] * 10_001))


def test_many_mistakes_are_reported_in_no_time():
    nodes = [{"id": f"node{i}", "type": "Relu"} for i in range(5_000)]
    values = change(("nodes",), nodes)
    values["edges"] = [["x", *(f"nod_{i}" for i in range(5_000))]]
    lines = refused(values).splitlines()
    assert lines[0].endswith("did you mean 'node0'?")
    assert lines[-1] == "spec: and 4990 more"


@pytest.mark.parametrize(
    ("attribute", "value", "said"),
    [
        ("kernel", "3", "kernel: an integer or a list is expected, found '3'"),
        ("kernel", 0, "kernel: must be at least 1, found 0"),
        ("stride", [1, 0], "stride[1]: must be at least 1, found 0"),
        ("kernel", ["a", 2], "kernel[0]: an integer is expected, found 'a'"),
        (
            "padding",
            "some",
            "padding: 'same', 'valid', an integer or a list is expected, found 'some'; "
            "did you mean 'same'?",
        ),
    ],
)
def test_a_value_that_may_be_of_several_kinds_is_one_mistake(attribute, value, said):
    node = {"id": "c", "type": "Conv2D", "channels": 2, "kernel": 3, attribute: value}
    values = {"inputs": {"x": {"shape": [4, 4, 1]}}, "nodes": [node], "edges": [["x", "c"]]}
    assert refused({"format": 1, "name": "g", **values}) == f"spec: nodes[0].{said}"

"""What the importer makes of models that a person might hand in."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="the extra 'onnx' is not installed")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from graphnet.errors import ExchangeError  # noqa: E402
from graphnet.exchange.importer.model import imported  # noqa: E402
from graphnet.exchange.importer.protobuf import parsed, read, read_file  # noqa: E402


def model(nodes, shape, weights=None, out=("y",), opset=18, dtype=TensorProto.FLOAT):
    """A model of some nodes from x to y."""
    tensors = [
        numpy_helper.from_array(np.asarray(array), name) for name, array in (weights or {}).items()
    ]
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", dtype, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in out],
        tensors,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def network(*given, **more):
    return imported(read(model(*given, **more))).network


def layers(net):
    return [node.type for node in net.spec.nodes]


def test_a_product_and_a_sum_are_one_affine(rng):
    W, b = rng.normal(size=(3, 5)).astype("f"), rng.normal(size=5).astype("f")
    nodes = [
        helper.make_node("MatMul", ["x", "W"], ["z"]),
        helper.make_node("Add", ["z", "b"], ["y"]),
    ]
    net = network(nodes, ["N", 3], {"W": W, "b": b})
    assert layers(net) == ["Affine"]
    x = rng.normal(size=(4, 3)).astype("f")
    np.testing.assert_allclose(net.predict(x), x @ W + b, rtol=1e-5)


def test_a_product_that_something_else_uses_stays_as_it_is(rng):
    W, b = rng.normal(size=(3, 5)).astype("f"), rng.normal(size=5).astype("f")
    nodes = [
        helper.make_node("MatMul", ["x", "W"], ["z"]),
        helper.make_node("Add", ["z", "b"], ["s"]),
        helper.make_node("Mul", ["s", "z"], ["y"]),
    ]
    net = network(nodes, ["N", 3], {"W": W, "b": b})
    x = rng.normal(size=(4, 3)).astype("f")
    np.testing.assert_allclose(net.predict(x), (x @ W + b) * (x @ W), rtol=1e-4)


def test_images_are_channels_last_and_no_axes_move(rng):
    W = rng.normal(size=(4, 3, 3, 3)).astype("f")
    V = rng.normal(size=(4 * 2 * 3, 5)).astype("f")
    nodes = [
        helper.make_node("Conv", ["x", "W"], ["c"]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "V"], ["y"]),
    ]
    net = network(nodes, ["N", 3, 6, 8], {"W": W, "V": V})
    assert net.spec.inputs["x"].shape == (6, 8, 3)
    assert layers(net) == ["Conv2D", "Relu", "MaxPool2D", "Flatten", "Affine"]


def test_shapes_that_the_model_computes_are_folded_whatever_the_batch(rng):
    """x.reshape(N, 2, -1).transpose(0, 2, 1), as exporters write it."""
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["n"]),
        helper.make_node("Unsqueeze", ["n", "first"], ["n1"]),
        helper.make_node("Concat", ["n1", "two", "rest"], ["to"], axis=0),
        helper.make_node("Reshape", ["x", "to"], ["r"]),
        helper.make_node("Transpose", ["r"], ["t"], perm=[0, 2, 1]),
        helper.make_node("Relu", ["t"], ["y"]),
    ]
    weights = {
        "zero": np.array(0),
        "first": np.array([0]),
        "two": np.array([2]),
        "rest": np.array([-1]),
    }
    net = network(nodes, ["N", 6], weights)
    x = rng.normal(size=(5, 6)).astype("f")
    expected = np.maximum(x.reshape(5, 2, 3).transpose(0, 2, 1), 0)
    np.testing.assert_array_equal(net.predict(x), expected)


def test_batch_and_heads_in_one_axis_and_back(rng):
    """(N, T, E) to (N * heads, T, d) and back, as multi-head attention is exported."""
    nodes = [
        helper.make_node("Reshape", ["x", "s1"], ["a"]),
        helper.make_node("Transpose", ["a"], ["b"], perm=[0, 2, 1, 3]),
        helper.make_node("Reshape", ["b", "s2"], ["c"]),
        helper.make_node("Transpose", ["c"], ["ct"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["c", "ct"], ["d"]),
        helper.make_node("Softmax", ["d"], ["e"]),
        helper.make_node("MatMul", ["e", "c"], ["f"]),
        helper.make_node("Reshape", ["f", "s3"], ["g"]),
        helper.make_node("Transpose", ["g"], ["h"], perm=[0, 2, 1, 3]),
        helper.make_node("Reshape", ["h", "s4"], ["y"]),
    ]
    weights = {
        "s1": np.array([0, 0, 2, 3]),
        "s2": np.array([-1, 5, 3]),
        "s3": np.array([-1, 2, 5, 3]),
        "s4": np.array([0, 0, 6]),
    }
    net = network(nodes, ["N", 5, 6], weights)
    x = rng.normal(size=(4, 5, 6)).astype("f")
    q = x.reshape(4, 5, 2, 3).transpose(0, 2, 1, 3)
    e = np.exp(q @ q.transpose(0, 1, 3, 2))
    expected = (e / e.sum(-1, keepdims=True) @ q).transpose(0, 2, 1, 3).reshape(4, 5, 6)
    np.testing.assert_allclose(net.predict(x), expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("node", "what"),
    [
        (("If", [], ["y"]), r"node 'y' \(If\): "),
        (("Det", ["x"], ["y"]), r"node 'y' \(Det\): the operator has no counterpart"),
        (("Relu", ["z"], ["y"]), r"node 'y' \(Relu\): its input 'z' is not defined"),
    ],
)
def test_what_has_no_counterpart_is_an_error_that_names_node_and_operator(node, what):
    with pytest.raises(ExchangeError, match=what):
        network([helper.make_node(*node)], ["N", 2, 2])


def test_an_attribute_that_nobody_understands_is_an_error():
    node = helper.make_node("Relu", ["x"], ["y"], slope=0.5)
    with pytest.raises(ExchangeError, match="attribute 'slope' is not understood"):
        network([node], ["N", 2])


def test_samples_that_are_mixed_are_an_error():
    node = helper.make_node("Softmax", ["x"], ["y"], axis=0)
    with pytest.raises(ExchangeError, match=r"node 'y' \(Softmax\): it works along the batch axis"):
        network([node], ["N", 2])


def test_other_domains_are_an_error():
    node = helper.make_node("Relu", ["x"], ["y"], domain="com.example")
    with pytest.raises(
        ExchangeError, match=r"operator Relu of domain 'com\.example' is not ONNX's"
    ):
        network([node], ["N", 2])


def test_weights_in_other_files_are_an_error():
    made = model([helper.make_node("Mul", ["x", "w"], ["y"])], ["N", 2], {"w": np.ones(2, "f")})
    tensor = made.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    with pytest.raises(ExchangeError, match="weight 'w' lies in a file of its own"):
        read(made)


def test_a_tensor_with_fewer_numbers_than_it_claims_is_an_error():
    made = model([helper.make_node("Mul", ["x", "w"], ["y"])], ["N", 2], {"w": np.ones(2, "f")})
    made.graph.initializer[0].dims[:] = [2**31, 2**31]
    with pytest.raises(ExchangeError, match="weight 'w' has 2 numbers"):
        read(made)


def test_a_constant_that_no_memory_could_hold_is_an_error():
    nodes = [
        helper.make_node("ConstantOfShape", ["big"], ["c"]),
        helper.make_node("Add", ["x", "c"], ["y"]),
    ]
    with pytest.raises(ExchangeError, match=r"node 'c' \(ConstantOfShape\): a constant of"):
        network(nodes, ["N", 2], {"big": np.array([2**20, 2**20])})


@pytest.mark.parametrize("data", [b"", b"no model", b"\x08\x0a\x12\x03abc", bytes(1000)])
def test_what_is_no_model_is_an_error(data):
    with pytest.raises(ExchangeError, match="is no ONNX"):
        parsed(data)


def test_any_damage_ends_in_one_clear_error(rng, tmp_path):
    W = rng.normal(size=(3, 3)).astype("f")
    whole = model([helper.make_node("Gemm", ["x", "W"], ["y"])], ["N", 3], {"W": W})
    data = bytearray(whole.SerializeToString())
    path, found = tmp_path / "damaged.onnx", []
    for _ in range(300):
        damaged = bytearray(data)
        for at in rng.integers(0, len(data), size=rng.integers(1, 4)):
            damaged[at] = rng.integers(0, 256)
        path.write_bytes(damaged[: rng.integers(1, len(data) + 1)])
        try:
            imported(read_file(path))
        except ExchangeError as e:
            found.append(str(e))
    assert len(found) > 100
    assert all("\n" not in text and len(text) <= 500 for text in found)


NUMBERS = (0, 1, -1, 2, 3, -2, 7, 2**31, 2**40, -(2**63), 2**63 - 1)


def mutated(whole, rng):
    """A model with some number in it that is another."""
    made = onnx.ModelProto()
    made.CopyFrom(whole)
    places = [a for node in made.graph.node for a in node.attribute]
    places += list(made.graph.input[0].type.tensor_type.shape.dim)
    places += list(made.graph.initializer)
    for _ in range(rng.integers(1, 4)):
        place, number = places[rng.integers(len(places))], NUMBERS[rng.integers(len(NUMBERS))]
        if isinstance(place, onnx.TensorProto):
            array = numpy_helper.to_array(place).copy()
            if array.size:
                with np.errstate(all="ignore"):
                    array.reshape(-1)[rng.integers(array.size)] = number
            place.CopyFrom(numpy_helper.from_array(array[: rng.integers(1, 9)], place.name))
        elif isinstance(place, onnx.AttributeProto):
            if place.type == onnx.AttributeProto.INT:
                place.i = number
            elif len(place.ints):
                place.ints[rng.integers(len(place.ints))] = number
        else:
            place.dim_value = number
    return made


def test_whatever_numbers_a_model_holds_it_ends_in_a_network_or_one_clear_error(rng):
    nodes = [
        helper.make_node("Conv", ["x", "W"], ["c"], group=1, pads=[1, 1, 1, 1], strides=[1, 1]),
        helper.make_node("AveragePool", ["c"], ["p"], kernel_shape=[2, 2], ceil_mode=1),
        helper.make_node("Resize", ["p", "", "scales"], ["r"]),
        helper.make_node("Pad", ["r", "pads"], ["q"]),
        helper.make_node("Slice", ["q", "starts", "ends", "axes"], ["s"]),
        helper.make_node("Split", ["s"], ["s1", "s2"], axis=1, num_outputs=2),
        helper.make_node("Tile", ["s1", "times"], ["t"]),
        helper.make_node("Reshape", ["t", "to"], ["f"]),
        helper.make_node("LayerNormalization", ["f", "one"], ["n"], axis=-1),
        helper.make_node("Gather", ["n", "places"], ["y"], axis=1),
    ]
    weights = {
        "W": rng.normal(size=(4, 3, 3, 3)).astype("f"),
        "scales": np.array([1, 1, 2, 2], "f"),
        "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
        "starts": np.array([1]),
        "ends": np.array([5]),
        "axes": np.array([2]),
        "times": np.array([1, 1, 2, 1]),
        "to": np.array([0, -1]),
        "one": np.ones(1, "f"),
        "places": np.array([0, 3, 4]),
    }
    whole = model(nodes, ["N", 3, 6, 6], weights)
    imported(read(whole))
    errors = 0
    for _ in range(600):
        try:
            imported(read(mutated(whole, rng)))
        except ExchangeError:
            errors += 1
    assert errors > 200

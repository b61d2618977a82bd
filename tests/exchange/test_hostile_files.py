"""Models of other programs that were made to do harm: no other file is read, nothing is run."""

import os

import numpy as np
import pytest

from campaigns.children import in_child
from campaigns.originals import originals
from graphnet.errors import ExchangeError
from graphnet.exchange.files import import_network

pytest.importorskip("onnx")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="this system bounds no process")
SECRET = "secret.bin"


def watched(path):
    """What importing a file does beside computing; in a child, where a hook may stay."""
    from campaigns.audit import RefusedError, Watch

    for kind in ("onnx", "safetensors"):
        warm = f"{path}.warm.{kind}"
        with open(warm, "wb") as file:
            file.write(originals(kind)[0])
        import_network(warm)
    said = ""
    try:
        import_network(path)  # once, so that what it needs is imported
    except ExchangeError as e:
        said = str(e)
    watch = Watch({path})
    with watch:
        try:
            import_network(path)
        except (ExchangeError, RefusedError) as e:
            said = str(e)
    return {"seen": watch.seen, "said": said}


def external(tmp_path, location, **more):
    import onnx
    from onnx import TensorProto, helper

    (tmp_path / SECRET).write_bytes(np.ones(4, np.float32).tobytes())
    weight = TensorProto(name="W", data_type=TensorProto.FLOAT, dims=[4])
    weight.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **more}.items():
        entry = weight.external_data.add()
        entry.key, entry.value = key, str(value)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 4])
    node = helper.make_node("Add", ["x", "W"], ["y"])
    graph = helper.make_graph([node], "g", [x], [y], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    path = tmp_path / "m.onnx"
    path.write_bytes(model.SerializeToString())
    assert onnx.__version__
    return path


@pytest.mark.parametrize(
    "location",
    [SECRET, f"../{SECRET}", f"a/../{SECRET}", "/etc/passwd", "/dev/zero", "", "//etc/passwd"],
)
def test_data_outside_an_onnx_file_are_never_read(tmp_path, location):
    path = external(tmp_path, location, offset=0, length=16)
    found = in_child("tests.exchange.test_hostile_files:watched", str(path), memory=None)
    assert found.value is not None, found.said
    assert found.value["seen"] == []
    assert "external" in found.value["said"] or "outside" in found.value["said"]
    with pytest.raises(ExchangeError):
        import_network(path)


def test_a_sound_file_is_read_with_nothing_else(tmp_path):
    for kind in ("onnx", "safetensors"):
        path = tmp_path / f"m.{kind}"
        path.write_bytes(originals(kind)[0])
        found = in_child("tests.exchange.test_hostile_files:watched", str(path), memory=None)
        assert found.value == {"seen": [], "said": ""}, found.said


@pytest.mark.parametrize("kind", ["onnx", "safetensors", "json"])
def test_what_is_no_file(tmp_path, kind):
    from graphnet.errors import GraphnetError

    for place in (
        tmp_path / f"none.{kind}",
        tmp_path / f"folder.{kind}",
        tmp_path / f"pipe.{kind}",
    ):
        if place.stem == "folder":
            place.mkdir()
        if place.stem == "pipe":
            os.mkfifo(place)
        with pytest.raises(GraphnetError) as caught:
            import_network(place)
        assert place.name in str(caught.value)


def test_the_arrays_of_a_plain_model_may_be_no_pipe(tmp_path):
    from campaigns import corpus
    from graphnet.bundle.reader import decode

    (tmp_path / "m.json").write_text(decode(corpus.small()["convolution"]).spec)
    with pytest.raises(ExchangeError, match=r"m\.npz: is not there"):
        import_network(tmp_path / "m.json")
    os.mkfifo(tmp_path / "m.npz")
    with pytest.raises(ExchangeError, match=r"m\.npz: is no regular file"):
        import_network(tmp_path / "m.json")


def test_names_that_are_no_text_and_constants_that_overflow(tmp_path):
    import warnings

    import onnx

    data = originals("onnx")[0]
    path = tmp_path / "m.onnx"
    name = onnx.load_from_string(data).graph.name.encode()
    path.write_bytes(data.replace(name, b"\xff" * len(name), 1))
    with pytest.raises(ExchangeError, match=r"m\.onnx: a name in it is not UTF-8"):
        import_network(path)
    model = onnx.load_from_string(data)
    for weight in model.graph.initializer:
        count = len(weight.raw_data) // 4
        weight.raw_data = np.full(count, np.inf, "<f4").tobytes()
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "alpha":
                attribute.f = 0.0
    path.write_bytes(model.SerializeToString())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net = import_network(path)
    assert not all(np.isfinite(array).all() for array in net.params.values())

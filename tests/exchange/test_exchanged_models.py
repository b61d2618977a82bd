"""Whole models: those that ship, through ONNX and back; and PyTorch's, as it exports them."""

import io
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from runtime import run

from graphnet.builder import build
from graphnet.spec.reader import read_spec

onnx = pytest.importorskip("onnx", reason="the extra 'onnx' is not installed")

from graphnet.exchange.exporter.model import model as exported  # noqa: E402
from graphnet.exchange.importer.model import imported  # noqa: E402
from graphnet.exchange.importer.protobuf import parsed, read  # noqa: E402

ROOT = Path(__file__).parent.parent.parent
SHIPPED = sorted(path.stem for path in (ROOT / "models").glob("*.json"))


def network(name, rng):
    """A shipped model with statistics and biases that are not those it starts with."""
    net = build(read_spec(ROOT / "models" / f"{name}.json"), seed=0)
    for array in [*net.params.values(), *net.state.values()]:
        if array.ndim == 1:
            array[...] = rng.uniform(0.5, 1.5, array.shape)
    return net


def some(net, rng, batch=3):
    """Numbers for the inputs that have none."""
    found = {}
    most = {
        node: layer.spec.vocabulary
        for node, layer in net.layers.items()
        if hasattr(layer.spec, "vocabulary")
    }
    for name, given in net.spec.inputs.items():
        shape = (batch, *given.shape)
        if given.dtype is not None:
            found[name] = rng.integers(0, min(most.values(), default=2), shape)
        elif given.value is None:
            found[name] = rng.uniform(0, 1, shape).astype(net.spec.dtype)
    return found


def scores(net, x):
    found = net.predict(x)
    return found if isinstance(found, dict) else {net.graph.wiring.outputs[0]: found}


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_gives_the_same_scores_in_onnxruntime(name, rng):
    net = network(name, rng)
    x = some(net, rng)
    expected = scores(net, x)
    found = run(exported(net), x)
    assert list(found) == list(expected)
    for output in expected:
        np.testing.assert_allclose(found[output], expected[output], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_comes_back(name, rng):
    net = network(name, rng)
    x = some(net, rng)
    again = imported(read(exported(net))).network
    assert again.spec.name == net.spec.name
    expected, found = scores(net, x), scores(again, x)
    for mine, theirs in zip(found.values(), expected.values(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5)
    parameters = sum(array.size for array in net.params.values())
    assert sum(array.size for array in again.params.values()) == parameters


def test_axes_move_once_where_images_come_in_and_nowhere_else(rng):
    message = exported(network("mnist_cnn", rng))
    kinds = [node.op_type for node in message.graph.node]
    assert kinds.count("Transpose") == 1
    assert kinds[0] == "Transpose"


def of_torch(module, x, dynamo=False, **more):
    """A module as PyTorch exports it."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    file = io.BytesIO()
    module.eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, (torch.from_numpy(x),), file, dynamo=dynamo, input_names=["x"], **more
        )
        with torch.no_grad():
            expected = module(torch.from_numpy(x)).numpy()
    return parsed(file.getvalue()), expected


def lenet(torch):
    nn = torch.nn
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10)),
    )


def resnet18(torch):
    """He et al., 2015, table 1: 18 layers."""
    nn = torch.nn

    class Block(nn.Module):
        def __init__(self, before, channels, stride):
            super().__init__()
            self.conv1 = nn.Conv2d(before, channels, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(channels)
            self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(channels)
            self.short = nn.Identity()
            if stride != 1 or before != channels:
                self.short = nn.Sequential(
                    nn.Conv2d(before, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
                )

        def forward(self, x):
            out = torch.relu(self.bn1(self.conv1(x)))
            return torch.relu(self.bn2(self.conv2(out)) + self.short(x))

    stages = []
    for before, channels, stride in ((64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2)):
        stages += [Block(before, channels, stride), Block(channels, channels, 1)]
    return nn.Sequential(
        *(nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU()),
        nn.MaxPool2d(3, 2, 1),
        *stages,
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000)),
    )


def encoder(torch):
    layer = torch.nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)
    return torch.nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)


TORCH = {
    "LeNet": (lenet, (1, 28, 28)),
    "ResNet-18": (resnet18, (3, 64, 64)),
    "encoder": (encoder, (12, 32)),
}


@pytest.mark.parametrize("batch", ["open", "two", "one"])
@pytest.mark.parametrize("name", TORCH)
def test_what_pytorch_exports_agrees(name, batch, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    torch.manual_seed(0)
    make, shape = TORCH[name]
    x = rng.normal(size=(2, *shape)).astype(np.float32)
    more = {"dynamic_axes": {"x": {0: "N"}}} if batch == "open" else {}
    module = make(torch)
    message, expected = of_torch(module, x[:1] if batch == "one" else x, **more)
    net = imported(read(message)).network
    given = np.ascontiguousarray(x.transpose(0, 2, 3, 1)) if x.ndim == 4 else x
    # The batch is whatever comes in, also where the file was written with one sample or two.
    for samples in (1, 2):
        found = net.predict(given[:samples])
        assert len(found) == samples
        some = min(samples, len(expected))
        np.testing.assert_allclose(found[:some], expected[:some], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", TORCH)
def test_what_pytorchs_other_exporter_writes_agrees(name, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    pytest.importorskip("onnxscript", reason="PyTorch's newer exporter needs onnxscript")
    torch.manual_seed(0)
    make, shape = TORCH[name]
    x = rng.normal(size=(2, *shape)).astype(np.float32)
    message, expected = of_torch(make(torch), x, dynamo=True, external_data=False)
    net = imported(read(message)).network
    given = np.ascontiguousarray(x.transpose(0, 2, 3, 1)) if x.ndim == 4 else x
    np.testing.assert_allclose(net.predict(given), expected, rtol=1e-4, atol=1e-4)


def test_the_images_of_pytorch_need_no_other_order_of_axes(rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    x = rng.normal(size=(2, 3, 64, 64)).astype(np.float32)
    message, _ = of_torch(resnet18(torch), x, dynamic_axes={"x": {0: "N"}})
    net = imported(read(message)).network
    kinds = {node.type for node in net.spec.nodes}
    assert kinds == {"Conv2D", "Relu", "MaxPool2D", "Add", "GlobalAvgPool2D", "Affine"}
    assert net.spec.inputs["x"].shape == (64, 64, 3)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", net.spec.name)

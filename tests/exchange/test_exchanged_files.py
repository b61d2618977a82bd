"""Files of other formats: what is written comes back, and what is damaged says so."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from graphnet.builder import build
from graphnet.bundle.model import contents_of
from graphnet.errors import ExchangeError, GraphnetError
from graphnet.exchange.files import export_network, import_network
from graphnet.spec.prepared import prepared_of
from graphnet.spec.reader import read_spec

ROOT = Path(__file__).parent.parent.parent
IMAGE = ROOT / "models" / "digits.json"


@pytest.fixture
def net():
    """A network with labels, notes and a history."""
    net = build(read_spec(IMAGE), seed=0)
    net.meta = {"author": "somebody"}
    net.history = [{"epoch": 1, "loss": 0.5, "train_accuracy": 0.5, "test_accuracy": None}]
    return net


@pytest.mark.parametrize("name", ["net.onnx", "net.safetensors", "net.json"])
def test_what_is_exported_comes_back(name, net, tmp_path, rng):
    package = {"net.onnx": "onnx", "net.safetensors": "safetensors"}.get(name)
    if package is not None:
        pytest.importorskip(package, reason="the extra 'onnx' is not installed")
    files = export_network(tmp_path / name, net)
    assert sorted(files) == sorted(str(path) for path in tmp_path.iterdir())
    again = import_network(tmp_path / name)
    assert again.spec.name == net.spec.name
    assert again.spec.labels == net.spec.labels
    assert again.spec.inputs["x"] == net.spec.inputs["x"]
    x = rng.uniform(size=(4, *net.spec.inputs["x"].shape)).astype(np.float32)
    np.testing.assert_allclose(again.predict(x), net.predict(x), rtol=1e-5, atol=1e-5)


def test_safetensors_hold_all_that_a_bundle_holds(net, tmp_path):
    pytest.importorskip("safetensors", reason="the extra 'onnx' is not installed")
    export_network(tmp_path / "net.safetensors", net)
    again = contents_of(import_network(tmp_path / "net.safetensors"))
    before = contents_of(net)
    assert (again.spec, again.train, again.meta) == (before.spec, before.train, before.meta)
    assert sorted(again.tensors) == sorted(before.tensors)
    for name, tensor in before.tensors.items():
        assert again.tensors[name].role == tensor.role
        np.testing.assert_array_equal(again.tensors[name].array, tensor.array)


def test_what_was_fitted_to_data_lies_beside_the_plain_spec(tmp_path):
    values = json.loads(IMAGE.read_text())
    del values["labels"]
    values.pop("data")
    values["nodes"][-1]["units"] = 2
    (tmp_path / "spec.json").write_text(json.dumps(values))
    net = build(read_spec(tmp_path / "spec.json"))
    output = net.graph.wiring.outputs[0]
    fitted = {"labels": {output: ["cat", "dog"]}}
    net.prepare = prepared_of(fitted, net.spec, {output: (2,)})
    files = export_network(tmp_path / "out.json", net)
    assert [Path(path).name for path in files] == ["out.json", "out.npz", "out.prepare.json"]
    assert import_network(tmp_path / "out.json").labels(output) == ("cat", "dog")


def test_an_unknown_name_says_what_there_is(net, tmp_path):
    with pytest.raises(ExchangeError, match=r"must end in one of \.onnx \(ONNX\), \.safetensors"):
        export_network(tmp_path / "net.pt", net)


@pytest.mark.parametrize("package", ["onnx", "safetensors"])
def test_what_is_not_installed_says_what_to_install(package, net, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    what = rf"needs the package '{package}': install graphnet with its extra, .*\[onnx\]"
    with pytest.raises(ExchangeError, match=what):
        export_network(tmp_path / f"net.{package}", net)


def test_tensors_without_a_spec_are_no_network(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy", reason="the extra is not installed")
    safetensors.save_file({"a": np.ones(3)}, tmp_path / "a.safetensors")
    with pytest.raises(ExchangeError, match="it holds no spec"):
        import_network(tmp_path / "a.safetensors")


@pytest.mark.parametrize("name", ["net.onnx", "net.safetensors", "net.json"])
def test_damaged_files_end_in_one_clear_error(name, net, tmp_path, rng):
    package = {"net.onnx": "onnx", "net.safetensors": "safetensors"}.get(name)
    if package is not None:
        pytest.importorskip(package, reason="the extra 'onnx' is not installed")
    files = [Path(path) for path in export_network(tmp_path / name, net)]
    for path in files:
        data = path.read_bytes()
        for size in (0, 1, 7, 100, len(data) // 2, len(data) - 1):
            path.write_bytes(data[:size])
            if size == len(data) - 1 and path.suffix == ".json":
                continue  # the line's end
            with pytest.raises(GraphnetError) as e:
                import_network(tmp_path / name)
            assert "\n" not in str(e.value)
        path.write_bytes(data)


def test_no_pickle_is_opened(net, tmp_path):
    export_network(tmp_path / "net.json", net)
    arrays = {name: np.array([{}], dtype=object) for name in (*net.params, *net.state)}
    np.savez(tmp_path / "net.npz", **arrays)
    with pytest.raises(ExchangeError, match="Python objects, which only a pickle holds"):
        import_network(tmp_path / "net.json")


def test_exchange_is_imported_by_nothing_that_does_without_it():
    assert "graphnet.exchange.files" in sys.modules
    text = "\n".join(
        path.read_text()
        for path in (ROOT / "graphnet").rglob("*.py")
        if "exchange" not in path.parts and path.name not in ("export.py", "import_.py")
    )
    assert "graphnet.exchange" not in text

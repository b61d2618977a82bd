"""What is not finite is refused where it comes in or is asked for, outside of training."""

import json

import numpy as np
import pytest

from graphnet.builder import build
from graphnet.bundle.model import contents_of, load
from graphnet.bundle.writer import write_bundle
from graphnet.cli.infer import main as infer
from graphnet.data.load import load_data
from graphnet.errors import DatasetError, DivergedError, ExchangeError, SpecError
from graphnet.exchange.files import export_network
from graphnet.gradcheck import check
from graphnet.spec.reader import parse_spec
from graphnet.training.fitting import fit


def spec(init=None, **more):
    values = {
        "format": 1,
        "name": "own",
        "inputs": {"x": {"shape": [2]}},
        "nodes": [
            {"id": "score", "type": "Affine", "units": 3, **({"init": init} if init else {})}
        ],
        "edges": [["x", "score"]],
        "loss": {"type": "SoftmaxWithLoss"},
        "train": {"epochs": 1},
        **more,
    }
    return parse_spec(json.dumps(values))


def spoilt(value=np.nan, **more):
    net = build(spec(**more))
    net.params["score/W"][0, 1] = value
    return net


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e39])
def test_arrays_of_a_file(tmp_path, value):
    x = np.zeros((4, 2))
    x[2, 1] = value
    np.savez(tmp_path / "a.npz", x=x, t=np.array([0, 1, 2, 0]))
    with pytest.raises(DatasetError, match=r"a.npz: array 'x', sample 2: .* is no finite float32"):
        load_data(spec(data={"source": "npz", "train": "a.npz"}), tmp_path)


@pytest.mark.parametrize("cell", ["nan", "inf", "-inf", "1e999", "NaN", "Infinity"])
def test_cells_of_a_table(tmp_path, cell):
    (tmp_path / "a.csv").write_text(f"a,b,t\n1,2,u\n3,{cell},v\n1,5,w\n")
    columns = {"a": "number", "b": "number"}
    given = spec(
        inputs={"x": {"shape": [2], "columns": columns}},
        data={"source": "csv", "train": "a.csv", "target": "t"},
    )
    with pytest.raises(DatasetError, match=r"a.csv:3: column 'b': a finite number is expected"):
        load_data(given, tmp_path)


def test_a_bundle_of_such_weights_is_read_but_not_asked_trained_or_exported(tmp_path, capsys):
    path = tmp_path / "bad.msgpack"
    write_bundle(path, contents_of(spoilt()))
    np.savez(tmp_path / "a.npz", x=np.zeros((4, 2)))
    assert infer([str(path), str(tmp_path / "a.npz")]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"{path}: NaN is in parameter 'score/W': what it answers would mean nothing\n"
    net = load(path)
    with pytest.raises(ExchangeError, match="NaN is in parameter 'score/W'"):
        export_network(tmp_path / "a.json", net)
    from graphnet.data.dataset import Dataset, Split

    data = Dataset("own", Split({"x": np.zeros((4, 2))}, np.array([0, 1, 2, 0])))
    with pytest.raises(DivergedError, match=r"NaN is in parameter 'score/W' \(epoch 1, step 1\)"):
        list(fit(net, data))


def test_predict_shows_nan_and_classify_calls_it_no_class():
    net, x = build(spec()), np.zeros((3, 2))
    x[1, 0] = np.nan
    assert np.isnan(net.predict(x)[1]).any()
    for ask in (net.classify, lambda x: net.accuracy(x, np.array([0, 1, 2]))):
        with pytest.raises(DivergedError, match="output 'score', sample 1: the best score is nan"):
            ask(x)
    with pytest.raises(DivergedError, match="the best score is nan"):
        net.classify(x[1])


def test_gradients_are_not_checked_on_it():
    net = spoilt(dtype="float64")
    with pytest.raises(DivergedError, match="NaN is in parameter 'score/W': no gradient"):
        check(net, np.zeros((2, 2)), np.array([0, 1]))


@pytest.mark.parametrize(
    ("init", "text"),
    [
        ({"type": "Normal", "std": 1e300}, "draws numbers too large for float32"),
        ({"type": "Constant", "value": 1e39}, "draws numbers too large for float32"),
        ({"type": "Uniform", "low": -1e308, "high": 1e308}, "lies too far from 'low'"),
    ],
)
def test_initializers_that_overflow(init, text):
    with pytest.raises(SpecError, match=text):
        build(spec(init))


@pytest.mark.parametrize("image", [{"std": [1e-300]}, {"range": [-1e308, 1e308]}, {"mean": [1e39]}])
def test_pictures_that_would_become_infinite(image):
    with pytest.raises(SpecError, match=r"inputs\.x\.image: range, mean and std let pixels"):
        spec(inputs={"x": {"shape": [2], "image": {"size": [1, 2], **image}}})


def test_a_value_beyond_the_type():
    with pytest.raises(SpecError, match="too large for float32"):
        spec(inputs={"x": {"shape": [2], "value": [1e39, 0]}})

"""Network <-> bundle: the same network, the same bytes; and tensors that are not the spec's."""

import json
from dataclasses import replace

import numpy as np
import pytest

from graphnet.builder import build
from graphnet.bundle.format import Contents, Tensor
from graphnet.bundle.model import contents_of, load, network_of, save
from graphnet.bundle.writer import encode, write_bundle
from graphnet.errors import BundleLimitError, BundleMismatchError, InvalidBundleError
from graphnet.spec.canonical import canonical_text

MODELS = [
    "apple",
    "apple_orange",
    "square_of_sum",
    "sigmoid_steps",
    "mnist_two_layer",
    "digits",
    "iris",
]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("mapped", [False, True])
def test_saved_loaded_saved_gives_the_same_bytes(model, name, mapped, tmp_path):
    net = build(model(name))
    net.history = [{"epoch": 1, "loss": 0.1 + 0.2, "train_accuracy": 0.5, "test_accuracy": None}]
    net.meta = {"author": "한글", "a": "b"}
    size = save(tmp_path / "one", net)
    again = load(tmp_path / "one", mmap=mapped, verify=True)
    save(tmp_path / "two", again)
    first = (tmp_path / "one").read_bytes()
    assert (tmp_path / "two").read_bytes() == first
    assert len(first) == size
    assert (again.history, again.meta) == (net.history, net.meta)


def test_a_loaded_network_computes_the_same(model, tmp_path, rng):
    net = build(model("digits"))
    save(tmp_path / "m", net)
    x = rng.random((7, 64), dtype=np.float32)
    for mapped in (False, True):
        np.testing.assert_array_equal(load(tmp_path / "m", mmap=mapped).predict(x), net.predict(x))


def test_the_arrays_of_the_file_are_the_layers_own(model, tmp_path):
    save(tmp_path / "m", build(model("digits")))
    mapped = load(tmp_path / "m", mmap=True)
    assert not mapped.params["affine1/W"].flags.writeable
    assert not mapped.params["affine1/W"].flags.owndata
    read = load(tmp_path / "m")
    assert read.layers["affine1"].W is read.params["affine1/W"]
    assert read.params["affine1/W"].flags.writeable
    assert read.params["affine1/W"].ctypes.data % 64 == 0


def test_no_path_is_inside(model, tmp_path):
    spec = model("digits")
    save(tmp_path / "m", build(spec))
    data = (tmp_path / "m").read_bytes()
    assert spec.schema_
    assert spec.schema_.encode() not in data
    assert str(tmp_path).encode() not in data
    assert b'"data"' not in data


def test_saving_over_the_file_that_is_mapped(model, tmp_path, rng):
    save(tmp_path / "m", build(model("digits")))
    net = load(tmp_path / "m", mmap=True)
    x = rng.random((2, 64))
    before = net.predict(x)
    save(tmp_path / "m", net)
    np.testing.assert_array_equal(net.predict(x), before)
    np.testing.assert_array_equal(load(tmp_path / "m").predict(x), before)


@pytest.fixture
def contents(model):
    return contents_of(build(model("digits")))


def without(contents: Contents, name: str) -> dict[str, Tensor]:
    return {key: tensor for key, tensor in contents.tensors.items() if key != name}


def test_missing_and_extra_tensors_are_named(contents):
    tensors = without(contents, "affine1/W") | {"affine9/W": Tensor("param", np.ones(3))}
    with pytest.raises(BundleMismatchError) as e:
        network_of(replace(contents, tensors=tensors))
    assert str(e.value) == (
        "the tensors are not those of the spec: missing 'affine1/W'; too many 'affine9/W'"
    )


@pytest.mark.parametrize(
    ("array", "what"),
    [
        (np.zeros((50, 64), np.float32), r"float32 of shape \(64, 50\); found float32 of shape"),
        (np.zeros((64, 50)), r"float32 of shape \(64, 50\); found float64"),
    ],
)
def test_wrong_shapes_and_types_are_named(contents, array, what):
    tensors = contents.tensors | {"affine1/W": Tensor("param", array)}
    with pytest.raises(BundleMismatchError, match=f"tensor 'affine1/W' must be {what}"):
        network_of(replace(contents, tensors=tensors))


def test_a_wrong_role_is_named(contents):
    array = contents.tensors["affine1/W"].array
    tensors = contents.tensors | {"affine1/W": Tensor("state", array)}
    with pytest.raises(BundleMismatchError, match="tensor 'affine1/W' must have role 'param'"):
        network_of(replace(contents, tensors=tensors))


def test_a_spec_inside_that_is_not_canonical_is_refused(contents):
    spaced = json.dumps(json.loads(contents.spec))
    with pytest.raises(InvalidBundleError, match="not in its canonical form"):
        network_of(replace(contents, spec=spaced))


@pytest.mark.parametrize("spec", ["", "{}", "[1", '{"format":2}', "\x00"])
def test_a_spec_inside_that_is_wrong_is_an_invalid_bundle(contents, spec, tmp_path):
    write_bundle(tmp_path / "m", replace(contents, spec=spec))
    with pytest.raises(InvalidBundleError) as e:
        load(tmp_path / "m")
    assert str(e.value).startswith(f"{tmp_path / 'm'}: the spec inside")


@pytest.mark.parametrize(
    "train", ["", "[]", "{}", '{"history": []}', '{"history":[]}', '{"history":[1]}', '{"a":1}']
)
def test_texts_that_saving_would_change_are_refused(contents, train):
    with pytest.raises(InvalidBundleError):
        network_of(replace(contents, train=train))


def test_prepare_that_the_spec_leaves_nothing_open_for_is_refused(contents):
    with pytest.raises(InvalidBundleError, match="'prepare': mean: Extra inputs are not permitted"):
        network_of(replace(contents, prepare='{"mean":[1]}'))


@pytest.mark.parametrize(
    "epoch",
    [
        '{"epoch":"haha"}',
        '{"epoch":1,"loss":1,"test_accuracy":null,"train_accuracy":0.5}',
        '{"epoch":true,"loss":1.0,"test_accuracy":null,"train_accuracy":0.5}',
        '{"epoch":1,"loss":null,"test_accuracy":null,"train_accuracy":0.5}',
        '{"epoch":1,"extra":1,"loss":1.0,"test_accuracy":null,"train_accuracy":0.5}',
        '{"epoch":1,"loss":1.0,"metrics":{},"test_accuracy":null,"train_accuracy":0.5}',
        '{"epoch":1,"loss":1.0,"metrics":{"a":"b"},"test_accuracy":null,"train_accuracy":0.5}',
        '{"best":1,"epoch":1,"loss":1.0,"test_accuracy":null,"train_accuracy":0.5}',
        '{"epoch":1,"loss":1.0,"test_accuracy":null,"train_accuracy":0.5,"validation_loss":1.0}',
        '{"epoch":1,"loss":1.0,"test_accuracy":null,"train_accuracy":0.5,"validation_accuracy":0.5}',
    ],
)
def test_history_holds_what_an_epoch_leaves(contents, epoch):
    with pytest.raises(InvalidBundleError, match=r"'train\.history\[0\]'"):
        network_of(replace(contents, train='{"history":[' + epoch + "]}"))


def test_history_may_hold_what_a_recipe_measures(contents):
    epoch = (
        '{"best":true,"epoch":1,"loss":1.0,"metrics":{"train_r2":0.5},"test_accuracy":null,'
        '"train_accuracy":null,"validation_accuracy":null,"validation_loss":2.0}'
    )
    train = '{"history":[' + epoch + "]}"
    net = network_of(replace(contents, train=train))
    assert net.history[0]["metrics"] == {"train_r2": 0.5}
    assert contents_of(net).train == train


def test_the_callers_limit_counts(model, tmp_path):
    net = build(model("digits"))
    size = save(tmp_path / "m", net)
    with pytest.raises(BundleLimitError):
        load(tmp_path / "m", limit=size - 1)
    with pytest.raises(BundleLimitError):
        save(tmp_path / "n", net, limit=size - 1)
    assert load(tmp_path / "m", limit=size).params.keys() == net.params.keys()


def test_the_spec_inside_reads_back_equal(contents):
    net = network_of(contents)
    assert canonical_text(net.spec) == contents.spec
    assert encode(contents_of(net)) == encode(contents)

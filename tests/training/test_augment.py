"""Augmentation: where pixels go, what comes in at the borders, and what the draws depend on."""

import json
from pathlib import Path

import numpy as np
import pytest

from graphnet.builder import build
from graphnet.bundle.model import contents_of
from graphnet.bundle.writer import encode
from graphnet.data.dataset import Split
from graphnet.data.digits import load_digits
from graphnet.errors import SpecError
from graphnet.spec.families import AUGMENTS
from graphnet.spec.reader import parse_spec
from graphnet.training.ahead import Ahead
from graphnet.training.augment import Augmenter, Warp, hashed
from graphnet.training.feed import Feed
from graphnet.training.fitting import fit
from graphnet.training.loop import Trainer

ROOT = Path(__file__).parents[2]


def declared(*augment):
    return [AUGMENTS[values["type"]].model_validate(values) for values in augment]


@pytest.fixture
def spec_of():
    """The spec of a network for pictures of some size."""

    def make(size, dtype="float64", **image):
        channels = 3 if image.get("mode") == "rgb" else 1
        values = {
            "format": 1,
            "name": "pictures",
            "dtype": dtype,
            "inputs": {"x": {"shape": [*size, channels], "image": {"size": size, **image}}},
            "nodes": [{"id": "flat", "type": "Flatten"}, {"id": "s", "type": "Affine", "units": 3}],
            "edges": [["x", "flat", "s"]],
            "loss": {"type": "SoftmaxWithLoss"},
            "train": {"epochs": 1},
        }
        return parse_spec(json.dumps(values))

    return make


def moved(spec, pictures, *augment, epoch=1, numbers=None, seed=0):
    """The pictures after the augmentation."""
    x = np.array(pictures, spec.dtype)
    numbers = np.arange(len(x)) if numbers is None else numbers
    Augmenter(spec, declared(*augment), seed)({"x": x}, numbers, epoch)
    return x


def warped(spec, pictures, matrix):
    x = np.array(pictures, spec.dtype)
    maps = np.zeros((len(x), 3, 3))
    maps[:] = matrix
    Warp(spec.inputs["x"].image, len(x), np.dtype(spec.dtype))(x, maps)
    return x


STILL = np.eye(3)
HALF = np.array([[-1.0, 0, 0], [0, -1, 0], [0, 0, 1]])
QUARTER = np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])


@pytest.mark.parametrize("size", [[5, 5], [4, 7]])
@pytest.mark.parametrize("mode", ["grey", "rgb"])
def test_maps_onto_whole_pixels_are_exact(spec_of, rng, size, mode):
    spec = spec_of(size, mode=mode)
    x = rng.normal(size=(3, *spec.inputs["x"].shape))
    np.testing.assert_array_equal(warped(spec, x, STILL), x)
    np.testing.assert_array_equal(warped(spec, x, HALF), x[:, ::-1, ::-1])
    if size[0] == size[1]:
        np.testing.assert_array_equal(warped(spec, x, QUARTER), np.rot90(x, 1, (1, 2)))


def test_between_pixels_is_between_their_numbers(spec_of):
    spec = spec_of([1, 4], background="black")
    x = np.array([[[[0.0], [8.0], [4.0], [0.0]]]])
    quarter = np.array([[1.0, 0, 0], [0, 1, -0.25], [0, 0, 1]])
    assert warped(spec, x, quarter).ravel().tolist() == [0, 6, 5, 1]


@pytest.mark.parametrize(
    ("image", "outside"),
    [
        ({"background": "black"}, [0.0]),
        ({"background": "white"}, [1.0]),
        ({"background": "white", "range": [-1, 1]}, [1.0]),
        ({"background": "black", "range": [-1, 1]}, [-1.0]),
        (
            {"background": "black", "mode": "rgb", "mean": [0.5, 0.0, 0.2], "std": [0.5, 1, 0.1]},
            [-1.0, 0.0, -2.0],
        ),
    ],
)
def test_the_background_comes_in_from_outside_in_the_inputs_own_units(spec_of, image, outside):
    spec = spec_of([3, 3], **image)
    down = np.array([[1.0, 0, -2], [0, 1, 0], [0, 0, 1]])
    x = warped(spec, np.full((2, *spec.inputs["x"].shape), 0.25), down)
    np.testing.assert_allclose(x[:, :2], np.broadcast_to(outside, x[:, :2].shape), atol=1e-12)
    np.testing.assert_array_equal(x[:, 2], 0.25)


def test_without_a_background_the_border_goes_on(spec_of):
    spec = spec_of([3, 3])
    x = np.arange(9.0).reshape(1, 3, 3, 1)
    found = warped(spec, x, np.array([[1.0, 0, 2], [0, 1, 5], [0, 0, 1]]))
    assert found[0, :, :, 0].tolist() == [[8, 8, 8]] * 3
    found = warped(spec, x, np.array([[1.0, 0, -7], [0, 1, 0], [0, 0, 1]]))
    assert found[0, :, :, 0].tolist() == [[0, 1, 2]] * 3


@pytest.mark.parametrize(("background", "mode"), [("black", "grid-constant"), (None, "nearest")])
def test_any_map_is_that_of_scipy(spec_of, rng, background, mode):
    reason = "SciPy is not installed: nothing to compare with"
    ndimage = pytest.importorskip("scipy.ndimage", reason=reason)
    spec = spec_of([9, 13], mode="rgb", background=background)
    x = rng.normal(size=(6, 9, 13, 3))
    centre = np.array([4.0, 6.0])
    for _ in range(20):
        matrix = np.eye(3)
        matrix[:2] += rng.normal(size=(2, 3)) * [0.4, 0.4, 3]
        offset = matrix[:2, 2] + centre - matrix[:2, :2] @ centre
        expected = np.empty_like(x)
        for i in range(6):
            for c in range(3):
                expected[i, :, :, c] = ndimage.affine_transform(
                    x[i, :, :, c], matrix[:2, :2], offset, order=1, mode=mode
                )
        # Places are float32: at 20 pixels from the centre they are off by some 1e-6.
        np.testing.assert_allclose(warped(spec, x, matrix), expected, atol=3e-5)


def dot(size, y, x):
    picture = np.zeros((1, *size, 1))
    picture[0, y, x] = 1
    return picture


def centre_of(pictures):
    """Where the ink lies, (N, 2), from the centre of the picture, down and to the right."""
    total = pictures.sum(axis=(1, 2, 3))
    ys, xs = (np.arange(n) - (n - 1) / 2 for n in pictures.shape[1:3])
    along_y = pictures.sum(axis=(2, 3)) @ ys
    along_x = pictures.sum(axis=(1, 3)) @ xs
    return np.stack([along_y, along_x], axis=1) / total[:, None]


def test_shift_moves_up_to_so_many_pixels_each_way(spec_of):
    spec = spec_of([15, 15], background="black")
    found = moved(spec, np.repeat(dot((15, 15), 7, 7), 500, 0), {"type": "Shift", "pixels": 3})
    places = centre_of(found)
    assert (np.abs(places) <= 3).all()
    assert places.min(axis=0) == pytest.approx([-3, -3], abs=0.1)
    assert places.max(axis=0) == pytest.approx([3, 3], abs=0.1)
    assert places.mean(axis=0) == pytest.approx([0, 0], abs=0.25)
    np.testing.assert_allclose(found.sum(axis=(1, 2, 3)), 1, atol=1e-6)


def test_rotate_turns_about_the_centre(spec_of):
    spec = spec_of([31, 31], background="black")
    right = np.repeat(dot((31, 31), 15, 25), 300, 0)
    y, x = centre_of(moved(spec, right, {"type": "Rotate", "degrees": 30})).T
    angles = np.degrees(np.arctan2(y, x))
    assert angles.min() == pytest.approx(-30, abs=1.5)
    assert angles.max() == pytest.approx(30, abs=1.5)
    np.testing.assert_allclose(np.hypot(y, x), 10, atol=0.5)


def test_scale_enlarges_by_its_factor(spec_of):
    spec = spec_of([31, 31], background="black")
    right = np.repeat(dot((31, 31), 15, 23), 200, 0)
    found = centre_of(moved(spec, right, {"type": "Scale", "range": [1.5, 1.5]}))
    np.testing.assert_allclose(found, np.broadcast_to([0, 12], found.shape), atol=0.1)
    found = centre_of(moved(spec, right, {"type": "Scale", "range": [0.75, 1.25]}))
    assert found[:, 1].min() == pytest.approx(6, abs=0.35)
    assert found[:, 1].max() == pytest.approx(10, abs=0.35)


def test_shear_moves_rows_sideways_by_their_height(spec_of):
    spec = spec_of([31, 31], background="black")
    low = np.repeat(dot((31, 31), 25, 15), 300, 0)
    y, x = centre_of(moved(spec, low, {"type": "Shear", "degrees": 45})).T
    np.testing.assert_allclose(y, 10, atol=0.1)
    assert x.min() == pytest.approx(-10, abs=0.4)
    assert x.max() == pytest.approx(10, abs=0.4)


@pytest.mark.parametrize(("axis", "number"), [("horizontal", 2), ("vertical", 1)])
def test_flip_mirrors_its_share_exactly(spec_of, rng, axis, number):
    spec = spec_of([5, 6], "float32")
    x = rng.normal(size=(1000, 5, 6, 1)).astype(np.float32)
    found = moved(spec, x, {"type": "Flip", "axis": axis, "probability": 0.25})
    mirrored = (found == np.flip(x, number)).all(axis=(1, 2, 3))
    assert ((found == x).all(axis=(1, 2, 3)) ^ mirrored).all()
    assert mirrored.mean() == pytest.approx(0.25, abs=0.05)


def test_a_flip_among_other_moves_is_part_of_the_one_map(spec_of, rng):
    spec = spec_of([5, 6])
    x = rng.normal(size=(4, 5, 6, 1))
    always = {"type": "Flip", "probability": 1.0}
    found = moved(spec, x, always, {"type": "Scale", "range": [1, 1]})
    np.testing.assert_array_equal(found, x[:, :, ::-1])


def test_moves_follow_each_other_in_their_order(spec_of):
    # Shifted right by up to 6 and then enlarged twice, it moves up to 12; the other way round, 6.
    spec = spec_of([31, 31], background="black")
    x = np.repeat(dot((31, 31), 15, 15), 200, 0)
    shift, scale = {"type": "Shift", "pixels": 6}, {"type": "Scale", "range": [2, 2]}
    assert np.abs(centre_of(moved(spec, x, shift, scale))).max() == pytest.approx(12, abs=0.3)
    assert np.abs(centre_of(moved(spec, x, scale, shift))).max() == pytest.approx(6, abs=0.3)


@pytest.mark.parametrize("image", [{}, {"range": [-1, 1]}, {"mode": "rgb", "std": [0.5, 1, 2]}])
def test_noise_is_normal_and_in_the_units_of_a_pixels_range(spec_of, image):
    spec = spec_of([9, 9], **image)
    found = moved(spec, np.zeros((3000, *spec.inputs["x"].shape)), {"type": "Noise", "std": 0.1})
    low, high = spec.inputs["x"].image.range
    expected = 0.1 * (high - low) / np.array(spec.inputs["x"].image.std or [1.0])
    np.testing.assert_allclose(found.std(axis=(0, 1, 2)), expected, rtol=0.02)
    one = found[..., 0].ravel() / expected[0]
    assert one.mean() == pytest.approx(0, abs=0.01)
    assert (np.abs(one) < 1).mean() == pytest.approx(0.6827, abs=0.005)
    assert (np.abs(one) > 3).mean() == pytest.approx(0.0027, abs=0.001)
    # Neither neighbouring pixels nor neighbouring samples know of each other.
    grey = found[..., 0]
    for a, b in ((grey[:, :, 1:], grey[:, :, :-1]), (grey[1:], grey[:-1])):
        assert np.corrcoef(a.ravel(), b.ravel())[0, 1] == pytest.approx(0, abs=0.01)


def test_the_bits_are_those_of_splitmix64():
    # The first numbers of java.util.SplittableRandom's generator, seeded with 1234567.
    found = hashed(np.uint64(1234567), np.arange(1, 4, dtype=np.uint64))
    assert found.tolist() == [6457827717110365317, 3203168211198807973, 9817491932198370423]


EVERYTHING = [
    {"type": "Shift", "pixels": 1},
    {"type": "Rotate", "degrees": 10},
    {"type": "Scale", "range": [0.9, 1.1]},
    {"type": "Shear", "degrees": 5},
    {"type": "Noise", "std": 0.05},
    {"type": "Flip", "probability": 0.1},
]


def test_the_draws_depend_on_seed_epoch_and_number_alone(spec_of, rng, monkeypatch):
    spec = spec_of([9, 9], "float32", background="black")
    x = rng.random((40, 9, 9, 1), dtype=np.float32)
    whole = moved(spec, x, *EVERYTHING)
    order = rng.permutation(40)
    monkeypatch.setattr("graphnet.training.augment.CHUNK", 7 * 81)
    np.testing.assert_array_equal(moved(spec, x[order], *EVERYTHING, numbers=order), whole[order])
    for other in ({"epoch": 2}, {"seed": 1}, {"numbers": np.arange(40) + 1}):
        assert (moved(spec, x, *EVERYTHING, **other) != whole).any(axis=(1, 2, 3)).all()


def with_augment(model, **more):
    spec = model("digits")
    train = spec.train.model_copy(update={"augment": tuple(declared(*EVERYTHING)), **more})
    return spec.model_copy(update={"train": train})


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_no_byte(model, threads):
    found = []
    for count in (1, threads):
        net = build(with_augment(model, epochs=2))
        list(fit(net, load_digits(), threads=count))
        found.append(encode(contents_of(net)))
    assert found[0] == found[1]


def test_training_pictures_are_changed_anew_each_epoch_and_no_others(model):
    spec = with_augment(model, epochs=2)
    with Trainer(build(spec), load_digits(), threads=1) as trainer:
        order = np.arange(30)
        plain = trainer.train.batch(order)[0]["x"]
        seen = []
        for epoch in (1, 2, 1):
            ahead = Ahead(trainer.train, 30, 1, Augmenter(spec, spec.train.augment, 0))
            seen.append(next(ahead.batches_of(order, epoch))[0]["x"])
        np.testing.assert_array_equal(seen[0], seen[2])
        assert (seen[0] != seen[1]).any(axis=1).all()
        assert (seen[0] != plain).any(axis=1).all()
        np.testing.assert_array_equal(trainer.train.batch(order)[0]["x"], plain)
        (result, *_) = trainer.run()
    net = trainer.net
    x = load_digits().test.inputs["image"].reshape(-1, 64) / np.float32(255)
    assert trainer.net.history[-1]["test_accuracy"] == net.accuracy(x, load_digits().test.targets)
    assert result.epoch == 1


def test_a_row_of_pixels_is_a_picture_too(model, rng):
    spec = model("digits")  # its input has shape [64]
    x = rng.random((20, 64), dtype=np.float32)
    before = x.copy()
    Augmenter(spec, declared({"type": "Flip", "probability": 1.0}), 0)({"x": x}, np.arange(20), 1)
    np.testing.assert_array_equal(x.reshape(20, 8, 8), before.reshape(20, 8, 8)[:, :, ::-1])


@pytest.mark.parametrize(
    ("augment", "what"),
    [
        ([{"type": "Turn"}], "unknown augmentation 'Turn'"),
        ([{"type": "rotate", "degrees": 3}], "did you mean 'Rotate'?"),
        ([{"type": "Rotate"}], "degrees"),
        ([{"type": "Rotate", "degrees": -3}], "train.augment[0].degrees"),
        ([{"type": "Scale", "range": [1.1, 0.9]}], "the smaller factor comes first"),
        ([{"type": "Flip", "axis": "diagonal"}], "'horizontal' or 'vertical'"),
    ],
)
def test_what_is_no_augmentation_is_refused(augment, what):
    values = json.loads((ROOT / "models" / "digits.json").read_text())
    values["train"]["augment"] = augment
    with pytest.raises(SpecError) as e:
        parse_spec(json.dumps(values))
    assert what in str(e.value)


def test_without_pictures_there_is_nothing_to_change():
    values = {
        "format": 1,
        "name": "numbers",
        "inputs": {"x": {"shape": [4]}},
        "nodes": [{"id": "s", "type": "Affine", "units": 3}],
        "edges": [["x", "s"]],
        "loss": {"type": "SoftmaxWithLoss"},
        "train": {"epochs": 1, "augment": [{"type": "Flip"}]},
    }
    with pytest.raises(
        SpecError, match=r"train\.augment: it changes pictures, but no input says 'image'"
    ):
        parse_spec(json.dumps(values))


def test_a_feed_of_numbers_is_changed_in_the_batch_and_not_in_the_data(model, rng):
    spec = with_augment(model)
    x = rng.random((30, 64), dtype=np.float32)
    feed = Feed(build(spec), Split({"x": x}, rng.integers(0, 10, 30)), "mine")
    before = x.copy()
    ahead = Ahead(feed, 10, 1, Augmenter(spec, spec.train.augment, 0))
    batches = [inputs["x"].copy() for inputs, _ in ahead.batches_of(np.arange(30))]
    np.testing.assert_array_equal(x, before)
    assert (np.concatenate(batches) != x).any(axis=1).all()

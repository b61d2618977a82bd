"""The source `folder`: pictures by class or by a table, and what is wrong named by file."""

import json

import numpy as np
import pytest
from PIL import Image

import graphnet as gn
from graphnet.errors import DatasetError, SpecError
from graphnet.prepare.image import ImagePreparation

SPEC = {
    "format": 1,
    "name": "shapes",
    "inputs": {"x": {"shape": [4, 4, 1], "image": {"size": [4, 4], "background": "black"}}},
    "nodes": [
        {"id": "flat", "type": "Flatten"},
        {"id": "scores", "type": "Affine", "units": 2},
    ],
    "edges": [["x", "flat", "scores"]],
    "loss": {"type": "SoftmaxWithLoss"},
    "train": {"epochs": 1, "batch_size": 2},
}


def spec_of(data, **changes):
    return gn.parse_spec(json.dumps({**SPEC, "data": {"source": "folder", **data}, **changes}))


def paint(path, grey=200, size=(4, 4)):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("L", size, 0)
    image.putpixel((1, 2), grey)
    image.save(path)


@pytest.fixture
def pictures(tmp_path):
    """train/cat and train/dog with two pictures each, test/dog with one."""
    for i, name in enumerate(("cat/b.png", "cat/deep/a.JPG", "dog/1.png", "dog/2.jpeg")):
        paint(tmp_path / "train" / name, 150 + 20 * i)
    paint(tmp_path / "test" / "dog" / "x.png")
    (tmp_path / "train" / ".hidden").write_text("")
    (tmp_path / "train" / "cat" / "Thumbs.db").write_text("")
    return tmp_path


def refused(folder, data, **changes) -> list[str]:
    with pytest.raises(DatasetError) as e:
        gn.load_data(spec_of(data, **changes), folder)
    return str(e.value).replace(f"{folder}/", "").replace(f"{folder}\\", "").splitlines()


def test_a_class_a_folder(pictures):
    data = gn.load_data(spec_of({"train": "train", "test": "test"}), pictures)
    pixels = data.train.inputs["image"]
    assert (pixels.shape, pixels.dtype) == ((4, 4, 4, 1), np.uint8)
    assert pixels[0, 2, 1, 0] == 150
    assert data.train.targets.tolist() == [0, 0, 1, 1]
    assert data.test.targets.tolist() == [1]
    assert data.prepare.values() == {"labels": {"scores": ["cat", "dog"]}}


def test_the_spec_s_labels_give_the_order(pictures):
    data = gn.load_data(spec_of({"train": "train"}, labels=["dog", "cat"]), pictures)
    assert data.train.targets.tolist() == [1, 1, 0, 0]
    assert data.prepare.values() == {}
    said = refused(pictures, {"train": "train"}, labels=["bird", "dog"])
    assert said == ["train/cat/b.png: 'cat' is no label; they are 'bird', 'dog'"]


def test_pictures_of_training_are_those_of_inference(tmp_path, rng):
    """Bit for bit, on either ground, where fitting changes what the border is."""
    spec = spec_of({"train": "train"})
    given = spec.inputs["x"]
    preparation = ImagePreparation(given.image, given.shape)
    for i in range(40):
        pixels = rng.integers(0, 256, (7 + i % 5, 11, 3), np.uint8)
        path = tmp_path / "train" / "ab"[i % 2] / f"{i:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    net = gn.build(spec)
    data = gn.load_data(spec, tmp_path)
    from graphnet.training.feed import Feed

    inputs, _ = Feed(net, data.train, "train").batch(slice(0, 40))
    paths = [tmp_path / "train" / "ab"[k] / f"{i:02}.png" for k in (0, 1) for i in range(k, 40, 2)]
    expected = np.stack([preparation(gn.read_picture(path)) for path in paths])
    np.testing.assert_array_equal(inputs["x"], expected)
    # The pictures do test it: some would be inverted a second time.
    assert (preparation.orient(data.train.inputs["image"]) != data.train.inputs["image"]).any()


def test_a_share_is_held_out(tmp_path):
    for i in range(30):
        paint(tmp_path / "train" / ("cat" if i < 10 else "dog") / f"{i}.png", 100 + i)
    data = gn.load_data(spec_of({"train": "train", "test_share": 0.2}), tmp_path)
    assert np.bincount(data.test.targets).tolist() == [2, 4]
    assert len(data.train) == 24


def test_a_table_names_pictures_and_labels(pictures):
    (pictures / "labels.csv").write_text(
        "label,file,by\nfeline,cat/b.png,me\nother,dog/1.png,you\nfeline,cat/deep/a.JPG,me\n"
    )
    source = {"train": "train", "labels": "labels.csv", "unused": ["by"]}
    data = gn.load_data(spec_of(source), pictures)
    assert data.train.targets.tolist() == [0, 1, 0]
    assert data.train.inputs["image"][:, 2, 1, 0].tolist()[:2] == [150, 190]
    assert data.prepare.labels == {"scores": ("feline", "other")}


def test_a_table_names_numbers(pictures):
    text = "name;width;height\ncat/b.png;1;2.5\ndog/1.png;3;4\n"
    (pictures / "sizes.csv").write_text(text)
    source = {
        "train": "train",
        "labels": "sizes.csv",
        "file": "name",
        "target": ["height", "width"],
        "delimiter": ";",
    }
    data = gn.load_data(spec_of(source, loss={"type": "MeanSquaredError"}), pictures)
    assert data.train.targets.tolist() == [[2.5, 1], [4, 3]]
    said = refused(pictures, {"train": "train"}, loss={"type": "MeanSquaredError"})
    assert said == ["train: folders name classes: numbers to learn need a table, 'labels'"]


def test_what_is_wrong_in_a_table(pictures):
    rows = ["cat/b.png,a", "no.png,b", "../x.png,b", "cat/b.png,a", "/etc/x.png,b", "cat,b"]
    (pictures / "labels.csv").write_text("file,label\n" + "\n".join(rows) + "\n")
    said = refused(pictures, {"train": "train", "labels": "labels.csv"})
    assert said == [
        "labels.csv:3: there is no file train/no.png",
        "labels.csv:4: a path inside the folder, written with /, is expected, found '../x.png'",
        "labels.csv:5: 'cat/b.png' is named in line 2 already",
        "labels.csv:6: a path inside the folder, written with /, is expected, found '/etc/x.png'",
        "labels.csv:7: there is no file train/cat",
    ]
    assert refused(pictures, {"train": "train", "labels": "none.csv"}) == [
        "none.csv: no such file: name a CSV file with a header"
    ]


def test_pictures_that_are_none(pictures):
    whole = (pictures / "train" / "cat" / "b.png").read_bytes()
    (pictures / "train" / "cat" / "c.png").write_bytes(whole[:50])
    (pictures / "train" / "dog" / "d.png").write_text("no picture")
    (pictures / "train" / "dog" / "e.jpg").write_bytes(b"")
    said = refused(pictures, {"train": "train"})
    assert [line.split(": ")[0] for line in said] == [
        "train/cat/c.png",
        "train/dog/d.png",
        "train/dog/e.jpg",
    ]
    assert "the file is empty" in said[2]


def test_folders_that_are_none(pictures):
    assert refused(pictures, {"train": "no"}) == [
        "no: no such folder: name one that holds pictures"
    ]
    (pictures / "file").write_text("")
    assert refused(pictures, {"train": "file"})[0].startswith("file: is no folder")
    (pictures / "empty").mkdir()
    assert refused(pictures, {"train": "empty"})[0].startswith("empty: holds no folder")
    (pictures / "train" / "notes.txt").write_text("")
    (pictures / "train" / "dog" / "notes.txt").write_text("")
    (pictures / "train" / "ox").mkdir()
    assert refused(pictures, {"train": "train"}) == [
        "train/dog/notes.txt: is no PNG or JPEG file by its name: move it out",
        "train/notes.txt: is no folder of a class: move it out",
        "train/ox: no PNG or JPEG file is in this folder",
    ]


def test_as_many_classes_as_scores(pictures):
    paint(pictures / "train" / "ox" / "a.png")
    assert refused(pictures, {"train": "train"}) == [
        "train: 3 classes are found ('cat', 'dog', 'ox'), but 'scores' gives (2,), scores of 2: "
        "make the two match"
    ]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"train": "a", "file": "name"}, "data.file: belongs to 'labels', which is not given"),
        ({"train": "a", "test_labels": "t"}, "data.test_labels: belongs to 'labels', which is not"),
        ({"train": "a", "labels": "l", "test": "t"}, "data.test: needs 'test_labels' beside it"),
        (
            {"train": "a", "labels": "l", "test_labels": "t"},
            "data.test_labels: needs 'test' beside",
        ),
        ({"train": "a", "test": "t", "test_share": 0.1}, "data.test_share: stands in place of"),
        ({"train": ""}, "data.train: a text that is not empty is expected"),
    ],
)
def test_mistakes_in_the_spec(data, said):
    with pytest.raises(SpecError) as e:
        spec_of(data)
    assert said in str(e.value)


def test_training_and_inference(pictures):
    spec = spec_of({"train": "train"})
    net = gn.build(spec)
    list(gn.fit(net, gn.load_data(spec, pictures)))
    gn.save(pictures / "m.msgpack", net)
    assert gn.load(pictures / "m.msgpack").labels("scores") == ("cat", "dog")

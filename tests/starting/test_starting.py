"""What a starting spec says of its data: sizes, kinds, labels, and what stays out."""

import json
import re

import numpy as np
import pytest
from checkout import ROOT
from PIL import Image

from graphnet.cli.new import _write
from graphnet.data.load import load_data
from graphnet.errors import DatasetError, GraphnetError, SaveError, SpecError
from graphnet.spec.reader import parse_spec
from graphnet.starting import starting_spec
from graphnet.starting.layout import spec_text


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def pictures(tmp_path, rng):
    """Write pictures of these sizes and colours into folders of classes."""

    def write(folder, classes, size, ground=(255, 255, 255), ink=(0, 0, 0), mode="RGB", count=12):
        for name in classes:
            place = tmp_path / folder / name
            place.mkdir(parents=True)
            for i in range(count):
                height, width = size() if callable(size) else size
                im = Image.new("RGB", (width, height), ground)
                im.paste(ink, (width // 3, height // 3, width // 2, height // 2))
                im.convert(mode).save(place / f"{i}.png")

    return write


def table(path, header, rows, delimiter=","):
    lines = [delimiter.join(header), *(delimiter.join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read(start):
    """The spec as its file has it: right, and readable by a person."""
    text = spec_text(start.values)
    assert json.loads(text) == start.values
    assert text.isascii()
    return parse_spec(text)


def refused(source, **more):
    with pytest.raises(GraphnetError) as caught:
        starting_spec(source, **more)
    return str(caught.value)


def test_small_pictures_of_one_size_keep_it(pictures):
    pictures("p", "ab", (20, 12), mode="L")
    x = read(starting_spec("folder:p")).inputs["x"]
    assert (x.image.size, x.image.mode, x.image.background) == ((20, 12), "grey", "white")


def test_large_pictures_become_a_usual_size(pictures, rng):
    pictures("p", "ab", lambda: (int(rng.integers(90, 110)), int(rng.integers(100, 130))))
    assert read(starting_spec("folder:p")).inputs["x"].image.size == (64, 64)


def test_long_pictures_stay_long(pictures):
    pictures("p", "ab", (100, 300))
    assert read(starting_spec("folder:p")).inputs["x"].image.size == (24, 64)


def test_colour_is_found_and_never_turned_into_its_negative(pictures):
    pictures("p", "ab", (16, 16), ground=(0, 0, 0), ink=(255, 0, 0))
    image = read(starting_spec("folder:p")).inputs["x"].image
    assert (image.mode, image.background) == ("rgb", None)


def test_dark_borders_of_grey_pictures(pictures):
    pictures("p", "ab", (16, 16), ground=(10, 10, 10), ink=(250, 250, 250))
    image = read(starting_spec("folder:p")).inputs["x"].image
    assert (image.mode, image.background) == ("grey", "black")


def test_folders_for_training_and_test(pictures):
    pictures("p/train", ["no", "yes"], (16, 16))
    pictures("p/test", ["no", "yes"], (16, 16), count=3)
    spec = read(starting_spec("folder:p"))
    assert (spec.data.train, spec.data.test) == ("p/train", "p/test")
    assert spec.labels == ("no", "yes")
    data = load_data(spec)
    assert (len(data.train), len(data.test)) == (24, 6)


def test_a_test_part_with_another_class_is_refused(pictures):
    pictures("p/train", ["no", "yes"], (16, 16))
    pictures("p/test", ["no", "maybe"], (16, 16))
    assert "class 'maybe' is not among those of the training part: no, yes" in refused("folder:p")


def test_classes_may_be_called_train_and_test(pictures):
    pictures("p", ["train", "test"], (16, 16))
    assert read(starting_spec("folder:p")).labels == ("test", "train")


def test_paths_start_from_the_folder_of_the_spec(pictures, tmp_path):
    pictures("p", "ab", (8, 8))
    (tmp_path / "specs").mkdir()
    start = starting_spec("folder:p", tmp_path / "specs")
    assert start.values["data"]["train"] == "../p"


def test_few_pictures_are_said(pictures):
    pictures("p", "ab", (8, 8), count=3)
    assert starting_spec("folder:p").notes == [
        "class 'a' has 3 pictures only: more teach more",
        "the test part has 2 samples: its figures will be rough, each sample counts 50%",
    ]


def test_a_folder_that_is_left_out_is_said(pictures):
    for part in ("train", "test", "val"):
        pictures(f"p/{part}", "ab", (8, 8), count=20)
    assert starting_spec("folder:p").notes == ["folder 'val' stays out"]


def test_what_cannot_be_learnt_is_refused(tmp_path, rng):
    x, t = rng.normal(size=(50, 3)), np.arange(50) % 2
    wrong = x.copy()
    wrong[7, 1] = np.nan
    pictures = np.zeros((50, 3, 32, 32), np.uint8)
    for found, targets, said in (
        (wrong, t, "array 'x' has a number that is not finite (sample 7)"),
        (x * 1e38, t, "too large for float32 (sample 0)"),
        (x, t * 900, "numbers classes up to 900, of which 2 occur: number them 0, 1, 2, ..."),
        (x, x[:, 0] * 1e30, "too large for float32; write them in a larger unit"),
        (pictures, t, "pictures have their channels last here: save x.transpose(0, 2, 3, 1)"),
    ):
        np.savez(tmp_path / "a.npz", x=found, t=targets)
        with pytest.raises(DatasetError, match=re.escape(said)):
            starting_spec("npz:a.npz")


def test_a_column_that_is_too_large_stays_out(tmp_path, rng):
    rows = [[rng.normal(), 1e39 * (i + 1), i % 2] for i in range(60)]
    table(tmp_path / "t.csv", ["a", "b", "kind"], rows)
    start = starting_spec("csv:t.csv")
    assert list(start.values["inputs"]["x"]["columns"]) == ["a"]
    assert "column 'b' stays out: it holds a number of 6e+40, too large for float32" in start.notes


def test_what_stays_out_is_said_where_nothing_is_left(tmp_path):
    table(tmp_path / "t.csv", ["id", "kind"], [[i, i % 2] for i in range(20)])
    with pytest.raises(DatasetError, match=r"no column is left .*'id': it counts the rows"):
        starting_spec("csv:t.csv")


def test_columns_are_told_apart(tmp_path, rng):
    rows = [
        [i, f"n{i}", rng.normal(), "red" if i % 3 else "blue", 7, "" if i == 4 else 1, i % 2]
        for i in range(40)
    ]
    header = ["id", "name", "size", "colour", "same", "gap", "kind"]
    table(tmp_path / "t.csv", header, rows)
    start = starting_spec("csv:t.csv")
    assert start.values["inputs"]["x"] == {
        "shape": [3],
        "columns": {"size": "number", "colour": {"type": "category", "values": ["blue", "red"]}},
    }
    assert start.values["labels"] == ["0", "1"]
    assert start.notes == [
        "the last column, 'kind', is learnt: --target names another",
        "column 'id' stays out: it counts the rows",
        "column 'name' stays out: 40 different texts are too many categories",
        "column 'same' stays out: it is '7' in every row",
        "column 'gap' stays out: a cell is empty: fill it to use the column (line 6)",
        "the test part has 8 samples: its figures will be rough, each sample counts 12%",
    ]
    assert len(load_data(read(start)).train) == 32


def test_a_number_is_learnt_near_where_it_lies(tmp_path, rng):
    rows = [[rng.normal(), 5_000 + 300 * rng.normal()] for _ in range(200)]
    table(tmp_path / "t.csv", ["a", "price"], rows, ";")
    start = starting_spec("csv:t.csv")
    assert start.values["loss"] == {"type": "MeanSquaredError"}
    assert "labels" not in start.values
    assert start.values["data"]["delimiter"] == ";"
    scale = start.values["nodes"][-1]
    assert scale["type"] == "Scale"
    assert scale["offset"] == pytest.approx(5000, rel=0.02)
    assert scale["factor"] == pytest.approx(300, rel=0.2)
    read(start)


def test_decimal_commas_are_pointed_at(tmp_path):
    table(tmp_path / "t.csv", ["a", "kind"], [[f"1,{i % 7}", i % 2] for i in range(40)], ";")
    assert starting_spec("csv:t.csv").notes[1] == (
        "column 'a' is taken for categories: write 1.5 for 1,5 to use it as numbers"
    )


@pytest.mark.parametrize(
    ("header", "rows", "said"),
    [
        (["a"], [[1]], ":1: one column, 'a'"),
        (["a", "b"], [[1, 2]], "1 rows are too few"),
        (["1", "2"], [[1, 2]] * 20, ":1: its first line holds numbers alone"),
        (["a", "b"], [[i, "x"] for i in range(3, 60, 3)], "column 'b' holds one class alone, 'x'"),
        (
            ["a", "b"],
            [[2 * i, f"x{i}"] for i in range(20)],
            "'b' has 20 different values in 20 rows",
        ),
        (["a", "b"], [[i % 5, ""] for i in range(20)], ":2: column 'b' is empty"),
        (["a", "b"], [[i % 5, 1, 2] for i in range(20)], ":2: 3 cells, but the header names 2"),
        (["a", "b"], [["same", i % 2] for i in range(20)], "no column is left to learn 'b' from"),
        (["a", "a"], [[1, 2]] * 20, ":1: column 'a': each has a name of its own"),
    ],
)
def test_tables_that_teach_nothing(tmp_path, header, rows, said):
    table(tmp_path / "t.csv", header, rows)
    assert said in refused("csv:t.csv")


def test_a_target_that_is_not_there(tmp_path):
    table(tmp_path / "t.csv", ["size", "kind"], [[i, i % 2] for i in range(40)])
    assert refused("csv:t.csv", target="knid") == "t.csv:1: no column 'knid'; did you mean 'kind'?"
    assert starting_spec("csv:t.csv", target="size").values["loss"]["type"] == "MeanSquaredError"


def test_arrays_of_pictures_and_of_numbers(tmp_path, rng):
    t = rng.integers(0, 3, 30)
    pixels = rng.integers(0, 256, (30, 12, 12), dtype=np.uint8)
    np.savez(tmp_path / "p.npz", images=pixels, labels=np.array(["a", "b", "c"])[t])
    spec = read(starting_spec("npz:p.npz"))
    assert spec.inputs["images"].image.size == (12, 12)
    assert spec.loss.target == "labels"
    assert len(load_data(spec).train) == 24
    np.savez(tmp_path / "n.npz", x=rng.normal(50, 9, (30, 4)), t=rng.normal(size=(30, 2)), w=t)
    start = starting_spec("npz:n.npz")
    assert [node["type"] for node in start.values["nodes"]][:2] == ["BatchNorm", "Affine"]
    assert start.values["data"]["unused"] == ["w"]
    load_data(read(start))


def test_arrays_whose_target_is_not_clear(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=np.zeros((20, 2)), y_train=np.zeros(20, int))
    assert "save each by itself, as in np.savez('train.npz', x=x_train" in refused("npz:a.npz")
    np.savez(tmp_path / "b.npz", a=np.zeros((20, 2)), b=np.zeros((20, 2)), c=np.zeros(3))
    assert "which array is learnt? It holds 'a', 'b', 'c'" in refused("npz:b.npz")


def test_labelled_lines(tmp_path):
    lines = [f"{'good' if i % 2 else 'bad'}\tthis film is {i % 7} of ten" for i in range(60)]
    (tmp_path / "t.txt").write_text("\n".join(lines) + "\n")
    spec = read(starting_spec("lines:t.txt"))
    assert spec.labels == ("bad", "good")
    assert spec.inputs["x"].text.unit == "word"
    assert len(load_data(spec).test) == 12


def test_lines_that_go_on(tmp_path):
    (tmp_path / "t.txt").write_text("".join(f"{i} and {i + 1}\n" for i in range(40)))
    start = starting_spec("lines:t.txt")
    assert start.values["data"]["target"] == "next"
    assert len(load_data(read(start)).train) == 36


def test_a_line_without_its_label(tmp_path):
    (tmp_path / "t.txt").write_text("a\tone\nb\ttwo\n" * 10 + "three\n")
    assert refused("lines:t.txt").startswith("t.txt:21: a label, a tab and a text are expected")


def test_idx_files_of_a_folder(tmp_path, rng):
    def write(name, array):
        head = bytes([0, 0, 8, array.ndim])
        sizes = b"".join(n.to_bytes(4, "big") for n in array.shape)
        (tmp_path / "d" / name).write_bytes(head + sizes + array.astype(np.uint8).tobytes())

    (tmp_path / "d").mkdir()
    for part, count in (("train", 30), ("t10k", 5)):
        write(f"{part}-images-idx3-ubyte", rng.integers(0, 40, (count, 10, 12)))
        write(f"{part}-labels-idx1-ubyte", np.arange(count) % 4)
    spec = read(starting_spec("idx:d"))
    assert spec.inputs["x"].image.size == (10, 12)
    assert spec.labels == ("0", "1", "2", "3")
    assert len(load_data(spec).test) == 5
    names = "d/train-labels-idx1-ubyte,d/train-images-idx3-ubyte"
    assert read(starting_spec(f"idx:{names}")).data.test_images is None
    (tmp_path / "d" / "train-labels-idx1-ubyte").unlink()
    assert "one file of pictures and one of labels are expected" in refused("idx:d")


@pytest.mark.parametrize("source", ["digits", "mnist", "fashion_mnist"])
def test_data_sets_that_are_known(source):
    spec = read(starting_spec(source))
    assert (spec.name, spec.data.source, len(spec.labels)) == (source, source, 10)


def test_every_network_is_small():
    for source in ("digits", "mnist"):
        values = starting_spec(source).values
        assert len(values["nodes"]) <= 12
        assert all(len(path) <= 9 for path in values["edges"])


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("minst", "unknown source 'minst'; did you mean 'mnist'?"),
        ("fodler:p", "unknown source 'fodler:p'; did you mean 'folder:p'?"),
        ("p", "unknown source 'p'; did you mean 'folder:p'?"),
        ("t.csv", "unknown source 't.csv'; did you mean 'csv:t.csv'?"),
        ("cvs:t.csv", "unknown source 'cvs:t.csv'; did you mean 'csv:t.csv'?"),
        ("csv:", "csv: a path is expected behind the colon: a table with a header"),
    ],
)
def test_sources_that_are_none(tmp_path, source, said):
    (tmp_path / "p").mkdir()
    assert refused(source).startswith(said)


def test_folders_that_hold_no_classes(tmp_path, pictures):
    (tmp_path / "empty").mkdir()
    assert refused("folder:empty").startswith("empty: holds no folder: put the pictures of each")
    assert refused("folder:nowhere").startswith("nowhere: no such folder")
    pictures("one", "a", (8, 8))
    assert "holds one class alone, 'a'" in refused("folder:one")
    pictures("junk", "ab", (8, 8))
    (tmp_path / "junk" / "a" / "notes.txt").write_text("hello")
    (tmp_path / "junk" / "b" / "broken.png").write_text("hello")
    assert refused("folder:junk") == (
        "junk/a/notes.txt: is no PNG or JPEG file by its name: move it out"
    )
    (tmp_path / "junk" / "a" / "notes.txt").unlink()
    with pytest.raises(GraphnetError, match="broken"):
        starting_spec("folder:junk")
    with pytest.raises(SpecError, match="leave the target out"):
        starting_spec("folder:junk", target="kind")
    with pytest.raises(DatasetError):
        starting_spec("npz:junk")


def test_the_schema_is_named_by_a_short_way_or_not_at_all(tmp_path):
    near = starting_spec("digits", ROOT / "models").values
    assert near["$schema"] == "../graphnet/spec/graphnet.schema.json"
    assert "$schema" not in starting_spec("digits", tmp_path).values


def test_a_file_that_came_in_between_is_kept(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text("another's")
    with pytest.raises(SaveError, match="exists already"):
        _write(str(path), "{}", False)
    assert path.read_text() == "another's"
    _write(str(path), "{}", True)
    assert path.read_text() == "{}"


def test_few_samples_of_arrays_are_said(tmp_path, rng):
    np.savez(tmp_path / "a.npz", x=rng.normal(size=(20, 3)), t=np.arange(20) % 2)
    assert starting_spec("npz:a.npz").notes == [
        "the test part has 4 samples: its figures will be rough, each sample counts 25%"
    ]

"""`infer` as a process: the label of a picture and nothing else, and the other forms of answer."""

import json
import math
import shutil

import numpy as np
import pytest
from PIL import Image
from processes import EXAMPLES, ROOT

import graphnet as gn
from graphnet.data.load import load_data

NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
SEVEN = EXAMPLES / "seven_on_paper.png"


def digit_of(path) -> str:
    """What the file's name says: seven_on_paper.png -> 7."""
    return str(NAMES.index(path.stem.split("_")[0]))


def test_one_picture_prints_its_label_and_nothing_else(tool, digits_bundle):
    assert tool("infer", digits_bundle, SEVEN) == (0, "7\n", [])


def test_several_pictures_print_path_and_label_in_the_given_order(tool, digits_bundle):
    pictures = [EXAMPLES / "two.png", SEVEN, EXAMPLES / "two.png"]
    done = tool("infer", digits_bundle, *pictures)
    expected = "".join(f"{path}\t{digit_of(path)}\n" for path in pictures)
    assert done == (0, expected, [])


def test_every_example_is_what_its_name_says(tool, digits_bundle):
    done = tool("infer", digits_bundle, EXAMPLES)
    pictures = sorted(path for path in EXAMPLES.iterdir() if path.suffix in (".png", ".jpg"))
    assert len(pictures) >= 10
    expected = "".join(f"{path}\t{digit_of(path)}\n" for path in pictures)
    assert done == (0, expected, [])


def test_a_folder_is_searched_at_any_depth_in_order(tool, tmp_path, digits_bundle):
    for name in ("b.png", "a.PNG", "sub/deep/c.jpeg", "sub/a.png", "also/z.JPG", "notes.txt"):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        source = "four_in_blue.jpg" if path.suffix.lower() in (".jpg", ".jpeg") else "two.png"
        shutil.copy(EXAMPLES / source, path)
    done = tool("infer", digits_bundle, "pictures")
    found = [line.split("\t")[0] for line in done.out.splitlines()]
    order = ["a.PNG", "b.png", "also/z.JPG", "sub/a.png", "sub/deep/c.jpeg"]
    assert [path.replace("\\", "/") for path in found] == [f"pictures/{name}" for name in order]
    assert done.err == []


def test_a_folder_of_one_picture_names_it(tool, tmp_path, digits_bundle):
    (tmp_path / "one").mkdir()
    shutil.copy(SEVEN, tmp_path / "one" / "p.png")
    assert (
        tool("infer", digits_bundle, "one").out
        == f"{tmp_path.joinpath('one', 'p.png').relative_to(tmp_path)}\t7\n"
    )


def test_a_dash_reads_standard_input(tool, digits_bundle):
    seven = SEVEN.read_bytes()
    assert tool("infer", digits_bundle, "-", stdin=seven) == (0, "7\n", [])
    two = EXAMPLES / "two.png"
    assert tool("infer", digits_bundle, two, "-", stdin=seven).out == f"{two}\t2\n-\t7\n"


@pytest.mark.parametrize(
    ("stdin", "said"),
    [
        (b"", "standard input: the file is empty (0 bytes); copy or save the picture again"),
        (b"\xff\0\x1b[31m" * 1000, "standard input: is neither PNG nor JPEG (it starts with"),
    ],
)
def test_standard_input_that_is_no_picture(tool, digits_bundle, stdin, said):
    done = tool("infer", digits_bundle, "-", stdin=stdin)
    assert (done.code, done.out, len(done.err)) == (3, "", 1)
    assert done.err[0].startswith(said)
    assert done.err[0].isprintable()


def test_top_prints_the_best_labels_with_their_scores(tool, digits_bundle):
    done = tool("infer", digits_bundle, SEVEN, "--top", "3")
    rows = [line.split("\t") for line in done.out.splitlines()]
    assert (done.code, len(rows), rows[0][0]) == (0, 3, "7")
    scores = [float(score) for _, score in rows]
    assert scores == sorted(scores, reverse=True)
    assert len(tool("infer", digits_bundle, SEVEN, "--top", "99").out.splitlines()) == 10


def test_top_of_several_pictures_names_each(tool, digits_bundle):
    two = EXAMPLES / "two.png"
    done = tool("infer", digits_bundle, SEVEN, two, "--top", "2")
    rows = [line.split("\t") for line in done.out.splitlines()]
    assert [row[0] for row in rows] == [str(SEVEN)] * 2 + [str(two)] * 2
    assert (rows[0][1], rows[2][1]) == ("7", "2")


def test_probabilities_are_the_softmax_of_the_scores(tool, digits_bundle):
    both = [
        json.loads(tool("infer", digits_bundle, SEVEN, "--json", *more).out)["scores"]
        for more in ((), ("--probabilities",))
    ]
    scores, shares = both
    assert sum(shares) == pytest.approx(1, abs=1e-6)
    total = sum(math.exp(score) for score in scores)
    assert shares == pytest.approx([math.exp(score) / total for score in scores], rel=1e-5)
    top = tool("infer", digits_bundle, SEVEN, "--top", "10", "--probabilities").out.splitlines()
    assert sum(float(line.split("\t")[1]) for line in top) == pytest.approx(1, abs=1e-6)


def test_json_prints_an_object_a_picture(tool, digits_bundle):
    done = tool("infer", digits_bundle, SEVEN, EXAMPLES / "two.png", "--json")
    answers = [json.loads(line) for line in done.out.splitlines()]
    assert [list(answer) for answer in answers] == [["image", "label", "index", "scores"]] * 2
    assert [answer["image"] for answer in answers] == [str(SEVEN), str(EXAMPLES / "two.png")]
    assert [(answer["label"], answer["index"]) for answer in answers] == [("7", 7), ("2", 2)]
    for answer in answers:
        assert len(answer["scores"]) == 10
        assert int(np.argmax(answer["scores"])) == answer["index"]


def test_show_input_saves_what_the_network_saw(tool, tmp_path, digits_bundle):
    done = tool("infer", digits_bundle, SEVEN, "--show-input", "seen.png")
    assert done == (0, "7\n", [])
    net = gn.load(digits_bundle)
    given = net.spec.inputs["x"]
    preparation = gn.ImagePreparation(given.image, given.shape, net.spec.dtype)
    expected = preparation.picture(gn.read_picture(SEVEN))
    with Image.open(tmp_path / "seen.png") as seen:
        assert (seen.format, seen.mode, seen.size) == ("PNG", "L", (8, 8))
        assert np.array_equal(np.asarray(seen), expected[:, :, 0])
    # What was seen is of the network's size: it keeps its geometry, and its label.
    assert tool("infer", digits_bundle, "seen.png").out == "7\n"


def test_show_input_takes_one_picture_and_a_place_that_exists(tool, digits_bundle):
    done = tool("infer", digits_bundle, SEVEN, SEVEN, "--show-input", "seen.png")
    assert (done.code, done.out) == (2, "")
    assert done.err[-1].endswith("--show-input takes one picture (--help says more)")
    done = tool("infer", digits_bundle, SEVEN, "--show-input", "no/seen.png")
    assert (done.code, len(done.err)) == (3, 1)
    assert done.err[0].startswith("no/seen.png: there is no folder")


def test_mnist_s_test_images_as_files_get_the_labels_of_the_arrays(tool, tmp_path, mnist_dir):
    spec = gn.read_spec(ROOT / "models" / "mnist_two_layer.json")
    trained = tool(
        "train",
        ROOT / "models" / "mnist_two_layer.json",
        "--data-dir",
        mnist_dir,
        "--set",
        "train.epochs=1",
    )
    assert trained.code == 0
    test = load_data(spec, data_dir=mnist_dir).test
    pixels = test.inputs["image"][:300]
    (tmp_path / "pictures").mkdir()
    for i, picture in enumerate(pixels):
        Image.fromarray(picture).save(tmp_path / "pictures" / f"{i:03}.png")
    done = tool("infer", "mnist_two_layer.msgpack", "pictures")
    net = gn.load(tmp_path / "mnist_two_layer.msgpack")
    expected = net.classify(pixels.reshape(-1, 784).astype(np.float32) / np.float32(255))
    assert (done.code, done.err) == (0, [])
    assert [line.split("\t")[1] for line in done.out.splitlines()] == [str(i) for i in expected]

"""`draw` as a person runs it: pictures and pages from specs and bundles, and what it refuses."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from processes import EXAMPLES, ROOT, Commands

MODELS = ROOT / "models"
APPLES = MODELS / "apple_orange.json"
DIGITS = MODELS / "digits.json"


def texts(svg: str, role: str) -> list[str]:
    return re.findall(rf'<text class="{role}"[^>]*>([^<]*)</text>', svg)


def test_it_draws_figure_5_17(tool: Commands) -> None:
    done = tool("draw", APPLES, "-o", "graph.svg", "--values", "--grads")
    assert (done.code, done.out, done.err) == (0, "", ["graph.svg: 4 nodes"])
    svg = (tool.folder / "graph.svg").read_text()
    values = ["1.1", "100", "150", "2", "200", "3", "450", "650", "715"]
    grads = ["1", "1.1", "1.1", "1.1", "110", "165", "2.2", "3.3", "650"]
    assert sorted(texts(svg, "value")) == values
    assert sorted(texts(svg, "grad")) == grads


def test_the_name_is_that_of_the_network(tool: Commands) -> None:
    assert tool("draw", DIGITS).err == ["digits.svg: 3 nodes"]
    assert texts((tool.folder / "digits.svg").read_text(), "shape") == ["64", "50", "50", "10"]


def test_an_input_can_be_given(tool: Commands) -> None:
    assert tool("draw", APPLES, "--values", "--input", "apple=200", "--input", "tax=2").code == 0
    svg = (tool.folder / "apple_orange.svg").read_text()
    assert "1700" in texts(svg, "value")
    assert texts(svg, "grad") == []


def test_a_bundle_is_drawn_with_its_weights_and_a_picture(
    tool: Commands, digits_bundle: Path
) -> None:
    picture = EXAMPLES / "three.png"
    asked = ("--values", "--grads", "--input", f"x={picture}")
    assert tool("draw", digits_bundle, "-o", "a.html", *asked).code == 0
    page = (tool.folder / "a.html").read_text()
    assert "the gradients of affine2, in red" in page
    assert "nothing has been trained" not in page
    assert re.search(r'"scores", "3 [0-9.]+, ', page)
    assert page.count("data:image/png") == 8


def test_a_sample_has_gradients_of_the_loss(tool: Commands, digits_bundle: Path) -> None:
    asked = ("--values", "--grads", "--sample", "3")
    assert tool("draw", digits_bundle, "-o", "a.html", *asked, "--data", "digits").code == 0
    assert "the gradients of the loss, in red" in (tool.folder / "a.html").read_text()
    assert tool("draw", MODELS / "iris.json", "-o", "iris.svg", *asked).code == 0
    assert tool("draw", MODELS / "tiny_transformer.json", "-o", "t.svg", *asked).code == 0


def test_a_bundle_says_that_it_has_no_data(tool: Commands, digits_bundle: Path) -> None:
    done = tool("draw", digits_bundle, "--values", "--sample", "3")
    assert (done.code, done.err[-1].endswith("add --data")) == (2, True)


def test_blocks_can_be_folded(tool: Commands) -> None:
    assert tool("draw", MODELS / "residual.json", "--collapse").code == 0
    svg = (tool.folder / "residual.svg").read_text()
    assert "stage1 ×2" in texts(svg, "title")
    assert 'class="frame"' not in svg


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((APPLES, "-o", "a.png"), 3, "a.png: the name must end in .svg or .html"),
        ((APPLES, "--values", "--input", "apple"), 2, "--input 'apple': NAME=VALUE is expected"),
        (
            (APPLES, "--values", "--input", "aple=1"),
            2,
            "--input 'aple' is no input of the graph; did you mean 'apple'?",
        ),
        (
            (APPLES, "--values", "--input", "apple=many"),
            2,
            "--input apple='many': a finite number or lists of such numbers are expected",
        ),
        (
            (APPLES, "--values", "--input", "apple=[1,2]"),
            2,
            "input 'apple': one sample is drawn: shape () is expected, found (2,)",
        ),
        ((APPLES, "--values", "--input", "apple=true"), 2, "a finite number or lists"),
        ((APPLES, "--values", "--input", "apple=NaN"), 2, "a finite number or lists"),
        ((APPLES, "--values", "--input", "apple=1e999"), 2, "a finite number or lists"),
        ((APPLES, "--values", "--input", "apple=[[1],[2,3]]"), 2, "a finite number or lists"),
        (
            (APPLES, "--values", "--input", "apple=1", "--input", "apple=2"),
            2,
            "--input 'apple' is given twice",
        ),
        ((APPLES, "--values", "--sample", "0"), 2, "the spec has no 'data' to take a sample of"),
        ((DIGITS, "--values"), 2, "input 'x' has no value: give --input x=..., or --sample 0"),
        (
            (DIGITS, "--values", "--sample", "5000"),
            3,
            "--sample 5000: the test part has 360 samples",
        ),
        ((DIGITS, "--values", "--input", "x=nothing.png"), 3, "nothing.png"),
        ((DIGITS, "--sample", "1"), 2, "nothing would show what is given: add --values"),
        ((DIGITS, "--values", "--sample", "-1"), 2, "a number from 0 is expected"),
        ((DIGITS, "--values", "--sample", "1", "--input", "x=1"), 2, "not allowed with"),
        ((DIGITS, "--values", "--data", "digits"), 2, "add --sample"),
        ((DIGITS, "--values", "--sample", "0", "--data", "x"), 2, "--data 'x': it must be"),
        (("missing.json",), 2, "missing.json"),
        ((APPLES, "-o", "no/folder/a.svg"), 3, "no/folder"),
        ((DIGITS, "--memory", "1KB"), 4, "bytes"),
    ],
)
def test_what_it_refuses(tool: Commands, words: tuple[object, ...], code: int, said: str) -> None:
    done = tool("draw", *words)
    assert done.code == code
    assert said in done.err[-1]
    assert list(tool.folder.glob("*.svg")) == []


def test_numbers_that_are_not_finite_are_shown(
    tool: Commands, write_spec: Callable[..., Path]
) -> None:
    values = json.loads((MODELS / "sigmoid_steps.json").read_text())
    values["inputs"]["x"]["value"] = -1000
    path = tool.folder / "far.json"
    path.write_text(json.dumps(values))
    assert tool("draw", path, "-o", "far.svg", "--values", "--grads").code == 0
    svg = (tool.folder / "far.svg").read_text()
    assert "∞" in texts(svg, "value")
    assert "NaN" in texts(svg, "grad")


def test_the_spec_itself_is_never_written_over(tool: Commands) -> None:
    path = tool.folder / "odd.svg"
    path.write_text(APPLES.read_text())
    done = tool("draw", path, "-o", "odd.svg")
    assert (done.code, "is the file that is drawn" in done.err[-1]) == (3, True)
    assert path.read_text() == APPLES.read_text()


@pytest.mark.parametrize("name", ["mine.svg", "mine.html"])
def test_a_file_that_is_no_drawing_is_not_lost(tool: Commands, name: str) -> None:
    path = tool.folder / name
    path.write_text("<p>mine</p>")
    done = tool("draw", APPLES, "-o", name)
    assert (done.code, "would be lost" in done.err[-1]) == (3, True)
    assert path.read_text() == "<p>mine</p>"
    path.unlink()
    for _ in range(2):
        assert tool("draw", APPLES, "-o", name).code == 0

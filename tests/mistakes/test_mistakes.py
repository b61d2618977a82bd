"""What the commands say of a mistake that a person would make: a spec, and what is printed of it.

NAME.json is a spec with one mistake, NAME.txt what `train` (`check`, where the mistake is one
that training goes on with) prints of it: golden. After a change that is meant, run
GRAPHNET_REGENERATE=1 pytest tests/mistakes and read the difference aloud: does somebody who has
never seen this know what is wrong, where, and what to do?
"""

import json
import os
import shutil
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

from graphnet.cli import check, train
from graphnet.errors import GraphnetError
from graphnet.layers import LAYERS
from graphnet.spec.reader import read_spec

HERE = Path(__file__).parent
SCHEMA = HERE.parents[1] / "graphnet" / "spec" / "graphnet.schema.json"
NAMES = sorted(path.stem for path in HERE.glob("*.json"))
CHECKED = {"softmax_before_the_loss"}
"""Those that training goes on with, so that `check` is what is run."""
KINDS = {
    "text": "no JSON",
    "structural": "the schema refuses it, so that an editor marks it",
    "semantic": "only the reader sees it",
    "data": "only training shows it",
    "doubtful": "nothing refuses it",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A copy of the specs with their data."""
    place = tmp_path_factory.mktemp("mistakes") / "specs"
    shutil.copytree(HERE, place, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    rng = np.random.default_rng(0)
    for path in (
        *(f"pictures/{name}/{i}.png" for name in ("cat", "dog") for i in range(4)),
        *(f"three/{name}/{i}.png" for name in ("cat", "dog", "horse") for i in range(2)),
        *(f"{name}/{kind}/1.png" for name in ("mixed", "broken") for kind in ("cat", "dog")),
    ):
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(place / path)
    (place / "mixed" / "dog" / "notes.txt").write_text("the dogs of 2020")
    (place / "broken" / "dog" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    np.savez(place / "arrays.npz", x=rng.normal(size=(20, 2)), t=np.arange(20) % 3)
    return place


@pytest.fixture(scope="module")
def validator():
    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def run(name, capsys):
    """The command, its exit code and what it printed to standard error, in this process."""
    command = "check" if name in CHECKED else "train"
    code = {"check": check.main, "train": train.main}[command]([f"{name}.json"])
    return command, code, capsys.readouterr().err


def kind_of(name, code, validator):
    """Where a mistake is found first: see KINDS."""
    try:
        values = json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))
        assert "NaN" not in (HERE / f"{name}.json").read_text(encoding="utf-8")
    except (json.JSONDecodeError, AssertionError):
        return "text"
    if not validator.is_valid(values):
        return "structural"
    try:
        read_spec(HERE / f"{name}.json")
    except GraphnetError:
        return "semantic"
    return "data" if code else "doubtful"


@pytest.mark.parametrize("name", NAMES)
def test_what_is_printed(name, folder, validator, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    command, code, said = run(name, capsys)
    # A new layer changes no line here.
    said = said.replace(f"one of the {len(LAYERS)} kinds of layer", "one of the N kinds of layer")
    kind = kind_of(name, code, validator)
    shown = f"$ graphnet {command} {name}.json\n{said}exit code {code}\n{kind}: {KINDS[kind]}\n"
    golden = HERE / f"{name}.txt"
    if os.environ.get("GRAPHNET_REGENERATE") == "1":
        golden.write_text(shown, encoding="utf-8", newline="\n")
        pytest.skip(f"{golden.name} was written: read it, then run without the variable")
    assert shown == golden.read_text(encoding="utf-8"), "if the change is meant: see the top"


def said_of(name):
    """The lines of a golden file that the command printed."""
    return (HERE / f"{name}.txt").read_text(encoding="utf-8").splitlines()[1:-2]


def test_there_are_enough_of_them():
    assert len(NAMES) >= 60
    assert {path.stem for path in HERE.glob("*.txt")} == set(NAMES)


def test_one_mistake_is_said_once_and_in_one_line():
    several = {name: said_of(name) for name in NAMES if len(said_of(name)) != 1}
    assert {name: len(lines) for name, lines in several.items()} == SEVERAL


SEVERAL = {
    "attribute_filters_and_kernel_size": 2,
    "attribute_out_channels": 2,
    "data_labels_of_other_folders": 2,
}
"""Files with two words that are wrong, and the lines that they take."""


def test_what_the_schema_refuses_the_reader_refuses(validator):
    for name in NAMES:
        golden = (HERE / f"{name}.txt").read_text(encoding="utf-8").splitlines()
        if golden[-1].startswith("structural"):
            assert golden[-2] in ("exit code 2", "exit code 4"), name
            with pytest.raises(GraphnetError):
                read_spec(HERE / f"{name}.json")

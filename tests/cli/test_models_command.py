"""`models` as a process: the specs that ship, and each as text to start from."""

import json

import pytest
from processes import ROOT

SPECS = sorted((ROOT / "models").glob("*.json"))


def test_lists_every_spec_with_its_doc(tool):
    done = tool("models")
    assert (done.code, done.err) == (0, [])
    found = [line.split(maxsplit=1) for line in done.out.splitlines()]
    assert found == [[path.stem, json.loads(path.read_text())["doc"]] for path in SPECS]


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.stem)
def test_prints_a_spec_whose_schema_is_found_from_anywhere(tool, spec):
    done = tool("models", spec.stem)
    assert (done.code, done.err) == (0, [])
    schema = json.loads(done.out)["$schema"]
    assert schema == (ROOT / "graphnet" / "spec" / "graphnet.schema.json").as_uri()
    text = done.out.replace(schema, "../graphnet/spec/graphnet.schema.json")
    # So are the data that ship beside the specs.
    for path in (ROOT / "models" / "data").iterdir():
        text = text.replace(json.dumps(str(path)), f'"data/{path.name}"')
    assert text == spec.read_text()


def test_a_printed_spec_is_one_to_start_from(tool, tmp_path):
    (tmp_path / "digits.json").write_text(tool("models", "digits").out)
    done = tool("train", "digits.json", "--set", "train.epochs=1")
    assert done.code == 0
    assert (tmp_path / "digits.msgpack").exists()


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("digit", "; did you mean 'digits'?"),
        ("x", f"; there are {', '.join(path.stem for path in SPECS)}"),
        ("../pyproject", f"; there are {', '.join(path.stem for path in SPECS)}"),
    ],
)
def test_a_name_that_does_not_ship(tool, name, hint):
    assert tool("models", name) == (2, "", [f"no model '{name}' ships{hint}"])

"""What a person is told about a broken spec: one golden file for a folder of mistakes.

After a change that is meant: GRAPHNET_REGENERATE=1 pytest tests/spec/test_broken_specs.py, then
read every line of the difference as somebody who has to mend the file.
"""

import os
from pathlib import Path

import pytest

from graphnet.errors import GraphnetError
from graphnet.layers import LAYERS
from graphnet.spec.reader import read_spec

BROKEN = Path(__file__).parent / "broken"
GOLDEN = BROKEN / "expected.txt"
SPECS = sorted(BROKEN.glob("*.json"))
SEVERAL = {
    "118_several_mistakes.json": 5,
    "119_several_shapes.json": 3,
    "120_more_than_ten.json": 11,
    "161_block_and_several_mistakes.json": 3,
}
"""Files with more than one mistake, and the lines that they take."""


@pytest.fixture(scope="module")
def errors():
    """The error of every file, by its name; the files are named as from their own folder."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(BROKEN)
        for path in SPECS:
            with pytest.raises(GraphnetError) as caught:
                read_spec(path.name)
            found[path.name] = caught.value
    return found


def test_every_line_is_the_one_expected(errors):
    shown = "\n".join(
        f"== {name}: {type(e).__name__}, exit code {e.exit_code}\n{e}\n"
        for name, e in errors.items()
    )
    # A new layer changes no line here.
    shown = shown.replace(f"one of the {len(LAYERS)} kinds of layer", "one of the N kinds of layer")
    if os.environ.get("GRAPHNET_REGENERATE") == "1":
        GOLDEN.write_text(shown, encoding="utf-8", newline="\n")
        pytest.fail(f"{GOLDEN} was rewritten: read the difference, then run without the variable")
    assert shown == GOLDEN.read_text(encoding="utf-8"), "if the change is meant: see the top"


def test_there_are_enough_of_them():
    assert len(SPECS) >= 30
    numbers = [int(path.name.split("_")[0]) for path in SPECS]
    assert numbers == list(range(1, len(SPECS) + 1))


def test_one_mistake_is_one_line(errors):
    counts = {name: len(str(e).splitlines()) for name, e in errors.items()}
    assert counts == {name: SEVERAL.get(name, 1) for name in errors}


def test_ten_lines_at_most_and_a_count_of_the_rest(errors):
    assert str(errors["120_more_than_ten.json"]).endswith("\n120_more_than_ten.json: and 5 more")


def test_every_line_is_short_and_printable(errors):
    for error in errors.values():
        for line in str(error).splitlines():
            assert len(line) <= 500
            assert line.isprintable()


def test_every_line_names_a_place_in_the_file(errors):
    for name, error in errors.items():
        rows = (BROKEN / name).read_bytes().decode("latin-1").split("\n")
        for shown in str(error).splitlines()[:10]:
            file, line, column, _ = shown.split(":", 3)
            assert file == name
            assert 1 <= int(line) <= len(rows)
            assert 1 <= int(column) <= len(rows[int(line) - 1]) + 1

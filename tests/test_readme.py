"""README.md does what it says: every command and program in it runs, in a fresh checkout."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from checkout import ROOT, copy_to, environment, git, need_packages, run
from manual_data import pictures

from graphnet.builder import build
from graphnet.initializers import INITIALIZERS
from graphnet.layers import LAYERS
from graphnet.losses import LOSSES
from graphnet.optimizers import OPTIMIZERS
from graphnet.schedules import SCHEDULES
from graphnet.spec.reader import parse_spec

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
COMMANDS = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines() if line]
PROGRAMS = [text for kind, text in BLOCKS if kind == "python"]
LAYER = [text for text in PROGRAMS if text.startswith("@register")]
NOT_RUN = "make test"  # it would run this test

posix = pytest.mark.skipif(sys.platform == "win32", reason="README's lines are for a POSIX shell")


class Ran(NamedTuple):
    """A checkout after all commands of README, and each one's output by its line."""

    folder: Path
    outputs: dict[str, str]


def shell(folder: Path, line: str) -> str:
    """The standard output of a line in bash, where `python3` is the Python of these tests."""
    env = environment({"PATH": f"{folder.parent / 'bin'}{os.pathsep}{os.environ['PATH']}"})
    done = subprocess.run(
        line,
        shell=True,
        executable="/bin/bash" if Path("/bin/bash").exists() else "bash",
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, f"$ {line}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def ran(tmp_path_factory) -> Ran:
    need_packages()
    folder = tmp_path_factory.mktemp("readme")
    python3 = folder / "bin" / "python3"
    python3.parent.mkdir()
    python3.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python3.chmod(0o755)
    (folder / "graphnet").mkdir()
    checkout = copy_to(folder / "graphnet")
    pictures(folder)  # of the reader's own
    return Ran(checkout, {c: shell(checkout, c) for c in COMMANDS if c != NOT_RUN})


def test_the_blocks_are_of_known_kinds():
    assert {kind for kind, _ in BLOCKS} == {"sh", "python", "json", "text"}
    assert README.count("```") == 2 * len(BLOCKS)
    assert COMMANDS[:2] == ["make demo", NOT_RUN]
    assert len(LAYER) == 1
    assert 'Case("Square", {}, ((3,),), (3,))' in README  # the row that the test below adds


def test_the_first_spec_is_the_one_that_ships_and_all_are_specs():
    texts = [text for kind, text in BLOCKS if kind == "json"]
    assert texts[0].encode() == (ROOT / "models" / "digits.json").read_bytes()
    for text in texts:
        assert build(parse_spec(text)).params


def test_every_layer_loss_and_optimizer_is_named():
    unsaid = {"Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh"}
    words = set(re.findall(r"\w+", README))
    families = (LAYERS, LOSSES, OPTIMIZERS, SCHEDULES, INITIALIZERS)
    assert {name for family in families for name in family} - unsaid <= words


@posix
def test_every_command_runs(ran):
    outputs = ran.outputs
    assert len(outputs) == len(COMMANDS) - 1
    demo = outputs["make demo"].splitlines()
    assert any(re.match(r"digits\.msgpack: test accuracy 0\.9[6-9]", line) for line in demo)
    assert demo[demo.index("7") - 1].startswith("$ .venv/bin/python tools/infer.py digits.msgpack ")
    assert "examples/digits/four_in_blue.jpg\t4" in demo
    assert outputs[".venv/bin/graphnet --version"] == "graphnet 0.1.0\n"
    for line, output in outputs.items():
        if "tools/infer.py" in line and line.endswith("nine.png"):
            assert output == "9\n"
        if line.endswith("unknown.png"):
            assert output == "cross\n"


def test_the_picture_is_what_draw_draws(tmp_path):
    tools = ROOT / "tools" / "draw.py"
    model = ROOT / "models" / "apple_orange.json"
    run(sys.executable, tools, model, "--values", "--grads", folder=tmp_path)
    drawn = (tmp_path / "apple_orange.svg").read_bytes()
    assert drawn == (ROOT / "examples" / "apple_orange.svg").read_bytes()


@posix
def test_the_server_answers_the_request_beside_it(ran):
    (served,) = (text for kind, text in BLOCKS if kind == "text" and "tools/serve.py" in text)
    server, request = served.splitlines()
    if shutil.which("curl") is None:
        pytest.skip("there is no curl to ask with")
    with subprocess.Popen(
        f"exec {server} --port 0",  # one that is free here
        shell=True,
        cwd=ran.folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip().removeprefix("digits.msgpack: answers on ")
            asked = request.replace("http://127.0.0.1:8000", address)
            assert json.loads(shell(ran.folder, f"{asked} --silent"))["label"] == "7"
        finally:
            process.terminate()


@posix
def test_make_test_has_a_plan(ran):
    assert ".venv/bin/python -m pytest" in shell(ran.folder, f"make -n {NOT_RUN.split()[1]}")


@posix
@pytest.mark.parametrize("program", [text for text in PROGRAMS if text not in LAYER])
def test_every_program_runs(ran, program, tmp_path):
    (tmp_path / "program.py").write_text(program)
    run(ran.folder / ".venv" / "bin" / "python", tmp_path / "program.py", folder=ran.folder)


@posix
def test_the_checkout_is_clean_afterwards(ran):
    assert git("status", "--porcelain", folder=ran.folder) == ""


def test_a_layer_is_added_as_readme_says(tmp_path):
    checkout = copy_to(tmp_path)
    family, base = (checkout / "graphnet" / "layers" / f"{n}.py" for n in ("arithmetic", "base"))
    cases = checkout / "tests" / "layers" / "layer_cases.py"
    examples = checkout / "graphnet" / "spec" / "examples.py"
    family.write_text(f"{family.read_text()}\n\n{LAYER[0]}")
    base.write_text(base.read_text().replace('"Power"', '"Power", "Square"'))
    env = environment({"PYTHONPATH": str(checkout)})

    def tests(*more: str) -> subprocess.CompletedProcess[str]:
        pytest_here = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        command = [*pytest_here, "tests/layers", *more]
        return subprocess.run(command, cwd=checkout, env=env, capture_output=True, text=True)

    without_row = tests()
    assert without_row.returncode == 1
    assert "Square" in without_row.stdout
    cases.write_text(
        cases.read_text().replace("CASES = [", 'CASES = [\n    Case("Square", {}, ((3,),), (3,)),')
    )
    start = "NODES: dict[str, Example] = {"
    row = '\n    "Square": Example({}, _ROW),'
    assert row.strip() in README
    examples.write_text(examples.read_text().replace(start, start + row))
    done = tests("-k", "Square")
    assert done.returncode == 0, done.stdout
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= 5
    schema = "from graphnet.spec.schema import write; write()"
    run(sys.executable, "-c", schema, folder=checkout, env={"PYTHONPATH": str(checkout)})
    assert '"Square"' in (checkout / "graphnet" / "spec" / "graphnet.schema.json").read_text()

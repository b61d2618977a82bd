"""`graphnet COMMAND` and the scripts of tools/: one door to every command."""

import os
import subprocess
import sys

import pytest
from processes import ROOT, Commands, Done

from graphnet.cli.main import COMMANDS


def graphnet(tool: Commands, *words: str) -> Done:
    """Run `python -m graphnet ...`."""
    done = subprocess.run(
        [sys.executable, "-m", "graphnet", *words],
        cwd=tool.folder,
        capture_output=True,
        text=True,
        env=tool.environment(),
    )
    return Done(done.returncode, done.stdout, done.stderr.splitlines())


@pytest.mark.parametrize("word", ["--help", "-h"])
def test_help_lists_every_command(tool, word):
    done = graphnet(tool, word)
    assert (done.code, done.err) == (0, [])
    lines = done.out.splitlines()
    assert lines[0] == "usage: graphnet COMMAND ..."
    for name, what in COMMANDS.items():
        assert f"  {name:<10} {what}" in lines


def test_version(tool):
    assert graphnet(tool, "--version") == (0, "graphnet 0.1.0\n", [])


def test_an_unknown_command_gets_a_hint(tool):
    done = graphnet(tool, "trian", "x.json")
    assert (done.code, done.out) == (2, "")
    assert done.err[0] == "graphnet: unknown command 'trian'; did you mean 'train'?"
    assert done.err[1] == "usage: graphnet COMMAND ..."


def test_no_command_shows_the_usage(tool):
    done = graphnet(tool)
    assert (done.code, done.out) == (2, "")
    assert done.err[0] == "usage: graphnet COMMAND ..."


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_under_the_name_it_was_called_by(tool, name):
    done = graphnet(tool, name, "--help")
    assert (done.code, done.err) == (0, [])
    assert done.out.startswith(f"usage: graphnet {name} [-h]")
    script = tool(name, "--help")
    assert (script.code, script.err) == (0, [])
    assert script.out.startswith(f"usage: python {ROOT / 'tools' / name}.py [-h]")


def test_every_command_is_a_script_of_tools(tool):
    scripts = {path.stem for path in (ROOT / "tools").glob("*.py")}
    assert scripts - {"_command"} == set(COMMANDS)


def test_the_module_and_the_script_do_the_same(tool):
    spec = str(ROOT / "models" / "apple.json")
    assert graphnet(tool, "check", spec) == tool("check", spec)
    assert graphnet(tool, "check", "no.json") == tool("check", "no.json")


@pytest.mark.parametrize(("path", "missing"), [(None, "graphnet"), (ROOT, "numpy")])
def test_a_script_without_the_package_says_how_to_install_it(tmp_path, path, missing):
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if path is not None:
        env["PYTHONPATH"] = str(path)
    done = subprocess.run(
        # -S: no site-packages, so nothing is installed.
        [sys.executable, "-S", ROOT / "tools" / "infer.py", "m.msgpack", "x.png"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=env,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"{missing} is not installed: run `make demo` once and use .venv/bin/python, "
        "or `python -m pip install -e .` in the checkout\n"
    )

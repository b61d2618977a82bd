"""The wheel: what is in it, and that it trains and classifies where no checkout is."""

import json
import os
import shlex
import sys
import venv
import zipfile
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest
from checkout import ROOT, copy_to, need_packages, run

DIGITS = {f"{a}-{b}-ubyte.gz" for a in ("train", "t10k") for b in ("images-idx3", "labels-idx1")}

SCHEMA = ROOT / "graphnet" / "spec" / "graphnet.schema.json"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    need_packages()
    checkout = copy_to(tmp_path_factory.mktemp("checkout"))
    target = tmp_path_factory.mktemp("dist")
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    run(*pip, "wheel", "--no-deps", "--wheel-dir", target, checkout, folder=target)
    (found,) = target.iterdir()
    return found


@pytest.fixture(scope="module")
def graphnet(wheel, tmp_path_factory) -> Path:
    """The command `graphnet` of an empty environment that the wheel was installed into."""
    place = tmp_path_factory.mktemp("empty") / "venv"
    venv.create(place, with_pip=False, symlinks=os.name != "nt")
    programs = place / ("Scripts" if os.name == "nt" else "bin")
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    run(*pip, "--python", programs / "python", "install", wheel, folder=place)
    return programs / "graphnet"


def test_its_content(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    shipped = ROOT / "models"
    files = (path.relative_to(shipped).as_posix() for path in shipped.rglob("*.*"))
    models = {f"graphnet/models/{name}" for name in files}
    assert {name for name in names if name.startswith("graphnet/models/")} == models
    digits = {f"graphnet/data/digits/{name}" for name in (*DIGITS, "README.md")}
    assert {name for name in names if name.startswith("graphnet/data/digits/")} == digits
    assert "graphnet/py.typed" in names
    assert "graphnet/spec/graphnet.schema.json" in names
    source = ROOT / "graphnet"
    modules = {path.relative_to(ROOT).as_posix() for path in source.rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == modules
    tops = {name.split("/")[0] for name in names}
    assert tops == {"graphnet", "graphnet-0.1.0.dist-info"}


def test_it_trains_and_classifies_outside_of_the_checkout(graphnet, tmp_path):
    (tmp_path / "digits.json").write_text(run(graphnet, "models", "digits", folder=tmp_path))
    said = run(graphnet, "train", "digits.json", "--set", "train.epochs=20", folder=tmp_path)
    assert said.startswith("digits.msgpack: test accuracy 0.9")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["digits.json", "digits.msgpack"]
    other = tmp_path / "other"
    other.mkdir()
    picture = ROOT / "examples" / "digits" / "seven_on_paper.png"
    bundle = tmp_path / "digits.msgpack"
    assert run(graphnet, "infer", bundle, picture, folder=other) == "7\n"
    assert list(other.iterdir()) == []
    # The command that training ended with works as it stands.
    words = shlex.split(said.splitlines()[-1].removeprefix("next: ").replace("PICTURE.png", "-"))
    assert words[1:] == ["infer", "digits.msgpack", "-"]
    words[-1] = str(picture)
    assert run(*words, folder=tmp_path) == "7\n"


def test_its_models_are_those_of_the_checkout(graphnet, tmp_path):
    for path in (ROOT / "models").glob("*.json"):
        printed = run(graphnet, "models", path.stem, folder=tmp_path)
        schema = json.loads(printed)["$schema"]
        assert Path(url2pathname(urlsplit(schema).path)).read_bytes() == SCHEMA.read_bytes()
        shipped = json.loads(path.read_text())["$schema"]
        text = printed.replace(schema, shipped)
        # Data that ship are found from wherever the copy lies.
        data = json.loads(printed).get("data", {})
        for part in ("train", "test"):
            here = Path(data.get(part, ""))
            file = ROOT / "models" / "data" / here.name
            if here.name and file.exists():
                assert here.read_bytes() == file.read_bytes()
                text = text.replace(json.dumps(str(here)), f'"data/{file.name}"')
        assert text == path.read_text()

"""Folders of pictures as strangers leave them: pipes, links, odd names, much of it."""

import json
import os
import socket

import numpy as np
import pytest
from PIL import Image

import graphnet as gn
from graphnet.errors import DatasetError

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX pipes, sockets, links and names")


def paint(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.arange(16, dtype=np.uint8).reshape(4, 4)).save(path, "PNG")


@pytest.fixture
def place(tmp_path):
    for name in ("cat/a.png", "cat/b.png", "dog/a.png", "dog/b.png"):
        paint(tmp_path / "train" / name)
    return tmp_path / "train"


def load(place):
    values = {
        "format": 1,
        "name": "odd",
        "inputs": {"x": {"shape": [4, 4, 1], "image": {"size": [4, 4], "mode": "grey"}}},
        "nodes": [{"id": "f", "type": "Flatten"}, {"id": "a", "type": "Affine", "units": 2}],
        "edges": [["x", "f", "a"]],
        "loss": {"type": "SoftmaxWithLoss"},
        "data": {"source": "folder", "train": place.name},
        "train": {"epochs": 1},
    }
    return gn.load_data(gn.parse_spec(json.dumps(values)), place.parent)


def refused(place):
    with pytest.raises(DatasetError) as e:
        load(place)
    said = str(e.value).split("\n")
    assert all(line.isprintable() and len(line) <= 500 for line in said)
    return [line.replace(f"{place}{os.sep}", "") for line in said]


@posix
def test_what_is_no_picture_is_named_and_nothing_hangs(place):
    os.mkfifo(place / "cat" / "pipe.png")
    (place / "cat" / "loop.png").symlink_to("loop.png")
    (place / "dog" / "gone.png").symlink_to("nowhere.png")
    (place / "dog" / "zero.png").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as file:
        file.bind(str(place / "dog" / "s.png"))
    (place / "dog" / "text.jpg").write_text("no picture")
    said = refused(place)
    assert [line.split(":")[0] for line in said] == [
        "cat/loop.png",
        "cat/pipe.png",
        "dog/gone.png",
        "dog/s.png",
        "dog/text.jpg",
        "dog/zero.png",
    ]
    assert "is a pipe, device or socket" in said[1]
    assert "is a pipe, device or socket" in said[5]


@posix
def test_a_link_to_a_picture_is_one_and_links_to_folders_lead_nowhere(place):
    (place / "cat" / "c.png").symlink_to("../dog/a.png")
    assert len(load(place).train) == 5
    (place / "cat" / "back").symlink_to("..")
    assert refused(place) == ["cat/back: is no PNG or JPEG file by its name: move it out"]


def test_what_systems_leave_is_no_mistake(place):
    for name in (".DS_Store", "cat/.DS_Store", "cat/Thumbs.db", ".hidden.png", "dog/.x.txt"):
        (place / name).write_text("")
    (place / ".git").mkdir()
    assert len(load(place).train) == 4


@posix
def test_names_cannot_drive_the_terminal(place):
    (place / "cat" / "\x1b[2J\nb.png").write_bytes(b"")
    odd = os.fsdecode(os.path.join(os.fsencode(place), b"dog", b"\xff\xfe.png"))
    with open(odd, "wb"):
        pass
    said = refused(place)
    assert said[0].startswith(r"cat/\x1b[2J\nb.png: the file is empty")
    assert said[1].startswith(r"dog/\udcff\udcfe.png: the file is empty")


@posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root reads everything")
def test_a_picture_and_a_folder_that_may_not_be_read(place):
    (place / "cat" / "a.png").chmod(0)
    assert refused(place)[0].startswith("cat/a.png: cannot be read (Permission denied)")
    (place / "dog").chmod(0)
    try:
        assert "Permission denied" in refused(place)[0]
    finally:
        (place / "dog").chmod(0o755)


def test_many_bad_pictures_are_named_ten_at_most_and_counted(place):
    for i in range(2_000):
        (place / "cat" / f"{i:05}.png").write_bytes(b"")
    said = refused(place)
    assert all("the file is empty" in line for line in said[:10])
    assert len(said) == 11
    assert "more" in said[10]


def test_good_pictures_of_a_call_are_answered_beside_bad_ones(tmp_path, place, network):
    values = {
        "format": 1,
        "name": "odd",
        "inputs": {"x": {"shape": [4, 4, 1], "image": {"size": [4, 4], "mode": "grey"}}},
        "nodes": [{"id": "f", "type": "Flatten"}, {"id": "a", "type": "Affine", "units": 2}],
        "edges": [["x", "f", "a"]],
    }
    gn.save(tmp_path / "m.msgpack", gn.build(gn.parse_spec(json.dumps(values))))
    (place / "cat" / "b.png").write_bytes((place / "cat" / "a.png").read_bytes()[:-20])
    import subprocess
    import sys
    from pathlib import Path

    root = Path(__file__).parents[2]
    line = [sys.executable, root / "tools" / "infer.py", tmp_path / "m.msgpack", place]
    done = subprocess.run(line, capture_output=True, text=True, cwd=root, check=False)
    assert done.returncode == 3
    assert len(done.stdout.splitlines()) == 3
    assert len(done.stderr.splitlines()) == 1
    assert "b.png: the file ends early" in done.stderr

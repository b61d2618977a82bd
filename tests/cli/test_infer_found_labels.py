"""`infer` with a model whose labels are the names of folders."""

import json

import numpy as np
from PIL import Image


def test_a_folder_model_answers_with_its_folders_names(tool, tmp_path):
    for name, left in (("left", True), ("right", False)):
        for i in range(8):
            pixels = np.zeros((8, 8), np.uint8)
            pixels[:, : 4 if left else 8] = 0
            pixels[2:6, slice(1, 3) if left else slice(5, 7)] = 150 + 10 * i
            path = tmp_path / "pictures" / name / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    spec = {
        "format": 1,
        "name": "sides",
        "inputs": {"x": {"shape": [64], "image": {"size": [8, 8]}}},
        "nodes": [{"id": "scores", "type": "Affine", "units": 2}],
        "edges": [["x", "scores"]],
        "loss": {"type": "SoftmaxWithLoss"},
        "data": {"source": "folder", "train": "pictures", "test_share": 0.25},
        "train": {"epochs": 30, "batch_size": 4},
    }
    (tmp_path / "sides.json").write_text(json.dumps(spec))
    done = tool("train", "sides.json")
    assert done.code == 0
    assert "test accuracy 1.0000" in done.out
    assert done.out.splitlines()[-1].endswith("infer.py sides.msgpack pictures/left/0.png")
    assert tool("infer", "sides.msgpack", "pictures/left/3.png").out == "left\n"
    assert tool("infer", "sides.msgpack", "pictures/right/3.png").out == "right\n"

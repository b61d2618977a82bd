"""What `train` says of a regression that has learnt nothing."""

import json

import numpy as np


def test_targets_far_from_1_are_told_a_way(tool, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 2)).astype(np.float32)
    np.savez(tmp_path / "far.npz", x=x, t=450_000 + 1000 * x[:, 0])
    values = {
        "format": 1,
        "name": "far",
        "inputs": {"x": {"shape": [2]}},
        "nodes": [{"id": "out", "type": "Affine", "units": 1}],
        "edges": [["x", "out"]],
        "loss": {"type": "MeanSquaredError"},
        "data": {"source": "npz", "train": "far.npz"},
        "train": {"epochs": 2, "optimizer": {"type": "Adam"}},
    }
    (tmp_path / "far.json").write_text(json.dumps(values))
    done = tool("train", "far.json")
    assert done.code == 0
    assert done.err[-1] == (
        "train r2 is below 0: worse than the mean of the targets; where they are far from 1, end "
        "the graph in a Scale (factor, offset)"
    )
    values["nodes"].append({"id": "scale", "type": "Scale", "factor": 1000, "offset": 450_000})
    values["edges"][0].append("scale")
    values["nodes"][1]["factor"] = 0.001
    (tmp_path / "far.json").write_text(json.dumps(values))
    done = tool("train", "far.json")
    assert done.err[-1].endswith("have their spread as factor, their mean as offset")
    values["nodes"][1]["factor"] = 1000
    values["train"] = {"epochs": 100, "batch_size": 10, "optimizer": {"type": "Adam", "lr": 0.05}}
    (tmp_path / "far.json").write_text(json.dumps(values))
    done = tool("train", "far.json")
    assert "below 0" not in done.err[-1]
    assert float(done.out.split("train r2 ")[1].split(",")[0]) > 0.9

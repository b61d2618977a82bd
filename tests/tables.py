"""A small table and the spec that reads it, for the tests of several folders."""

import copy
import json
from pathlib import Path
from typing import Any

SPEC: dict[str, Any] = {
    "format": 1,
    "name": "fruit",
    "dtype": "float64",
    "inputs": {"x": {"shape": [4], "columns": {"weight": "number", "colour": "category"}}},
    "nodes": [{"id": "scores", "type": "Affine", "units": 2}],
    "edges": [["x", "scores"]],
    "loss": {"type": "SoftmaxWithLoss"},
    "data": {"source": "csv", "train": "fruit.csv", "target": "kind", "unused": ["id"]},
    "train": {"epochs": 1, "batch_size": 2},
}
ROWS = """\
id,weight,colour,kind
1,100,green,apple
2,120,red,apple
3,200,yellow,melon
4,220,green,melon
"""


def fruit(**changes: Any) -> dict[str, Any]:
    """The spec with other values; `data` and the input take single keys: data__train="x.csv"."""
    values = copy.deepcopy(SPEC)
    for key, value in changes.items():
        holder: Any = values
        *steps, last = key.split("__")
        for step in steps:
            holder = holder[step]
        if value is None:
            holder.pop(last, None)
        else:
            holder[last] = value
    return values


def put(folder: Path, text: str | bytes = ROWS, name: str = "fruit.csv", **changes: Any) -> Path:
    """Write the table and the spec; the spec's path."""
    data = text if isinstance(text, bytes) else text.encode()
    (folder / name).write_bytes(data)
    (folder / "fruit.json").write_text(json.dumps(fruit(**changes)))
    return folder / "fruit.json"

"""Graphs to be drawn: random ones, and a count of what lies over something else in a picture."""

import itertools
import random

import numpy as np

from graphnet.draw.picture import Box, Picture
from graphnet.draw.routes import Route
from graphnet.spec.reader import Resolved, check_values


def random_graph(seed: int, nodes: int | None = None) -> Resolved:
    """Nodes of one to four inputs, long and short edges, some in blocks and blocks in blocks."""
    rng = random.Random(seed)
    count = nodes or rng.randint(3, 40)
    inputs = {f"input{i}": {"shape": [4]} for i in range(rng.randint(1, 4))}
    blocks = {}
    for name in ("inner", "outer")[: rng.randint(0, 2)]:
        blocks[name] = _block(rng, "inner" if name == "outer" else None)
    known, made, edges = list(inputs), [], []
    for i in range(count):
        node = f"n{i}" + "_long" * rng.choice([0, 0, 0, 3])
        kind = rng.choice(["Relu", "Add", "Sub", "Mul", "Affine", "Exp", "Concat", "Block"])
        entry = {"id": node, "type": kind}
        arrivals = {"Add": 2, "Sub": 2, "Mul": 2}.get(kind, 1)
        if kind == "Affine":
            entry["units"] = 4
        if kind == "Concat":
            arrivals = rng.randint(2, 4)
            entry.update(type="Concat", axis=0)
        if kind == "Block" and not blocks:
            entry["type"] = "Tanh"
        elif kind == "Block":
            entry.update(block=rng.choice(sorted(blocks)), repeat=rng.randint(1, 3))
        recent = known[-rng.choice([2, 3, 8, 100]) :]
        sources = [rng.choice(recent) for _ in range(arrivals)]
        made.append(entry)
        edges += [[source, node] for source in sources]
        if kind == "Concat":
            back = f"back{i}"
            made.append({"id": back, "type": "Affine", "units": 4, "doc": "four again"})
            edges.append([node, back])
            node = back
        known.append(node)
    used = {path[0] for path in edges}
    for name in inputs:
        if name not in used:
            edges.append([name, "last"])
    outputs = [n["id"] for n in made if n["id"] not in used]
    if any(name not in used for name in inputs):
        unused = [name for name in inputs if name not in used]
        edges = [e for e in edges if e[1] != "last"]
        for name in unused:
            made.append({"id": f"own_{name}", "type": "Relu"})
            edges.append([name, f"own_{name}"])
            outputs.append(f"own_{name}")
    values = {
        "format": 1,
        "name": f"random_{seed}",
        "inputs": inputs,
        "nodes": made,
        "edges": edges,
        "outputs": outputs,
    }
    if used_blocks := _used(made, blocks):
        values["blocks"] = used_blocks
    return check_values(values)


def _used(nodes: list[dict], blocks: dict) -> dict:
    """The blocks that the nodes, or blocks that they use, put in."""
    found, todo = {}, [n["block"] for n in nodes if n["type"] == "Block"]
    while todo:
        name = todo.pop()
        if name not in found:
            found[name] = blocks[name]
            todo += [n["block"] for n in blocks[name]["nodes"] if n["type"] == "Block"]
    return found


def _block(rng: random.Random, inner: str | None) -> dict:
    nodes = [{"id": "a", "type": "Affine", "units": 4}, {"id": "b", "type": "Relu"}]
    if inner and rng.random() < 0.8:
        nodes.append({"id": "c", "type": "Block", "block": inner, "repeat": rng.randint(1, 2)})
    else:
        nodes.append({"id": "c", "type": "Tanh"})
    nodes.append({"id": "d", "type": "Add"})
    return {
        "inputs": ["x"],
        "output": "d",
        "nodes": nodes,
        "edges": [["x", "a", "b", "c", "d"], ["x", "d"]],
    }


def overlaps(picture: Picture) -> list[str]:
    """What lies over something else: outlines, captions, what is written, frames, arrows."""
    cards = [n for n in picture.nodes if n.card.kind != "output"]
    things = [(n.card.name, n.box) for n in cards]
    things += [(f"caption {n.card.name}", n.caption) for n in cards if n.caption]
    things += [(f"note {n.name} {i}", n.box) for i, n in enumerate(picture.notes)]
    things += [(f"heading {f.prefix}", f.heading) for f in picture.frames]
    names, boxes = [name for name, _ in things], _corners([box for _, box in things])
    found = [f"{names[i]} over {names[j]}" for i, j in _pairs(boxes, boxes) if i < j]
    for i in np.flatnonzero((boxes < 0).any(1) | (boxes > _size(picture)).any(1)):
        found.append(f"{names[i]} past the edge")
    for frame in picture.frames:
        box = _corners([frame.box])
        meets = _meeting(_corners([n.box for n in cards]), box)[:, 0]
        for node, over in zip(cards, meets, strict=True):
            mine = node.card.name.startswith(frame.prefix)
            if mine and not _inside(node.box, frame.box):
                found.append(f"{node.card.name} sticks out of {frame.prefix}")
            if over and not mine:
                found.append(f"{node.card.name} over frame {frame.prefix}")
    for one, other in itertools.combinations(picture.frames, 2):
        nested = one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix)
        if one.box.overlaps(other.box) and not nested:
            found.append(f"frame {one.prefix} over {other.prefix}")
    radii = {n.card.name: n.box.height // 2 for n in cards if n.card.rounded}
    # What is certainly inside: a square fits in a circle to 7 tenths of its radius.
    cuts = np.array([[1 + radii.get(name, 0) * 4 // 10] for name in names])
    cores = boxes + cuts * np.array([1, 1, -1, -1])
    for route in picture.routes:
        found += [f"arrow of {route.name} through {names[i]}" for i in _crossed(route, cores)]
    return found


def _size(picture: Picture) -> np.ndarray:
    return np.array([picture.width, picture.height] * 2)


def _corners(boxes: list[Box]) -> np.ndarray:
    """A row a box: left, top, right, bottom."""
    found = np.array([tuple(box) for box in boxes], float).reshape(-1, 4)
    found[:, 2:] += found[:, :2]
    return found


def _meeting(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    one, other = one[:, None], other[None]
    return ((one[..., :2] < other[..., 2:]) & (other[..., :2] < one[..., 2:])).all(-1)


def _pairs(one: np.ndarray, other: np.ndarray) -> list[tuple[int, int]]:
    return list(zip(*np.nonzero(_meeting(one, other)), strict=True))


def _inside(box: Box, other: Box) -> bool:
    return (
        other.x <= box.x
        and other.y <= box.y
        and box.x + box.width <= other.x + other.width
        and box.y + box.height <= other.y + other.height
    )


def _crossed(route: Route, boxes: np.ndarray) -> np.ndarray:
    """The boxes that a line goes through (Liang and Barsky, 1984)."""
    points = np.array(route.points())[:, None]
    start, step = points[:-1], np.diff(points, axis=0)
    with np.errstate(all="ignore"):
        low, high = (boxes[:, :2] - start) / step, (boxes[:, 2:] - start) / step
    level = step == 0
    within = (boxes[:, :2] < start) & (start < boxes[:, 2:])
    near = np.where(level, np.where(within, -np.inf, np.inf), np.minimum(low, high)).max(-1)
    far = np.where(level, np.where(within, np.inf, -np.inf), np.maximum(low, high)).min(-1)
    full = (boxes[:, :2] < boxes[:, 2:]).all(-1)
    return np.flatnonzero(((np.maximum(near, 0) < np.minimum(far, 1)) & full).any(0))

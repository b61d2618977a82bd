"""Huge numbers in every place of a spec that takes one: an error of ours, or a network that works
within what was planned; never more memory, and never long.
"""

from __future__ import annotations

import gc
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from functools import partial
from typing import Any
from unittest import mock

import numpy as np

import graphnet.builder
import graphnet.training.loop
from campaigns.batches import Tally, gathered, outcomes, taken_out
from campaigns.children import FOREIGN, ROOT, Verdict, verdict
from campaigns.table import Campaign, Result
from graphnet.builder import build
from graphnet.initializers import INITIALIZERS
from graphnet.losses import LOSSES
from graphnet.optimizers import OPTIMIZERS
from graphnet.plan import Plan
from graphnet.schedules import SCHEDULES
from graphnet.spec import shapes
from graphnet.spec.families import AUGMENTS, METRICS, SOURCES
from graphnet.spec.reader import parse_spec, resolve

HUGE: tuple[Any, ...] = (
    *(0, -1, 2**20, 2**31 - 1, 2**31, 2**32, 2**53, 2**62, 2**63 - 1, 2**63),
    *(1e30, 1e308, -1e308, 5e-324, 0.5),
)
SECONDS = 2.0
MOST_COMPUTED = 4 * 2**20
"""Bytes of a network that is also tried: a larger one is only planned."""
ALLOWED = 64 * 2**20
"""Bytes that a network may take here."""
BATCH = 400
RECIPE = {"epochs": 2, "batch_size": 4, "optimizer": {"type": "SGD", "lr": 0.1}}
FAMILIES: dict[str, Mapping[str, Any]] = {
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "augment": AUGMENTS,
    "metrics": METRICS,
    "loss": LOSSES,
    "init": INITIALIZERS,
    "data": SOURCES,
}


def spec_of(nodes: list[Any], edges: list[Any], inputs: Any = None, **more: Any) -> dict[str, Any]:
    """A spec with the rest filled in."""
    start = {"format": 1, "name": "limits", "inputs": inputs or {"x": {"shape": [4]}}}
    return {**start, "nodes": nodes, "edges": edges, **more}


def layers() -> Iterator[dict[str, Any]]:
    """Each row of the layers' test table, with each of its numbers, and each of its inputs'
    dimensions, huge in turn."""
    sys.path.insert(0, str(ROOT / "tests" / "layers"))
    from layer_cases import CASES  # type: ignore[import-not-found]

    from graphnet.layers import LAYERS

    for case in CASES:
        fields = LAYERS[case.type].Spec.model_fields
        open_ = [n for n in fields if n not in ("id", "type", "doc", "share", "shape", "init")]
        whole = set(getattr(LAYERS[case.type].Spec, "integers", ()))
        names = [f"x{i}" for i in range(len(case.shapes))]
        ports = LAYERS[case.type].Spec.model_construct(**case.attributes).ports_for(len(names))
        inputs = {
            name: {"shape": list(shape), **({"dtype": "int64"} if port in whole else {})}
            for name, shape, port in zip(names, case.shapes, ports, strict=True)
        }
        edges = [[name, "node"] for name in names]
        for attributes in _with_huge({n: case.attributes.get(n, 1) for n in open_}, open_):
            node = {"id": "node", "type": case.type, **case.attributes, **attributes}
            yield spec_of([node], edges, inputs)
        for name in names:
            for changed in _with_huge({"shape": inputs[name]["shape"]}, ["shape"]):
                node = {"id": "node", "type": case.type, **case.attributes}
                yield spec_of([node], edges, {**inputs, name: {**inputs[name], **changed}})


def recipes() -> Iterator[dict[str, Any]]:
    """Each number of a recipe, and of each optimizer, schedule, loss, and so on, huge in turn."""
    for place, family in FAMILIES.items():
        for name in family:
            declared = getattr(family[name], "Spec", family[name])
            tag = "source" if place == "data" else "type"
            open_ = [field for field in declared.model_fields if field != tag]
            for attributes in _with_huge(dict.fromkeys(open_, 1), open_):
                yield _recipe(place, {tag: name, **attributes})
    for attributes in _with_huge(dict.fromkeys(("epochs", "batch_size", "seed", "validation"), 1)):
        yield _recipe("train", attributes)
    for attributes in _with_huge({"size": [8, 8], "range": [0, 1], "mean": 0, "std": 1, "ink": 4}):
        yield _recipe("image", attributes)


def _recipe(place: str, given: dict[str, Any]) -> dict[str, Any]:
    image: dict[str, Any] = {"size": [8, 8], "mode": "grey"}
    train: dict[str, Any] = dict(RECIPE)
    more: dict[str, Any] = {"loss": {"type": "SoftmaxWithLoss"}, "data": {"source": "digits"}}
    node: dict[str, Any] = {"id": "a", "type": "Affine", "units": 10}
    if place in ("optimizer", "schedule"):
        train[place] = given
    elif place in ("augment", "metrics"):
        train[place] = [given]
    elif place == "train":
        train |= given
    elif place == "image":
        image |= given
    elif place == "init":
        node["init"] = given
    else:
        more[place] = given
    inputs = {"x": {"shape": [64], "image": image}}
    return spec_of([node], [["x", "a"]], inputs, train=train, **more)


def _with_huge(
    values: Mapping[str, Any], names: list[str] | None = None
) -> Iterator[dict[str, Any]]:
    """One of the named values replaced by each huge number, or one entry of a list of numbers."""
    for name in names or list(values):
        value = values[name]
        if isinstance(value, (list, tuple)) and value and all(_number(v) for v in value):
            for i in range(len(value)):
                for huge in HUGE:
                    yield {name: [*value[:i], huge, *value[i + 1 :]]}
        elif _number(value):
            for huge in HUGE:
                yield {name: huge}


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


KINDS: dict[str, Callable[[], Iterator[dict[str, Any]]]] = {"layers": layers, "recipes": recipes}


def judged(values: dict[str, Any]) -> Verdict:
    """How reading, planning and, where the plan is small, computing a spec ends."""

    def work() -> None:
        spec = parse_spec(json.dumps(values))
        graph = resolve(spec)
        plan = Plan(graph)
        need = plan.step_bytes(spec.train.batch_size) if spec.train else plan.network_bytes()
        net = build(spec, memory=ALLOWED)
        if need > MOST_COMPUTED:
            return
        x = {
            name: np.zeros((1, *given.shape), given.dtype or spec.dtype)
            for name, given in spec.inputs.items()
        }
        scores = net.predict(x)
        # Of a layer alone, what zeros become may be infinite: the logarithm's are.
        if spec.train is not None and not (np.abs(scores) < np.inf).all():
            raise ArithmeticError("of zeros it computes what is not finite")

    start = time.perf_counter()
    end = verdict(work)
    if time.perf_counter() - start > SECONDS:
        start = time.perf_counter()  # once more: others use this machine too
        end = verdict(work)
        seconds = time.perf_counter() - start
        if seconds > SECONDS:
            return Verdict(FOREIGN, f"it took {seconds:.1f} s, and ended {end.kind}")
    return end


def batch(job: Mapping[str, Any]) -> dict[str, Any]:
    """Some of the cases of a kind."""
    warnings.simplefilter("error")
    tally = Tally()
    with taken_out(PROTECTIONS, job["without"]):
        for i, values in enumerate(KINDS[job["kind"]]()):
            if job["first"] <= i < job["last"] and not i % job["every"]:
                said = json.dumps(values["nodes"])[:200] + json.dumps(values["inputs"])[:200]
                tally.count(judged(deepcopy(values)), f"{i}: {said}{values.get('train', '')}")
                gc.collect(1)  # a network is in a circle with its engine
    return tally.found()


def huge_numbers(kind: str, cases: int, without: str | None) -> Result:
    """So many cases of a kind, evenly taken from all."""
    total = sum(1 for _ in KINDS[kind]())
    every = max(1, total // cases)
    given = {"kind": kind, "every": every, "without": without}
    jobs = [
        {**given, "first": first, "last": first + BATCH * every}
        for first in range(0, total, BATCH * every)
    ]
    return gathered(outcomes("campaigns.limits:batch", jobs))


PROTECTIONS: dict[str, Callable[[], list[Any]]] = {
    "plan": lambda: [
        mock.patch.object(module, "require", return_value=None)
        for module in (graphnet.builder, graphnet.training.loop)
    ],
    "sizes": lambda: [mock.patch.object(shapes, "_sizes", return_value=([], 0))],
    "finite": lambda: [mock.patch.object(np, "isfinite", np.ones_like)],
}


CAMPAIGNS = (
    Campaign(
        "huge attributes",
        4,
        "every number of every layer, and every dimension of its inputs, huge in turn",
        100_000,
        partial(huge_numbers, "layers"),
        {"sizes": 2_000},
    ),
    Campaign(
        "huge recipes",
        4,
        "every number of optimizers, schedules, losses, initializers, metrics, sources, pictures",
        100_000,
        partial(huge_numbers, "recipes"),
        {"finite": 100_000},
    ),
)

"""`gradcheck`: the table of Deep Learning from Scratch, 5.7.3, and exit 1 for a wrong gradient."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from graphnet.builder import build
from graphnet.cli.check import refuse_bundle
from graphnet.cli.common import (
    CHECK_FAILED,
    DONE,
    complain,
    count,
    memory_argument,
    parser,
    run,
    table,
)
from graphnet.errors import SpecError
from graphnet.gradcheck import TOLERANCE, check
from graphnet.losses.base import BALANCED
from graphnet.memory import require
from graphnet.network import Network
from graphnet.plan import Plan
from graphnet.randomness import generator
from graphnet.spec.graph import GraphSpec
from graphnet.spec.reader import read_spec


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    return run(_main, argv)


def _main(argv: Sequence[str] | None) -> int:
    arguments = parser(
        "gradcheck",
        "Compare the gradients of back-propagation with numerical ones, in float64: for each "
        "parameter the mean absolute difference, and the relative error of the norm.",
    )
    arguments.add_argument("spec", help="a spec (.json)")
    arguments.add_argument("--samples", type=count(1000), default=3, metavar="N", help="default 3")
    arguments.add_argument("--random", action="store_true", help="seeded random samples, no data")
    arguments.add_argument("--data-dir", metavar="DIR", help="where data sets lie")
    memory_argument(arguments)
    options = arguments.parse_args(argv)
    refuse_bundle(options.spec, "gradcheck")
    spec = read_spec(options.spec)
    net = build(spec, dtype="float64", memory=options.memory)
    if not net.graph.objectives or not net.params:
        what = "there is no 'loss' or no parameter: nothing to check; from Python, forward() and"
        raise SpecError(f"{options.spec}: {what} backward() compute any graph")
    what = f"{options.spec}: the gradients of {options.samples} samples"
    require(Plan(net.graph).step_bytes(options.samples), what, options.memory, "--samples 1")
    if spec.data is None or options.random:
        x, t = _random(net, options.samples)
    else:
        x, t = _of_data(net, spec, Path(options.spec).parent, options.data_dir, options.samples)
    _balance(net, x, t)
    rows = check(net, x, t)
    shown = [[row.name, f"{row.difference:.3e}", f"{row.error:.3e}"] for row in rows]
    head = ["parameter", "mean |difference|", "relative error"]
    print(table([head, *shown], right=(1, 2)))
    wrong = [row for row in rows if not row.passed]
    for row in wrong:
        limit = f"its relative error {row.error:.3e} passes {TOLERANCE:.0e}"
        complain(f"{options.spec}: the gradient of '{row.name}' is wrong: {limit}")
    return CHECK_FAILED if wrong else DONE


def _random(net: Network, samples: int) -> tuple[dict[str, Any], Any]:
    """Samples from N(0, 1), away from nothing in particular, and classes, by the spec's seed."""
    seed = net.spec.train.seed if net.spec.train else 0
    rng = generator(seed, "gradcheck")
    x: dict[str, Any] = {}
    for name, given in net.spec.inputs.items():
        shape = (samples, *given.shape)
        x[name] = rng.integers(0, 2, shape) if given.dtype else rng.normal(size=shape)
    t: dict[str, Any] = {}
    for objective in net.graph.objectives:
        scores = net.graph.shapes[objective.on]
        if objective.spec.type == "SoftmaxWithLoss":
            t[objective.target] = rng.integers(0, scores[-1], (samples, *scores[:-1]))
        else:
            t[objective.target] = rng.uniform(size=(samples, *scores))
    return x, {name: t[name] for name in net.graph.targets} or None


def _balance(net: Network, x: dict[str, Any], t: Any) -> None:
    """Class weights that follow from samples, from these."""
    if any(getattr(o.spec, "class_weights", None) == BALANCED for o in net.graph.objectives):
        from graphnet.data.dataset import Split
        from graphnet.training.feed import Feed
        from graphnet.training.weights import balance

        balance(net, Feed(net, Split(x, t), "samples"))


def _of_data(
    net: Network, spec: GraphSpec, folder: Path, data_dir: str | None, samples: int
) -> tuple[dict[str, Any], Any]:
    from graphnet.data.load import load_data
    from graphnet.training.feed import feed_of

    feed = feed_of(net, load_data(spec, folder, data_dir).train, "training data")
    inputs, targets = feed.batch(np.arange(min(samples, feed.samples)))
    judged = zip(net.graph.objectives, targets, strict=True)
    return inputs, {o.target: t for o, t in judged if o.target in net.graph.targets} or None

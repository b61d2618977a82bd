"""Run by ranks: `fit` where rank 1 has something else, or after another fit."""

import sys

import numpy as np

import graphnet as gn
from graphnet.data.dataset import Dataset, Split


def main(case, spec_path):
    ranks = gn.mpi_ranks(timeout=30)
    other = ranks.rank == 1
    reduce = "fast" if case == "reduce" and other else "tree"
    if case == "reduce":
        ranks = gn.mpi_ranks(reduce, timeout=30)
    net = gn.build(gn.read_spec(spec_path))
    if case == "loaded":
        if ranks.rank == 0:
            gn.save("start.msgpack", net)
            net = gn.load("start.msgpack")
        else:
            net = gn.build(gn.read_spec(spec_path), seed=5)
    rng = np.random.default_rng(1)
    x, t = rng.random((100, 64), np.float32), rng.integers(0, 10, 100)
    has_test = case not in ("no test", "test") or (case == "test") == other
    data = Dataset("mine", Split({"x": x}, t), Split({"x": x}, t) if has_test else None)
    if case == "again":
        asked = iter([True] + [False] * 99)
        assert list(gn.fit(net, data, ranks=ranks, should_stop=lambda: next(asked))) == []
    if case == "fault" and ranks.rank == 0:
        open("own.msgpack.checkpoint", "w").close()
    out = "own.msgpack" if case == "fault" else None
    results = list(gn.fit(net, data, ranks=ranks, out=out))
    weights = sum(float(np.abs(param).sum()) for param in net.params.values())
    sys.stdout.write(f"{len(results)} epochs, {weights!r}\n")


try:
    main(*sys.argv[1:])
except gn.GraphnetError as e:
    sys.stdout.write(f"{type(e).__name__}: {e}\n")

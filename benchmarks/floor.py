"""The GEMM floor: the matrix products of a training step alone, in plain NumPy.

Nothing is gathered, activated, pooled, copied or updated. A convolution is the products of its
windows, cut into tiles that stay in cache, and each product runs in the faster of two layouts.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.cases import Case, Training
from benchmarks.nets import Net, Node, Shape
from benchmarks.side import Makers, Side, thread_counts

TILE = 256 * 1024
"""Bytes of a tile of windows: well within a second-level cache."""
TRIES = 5
TRAINED = ("Affine", "Conv2D", "BatchNorm", "LayerNorm", "Lstm", "MultiHeadAttention")


@dataclass(frozen=True)
class Gemm:
    """(rows, inner) @ (inner, columns), `times` times."""

    rows: int
    inner: int
    columns: int
    times: int = 1

    @property
    def flops(self) -> int:
        return 2 * self.rows * self.inner * self.columns * self.times


def sides(case: Case, family: str) -> Makers:
    """BLAS on one thread, and shards of the batch on all, each with BLAS on one thread."""
    assert isinstance(case, Training)
    return {word: partial(Floor, case, count) for word, count in thread_counts().items()}


def gemms(net: Net, batch: int) -> list[Gemm]:
    """The products of a gradient: out, dW, and dx where something before it is trained."""
    shapes, sources = net.shapes(), net.sources()
    trained = {"x": False}
    found = []
    for node in net.nodes:
        name = node["id"]
        wanted = any(trained[source] for source in sources[name])
        trained[name] = wanted or node["type"] in TRAINED
        x, out = shapes[sources[name][0]], shapes[name]
        if node["type"] in ("Lstm", "MultiHeadAttention"):
            found += (lstm if node["type"] == "Lstm" else attention)(node, x, batch, wanted=wanted)
            continue
        if node["type"] == "Affine":
            rows, inner = batch * math.prod(x[:-1]), x[-1]
        elif node["type"] == "Conv2D":
            rows, inner = batch * out[0] * out[1], node["kernel"] ** 2 * x[2]
        else:
            continue
        tile = rows
        if node["type"] == "Conv2D":
            tile = max(1, min(rows, TILE // (4 * inner)))
        for size, times in ((tile, rows // tile), (rows % tile, 1)):
            if size:
                found.append(Gemm(size, inner, out[-1], times))
                found.append(Gemm(inner, size, out[-1], times))
                if wanted:
                    found.append(Gemm(size, out[-1], inner, times))
    return found


def lstm(node: Node, x: Shape, batch: int, *, wanted: bool) -> list[Gemm]:
    """What x gives to all steps at once, and what each step gives to the next."""
    (steps, size), units = x, node["units"]
    rows, columns = steps * batch, 4 * units
    found = [
        Gemm(rows, size, columns),
        Gemm(batch, units, columns, steps),
        Gemm(batch, columns, units, steps),
        Gemm(size, rows, columns),
        Gemm(units, rows, columns),
    ]
    return [*found, Gemm(rows, columns, size)] if wanted else found


def attention(node: Node, x: Shape, batch: int, *, wanted: bool) -> list[Gemm]:
    """q, k and v from one product, two products a head, and the one behind them."""
    (positions, size), heads = x, node["heads"]
    rows, each, times = positions * batch, size // heads, batch * heads
    found = [
        Gemm(rows, size, 3 * size),
        Gemm(size, rows, 3 * size),
        Gemm(positions, each, positions, 2 * times),
        Gemm(positions, positions, each, 4 * times),
        Gemm(rows, size, size, 2),
        Gemm(size, rows, size),
    ]
    return [*found, Gemm(rows, 3 * size, size)] if wanted else found


def product(gemm: Gemm) -> Callable[[], None]:
    """The product with arrays of its own, in the layout that is faster here."""
    rng = np.random.default_rng(0)
    a = rng.random((gemm.rows, gemm.inner), np.float32)
    b = rng.random((gemm.inner, gemm.columns), np.float32)
    out = np.empty((gemm.rows, gemm.columns), np.float32)
    flipped = (b.T.copy(), a.T.copy(), out.T.copy())

    def run(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
        for _ in range(gemm.times):
            np.matmul(a, b, out=out)

    forms = [partial(run, a, b, out), partial(run, *flipped)]
    return min(forms, key=lambda form: min(_seconds(form) for _ in range(TRIES)))


class Floor(Side):
    """All products of a step, on some threads, each of which has its share of the batch."""

    def __init__(self, case: Training, threads: int) -> None:
        self.steps = case.steps
        self.limits = threadpool_limits(1, user_api="blas")
        share = -(-case.batch // threads)
        self.work = [[product(g) for g in gemms(case.net, share)] for _ in range(threads)]
        self.pool = ThreadPoolExecutor(threads)

    def answer(self) -> None:
        return None

    def measure(self) -> float:
        begin = time.perf_counter()
        list(self.pool.map(self._share, self.work))
        return (time.perf_counter() - begin) / self.steps

    def _share(self, products: list[Callable[[], None]]) -> None:
        for _ in range(self.steps):
            for run in products:
                run()


def _seconds(run: Callable[[], None]) -> float:
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin

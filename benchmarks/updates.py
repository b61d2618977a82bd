"""A step of an optimizer alone: parameters and gradients in memory, float32."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.cases import Case, Updating
from benchmarks.side import Makers, Side, thread_counts, threads_here

SHOWN = 1000
"""How many of the parameters are compared, from all over them."""
WIDTH = 3200


def sides(case: Case, family: str) -> Makers:
    """graphnet as training calls it; PyTorch's fused and foreach forms; JAX jitted, a call a step
    and all steps in one scan."""
    assert isinstance(case, Updating)
    makers: dict[str, Callable[[], Side]]
    if family == "graphnet":
        makers = {"": partial(Ours, case)}
    elif family == "PyTorch":
        makers = {
            f"{form}, {word}": partial(Torch, case, form, count)
            for form in ("fused", "foreach")
            for word, count in thread_counts().items()
        }
    else:
        makers = {"jitted": partial(Jax, case), "one scan": partial(Jax, case, scanned=True)}
    return makers


def numbers(case: Updating) -> tuple[np.ndarray, np.ndarray]:
    """The parameters at the start, and the gradient of every step."""
    rng = np.random.default_rng(0)
    start = rng.normal(size=case.parameters).astype(np.float32)
    return start, rng.normal(0, 0.01, case.parameters).astype(np.float32)


class Steps(Side):
    """Some steps with one gradient: `step` does one, `found` gives the parameters behind them."""

    def __init__(self, case: Updating) -> None:
        self.case = case

    def step(self) -> None:
        raise NotImplementedError

    def found(self) -> np.ndarray:
        raise NotImplementedError

    def run(self) -> None:
        for _ in range(self.case.steps):
            self.step()

    def answer(self) -> np.ndarray:
        self.run()
        return self.found()[:: max(1, self.case.parameters // SHOWN)].copy()

    def measure(self) -> float:
        begin = time.perf_counter()
        self.run()
        return (time.perf_counter() - begin) / self.case.steps


class Ours(Steps):
    """What a training step ends with: one shard's gradient, all processors."""

    def __init__(self, case: Updating) -> None:
        from graphnet.builder import build
        from graphnet.crew import Crew
        from graphnet.optimizers import optimizer_for
        from graphnet.spec.reader import parse_spec
        from graphnet.training.update import Update

        super().__init__(case)
        spec = parse_spec(spec_text(case), "large")
        assert spec.train is not None
        net = build(spec)
        ((self.W, _),) = net.engine.flat_params()
        self.grads = net.engine.flat_grads
        self.W[:], self.grads[:] = numbers(case)
        optimizer = optimizer_for(spec.train.optimizer, net.params)
        self.update = Update(net.engine, optimizer, Crew(threads_here()))

    def step(self) -> None:
        self.update([self.grads])

    def run(self) -> None:
        from graphnet.blas import one_thread

        with one_thread():
            super().run()

    def found(self) -> np.ndarray:
        return self.W


def spec_text(case: Updating) -> str:
    """A spec with so many parameters: one Affine and its bias."""
    before, rest = divmod(case.parameters - WIDTH, WIDTH)
    assert rest == 0, f"{case.parameters} parameters are no multiple of {WIDTH}"
    node = {"id": "affine", "type": "Affine", "units": WIDTH, "init": {"type": "Zeros"}}
    spec = {
        "format": 1,
        "name": "large",
        "inputs": {"x": {"shape": [before]}},
        "nodes": [node],
        "edges": [["x", "affine"]],
        "loss": {"type": "SoftmaxWithLoss"},
        "train": {"epochs": 1, "optimizer": {"type": "Adam"}},
    }
    return json.dumps(spec)


class Torch(Steps):
    """One tensor, which suits PyTorch best."""

    def __init__(self, case: Updating, form: str, threads: int) -> None:
        import torch

        super().__init__(case)
        self.threads = threads
        start, grad = numbers(case)
        self.W = torch.nn.Parameter(torch.from_numpy(start))
        self.W.grad = torch.from_numpy(grad)
        self.step = torch.optim.Adam([self.W], **{form: True}).step

    def run(self) -> None:
        import torch

        torch.set_num_threads(self.threads)
        super().run()

    def found(self) -> np.ndarray:
        return self.W.detach().numpy()


class Jax(Steps):
    """The formula as one program that may write over what it is given."""

    def __init__(self, case: Updating, *, scanned: bool = False) -> None:
        import jax
        from jax import lax

        super().__init__(case)
        start, grad = numbers(case)
        W, self.grad = jax.numpy.asarray(start), jax.numpy.asarray(grad)
        self.state = (W, jax.numpy.zeros_like(W), jax.numpy.zeros_like(W), 0.0)
        self.wait = jax.block_until_ready
        self.scanned = scanned

        def steps(state: Any, grad: Any) -> Any:
            return lax.scan(lambda s, _: (moved(s, grad), None), state, None, case.steps)[0]

        self.jitted = jax.jit(steps if scanned else moved, donate_argnums=0)

    def step(self) -> None:
        self.state = self.jitted(self.state, self.grad)

    def run(self) -> None:
        if self.scanned:
            self.step()
        else:
            super().run()
        self.wait(self.state)

    def found(self) -> np.ndarray:
        return np.asarray(self.state[0])


def moved(state: Any, grad: Any) -> Any:
    """Parameters, both means and the count of the steps after one more."""
    import jax.numpy as jnp

    W, m, v, t = state
    t = t + 1.0
    m = 0.9 * m + 0.1 * grad
    v = 0.999 * v + 0.001 * grad * grad
    root = jnp.sqrt(v / (1 - 0.999**t)) + 1e-8
    return W - 0.001 / (1 - 0.9**t) * m / root, m, v, t

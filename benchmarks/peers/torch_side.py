"""PyTorch at its best: eager and compiled, threads 1 and all, both memory formats."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks import samples
from benchmarks.cases import CHECKED_STEPS, Case, Prediction, Training
from benchmarks.nets import Net, padding_of, weights
from benchmarks.peers.torch_sequences import Attention, Encoding, Lstm, LstmSteps
from benchmarks.side import Makers, Side, thread_counts, threads_here

VERSIONS = {"torch": torch.__version__}


def sides(case: Case, family: str) -> Makers:
    """The variants of a case.

    The update is `torch._foreach_add_` on what `autograd.grad` gives: some 15% faster a step of
    784-50-10 than `optim.SGD`, fused or foreach. Compiled is the whole step as one graph with
    the C++ wrapper, which took 0.27 ms where a compiled loss alone took 0.45.
    """
    if isinstance(case, Training):
        return _trainings(case)
    assert isinstance(case, Prediction)
    return _predictions(case)


def _trainings(case: Training) -> Makers:
    pictured = len(case.net.shape) == 3
    makers: dict[str, Callable[[], Side]] = {}
    for word, count in thread_counts().items():
        if pictured:
            makers[f"eager, {word}"] = partial(Steps, case, count)
            makers[f"eager, {word}, channels_last"] = partial(Steps, case, count, last=True)
        else:
            makers[f"eager, {word}"] = partial(Steps, case, count)
            if not case.net.is_sequence:
                makers[f"eager, {word}, bytes"] = partial(Steps, case, count, bytes_kept=True)
            makers[f"compiled, {word}"] = partial(CompiledSteps, case, count)
    if pictured:
        every = threads_here()
        makers["compiled"] = partial(CompiledSteps, case, every)
        makers["compiled, channels_last"] = partial(CompiledSteps, case, every, last=True)
    return makers


def _predictions(case: Prediction) -> Makers:
    makers: dict[str, Callable[[], Side]] = {}
    for word, count in thread_counts().items():
        makers[f"eager, {word}"] = partial(Scores, case, count)
        if case.samples > 1:
            makers[f"eager, {word}, pieces of 100"] = partial(Scores, case, count, piece=100)
        makers[f"compiled, {word}"] = partial(Scores, case, count, compiled=True)
        if len(case.net.shape) == 3:
            makers[f"eager, {word}, channels_last"] = partial(Scores, case, count, last=True)
    return makers


class Module(nn.Module):
    """A network of `benchmarks.nets`.

    Shapes: x (N, D), (N, T, D), or (N, C, H, W) for pictures. last: pictures lie channels-last in
    memory. compiled: what `torch.compile` refuses is written otherwise.
    """

    def __init__(
        self,
        net: Net,
        arrays: Mapping[str, np.ndarray],
        *,
        last: bool = False,
        compiled: bool = False,
    ) -> None:
        super().__init__()
        self.net = net
        self.last = last
        self.sources = net.sources()
        shapes = net.shapes()
        self.steps = nn.ModuleDict()
        for node in net.nodes:
            x = shapes[self.sources[node["id"]][0]]
            match node["type"]:
                case "Affine":
                    step: nn.Module = nn.Linear(x[-1], node["units"])
                case "Conv2D":
                    step = nn.Conv2d(
                        x[2],
                        node["channels"],
                        node["kernel"],
                        stride=node.get("stride", 1),
                        padding=padding_of(node),
                        bias=node.get("bias", True),
                    )
                case "Lstm":
                    step = (LstmSteps if compiled else Lstm)(x[1], node["units"])
                case "MultiHeadAttention":
                    step = Attention(x[1], node["heads"])
                case "LayerNorm":
                    step = nn.LayerNorm(x[-1])
                case "PositionalEncoding":
                    step = Encoding(*x)
                case "BatchNorm":
                    step = nn.BatchNorm2d(x[2])
                    step.num_batches_tracked = None  # a count that only momentum=None needs
                case _:
                    continue
            self.steps[node["id"]] = step
        self.fill(arrays)
        if last:
            self.to(memory_format=torch.channels_last)

    def fill(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Set every number to graphnet's, in place and in PyTorch's layout."""
        names = {"W": "weight", "b": "bias", "gamma": "weight", "beta": "bias"}
        names |= {"mean": "running_mean", "var": "running_var"}
        with torch.no_grad():
            for name, array in arrays.items():
                node, _, tensor = name.partition("/")
                step = self.steps[node]
                if isinstance(step, Lstm | LstmSteps | Attention):
                    step.fill(tensor, array)
                    continue
                getattr(step, names[tensor]).copy_(torch.from_numpy(self._laid(name, array)))

    def _laid(self, name: str, W: np.ndarray) -> np.ndarray:
        if W.ndim == 4:
            return W.transpose(3, 2, 0, 1).copy()
        if W.ndim != 2:
            return W
        before = self.sources[name.partition("/")[0]][0]
        kinds = {node["id"]: node["type"] for node in self.net.nodes}
        if kinds.get(before) == "Flatten" and not self.last:
            # graphnet flattens (H, W, C), PyTorch (C, H, W).
            height, width, channels = self.net.shapes()[self.sources[before][0]]
            W = W.reshape(height, width, channels, -1).transpose(2, 0, 1, 3).reshape(W.shape)
        return W.T.copy()

    def forward(self, x: Tensor) -> Tensor:
        found = {"x": x}
        for node in self.net.nodes:
            name = node["id"]
            given = [found[source] for source in self.sources[name]]
            found[name] = self._node(node, given)
        return found[self.net.output]

    def _node(self, node: Mapping[str, object], given: list[Tensor]) -> Tensor:
        x = given[0]
        match node["type"]:
            case "Relu":
                return functional.relu(x)
            case "MaxPool2D":
                return functional.max_pool2d(x, node["size"])
            case "Flatten":
                return (x.permute(0, 2, 3, 1) if self.last else x).flatten(1)
            case "GlobalAvgPool2D":
                return x.mean((2, 3))
            case "Mean":
                return x.mean(1)
            case "Add":
                return given[0] + given[1]
        return self.steps[node["id"]](x)


def tensor_of(net: Net, numbers: np.ndarray, *, last: bool) -> Tensor:
    """Samples as they lie best in memory: (N, D), (N, H, W, C) for `last`, else (N, C, H, W)."""
    if numbers.ndim == 4 and not last:
        numbers = np.ascontiguousarray(numbers.transpose(0, 3, 1, 2))
    return torch.from_numpy(numbers)


class Steps(Side):
    """Eager training."""

    is_compiled = False

    def __init__(
        self, case: Training, threads: int, *, last: bool = False, bytes_kept: bool = False
    ) -> None:
        self.case = case
        self.threads = threads
        self.last = last
        pixels, t = samples.pictures(case.net, case.samples)
        if bytes_kept:
            self.x = torch.from_numpy(pixels.reshape(len(pixels), *case.net.shape))
        else:
            self.x = tensor_of(case.net, samples.numbers(case.net, pixels), last=last)
        self.t = torch.from_numpy(t)
        order = samples.batches(case.samples, CHECKED_STEPS, case.batch)
        self.order = [torch.from_numpy(rows) for rows in order]
        self.start = weights(case.net)
        self.module = Module(case.net, self.start, last=last, compiled=self.is_compiled)
        self.params = [p for p in self.module.parameters() if p.requires_grad]

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        x = self.x.index_select(0, rows)
        if x.dtype == torch.uint8:
            x = x.float().mul_(1 / 255)
        if self.last:
            x = x.permute(0, 3, 1, 2)
        return x, self.t.index_select(0, rows)

    def step(self, rows: Tensor) -> Tensor:
        x, t = self.batch(rows)
        loss = functional.cross_entropy(self.module(x), t)
        grads = torch.autograd.grad(loss, self.params)
        with torch.no_grad():
            torch._foreach_add_(self.params, grads, alpha=-self.case.lr)
        return loss.detach()

    def answer(self) -> np.ndarray:
        torch.set_num_threads(self.threads)
        self.module.fill(self.start)
        return np.array([float(self.step(rows)) for rows in self.order])

    def measure(self) -> float:
        torch.set_num_threads(self.threads)
        self.module.fill(self.start)
        order = self.order[: self.case.steps]
        begin = time.perf_counter()
        for rows in order:
            self.step(rows)
        return (time.perf_counter() - begin) / len(order)


class CompiledSteps(Steps):
    """Training with `torch.compile` around the whole step: gather, gradient and update."""

    is_compiled = True

    def __init__(self, case: Training, threads: int, *, last: bool = False) -> None:
        super().__init__(case, threads, last=last)
        named = self.module.named_parameters()
        self.named = {name: param for name, param in named if param.requires_grad}
        # Detached: the update in place is a part of the graph, not of autograd.
        self.detached = {name: param.detach() for name, param in self.named.items()}
        self.buffers = dict(self.module.named_buffers())
        self.compiled = whole_graph(self._whole)

    def _whole(self, params: dict[str, Tensor], buffers: dict[str, Tensor], rows: Tensor) -> Tensor:
        x, t = self.batch(rows)

        def loss_of(params: dict[str, Tensor], buffers: dict[str, Tensor]) -> Tensor:
            scores = torch.func.functional_call(self.module, (params, buffers), (x,))
            return functional.cross_entropy(scores, t)

        grads, loss = torch.func.grad_and_value(loss_of)(params, buffers)
        for name, param in params.items():
            # Not add_(grad, alpha=-lr): torch 2.13 compiles that, where grad is a product, without
            # its alpha, and the check against the other sides finds a loss of NaN.
            param.sub_(self.case.lr * grads[name])
        return loss

    def step(self, rows: Tensor) -> Tensor:
        return self.compiled(self.detached, self.buffers, rows)


class Scores(Side):
    """Prediction, in one call or in pieces."""

    def __init__(
        self,
        case: Prediction,
        threads: int,
        *,
        last: bool = False,
        piece: int | None = None,
        compiled: bool = False,
    ) -> None:
        self.case = case
        self.threads = threads
        pixels, _ = samples.pictures(case.net, case.samples)
        x = tensor_of(case.net, samples.numbers(case.net, pixels), last=last)
        self.x = x.permute(0, 3, 1, 2) if last else x
        self.piece = piece
        module = Module(case.net, weights(case.net), last=last).eval()
        self.module = whole_graph(module) if compiled else module

    def predict(self) -> Tensor:
        if self.piece is None:
            return self.module(self.x)
        return torch.cat([self.module(x) for x in self.x.split(self.piece)])

    def answer(self) -> np.ndarray:
        torch.set_num_threads(self.threads)
        with torch.inference_mode():
            return self.predict().numpy()

    def measure(self) -> float:
        torch.set_num_threads(self.threads)
        with torch.inference_mode():
            begin = time.perf_counter()
            for _ in range(self.case.calls):
                self.predict()
            return (time.perf_counter() - begin) / self.case.calls


def whole_graph(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The function through `torch.compile`, for these shapes alone."""
    import torch._inductor.config as inductor

    inductor.compile_threads = 1  # else a pool of processes outlives the compilation
    return torch.compile(function, dynamic=False, fullgraph=True, options={"cpp_wrapper": True})

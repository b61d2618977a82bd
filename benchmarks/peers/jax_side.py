"""JAX at its best: every step of a round in one jitted `lax.scan`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial, reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks import samples
from benchmarks.cases import CHECKED_STEPS, Case, Training
from benchmarks.nets import Net, padding_of, weights
from benchmarks.sequences import waves
from benchmarks.side import Makers, Side

VERSIONS = {"jax": jax.__version__}
Arrays = dict[str, jax.Array]
EPSILON = 1e-5
MOMENTUM = 0.1
STATE = ("mean", "var")


def sides(case: Case, family: str) -> Makers:
    """The variants of a case."""
    assert isinstance(case, Training)
    makers: dict[str, Callable[[], Side]] = {"one scan": partial(Scan, case)}
    if len(case.net.shape) == 1:
        makers["one scan, bytes"] = partial(Scan, case, bytes_kept=True)
    return makers


class Scan(Side):
    """Training: gather, gradient and update of all steps in one program."""

    def __init__(self, case: Training, *, bytes_kept: bool = False) -> None:
        self.case = case
        pixels, t = samples.pictures(case.net, case.samples)
        x = pixels if bytes_kept else samples.numbers(case.net, pixels)
        x = x.reshape(len(x), *case.net.shape)
        self.x, self.t = jnp.asarray(x), jnp.asarray(t.astype(np.int32))
        order = samples.batches(case.samples, CHECKED_STEPS, case.batch).astype(np.int32)
        self.order = jnp.asarray(order)
        self.round = jnp.asarray(order[: case.steps])
        arrays = weights(case.net)
        self.state = {k: jnp.asarray(v) for k, v in arrays.items() if k.endswith(STATE)}
        self.params = {k: jnp.asarray(v) for k, v in arrays.items() if k not in self.state}
        self.run = jax.jit(partial(train, case.net, case.lr))

    def answer(self) -> np.ndarray:
        losses, *_ = self.run(self.params, self.state, self.x, self.t, self.order)
        return np.asarray(losses)

    def measure(self) -> float:
        begin = time.perf_counter()
        done = self.run(self.params, self.state, self.x, self.t, self.round)
        jax.block_until_ready(done)
        return (time.perf_counter() - begin) / self.case.steps


def train(
    net: Net,
    lr: float,
    params: Arrays,
    state: Arrays,
    x_all: jax.Array,
    t_all: jax.Array,
    order: jax.Array,
) -> tuple[jax.Array, Arrays, Arrays]:
    """The loss of each step, and the parameters and states after the last."""

    def loss_of(
        params: Arrays, state: Arrays, x: jax.Array, t: jax.Array
    ) -> tuple[jax.Array, Arrays]:
        scores, state = forward(net, params, state, x)
        logs = jax.nn.log_softmax(scores)
        return -jnp.take_along_axis(logs, t[:, None], 1).mean(), state

    def step(carried: tuple[Arrays, Arrays], rows: jax.Array) -> Any:
        params, state = carried
        x = x_all[rows]
        if x.dtype == jnp.uint8:
            x = x.astype(jnp.float32) * (1 / 255)
        (loss, state), grads = jax.value_and_grad(loss_of, has_aux=True)(
            params, state, x, t_all[rows]
        )
        params = {name: param - lr * grads[name] for name, param in params.items()}
        return (params, state), loss

    (params, state), losses = lax.scan(step, (params, state), order)
    return losses, params, state


def forward(net: Net, params: Arrays, state: Arrays, x: jax.Array) -> tuple[jax.Array, Arrays]:
    """The scores, and the states after a training pass."""
    found = {"x": x}
    state = dict(state)
    for node in net.nodes:
        name, kind = node["id"], node["type"]
        given = [found[source] for source in net.sources()[name]]
        x = given[0]
        match kind:
            case "Affine":
                out = x @ params[f"{name}/W"] + params[f"{name}/b"]
            case "Conv2D":
                out = convolution(node, params, x)
            case "BatchNorm":
                out = normalized(name, params, state, x)
            case "Lstm":
                out = lstm(*(params[f"{name}/{part}"] for part in "WUb"), x)
            case "MultiHeadAttention":
                out = attention(node, params, x)
            case "LayerNorm":
                out = layer_normalized(name, params, x)
            case "PositionalEncoding":
                out = x + waves(*x.shape[1:])
            case "Mean":
                out = x.mean(1)
            case "Relu":
                out = jax.nn.relu(x)
            case "MaxPool2D":
                out = pooled(x, node["size"])
            case "Flatten":
                out = x.reshape(len(x), -1)
            case "GlobalAvgPool2D":
                out = x.mean((1, 2))
            case "Add":
                out = given[0] + given[1]
        found[name] = out
    return found[net.output], state


def convolution(node: Mapping[str, Any], params: Arrays, x: jax.Array) -> jax.Array:
    """A convolution as one product of its windows, gathered by slices.

    `lax.conv_general_dilated` took 75 ms for a step of mnist_cnn on two cores, and this 17; for
    LeNet 400 and 65, in either layout, in a scan or out of it.
    """
    name, size, stride, padding = (
        node["id"],
        node["kernel"],
        node.get("stride", 1),
        padding_of(node),
    )
    W = params[f"{name}/W"]
    x = jnp.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    high, wide = ((side - size) // stride + 1 for side in x.shape[1:3])
    windows = [
        x[:, i : i + (high - 1) * stride + 1 : stride, j : j + (wide - 1) * stride + 1 : stride]
        for i in range(size)
        for j in range(size)
    ]
    columns = jnp.concatenate(windows, -1)
    out = columns.reshape(-1, columns.shape[-1]) @ W.reshape(-1, W.shape[-1])
    out = out.reshape(len(x), high, wide, -1)
    return out + params[f"{name}/b"] if f"{name}/b" in params else out


def pooled(x: jax.Array, size: int) -> jax.Array:
    """The largest of each window, by slices and `maximum`: the gradient of `reduce_window` is a
    scatter, which takes many times as long on a CPU."""
    parts = [x[:, i::size, j::size] for i in range(size) for j in range(size)]
    return reduce(jnp.maximum, parts)


def normalized(name: str, params: Arrays, state: Arrays, x: jax.Array) -> jax.Array:
    """Batch normalization over all but the channels; `state` moves as PyTorch's does."""
    axes = (0, 1, 2)
    mean, var = x.mean(axes), x.var(axes)
    count = x.size // len(mean)
    for key, value in (("mean", mean), ("var", var * (count / (count - 1)))):
        old = state[f"{name}/{key}"]
        state[f"{name}/{key}"] = (1 - MOMENTUM) * old + MOMENTUM * value
    factor = params[f"{name}/gamma"] * lax.rsqrt(var + EPSILON)
    return x * factor + (params[f"{name}/beta"] - mean * factor)


def lstm(W: jax.Array, U: jax.Array, b: jax.Array, x: jax.Array) -> jax.Array:
    """The last h. One step after the other in a loop took 29 ms a training step on two cores, five
    in a row 35 and all of them 49."""

    def step(carried: tuple[jax.Array, jax.Array], of_x: jax.Array) -> Any:
        h, c = carried
        i, o, f, g = jnp.split(of_x + h @ U, 4, -1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    nothing = jnp.zeros((len(x), len(U)), x.dtype)
    (h, _), _ = lax.scan(step, (nothing, nothing), x.swapaxes(0, 1) @ W + b)
    return h


def attention(node: Mapping[str, Any], params: Arrays, x: jax.Array) -> jax.Array:
    """Heads as axes of one product; q, k and v from one product of their weights side by side."""
    name, heads = node["id"], node["heads"]
    W = jnp.concatenate([params[f"{name}/W{part}"] for part in "qkv"], 1)
    b = jnp.concatenate([params[f"{name}/b{part}"] for part in "qkv"])
    parts = jnp.split(x @ W + b, 3, -1)
    q, k, v = (part.reshape(*x.shape[:2], heads, -1).swapaxes(1, 2) for part in parts)
    scores = q @ k.swapaxes(2, 3) / np.sqrt(q.shape[-1]).astype(np.float32)
    mixed = (jax.nn.softmax(scores) @ v).swapaxes(1, 2).reshape(x.shape)
    return mixed @ params[f"{name}/Wo"] + params[f"{name}/bo"]


def layer_normalized(name: str, params: Arrays, x: jax.Array) -> jax.Array:
    """Each position by itself."""
    mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    normed = (x - mean) * lax.rsqrt(var + EPSILON)
    return normed * params[f"{name}/gamma"] + params[f"{name}/beta"]

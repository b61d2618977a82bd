"""The cases: what is timed, for whom, and the ratio that is aimed at."""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks import nets, sequences
from benchmarks.nets import Net

CHECKED_STEPS = 50
"""Steps over which the loss curves of all sides are compared."""


@dataclass(frozen=True)
class Family:
    """The sides that one framework has in a case: they live in a process of their own.

    module: where `sides(case, family)` is. needs: packages without which it is missing.
    environment: what is set before anything is imported.
    """

    name: str
    module: str
    needs: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Target:
    """at most = time of `ours` / least time among `against`

    ours: a side. against: families, or sides; `what` says which, in the report's words.
    """

    what: str
    against: tuple[str, ...]
    at_most: float
    ours: str = "graphnet"


@dataclass(frozen=True)
class Case:
    """Something that is timed, on every side.

    Units: factor turns seconds into `unit`.
    """

    name: str
    title: str
    families: tuple[Family, ...]
    targets: tuple[Target, ...]
    unit: str
    factor: float


@dataclass(frozen=True)
class Training(Case):
    """Steps of plain SGD, each a gather from the data set in memory, a gradient and an update.

    steps: in one round. samples: in the data set. lr: small enough that rounding does not grow
    into another curve over the checked steps; the time of a step does not depend on it.
    """

    net: Net = field(kw_only=True)
    batch: int = 100
    lr: float = 0.1
    steps: int = CHECKED_STEPS
    samples: int = 10_000


@dataclass(frozen=True)
class Prediction(Case):
    """Scores of some samples, float32 numbers in memory; `calls` of it are one round."""

    net: Net = field(kw_only=True)
    samples: int = 1
    calls: int = 1


@dataclass(frozen=True)
class Updating(Case):
    """Steps of Adam alone, with PyTorch's default numbers and one gradient in memory."""

    parameters: int = field(kw_only=True)
    steps: int = 10


OURS = Family("graphnet", "benchmarks.ours")
FLOOR = Family("GEMM floor", "benchmarks.floor")
TORCH = Family("PyTorch", "benchmarks.peers.torch_side", ("torch",))
JAX = Family("JAX", "benchmarks.peers.jax_side", ("jax",))
SKLEARN = Family("scikit-learn", "benchmarks.peers.sklearn_side", ("sklearn",))
ONNX = Family("onnxruntime", "benchmarks.peers.onnx_side", ("onnx", "onnxruntime"))

PROCESSES = "benchmarks.processes"
OUR_PROCESS = Family("graphnet", PROCESSES)
TORCH_PROCESS = Family("PyTorch", PROCESSES, ("torch",))
ONNX_PROCESS = Family("onnxruntime", PROCESSES, ("onnx", "onnxruntime"))

LOADING = "benchmarks.loading"
OUR_LOADING = Family("graphnet", LOADING)
SAFETENSORS = Family("safetensors", LOADING, ("safetensors",))

UPDATES = "benchmarks.updates"
OUR_UPDATE = Family("graphnet", UPDATES)
TORCH_UPDATE = Family("PyTorch", UPDATES, ("torch",))
JAX_UPDATE = Family("JAX", UPDATES, ("jax",))

SCALE = Family("graphnet", "benchmarks.scale")


def training(
    name: str, title: str, net: Net, at_most: float, *, floor: float | None = None, **more: float
) -> Training:
    """A training case; scikit-learn takes part where the network is one that it has."""
    perceptron = all(node["type"] in ("Affine", "Relu") for node in net.nodes)
    peers = (TORCH, JAX, SKLEARN) if perceptron else (TORCH, JAX)
    targets = [Target("the best peer", tuple(peer.name for peer in peers), at_most)]
    if floor is not None:
        targets.append(Target("its GEMM floor on one thread", ("GEMM floor: 1 thread",), floor))
    return Training(
        name,
        title,
        (OURS, *peers, FLOOR),
        tuple(targets),
        "ms a step",
        1e3,
        net=net,
        **more,
    )


def prediction(name: str, title: str, net: Net, at_most: float, **more: int) -> Prediction:
    """A prediction case, against onnxruntime; PyTorch's time stands beside it."""
    unit, factor = ("us", 1e6) if more["samples"] == 1 else ("ms", 1e3)
    target = Target("onnxruntime", ("onnxruntime",), at_most)
    return Prediction(name, title, (OURS, ONNX, TORCH), (target,), unit, factor, net=net, **more)


CASES: tuple[Case, ...] = (
    training(
        "train-784-50-10",
        "training 784-50-10, batch 100",
        nets.perceptron(50, 10),
        0.50,
        floor=1.6,
    ),
    training(
        "train-784-500-500-10",
        "training 784-500-500-10, batch 100",
        nets.perceptron(500, 500, 10),
        0.60,
    ),
    training(
        "train-mnist-cnn",
        "training mnist_cnn (5x5x30, pool, 100, 10), batch 100",
        nets.mnist_cnn(),
        0.40,
        lr=0.05,
        steps=20,
    ),
    training(
        "train-lenet",
        "training LeNet 20/50/500, batch 100",
        nets.lenet(),
        0.80,
        lr=0.005,
        steps=10,
    ),
    training(
        "train-vgg",
        "training the VGG-like net 32-32-64-64 on 32x32x3, batch 64",
        nets.vgg(),
        0.95,
        batch=64,
        lr=0.001,
        steps=4,
        samples=4_000,
    ),
    training(
        "train-residual",
        "training the residual net 16-32-64 on 32x32x3, batch 64",
        nets.residual(),
        1.00,
        batch=64,
        lr=0.01,
        steps=4,
        samples=4_000,
    ),
    Updating(
        "adam",
        "a step of Adam on 10 million parameters",
        (OUR_UPDATE, TORCH_UPDATE, JAX_UPDATE),
        (Target("the best peer", ("PyTorch", "JAX"), 0.90),),
        "ms",
        1e3,
        parameters=10_000_000,
    ),
    training(
        "train-lstm",
        "training an LSTM of 128 over 50 steps of 64, batch 64",
        sequences.lstm(),
        0.90,
        batch=64,
        lr=0.1,
        steps=25,
        samples=4_000,
    ),
    training(
        "train-encoder",
        "training a transformer encoder (128 wide, 4 heads, 64 positions, 512 between), batch 32",
        sequences.encoder(),
        1.00,
        batch=32,
        lr=0.01,
        steps=25,
        samples=2_000,
    ),
    prediction(
        "predict-one",
        "prediction, one sample of 784-50-10",
        nets.perceptron(50, 10),
        1.00,
        samples=1,
        calls=2_000,
    ),
    prediction(
        "predict-10000",
        "prediction, 10,000 samples of 784-50-10",
        nets.perceptron(50, 10),
        0.90,
        samples=10_000,
        calls=5,
    ),
    prediction(
        "predict-mnist-cnn",
        "prediction, 1,000 images of mnist_cnn",
        nets.mnist_cnn(),
        1.00,
        samples=1_000,
        calls=3,
    ),
    Case(
        "process-97",
        "from process start to 97% test accuracy on MNIST",
        (OUR_PROCESS, TORCH_PROCESS),
        (Target("the same recipe in PyTorch", ("PyTorch",), 0.30),),
        "s",
        1.0,
    ),
    Case(
        "process-label",
        "whole process, one picture to label",
        (OUR_PROCESS, ONNX_PROCESS, TORCH_PROCESS),
        (
            Target("a minimal onnxruntime script", ("onnxruntime",), 1.20),
            Target("a minimal PyTorch script", ("PyTorch",), 0.15),
        ),
        "ms",
        1e3,
    ),
    Case(
        "load-256",
        "loading 256 MB with checksums",
        (OUR_LOADING, SAFETENSORS),
        (Target("safetensors.numpy.load_file", ("safetensors",), 1.50),),
        "ms",
        1e3,
    ),
    Case(
        "load-mapped",
        "loading 256 MB mapped and summing one tensor of 1 MB",
        (OUR_LOADING, SAFETENSORS),
        (
            Target("safetensors.safe_open", ("safetensors",), 1.00),
            Target(
                "the same, network construction excluded",
                ("safetensors",),
                1.00,
                ours="graphnet: without the network",
            ),
        ),
        "ms",
        1e3,
    ),
    Case(
        "scale",
        "cost of a sample in training 784-50-10, by the size of the data set",
        (SCALE,),
        (
            Target(
                "10,000 samples, for 1,000,000",
                ("graphnet: 10,000 samples",),
                1.10,
                ours="graphnet: 1,000,000 samples",
            ),
            Target(
                "10,000 samples, for 100,000",
                ("graphnet: 10,000 samples",),
                1.10,
                ours="graphnet: 100,000 samples",
            ),
        ),
        "us a sample",
        1e6,
    ),
)

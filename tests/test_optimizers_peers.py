"""Optimizers against PyTorch's, and Lion against its paper: 50 steps from equal starts."""

import numpy as np
import pytest

from graphnet.optimizers import OPTIMIZERS

STEPS = 50
SHAPES = {"a": (3, 4), "b": (5,), "c": ()}
CASES = [
    ("SGD", {}, "SGD", {"lr": 0.01}),
    ("SGD", {"lr": 0.05, "momentum": 0.9}, "SGD", {"lr": 0.05, "momentum": 0.9}),
    ("SGD", {"weight_decay": 0.1}, "SGD", {"lr": 0.01, "weight_decay": 0.1}),
    (
        "SGD",
        {"momentum": 0.8, "nesterov": True, "weight_decay": 0.01},
        "SGD",
        {"lr": 0.01, "momentum": 0.8, "nesterov": True, "weight_decay": 0.01},
    ),
    (
        "SGD",
        {"momentum": 0.9, "nesterov": True},
        "SGD",
        {"lr": 0.01, "momentum": 0.9, "nesterov": True},
    ),
    ("AdaGrad", {}, "Adagrad", {}),
    ("AdaGrad", {"lr": 0.1, "eps": 1e-3}, "Adagrad", {"lr": 0.1, "eps": 1e-3}),
    ("AdaGrad", {"weight_decay": 0.05}, "Adagrad", {"weight_decay": 0.05}),
    ("RMSprop", {}, "RMSprop", {}),
    ("RMSprop", {"alpha": 0.9, "eps": 1e-4}, "RMSprop", {"alpha": 0.9, "eps": 1e-4}),
    ("RMSprop", {"momentum": 0.9}, "RMSprop", {"momentum": 0.9}),
    ("RMSprop", {"centered": True}, "RMSprop", {"centered": True}),
    (
        "RMSprop",
        {"lr": 0.001, "momentum": 0.5, "centered": True, "weight_decay": 0.02},
        "RMSprop",
        {"lr": 0.001, "momentum": 0.5, "centered": True, "weight_decay": 0.02},
    ),
    ("Adam", {}, "Adam", {}),
    (
        "Adam",
        {"lr": 0.01, "beta1": 0.8, "beta2": 0.95, "eps": 1e-6},
        "Adam",
        {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-6},
    ),
    ("Adam", {"beta1": 0.0, "eps": 0.1}, "Adam", {"betas": (0.0, 0.999), "eps": 0.1}),
    ("Adam", {"weight_decay": 0.1}, "Adam", {"weight_decay": 0.1}),
    ("AdamW", {}, "AdamW", {}),
    ("AdamW", {"weight_decay": 0.3}, "AdamW", {"weight_decay": 0.3}),
    (
        "AdamW",
        {"lr": 0.02, "beta1": 0.95, "beta2": 0.98, "weight_decay": 0.0},
        "AdamW",
        {"lr": 0.02, "betas": (0.95, 0.98), "weight_decay": 0.0},
    ),
]


def ids(value: object) -> str | None:
    return ",".join(value) or "defaults" if isinstance(value, dict) else None


def trained(name, given, grads, start, rates):
    """The parameters after a step for each of `grads`."""
    mine = {key: array.copy() for key, array in start.items()}
    cls = OPTIMIZERS[name]
    optimizer = cls(cls.Spec.model_validate({"type": name, **given}), mine)
    for step, rate in zip(grads, rates, strict=True):
        optimizer.update(mine, step, rate)
    return mine


@pytest.fixture
def start(rng):
    return {key: rng.normal(size=shape) for key, shape in SHAPES.items()}


@pytest.fixture
def grads(rng):
    """Gradients of very different sizes, among them zeros."""
    return [
        {
            key: rng.normal(size=shape) * 10.0 ** rng.integers(-4, 3) * (rng.random(shape) > 0.1)
            for key, shape in SHAPES.items()
        }
        for _ in range(STEPS)
    ]


@pytest.mark.parametrize("scheduled", [False, True], ids=["", "scheduled"])
@pytest.mark.parametrize(("name", "given", "peer", "theirs"), CASES, ids=ids)
def test_fifty_steps_are_pytorchs(name, given, peer, theirs, scheduled, start, grads):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")
    tensors = {key: torch.tensor(array, requires_grad=True) for key, array in start.items()}
    optimizer = getattr(torch.optim, peer)(list(tensors.values()), **theirs)
    lr = optimizer.param_groups[0]["lr"]
    rates = [lr * (1 + step) / STEPS if scheduled else None for step in range(STEPS)]
    for step, rate in zip(grads, rates, strict=True):
        for key, tensor in tensors.items():
            tensor.grad = torch.tensor(step[key])
        if rate is not None:
            optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
    found = trained(name, given, grads, start, rates)
    for key, tensor in tensors.items():
        np.testing.assert_allclose(found[key], tensor.detach().numpy(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"lr": 0.01, "weight_decay": 0.1},
        {"lr": 0.003, "beta1": 0.95, "beta2": 0.98, "weight_decay": 1.0},
        {"beta1": 0.0},
    ],
    ids=ids,
)
def test_fifty_steps_of_lion_are_those_of_its_paper(given, start, grads):
    lr, decay = given.get("lr", 0.0001), given.get("weight_decay", 0.0)
    beta1, beta2 = given.get("beta1", 0.9), given.get("beta2", 0.99)
    theta = {key: array.copy() for key, array in start.items()}
    m = {key: np.zeros(shape) for key, shape in SHAPES.items()}
    for step in grads:
        for key, g in step.items():
            c = beta1 * m[key] + (1 - beta1) * g
            theta[key] = theta[key] - lr * (np.sign(c) + decay * theta[key])
            m[key] = beta2 * m[key] + (1 - beta2) * g
    found = trained("Lion", given, grads, start, [None] * STEPS)
    for key in SHAPES:
        np.testing.assert_allclose(found[key], theta[key], rtol=1e-9, atol=1e-9)


def test_every_optimizer_is_compared_at_least_three_times():
    counts = {name: sum(case[0] == name for case in CASES) for name in OPTIMIZERS}
    assert {name for name, count in counts.items() if count < 3} == {"Lion"}


@pytest.mark.parametrize(("name", "given", "peer", "theirs"), CASES, ids=ids)
def test_gradients_stay_as_they_are_and_no_slot_is_unnamed(name, given, peer, theirs, start, grads):
    before = {key: array.copy() for key, array in grads[0].items()}
    cls = OPTIMIZERS[name]
    spec = cls.Spec.model_validate({"type": name, **given})
    optimizer = cls(spec, start)
    optimizer.update(start, grads[0])
    for key, array in before.items():
        np.testing.assert_array_equal(grads[0][key], array)
    assert set(optimizer.state) == {f"{key}/{slot}" for key in SHAPES for slot in spec.slots()}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_float32_stays_float32(name, start, grads):
    rounded = {key: array.astype(np.float32) for key, array in start.items()}
    few = [{k: np.asarray(g, np.float32) for k, g in step.items()} for step in grads[:3]]
    found = trained(name, {"weight_decay": 0.1}, few, rounded, [None, 0.5, 0.25])
    expected = trained(name, {"weight_decay": 0.1}, grads[:3], start, [None, 0.5, 0.25])
    for key, array in found.items():
        assert array.dtype == np.float32
        np.testing.assert_allclose(array, expected[key], rtol=1e-3, atol=1e-5)

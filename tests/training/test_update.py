"""The end of a step: gradients clipped as PyTorch clips them, the same bits for any threads."""

import json

import numpy as np
import pytest

from graphnet.builder import build
from graphnet.bundle.model import load, save
from graphnet.crew import Crew
from graphnet.data.dataset import Dataset, Split
from graphnet.data.digits import load_digits
from graphnet.optimizers import OPTIMIZERS, optimizer_for
from graphnet.optimizers.sgd import SGD
from graphnet.plan import Plan
from graphnet.schedules.rates import Cosine
from graphnet.spec.clip import ClipSpec
from graphnet.spec.reader import parse_spec
from graphnet.training.fitting import fit
from graphnet.training.loop import Trainer
from graphnet.training.update import Update

RATE = SGD.Spec(type="SGD", lr=1.0)


@pytest.fixture
def network():
    """A network without data: 9 x 5 and 5 parameters, at a start of zeros."""

    def make(**more):
        zeros = {"type": "Zeros"}
        values = {
            "format": 1,
            "name": "small",
            "dtype": "float64",
            "inputs": {"x": {"shape": [9]}},
            "nodes": [{"id": "a", "type": "Affine", "units": 5, "init": zeros}],
            "edges": [["x", "a"]],
            "loss": {"type": "SoftmaxWithLoss"},
            **more,
        }
        return build(parse_spec(json.dumps(values)))

    return make


def moved(net, clip, grads, threads=1):
    """How far a step at a rate of 1 moves the parameters of a network; None where it refuses."""
    start = {name: param.copy() for name, param in net.params.items()}
    with Crew(threads) as crew, np.errstate(all="ignore"):  # as in the loop
        update = Update(net.engine, optimizer_for(RATE, net.params), crew, clip)
        done = update(grads)
    found = {name: start[name] - param for name, param in net.params.items()}
    if not done:
        assert all((step == 0).all() for step in found.values())
    return found if done else None


def filled(net, rng, shards, scale=1.0):
    """Flat gradients of so many shards, and their sum by name."""
    parts, total = [], {name: np.zeros(grad.shape) for name, grad in net.grads.items()}
    for _ in range(shards):
        for name, grad in net.grads.items():
            grad[...] = scale * rng.normal(size=grad.shape)
            total[name] += grad
        parts.append(net.engine.flat_grads.copy())
    return parts, total


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("norm", [0.001, 1.0, 1e6])
def test_a_norm_is_clipped_as_pytorch_does(network, rng, norm, shards):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")
    net = network()
    grads, total = filled(net, rng, shards)
    tensors = {name: torch.zeros(grad.shape, dtype=torch.float64) for name, grad in total.items()}
    for name, tensor in tensors.items():
        tensor.grad = torch.tensor(total[name])
    torch.nn.utils.clip_grad_norm_(tensors.values(), norm)
    found = moved(net, ClipSpec(norm=norm), grads)
    for name, tensor in tensors.items():
        np.testing.assert_allclose(found[name], tensor.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize("value", [0.01, 0.5, 100.0])
def test_a_value_is_clipped_as_pytorch_does(network, rng, value):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")
    net = network()
    grads, total = filled(net, rng, 2)
    tensors = {name: torch.zeros(grad.shape, dtype=torch.float64) for name, grad in total.items()}
    for name, tensor in tensors.items():
        tensor.grad = torch.tensor(total[name])
    torch.nn.utils.clip_grad_value_(tensors.values(), value)
    found = moved(net, ClipSpec(value=value), grads)
    for name, tensor in tensors.items():
        np.testing.assert_allclose(found[name], tensor.grad.numpy(), rtol=1e-12)


def test_the_gradient_that_stays_is_the_clipped_sum(network, rng):
    net = network()
    grads, total = filled(net, rng, 2)
    moved(net, ClipSpec(norm=0.5), grads)
    assert np.sqrt(np.sum(grads[0] ** 2)) == pytest.approx(0.5, rel=1e-5)
    size = np.sqrt(sum(np.sum(grad**2) for grad in total.values()))
    np.testing.assert_allclose(grads[0][:45], total["a/W"].ravel() * 0.5 / (size + 1e-6))


@pytest.mark.parametrize("clip", [None, ClipSpec(norm=1.0), ClipSpec(value=0.5)], ids=str)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_moves_nothing(network, rng, clip, bad):
    net = network()
    grads, _ = filled(net, rng, 2)
    grads[1][7] = bad
    assert moved(net, clip, grads) is None


@pytest.mark.parametrize("clip", [ClipSpec(norm=1.0), ClipSpec(value=0.5)], ids=str)
def test_a_norm_beyond_float32_clips_all_the_same(network, rng, clip):
    net = network(dtype="float32")
    grads, total = filled(net, rng, 1, scale=1e30)
    found = moved(net, clip, grads)
    assert found is not None
    if clip.norm:
        size = np.sqrt(sum(np.sum(step.astype(float) ** 2) for step in found.values()))
        assert size == pytest.approx(1.0, rel=1e-5)
    else:
        np.testing.assert_array_equal(found["a/W"], 0.5 * np.sign(total["a/W"]))


@pytest.mark.parametrize("clip", [None, ClipSpec(norm=1.0), ClipSpec(value=0.01)], ids=str)
def test_threads_change_no_bit(network, rng, monkeypatch, clip):
    monkeypatch.setattr("graphnet.training.update.PIECE", 64)
    monkeypatch.setattr("graphnet.training.update.WORTH_SHARING", 0)
    nodes = [{"id": "a", "type": "Affine", "units": 50, "init": {"type": "Zeros"}}]
    grads, _ = filled(network(nodes=nodes), rng, 3)
    found = []
    for threads in (1, 2, 3, 8):
        net = network(nodes=nodes)
        moved(net, clip, [grad.copy() for grad in grads], threads)
        found.append(b"".join(param.tobytes() for param in net.params.values()))
    assert all(one == found[0] for one in found)


def test_a_network_from_a_file_is_clipped_by_the_same_norm(network, rng, tmp_path, monkeypatch):
    """Its parameters do not lie together, and are moved in other pieces."""
    monkeypatch.setattr("graphnet.training.update.PIECE", 24)
    net = network(dtype="float32")
    save(tmp_path / "small.msgpack", net)
    loaded = load(tmp_path / "small.msgpack")
    grads, _ = filled(net, rng, 2)
    for one in (net, loaded):
        moved(one, ClipSpec(norm=0.1), [grad.copy() for grad in grads])
    for name, param in net.params.items():
        np.testing.assert_array_equal(param, loaded.params[name])


SCHEDULES = [
    None,
    {"type": "Constant", "warmup": 1},
    {"type": "Step", "every": 1},
    {"type": "Cosine", "warmup": 0.5},
    {"type": "OneCycle"},
]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda one: one and one["type"])
def test_training_takes_the_rate_of_each_step(network, rng, schedule, monkeypatch):
    train = {"epochs": 3, "batch_size": 4, "optimizer": {"type": "SGD", "lr": 0.5}}
    net = network(train={**train, **({"schedule": schedule} if schedule else {})})
    data = Dataset("mine", Split({"x": rng.normal(size=(10, 9))}, rng.integers(0, 5, 10)))
    rates, begin = [], SGD.begin
    monkeypatch.setattr(SGD, "begin", lambda self, lr: rates.append(lr) or begin(self, lr))
    with Trainer(net, data, threads=1) as trainer:
        list(trainer.run())
    spec = net.spec.train.schedule
    assert rates == [0.5 * (spec.factor(step, 3, 3) if spec else 1.0) for step in range(9)]
    assert len(set(rates)) == (1 if spec is None else {"Constant": 3, "Step": 3}.get(spec.type, 9))


RECIPES = {
    "SGD": {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 1e-4},
    "AdaGrad": {"lr": 0.05},
    "RMSprop": {"lr": 0.001, "centered": True, "momentum": 0.5},
    "Adam": {"lr": 0.01},
    "AdamW": {"lr": 0.01},
    "Lion": {"lr": 0.002, "weight_decay": 0.1},
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_learns_the_digits(model, name):
    spec = model("digits")
    optimizer = OPTIMIZERS[name].Spec.model_validate({"type": name, **RECIPES[name]})
    train = spec.train.model_copy(
        update={
            "epochs": 10,
            "optimizer": optimizer,
            "schedule": Cosine(type="Cosine", warmup=1, final=0.1),
            "clip": ClipSpec(norm=5.0),
        }
    )
    *_, last = fit(build(spec.model_copy(update={"train": train})), load_digits(), threads=1)
    assert last.test_accuracy > 0.9


def test_the_plan_counts_what_the_optimizer_keeps(network):
    def bytes_of(**optimizer):
        net = network(train={"epochs": 1, "optimizer": optimizer})
        return Plan(net.graph).step_bytes(10)

    plain, parameters = bytes_of(type="SGD"), 50 * 8
    assert bytes_of(type="SGD", momentum=0.9) == plain + parameters
    assert bytes_of(type="Adam") == bytes_of(type="AdamW") == plain + 2 * parameters
    assert bytes_of(type="RMSprop", centered=True, momentum=0.5) == plain + 3 * parameters

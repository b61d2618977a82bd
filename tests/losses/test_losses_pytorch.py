"""Every loss and its gradient beside PyTorch's, in float64: equal to 1e-9."""

import numpy as np
import pytest

from graphnet.losses import LOSSES

torch = pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")
F = torch.nn.functional


def cross_entropy(x, t, **given):
    """Classes last."""
    weight = given.pop("weight", None)
    weight = None if weight is None else torch.tensor(weight, dtype=x.dtype)
    return F.cross_entropy(x.movedim(-1, 1), t, weight=weight, **given)


ROWS = [
    ("SoftmaxWithLoss", {}, (5,), cross_entropy, {}),
    (
        "SoftmaxWithLoss",
        {"smoothing": 0.2, "class_weights": [1, 2, 0.5]},
        (3,),
        cross_entropy,
        {"label_smoothing": 0.2, "weight": [1, 2, 0.5]},
    ),
    (
        "SoftmaxWithLoss",
        {"class_weights": [1, 2, 0.5], "ignore": 2},
        (4, 3),
        cross_entropy,
        {"weight": [1, 2, 0.5], "ignore_index": 2},
    ),
    (
        "SoftmaxWithLoss",
        {"smoothing": 0.1, "ignore": -100},
        (2, 3, 4),
        cross_entropy,
        {"label_smoothing": 0.1},
    ),
    *(
        (kind, {}, scores, peer, {})
        for kind, peer in (
            ("SigmoidWithLoss", F.binary_cross_entropy_with_logits),
            ("MeanSquaredError", F.mse_loss),
            ("MeanAbsoluteError", F.l1_loss),
            ("Huber", F.huber_loss),
        )
        for scores in ((1,), (5,), (2, 3))
    ),
    ("Huber", {"delta": 0.25}, (4,), F.huber_loss, {"delta": 0.25}),
]


def test_every_loss_has_three_rows():
    counts = {name: sum(row[0] == name for row in ROWS) for name in LOSSES}
    assert {name: n for name, n in counts.items() if n < 3} == {}


@pytest.mark.parametrize(("kind", "attributes", "scores", "peer", "given"), ROWS)
def test_losses_are_pytorchs(kind, attributes, scores, peer, given, rng):
    loss, x = LOSSES[kind](**attributes), rng.normal(size=(6, *scores)) * 3
    if kind == "SoftmaxWithLoss":
        t = rng.integers(0, scores[-1], x.shape[:-1])
        t[1] = attributes.get("ignore", t[1])
    else:
        t = rng.uniform(size=x.shape)
    theirs = torch.tensor(x, requires_grad=True)
    expected = peer(theirs, torch.tensor(t), **given)
    expected.backward()
    found = loss.forward(x, loss.targets(t, 6, scores))
    assert found == pytest.approx(expected.item(), rel=1e-9)
    np.testing.assert_allclose(loss.backward(), theirs.grad.numpy(), rtol=1e-9, atol=1e-9)

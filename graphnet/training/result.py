"""What training tells of itself: after each epoch, and after each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphnet.bundle.format import MAX_TRAIN_BYTES
from graphnet.bundle.model import canonical_json
from graphnet.errors import SpecLimitError
from graphnet.network import Network
from graphnet.training.measure import Measured
from graphnet.training.norms import LONGEST_NORM, Norms, parameters_of


@dataclass(frozen=True)
class EpochResult:
    """One epoch. loss: mean over its steps, each before its update; accuracies, 0 to 1, over the
    whole parts after it, None where no loss is one of classes; seconds: its steps and all that is
    measured.

    validation_loss, validation_accuracy: of the part that is kept apart. metrics: everything else
    that the recipe asks for, `train_top5`, `test_r2`; of several outputs `test_accuracy/OUTPUT`.
    best_epoch: with early stopping, the best one so far. norms: where they are recorded, of each
    layer the norm of its weights after the epoch and of the gradient of its last step.
    """

    epoch: int
    loss: float
    train_accuracy: float | None
    test_accuracy: float | None
    seconds: float
    validation_loss: float | None = None
    validation_accuracy: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    best_epoch: int | None = None
    norms: Norms = field(default_factory=dict)

    @classmethod
    def of(cls, epoch: int, loss: float, parts: Mapping[str, Measured]) -> EpochResult:
        """The result of what was measured of the parts `train`, `validation` and `test`, those
        that there are."""
        nothing = Measured(None, None, {})
        validation = parts.get("validation", nothing)
        return cls(
            epoch,
            loss,
            parts["train"].accuracy,
            parts.get("test", nothing).accuracy,
            0.0,
            validation.loss,
            validation.accuracy,
            {
                f"{part}_{name}": value
                for part, measured in parts.items()
                for name, value in measured.figures.items()
                if name != "accuracy"
            },
        )

    def numbers(self) -> dict[str, float]:
        """Everything that was measured, by name."""
        names = ("loss", "train_accuracy", "validation_loss", "validation_accuracy")
        found = {name: getattr(self, name) for name in (*names, "test_accuracy")}
        return {name: value for name, value in found.items() if value is not None} | self.metrics

    def entry(self) -> dict[str, Any]:
        """What a bundle keeps of it: no durations, and nothing of what was not measured."""
        found: dict[str, Any] = {
            "epoch": self.epoch,
            "loss": self.loss,
            "train_accuracy": self.train_accuracy,
            "test_accuracy": self.test_accuracy,
        }
        if self.validation_loss is not None:
            found["validation_loss"] = self.validation_loss
            found["validation_accuracy"] = self.validation_accuracy
        if self.metrics:
            found["metrics"] = dict(self.metrics)
        if self.norms:
            found["norms"] = {layer: list(pair) for layer, pair in self.norms.items()}
        return found


@dataclass(frozen=True)
class Progress:
    """Where training is: epoch and step count from 1; loss is that of the step."""

    epoch: int
    step: int
    steps: int
    samples: int
    loss: float


LONGEST = -1.2345678901234567e-100
"""No number is written longer."""


def check_history(
    net: Network, figures: Sequence[str], parts: Sequence[str], *, norms: bool = False
) -> None:
    """Whether what all epochs of the recipe measure, these figures of these parts and the norms of
    layers where they are recorded, fits into a bundle beside the history that there is.

    Errors: SpecLimitError.
    """
    assert net.spec.train is not None
    epochs = net.spec.train.epochs
    worst = Measured(LONGEST, LONGEST, dict.fromkeys(figures, LONGEST))
    entry = EpochResult.of(epochs, LONGEST, dict.fromkeys(parts, worst)).entry()
    if norms:
        entry["norms"] = dict.fromkeys(parameters_of(net), [LONGEST_NORM] * 2)
    size = len(canonical_json({**entry, "best": True}).encode()) + 1
    room = MAX_TRAIN_BYTES - len(canonical_json({"history": net.history}).encode())
    if size * epochs > room:
        raise SpecLimitError(
            f"{net.spec.name}: what {epochs:,} epochs measure takes up to {size * epochs:,} bytes, "
            f"more than the {room:,} that a bundle has: at most {room // size:,} epochs, or fewer "
            f"metrics{', or no norms' * norms}"
        )

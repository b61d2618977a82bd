"""What training reads samples from: inputs by name, targets, and a train and a test part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from graphnet.errors import DatasetError

if TYPE_CHECKING:
    from graphnet.data.streams.base import Streamed
    from graphnet.spec.prepared import Prepared

Array = npt.NDArray[Any]

IMAGE = "image"
"""The one key of `Split.inputs` where a source gives pictures: a spec's image input takes it,
whatever that input's name. Others name their arrays as the spec's inputs."""


@dataclass(frozen=True, eq=False)
class Split:
    """Samples: sample i is inputs[name][i] for every name, and its answer is targets[i], or
    targets[name][i] where losses have several targets.

    Shapes: inputs[name] (N, ...), pictures (N, H, W) or (N, H, W, 3); targets (N,) or (N, ...)
    Units: pictures are uint8 pixels 0-255 as stored, before any preparation; class targets
    are int64 indices from 0.
    Errors: DatasetError where an array, or `names`, has another N than the targets.
    """

    inputs: Mapping[str, Array]
    targets: Array | Mapping[str, Array]
    fitted: bool = False
    """Whether pictures are as the network sees them: `ImagePreparation.picture` made them."""
    names: Sequence[str] | None = None
    """What a person finds each sample by, a picture its file; None where it is its number."""

    def __post_init__(self) -> None:
        if not isinstance(self.inputs, Mapping):
            raise DatasetError("a Split takes inputs by name: Split({'x': x}, t)")
        for name, array in self.inputs.items():
            if len(array) != len(self):
                raise DatasetError(
                    f"input {name!r} has {len(array)} samples, but there are "
                    f"{len(self)} targets: give one target a sample"
                )
        for name, array in self.targets.items() if isinstance(self.targets, Mapping) else ():
            if len(array) != len(self):
                text = f"target {name!r} has {len(array)} samples, the others {len(self)}"
                raise DatasetError(f"{text}: give one a sample")

        if self.names is not None and len(self.names) != len(self):
            raise DatasetError(
                f"{len(self.names)} names for {len(self)} samples: give one a sample"
            )

    def __len__(self) -> int:
        if not isinstance(self.targets, Mapping):
            return len(self.targets)
        arrays = [*self.targets.values(), *self.inputs.values()]
        return len(arrays[0]) if arrays else 0


@dataclass(frozen=True, eq=False)
class Dataset:
    """A named set of samples: what is trained on, what is only tested on, and class names.

    `test` is None where the source has no test part; `labels[k]` names class k, and is None
    where the source has no names. `prepare` is what the source fitted to its train part: training
    puts it into the network, whose bundle then keeps it.
    """

    name: str
    train: Split | Streamed
    test: Split | Streamed | None = None
    labels: tuple[str, ...] | None = None
    prepare: Prepared | None = None

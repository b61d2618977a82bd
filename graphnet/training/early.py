"""The best epoch so far, and when to stop looking for a better one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from graphnet.layers.base import Array
from graphnet.spec.early import EarlyStopping


class Best:
    """The network as it was after its best epoch, and how long nothing has improved.

    Of equal epochs the first is the best. epoch: 0 before the first one; value: what `monitor`
    was; arrays: copies of the parameters and the state.
    """

    def __init__(
        self, spec: EarlyStopping, better: Literal["higher", "lower"], live: Mapping[str, Array]
    ) -> None:
        self.spec = spec
        self._sign = 1.0 if better == "higher" else -1.0
        self._live = live
        self.arrays: dict[str, Array] = {}
        self.epoch = 0
        self.value = 0.0
        self.waited = 0
        self._mark = 0.0

    def judge(self, epoch: int, value: float) -> None:
        """An epoch has ended: keep the network where it is better than ever."""
        first = self.epoch == 0
        if first or self._gain(value, self.value) > 0:
            self.epoch, self.value = epoch, value
            if not self.arrays:
                self.arrays = {name: np.empty_like(array) for name, array in self._live.items()}
            for name, array in self._live.items():
                np.copyto(self.arrays[name], array)
        if first or self._gain(value, self._mark) > self.spec.min_delta:
            self._mark, self.waited = value, 0
        else:
            self.waited += 1

    @property
    def patient(self) -> bool:
        """Whether a better epoch may still come."""
        return self.waited < self.spec.patience

    def restore(self) -> None:
        """The network as it was after the best epoch, if there was one."""
        for name, array in self.arrays.items():
            np.copyto(self._live[name], array)

    def numbers(self) -> dict[str, Any]:
        """What going on needs beside the arrays."""
        return {"epoch": self.epoch, "value": self.value, "mark": self._mark, "waited": self.waited}

    def resume(self, numbers: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
        """Go on from what `numbers` and `arrays` were."""
        self.epoch, self.value = numbers["epoch"], numbers["value"]
        self._mark, self.waited = numbers["mark"], numbers["waited"]
        self.arrays = {name: arrays[name].copy() for name in self._live}

    def _gain(self, value: float, other: float) -> float:
        return self._sign * (value - other)

"""onnxruntime at its best: threads 1 and all, whole and in pieces, arrays bound ahead."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np
import onnx
import onnxruntime

from benchmarks import samples
from benchmarks.cases import Case, Prediction
from benchmarks.nets import weights
from benchmarks.onnx_models import model
from benchmarks.side import Makers, Side, thread_counts

VERSIONS = {"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__}


def sides(case: Case, family: str) -> Makers:
    """The variants of a case."""
    assert isinstance(case, Prediction)
    makers: dict[str, Callable[[], Side]] = {}
    for word, count in thread_counts().items():
        makers[word] = partial(Run, case, count)
        if case.samples == 1:
            makers[f"{word}, bound"] = partial(Bound, case, count)
        else:
            makers[f"{word}, pieces of 100"] = partial(Run, case, count, piece=100)
    return makers


class Run(Side):
    """`session.run` on an array of the caller's, in one call or in pieces."""

    def __init__(self, case: Prediction, threads: int, *, piece: int | None = None) -> None:
        self.case = case
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(
            model(case.net, weights(case.net)), options, providers=["CPUExecutionProvider"]
        )
        pixels, _ = samples.pictures(case.net, case.samples)
        x = samples.numbers(case.net, pixels)
        if x.ndim == 4:
            x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
        self.x = x
        self.pieces = [x[i : i + piece] for i in range(0, len(x), piece)] if piece else [x]

    def predict(self) -> np.ndarray:
        found = [self.session.run(None, {"x": x})[0] for x in self.pieces]
        return found[0] if len(found) == 1 else np.concatenate(found)

    def answer(self) -> np.ndarray:
        return self.predict()

    def measure(self) -> float:
        begin = time.perf_counter()
        for _ in range(self.case.calls):
            self.predict()
        return (time.perf_counter() - begin) / self.case.calls


class Bound(Run):
    """`run_with_iobinding`: input and output are named once. As `predict` does, each call takes
    an array of the caller's and hands out one of its own."""

    def __init__(self, case: Prediction, threads: int) -> None:
        super().__init__(case, threads)
        self.given = np.empty_like(self.x)
        self.scores = np.empty((case.samples, *case.net.shapes()[case.net.output]), np.float32)
        self.binding = self.session.io_binding()
        for bind, name, array in (
            (self.binding.bind_input, "x", self.given),
            (self.binding.bind_output, "scores", self.scores),
        ):
            bind(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)

    def predict(self) -> np.ndarray:
        np.copyto(self.given, self.x)
        self.session.run_with_iobinding(self.binding)
        return self.scores.copy()

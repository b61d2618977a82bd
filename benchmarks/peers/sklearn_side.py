"""scikit-learn's MLPClassifier: the networks of affine layers and ReLU that it has."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from benchmarks import samples
from benchmarks.cases import CHECKED_STEPS, Case, Training
from benchmarks.nets import CLASSES, weights
from benchmarks.side import Makers, Side, thread_counts

VERSIONS = {"scikit-learn": sklearn.__version__}


def sides(case: Case, family: str) -> Makers:
    """The variants of a case: BLAS on one thread, and on all."""
    assert isinstance(case, Training)
    makers: dict[str, Callable[[], Side]] = {}
    for word, count in thread_counts().items():
        makers[word] = partial(PartialFit, case, count)
    return makers


class PartialFit(Side):
    """`partial_fit` on the samples of all steps, in order and unshuffled: one call a round."""

    def __init__(self, case: Training, threads: int) -> None:
        self.case = case
        self.threads = threads
        pixels, self.t = samples.pictures(case.net, case.samples)
        self.x = samples.numbers(case.net, pixels)
        self.order = samples.batches(case.samples, CHECKED_STEPS, case.batch)
        affine = [node for node in case.net.nodes if node["type"] == "Affine"]
        self.model = MLPClassifier(
            [node["units"] for node in affine[:-1]],
            solver="sgd",
            alpha=0.0,
            batch_size=case.batch,
            learning_rate_init=case.lr,
            momentum=0.0,
            nesterovs_momentum=False,
            shuffle=False,
        )
        self.names = [node["id"] for node in affine]
        self.start = weights(case.net)
        rows = self.order[0]
        self.model.partial_fit(self.x[rows], self.t[rows], classes=np.arange(CLASSES))

    def reset(self) -> None:
        """Initial weights again, in place: the optimizer holds these arrays."""
        for i, name in enumerate(self.names):
            self.model.coefs_[i][...] = self.start[f"{name}/W"]
            self.model.intercepts_[i][...] = self.start[f"{name}/b"]

    def answer(self) -> np.ndarray:
        self.reset()
        losses = []
        for rows in self.order:
            self.model.partial_fit(self.x[rows], self.t[rows])
            losses.append(self.model.loss_)
        return np.array(losses)

    def measure(self) -> float:
        self.reset()
        rows = self.order[: self.case.steps].ravel()
        with threadpool_limits(self.threads, user_api="blas"):
            begin = time.perf_counter()
            self.model.partial_fit(self.x[rows], self.t[rows])
            return (time.perf_counter() - begin) / self.case.steps

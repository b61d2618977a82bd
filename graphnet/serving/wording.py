"""From samples to the words of an answer: those of `infer --json`, without the file's name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from graphnet.answering.answers import Answers
from graphnet.errors import DatasetError, GraphnetError, ShapeError
from graphnet.finite import bad_samples
from graphnet.serving.reading import Samples


class Asked(NamedTuple):
    """How an answer is wanted: probabilities in place of scores; the best `top` classes alone."""

    probabilities: bool = False
    top: int | None = None


class Wording:
    """Answers of one replica.

    Each request is computed as `infer` computes a file: with its own samples alone, so that
    nothing in an answer depends on who else asks. Several are computed as one batch where the
    caller hands them in together; sums are then rounded in another order.
    """

    def __init__(self, answers: Answers) -> None:
        self.answers = answers

    def __call__(self, batch: Sequence[tuple[Samples, Asked]]) -> list[bytes | GraphnetError]:
        """The body of each answer, or what is wrong with its numbers."""
        try:
            if len(batch) == 1:
                ((samples, asked),) = batch
                return [self._body(self.answers.batch(samples.inputs), samples, asked)]
            names = batch[0][0].inputs
            joined = {n: np.concatenate([one.inputs[n] for one, _ in batch]) for n in names}
            found = self.answers.batch(joined)
        except ShapeError as e:
            return [e] * len(batch)
        bodies, start = [], 0
        for samples, asked in batch:
            stop = start + samples.size
            part = {name: scores[start:stop] for name, scores in found.items()}
            bodies.append(self._body(part, samples, asked))
            start = stop
        return bodies

    def _body(
        self, found: Mapping[str, Any], samples: Samples, asked: Asked
    ) -> bytes | GraphnetError:
        for scores in found.values():
            if not np.isfinite(scores).all():
                # The weights were looked at before: it is these numbers.
                bad = int(np.argmax(bad_samples(scores)))
                which = "" if samples.alone else f" of sample {bad}"
                what = "are not finite: its numbers are too large, or none that the model computes"
                return DatasetError(f"body: the scores{which} {what}")
        rows = ({name: s[i] for name, s in found.items()} for i in range(samples.size))
        values = [self._value(row, asked) for row in rows]
        answer: Any = values[0] if samples.alone else {"answers": values}
        if samples.note is not None:
            answer["note"] = samples.note
        return json.dumps(answer).encode()

    def _value(self, scores: Mapping[str, Any], asked: Asked) -> dict[str, Any]:
        found = {}
        for output in self.answers.outputs:
            values = output.values(scores[output.name], asked.probabilities)
            if asked.top is not None and "scores" in values:
                best = output.top(scores[output.name], asked.top, asked.probabilities)
                values.pop("scores")
                values["top"] = [
                    {"label": output.label(index), "index": index, "score": float(str(score))}
                    for index, score in best
                ]
            found[output.name] = values
        return found[self.answers.outputs[0].name] if len(found) == 1 else {"outputs": found}

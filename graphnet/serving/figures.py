"""What a server counts of itself, as Prometheus reads it."""

from __future__ import annotations

import os
import sys
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Histogram:
    """How many values were at most each bound, how many there were, and their sum."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def lines(self, name: str, labels: str = "") -> Iterator[str]:
        """The samples of one histogram; labels: `key="value"`, already escaped."""
        before = labels + "," if labels else ""
        total = 0
        for bound, count in zip((*self.bounds, "+Inf"), self.counts, strict=True):
            total += count
            yield f'{name}_bucket{{{before}le="{bound}"}} {total}'
        end = f"{{{labels}}}" if labels else ""
        yield f"{name}_sum{end} {self.sum:.9g}"
        yield f"{name}_count{end} {total}"


class Figures:
    """Counted by the thread that answers connections, and by no other.

    Units: seconds, bytes.
    """

    def __init__(self, model: str) -> None:
        self.model = model
        self.begun = time.time()
        self.codes: Counter[int] = Counter()
        self.latency = Histogram(SECONDS)
        self.batches = Histogram(SIZES)
        self.samples = 0
        self.in_flight = 0
        self.waiting = 0
        self.held = 0
        """Bytes of the bodies of requests that have no answer yet."""
        self.connections = 0
        self.stopping = False

    def answered(self, status: int) -> None:
        """One answer has begun."""
        self.codes[status] += 1

    def text(self) -> str:
        """All of it, in the text format.

        Source: Prometheus exposition formats, version 0.0.4.
        """
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield from _head("graphnet_model_info", "gauge", "The model that is served.")
        # A name is of letters, digits, _ and -: nothing in it wants escaping.
        yield f'graphnet_model_info{{name="{self.model}"}} 1'
        yield from _head("graphnet_requests_total", "counter", "Answers, by status code.")
        for code, count in sorted(self.codes.items()):
            yield f'graphnet_requests_total{{code="{code}"}} {count}'
        what = "From a request's head to the end of its answer."
        yield from _head("graphnet_request_seconds", "histogram", what)
        yield from self.latency.lines("graphnet_request_seconds")
        what = "Predictions that a thread took together."
        yield from _head("graphnet_batch_requests", "histogram", what)
        yield from self.batches.lines("graphnet_batch_requests")
        for name, kind, what, value in (
            ("graphnet_samples_total", "counter", "Samples answered.", self.samples),
            ("graphnet_in_flight", "gauge", "Requests without an answer.", self.in_flight),
            ("graphnet_waiting", "gauge", "Predictions asked for, not answered.", self.waiting),
            ("graphnet_body_bytes", "gauge", "Bytes of bodies that are held.", self.held),
            ("graphnet_connections", "gauge", "Open connections.", self.connections),
        ):
            yield from _head(name, kind, what)
            yield f"{name} {value}"
        yield from _process(self.begun)


def _head(name: str, kind: str, what: str) -> Iterator[str]:
    yield f"# HELP {name} {what}"
    yield f"# TYPE {name} {kind}"


def _process(begun: float) -> Iterator[str]:
    name = "process_start_time_seconds"
    yield from _head(name, "gauge", "When the server began, in seconds since 1970.")
    yield f"{name} {begun:.3f}"
    name = "process_cpu_seconds_total"
    yield from _head(name, "counter", "Processor time of the process.")
    yield f"{name} {time.process_time():.3f}"
    if (resident := resident_bytes()) is not None:
        name = "process_resident_memory_bytes"
        yield from _head(name, "gauge", "Memory of the process.")
        yield f"{name} {resident}"


def resident_bytes() -> int | None:
    """The memory that this process has; None where the system does not tell it so."""
    if not sys.platform.startswith("linux"):
        return None
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

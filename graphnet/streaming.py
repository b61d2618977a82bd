"""Predictions of batches that come one after the other, each on a thread of its own."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np

from graphnet.blas import one_thread
from graphnet.crew import threads_here

if TYPE_CHECKING:
    from graphnet.network import Network

AHEAD = 2
"""Batches for each thread that are read before their turn: one computes, one waits."""


def stream(net: Network, batches: Iterable[Any], threads: int | None) -> Iterator[Any]:
    """See `Network.predict_stream`.

    The batches are read on the caller's thread: generators, files and connections belong to one.
    """
    threads = threads or threads_here()
    source, pending = iter(batches), deque[_Job]()
    crew = _Crew(net)
    failed: Exception | None = None
    more = True
    try:
        with one_thread():
            while more or pending:
                # What is ready goes out before more is read: a source may be slow.
                while more and len(pending) < AHEAD * threads and not _is_ready(pending):
                    try:
                        job = _Job(_copied(next(source)))
                    except StopIteration:
                        more = False
                    except Exception as e:  # noqa: BLE001 # raised after what came before it
                        failed, more = e, False
                    else:
                        pending.append(job)
                        crew.give(job, threads)
                if pending:
                    yield pending.popleft().result()
        if failed is not None:
            raise failed
    finally:
        crew.close()


class _Job:
    """One batch, and what became of it."""

    def __init__(self, batch: Any) -> None:
        self.batch = batch
        self.found: Any = None
        self.error: BaseException | None = None
        self.ended = threading.Event()

    def result(self) -> Any:
        self.ended.wait()
        if self.error is not None:
            raise self.error
        return self.found


class _Crew:
    """Threads with a replica each; they begin when there is work for them."""

    def __init__(self, net: Network) -> None:
        self._net = net
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._closing = False

    def give(self, job: _Job, most: int) -> None:
        if len(self._threads) < most:
            thread = threading.Thread(target=self._work, args=(self._net.replica(),), daemon=True)
            self._threads.append(thread)
            thread.start()
        self._jobs.put(job)

    def close(self) -> None:
        """No batch is begun any more; back when no thread is left."""
        self._closing = True
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self, net: Network) -> None:
        while (job := self._jobs.get()) is not None:
            if self._closing:
                continue
            try:
                job.found = net.predict(job.batch, threads=1)
            except BaseException as e:  # noqa: BLE001 # raised by the caller's thread
                job.error = e
            job.ended.set()


def _is_ready(pending: deque[_Job]) -> bool:
    return bool(pending) and pending[0].ended.is_set()


def _copied(batch: Any) -> Any:
    """Arrays of its own: who makes batches may fill one buffer again and again."""
    if isinstance(batch, np.ndarray):
        return batch.copy()
    if isinstance(batch, Mapping):
        return {name: _copied(value) for name, value in batch.items()}
    return batch

"""Predictions that are asked for, handed to threads together, and handed back together."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from graphnet.errors import GraphnetError
from graphnet.serving.figures import Figures
from graphnet.serving.limits import Limits
from graphnet.serving.reading import PICTURES, Reader, Samples
from graphnet.serving.wording import Asked, Wording


class Reply(NamedTuple):
    """What a request is answered: words, or what is wrong with it. samples: how many it had."""

    body: bytes
    error: GraphnetError | None = None
    samples: int = 0


class Job:
    """One request for a prediction. gone: whether nobody waits for it any more."""

    def __init__(
        self, body: bytes, media: str, asked: Asked, gone: Callable[[], bool], light: bool
    ) -> None:
        self.body = body
        self.media = media
        self.asked = asked
        self.gone = gone
        self.light = light
        self.samples: Samples | None = None
        self.reply: Reply | None = None
        self.failure: Exception | None = None
        self.done: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()


class Queue:
    """Jobs in order, from which a thread takes all that wait, up to a number."""

    def __init__(self) -> None:
        self._jobs: deque[Job] = deque()
        self._ready = threading.Condition()
        self._closed = False

    def put(self, job: Job) -> None:
        with self._ready:
            self._jobs.append(job)
            self._ready.notify()

    def take(self, most: int, wait: float, expected: Callable[[], int]) -> list[Job]:
        """The next jobs, at least one; none when the queue is closed.

        While there are fewer than `most`, and as many others are `expected`, it waits for them, but
        not longer than so many seconds: where nothing else is on its way, it does not wait.
        """
        with self._ready:
            while not self._jobs and not self._closed:
                self._ready.wait()
            if wait and self._jobs and expected() > 0:
                until = time.monotonic() + wait
                while len(self._jobs) < most and expected() > 0 and not self._closed:
                    if not self._ready.wait(max(0.0, until - time.monotonic())):
                        break
            return [self._jobs.popleft() for _ in range(min(most, len(self._jobs)))]

    def close(self) -> None:
        with self._ready:
            self._closed = True
            self._ready.notify_all()


class Desk:
    """Takes requests in, and answers each by its future.

    Threads compute, each with a replica of the network. As many others read what takes long to
    read (large pictures), so that short requests do not stand behind it. `expected` is how many
    requests have begun to arrive. All but the threads' own work happens on the event loop.
    """

    def __init__(
        self, reader: Reader, wordings: Sequence[Wording], limits: Limits, figures: Figures
    ) -> None:
        self.expected = 0
        self._reader = reader
        self._limits = limits
        self._figures = figures
        self._computed, self._read = Queue(), Queue()
        self._loop: asyncio.AbstractEventLoop | None = None
        # Daemons: a second signal ends the process, whatever they are at.
        self._threads = [
            threading.Thread(target=self._compute, args=(wording,), daemon=True)
            for wording in wordings
        ]
        self._threads += [threading.Thread(target=self._read_slowly, daemon=True) for _ in wordings]

    def open(self) -> None:
        """Begin to work for the running event loop."""
        self._loop = asyncio.get_running_loop()
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Let the threads go when they have done what they hold."""
        self._computed.close()
        self._read.close()

    @property
    def full(self) -> bool:
        """Whether as many requests wait as may."""
        return self._figures.waiting >= self._limits.queue

    async def answer(
        self, body: bytes, media: str, asked: Asked, gone: Callable[[], bool]
    ) -> Reply:
        """The reply to one request.

        Errors: whatever is wrong with the server itself.
        """
        job = Job(body, media, asked, gone, self._reader.light(body, media))
        self._figures.waiting += 1
        (self._computed if job.light else self._read).put(job)
        try:
            return await job.done
        finally:
            self._figures.waiting -= 1

    def _compute(self, wording: Wording) -> None:
        limits = self._limits
        while jobs := self._computed.take(limits.batch, limits.wait, lambda: self.expected):
            wanted = [job for job in jobs if not self._is_left(job)]
            pngs = [job for job in wanted if job.samples is None and job.media == PICTURES[0]]
            together = self._reader.read_together([job.body for job in pngs])
            for job, samples in zip(pngs, together, strict=True):
                job.samples = samples
            for job in wanted:
                if job.samples is None:
                    self._try(job, lambda job=job: self._take_in(job))  # type: ignore[misc]
            read = [job for job in wanted if job.samples is not None]
            for group in groups(read, self._reader.most) if limits.merge else ([j] for j in read):
                self._answer(wording, group)
            self._hand_back(jobs)

    def _read_slowly(self) -> None:
        while jobs := self._read.take(1, 0.0, lambda: 0):
            (job,) = jobs
            if not self._is_left(job):
                self._try(job, lambda job=job: self._take_in(job))  # type: ignore[misc]
            if job.samples is None:
                self._hand_back(jobs)
            else:
                self._computed.put(job)

    def _is_left(self, job: Job) -> bool:
        """Whether nobody waits for an answer any more: any will do."""
        if job.gone():
            job.reply, job.samples = Reply(b""), None
        return job.reply is not None

    def _take_in(self, job: Job) -> None:
        job.samples = self._reader.read(job.body, job.media)
        job.body = b""

    def _answer(self, wording: Wording, jobs: Sequence[Job]) -> None:
        def work() -> None:
            batch = [(job.samples, job.asked) for job in jobs if job.samples is not None]
            for job, found in zip(jobs, wording(batch), strict=True):
                samples = job.samples.size if job.samples else 0
                if isinstance(found, bytes):
                    job.reply = Reply(found, samples=samples)
                else:
                    job.reply = Reply(b"", found)

        try:
            work()
        except Exception as e:  # noqa: BLE001 - of this server: raised again where it is awaited
            for job in jobs:
                job.failure = e

    def _try(self, job: Job, work: Callable[[], None]) -> None:
        try:
            work()
        except GraphnetError as e:
            job.reply = Reply(b"", e)
        except Exception as e:  # noqa: BLE001 - of this server: raised again where it is awaited
            job.failure = e

    def _hand_back(self, jobs: list[Job]) -> None:
        assert self._loop is not None
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._deliver, jobs)

    def _deliver(self, jobs: list[Job]) -> None:
        self._figures.batches.add(len(jobs))
        for job in jobs:
            if job.done.done():
                continue
            if job.failure is not None:
                job.done.set_exception(job.failure)
                continue
            assert job.reply is not None
            self._figures.samples += job.reply.samples
            job.done.set_result(job.reply)


def groups(jobs: Sequence[Job], most: int) -> list[list[Job]]:
    """Jobs in order, so that those of a group have at most so many samples together, with the
    same inputs given."""
    found: list[list[Job]] = []
    count = 0
    for job in jobs:
        assert job.samples is not None
        same = found and found[-1][0].samples.inputs.keys() == job.samples.inputs.keys()  # type: ignore[union-attr]
        if same and count + job.samples.size <= most:
            found[-1].append(job)
            count += job.samples.size
        else:
            found.append([job])
            count = job.samples.size
    return found

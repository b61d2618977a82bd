"""The checkpoints that a run leaves beside its output, and the lock that makes it the only one.

OUT.checkpoint is the newest, OUT.checkpoint.previous the one before it; both go when the run has
ended. At every moment the newest is whole: it is written as bundles are, and before that the one
before it gets a second name.
"""

from __future__ import annotations

import os
import time
from contextlib import AbstractContextManager, suppress
from types import TracebackType
from typing import Literal

from graphnet.bundle.locks import is_at, lock
from graphnet.bundle.writer import also_at, check_target
from graphnet.errors import BundleError, RunLockedError, SaveError, clipped
from graphnet.training.checkpoint import Path, save_checkpoint
from graphnet.training.loop import Trainer
from graphnet.training.resume import resume

EVERY_SECONDS = 300.0
"""How long a run goes on within an epoch without a checkpoint."""
Which = Literal["newest", "previous"]


class Keeper(AbstractContextManager["Keeper"]):
    """Writes the checkpoints of the run that `path` is the output of; within `with` no other run
    has this output.

    newest, previous: the files' names. Call `step` after each step, `save` after each epoch, and
    `remove` once the output is written.
    Units: every in seconds.
    Errors: RunLockedError from `with`; SaveError, BundleLimitError; DivergedError from `save`.
    """

    def __init__(self, path: Path, every: float = EVERY_SECONDS) -> None:
        self.path = os.fspath(path)
        self.newest, self.previous = f"{self.path}.checkpoint", f"{self.path}.checkpoint.previous"
        self.every = every
        self._lock = RunLock(self.path)
        self._last = time.monotonic()
        self._keeps_previous = False

    def __enter__(self) -> Keeper:
        self._lock.take()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._lock.release()

    def check(self) -> None:
        """Whether both files can be written.

        Errors: SaveError.
        """
        check_target(self.newest)
        check_target(self.previous)

    def begin(self, way: str) -> None:
        """A run begins anew: none that could be gone on with may be lost by that.

        way: how to go on with it, in the caller's words.
        Errors: SaveError.
        """
        for path in (self.newest, self.previous):
            if os.path.lexists(path):
                text = f"{path}: holds a run that has not ended: {way}"
                raise SaveError(clipped(text))

    def resume(self, trainer: Trainer, which: Which = "newest") -> None:
        """Put a new trainer where the run was that left these files.

        Errors: SaveError where there is none; those of `resume`. A newest checkpoint that cannot be
        read is named, and the one before it used only where `which` asks for it.
        """
        path = self.newest if which == "newest" else self.previous
        if not os.path.lexists(path):
            what = "there is no checkpoint to go on from"
            raise SaveError(clipped(f"{path}: {what}{self._other(which)}"))
        try:
            resume(path, trainer)
        except BundleError as e:
            raise type(e)(clipped(f"{e}{self._other(which)}")) from None
        # The one that is gone on from stays until there is a newer one.
        self._keeps_previous = which == "previous"
        self._last = time.monotonic()

    def step(self, trainer: Trainer) -> None:
        """A step is done: save where it is time to."""
        if time.monotonic() - self._last >= self.every:
            self.save(trainer)

    def save(self, trainer: Trainer) -> None:
        """A new newest checkpoint; of numbers that are not finite none, and the last good one stays
        as it is.

        Errors: DivergedError, SaveError, BundleLimitError.
        """
        trainer.check_finite()
        if not self._keeps_previous and os.path.lexists(self.newest):
            also_at(self.newest, self.previous)
        save_checkpoint(self.newest, trainer)
        self._keeps_previous = False
        self._last = time.monotonic()

    def remove(self) -> None:
        """The run has ended: its output alone remains."""
        # The newest last: what a crash leaves can be gone on with.
        for path in (self.previous, self.newest):
            with suppress(FileNotFoundError):
                os.unlink(path)

    def _other(self, which: Which) -> str:
        """The way out where there is another checkpoint."""
        other = self.previous if which == "newest" else self.newest
        if not os.path.lexists(other):
            return ""
        option = "--resume=previous" if which == "newest" else "--resume"
        return f"; {option} goes on from {other}"


class Idle(Keeper):
    """Writes nothing: another process of the run does."""

    def __enter__(self) -> Idle:
        return self

    def check(self) -> None: ...

    def begin(self, way: str) -> None: ...

    def resume(self, trainer: Trainer, which: Which = "newest") -> None: ...

    def step(self, trainer: Trainer) -> None: ...

    def save(self, trainer: Trainer) -> None:
        trainer.check_finite()

    def remove(self) -> None: ...


class RunLock:
    """`.NAME.lock` beside the output, held locked by the process whose number stands in it.

    The system lets go of it however the process ends, so a file that was left behind locks nobody
    out. Where the file system has no locks, nothing keeps two runs apart.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        folder, name = os.path.split(os.path.realpath(path))
        self._file = os.path.join(folder, f".{name}.lock")
        self._descriptor: int | None = None

    def take(self) -> None:
        """Errors: RunLockedError where another process has it, SaveError."""
        flags = os.O_RDWR | os.O_CREAT
        for name in ("O_CLOEXEC", "O_NOFOLLOW", "O_BINARY", "O_NONBLOCK"):
            flags |= getattr(os, name, 0)
        while self._descriptor is None:
            try:
                descriptor = os.open(self._file, flags, 0o666)
            except OSError as e:
                text = f"{self.path}: cannot be locked: {self._file}: {e.strerror or e}"
                raise SaveError(clipped(text)) from None
            if lock(descriptor) is False:
                owner = _read(descriptor)
                os.close(descriptor)
                by = f" (process {owner})" if owner.isdigit() else ""
                text = f"another run writes it{by}; wait for it, or name another file with --out"
                raise RunLockedError(clipped(f"{self.path}: {text}"))
            # Whoever had it may have removed it just now: that lock would keep nobody out.
            if is_at(descriptor, self._file):
                self._descriptor = descriptor
            else:
                os.close(descriptor)
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, str(os.getpid()).encode())

    def release(self) -> None:
        """Let others have it."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        if os.name == "nt":  # which removes no open file
            os.close(descriptor)
            with suppress(OSError):
                os.unlink(self._file)
            return
        with suppress(FileNotFoundError):
            os.unlink(self._file)
        os.close(descriptor)


def _read(descriptor: int) -> str:
    try:
        return os.pread(descriptor, 20, 0).decode(errors="replace")
    except (OSError, AttributeError):  # Windows locks what it would read
        return ""

"""An output while it grows, and the journal that says how much of it is whole.

OUT.partial holds the rows, block after block; OUT.partial.journal a line of JSON for each block,
written after it. However a run ends, the blocks whose line and checksum are there are whole, and
the rest is cut off by the run that goes on. At the end OUT.partial becomes OUT.
"""

from __future__ import annotations

import json
import os
import stat
import zlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from types import TracebackType
from typing import IO, Any, BinaryIO, NamedTuple

from graphnet.bulk.blocks import Reply
from graphnet.bulk.forms import Form
from graphnet.bulk.parquet import Parquet
from graphnet.bundle.writer import check_target
from graphnet.errors import ResumeMismatchError, SaveError, clipped, quoted
from graphnet.training.keeping import RunLock

_PIECE = 2**22


class Entry(NamedTuple):
    """A block's line in the journal. end: where it ends in the file."""

    end: int
    samples: int
    wanting: int
    empty: int
    crc32: int
    fingerprint: str


class Partial(AbstractContextManager["Partial"]):
    """The output of one run; within `with` no other run has this output.

    about: all that the answers depend on, and how messages call it. entries: one a whole block.
    Errors: RunLockedError from `with`; SaveError.
    """

    def __init__(self, out: str, form: Form, about: Mapping[str, Any]) -> None:
        self.out, self.form, self.about = out, form, about
        self.target = os.path.realpath(out)
        self.data, self.journal = f"{self.target}.partial", f"{self.target}.partial.journal"
        self.shown = f"{out}.partial"
        self.entries: list[Entry] = []
        self._end = self._first = 0
        self._lock = RunLock(out)
        self._files: list[IO[bytes]] = []

    def __enter__(self) -> Partial:
        self._lock.take()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()
        self._lock.release()

    def check(self) -> None:
        """Whether the output can be written where it will be, and nothing else is lost by it.

        Errors: SaveError.
        """
        check_target(self.out)
        if os.path.isfile(self.target) and os.path.getsize(self.target):
            with self._errors(self.out), open(self.target, "rb") as file:
                start = file.read(2**16)
            if not self.form.is_own(start):
                what = f"is no {self.form.suffix} of such answers, and would be lost"
                raise SaveError(clipped(f"{self.out}: {what}; name another with --out"))
        check_target(self.data)

    def begin(self) -> None:
        """A run begins anew.

        Errors: SaveError where one could be gone on with.
        """
        if os.path.lexists(self.data):
            what = "holds a run that has not ended: --resume goes on with it, --restart begins anew"
            raise SaveError(clipped(f"{self.shown}: {what}"))
        self.restart()

    def restart(self) -> None:
        """A run begins anew, whatever is there."""
        self.entries, header = [], self.form.header()
        with self._errors(self.shown):
            self._open("wb")
            self._write(0, header)
            self._write(1, json.dumps(dict(self.about)).encode() + b"\n")
        self._end = len(header)

    def resume(self) -> None:
        """Take up the run that was left, as far as it is whole.

        Errors: SaveError where there is none; ResumeMismatchError where it was another run.
        """
        if not os.path.lexists(self.data):
            raise SaveError(clipped(f"{self.shown}: there is no run to go on with"))
        with self._errors(self.shown):
            lines = self._lines()
            self._compare(next(lines, (0, {}))[1])
            header = self.form.header()
            with open(self.data, "rb") as data:
                if data.read(len(header)) != header:
                    raise ResumeMismatchError(
                        clipped(f"{self.shown}: does not begin as such a run")
                    )
                kept, self._end = self._whole(data, lines, len(header))
            self._open("r+b")
            for file, size in zip(self._files, (self._end, kept), strict=True):
                file.truncate(size)
                file.seek(size)

    def _whole(self, data: BinaryIO, lines: Iterator[tuple[int, Any]], end: int) -> tuple[int, int]:
        """The sizes of the journal and of the data, as far as both agree."""
        kept = self._first
        for size, values in lines:
            entry = _entry(values)
            if entry is None or entry.end < end or _crc32(data, entry.end - end) != entry.crc32:
                break
            kept, end = size, entry.end
            self.entries.append(entry)
        return kept, end

    def _lines(self) -> Iterator[tuple[int, Any]]:
        """Where each whole line of the journal ends, and its value."""
        end = 0
        try:
            with open(self.journal, "rb") as journal:
                for line in journal:
                    end += len(line)
                    if not line.endswith(b"\n"):
                        return
                    try:
                        value = json.loads(line)
                    except ValueError:
                        return
                    if end == len(line):
                        self._first = end
                    yield end, value
        except FileNotFoundError:
            return

    def _compare(self, before: Any) -> None:
        """Errors: ResumeMismatchError that names what has changed."""
        if not isinstance(before, dict) or not before:
            what = "its journal says nothing of it: --restart begins anew"
            raise ResumeMismatchError(clipped(f"{self.shown}: {what}"))
        now = json.loads(json.dumps(dict(self.about)))
        changed = [key for key in now if before.get(key) != now[key]]
        if changed:
            key = changed[0]
            was, now_is = quoted(before.get(key), 60), quoted(now[key], 60)
            what = f"is of another run: {key} was {was}, is {now_is}; --restart begins anew"
            raise ResumeMismatchError(clipped(f"{self.shown}: {what}"))

    def add(self, reply: Reply) -> None:
        """The rows of the next block.

        Errors: SaveError, as where the disk is full.
        """
        with self._errors(self.shown):
            self._write(0, reply.data)
            end, crc32 = self._end + len(reply.data), zlib.crc32(reply.data)
            mark = reply.fingerprint.hex()
            entry = Entry(end, reply.samples, reply.wanting, reply.empty, crc32, mark)
            self._write(1, json.dumps(entry).encode() + b"\n")
        self._end = end
        self.entries.append(entry)

    def finish(self) -> int:
        """All blocks are there: the output is made of them, whole, and nothing is left beside it.
        Its size.

        Errors: SaveError; what is there can still be gone on with.
        """
        with self._errors(self.out):
            if isinstance(self.form, Parquet):
                self._join(self.form)
            else:
                _keep_mode(self.target, self.data)
                os.fsync(self._files[0].fileno())
                self._close()
                os.replace(self.data, self.target)
            self._close()
            for path in (self.data, self.journal):
                with suppress(FileNotFoundError):
                    os.unlink(path)
            return os.path.getsize(self.target)

    def _join(self, form: Parquet) -> None:
        joined = f"{self.target}.partial.parquet"
        try:
            with open(self.data, "rb") as data:
                form.write(joined, self._blocks(data))
            _keep_mode(self.target, joined)
            with open(joined, "r+b") as file:
                os.fsync(file.fileno())
            os.replace(joined, self.target)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(joined)
            raise

    def _blocks(self, data: BinaryIO) -> Iterator[bytes]:
        start = 0
        for entry in self.entries:
            yield data.read(entry.end - start)
            start = entry.end

    def _open(self, mode: str) -> None:
        # Unbuffered: what is written is the system's, whatever becomes of this process.
        self._files = [open(path, mode, 0) for path in (self.data, self.journal)]  # noqa: SIM115

    def _write(self, file: int, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._files[file].write(view[:_PIECE]) :]

    def _close(self) -> None:
        while self._files:
            self._files.pop().close()

    @contextmanager
    def _errors(self, path: str) -> Iterator[None]:
        try:
            yield
        except OSError as e:
            raise SaveError(clipped(f"{path}: cannot be written: {e.strerror or e}")) from None


def _entry(values: Any) -> Entry | None:
    """A line of the journal, where it is one."""
    if not isinstance(values, list) or len(values) != len(Entry._fields):
        return None
    *numbers, mark = values
    whole = all(type(number) is int and number >= 0 for number in numbers)
    return Entry(*values) if whole and isinstance(mark, str) else None


def _crc32(data: BinaryIO, size: int) -> int | None:
    """The checksum of the next bytes; None where there are not so many."""
    found = 0
    while size:
        piece = data.read(min(size, _PIECE))
        if not piece:
            return None
        found, size = zlib.crc32(piece, found), size - len(piece)
    return found


def _keep_mode(old: str, new: str) -> None:
    """The new file has the old one's mode, as with every save."""
    with suppress(FileNotFoundError):
        os.chmod(new, stat.S_IMODE(os.stat(old).st_mode) & 0o777)

"""What can go wrong, as one tree; each class carries the exit code of its command.

    GraphnetError
      SpecError            2   the graph that a person wrote
      ShapeError           2   shapes that do not meet, in a graph or in an array handed in
      SpecLimitError       4   a spec past its limits
      BundleError          3   a model file
        NotABundleError  UnsupportedVersionError  TruncatedBundleError
        CorruptBundleError  InvalidBundleError  BundleMismatchError
        BundleLimitError   4
      DatasetError         3   training data, or rows, arrays and lines handed to a model
      ExchangeError        3   a model of another program, or one that has no counterpart there
      ImageError           3   a picture
      ImageTooLargeError   4
      DivergedError        5   numbers that left the finite range
      ResumeMismatchError  2   a checkpoint of another run
      RunLockedError       3   a second writer of one output
      RankError            3   a rank of a distributed run that is lost, or unlike the others
      WorkerError          3   a process that answers for another one, and is gone
      SaveError            3   a file that cannot be written

A message reads `<path>: <what> (<where>)` and is at most 500 characters a line.
"""

from __future__ import annotations

LONGEST_MESSAGE = 500
"""Characters of one line of an error; what a stranger wrote may be far longer."""


class GraphnetError(Exception):
    """The base of all errors that the library raises on purpose.

    Whatever of a message is no line break and cannot be printed is escaped, so that no traceback
    or log hands a stranger's text to a terminal.
    """

    exit_code = 2

    def __init__(self, message: str = "") -> None:
        super().__init__("\n".join(map(printable, message.split("\n"))))


class SpecError(GraphnetError):
    """A spec that does not say a graph."""


class ShapeError(GraphnetError):
    """Shapes that do not fit together."""


class SpecLimitError(GraphnetError):
    """A spec larger or deeper than the limits."""

    exit_code = 4


class BundleError(GraphnetError):
    """A model file that cannot be used."""

    exit_code = 3


class NotABundleError(BundleError):
    """The file is something else."""


class UnsupportedVersionError(BundleError):
    """A bundle of a version that this reader does not know."""


class TruncatedBundleError(BundleError):
    """The file ends before the bundle does."""


class CorruptBundleError(BundleError):
    """A checksum does not match: bytes have changed."""


class InvalidBundleError(BundleError):
    """The checksums match, but the content breaks the format's rules."""


class BundleLimitError(BundleError):
    """A bundle past its limits."""

    exit_code = 4


class BundleMismatchError(BundleError):
    """The tensors of the file are not those that its spec derives."""


class DatasetError(GraphnetError):
    """Data that is missing, damaged or does not fit the spec, in training or handed to a model."""

    exit_code = 3


class ExchangeError(GraphnetError):
    """A model of another program that cannot be read, or one of ours that it cannot hold."""

    exit_code = 3


class ImageError(GraphnetError):
    """A picture that cannot be read."""

    exit_code = 3


class ImageTooLargeError(GraphnetError):
    """A picture past the limits."""

    exit_code = 4


class DivergedError(GraphnetError):
    """Training left the finite numbers."""

    exit_code = 5


class ResumeMismatchError(GraphnetError):
    """A checkpoint that belongs to another run."""


class RunLockedError(GraphnetError):
    """Another process writes the same output."""

    exit_code = 3


class RankError(GraphnetError):
    """A rank of a distributed run is lost, differs from the others, or cannot be had."""

    exit_code = 3


class WorkerError(GraphnetError):
    """A process that answers for this one is gone."""

    exit_code = 3


class SaveError(GraphnetError):
    """A file that cannot be written."""

    exit_code = 3


def quoted(text: object, limit: int = 80) -> str:
    """repr(text), cut to `limit` characters: strangers' text, safe to print in one line."""
    shown = repr(text)
    return shown if len(shown) <= limit else shown[: limit - 4] + "..." + shown[-1]


def printable(text: str) -> str:
    """`text` with every control or unprintable character escaped; the rest as it is."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def clipped(line: str) -> str:
    """One line of an error, at most 500 characters, with nothing unprintable in it."""
    line = printable(line)
    return line if len(line) <= LONGEST_MESSAGE else line[: LONGEST_MESSAGE - 3] + "..."

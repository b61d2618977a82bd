"""What all commands share: exit codes, one line a problem, clean output."""

from __future__ import annotations

import argparse
import io
import math
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn, TextIO

from graphnet.errors import GraphnetError, clipped, printable, quoted

DONE, CHECK_FAILED, USAGE, DATA, INTERRUPTED = 0, 1, 2, 3, 130


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line, with nothing in it that drives a terminal."""

    def error(self, message: str) -> NoReturn:
        complain(f"{self.prog}: {message} (--help says more)")
        raise SystemExit(USAGE)


def parser(command: str, description: str) -> Parser:
    """An argument parser that takes no abbreviations: a misspelt option is an error."""
    return Parser(prog=program(command), description=description, allow_abbrev=False)


def program(command: str) -> str:
    """How a command is called the way this one was: `graphnet train`, `python tools/train.py`."""
    script = Path(sys.argv[0])
    if script.parent.name == "tools":
        return f"python {script.with_name(f'{command}.py')}"
    return f"graphnet {command}"


def command_line(command: str, *words: str) -> str:
    """A line for the shell that runs another command as this one was run, with this Python."""
    import shlex
    import subprocess

    script = Path(sys.argv[0])
    if script.parent.name == "tools":
        start = [_runnable(sys.executable), str(script.with_name(f"{command}.py"))]
    elif script.name == "__main__.py":
        start = [_runnable(sys.executable), "-m", "graphnet", command]
    else:
        start = [_runnable(sys.argv[0]), command]
    # The two kinds of shells quote differently.
    join = subprocess.list2cmdline if os.name == "nt" else shlex.join
    return join([*start, *words])


def _runnable(path: str) -> str:
    """A program's bare name where the shell finds it, else its path, short where it can be."""
    import shutil

    here = os.path.abspath(path)
    name = os.path.basename(path)
    # No link is followed: that of a virtual environment leads to another one's Python.
    if os.path.abspath(shutil.which(name) or "") == here:
        return name
    inside = here.startswith(os.path.join(os.getcwd(), ""))
    return os.path.relpath(here) if inside else here


def count(most: int) -> Callable[[str], int]:
    """An argument that is a whole number from 1 to `most`."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit()) or len(text) > 9 or not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{quoted(text)} is no number from 1 to {most}")
        return int(text)

    return parse


def seconds(text: str) -> float:
    """An argument that is a number of seconds, 0 or more."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 <= found < math.inf:
        raise argparse.ArgumentTypeError(f"{quoted(text)} is no number of seconds")
    return found


_UNITS = {"": 1, "B": 1}
_UNITS |= {f"{letter}{end}": 1000**i for i, letter in enumerate("KMGT", 1) for end in ("", "B")}
_UNITS |= {f"{letter}iB": 1024**i for i, letter in enumerate("KMGT", 1)}


def nbytes(text: str) -> int:
    """An argument that is an amount of memory: 2GB, 512MiB, 1.5G, 1000000."""
    found = re.fullmatch(r"(\d{1,15}(?:\.\d{1,9})?) ?([A-Za-z]*)", text, re.ASCII)
    units = {unit.lower(): factor for unit, factor in _UNITS.items()}
    if found is None or found[2].lower() not in units or float(found[1]) == 0:
        raise argparse.ArgumentTypeError(f"{quoted(text)} is no amount of memory: 2GB, 512MiB")
    return int(float(found[1]) * units[found[2].lower()])


def memory_argument(arguments: argparse.ArgumentParser) -> None:
    """`--memory LIMIT`, which all commands that compute have."""
    arguments.add_argument(
        "--memory",
        type=nbytes,
        metavar="LIMIT",
        help="refuse what would take more, as 2GB or 512MiB; default: what the machine has",
    )


def run(command: Callable[[Sequence[str] | None], int], argv: Sequence[str] | None) -> int:
    """The command's exit code; whatever goes wrong on purpose becomes one line and its code."""
    _open_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what a terminal cannot show is escaped
            stream.reconfigure(errors="backslashreplace")
    try:
        code = command(argv)
        sys.stdout.flush()
    except GraphnetError as e:
        for line in str(e).splitlines():
            complain(line)
        return e.exit_code
    except KeyboardInterrupt:
        complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        _silence(sys.stdout)  # the reader has gone (`| head`): nothing is left to say
        return DONE
    except MemoryError:
        complain("not enough memory")
        return 4
    except OSError as e:
        complain(f"{e.filename or 'output'}: {e.strerror or e}")
        return DATA
    return code


def complain(line: str) -> None:
    """One line on standard error."""
    emit(clipped(line), sys.stderr)


def emit(line: str, stream: TextIO) -> None:
    """One line at once; a reader that has gone does not stop the work."""
    try:
        print(line, file=stream, flush=True)
    except BrokenPipeError:
        _silence(stream)


def _silence(stream: TextIO) -> None:
    """What is written from now on, at exit too, goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _open_streams() -> None:
    """A stream that the caller has closed (`>&-`) is None in Python: it becomes an empty one."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def table(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Columns padded to their widest entry; those numbered in `right` are set to the right."""
    shown = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*shown, strict=True)]
    lines = []
    for row in shown:
        cells = [
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)

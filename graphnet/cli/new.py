"""`new`: a spec to start from, written from a data set."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from graphnet.bundle.writer import write_whole
from graphnet.cli.common import DONE, command_line, complain, parser, run
from graphnet.errors import SaveError, SpecError, clipped, printable, quoted


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    return run(_main, argv)


def _main(argv: Sequence[str] | None) -> int:
    arguments = parser("new", "Write a spec to start from, that suits a data set.")
    arguments.add_argument(
        "--data",
        required=True,
        metavar="SOURCE",
        help="folder:PICTURES, csv:TABLE.csv, npz:FILE.npz, lines:TEXTS.txt, idx:FOLDER, digits, "
        "mnist or fashion_mnist",
    )
    arguments.add_argument("--out", metavar="FILE", help="the spec; default: standard output")
    arguments.add_argument(
        "--target", metavar="NAME", help="the column or array that is learnt; default: the last"
    )
    arguments.add_argument("--name", help="of the network; default: that of FILE, or of the data")
    arguments.add_argument("--force", action="store_true", help="replace FILE where it exists")
    options = arguments.parse_args(argv)
    if options.out is not None:
        _check_out(options.out, options.force)
    from graphnet.starting import starting_spec
    from graphnet.starting.begin import SCHEMA
    from graphnet.starting.layout import spec_text

    folder = Path(options.out).parent if options.out is not None else Path()
    name = options.name
    if name is None and options.out is not None:
        name = re.sub(r"[^A-Za-z0-9_-]+", "_", Path(options.out).stem)[:64] or None
    start = starting_spec(options.data, folder, name=name, target=options.target)
    # What the stream cannot show would be escaped on its way, and be JSON no more.
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    text = spec_text(start.values, ascii_only=options.out is None and not unicode)
    for note in start.notes:
        complain(note)
    if options.out is None:
        print(text, end="")
        complain("to train it, write it into a file with --out")
        return DONE
    _write(options.out, text, options.force)
    complain(f"{options.out}: {start.values['doc']}")
    if "$schema" not in start.values:
        complain(f"an editor that checks JSON as you type finds the schema at {SCHEMA}")
    complain(f"next: {printable(command_line('train', options.out))}")
    return DONE


def _check_out(out: str, force: bool) -> None:
    """Errors: SpecError, SaveError before the data are read."""
    if not out.endswith(".json"):
        raise SpecError(f"--out {quoted(out)}: a spec's name ends in .json")
    if os.path.exists(out) and not force:
        raise SaveError(clipped(f"{out}: exists already; --force replaces it"))
    if not (Path(out).parent).is_dir():
        raise SaveError(clipped(f"{out}: there is no folder {quoted(str(Path(out).parent))}"))


def _write(out: str, text: str, force: bool) -> None:
    """The old file or the whole new one; without force, never in place of another's.

    Errors: SaveError.
    """
    if not force:
        # Whoever creates the name has it: a look whether it exists would be too early.
        try:
            with open(out, "x"):
                pass
        except FileExistsError:
            raise SaveError(clipped(f"{out}: exists already; --force replaces it")) from None
        except OSError as e:
            raise SaveError(clipped(f"{out}: cannot be written: {e.strerror or e}")) from None
    try:
        write_whole(out, text.encode("utf-8"))
    except BaseException:
        if not force:
            with suppress(OSError):
                os.unlink(out)
        raise

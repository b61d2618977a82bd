"""`graphnet COMMAND ...`: the installed command, one word for each script in tools/."""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
import types
from collections.abc import Sequence

COMMANDS = {
    "new": "a spec to start from, written from a data set",
    "train": "train a spec and write one bundle",
    "infer": "what a bundle answers to pictures, rows of a table, texts or arrays",
    "serve": "what a bundle answers, over HTTP",
    "report": "how a bundle was trained and how good it is, as one page",
    "compare": "several bundles side by side, as a table and one page",
    "check": "what a spec or bundle holds, or what is wrong with it",
    "draw": "the graph as a picture, with values and gradients",
    "export": "a bundle as ONNX, safetensors, or plain JSON with .npz",
    "import": "a bundle of what export wrote, or of another program's ONNX model",
    "gradcheck": "numerical against analytical gradients",
    "models": "the specs that ship with the package",
}
MODULES = {"import": "import_"}
"""The modules that are not called as their command is."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the first word names; its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] in (["-h"], ["--help"]):
        print(usage())
        return 0
    if words[:1] == ["--version"]:
        from graphnet import __version__

        print(f"graphnet {__version__}")
        return 0
    if words and words[0] in COMMANDS:
        return command(words[0], words[1:])
    if words:
        from graphnet.declaration import did_you_mean
        from graphnet.errors import quoted

        hint = did_you_mean(words[0], COMMANDS)
        print(f"graphnet: unknown command {quoted(words[0])}{hint}", file=sys.stderr)
    print(usage(), file=sys.stderr)
    return 2


def command(name: str, argv: Sequence[str] | None = None) -> int:
    """Run one command; only its own module is imported, so that inference starts without training.

    The settings must stand before NumPy and Pydantic are imported: work is spread over shards
    and not over BLAS threads, whose start alone costs milliseconds; and no Pydantic plugin has a
    part in checking a spec.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    _without_plugin_search()
    asked = False

    def stop(number: int, frame: types.FrameType | None) -> None:
        nonlocal asked
        asked = True
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, stop)
    try:
        code: int = _imported(f"graphnet.cli.{MODULES.get(name, name)}").main(argv)
    except Exception:
        # Pydantic wraps whatever is raised while it builds a validator, Ctrl-C too.
        if not asked:
            raise
        code = 130
    except KeyboardInterrupt:  # before the command has begun
        code = 130
    else:
        return code
    print("interrupted", file=sys.stderr)
    return code


def _imported(name: str) -> types.ModuleType:
    """The module, imported without a collection of garbage in between.

    What it imports lives as long as the process. To look through it again and again, at the end
    of the process too, took 40 of 230 ms where one picture is classified.
    """
    if not gc.isenabled():
        return importlib.import_module(name)
    gc.disable()
    try:
        return importlib.import_module(name)
    finally:
        gc.freeze()
        gc.enable()


def _without_plugin_search() -> None:
    """Stand in for the module in which Pydantic looks for plugins.

    Also where all are disabled, importing it brings in importlib.metadata, email and sockets:
    22 ms of a start. A Pydantic without such a module never asks for this one.
    """
    stand_in = types.ModuleType("pydantic.plugin._loader")
    vars(stand_in)["get_plugins"] = tuple
    sys.modules.setdefault(stand_in.__name__, stand_in)


def usage() -> str:
    """The commands, a line each."""
    lines = [f"  {name:<10} {what}" for name, what in COMMANDS.items()]
    head = ["usage: graphnet COMMAND ...", "", "commands:"]
    return "\n".join([*head, *lines, "", "graphnet COMMAND --help says more"])

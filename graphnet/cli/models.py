"""`models`: the specs that ship, as a list, or one of them as text to start from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from graphnet.cli.common import DONE, parser, run, table
from graphnet.errors import SpecError, quoted

SCHEMA = "../graphnet/spec/graphnet.schema.json"
"""Where the specs that ship find the schema, from their own folder."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    return run(_main, argv)


def folder() -> Path:
    """Where the specs lie: in the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "models"
    return inside if inside.is_dir() else package.parent / "models"


def _main(argv: Sequence[str] | None) -> int:
    arguments = parser("models", "List the specs that ship, or print one to start from.")
    arguments.add_argument("name", nargs="?", help="print this spec: models digits > digits.json")
    options = arguments.parse_args(argv)
    found = {path.stem: path for path in sorted(folder().glob("*.json"))}
    if options.name is None:
        docs = {n: json.loads(path.read_text(encoding="utf-8"))["doc"] for n, path in found.items()}
        print(table([[name, doc] for name, doc in docs.items()]))
        return DONE
    if options.name not in found:
        from graphnet.declaration import did_you_mean

        hint = did_you_mean(options.name, found) or f"; there are {', '.join(found)}"
        raise SpecError(f"no model {quoted(options.name)} ships{hint}")
    text = found[options.name].read_text(encoding="utf-8")
    # Wherever the copy goes, an editor finds the schema of the package that is installed.
    schema = Path(__file__).resolve().parent.parent / "spec" / "graphnet.schema.json"
    text = text.replace(f'"{SCHEMA}"', json.dumps(schema.as_uri()))
    # So does training find the data that ship beside the specs.
    for path in sorted((folder() / "data").iterdir()):
        text = text.replace(f'"data/{path.name}"', json.dumps(str(path)))
    print(text, end="")
    return DONE

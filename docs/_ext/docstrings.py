"""Docstrings as autodoc takes them: theirs are plain text with backticks, and it reads reST."""

import re

from sphinx.application import Sphinx

from graphnet.declaration import Declaration

SECTION = re.compile(r"^(Shapes|Units|Errors|Source): ")


def _as_rest(
    app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    found = []
    for line in lines:
        if line.startswith("    "):  # a line of code: a literal block needs no colons here
            found.append(f"| ``{line.strip()}``" if line.strip() else "")
            continue
        if SECTION.match(line):  # a paragraph of its own, whose name stands out
            found += ["", SECTION.sub(r"**\1.** ", _escaped(line))]
        else:
            found.append(_escaped(line))
    lines[:] = [*found, ""]


def _escaped(line: str) -> str:
    parts = re.split(r"(`[^`]*`)", line)
    return "".join(
        f"`{part}`" if part.startswith("`") else re.sub(r"([*|_])", r"\\\1", part) for part in parts
    )


def _signature(
    app: Sphinx, what: str, name: str, thing: object, options: object, *said: str | None
) -> tuple[str, None] | None:
    # A declaration's is all of its fields with their checks; the reference says them in words.
    return ("", None) if isinstance(thing, type) and issubclass(thing, Declaration) else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Listen to every docstring."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", _as_rest)
    app.connect("autodoc-process-signature", _signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""The directive `drawing`: a graph, drawn by `graphnet draw` while the manual is built.

    ```{drawing} models/apple.json
    :options: --values --grads
    A caption.
    ```

The path counts from the repository's root; the options are those of the command.
"""

import io
import re
import shlex
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

WIDTH = re.compile(r'<svg [^>]*? width="(\d+)')
SMALLEST = 0.7
ROOT = Path(__file__).parents[2]


class Drawing(SphinxDirective):
    """A figure whose picture stands in the page itself, so that it follows light and dark."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[dict[str, Any]] = {"options": directives.unchanged}
    has_content = True

    def run(self) -> list[nodes.Node]:
        path = ROOT / self.arguments[0]
        self.env.note_dependency(str(path))
        picture = svg(path, shlex.split(self.options.get("options", "")))
        figure = nodes.container(classes=["drawing"])
        # A frame of its own: a wide drawing scrolls in it, and the page does not.
        figure += nodes.raw(
            "", f'<div class="drawing-frame" tabindex="0">{picture}</div>', format="html"
        )
        if self.content:
            caption = nodes.container(classes=["drawing-caption"])
            self.state.nested_parse(self.content, self.content_offset, caption)
            figure += caption
        return [figure]


def svg(path: Path, options: list[str]) -> str:
    """What `graphnet draw` writes of a spec."""
    from graphnet.cli.draw import main

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "drawing.svg"
        said = io.StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            code = main([str(path), "-o", str(out), *options])
        if code:
            raise RuntimeError(f"graphnet draw {path.name}: {said.getvalue()}")
        text = out.read_text(encoding="utf-8")
    picture = text[text.index("<svg") :]
    # Scaled to the page, but no smaller than can be read: then its frame scrolls.
    least = int(SMALLEST * int(WIDTH.match(picture)[1]))  # type: ignore[index]
    return picture.replace("<svg", f'<svg style="min-width: {least}px"', 1)


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the directive known."""
    app.add_directive("drawing", Drawing)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

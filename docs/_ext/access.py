"""What the theme leaves out for people who use a keyboard or have pages read to them."""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

IN_TEXT = {
    # What scrolls by itself on a narrow screen is reached by the keyboard.
    "<pre>": '<pre tabindex="0">',
    'class="table-wrapper': 'tabindex="0" class="table-wrapper',
}
SIGNATURE = re.compile(r"<dl>\s*((?:<dd>(?:(?!<dl>).)*?</dd>\s*)+)</dl>", re.S)
IN_NAVIGATION = {
    'class="caption" role="heading"': 'class="caption" role="heading" aria-level="2"',
}


def _accessible(
    app: Sphinx, page: str, template: str, context: dict[str, Any], tree: nodes.document | None
) -> None:
    for part, changes in (("body", IN_TEXT), ("furo_navigation_tree", IN_NAVIGATION)):
        text = context.get(part) or ""
        for old, new in changes.items():
            text = text.replace(old, new)
        context[part] = text
    context["body"] = SIGNATURE.sub(_as_lines, context["body"])


def _as_lines(found: re.Match[str]) -> str:
    """The parameters of a signature, a line each: they are no terms with definitions."""
    lines = found[1].replace("<dd>", '<span class="sig-line">').replace("</dd>", "</span>")
    return f'<span class="sig-lines">{lines}</span>'


def setup(app: Sphinx) -> dict[str, bool]:
    """Listen to every page that is written, after the theme has."""
    app.connect("html-page-context", _accessible, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

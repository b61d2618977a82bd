"""Pieces of a page: texts escaped, tables, figures, sections, and the page around them."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from graphnet.draw.page import MARK
from graphnet.errors import printable
from graphnet.report.style import CSS

OPEN_ROWS = 12
"""Rows of a table that is shown at once; a longer one opens when it is asked for."""


def esc(text: object) -> str:
    """A text, a stranger's too, as it stands in HTML."""
    return html.escape(printable(str(text)))


def table(
    caption: str, head: Sequence[str], rows: Iterable[Sequence[object]], *, words: int = 1
) -> str:
    """A table whose first column names the rows. words: so many columns are texts and stand left;
    the rest are figures."""
    columns = "".join(
        f'<th scope="col"{_side(k, words)}>{esc(name)}</th>' for k, name in enumerate(head)
    )
    lines = []
    for row in rows:
        first, *rest = row
        cells = "".join(f"<td{_side(k, words)}>{esc(cell)}</td>" for k, cell in enumerate(rest, 1))
        lines.append(f'<tr><th scope="row">{esc(first)}</th>{cells}</tr>')
    body = "\n".join(lines)
    return scroll(
        caption,
        f"<table><caption>{esc(caption)}</caption><thead><tr>{columns}</tr></thead>"
        f"<tbody>\n{body}\n</tbody></table>",
    )


def numbers(
    caption: str,
    head: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    words: int = 1,
    most: int = OPEN_ROWS,
) -> str:
    """A table, closed where it has more than `most` rows."""
    shown = table(caption, head, rows, words=words)
    if len(rows) <= most:
        return shown
    return details(f"The numbers: {caption} ({len(rows):,} rows)", shown)


def pairs(rows: Iterable[tuple[str, object]]) -> str:
    """Names and what they are, as a list."""
    items = "".join(f"<div><dt>{esc(k)}</dt><dd>{esc(v)}</dd></div>" for k, v in rows)
    return f'<dl class="facts">{items}</dl>'


def details(summary: str, body: str) -> str:
    """What opens when it is asked for."""
    return f"<details><summary>{esc(summary)}</summary>\n{body}\n</details>"


def scroll(label: str, body: str) -> str:
    """What may be wider than the page; a keyboard reaches it."""
    named = f'role="region" aria-label="{esc(label)}"'
    return f'<div class="scroll" tabindex="0" {named}>{body}</div>'


def figure(picture: str, caption: str, below: str = "") -> str:
    """A picture with its caption, and its numbers below."""
    return f"<figure>{picture}<figcaption>{esc(caption)}</figcaption>\n{below}\n</figure>"


def figures(many: Iterable[str]) -> str:
    """Figures side by side where the page is wide enough."""
    return f'<div class="figures">{"".join(many)}</div>'


def image(uri: str, alt: str, kind: str = "pixels") -> str:
    """A picture of pixels."""
    return f'<img class="{kind}" src="{uri}" alt="{esc(alt)}">'


def p(text: str) -> str:
    """A paragraph."""
    return f"<p>{esc(text)}</p>"


def nothing(text: str) -> str:
    """Why something is not there."""
    return f'<p class="note">{esc(text)}</p>'


def code(label: str, text: str) -> str:
    """A text as it stands, line by line."""
    shown = "\n".join(esc(line) for line in text.split("\n"))
    return f'<pre tabindex="0" role="region" aria-label="{esc(label)}"><code>{shown}</code></pre>'


def page(title: str, lead: str, sections: Sequence[tuple[str, str, str]]) -> str:
    """A whole page. lead: HTML under the title; sections: id, heading and HTML of each."""
    links = "".join(f'<li><a href="#{name}">{esc(head)}</a></li>' for name, head, _ in sections)
    bodies = "\n".join(
        f'<section id="{name}" aria-labelledby="{name}-head">'
        f'<h2 id="{name}-head">{esc(head)}</h2>\n{body}\n</section>'
        for name, head, body in sections
    )
    return (
        f'{MARK}<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f'<link rel="icon" href="data:,">\n<title>{esc(title)}</title>\n'
        f"<style>\n{CSS}</style>\n</head>\n<body>\n"
        f"<header><h1>{esc(title)}</h1>\n{lead}</header>\n"
        f'<nav aria-label="Sections"><ul>{links}</ul></nav>\n'
        f"<main>\n{bodies}\n</main>\n</body>\n</html>\n"
    )


def _side(k: int, words: int) -> str:
    return "" if k < words else ' class="n"'

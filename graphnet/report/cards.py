"""Samples as small cards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphnet.report.html import esc, image
from graphnet.report.images import png
from graphnet.report.showing import Cells, Picture, Shown


def cards(many: Sequence[str], wide: bool) -> str:
    """Cards side by side; wide: for rows and texts."""
    items = "".join(f"<li>{card}</li>" for card in many)
    return f'<ul class="cards{" wide" * wide}">{items}</ul>'


def together(shown: Mapping[str, Shown], alt: str) -> str:
    """What a sample consists of, one beside the other.

    alt: what is said of a picture to a person who cannot see it.
    """
    many = len(shown) > 1
    parts = []
    for name, one in shown.items():
        head = f"<small>{esc(name)}</small>" if many or name == "so far" else ""
        parts.append(f"<div>{head}{_one(one, f'{name}: {alt}' if many else alt)}</div>")
    return f'<div class="shown">{"".join(parts)}</div>'


def _one(shown: Shown, alt: str) -> str:
    if isinstance(shown, Picture):
        return image(png(shown.pixels), alt)
    if isinstance(shown, Cells):
        return "<p>" + "<br>".join(f"{esc(k)}: {esc(v)}" for k, v in shown.cells) + "</p>"
    return f"<p><code>{esc(shown.text)}</code></p>"

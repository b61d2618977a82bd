"""How wide a text becomes, without the font that a reader's machine will take."""

from __future__ import annotations

from unicodedata import east_asian_width

from graphnet.errors import printable

_WIDTHS = {
    "ijlI|'!.,:;`": 0.34,
    'ftr()[]{}/\\-" ': 0.42,
    "mwMW@%&…": 1.0,
    "+=<>~^×−±·√→←#∞": 0.84,
    "ABCDEFGHJKLNOPQRSTUVXYZ": 0.77,
    "0123456789abcdeghknopqsuvxyz_*$?": 0.64,
}
"""In parts of the size. Source: the advance widths of DejaVu Sans, rounded up: the widest of the
fonts that the drawings ask for."""
_OF = {character: width for characters, width in _WIDTHS.items() for character in characters}
BOLD = 1.12
"""How much wider bold letters are."""


def width_of(text: str, size: float, bold: bool = False) -> int:
    """Pixels that a text of this size takes at most, rounded up."""
    wide = sum(_OF.get(c) or (1.05 if east_asian_width(c) in "WFA" else 0.9) for c in text)
    return int(wide * size * (BOLD if bold else 1)) + 1


def fitted(text: str, size: float, room: int, bold: bool = False) -> str:
    """A stranger's text made printable, and cut with an ellipsis where it is wider than `room`."""
    text = printable(text[:400])
    if width_of(text, size, bold) <= room:
        return text
    while text and width_of(text + "…", size, bold) > room:
        text = text[:-1]
    return text + "…"

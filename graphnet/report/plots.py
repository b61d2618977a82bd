"""matplotlib as it is used here: a figure becomes an `<svg>` element in the colours of the page.

A plot is drawn in colours that stand for others; in the SVG they are the page's own, which change
with the theme. Nothing of a caller's matplotlibrc has a part in it, nor pyplot. matplotlib's
rcParams, which the whole process shares, are changed while a plot is drawn, and are afterwards as
they were; so one plot is drawn at a time.
"""

from __future__ import annotations

import io
import logging
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from graphnet.errors import GraphnetError, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, SOFT, LINE, PAGE = "#010101", "#010102", "#010103", "#010104"
SERIES = ("#020201", "#020202", "#020203", "#020204", "#020205", "#020206")
"""Six colours that are told apart by all, each with a dash of its own besides."""
DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)), (0, (3, 1, 1, 1, 1, 1)), (0, (9, 3)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", "p", ">", "*", "h")
_PAGE = {INK: "--ink", SOFT: "--soft", LINE: "--line", PAGE: "--page"}
_PAGE |= {colour: f"--c{k}" for k, colour in enumerate(SERIES, 1)}
_SVG = "http://www.w3.org/2000/svg"
_LINK = "{http://www.w3.org/1999/xlink}href"
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "graphnet",
    "text.parse_math": False,
    "font.size": 10.0,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": INK,
    "axes.titlesize": 10.0,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": SOFT,
    "figure.facecolor": "none",
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "lines.linewidth": 1.7,
    "lines.markersize": 3.5,
}
_NO_HOME = ("Matplotlib created a temporary", "mkdir -p failed", "%s is not a writable directory")
"""How the messages begin that tell that its folder cannot be written, where another serves."""
_one_at_a_time = threading.Lock()
WIDTH, HEIGHT = 4.7, 2.9
"""Inches: letters of 10 points are legible where the plot is as wide as a telephone."""


def require_plots() -> None:
    """Errors: GraphnetError that says what to install where matplotlib is not there."""
    try:
        with _without_word_of_home():
            import matplotlib  # noqa: F401
    except ModuleNotFoundError as e:
        if e.name != "matplotlib":
            raise
        raise GraphnetError(
            "a report needs the package 'matplotlib': in the checkout, with the Python that runs "
            'this, python -m pip install --editable ".[plot]"'
        ) from None


class Plot:
    """A figure while it is drawn; `svg` is there afterwards."""

    def __init__(self, figure: Figure, axes: Axes) -> None:
        self.figure, self.axes = figure, axes
        self.svg = ""


@contextmanager
def plot(name: str, label: str, *, height: float = HEIGHT, width: float = WIDTH) -> Iterator[Plot]:
    """A plot to draw into.

    name: begins the ids in it, another one in each plot of a page; label: what a person who cannot
    see it is told.
    Units: inches.
    """
    require_plots()
    with _without_word_of_home():
        import matplotlib
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure

    with _one_at_a_time, matplotlib.rc_context(), warnings.catch_warnings():
        # The page's own fonts show what matplotlib's has no letter for.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        found = Plot(figure, figure.add_subplot())
        yield found
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    found.svg = _inline(file.getvalue(), name, label)


def word(text: str, most: int = 24) -> str:
    """A stranger's text as it may stand in a plot."""
    text = printable(text)
    return text if len(text) <= most else text[: most - 1] + "…"


@contextmanager
def _without_word_of_home() -> Iterator[None]:
    """Where a home cannot be written, matplotlib takes a temporary folder and tells so at length:
    no fault, and nothing that the reader of a report can mend. What else it tells is passed on."""
    log = logging.getLogger("matplotlib")

    def told(record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith(_NO_HOME)

    log.addFilter(told)
    try:
        yield
    finally:
        log.removeFilter(told)


def _inline(text: str, name: str, label: str) -> str:
    """The element alone, as it stands in a page."""
    ElementTree.register_namespace("", _SVG)
    root = ElementTree.fromstring(text)
    for unwanted in ("metadata", "defs"):
        for child in root.findall(f"{{{_SVG}}}{unwanted}"):
            if unwanted == "metadata" or child.find(f"{{{_SVG}}}style") is not None:
                root.remove(child)
    linked = set(re.findall(r"[\"(]#([\w.-]+)", text))
    for element in root.iter():
        if (target := element.attrib.pop(_LINK, None)) is not None:
            element.set("href", target.replace("#", f"#{name}-") if target[0] == "#" else target)
        if (own := element.attrib.pop("id", None)) in linked:
            element.set("id", f"{name}-{own}")
        if "clip-path" in element.attrib:
            element.set("clip-path", element.attrib["clip-path"].replace("#", f"#{name}-"))
        if "style" in element.attrib:
            style = _themed(element.attrib["style"])
            element.set("style", style.replace("url(#", f"url(#{name}-"))
        if element.get("transform", "").startswith("rotate(-0 "):
            del element.attrib["transform"]
        for key in ("d", "points"):
            if key in element.attrib:
                element.set(key, " ".join(element.attrib[key].split()))
        if not (element.text or "").strip():
            element.text = None
        element.tail = None
    for key in ("width", "height", "version"):
        root.attrib.pop(key, None)
    root.attrib |= {"role": "img", "aria-label": printable(label)}
    root.set("style", "stroke-linejoin: round; stroke-linecap: butt")
    return ElementTree.tostring(root, encoding="unicode")


def _themed(style: str) -> str:
    style = re.sub(r"\s*font-family: [^;]*;?", "", style)
    return re.sub(r"#0[12]0[12]0\d", lambda found: f"var({_PAGE[found[0]]})", style).strip()

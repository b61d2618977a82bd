"""A picture as a page of HTML: one file that pans, zooms and explains, without a network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from pathlib import Path

from graphnet.draw.bitmaps import MOST_CHANNELS
from graphnet.draw.card import Bitmap
from graphnet.draw.details import details_of
from graphnet.draw.numbers import Numbers
from graphnet.draw.picture import Picture
from graphnet.draw.svg import written
from graphnet.errors import printable
from graphnet.network import Network
from graphnet.spec.reader import Resolved

_HERE = Path(__file__)
MARK = "<!doctype html>\n<!-- graphnet -->\n"
"""What every page of graphnet begins with: a file that does not is none of ours."""
TEMPLATE = """<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
{style}
</style>
</head>
<body>
<header>
<h1>{title}</h1>
<p>{doc}</p>
{numbers}
<div class="tools" role="group" aria-label="View">
<button type="button" data-do="in" aria-label="Larger">+</button>
<button type="button" data-do="out" aria-label="Smaller">&minus;</button>
<button type="button" data-do="fit">Fit</button>
<button type="button" data-do="whole">100%</button>
</div>
</header>
<main>
<div id="stage" tabindex="0" role="region" aria-label="Graph: drag to move, wheel or + and - to
 zoom, click a node for its formula">
{svg}
</div>
<aside id="panel" aria-live="polite" hidden>
<button type="button" id="close" aria-label="Close">&times;</button>
<h2></h2>
<p></p>
<table><tbody></tbody></table>
</aside>
</main>
<script type="application/json" id="details">{details}</script>
<script>
{script}
</script>
</body>
</html>
"""


def page(
    graph: Resolved,
    picture: Picture,
    net: Network | None = None,
    numbers: Numbers | None = None,
    *,
    fresh: bool = False,
) -> str:
    """The whole page; what it says of nodes comes from the graph, the network and the numbers.

    fresh: nothing has been trained.
    """
    title = escape(printable(graph.spec.name))
    details = json.dumps(details_of(graph, net, numbers), sort_keys=True)
    told = _told(picture, numbers, fresh and net is not None and bool(net.params))
    return MARK + TEMPLATE.format(
        title=title,
        doc=escape(printable(graph.spec.doc or "")),
        numbers="".join(f"<p>{escape(printable(text))}</p>" for text in told),
        style=_HERE.with_name("page.css").read_text("utf-8").strip(),
        svg=written(picture, graph.spec.name, graph.spec.doc, interactive=True).strip(),
        # No text can end the element that it stands in.
        details=details.replace("<", "\\u003c"),
        script=_HERE.with_name("page.js").read_text("utf-8").strip(),
    )


def _told(picture: Picture, numbers: Numbers | None, fresh: bool) -> Iterator[str]:
    """What the numbers in a picture are."""
    below = {note.below for note in picture.notes if note.label_is_number}
    if numbers is not None and False in below:
        yield "Above the arrows: the values of one sample, in blue."
    if numbers is not None and True in below:
        yield f"Below the arrows: the gradients of {numbers.of}, in red."
    if any(isinstance(note.label, Bitmap) for note in picture.notes):
        yield (
            "Heat maps are white where a number is 0, blue above and red below; grey is nothing. "
            f"Of more than {MOST_CHANNELS} channels the first {MOST_CHANNELS} are shown."
        )
    if numbers is not None and fresh:
        yield "The weights are fresh: nothing has been trained yet."

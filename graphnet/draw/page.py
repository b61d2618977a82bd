"""A picture as a page of HTML: one file that pans, zooms and explains, without a network."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path

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
{gradients}
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
    graph: Resolved, picture: Picture, net: Network | None = None, numbers: Numbers | None = None
) -> str:
    """The whole page; what it says of nodes comes from the graph, the network and the numbers."""
    title = escape(printable(graph.spec.name))
    details = json.dumps(details_of(graph, net, numbers), sort_keys=True)
    gradients = ""
    if numbers is not None:
        what = escape(printable(f"Values are those of one sample; gradients are of {numbers.of}."))
        gradients = f"<p>{what}</p>"
    return MARK + TEMPLATE.format(
        title=title,
        doc=escape(printable(graph.spec.doc or "")),
        gradients=gradients,
        style=_HERE.with_name("page.css").read_text("utf-8").strip(),
        svg=written(picture, graph.spec.name, graph.spec.doc, interactive=True).strip(),
        # No text can end the element that it stands in.
        details=details.replace("<", "\\u003c"),
        script=_HERE.with_name("page.js").read_text("utf-8").strip(),
    )

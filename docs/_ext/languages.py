"""Pages in Korean: what lies in `ko/` is the translation of the page of the same path outside.

Each of the two links to the other at the top of the text and in the sidebar, and says to browsers
and search engines which language it is in.
"""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

KOREAN = "ko/"
HOME = {"en": "index", "ko": "ko/learn/index"}
NAMES = {"en": "English", "ko": "한국어"}


def _languages(
    app: Sphinx, page: str, template: str, context: dict[str, Any], tree: nodes.document | None
) -> None:
    here = "ko" if page.startswith(KOREAN) else "en"
    pages = {"en": page.removeprefix(KOREAN), "ko": KOREAN + page.removeprefix(KOREAN)}
    found = {code: name for code, name in pages.items() if name in app.env.all_docs}
    if page == "index":  # who lands here looks for Learn
        found["ko"] = HOME["ko"]
    context["language"] = here
    context["languages"] = [
        {"code": code, "name": NAMES[code], "page": found.get(code, home), "here": code == here}
        for code, home in HOME.items()
    ]
    if len(found) == 2:
        other = "en" if here == "ko" else "ko"
        link = app.builder.get_relative_uri(page, found[other])
        what = {"ko": "한국어로 읽기", "en": "Read this in English"}[other]
        context["body"] = (
            f'<p class="other-language"><a href="{link}" hreflang="{other}" lang="{other}">'
            f"{what}</a></p>{context.get('body', '')}"
        )
        for code, name in found.items():
            address = app.builder.get_relative_uri(page, name)
            context["metatags"] += f'\n<link rel="alternate" hreflang="{code}" href="{address}">'


def setup(app: Sphinx) -> dict[str, bool]:
    """Listen to every page that is written."""
    app.connect("html-page-context", _languages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

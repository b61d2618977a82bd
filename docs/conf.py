"""How Sphinx builds the manual: `make docs`. Nothing is fetched, and a warning is an error."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent / "_ext"))

from sphinx.application import Sphinx

from graphnet import __version__

project = "graphnet"
author = "the graphnet authors"
copyright = "the graphnet authors"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx_copybutton",
    "access",
    "drawings",
    "languages",
    "reference",
    "docstrings",
]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nitpicky = True
nitpick_ignore_regex = [
    # Other projects' pages would have to be fetched to be linked to.
    ("py:class", r"(collections|os|numpy|PIL)\..*|NDArray|Image\.Image"),
    # Types in signatures that are no public names: what is in them is said where they are taken.
    (
        "py:class",
        r"graphnet\.(data\.streams|distributed|layers|losses|network|spec|training)\.\w+\.\w+|graphnet\.network\.\w+",
    ),
    ("py:class", r"Pixels|Prepared|Streamed|dict\[str"),
]
autodoc_typehints = "signature"
python_use_unqualified_type_names = True
maximum_signature_line_length = 70
smartquotes = False

html_theme = "furo"
html_title = "graphnet"
html_static_path = ["_static"]
html_css_files = ["manual.css"]
html_js_files = ["manual.js"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1b6e53", "color-brand-content": "#1b6e53"},
    "dark_css_variables": {"color-brand-primary": "#6cc7a4", "color-brand-content": "#6cc7a4"},
}
templates_path = ["_templates"]
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "languages.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}
copybutton_prompt_text = "$ "


def setup(app: Sphinx) -> None:
    """Files of the repository that are no pages are linked to as they are."""
    app.connect("source-read", _files_outside)


def _files_outside(app: Sphinx, page: str, source: list[str]) -> None:
    source[0] = source[0].replace("](../SECURITY.md)", "](path:../SECURITY.md)")

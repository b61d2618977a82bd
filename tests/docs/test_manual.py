"""The manual does what it says: every command, program and spec in docs/ runs, page by page."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from checkout import ROOT, environment
from manual_data import MAKERS

import graphnet as gn
from graphnet import errors
from graphnet.cli.main import COMMANDS
from graphnet.initializers import INITIALIZERS
from graphnet.layers import LAYERS
from graphnet.losses import LOSSES
from graphnet.optimizers import OPTIMIZERS
from graphnet.schedules import SCHEDULES
from graphnet.spec.families import AUGMENTS, METRICS, SOURCES

DOCS = ROOT / "docs"
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
KINDS = {"sh", "python", "json", "text", "console"}
"""Of which "console" is not run: what takes minutes, or a person's hand."""
FENCE = re.compile(r"^```(\{code-block\} )?(\w+)\n(:caption: (\S+)\n)?(.*?)^```$", re.M | re.S)
TRANSLATED = sorted((DOCS / "ko").rglob("*.md"))
PAGES = sorted(
    page for page in DOCS.rglob("*.md") if page not in TRANSLATED and "_build" not in page.parts
)
FAMILIES = {
    "losses": LOSSES,
    "optimizers": OPTIMIZERS,
    "schedules": SCHEDULES,
    "initializers": INITIALIZERS,
    "metrics": METRICS,
    "augmentations": AUGMENTS,
    "data": SOURCES,
}
DRAWN = {
    "learn/1-computational-graphs": ("pears.svg", ("400", "432")),
    "learn/2-chain-rule": ("slope.svg", ("100", "20")),
    "learn/3-add-and-mul": ("offer.svg", ("472.5", "157.5")),
    "learn/4-activations": ("middle.svg", ("0.5", "0.25")),
}
"""Drawings that pages make, and numbers that they say stand in them."""
GRAPHNET = """#!{python}
import sys

from graphnet.cli.main import main

sys.exit(main())
"""
posix = pytest.mark.skipif(sys.platform == "win32", reason="the lines are for a POSIX shell")


class Block(NamedTuple):
    """A fenced block: its language, the file that its caption names, its text."""

    kind: str
    file: str
    text: str


def blocks(page: Path) -> list[Block]:
    found = FENCE.finditer(page.read_text(encoding="utf-8"))
    return [Block(match[2], match[4] or "", match[5]) for match in found]


def name_of(page: Path) -> str:
    return page.relative_to(DOCS).with_suffix("").as_posix()


WITH_BLOCKS = [page for page in PAGES if blocks(page)]


def runs(page: Path) -> bool:
    return any(block.kind in ("sh", "python") for block in blocks(page))


@pytest.fixture
def place(tmp_path) -> Iterator[Path]:
    """A folder as a reader's checkout, with commands that are those of these tests."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("models", "examples", "tools"):
        shutil.copytree(ROOT / name, folder / name)
    commands = tmp_path / "bin"
    commands.mkdir()
    mpiexec = Path(sys.executable).with_name("mpiexec")
    for name, text in (
        ("python", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'),
        ("graphnet", GRAPHNET.format(python=sys.executable)),
        # Not a link: it looks for its helpers beside itself.
        ("mpiexec", f'#!/bin/sh\nexec "{mpiexec}" "$@"\n'),
    ):
        (commands / name).write_text(text)
        (commands / name).chmod(0o755)
    yield folder
    # Nothing of a page outlives its test: bundles and pictures of 60 pages would.
    shutil.rmtree(folder)


def said(folder: Path, *command: str) -> str:
    """What a command says in a terminal, both streams; it must end well."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(
            {
                "PATH": f"{folder.parent / 'bin'}{os.pathsep}{os.environ['PATH']}",
                "PYTHONPATH": str(ROOT),
                "XDG_CACHE_HOME": str(folder),
                "COLUMNS": "100",
            }
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, f"$ {command[-1]}\n{done.stdout}"
    return done.stdout


def matches(shown: str, output: str) -> bool:
    """Whether an output is what a page shows of it, where `...` stands for anything."""
    parts = [re.escape(part) for part in trimmed(shown).split("...")]
    return re.fullmatch(".*".join(parts), trimmed(output), re.S) is not None


def trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


@posix
@pytest.mark.parametrize("page", [page for page in PAGES if runs(page)], ids=name_of)
def test_what_a_page_says_happens(page, place):
    if maker := MAKERS.get(name_of(page)):
        maker(place)
    output = None
    for kind, file, text in blocks(page):
        if file and "\n...\n" not in text:  # else it is an excerpt of what there is
            (place / file).parent.mkdir(parents=True, exist_ok=True)
            (place / file).write_text(text, encoding="utf-8")
        if kind == "sh":
            output = said(place, "/bin/sh", "-euc", text)
        elif kind == "python" and not file:
            (place / "_program.py").write_text(text, encoding="utf-8")
            output = said(place, sys.executable, "-W", "error", "_program.py")
        elif kind == "text" and not file and output is not None:
            assert matches(text, output), f"the page shows\n{text}\nbut it ends\n{output[-2000:]}"
            output = None
    if drawing := DRAWN.get(name_of(page)):
        text = (place / drawing[0]).read_text(encoding="utf-8")
        assert [number for number in drawing[1] if f">{number}<" not in text] == []


@pytest.mark.parametrize("page", WITH_BLOCKS, ids=name_of)
def test_blocks_are_of_known_kinds_and_json_is_json(page):
    text = page.read_text(encoding="utf-8")
    found = blocks(page)
    assert {block.kind for block in found} <= KINDS
    directives = re.findall(r"^```\{(?!code-block)", text, re.M)
    assert len(re.findall(r"^```", text, re.M)) == 2 * (len(found) + len(directives))
    for block in found:
        if block.kind == "json":
            json.loads(block.text)
        if block.kind == "console":
            wanted = re.findall(r"^make (\w+)", block.text, re.M)
            assert [name for name in wanted if not re.search(rf"^{name}:", MAKEFILE, re.M)] == []


@pytest.mark.parametrize("page", TRANSLATED, ids=name_of)
def test_a_translation_has_the_commands_of_its_page(page):
    original = DOCS / page.relative_to(DOCS / "ko")
    assert original.exists(), "a page of ko/ stands under the path of the page that it translates"
    assert blocks(page) == blocks(original)
    figures = re.compile(r"^```\{(?:drawing|literalinclude)\} .*\n(?::.*\n)*", re.M)

    def shown(text: str) -> list[str]:
        return [found.replace("../", "") for found in figures.findall(text)]

    assert shown(page.read_text(encoding="utf-8")) == shown(original.read_text(encoding="utf-8"))


def test_an_ellipsis_stands_for_anything_and_nothing_else_does():
    assert matches("a ... c\n", "a b\nb c")
    assert matches("0.9...\n", "0.9812\n")
    assert not matches("a", "ab")
    assert not matches("a ... c", "a b d")


@pytest.fixture(scope="module")
def manual(tmp_path_factory) -> Path:
    """The built manual; a warning of Sphinx is an error."""
    for name in ("sphinx", "myst_parser", "furo", "sphinx_copybutton"):
        pytest.importorskip(name)
    folder = tmp_path_factory.mktemp("manual")
    build = [sys.executable, "-m", "sphinx", "-W", "-n", "--keep-going", "-q"]
    done = subprocess.run(
        [*build, "-d", str(folder / "trees"), str(DOCS), str(folder / "html")],
        env=environment({"PYTHONPATH": str(ROOT)}),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "html"


def sections_of(manual: Path, page: str) -> set[str]:
    text = (manual / f"{page}.html").read_text(encoding="utf-8")
    return set(re.findall(r"<h[1-6]>(?:<[^>]*>)*([^<]+)<", text))


def test_the_reference_has_a_section_for_everything_that_has_a_type(manual):
    pages = [page.stem for page in (DOCS / "reference" / "layers").glob("*.md")]
    found = set().union(*(sections_of(manual, f"reference/layers/{page}") for page in pages))
    assert set(LAYERS) <= found
    for page, family in FAMILIES.items():
        assert set(family) <= sections_of(manual, f"reference/{page}")
    assert set(COMMANDS) <= sections_of(manual, "reference/commands")


def test_every_error_has_a_section_and_every_public_name_its_docs(manual):
    def below(cls: type) -> set[str]:
        return {cls.__name__}.union(*map(below, cls.__subclasses__()))

    raised = below(gn.GraphnetError) - {"GraphnetError"}
    assert {name for name in raised if hasattr(errors, name)} <= sections_of(
        manual, "reference/errors"
    )
    api = (manual / "reference" / "api.html").read_text(encoding="utf-8")
    assert [name for name in gn.__all__ if f'id="graphnet.{name}"' not in api] == []


def test_every_page_leads_to_the_other_language_and_none_asks_another_host(manual):
    pages = sorted(manual.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"<(?:script|img|iframe)[^>]* src=\"?(?:https?:)?//", text), page
        assert not re.search(r"<link[^>]* rel=\"stylesheet\"[^>]* href=\"(?:https?:)?//", text), (
            page
        )
        assert '<nav class="languages"' in text, page
    for page in TRANSLATED:
        name = page.relative_to(DOCS).with_suffix(".html").as_posix()
        text = (manual / name).read_text(encoding="utf-8")
        assert 'lang="ko"' in text.partition("<head>")[0]
        assert 'rel="alternate" hreflang="en"' in text
        original = (manual / name.removeprefix("ko/")).read_text(encoding="utf-8")
        assert 'rel="alternate" hreflang="ko"' in original

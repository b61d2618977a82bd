"""What is so of every page: whole HTML, ids that are there once, nothing from elsewhere."""

import re
from html.parser import HTMLParser

VOID = {"meta", "link", "img", "br", "hr", "input"}


class Page(HTMLParser):
    """A page taken apart: its elements, its texts by element, its tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.tags: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.captions: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == [], f"left open: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")
        if tag == "caption":
            self.captions.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another"

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.texts.append(data)
        if self.open and self.open[-1] in ("td", "th"):
            self.tables[-1][-1][-1] += data
        if self.open and self.open[-1] == "caption":
            self.captions[-1] += data

    def table(self, caption: str) -> list[list[str]]:
        """The table under a caption."""
        return self.tables[self.captions.index(caption)]

    @property
    def text(self) -> str:
        """All that is read."""
        return " ".join(self.texts)


def checked(text: str) -> Page:
    """A page, once all that must be so of it is."""
    page = Page(text)
    assert len(set(page.ids)) == len(page.ids), "an id is there twice"
    for tag, name, value in page.attributes:
        if name in ("src", "href", "action", "data", "poster", "srcset"):
            assert re.match(r"(#|data:)", value), f"<{tag} {name}={value[:60]!r}> is elsewhere"
            if value.startswith("#"):
                assert value[1:] in page.ids, f"{value} leads nowhere"
        assert not name.startswith("on"), f"<{tag} {name}> would run"
        if not name.startswith("xmlns"):
            assert "://" not in value, f"<{tag} {name}={value[:60]!r}>"
        for target in re.findall(r"url\(#([^)]+)\)", value):
            assert target in page.ids, f"{target} is not there"
    assert not re.search(r"@import|url\((?!#)", text)
    assert "script" not in page.tags
    named = {tag: [n for t, n, _ in page.attributes if t == tag] for tag in ("svg", "img")}
    assert named["svg"].count("role") == named["svg"].count("aria-label") == page.tags.count("svg")
    assert named["img"].count("alt") == page.tags.count("img")
    assert page.tags.count("main") == page.tags.count("h1") == 1
    return page

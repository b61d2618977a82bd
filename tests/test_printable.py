"""Strangers' text is escaped before it is shown: nothing in it drives a terminal or ends XML."""

import html
import sys
import unicodedata
import xml.etree.ElementTree as ElementTree

import pytest

from graphnet import errors
from graphnet.errors import GraphnetError, clipped, printable, quoted
from graphnet.spec.canonical import readable_text

HOSTILE = (
    *("\x1b[2J\x1b]0;title\x07", "\x9b31m", "a\rb", "a\nb", "a\tb", "\x00", "\x7f", "\x85"),
    *("\u202e", "\u2066", "\u2069", "\u200b", "\u200f", "\ufeff", "\u2028", "\u2029", "\xad"),
    *("\udc80", "\ufffe", "\U000e0041"),
)


def test_no_control_format_or_lone_character_is_left():
    text = "".join(map(chr, range(sys.maxunicode + 1)))
    left = {unicodedata.category(c) for c in printable(text)}
    assert not left & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_every_way_to_show_a_text_escapes_it(text):
    for shown in (printable(text), clipped(text), quoted(text), str(GraphnetError(f"a {text!r}"))):
        assert shown.isprintable()
        assert len(shown.splitlines()) == 1


def test_an_error_escapes_what_a_message_holds_and_keeps_its_lines():
    error = GraphnetError("one\x1b[31m\u202e\ntwo")
    assert str(error) == "one\\x1b[31m\\u202e\ntwo"


def test_without_the_escape_that_fails(monkeypatch):
    monkeypatch.setattr(errors, "printable", lambda text: text)
    assert not clipped("\x1b").isprintable()
    assert "\x1b" in str(GraphnetError("\x1b"))


def test_what_is_left_is_text_and_attribute_of_xml():
    """XML 1.0 has no way to write most control characters, not even as references."""
    text = "".join(map(chr, range(sys.maxunicode + 1)))
    shown = html.escape(printable(text))
    found = ElementTree.fromstring(f'<a b="{shown}">{shown}</a>')
    assert found.text == found.attrib["b"] == printable(text)


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_json_stays_json_and_gives_the_text_back(text):
    import json

    shown = readable_text({"doc": text, "nodes": [{"id": text}]})
    assert shown.replace("\n", "").isprintable()
    assert json.loads(shown) == {"doc": text, "nodes": [{"id": text}]}

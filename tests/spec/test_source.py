"""From bytes to plain values: encodings, limits, and the place of everything that is refused."""

import os
import re
from pathlib import Path

import pytest

from graphnet.errors import SpecError, SpecLimitError
from graphnet.spec.reader import read_spec
from graphnet.spec.source import MAX_BYTES, MAX_DEPTH, MAX_KEYS, decode, parse, read_text


def refused(text):
    with pytest.raises(SpecError) as caught:
        parse(text, "f")
    return str(caught.value)


def test_values_come_as_they_stand():
    text = '{"a": [1, 1.0, -0.5e2, true, null, "\\u00e9\\ud83d\\ude00"], "b": {}}'
    values = parse(text, "f")
    assert values == {"a": [1, 1.0, -50.0, True, None, "\u00e9\U0001f600"], "b": {}}
    assert [type(v) for v in values["a"][:2]] == [int, float]


def test_the_largest_integers():
    assert parse(f"[{2**63 - 1}, {-(2**63) + 1}]", "f") == [2**63 - 1, -(2**63) + 1]
    assert refused(f"[1,\n {2**63}]") == f"f:2:2: [1]: integer '{2**63}' is beyond 64 bits"
    assert "beyond 64 bits" in refused("9" * 5000)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": "NaN",\n "b": NaN}', "f:2:7: b: NaN is no JSON number: write a finite one"),
        ('["Infinity", -Infinity]', "f:1:14: [1]: -Infinity is no JSON number: write a finite one"),
        ("[1e300, 1e999]", "f:1:9: [1]: number '1e999' overflows: write a finite one"),
        (
            "[11e999, 1e999]",
            "f:1:2: [0]: number '11e999' overflows: write a finite one\n"
            "f:1:10: [1]: number '1e999' overflows: write a finite one",
        ),
        (
            '{"a": 1, "a": NaN}',
            "f:1:10: a: key 'a' is given twice in one object\n"
            "f:1:15: a: NaN is no JSON number: write a finite one",
        ),
        (
            '["a",\n  "\\ud83d"]',
            "f:2:3: a lone surrogate is no character: write the pair",
        ),
        ('["\ud83d"]', "f:1:2: a lone surrogate is no character: write the pair"),
        ('{"a": 1,\n "a": 1}', "f:2:2: a: key 'a' is given twice in one object"),
        ('{"a": 1, "\\u0061": 1}', "f:1:10: a: key 'a' is given twice in one object"),
        (
            '{"a": {"b": 1, "b": 2}, "c": {"b": 1}}',
            "f:1:16: a.b: key 'b' is given twice in one object",
        ),
        (
            '[{"b": 1, "b": 2},\n {"c": 1, "c": 2, "c": 3}]',
            "f:1:11: [0].b: key 'b' is given twice in one object\n"
            "f:2:19: [1].c: key 'c' is given twice in one object",
        ),
    ],
)
def test_what_json_does_not_have(text, message):
    assert refused(text) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f:1:1: is empty: a spec is a JSON object"),
        ("\n \n", "f:1:1: is empty: a spec is a JSON object"),
        ("[1,\n]", "f:1:3: not JSON: the comma before ']' is one too many"),
        ('{"a": 1 , }', "f:1:9: not JSON: the comma before '}' is one too many"),
        ("[1,,2]", "f:1:4: not JSON: a value is expected, found ',2]'"),
        ("[1 2]", "f:1:4: not JSON: a comma is missing before '2]'"),
        ("[01]", None),
        ('{"a" 1}', "f:1:6: not JSON: a ':' is expected between a key and its value, found '1}'"),
        ("{a: 1}", "f:1:2: not JSON: a key in double quotes is expected, found 'a: 1}'"),
        ("['a']", "f:1:2: not JSON: strings take double quotes, found \"'a']\""),
        ('{"a": [1, 2}', "f:1:12: not JSON: '}' closes nothing here: is a ']' missing before it?"),
        (
            '{"a": {"b": 1]',
            "f:1:14: not JSON: ']' closes nothing here: is a '}' missing before it?",
        ),
        ("[True]", "f:1:2: not JSON: write true, false or null, found 'True]'"),
        ("[+1]", "f:1:2: not JSON: a number starts with a digit or '-', found '+1]'"),
        ('["a\nb"]', "f:1:4: not JSON: the string before this has no closing quote on its line"),
        ('["a', "f:1:2: not JSON: the string that starts here has no closing quote"),
        ('{"a": "}", "b": [', None),
        (
            '"a" "b"',
            "f:1:5: not JSON: the spec has ended before this: nothing may follow, found '\"b\"'",
        ),
    ],
)
def test_slips(text, message):
    found = refused(text)
    if message is None:
        assert re.match(r"f:1:\d+: not JSON: [^\n]+$", found)
    else:
        assert found == message


def test_an_end_too_early_names_what_is_open():
    message = "f:3:1: not JSON: the text ends too early: nothing closes the '[' of line 2, column 7"
    assert refused('{"]": "[",\n "b": [1, [2]\n') == message


def test_columns_count_characters():
    assert refused('["\u00e9\U0001f600", x]').startswith("f:1:8: ")


def test_depth():
    assert parse("[" * MAX_DEPTH + "]" * MAX_DEPTH, "f")
    with pytest.raises(SpecLimitError, match=r"^f:1:65: nested more than 64 levels deep$"):
        parse("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "f")
    with pytest.raises(SpecLimitError):
        parse('{"a":' * 100_000, "f")
    assert parse('["' + "[" * 1000 + '"]', "f")  # brackets in a string open nothing


def test_size_in_bytes(tmp_path):
    path = tmp_path / "big.json"
    path.write_bytes(b'"' + b"a" * (MAX_BYTES - 2) + b'"')
    assert len(read_text(path)) == MAX_BYTES
    path.write_bytes(b'"' + b"a" * (MAX_BYTES - 1) + b'"')
    with pytest.raises(SpecLimitError, match=r"big.json: larger than the limit of 2,097,152 bytes"):
        read_text(path)
    with pytest.raises(SpecLimitError, match="larger"):
        parse("[" + "1," * 2**20 + "1]", "f")


def test_number_of_keys():
    keys = ",".join(f'"{i:x}":0' for i in range(MAX_KEYS + 1))
    with pytest.raises(SpecLimitError, match=r"^f: more than 200,000 keys in all$"):
        parse("{" + keys + "}", "f")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xef\xbb\xbf{}", "f:1:1: starts with a byte order mark"),
        ("{}".encode("utf-16"), "f:1:1: starts with a byte order mark"),
        (b"\xfe\xff\x00{", "f:1:1: starts with a byte order mark"),
        ('{\n"a": "\u00e9\u00e9 '.encode() + b"\xe9", "f:2:10: byte 0xe9 is not UTF-8"),
        (b"\xed\xa0\x80", "f:1:1: byte 0xed is not UTF-8"),  # a surrogate in UTF-8's clothes
        (b"a\xc3", "f:1:2: byte 0xc3 is not UTF-8"),
    ],
)
def test_encodings(data, message):
    with pytest.raises(SpecError) as caught:
        decode(data, "f")
    assert str(caught.value).startswith(message)


def test_what_is_no_file(tmp_path):
    missing = tmp_path / "missing.json"
    with pytest.raises(SpecError, match=r"missing\.json: cannot be read: No such file"):
        read_spec(missing)
    with pytest.raises(SpecError) as caught:
        read_spec(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}: ")
    with pytest.raises(SpecError, match="cannot be read"):
        read_spec("a\0b")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_a_fifo_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(SpecError, match=r"pipe\.json: not a regular file"):
        read_spec(tmp_path / "pipe.json")


def test_the_name_of_a_file_is_printed_escaped(tmp_path):
    with pytest.raises(SpecError) as caught:
        read_spec(tmp_path / "a\x1b[31m\nb.json")
    assert str(caught.value).isprintable()


def test_a_long_line_is_cut():
    with pytest.raises(SpecError) as caught:
        parse("{", "long" * 1000)
    assert len(str(caught.value)) == 500


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="this system does not list them")
def test_no_file_stays_open(tmp_path):
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        with pytest.raises(SpecError, match="not a regular file"):
            read_text(tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before

"""A spec for lines of text: characters or words, how many, and what is learnt of them."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from graphnet.data.lines import LONGEST_ENTRY, WANTED
from graphnet.errors import quoted
from graphnet.prepare.files import open_file, problem, shown, text_lines
from graphnet.prepare.table import number_in
from graphnet.prepare.text import units_of
from graphnet.spec.text import FIRST, TextSpec
from graphnet.starting.begin import Found, one_of_each
from graphnet.starting.network import answer, graph, of_text, recipe, scores

MOST_WORDS = 4_000
MOST_CHARACTERS = 500
_LONGEST = {"word": 64, "character": 128}
"""Positions of an input: a recurrent network takes them one after the other."""


def of_lines(path: str, target: str | None) -> Found:
    """Labels are learnt where lines have them, else what comes next."""
    place = Path(path)
    labels, texts = _read(place)
    if labels is None:
        return _next(path, texts)
    numbers = [number for label in labels if (number := number_in(label)) is not None]
    values = sorted(set(labels))
    text, positions = _text(texts)
    ending: dict[str, Any]
    if len(numbers) == len(labels) and len(values) > 20:
        mean, std = float(np.mean(numbers)), float(np.std(numbers))
        nodes, ending = answer(1, mean, std), {"loss": {"type": "MeanSquaredError"}}
        what = "The number before each text"
    else:
        if len(values) > max(2, len(labels) / 5):
            what = f"{len(values):,} different labels stand before {len(labels):,} texts"
            raise problem(place, f"{what}: those are no classes")
        classes = one_of_each(labels, "its first column", shown(place))
        nodes = [scores(len(classes))]
        ending = {"loss": {"type": "SoftmaxWithLoss"}, "labels": classes}
        what = f"Which of {len(classes)} labels a text has"
    dropout = {"id": "dropout", "type": "Dropout", "ratio": 0.3}
    body = {
        "inputs": {"x": {"shape": [positions], "dtype": "int64", "text": text}},
        **graph("x", [*of_text(text["size"], "last"), dropout, *nodes]),
        **ending,
        "data": {"source": "lines", "train": path, "target": "label", "test_share": 0.2},
        "train": recipe(len(texts), lr=0.003, held_out=True),
    }
    return Found(f"{what}, from {_said(text, positions, len(texts), place)}", body, [])


def _next(path: str, texts: list[str]) -> Found:
    characters = Counter(character for text in texts for character in text)
    size = min(len(characters) + 1, MOST_CHARACTERS) + FIRST
    text: dict[str, Any] = {"unit": "character", "size": size}
    longest = max(map(len, texts)) + 1
    joined = longest > _LONGEST["character"]
    positions = 64 if joined else _whole(longest)
    loss: dict[str, Any] = {"type": "SoftmaxWithLoss"}
    data: dict[str, Any] = {"source": "lines", "train": path, "target": "next"}
    if joined:
        data["joined"] = True
    else:
        loss["ignore"] = 0
    body = {
        "inputs": {"x": {"shape": [positions], "dtype": "int64", "text": text}},
        **graph("x", [*of_text(size, "all"), scores(size, axis=-1)]),
        "loss": loss,
        "data": {**data, "test_share": 0.1},
        "train": recipe(len(texts), lr=0.003, held_out=True),
    }
    doc = f"The next character, from {_said(text, positions, len(texts), Path(path))}"
    note = "no line has a tab, so that what comes next is learnt; for labels write LABEL<TAB>TEXT"
    return Found(doc, body, [note])


def _read(place: Path) -> tuple[list[str] | None, list[str]]:
    """Labels, where the first line has one, and texts."""
    with open_file(place, WANTED) as file:
        lines = [line.rstrip("\r\n") for line in text_lines(file, place)]
    if sum(map(bool, lines)) < 10:
        raise problem(
            place,
            f"{sum(map(bool, lines))} lines are too few to learn from: ten at least are needed",
        )
    if not any("\t" in line for line in lines):
        return None, lines
    labels, texts = [], []
    for number, line in enumerate(lines, 1):
        label, tab, text = line.partition("\t")
        if not tab or not 1 <= len(label) <= LONGEST_ENTRY:
            what = "a label, a tab and a text are expected, as in other lines"
            raise problem(f"{place}:{number}", f"{what}, found {quoted(line, 60)}")
        labels.append(label)
        texts.append(text)
    return labels, texts


def _text(texts: list[str]) -> tuple[dict[str, Any], int]:
    """How texts become numbers, and how many of them."""
    found: dict[str, Any] = {"unit": "character"}
    words = [len(text.split()) for text in texts]
    if np.median(words) >= 3:
        found["unit"] = "word"
    found["size"] = FIRST + 1
    spec = TextSpec(unit=found["unit"], size=FIRST + 1, lower=True)
    units = [units_of(spec, text) for text in texts]
    counts = Counter(unit for one in units for unit in one)
    if found["unit"] == "word" and len(counts) > 200:
        # Of a word that stands in one text alone, nothing can be learnt.
        counts = Counter({word: n for word, n in counts.items() if n > 1})
    most = MOST_WORDS if found["unit"] == "word" else MOST_CHARACTERS
    found["size"] = FIRST + max(1, min(len(counts), most))
    lengths = [len(one) for one in units]
    positions = _whole(min(float(np.percentile(lengths, 95)), _LONGEST[found["unit"]]))
    return found | {"lower": True, "pad": "start", "cut": True}, positions


def _whole(length: float) -> int:
    """Up to the next four."""
    return max(4, math.ceil(length / 4) * 4)


def _said(text: dict[str, Any], positions: int, lines: int, place: Path) -> str:
    known = f"{text['size']:,} numbers for padding, unknown and the most frequent {text['unit']}s"
    return f"{lines:,} lines of {place.name}: {known}, {positions} positions."

"""How a line of text becomes an input: the `text` field of an input."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from graphnet.declaration import Declaration, few
from graphnet.errors import quoted
from graphnet.spec.problems import below

MAX_ENTRIES = 200_000
PADDING, UNKNOWN, FIRST = 0, 1, 2
"""The numbers of what fills a short line, of what the vocabulary lacks, and of its first entry."""
Entry = Annotated[str, Field(min_length=1, max_length=200)]
Entries = Annotated[
    tuple[Entry, ...],
    Field(strict=False, min_length=1, max_length=MAX_ENTRIES),
    BeforeValidator(few(MAX_ENTRIES)),
]


class TextSpec(Declaration):
    """How a line becomes whole numbers, one a position: 0 padding, 1 unknown, then the vocabulary.

    The input has dtype int64 and shape [positions]. The vocabulary is that of the training part
    where the spec gives none: the most frequent entries, as many as `size` holds. It is stored in
    the bundle.
    """

    unit: Literal["character", "word"] = "character"
    """What stands at a position: a character, or a word or mark between spaces."""
    size: Annotated[int, Field(ge=FIRST + 1, le=MAX_ENTRIES + FIRST)] | None = None
    """How many numbers there are, 0 and 1 among them: what an Embedding must hold."""
    vocabulary: Entries | None = None
    """The characters or words in the order of their numbers, from 2, in place of `size`."""
    lower: bool = False
    """Whether capital letters are made small first."""
    pad: Literal["start", "end"] = "end"
    """Where a shorter line is filled up with 0."""
    cut: bool = False
    """Whether a longer line loses its end; otherwise it is an error."""

    @model_validator(mode="after")
    def _consistent(self) -> TextSpec:
        if (self.size is None) == (self.vocabulary is None):
            raise below("takes 'size', or 'vocabulary' in its place: give one of them")
        entries = self.vocabulary or ()
        if len(set(entries)) < len(entries):
            twice = next(a for a, b in pairwise(sorted(entries)) if a == b)
            raise below(f"{quoted(twice)} is given twice", "vocabulary")
        if self.unit == "character" and any(len(entry) > 1 for entry in entries):
            text = next(entry for entry in entries if len(entry) > 1)
            raise below(f"one character each is expected, found {quoted(text)}", "vocabulary")
        return self

    @property
    def count(self) -> int:
        """How many numbers there are."""
        return self.size if self.vocabulary is None else len(self.vocabulary) + FIRST  # type: ignore[return-value]

"""Where in a JSON text a value stands: line and column, both from 1, by its path."""

from __future__ import annotations

import json
import re
from collections.abc import Container

from graphnet.spec.problems import Path

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


class Positions:
    """Offsets of the values and keys of a text that the JSON decoder accepts.

    wanted: the paths that are kept, absent all: a text of 2 MiB can hold a million values.
    duplicates: paths of the keys that an object has already, with their offsets.
    found: paths of the values that are written as one of `literals`, with that.
    """

    def __init__(
        self, text: str, wanted: Container[Path] | None = None, literals: Container[str] = ()
    ) -> None:
        self._text = text
        self._wanted = wanted
        self._literals = literals
        self.found: list[tuple[Path, str]] = []
        self._values: dict[Path, int] = {}
        self._keys: dict[Path, int] = {}
        self.duplicates: list[tuple[Path, int]] = []
        self._scan()

    def of(self, at: Path, key: bool = False) -> tuple[int, int]:
        """Line and column of the value (or key) at a path, or of what is nearest above it."""
        return line_column(self._text, self.offset(at, key))

    def offset(self, at: Path, key: bool = False) -> int:
        """Characters before the value (or key) at a path, or before what is nearest above it."""
        offsets = self._keys if key else self._values
        while at not in offsets:
            if not at:
                return 0
            at, offsets = at[:-1], self._values
        return offsets[at]

    def _keep(self, offsets: dict[Path, int], path: list[str | int], offset: int) -> None:
        at = tuple(path)
        if self._wanted is None or at in self._wanted:
            offsets[at] = offset

    def _scan(self) -> None:
        path: list[str | int] = []
        seen: list[set[str] | None] = []  # the keys of each open object; None for a list
        expects_key = False
        for token in _TOKEN.finditer(self._text):
            mark, offset = token.group(), token.start()
            if mark in "}]":
                seen.pop()
                path.pop()
                expects_key = False
            elif mark == ",":
                expects_key = seen[-1] is not None
                if not expects_key:
                    path[-1] = int(path[-1]) + 1
            elif mark == ":":
                expects_key = False
            elif expects_key:
                path[-1], keys = json.loads(mark), seen[-1]
                assert keys is not None
                if path[-1] in keys:
                    self.duplicates.append((tuple(path), offset))
                keys.add(str(path[-1]))
                self._keep(self._keys, path, offset)
            else:
                self._keep(self._values, path, offset)
                if mark in self._literals:
                    self.found.append((tuple(path), mark))
                if mark in "{[":
                    expects_key = mark == "{"
                    seen.append(set() if expects_key else None)
                    path.append("" if expects_key else 0)


def line_column(text: str, offset: int) -> tuple[int, int]:
    """1-based line and column of an offset; columns count characters."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)

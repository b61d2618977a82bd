"""Where in a JSON text a value stands: line and column, both from 1, by its path."""

from __future__ import annotations

import json
import re

from graphnet.spec.problems import Path

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


class Positions:
    """Offsets of all values and keys of a text that the JSON decoder accepts.

    duplicates: paths of the keys that an object has already, with their offsets.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._values: dict[Path, int] = {}
        self._keys: dict[Path, int] = {}
        self.duplicates: list[tuple[Path, int]] = []
        self._scan()

    def of(self, at: Path, key: bool = False) -> tuple[int, int]:
        """Line and column of the value (or key) at a path, or of what is nearest above it."""
        offsets = self._keys if key else self._values
        while at not in offsets:
            if not at:
                return 1, 1
            at, offsets = at[:-1], self._values
        return self.line_column(offsets[at])

    def line_column(self, offset: int) -> tuple[int, int]:
        return line_column(self._text, offset)

    def _scan(self) -> None:
        path: list[str | int] = []
        in_object: list[bool] = []
        expects_key = False
        for token in _TOKEN.finditer(self._text):
            mark, offset = token.group(), token.start()
            if mark in "}]":
                in_object.pop()
                path.pop()
                expects_key = False
            elif mark == ",":
                expects_key = in_object[-1]
                if not expects_key:
                    path[-1] = int(path[-1]) + 1
            elif mark == ":":
                expects_key = False
            elif expects_key:
                path[-1] = json.loads(mark)
                if tuple(path) in self._keys:
                    self.duplicates.append((tuple(path), offset))
                self._keys[tuple(path)] = offset
            else:
                self._values[tuple(path)] = offset
                if mark in "{[":
                    expects_key = mark == "{"
                    in_object.append(expects_key)
                    path.append("" if expects_key else 0)


def line_column(text: str, offset: int) -> tuple[int, int]:
    """1-based line and column of an offset; columns count characters."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)

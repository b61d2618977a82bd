"""Write the texts that models/char_lstm.json and models/tiny_transformer.json are trained on.

    python scripts/make_lines.py           writes models/data/dates.txt and models/data/places.txt
    python scripts/make_lines.py --check   exits 1 where they differ from what it would write

dates.txt: dates as people write them, and as ISO 8601 does: `3 march 1987 = 1987-03-03`.
places.txt: a label, a tab, and a question that two sentences answer:
`left<TAB>the dog is right of the cat . the cow is above the pig . where is the cat ?`
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from datetime import date, timedelta
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "models" / "data"
MONTHS = "january february march april may june july august september october november december"
ANIMALS = ["dog", "cat", "cow", "pig", "hen", "fox", "bear", "frog", "goat", "mouse"]
PLACES = {"above": "above", "below": "below", "left": "left of", "right": "right of"}
OPPOSITE = {"above": "below", "below": "above", "left": "right", "right": "left"}
FIRST, DAYS = date(1900, 1, 1), 54_787
"""1900 to 2049."""


def drawn(what: str, number: int, below: int) -> int:
    """A number from 0: by SHA-256, because a generator's stream may change with its library."""
    digest = hashlib.sha256(f"graphnet {what} {number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % below


def dates(count: int) -> str:
    """Different dates, each twice in a line."""
    days = dict.fromkeys(drawn("date", n, DAYS) for n in range(2 * count))
    lines = []
    for day in list(days)[:count]:
        when = FIRST + timedelta(day)
        lines.append(f"{when.day} {MONTHS.split()[when.month - 1]} {when.year} = {when}")
    return "\n".join(lines) + "\n"


def places(count: int) -> str:
    """Different questions, each with its answer."""
    lines: dict[str, None] = {}
    number = 0
    while len(lines) < count:
        number += 1
        animals = sorted(ANIMALS, key=lambda a, n=number: drawn(f"animal {a}", n, 2**32))[:4]
        words = [list(PLACES)[drawn(f"place {i}", number, 4)] for i in range(2)]
        pairs = [(animals[0], words[0], animals[1]), (animals[2], words[1], animals[3])]
        told = " . ".join(f"the {a} is {PLACES[word]} the {b}" for a, word, b in pairs)
        a, word, b = pairs[drawn("pair", number, 2)]
        first = drawn("asked", number, 2) == 0
        answer, asked = (word, a) if first else (OPPOSITE[word], b)
        lines[f"{answer}\t{told} . where is the {asked} ?"] = None
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write or check the files; 0 where all is well."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    checking = parser.parse_args().check
    wrong = 0
    for name, text in (("dates.txt", dates(2000)), ("places.txt", places(4000))):
        path = FOLDER / name
        if not checking:
            path.write_text(text, encoding="utf-8", newline="\n")
            print(f"{name}: {path.stat().st_size} bytes")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            print(f"{name}: differs or is missing; run scripts/make_lines.py", file=sys.stderr)
            wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main())

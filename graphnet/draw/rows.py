"""Where a long drawing is cut into rows, as a text is into lines."""

from __future__ import annotations

from collections.abc import Sequence

from graphnet.draw.mesh import Mesh

CUT = 0.3
"""What a cut costs, where a row that is left empty costs 1."""
LANE = 0.25
"""What each further arrow costs that a cut goes through."""


def cut(mesh: Mesh, columns: Sequence[int], gaps: Sequence[int], room: int) -> list[range]:
    """The columns of each row, so that rows are filled alike and few arrows go around.

    columns, gaps: pixels of each column, and between it and the next; room: pixels of a row, more
    only where one column alone takes more.
    """
    count = len(columns)
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, count + 1):
        found: tuple[float, int] | None = None
        for start in range(end - 1, -1, -1):
            width = sum(columns[start:end]) + sum(gaps[start : end - 1])
            if width > room and start < end - 1:
                break
            empty = max(0.0, 1 - width / room)
            # The last row may be short, as that of a paragraph.
            cost = best[start][0] + empty**2 * (0.2 if end == count else 1)
            if start:
                cost += CUT + LANE * (len({(p.source, p.place) for p in mesh.gaps[start - 1]}) - 1)
            if found is None or cost < found[0]:
                found = cost, start
        assert found is not None
        best.append(found)
    rows = []
    end = count
    while end:
        start = best[end][1]
        rows.append(range(start, end))
        end = start
    return rows[::-1]

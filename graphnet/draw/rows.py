"""Where a long drawing is cut into rows, as a text is into lines."""

from __future__ import annotations

from collections.abc import Sequence

from graphnet.draw.mesh import Mesh

CUT = 0.3
"""What a cut costs, where a row that is left empty costs 1."""
LANE = 0.25
"""What each further arrow costs that a cut goes through."""
WIDE, WIDER = 1.0, 0.6
"""What a row costs that takes more than its room, and for the square of what is over: a cut that
many arrows have to go around is worse."""

WIDEST = 8
"""Times its room that no row of several columns passes."""


def cut(mesh: Mesh, columns: Sequence[int], gaps: Sequence[int], room: int) -> list[range]:
    """The columns of each row, so that rows are filled alike and few arrows go around.

    columns, gaps: pixels of each column, and between it and the next; room: pixels of a row, more
    where one column alone takes more, or a cut would go through many arrows.
    """
    count = len(columns)
    bundles = [len({(p.source, p.place) for p in pieces}) for pieces in mesh.gaps]
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, count + 1):
        found: tuple[float, int] | None = None
        width = 0
        for start in range(end - 1, -1, -1):
            width += columns[start] + (gaps[start] if start < end - 1 else 0)
            if width > WIDEST * room and start < end - 1:
                break
            empty, over = max(0.0, 1 - width / room), max(0.0, width / room - 1)
            # The last row may be short, as that of a paragraph.
            cost = best[start][0] + empty**2 * (0.2 if end == count else 1)
            # What is a little too wide for its row goes on in the next.
            cost += (WIDE + WIDER * over**2) * (over > 0 and start < end - 1)
            if start:
                cost += CUT + LANE * (bundles[start - 1] - 1)
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

"""A table in the text part: a row a line where they fit, else each cell on a line of its own behind its head."""

from __future__ import annotations

from collections.abc import Callable, Sequence

Cells = Sequence[Sequence[str]]


def text_table(rows: Cells, fits: Callable[[str], bool], wrap: Callable[[str, str], str]) -> list[str]:
    """The rows (the first is the head) as pieces of text; ``wrap(text, indent)`` wraps one line.

    ``Datum: donderdag 18 maart`` / ``Locatie: Raadzaal``, an empty line between two rows.
    """
    lines = [" | ".join(row) for row in rows]
    if all(map(fits, lines)) or len(rows) < 2:
        return lines if all(map(fits, lines)) else [wrap(line, "  ") for line in lines]
    pieces: list[str] = []
    for row in rows[1:]:
        pieces += [""] if pieces else []
        named = zip(rows[0], row, strict=False)
        pieces += [wrap(f"{head}: {cell}" if head.strip() else cell, "  ") for head, cell in named if cell.strip()]
    return pieces

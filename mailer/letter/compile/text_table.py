"""A wide table in the text part: each cell on a line of its own behind its head, ``Location: Council hall``."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def empty_columns(rows: Sequence[Sequence[str]]) -> set[int]:
    """Return the columns without a word in any of ``rows``."""
    return {
        index
        for index in range(max(map(len, rows)))
        if not any("".join(row[index : index + 1]).strip() for row in rows)
    }


def cell_by_cell(head: Sequence[str], row: Sequence[str], empty: Collection[int]) -> list[str]:
    """Return the lines of a row: none for an empty cell, but the head alone where its whole column is empty."""
    lines = []
    for index, (name, cell) in enumerate(zip(head, row, strict=False)):
        if cell.strip() or (name.strip() and index in empty):
            lines.append(f"{name}: {cell}".rstrip() if name.strip() else cell)
    return lines

"""The differences between two texts, line by line, for a page.

Promises: equal lines are shown only near a difference. Comparing takes the square of a number of lines, so that from
the first difference on :data:`COMPARED` lines are compared; a cut is said (``is_cut``). Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

COMPARED, SHOWN, AROUND = 1_500, 400, 2
Kind = Literal["same", "removed", "added", "gap"]


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of one text or of both; *gap*: equal lines that are left out."""

    kind: Kind
    text: str = ""


@dataclass(frozen=True, slots=True)
class Differences:
    """The lines to show; none if the texts are the same."""

    lines: list[DiffLine]
    is_cut: bool = False


def between(old: str, new: str) -> Differences:
    """Return the lines that only ``old`` has (*removed*) and only ``new`` has (*added*), in order."""
    if old == new:
        return Differences([])
    before, after = old.splitlines(), new.splitlines()
    same = next((at for at, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]), None)
    start = max(0, (min(len(before), len(after)) if same is None else same) - AROUND)
    one, two = before[start : start + COMPARED], after[start : start + COMPARED]
    found: list[DiffLine] = [DiffLine("gap")] if start else []
    groups = list(SequenceMatcher(None, one, two, autojunk=False).get_grouped_opcodes(AROUND))
    for number, group in enumerate(groups):
        if number:
            found.append(DiffLine("gap"))
        for tag, from_one, to_one, from_two, to_two in group:
            if tag == "equal":
                found += [DiffLine("same", line) for line in one[from_one:to_one]]
                continue
            found += [DiffLine("removed", line) for line in one[from_one:to_one]]
            found += [DiffLine("added", line) for line in two[from_two:to_two]]
    is_cut = max(len(before), len(after)) > start + COMPARED or len(found) > SHOWN
    return Differences(found[:SHOWN], is_cut)


def together(base: str, theirs: str, mine: str) -> str:
    """Return both changes of ``base`` in one text, line by line; where both changed the same lines, mine after theirs.

    Texts that are too long to compare are not put together: then mine is returned.
    """
    old, one, two = base.splitlines(), theirs.splitlines(), mine.splitlines()
    if max(len(old), len(one), len(two)) > COMPARED:
        return mine
    first, second = _changes(old, one), _changes(old, two)
    found: list[str] = []
    at = 0
    while at <= len(old):
        end = _end(at, first, second)
        before, new_one, new_two = old[at:end], _applied(old, first, at, end), _applied(old, second, at, end)
        if new_one in (before, new_two):
            found += new_two
        else:
            found += new_one + (new_two if new_two != before else [])
        if end == at:
            found += old[at : at + 1]
        at = max(end, at + 1)
    return "\n".join(found) + ("\n" if mine.endswith("\n") else "")


_Changes = dict[int, tuple[int, list[str]]]


def _changes(old: list[str], new: list[str]) -> _Changes:
    """Return where each change begins in ``old`` → where it ends there, and the lines in its place."""
    codes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return {start: (end, new[first:last]) for tag, start, end, first, last in codes if tag != "equal"}


def _end(at: int, *sides: _Changes) -> int:
    """Return where the changes end that begin at a line, with all that begin before that end."""
    end = max(side.get(at, (at, []))[0] for side in sides)
    while True:
        inside = [stop for side in sides for start, (stop, _) in side.items() if at <= start < end]
        if max(inside, default=end) <= end:
            return end
        end = max(inside)


def _applied(old: list[str], changes: _Changes, start: int, end: int) -> list[str]:
    """Return the lines from ``start`` to ``end`` of ``old`` after these changes."""
    found: list[str] = []
    at = start
    while at < end or at == start:
        stop, new = changes.get(at, (at, []))
        found += new
        if stop > at:
            at = stop
            continue
        found += old[at : at + 1] if at < end else []
        at += 1
    return found

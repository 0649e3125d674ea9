"""Two copies of one journal put together, so that no request of a reader is lost and their order stays.

Promises: each line of both is in the result, in its order; lines that both have, since one is a later or an earlier
copy of the other, are there once. Putting a copy together with the result changes nothing. Only :func:`lines_of` reads
a file.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from mailer.errors import InputError
from mailer.messages import Message

Lines = Sequence[bytes]


def lines_of(path: Path) -> list[bytes]:
    """Return the lines of a journal that are not empty; none where there is no file. Raises ``InputError``."""
    try:
        return [line for line in path.read_bytes().split(b"\n") if line.strip()]
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", "") or str(error)
        raise InputError(Message("the journal {path} cannot be read: {why}", path=path, why=why)) from None


def united(one: Lines, other: Lines) -> list[bytes]:
    """Return all lines of two journals."""
    first, second = list(one), list(other)
    if _is_within(second, first):
        return first
    if _is_within(first, second):
        return second
    if shared := _overlap(first, second):
        return first + second[shared:]
    if shared := _overlap(second, first):
        return second + first[shared:]
    return first + second if _latest(first) <= _latest(second) else second + first


def _is_within(part: list[bytes], whole: list[bytes]) -> bool:
    """Return whether one is a run of lines within the other."""
    if not part:
        return True
    table, matched = _failures(part), 0
    for line in whole:
        while matched and line != part[matched]:
            matched = table[matched - 1]
        matched += line == part[matched]
        if matched == len(part):
            return True
    return False


def _overlap(first: list[bytes], second: list[bytes]) -> int:
    """Return how many lines at the end of ``first`` are those at the beginning of ``second``."""
    table, matched = _failures(second), 0
    for line in first:
        if matched == len(second):
            matched = table[matched - 1]
        while matched and line != second[matched]:
            matched = table[matched - 1]
        matched += line == second[matched]
    return matched


def _failures(lines: list[bytes]) -> list[int]:
    """Return the table of Knuth, Morris and Pratt: the longest proper beginning that ends at each line."""
    table, matched = [0] * len(lines), 0
    for index in range(1, len(lines)):
        while matched and lines[index] != lines[matched]:
            matched = table[matched - 1]
        matched += lines[index] == lines[matched]
        table[index] = matched
    return table


def _latest(lines: list[bytes]) -> str:
    """Return the latest time in the last lines, as its text."""
    found = ""
    for line in lines[-50:]:
        try:
            value = json.loads(line)
            found = max(found, str(value.get("since") or value.get("at") or ""))
        except (ValueError, AttributeError, RecursionError):
            continue
    return found

"""Writing a campaign file: a head from values, or other values in a head that is there.

Promises: :func:`with_values` changes the lines of the given keys and leaves every other byte as it is: order, spaces,
line ends, unknown keys and the text. What is written is read back by :mod:`campaigns.source.front_matter` as the same
values. A line break in a value becomes a space. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from campaigns.source.definition import KEYS
from campaigns.source.front_matter import FENCE, split

_BREAKS = re.compile(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")


def new_file(values: Mapping[str, str], body: str) -> str:
    """Return a campaign file with these values, in their order, and this text; empty values are left out."""
    lines = [FENCE, *(_line(key, value) for key, value in values.items() if value), FENCE]
    return "\n".join([*lines, body])


def with_values(text: str, values: Mapping[str, str]) -> str:
    """Return the file with other values: an empty one removes its line, a new one is added at the end of the head.

    A text without a head gets one.
    """
    between, lines, end = _lines(text)
    if not end:
        return new_file(values, text)
    ending = "\r" if lines[0].endswith("\r") else ""
    left = dict(values)
    head = []
    for line in lines[1:end]:
        key = line.partition(":")[0].rstrip()
        if key not in left or ":" not in line:
            head.append(line)
        elif wanted := left.pop(key):
            same = line.partition(":")[2].strip() == _plain(wanted)
            head.append(line if same else _line(key, wanted) + ending)
    head += [_line(key, value) + ending for key, value in left.items() if value]
    return between.join([lines[0], *head, *lines[end:]])


def with_body(text: str, body: str) -> str:
    """Return the file with another text; the head stays as it is, byte for byte."""
    between, lines, end = _lines(text)
    return between.join([*lines[: end + 1], body]) if end else body


def body_of(text: str) -> str:
    """Return the text of a file as it is there, line ends too; :func:`with_body` puts it back."""
    between, lines, end = _lines(text)
    return between.join(lines[end + 1 :]) if end else text


def values_of(text: str) -> dict[str, str]:
    """Return the values of a head as they were written, also wrong ones; of a key that is there twice, the first."""
    return dict(split(text, "", KEYS).values)


def _lines(text: str) -> tuple[str, list[str], int]:
    """Return what is between the lines, the lines, and the place of the second fence (0: none)."""
    between = "\n" if "\n" in text else "\r"
    lines = text.split(between)
    opens = lines[0].removeprefix("\ufeff").rstrip() == FENCE
    end = next((number for number, line in enumerate(lines[1:], 1) if line.rstrip() == FENCE), 0)
    return between, lines, end if opens else 0


def _line(key: str, value: str) -> str:
    return f"{key}: {_plain(value)}"


def _plain(value: str) -> str:
    return _BREAKS.sub(" ", value).strip()

"""Writing a campaign file: a head from values, or other values in a head that is there.

Promises: :func:`with_values` changes the lines of the given keys and leaves every other byte as it is: order, spaces,
line ends, unknown keys and the text. What is written is read back by :mod:`campaigns.source.front_matter` as the same
values. A line break in a value becomes a space. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from campaigns.source.front_matter import FENCE

_BREAKS = re.compile(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")


def new_file(values: Mapping[str, str], body: str) -> str:
    """Return a campaign file with these values, in their order, and this text; empty values are left out."""
    lines = [FENCE, *(_line(key, value) for key, value in values.items() if value), FENCE]
    return "\n".join([*lines, body])


def with_values(text: str, values: Mapping[str, str]) -> str:
    """Return the file with other values: an empty one removes its line, a new one is added at the end of the head.

    A text without a head gets one.
    """
    lines = text.split("\n")
    end = next((number for number, line in enumerate(lines[1:], 1) if line.rstrip() == FENCE), 0)
    if lines[0].lstrip("\ufeff").rstrip() != FENCE or not end:
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
    return "\n".join([lines[0], *head, *lines[end:]])


def with_body(text: str, body: str) -> str:
    """Return the file with another text; the head stays as it is, byte for byte."""
    lines = text.split("\n")
    end = next((number for number, line in enumerate(lines[1:], 1) if line.rstrip() == FENCE), 0)
    return "\n".join([*lines[: end + 1], body]) if end else body


def _line(key: str, value: str) -> str:
    return f"{key}: {_plain(value)}"


def _plain(value: str) -> str:
    return _BREAKS.sub(" ", value).strip()

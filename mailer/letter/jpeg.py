"""The segments of a JPEG file (ITU T.81, annex B): size and metadata are read from the same ones. Nothing is decoded.

Promises: what decoders skip is skipped. That is fill bytes, markers without content, and any bytes between two segments
(cameras and programs write padding there). At most ``MOST`` segments are read. Pure.

Raises ``ValueError``, ``IndexError`` or ``struct.error`` for a file that is broken or ends too early.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # start-of-frame markers (ITU T.81, table B.1)
MOST = 100_000
_STUFFED, _END, _SCAN = 0x00, 0xD9, 0xDA
_STANDALONE = frozenset({_STUFFED, 0x01, *range(0xD0, 0xD9)})


class Frame(NamedTuple):
    """The size in pixels, and how many colours are mixed: 4 for print (CMYK)."""

    width: int
    height: int
    colours: int


def frame(data: bytes) -> Frame:
    """Return the first frame."""
    for marker, start, _ in segments(data):
        if marker in FRAMES:
            height, width, colours = struct.unpack(">HHB", data[start + 1 : start + 6])
            return Frame(width, height, colours)
    raise ValueError("no frame")


def segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of each segment's content; for SOS (0xDA) with the scan."""
    at, count = 2, 0
    while (at := data.find(b"\xff", at)) >= 0:  # -1: a file that was cut off has no end marker
        while data[at] == 0xFF:  # any number of fill bytes may precede a marker (ITU T.81, B.1.1.2)
            at += 1
        marker = data[at]
        at += 1
        if marker == _END:
            return
        if marker in _STANDALONE:
            continue
        length = struct.unpack(">H", data[at : at + 2])[0]
        if length < 2 or (count := count + 1) > MOST:
            raise ValueError("no segment")
        end = at + length
        if marker == _SCAN:
            end = _scan_end(data, end)
        yield marker, at + 2, end
        at = end


def _scan_end(data: bytes, at: int) -> int:
    """Return the position of the next marker after a scan."""
    while (at := data.find(b"\xff", at)) >= 0 and at + 1 < len(data):
        if data[at + 1] not in (_STUFFED, 0xFF, *range(0xD0, 0xD8)):
            return at
        at += 1 if data[at + 1] == 0xFF else 2
    return len(data)

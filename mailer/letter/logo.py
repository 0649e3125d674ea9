"""Visibility of a logo on a background, judged by its opaque pixels, which are read from a PNG.

Only a PNG of 8 bits without interlacing is read, row by row and 600,000 pixels at most. For any other picture that may
be transparent (GIF, WebP, other PNG) nothing is known, so :func:`needs_plate` takes the careful side. A picture that
fills its rectangle has its own background and needs nothing. Pure; raises nothing.
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache

from mailer.letter.colour import contrast

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by the colour type of a PNG
_MOST = 600_000  # pixels
_OPAQUE = 128
_LOST = 2.0  # a lower contrast is not seen at a glance
_REMEMBERED = 1_000_000  # bytes of a picture
_Colour = tuple[int, int, int, int]  # red, green, blue, alpha, in steps of 16
_STEPS = bytes(value & 0xF0 for value in range(256))
SHARE = 0.1  # of the opaque pixels: with a tenth lost, words are lost


def needs_plate(logo: bytes, ground: str) -> bool:
    """Return whether a part of the logo vanishes on ``ground``, or may, so that it needs a lighter plate."""
    lost = share_lost(logo, ground)
    return (lost is None and not logo.startswith(b"\xff\xd8")) or (lost or 0) >= SHARE


def share_lost(logo: bytes, ground: str) -> float | None:
    """Return the share of the opaque pixels that hardly differ from ``ground``; 0 where they fill the rectangle.

    None: the share is unknown.
    """
    colours = _colours(logo)
    if colours is None:
        return None
    opaque = {colour: number for colour, number in colours.items() if colour[3] >= _OPAQUE}
    seen, total = sum(opaque.values()), sum(colours.values())
    if not seen or seen > 0.98 * total:
        return 0.0
    lost = sum(number for colour, number in opaque.items() if contrast(_hex(colour), ground) < _LOST)
    return lost / seen


def _hex(colour: _Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour[:3])


def _colours(data: bytes) -> Counter[_Colour] | None:
    """Count each colour of a PNG. A start asks four times for each ground, so the counts of small files are cached."""
    return _read_once(data) if len(data) <= _REMEMBERED else _read(data)


@lru_cache(maxsize=4)
def _read_once(data: bytes) -> Counter[_Colour] | None:
    return _read(data)


def _read(data: bytes) -> Counter[_Colour] | None:
    try:
        chunks = dict(_chunks(data)) if data.startswith(_SIGNATURE) else {}
        width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
        if depth != 8 or interlaced or not 0 < width * height <= _MOST:
            return None
        step = _CHANNELS[kind]
        pixels = zlib.decompressobj().decompress(chunks[b"IDAT"], height * (width * step + 1))
        found: Counter[tuple[int, ...]] = Counter()
        for row in _rows(pixels, width * step, step):
            told = row if kind == 3 else row.translate(_STEPS)
            found.update(zip(*(told[channel::step] for channel in range(step)), strict=True))
        colours: Counter[_Colour] = Counter()
        for pixel, number in found.items():
            colours[_colour(pixel, kind, chunks)] += number
        return colours
    except (struct.error, zlib.error, KeyError, IndexError, ValueError):
        return None


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield each kind of chunk with its bytes, those of the picture joined (PNG, third edition, 5.3)."""
    at, picture = len(_SIGNATURE), []
    while at + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        if kind == b"IDAT":
            picture.append(body)
        else:
            yield kind, body
        at += 12 + length
    yield b"IDAT", b"".join(picture)


def _rows(data: bytes, length: int, step: int) -> Iterator[bytes]:
    """Yield the rows with their filters undone (PNG, 9.2)."""
    before = bytes(length)
    for start in range(0, len(data) - length, length + 1):
        kind, row = data[start], data[start + 1 : start + 1 + length]
        before = _unfiltered(kind, row, before, step) if kind else row
        yield before


def _unfiltered(kind: int, row: bytes, before: bytes, step: int) -> bytes:
    """Undo the filter of a row, channel by channel: left, up, their mean, or the nearest of three."""
    whole = bytearray(len(row))
    for channel in range(step):
        given, up = row[channel::step], before[channel::step]
        if kind == 1:
            whole[channel::step] = _by_left(given)
        elif kind == 2:
            whole[channel::step] = map(_sum, given, up)
        elif kind == 3:
            whole[channel::step] = _by_mean(given, up)
        else:
            whole[channel::step] = _by_nearest(given, up)
    return bytes(whole)


def _sum(one: int, other: int) -> int:
    return (one + other) & 0xFF


def _by_left(given: bytes) -> Iterator[int]:
    left = 0
    for value in given:
        left = (left + value) & 0xFF
        yield left


def _by_mean(given: bytes, above: bytes) -> Iterator[int]:
    left = 0
    for value, up in zip(given, above, strict=True):
        left = (value + (left + up) // 2) & 0xFF
        yield left


def _by_nearest(given: bytes, above: bytes) -> Iterator[int]:
    """Undo Paeth's filter: add the nearest of left, up and corner to left + up - corner; of equals, the first."""
    left = corner = 0
    for value, up in zip(given, above, strict=True):
        from_left, from_up, from_corner = abs(up - corner), abs(left - corner), abs(left + up - corner - corner)
        if from_left <= from_up and from_left <= from_corner:
            left = (value + left) & 0xFF
        elif from_up <= from_corner:
            left = (value + up) & 0xFF
        else:
            left = (value + corner) & 0xFF
        corner = up
        yield left


def _colour(pixel: tuple[int, ...], kind: int, chunks: Mapping[bytes, bytes]) -> _Colour:
    if kind == 3:
        palette, clear = chunks.get(b"PLTE", b""), chunks.get(b"tRNS", b"")
        red, green, blue = palette[3 * pixel[0] : 3 * pixel[0] + 3]
        alpha = clear[pixel[0]] if pixel[0] < len(clear) else 255
    elif len(pixel) <= 2:
        red = green = blue = pixel[0]
        alpha = pixel[1] if len(pixel) == 2 else 255
    else:
        red, green, blue = pixel[:3]
        alpha = pixel[3] if len(pixel) == 4 else 255
    return red & 0xF0, green & 0xF0, blue & 0xF0, alpha & 0xF0

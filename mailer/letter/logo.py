"""Whether a logo can be seen on a ground: by what of it is opaque, read from a PNG.

Only a PNG of 8 bits that is not interlaced is read, row by row and 600,000 pixels at most; of any other picture that
may be transparent (GIF, WebP, other PNG) nothing is known, so :func:`needs_plate` takes the careful side. A picture
that fills its rectangle brings its own ground and needs nothing. Pure; raises nothing.
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping

from mailer.letter.colour import contrast

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by the colour type of a PNG
_MOST = 600_000  # pixels
_OPAQUE = 128
_LOST = 2.0  # a contrast below this is not seen at a glance
SHARE = 0.1  # of what is opaque: with a tenth lost, words are lost


def needs_plate(logo: bytes, ground: str) -> bool:
    """Whether a part of the logo vanishes on ``ground``, or may, so that something lighter must lie between."""
    lost = share_lost(logo, ground)
    return (lost is None and not logo.startswith(b"\xff\xd8")) or (lost or 0) >= SHARE


def share_lost(logo: bytes, ground: str) -> float | None:
    """The part of the opaque pixels that can hardly be told from ``ground``; 0 where the picture fills its rectangle.

    None: it cannot be told.
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


def _hex(colour: tuple[int, int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour[:3])


def _colours(data: bytes) -> Counter[tuple[int, int, int, int]] | None:
    """How often each colour (red, green, blue, alpha, in steps of 16) occurs in a PNG."""
    try:
        chunks = dict(_chunks(data)) if data.startswith(_SIGNATURE) else {}
        width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
        if depth != 8 or interlaced or not 0 < width * height <= _MOST:
            return None
        pixels = zlib.decompressobj().decompress(chunks[b"IDAT"], height * (width * _CHANNELS[kind] + 1))
        found: Counter[tuple[int, int, int, int]] = Counter()
        for row in _rows(pixels, width * _CHANNELS[kind], _CHANNELS[kind]):
            found.update(_row_colours(row, kind, chunks))
        return found
    except (struct.error, zlib.error, KeyError, IndexError, ValueError):
        return None


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each kind of chunk with its bytes, those of the picture together (PNG, third edition, 5.3)."""
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
    """The rows as they were before they were filtered (PNG, 9.2)."""
    before = bytearray(length)
    for start in range(0, len(data) - length, length + 1):
        kind, row = data[start], bytearray(data[start + 1 : start + 1 + length])
        if kind:
            for at in range(length):
                left = row[at - step] if at >= step else 0
                corner = before[at - step] if at >= step else 0
                row[at] = (row[at] + _guess(kind, left, before[at], corner)) & 0xFF
        yield bytes(row)
        before = row


def _guess(kind: int, left: int, up: int, corner: int) -> int:
    """What a filter took away: left, up, their mean, or the nearest of three (Paeth)."""
    if kind == 1:
        return left
    if kind == 2:
        return up
    if kind == 3:
        return (left + up) // 2
    guess = left + up - corner
    return min((left, up, corner), key=lambda one: abs(guess - one))


def _row_colours(row: bytes, kind: int, chunks: Mapping[bytes, bytes]) -> Iterator[tuple[int, int, int, int]]:
    palette, clear = chunks.get(b"PLTE", b""), chunks.get(b"tRNS", b"") if kind == 3 else b""
    step = _CHANNELS[kind]
    for at in range(0, len(row), step):
        pixel = row[at : at + step]
        if kind == 3:
            red, green, blue = palette[3 * pixel[0] : 3 * pixel[0] + 3]
            alpha = clear[pixel[0]] if pixel[0] < len(clear) else 255
        elif step <= 2:
            red = green = blue = pixel[0]
            alpha = pixel[1] if step == 2 else 255
        else:
            red, green, blue = pixel[:3]
            alpha = pixel[3] if step == 4 else 255
        yield red & 0xF0, green & 0xF0, blue & 0xF0, alpha & 0xF0

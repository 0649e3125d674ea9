"""Pictures: the kind and size of a file, read from its first bytes. No picture is decoded.

The picture alone is kept and served (:mod:`mailer.letter.picture_metadata`), without the place where it was taken and
without comments.

Raises ``ValueError`` with a sentence for a file that is no PNG, JPEG, GIF or WebP (the kinds that mail programs show).
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

from mailer.letter import jpeg
from mailer.letter.compiled import Image
from mailer.letter.picture_metadata import bare, orientation
from mailer.messages import Message

PIXELS, SIDE = 100_000_000, 30_000
"""A larger picture is a burden on each reader's machine, perhaps on purpose: a phone's camera has 12 to 100 million."""

_HEIC = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_OTHERS = {
    b"BM": "BMP", b"II*\0": "TIFF", b"MM\0*": "TIFF", b"%PDF-": "PDF", b"8BPS": "PSD", b"\0\0\1\0": "ICO",
    b"\xff\x0a": "JPEG XL", b"\0\0\0\x0cJXL ": "JPEG XL",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Picture:
    """An image of a letter with its size in pixels."""

    image: Image
    width: int
    height: int

    def shown(self, limit: int) -> tuple[int, int]:
        """Return the width and height of the picture in a column of ``limit`` pixels."""
        width = min(self.width, limit)
        return width, max(1, round(self.height * width / self.width))


def picture(data: bytes) -> Picture:
    """Return the picture in ``data``, named by its hash."""
    media_type, width, height = _measure(data)
    if not width or not height:
        raise ValueError(Message("This picture has no width or height."))
    if max(width, height) > SIDE or width * height > PIXELS:
        text = Message(
            "This picture has {width} by {height} pixels; make it smaller: {number} pixels at most, {side} a side."
        )
        raise ValueError(text.format(width=width, height=height, number=PIXELS, side=SIDE))
    if media_type == "image/jpeg" and orientation(data) >= 5:
        width, height = height, width
    alone = bare(data)
    return Picture(Image(hashlib.sha256(alone).hexdigest(), media_type, alone), width, height)


def _measure(data: bytes) -> tuple[str, int, int]:
    try:
        if data[:8] == b"\x89PNG\r\n\x1a\n":
            return "image/png", *struct.unpack(">II", data[16:24])
        if data[:6] in (b"GIF87a", b"GIF89a"):
            return "image/gif", *struct.unpack("<HH", data[6:10])
        if data[:2] == b"\xff\xd8":
            frame = jpeg.frame(data)
            return "image/jpeg", frame.width, frame.height
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return "image/webp", *_webp(data)
    except (struct.error, IndexError, ValueError):
        raise ValueError(Message("This picture ends too early.")) from None
    if kind := _other_kind(data):
        text = Message("This is {kind}, which mail programs do not show: save it as PNG or JPEG.")
        raise ValueError(text.format(kind=kind))
    raise ValueError(Message("This file is no such picture."))


def _other_kind(data: bytes) -> str:
    """Return the name of a kind of file that is often mistaken for such a picture; "" for all others."""
    start = data[:1000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(b"<svg") or (start.startswith((b"<?xml", b"<!doctype svg", b"<!--")) and b"<svg" in start):
        return "SVG"
    if data[4:8] == b"ftyp":
        return {b"avif": "AVIF", b"avis": "AVIF"}.get(data[8:12], "HEIC" if data[8:12] in _HEIC else "")
    return next((name for begin, name in _OTHERS.items() if data.startswith(begin)), "")


def colours(data: bytes) -> int:
    """Return how many colours a JPEG mixes: 4 for print (CMYK); 0 for other files."""
    try:
        return jpeg.frame(data).colours
    except (struct.error, IndexError, ValueError):
        return 0


def _webp(data: bytes) -> tuple[int, int]:
    if data[12:16] == b"VP8 ":
        width, height = struct.unpack("<HH", data[26:30])
        return width & 0x3FFF, height & 0x3FFF
    if data[12:16] == b"VP8L":
        bits = struct.unpack("<I", data[21:25])[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1

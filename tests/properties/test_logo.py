"""The colours that are read from a PNG are those that another reader finds in it, however its rows are filtered."""

from __future__ import annotations

import io
import struct
import zlib
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mailer.letter.logo import share_lost

CHANNELS = {"L": (0, 1), "RGB": (2, 3), "LA": (4, 2), "RGBA": (6, 4)}
GROUND = "#000000"


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@st.composite
def pictures(draw: st.DrawFn) -> bytes:
    """A small PNG whose rows have any filter and any bytes, so any pixels."""
    kind, step = CHANNELS[draw(st.sampled_from(sorted(CHANNELS)))]
    width, height = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    row = st.binary(min_size=width * step, max_size=width * step)
    rows = draw(st.lists(st.tuples(st.integers(0, 4), row), min_size=height, max_size=height))
    pixels = zlib.compress(b"".join(bytes([how]) + data for how, data in rows))
    head = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def by_pillow(data: bytes) -> float:
    """The share of what is opaque that is nearly black, by another reader."""
    image = Image.open(io.BytesIO(data)).convert("RGBA")
    pixels = Counter(zip(*[iter(image.tobytes())] * 4, strict=True))
    opaque = {pixel: number for pixel, number in pixels.items() if pixel[3] >= 128}
    if not opaque or sum(opaque.values()) > 0.98 * sum(pixels.values()):
        return 0.0
    dark = sum(number for pixel, number in opaque.items() if luminance(pixel) < 0.05)
    return dark / sum(opaque.values())


def luminance(pixel: tuple[int, ...]) -> float:
    """Relative luminance (WCAG 2.2) of the colour in steps of 16; twice 0.05 is the contrast of 2 with black."""
    parts = [(value & 0xF0) / 255 for value in pixel[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@given(pictures())
@settings(max_examples=200)
def test_a_png_has_the_colours_that_another_reader_finds(data: bytes) -> None:
    assert share_lost(data, GROUND) == by_pillow(data)

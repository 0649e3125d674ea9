"""Colours: parsing them, their contrast (WCAG 2.2, 1.4.3), and the nearest readable shade.

Colours are ``#rrggbb``. Pure arithmetic; raises ``ValueError`` on a text that is no colour.
"""

from __future__ import annotations

import colorsys
import re
from collections.abc import Callable, Sequence

_HEX = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_STEPS = 200


def normal(colour: str) -> str:
    """Return ``#abc`` or ``#AABBCC`` as ``#aabbcc``. Raises ``ValueError``."""
    text = colour.strip()
    if not _HEX.fullmatch(text):
        raise ValueError(f"{colour!r} is not a colour")
    digits = text[1:].lower()
    return "#" + ("".join(digit * 2 for digit in digits) if len(digits) == 3 else digits)


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2, definition of contrast ratio)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def readable(colour: str, on: str, ratio: float = 4.5) -> str:
    """Return the shade nearest to ``colour`` whose contrast on ``on`` is at least ``ratio``; if possible ``colour``."""
    return nearest(colour, lambda shade: contrast(shade, on) >= ratio) or black_or_white(on)


def nearest(colour: str, passes: Callable[[str], bool], directions: Sequence[int] = (-1, 1)) -> str:
    """Return the shade nearest to ``colour`` that passes, if possible ``colour`` itself; "" if none does.

    ``directions``: -1 for darker shades, 1 for lighter ones; of two that are as near, the first.
    """
    colour = normal(colour)
    if passes(colour):
        return colour
    hue, lightness, saturation = colorsys.rgb_to_hls(*_channels(colour))
    for step in range(1, _STEPS + 1):
        for direction in directions:
            candidate = lightness + direction * step / _STEPS
            if 0 <= candidate <= 1 and passes(shade := _hex(colorsys.hls_to_rgb(hue, candidate, saturation))):
                return shade
    return ""


def shifted(colour: str, by: float) -> str:
    """Return ``colour`` with ``by`` more lightness (0 to 1), at most white and at least black."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*_channels(colour))
    return _hex(colorsys.hls_to_rgb(hue, min(max(lightness + by, 0.0), 1.0), saturation))


def black_or_white(on: str) -> str:
    """Return black or white, whichever has the higher contrast on ``on``."""
    return max("#000000", "#ffffff", key=lambda colour: contrast(colour, on))


def _channels(colour: str) -> tuple[float, float, float]:
    digits = normal(colour)[1:]
    red, green, blue = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    return red, green, blue


def _hex(channels: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(channel * 255):02x}" for channel in channels)


def _luminance(colour: str) -> float:
    linear = [
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in _channels(colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

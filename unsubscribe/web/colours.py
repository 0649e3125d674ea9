"""Colours of the pages: the brand's colour in both modes, with contrast that has been computed.

Promises: the brand's colour is used unchanged as the fill, in letters and on pages. All other colours from
:func:`palette` always pass. The contrast is 4.5 to 1 between a button and its words and between a link and every
background it may have (WCAG 1.4.3). It is 3 to 1 between the edge of a button and the page (1.4.11). This holds light
and dark, at rest and under the pointer. Where the brand's colour does not pass, its nearest shade that does is used for
text or edge. The remaining colours are those of ``pages.css``, whose pairs were measured. Pure. Raises ``ValueError``
for a text that is not ``#rrggbb``.

Source: WCAG 2.2, 1.4.3 and 1.4.11.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mailer.letter.brand import Brand
from mailer.letter.colour import contrast, nearest, normal, shifted

LIGHT_GROUNDS = ("#FFFFFF", "#F4F6F8", "#EAEEF2", "#E3F3EA", "#FFF1D6", "#FCE9E9", "#E6F0FA")
DARK_GROUNDS = ("#18212B", "#0F151C", "#232F3B", "#12301F", "#33260A", "#3B1719", "#132B43")
LIGHT_WORDS = ("#FFFFFF", "#16202B")
DARK_WORDS = ("#0C1722", "#FFFFFF")
WORDS, SHAPE = 4.5, 3.0
_HOVER = 0.07


@dataclass(frozen=True, slots=True)
class Palette:
    """The brand's part in the colours of one mode."""

    action: str
    edge: str
    hover: str
    on_action: str
    link: str


def palette(action: str, link: str, *, dark: bool, on_action: str = "") -> Palette:
    """Return the colours of button and link in one mode: the fill as given, the others as shades that pass."""
    grounds, words = (DARK_GROUNDS, DARK_WORDS) if dark else (LIGHT_GROUNDS, LIGHT_WORDS)

    def is_edge(shade: str) -> bool:
        return all(contrast(ground, shade) >= SHAPE for ground in grounds[:2])

    def is_link(shade: str) -> bool:
        return all(contrast(ground, shade) >= WORDS for ground in grounds)

    fill, edge = normal(action).upper(), _nearest(action, is_edge, dark=dark)
    tried = (*([on_action.upper()] if on_action else []), *words, "#000000")
    legible = next(text for text in tried if contrast(text, fill) >= WORDS)
    return Palette(fill, edge, _hover(fill, legible), legible, _nearest(link, is_link, dark=dark))


def css(brand: Brand) -> str:
    """Return the part of the style sheet that puts the brand's colours into the pages, light, dark and on paper."""
    light = _rule(palette(brand.light.action, brand.light.link, dark=False, on_action=brand.light.on_action))
    dark = _rule(palette(brand.dark.action, brand.dark.link, dark=True, on_action=brand.dark.on_action))
    return f"{light}\n@media screen and (prefers-color-scheme: dark) {{ {dark} }}\n"


def _rule(colours: Palette) -> str:
    return (
        f":root {{ --action: {colours.action}; --action-edge: {colours.edge}; --action-hover: {colours.hover}; "
        f"--on-action: {colours.on_action}; --link: {colours.link}; }}"
    )


def _nearest(colour: str, passes: Callable[[str], bool], *, dark: bool) -> str:
    """Return ``colour``, or its nearest shade that passes: darker on light backgrounds, lighter on dark ones."""
    found = nearest(colour, passes, (1,) if dark else (-1,))
    return found.upper() or ("#FFFFFF" if dark else "#000000")


def _hover(shade: str, on_action: str) -> str:
    """Return a shade slightly farther from the colour of the words, so that the contrast only grows."""
    away = -_HOVER if _sum(on_action) > _sum(shade) else _HOVER
    return shifted(shade, away).upper()


def _sum(colour: str) -> int:
    return sum(bytes.fromhex(normal(colour)[1:]))

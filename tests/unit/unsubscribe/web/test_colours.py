"""Whatever colour a brand has, its pages can be read."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from mailer.letter.brand import builtin_brand
from mailer.letter.colour import contrast
from templates import page_asset
from unsubscribe.web import colours

anything = st.integers(0, 0xFFFFFF).map("#{:06x}".format)


@given(anything, anything, st.booleans())
def test_button_and_links_can_be_read_with_any_colour(action: str, link: str, dark: bool) -> None:
    made = colours.palette(action, link, dark=dark)
    grounds = colours.DARK_GROUNDS if dark else colours.LIGHT_GROUNDS
    assert contrast(made.on_action, made.action) >= 4.5
    assert contrast(made.on_action, made.hover) >= 4.5
    assert min(contrast(made.edge, ground) for ground in grounds[:2]) >= 3
    assert min(contrast(made.link, ground) for ground in grounds) >= 4.5


def test_a_colour_that_passes_is_left_alone() -> None:
    assert colours.palette("#14508c", "#0b4f94", dark=False).action == "#14508C"


def test_the_colour_of_the_brand_fills_as_it_is_and_only_words_and_edge_differ() -> None:
    for given_ in ("#ffdd00", "#000000", "#cfe8f5", "#e2001a"):
        made = colours.palette(given_, given_, dark=False)
        assert made.action == given_.upper()
        assert contrast(made.edge, "#ffffff") >= 3
    assert colours.palette("#ffdd00", "#ffdd00", dark=False, on_action="#000000").on_action == "#000000"


def test_the_grounds_are_those_of_the_style_sheet() -> None:
    sheet = page_asset("pages.css").decode()
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#[0-9A-F]{6})", part)) for part in sheet.split("prefers-color-scheme", 2)[:2]
    )
    names = ("surface", "page", "raised", "ok-bg", "warn-bg", "error-bg", "info-bg")
    assert tuple(light[name] for name in names) == colours.LIGHT_GROUNDS
    assert tuple(dark[name] for name in names) == colours.DARK_GROUNDS


def test_every_pair_of_the_style_sheet_can_be_read() -> None:
    sheet = page_asset("pages.css").decode() + colours.css(builtin_brand("x"))
    for part in sheet.split("prefers-color-scheme", 2)[:2]:
        found = dict(re.findall(r"--([\w-]+): (#[0-9A-F]{6})", part))
        for front, backs in PAIRS.items():
            for back in backs:
                assert contrast(found[front], found[back]) >= 4.5, (front, back)
        for back in ("surface", "page", "raised"):
            assert contrast(found["control"], found[back]) >= 3


PAIRS = {
    "text": ("page", "surface", "raised", "ok-bg", "warn-bg", "error-bg", "info-bg"),
    "muted": ("page", "surface", "raised"),
    "link": ("page", "surface", "raised", "ok-bg", "warn-bg", "error-bg", "info-bg"),
    "visited": ("page", "surface"),
    "on-action": ("action", "action-hover"),
    "on-danger": ("danger", "danger-hover"),
    "error": ("surface", "page", "error-bg"),
    "ok": ("ok-bg",),
    "focus": ("focus-in",),
}

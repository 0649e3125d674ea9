"""The letters as a browser shows them: readable, nothing cut off, in light and dark, with and without style sheets."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page

from mailer.letter.colour import contrast
from tests.support.browser import SPACING, axe, overflow
from tests.support.letter_pictures import letter_of, showing, without_sheets
from tests.support.letters import EXAMPLES

pytestmark = [pytest.mark.chromium, pytest.mark.slow]
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.md"))
Scheme = Literal["light", "dark"]
TEXTS = """() => {
  const hex = c => { const n = c.match(/[\\d.]+/g).map(Number); return n.length > 3 && n[3] === 0 ? '' :
    '#' + n.slice(0, 3).map(x => Math.round(x).toString(16).padStart(2, '0')).join('') };
  const behind = e => { for (; e; e = e.parentElement) {
    const c = hex(getComputedStyle(e).backgroundColor); if (c) return c }
    return '#ffffff' };
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) { const e = walk.currentNode.parentElement;
    if (walk.currentNode.textContent.trim() && e.offsetParent && e.getBoundingClientRect().height > 8)
      found.push([walk.currentNode.textContent.trim().slice(0, 40), hex(getComputedStyle(e).color), behind(e)]) }
  return found }"""


def _open(browser: Browser, name: str, width: int, scheme: Scheme = "light", *, sheets: bool = True) -> Any:
    compiled, html = letter_of(name)
    size = {"width": width, "height": 800}
    text = html if sheets else without_sheets(html)
    return showing(browser, text, compiled, viewport=size, color_scheme=scheme)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sheets", [True, False], ids=["styles", "no style sheets"])
def test_nothing_sticks_out_at_320_pixels(browser: Browser, name: str, sheets: bool) -> None:
    with _open(browser, name, 320, sheets=sheets) as page:
        assert overflow(page) == 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read_against_what_is_behind_it(browser: Browser, name: str, scheme: Scheme) -> None:
    with _open(browser, name, 700, scheme) as page:
        texts = page.evaluate(TEXTS)
    assert len(texts) > 10
    assert [text for text in texts if contrast(text[1], text[2]) < 4.5] == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, name: str, scheme: Scheme) -> None:
    with _open(browser, name, 700, scheme) as page:
        found = [line for line in axe(page) if not line.startswith(("landmark-", "region"))]  # a mail has no landmarks
    assert found == []


def test_a_letter_takes_wider_spacing_without_losing_anything(browser: Browser) -> None:
    with _open(browser, "alle-blokken", 320) as page:
        page.add_style_tag(content=SPACING)
        assert overflow(page) == 0


@pytest.mark.parametrize("width", [360, 700])
def test_links_outside_sentences_are_targets_of_24_pixels_and_buttons_of_44(browser: Browser, width: int) -> None:
    with _open(browser, "alle-blokken", width) as page:
        assert _heights(page, ".foot a.way, .top a") >= 24
        assert _heights(page, "a.button") >= 44


def test_images_off_leaves_the_descriptions(browser: Browser) -> None:
    compiled, html = letter_of("alle-blokken")
    bare = compiled.__class__(compiled.letter, "", "", ())
    with showing(browser, html, bare, viewport={"width": 700, "height": 800}) as page:
        names = page.get_by_role("img").evaluate_all("all => all.map(one => one.alt)")
        assert names == ["VNG", "Een rij grachtenhuizen met trap- en klokgevels aan het water"]


def _heights(page: Page, selector: str) -> float:
    found: list[float] = page.locator(selector).evaluate_all("all => all.map(a => a.getBoundingClientRect().height)")
    return min(found)

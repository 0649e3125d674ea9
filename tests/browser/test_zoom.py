"""400 % zoom, as WCAG 1.4.10 counts it: a window of 1280 × 1024 at 400 % is 320 × 256 CSS pixels of four dots each.

Every public page, also letters: no scrolling sideways, nothing cut off, no text over another, no word broken in its
middle, and wherever the keyboard goes the focus is in sight and nothing lies over it (2.4.11); the main button is seen
whole.

All that in each of the fonts that systems have as theirs; where the focus goes, in the widest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.support.browser import answer_of, overflow, page_on, show
from tests.support.fonts import DEJAVU, FAMILIES, LIBERATION, NOTO, Family
from tests.support.gallery import LETTERS, PAGES, Gallery

pytestmark = [pytest.mark.chromium, pytest.mark.slow]
Browsers = Callable[[Family], Browser]
ZOOMED: dict[str, Any] = {"viewport": {"width": 320, "height": 256}, "device_scale_factor": 4}
HIDDEN = "'.vh, .trap, .skip, [aria-hidden=true], template, title, style'"
# Lines of text as they are painted: [left, top, right, bottom, the text], without those for screen readers alone.
LINES = f"""() => {{ const lines = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {{ const text = walk.currentNode, e = text.parentElement, style = getComputedStyle(e);
    if (!text.textContent.trim() || e.closest({HIDDEN}) || style.visibility == 'hidden' || !e.getClientRects().length
      || parseFloat(style.fontSize) < 2) continue;
    const range = document.createRange(); range.selectNodeContents(text);
    for (const r of range.getClientRects()) if (r.width > 1 && r.height > 1)
      lines.push([r.left, r.top + scrollY, r.right, r.bottom + scrollY, text.textContent.trim().slice(0, 40)]) }}
  return lines }}"""
# Words that stand on two lines and have nothing in them at which one may break them; a mail address has no good place,
# and a table in a letter gives way in its words rather than stick out (its author cannot know who looks how).
BROKEN = f"""() => {{ const found = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {{ const text = walk.currentNode;
    const e = text.parentElement;
    if (e.closest({HIDDEN}) || e.closest('table.data') || !e.getClientRects().length) continue;
    for (const word of text.textContent.matchAll(/\\S+/g)) {{
      if (/[@/\\u00ad-]/.test(word[0])) continue;
      const range = document.createRange();
      range.setStart(text, word.index); range.setEnd(text, word.index + word[0].length);
      if (new Set([...range.getClientRects()].map(r => Math.round(r.top))).size > 1) found.push(word[0]) }} }}
  return found }}"""
# Boxes whose content is larger than they are and does not show outside; a box that scrolls by itself is one too,
# but for a field that somebody typed a long text into.
CUT = f"""() => [...document.querySelectorAll('body *')].filter(e => !e.closest({HIDDEN}) && e.tagName != 'INPUT')
  .filter(e => {{ const s = getComputedStyle(e);
    return ['hidden', 'clip', 'auto', 'scroll'].some(x => s.overflowX == x || s.overflowY == x)
      && e.clientHeight > 2 && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1) }})
  .map(e => e.tagName + ' ' + e.className + ' ' + e.innerText.slice(0, 40))"""
# The focus: what has it, how much of it is in the window, and whether it is on top at the middle of that part.
FOCUS = """() => { const e = document.activeElement, r = e.getClientRects()[0] ?? e.getBoundingClientRect();
  const left = Math.max(r.left, 0), top = Math.max(r.top, 0);
  const right = Math.min(r.right, innerWidth), bottom = Math.min(r.bottom, innerHeight);
  const there = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
  return {at: [...document.querySelectorAll('*')].indexOf(e), body: e === document.body,
    name: e.tagName + ':' + (e.innerText || e.id || e.name).slice(0, 40), main: e.matches('.btn.primary, .btn.danger'),
    seen: right - left > 1 && bottom - top > 1, on_top: !!there && e.contains(there),
    whole: r.top >= 0 && r.left >= 0 && r.bottom <= innerHeight && r.right <= innerWidth} }"""


@pytest.mark.parametrize("name", PAGES | LETTERS)
def test_at_400_percent_nothing_is_lost_in_any_font_and_the_keyboard_keeps_the_focus_in_sight(
    browsers: Browsers, gallery: Gallery, name: str
) -> None:
    with page_on(browsers(DEJAVU), **ZOOMED) as page:
        gallery.open(page, name)
        answer = answer_of(page)
        _assert_nothing_is_lost(page)
        stops = _stops(page)
        assert [stop["name"] for stop in stops if not (stop["seen"] and stop["on_top"])] == []
        main = [stop for stop in stops if stop["main"]]
        assert len(main) == page.locator(".btn.primary, .btn.danger").count()
        assert all(stop["whole"] for stop in main), main
    for family in (LIBERATION, NOTO):
        with page_on(browsers(family), **ZOOMED) as page:
            show(page, answer)
            _assert_nothing_is_lost(page)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_browser_has_one_family_of_fonts_and_no_other(browsers: Browsers, family: str) -> None:
    with page_on(browsers(FAMILIES[family])) as page:
        devtools = page.context.new_cdp_session(page)
        for name, expected in (
            ("system-ui, sans-serif", FAMILIES[family].sans),
            ("Arial", FAMILIES[family].sans),
            ("monospace", FAMILIES[family].mono),
        ):
            page.set_content(f"<p style='font-family: {name}'>Zwölf Boxkämpfer jagen Viktor")
            root = devtools.send("DOM.getDocument")["root"]["nodeId"]
            devtools.send("CSS.enable")
            node = devtools.send("DOM.querySelector", {"nodeId": root, "selector": "p"})["nodeId"]
            used = devtools.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
            assert [font["familyName"] for font in used] == [expected], name


@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_at_400_percent_no_word_is_broken_in_the_other_languages(
    browser: Browser, galleries: Callable[[str], Gallery], language: str
) -> None:
    shown = galleries(language)
    with page_on(browser, locale=language, **ZOOMED) as page:
        for name in ("optout", "left", "details", "my-data", "subscribe", "archive", "privacy", "accessibility"):
            shown.open(page, name)
            assert page.evaluate(BROKEN) == [], name


def _assert_nothing_is_lost(page: Page) -> None:
    assert page.evaluate("[innerWidth, innerHeight, devicePixelRatio]") == [320, 256, 4]
    assert overflow(page) == 0
    assert page.evaluate(CUT) == []
    lines = page.evaluate(LINES)
    assert len(lines) > 5
    assert [line for line in lines if line[0] < 0 or line[2] > 320] == []
    assert _over_each_other(lines) == []
    assert page.evaluate(BROKEN) == []


def _over_each_other(lines: list[list[Any]]) -> list[tuple[str, str]]:
    """Pairs of lines that lie over each other by more than line height explains: rects of text have room above."""
    found = []
    for number, (left, top, right, bottom, text) in enumerate(lines):
        for other in lines[number + 1 :]:
            wide = min(right, other[2]) - max(left, other[0])
            high = min(bottom, other[3]) - max(top, other[1])
            if wide > 1 and high > 0.4 * min(bottom - top, other[3] - other[1]):
                found.append((text, other[4]))
    return found


def _stops(page: Page) -> list[dict[str, Any]]:
    """Where Tab goes from the top of the page, once round."""
    page.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0) }")
    stops: dict[int, dict[str, Any]] = {}
    for _ in range(200):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUS)
        if stop["body"] and not stops:
            continue
        if stop["body"] or stop["at"] in stops:
            return list(stops.values())
        stops[stop["at"]] = stop
    raise AssertionError("the keyboard does not get out of the page")

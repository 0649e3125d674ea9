"""The public pages in a real browser: for everybody and every device."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page

from tests.support.browser import SPACING, axe, complaints, overflow, page_of_its_own, page_on
from tests.support.gallery import LETTERS, PAGES, Gallery, advance
from tests.support.thorough import share

pytestmark = [pytest.mark.chromium, pytest.mark.slow]
Show = Callable[[Page, str], None]
OTHERS = ("en", "de", "fr")
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SIZES = [(1280, 900), (768, 900), (320, 256)]
ANSWERS_WITH_AN_ERROR = {
    "less-often-error",
    "pause-error",
    "not-found",
    "expired",
    "confirm-expired",
    "details-error",
    "subscribe-error",
}
RING = """() => { const e = document.activeElement, r = e.getBoundingClientRect(), s = getComputedStyle(e);
  return {at: [...document.querySelectorAll('*')].indexOf(e),
    name: e.tagName + ':' + (e.innerText || e.id).slice(0, 40),
    width: parseFloat(s.outlineWidth), style: s.outlineStyle,
    seen: r.width > 0 && r.top >= -1 && r.left >= -1 && r.bottom <= innerHeight + 1 && r.right <= innerWidth + 1,
    body: e === document.body} }"""
STOPS = """() => document.querySelectorAll('a, button, select, textarea, [type=checkbox]').length
  + [...document.querySelectorAll('input:not([type=hidden], [type=checkbox], [type=radio])')]
    .filter(e => !e.closest('.trap')).length
  + new Set([...document.querySelectorAll('[type=radio]')].map(e => e.name)).size"""
TARGETS = """() => [...document.querySelectorAll('a, button, input, select, textarea')]
  .filter(e => e.type !== 'hidden' && !e.closest('p, li > p, .trap') && !e.matches('.skip'))
  .map(e => { const r = e.getBoundingClientRect(); return [e.tagName, e.innerText || e.id, r.width, r.height] })"""


def assert_fits_and_speaks(page: Page) -> None:
    """Light and dark, at each size, axe finds nothing, and nothing sticks out. Colours may not be in transition.

    Half of the pairs, from a start by chance, are each size and both schemes; all pairs in ``make chaos``.
    """
    pairs = [(scheme, size) for scheme in SCHEMES for size in SIZES]
    for scheme, (width, height) in share(pairs, 2):  # each size, and both schemes
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": height})
        assert axe(page) == [], scheme
        assert overflow(page) == 0
    page.emulate_media(color_scheme=None)


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_and_nothing_sticks_out_light_or_dark(browser: Browser, gallery: Gallery, name: str) -> None:
    with page_on(browser, reduced_motion="reduce") as page:
        gallery.open(page, name)
        assert_fits_and_speaks(page)
        expected = ["console: Failed to load resource"] if name in ANSWERS_WITH_AN_ERROR else []
        assert [item for item in complaints(page) if not item.startswith(tuple(expected) or "-")] == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_and_names_its_language_in_another_language_and_axe_finds_nothing(
    browser: Browser, galleries: Callable[[str], Gallery], name: str
) -> None:
    """The pages differ in words alone: each in one language, which is chosen by chance; in all in ``make chaos``."""
    for language in share(OTHERS, len(OTHERS)):
        with page_on(browser, locale=language, viewport={"width": 320, "height": 256}) as page:
            galleries(language).open(page, name)
            assert axe(page) == []
            assert overflow(page) == 0
            assert page.locator("html").get_attribute("lang") == language


@pytest.mark.parametrize("name", LETTERS)
def test_axe_finds_nothing_in_a_letter_that_is_read_online(browser: Browser, gallery: Gallery, name: str) -> None:
    with page_on(browser, reduced_motion="reduce") as page:
        gallery.open(page, name)
        assert_fits_and_speaks(page)
        assert complaints(page) == []
        assert page.locator("h1").count() == 1
        assert page.locator("main, [role=main]").count() == 1
        assert page.evaluate("[...document.images].every(e => e.complete && e.naturalWidth > 0)")


@pytest.mark.parametrize("name", LETTERS)
def test_a_letter_prints_without_its_offer_and_with_the_addresses_of_its_links(
    browser: Browser, gallery: Gallery, name: str
) -> None:
    with page_of_its_own(browser, color_scheme="dark") as page:
        gallery.open(page, name)
        assert page.locator(".offer").is_visible()
        page.emulate_media(media="print")
        assert not page.locator(".offer").is_visible()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.locator(".title").evaluate("e => getComputedStyle(e).color") == "rgb(0, 0, 0)"
        shown = page.locator(".content a").first.evaluate("e => getComputedStyle(e, '::after').content")
        assert "http" in shown


@pytest.mark.parametrize("name", PAGES)
def test_larger_text_and_more_space_fit_into_320_pixels(browser: Browser, shown: Show, name: str) -> None:
    with page_on(browser, viewport={"width": 320, "height": 640}, bypass_csp=True) as page:
        shown(page, name)
        spacing = page.add_style_tag(content=SPACING)
        assert overflow(page) == 0
        spacing.evaluate("e => e.remove()")
        page.add_style_tag(content="html { font-size: 200% !important; }")
        assert overflow(page) == 0


@pytest.mark.parametrize("name", PAGES)
def test_one_heading_one_main_one_primary_and_honest_html(browser: Browser, shown: Show, name: str) -> None:
    with page_on(browser) as page:
        shown(page, name)
        html = page.content()
        assert page.locator("h1").count() == 1
        assert page.locator("main").count() == 1
        assert page.locator(".btn.primary").count() <= 1
        assert page.locator("html").get_attribute("lang") == "nl"
        assert page.title().endswith(" – Vereniging van Voorbeeldgemeenten")
        assert not re.search(r"<[^>]+\s(style|on\w+)=", html)
        assert "<script" not in html
        for tag, text, width, height in page.evaluate(TARGETS):
            assert min(width, height) >= 24, (tag, text)
        for box in (item.bounding_box() for item in page.locator(".btn").all()):
            assert box
            assert box["height"] >= 44


@pytest.mark.parametrize("name", PAGES)
def test_the_keyboard_reaches_all_and_is_always_seen(browser: Browser, shown: Show, name: str) -> None:
    with page_on(browser, viewport={"width": 360, "height": 640}) as page:
        shown(page, name)
        page.locator(".skip").focus()
        there = _walk(page, "Tab")
        assert len(there) >= page.evaluate(STOPS) - 1
        assert len(_walk(page, "Shift+Tab")) >= len(there)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_small_and_asks_nobody_else(browser: Browser, gallery: Gallery, name: str) -> None:
    with page_of_its_own(browser) as page:
        sizes: list[int] = []
        kinds: set[str] = set()
        gallery.open(page, name)
        page.on("response", lambda answer: sizes.append(len(answer.body())))
        page.on("request", lambda request: kinds.add(request.resource_type))
        page.goto(page.url) if name not in ANSWERS_WITH_AN_ERROR else None
        assert sum(sizes) < 50_000
        assert kinds <= {"document", "stylesheet", "image"}


def test_nothing_moves_for_who_asked_for_rest(browser: Browser, gallery: Gallery) -> None:
    with page_on(browser, reduced_motion="reduce") as page:
        gallery.open(page, "optout")
        page.locator(".btn.primary").hover()
        assert page.evaluate("document.getAnimations().length") == 0


def test_buttons_keep_an_edge_in_forced_colours(browser: Browser, gallery: Gallery) -> None:
    with page_on(browser, forced_colors="active") as page:
        gallery.open(page, "optout")
        edge = page.locator(".btn.primary").evaluate("e => getComputedStyle(e).borderTopWidth")
        assert float(edge.removesuffix("px")) >= 1


@pytest.mark.parametrize("name", ["less-often-error", "pause-error", "details-error", "subscribe-error"])
def test_an_empty_form_says_what_is_missing_and_leads_there(browser: Browser, gallery: Gallery, name: str) -> None:
    with page_on(browser, java_script_enabled=True) as page:
        gallery.open(page, name)
        assert page.title().startswith("Fout: ")
        assert page.evaluate("document.activeElement.id") == "errors"
        link = page.locator("#errors a").first
        text = link.inner_text()
        link.click()
        target = page.locator(str(link.get_attribute("href")))
        assert target.get_attribute("aria-invalid") == "true"
        assert text in page.locator(".err").first.inner_text()


def test_what_people_are_called_is_shown_as_text(browser: Browser, gallery: Gallery) -> None:
    nasty = '<img src=x onerror="alert(1)"> {{7*7}} ' + "a" * 300 + " \u202eאבג"
    with gallery.town.db.write() as conn:
        from unsubscribe import contacts

        contacts.describe_topic(conn, gallery.town.topics[0].id, names={"nl": nasty})
    with page_on(browser, viewport={"width": 320, "height": 640}) as page:
        gallery.open(page, "optout")
        assert nasty in (page.locator("main").text_content() or "")
        assert page.locator("main img").count() == 0
        assert overflow(page) == 0


def test_every_choice_works_without_script_on_a_small_screen(browser: Browser, gallery: Gallery) -> None:
    with page_on(browser, viewport={"width": 320, "height": 640}, java_script_enabled=False) as page:
        gallery.open(page, "undone")
        assert gallery.town.state(2) == "subscribed"
        for name in (
            "less-often-saved",
            "paused",
            "details-saved",
            "change-undone",
            "address-asked",
            "confirmed",
            "erase",
        ):
            gallery.open(page, name)
            assert page.locator("h1").count() == 1
        advance(page, "main .btn.danger")
        assert page.locator(".code").count() == 1


def test_a_browser_that_opens_every_link_changes_nothing(browser: Browser, gallery: Gallery) -> None:
    before = gallery.town.everything()
    with page_on(browser) as page:
        waiting = [gallery.town.path("u", 5), gallery.town.path("d", 5), "/subscribe", "/archive"]
        seen: set[str] = set()
        while waiting:
            path = waiting.pop()
            if path in seen or len(seen) > 60:
                continue
            seen.add(path)
            gallery.go(page, path)
            found = page.evaluate("[...document.querySelectorAll('a')].map(e => e.getAttribute('href'))")
            waiting += [link for link in found if link.startswith("/") and not link.startswith("//")]
    assert len(seen) > 6
    assert gallery.town.everything() == before


def _walk(page: Page, key: str) -> list[str]:
    """Press until the page has been walked through; each stop must be seen."""
    stops: dict[int, str] = {}
    for _ in range(200):
        page.keyboard.press(key)
        stop = page.evaluate(RING)
        if stop["body"] and not stops:
            continue
        if stop["body"] or stop["at"] in stops:
            return list(stops.values())
        assert stop["style"] != "none", stop
        assert stop["width"] >= 2, stop
        assert stop["seen"], stop
        stops[stop["at"]] = stop["name"]
    raise AssertionError("the keyboard does not get out of the page")

"""The looks of the pages: buttons, colours, plates, alignment and next steps, as a browser computes them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page

from campaigns.app import public_pages
from mailer.letter.brand import Brand, brand_from_toml
from mailer.letter.compile import compile_letter
from mailer.letter.personalise import render
from mailer.storage import open_database
from tests.support.browser import page_on
from tests.support.gallery import Gallery
from tests.support.letter_pictures import ESTHER, showing
from tests.support.letters import example
from tests.support.site import Town, serving

pytestmark = [pytest.mark.chromium, pytest.mark.slow]
BOX = """e => { const r = e.getBoundingClientRect();
  return [Math.round(r.left), Math.round(r.right), Math.round(r.height)] }"""
FILL = "e => getComputedStyle(e).backgroundColor"
YELLOW = "rgb(255, 204, 0)"


def logo(colour: tuple[int, int, int, int]) -> bytes:
    image = Image.new("RGBA", (400, 100), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((10, 10, 300, 90), fill=colour)
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


def brand(*, twin: bool = False) -> Brand:
    """Yellow, with a navy logo on nothing."""
    text = 'name = "Gouda"\nlogo = "logo.png"\n' + ('logo_dark = "light.png"\n' if twin else "")
    text += '[sender]\naddress = ["Gouda", "Markt 1"]\n[links]\nwebsite = "https://gouda.example/"\n'
    files = {"logo.png": logo((10, 24, 64, 255)), "light.png": logo((255, 255, 255, 255))}
    return brand_from_toml(text + '[colours]\naction = "#ffcc00"\n', "brand.toml", files)


@contextmanager
def letter(browser: Browser, of: Brand, **options: Any) -> Iterator[Page]:
    source = example("alle-blokken")
    compiled = compile_letter(replace(source, brand=of))
    html = render(compiled.letter.html, ESTHER, compiled.letter.language)
    with showing(browser, html, compiled, **options) as page:
        yield page


@contextmanager
def pages(tmp_path: Path, browser: Browser, of: Brand, **options: Any) -> Iterator[tuple[Gallery, Page]]:
    db = open_database(f"sqlite:///{tmp_path}/postiljon.db")
    town = Town(db, people=8, languages=("nl",))
    with serving(public_pages(town.deps(brand=of))) as site, page_on(browser, **options) as page:
        yield Gallery(town, site), page
    db.close()


def test_on_a_phone_the_button_of_a_letter_is_as_wide_as_its_text_and_the_table_reaches_its_rule(
    browser: Browser,
) -> None:
    with letter(browser, brand(), viewport={"width": 360, "height": 740}) as page:
        text = page.locator(".body p").first.evaluate(BOX)
        assert page.locator("a.button").evaluate(BOX)[:2] == text[:2]
        assert page.locator("a.button").evaluate(BOX)[2] >= 44
        assert page.locator("table.data th").last.evaluate("e => getComputedStyle(e).paddingRight") == "0px"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_yellow_brand_is_the_same_yellow_in_letter_and_page(browser: Browser, tmp_path: Path, scheme: Any) -> None:
    with letter(browser, brand(), color_scheme=scheme) as page:
        assert page.locator("a.button").evaluate(FILL) == YELLOW
    with pages(tmp_path, browser, brand(), color_scheme=scheme) as (gallery, page):
        gallery.open(page, "optout")
        assert page.locator(".btn.primary").evaluate(FILL) == YELLOW


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_dark_logo_has_a_plate_in_the_dark_alone(browser: Browser, tmp_path: Path, scheme: Any) -> None:
    plate = "rgb(232, 237, 242)" if scheme == "dark" else "rgba(0, 0, 0, 0)"
    with letter(browser, brand(), color_scheme=scheme) as page:
        assert page.locator(".plate").evaluate(FILL) == plate
    with pages(tmp_path, browser, brand(), color_scheme=scheme) as (gallery, page):
        gallery.open(page, "optout")
        assert page.locator("header .logo").evaluate(FILL) == plate


def test_a_light_twin_takes_its_place_in_the_dark_without_a_plate(browser: Browser, tmp_path: Path) -> None:
    source = "e => e.currentSrc"
    with letter(browser, brand(twin=True), color_scheme="dark") as page:
        dark = page.locator(".logo img").evaluate(source)
        assert page.locator(".plate").evaluate(FILL) == "rgba(0, 0, 0, 0)"
    with letter(browser, brand(twin=True), color_scheme="light") as page:
        assert page.locator(".logo img").evaluate(source) != dark
    with pages(tmp_path, browser, brand(twin=True), color_scheme="dark") as (gallery, page):
        gallery.open(page, "optout")
        shown = page.locator("header img")
        assert shown.evaluate(source) != shown.evaluate("e => e.src")
        assert page.locator("header .logo").evaluate(FILL) == "rgba(0, 0, 0, 0)"


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_the_head_begins_where_the_text_begins(gallery: Gallery, browser: Browser, width: int) -> None:
    with page_on(browser, viewport={"width": width, "height": 800}) as page:
        gallery.open(page, "optout")
        left = {page.locator(what).evaluate(BOX)[0] for what in ("header .brand", "main h1", "footer ul >> nth=0")}
        assert len(left) == 1


def test_the_form_for_details_has_a_heading_for_each_group(
    browser: Browser, shown: Callable[[Page, str], None]
) -> None:
    with page_on(browser) as page:
        shown(page, "details")
        groups = ["Uw gegevens", "Onderwerpen", "Hoeveel mail", "Uw mailadres", "Uw privacy"]
        assert page.locator("main h2").all_inner_texts() == groups
        rules = page.locator("main section").evaluate_all("all => all.map(e => getComputedStyle(e).borderTopWidth)")
        assert rules == ["1px"] * 5


def test_the_date_of_a_pause_stands_under_its_choice(browser: Browser, shown: Callable[[Page, str], None]) -> None:
    with page_on(browser) as page:
        shown(page, "pause")
        choice = page.locator("input[value=date] + label").evaluate(BOX)
        assert abs(page.locator("#until").evaluate(BOX)[0] - choice[0]) <= 2


@pytest.mark.parametrize("name", ["left", "undone", "less-often-saved", "paused", "subscribed", "confirmed", "erased"])
def test_a_confirmation_leads_on(browser: Browser, shown: Callable[[Page, str], None], name: str) -> None:
    with page_on(browser) as page:
        shown(page, name)
        link = page.locator(".ways a[href^='/archive']")
        assert link.inner_text() == "Lees onze eerdere mails"
        assert link.evaluate(BOX)[2] >= 44


def test_a_letter_of_the_archive_leads_back_to_it(browser: Browser, shown: Callable[[Page, str], None]) -> None:
    with page_on(browser) as page:
        for name in ("archive-letter", "read-online", "read-online-plain"):
            shown(page, name)
            assert page.locator(".top a.back").get_attribute("href").endswith("/archive")  # type: ignore[union-attr]

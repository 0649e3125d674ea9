"""The report, the lists of people and a person's page in Chromium: for everybody, on every screen, and on paper."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page

from mailer.outbox import Claimed
from mailer.storage import open_database
from tests.support.browser import axe, complaints, overflow, page_of_its_own, page_on
from tests.support.console import PASSWORD, ConsoleSetup, console, console_setup
from tests.support.reported import GONE, YES, Answer, add, sent
from tests.support.site import WebServer
from unsubscribe import reasons

pytestmark = pytest.mark.chromium
LONG = "x" * 300
HOSTILE = "<img src=x onerror=alert(1)>{{7*7}} عربي"


@dataclass(frozen=True)
class Sent:
    """A served console after a campaign that two people did not get. ``number``: of one of them."""

    setup: ConsoleSetup
    server: WebServer
    number: int

    @property
    def pages(self) -> dict[str, str]:
        """The pages, by name."""
        return {
            "report": "/campaigns/denkt-u-mee/report",
            "refused": "/campaigns/denkt-u-mee/people?outcome=refused",
            "accepted": "/campaigns/denkt-u-mee/people?outcome=accepted",
            "contacts": "/contacts?q=lezer",
            "nobody": "/contacts?q=niemand",
            "person": f"/contacts/{self.number}?campaign=denkt-u-mee",
        }


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sent]:
    folder = tmp_path_factory.mktemp("console")
    db = open_database(f"sqlite:///{folder}/postiljon.db")
    setup = console_setup(db, folder, 40)
    anna, other = add(setup, "anna@gouda.example", HOSTILE), add(setup, f"{LONG[:60]}@{LONG[:60]}.example", LONG)
    answers: dict[int, Answer] = {anna.id: GONE, other.id: ("refused", "policy", 550, f"5.7.1 {LONG}")}

    def answer(one: Claimed) -> Answer:
        return answers.get(one.recipient, YES)

    for number in range(3):
        sent(setup, f"letter-{number}", answer)
        setup.clock.forward(days=7)
    campaign = sent(setup, answer=answer)
    with db.write() as conn:
        reasons.count_left(conn, {campaign.mailing_id or 0: 6})
        for reason in ("too_many", "too_many", "too_many", "not_relevant", "other"):
            reasons.add(conn, campaign.mailing_id or 0, reason)
    with console(setup) as server:
        yield Sent(setup, server, anna.id)
    db.close()


def sign_in(page: Page, town: Sent, role: str = "sender") -> None:
    page.goto(town.server.url("/console/sign-in"))
    page.fill("#email", town.setup.staff(role))
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_selector("nav")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_are_for_everybody_on_every_screen(browser: Browser, town: Sent, scheme: str) -> None:
    with page_on(browser, color_scheme=scheme) as page:
        sign_in(page, town)
        for name, path in town.pages.items():
            for width in (1280, 320):
                page.set_viewport_size({"width": width, "height": 800})
                page.goto(town.server.url(f"/console{path}"))
                assert axe(page) == [], (name, width)
                assert overflow(page) == 0, (name, width)
                assert page.locator("h1").count() == 1
                assert page.locator(".btn:not(.second, .quiet, .danger)").count() == 1, name
                assert len(page.content().encode()) < 200_000
        assert complaints(page) == []


def test_masked_lists_are_for_everybody_too(browser: Browser, town: Sent) -> None:
    with page_on(browser) as page:
        sign_in(page, town, "reviewer")
        page.goto(town.server.url(f"/console{town.pages['refused']}"))
        assert axe(page) == []
        assert page.locator("main a[href*='.xlsx']").count() == 0
        assert complaints(page) == []


def test_the_report_prints_on_three_pages_with_brand_date_all_rows_and_no_button(browser: Browser, town: Sent) -> None:
    with page_of_its_own(browser) as page:
        sign_in(page, town)
        page.goto(town.server.url(f"/console{town.pages['report']}"))
        on_screen = page.locator("tbody tr:visible").count()
        page.emulate_media(media="print", color_scheme="dark")
        assert page.locator("tbody tr:visible").count() == on_screen
        assert page.locator("button:visible, .btn:visible, nav:visible").count() == 0
        line = page.locator(".print-only:visible").inner_text()
        assert line == "Vereniging van Voorbeeldgemeenten · zondag 22\N{NO-BREAK SPACE}september 2024"
        paper = page.pdf(prefer_css_page_size=True)
        assert 1 <= len(re.findall(rb"/Type\s*/Page\b", paper)) <= 3
        assert re.search(rb"/MediaBox\s*\[0 0 59[45][.\d]* 84[12]", paper), "A4"


def test_by_keyboard_alone_a_sender_finds_out_why_somebody_did_not_get_it(browser: Browser, town: Sent) -> None:
    with page_on(browser) as page:
        sign_in(page, town)
        page.goto(town.server.url("/console/contacts"))
        page.focus("#q")
        page.keyboard.type("anna@gouda.example")
        page.keyboard.press("Enter")
        page.wait_for_selector("tbody a")
        page.focus("tbody a")
        page.keyboard.press("Enter")
        page.wait_for_selector("#campaign")
        page.focus("#campaign")
        page.keyboard.type("Denkt u mee?")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_selector("#answer")
        card = page.locator(".answer")
        assert "550" not in card.inner_text()
        page.focus(".answer summary")
        page.keyboard.press("Enter")
        assert "550 5.1.1" in card.inner_text()
        assert complaints(page) == []


def test_without_script_there_is_no_button_to_print_and_all_else_works(browser: Browser, town: Sent) -> None:
    with page_of_its_own(browser, java_script_enabled=False) as page:
        sign_in(page, town)
        page.goto(town.server.url(f"/console{town.pages['report']}"))
        assert not page.locator("[data-print]").is_visible()
        page.locator("section[aria-labelledby=why] tbody a").first.click()
        assert "anna@gouda.example" in page.content()


def test_with_script_the_button_prints(browser: Browser, town: Sent) -> None:
    with page_of_its_own(browser) as page:
        page.add_init_script("window.print = () => { document.title = 'printed' }")
        sign_in(page, town)
        page.goto(town.server.url(f"/console{town.pages['report']}"))
        page.click("[data-print]")
        assert page.title() == "printed"

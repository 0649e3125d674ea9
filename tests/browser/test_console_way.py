"""Planning, taking back and following a campaign in a real browser: with and without script, by keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from campaigns.staff import users
from mailer.settings import Relay
from mailer.storage import open_database
from tests.support.browser import axe, complaints, overflow, page_of_its_own, page_on
from tests.support.console import PASSWORD, ConsoleSetup, console
from tests.support.console_way import PostOffice, a_draft, counts, post_office, shown_numbers, way_setup
from tests.support.site import WebServer
from tests.support.smtpd import Rule
from tests.support.waiting import wait_until

SLUG = "denkt-u-mee"
HERE = f"/campaigns/{SLUG}"


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[ConsoleSetup]:
    db = open_database(f"sqlite:///{tmp_path}/console.db")
    relay = Relay("127.0.0.1", 25, tls="none", connections=1, window=1)
    made = way_setup(db, tmp_path, undo=timedelta(minutes=5), smtp_url=relay)
    address = made.staff("sender")
    with db.write() as conn:
        users.change(conn, users.named(conn, address).id, made.clock(), language="en")
    a_draft(made)
    yield made
    db.close()


@pytest.fixture
def server(setup: ConsoleSetup) -> Iterator[WebServer]:
    with console(setup) as server:
        yield server


def sign_in(page: Page, setup: ConsoleSetup, server: WebServer) -> None:
    page.goto(server.url("/console/sign-in"))
    page.fill("#email", setup.staff("sender"))
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_url(server.url("/console"))


def go(page: Page, server: WebServer, path: str) -> None:
    page.goto(server.url(f"/console{path}"))


def fine(page: Page, path: str) -> None:
    """Nothing that axe or the policy finds, and nothing wider than the window, at 1280 and at 320 pixels."""
    for width in (1280, 320):
        page.set_viewport_size({"width": width, "height": 800})
        assert (path, width, axe(page), complaints(page), overflow(page)) == (path, width, [], [], 0)
    page.set_viewport_size({"width": 1280, "height": 800})
    primary = page.locator(".btn:not(.second, .quiet, .danger)").count()
    assert primary <= 1, f"{path}: {primary} primary buttons"


@contextmanager
def going(setup: ConsoleSetup, page: Page, server: WebServer, *rules: Rule) -> Iterator[PostOffice]:
    """The campaign, sent now by its button, with the span to take it back over, and a sender at work."""
    go(page, server, f"{HERE}/plan?how=now")
    page.press("form[action$=plan] .btn:not(.quiet)", "Enter")
    page.wait_for_url("**/planned*")
    setup.clock.forward(minutes=6)
    with post_office(setup, *rules) as office:
        office.turn()
        office.begin()
        yield office


def test_each_page_of_the_way_is_without_fault_at_both_widths(
    browser: Browser, setup: ConsoleSetup, server: WebServer
) -> None:
    rules = (
        Rule("dot", "drop", nth=2),
        Rule("rcpt", text="550 5.1.1 no such user", recipient="lezer3@"),
        Rule("dot", "hold", nth=4),
    )
    with page_on(browser) as page:
        sign_in(page, setup, server)
        for path in ("", "/campaigns", f"{HERE}/when", f"{HERE}/plan?how=now"):
            go(page, server, path)
            fine(page, path)
        with going(setup, page, server, *rules) as office:
            wait_until(lambda: office.server.held)
            for path in ("", f"{HERE}/follow", f"{HERE}/planned", f"{HERE}/stop", f"{HERE}/doubt", f"{HERE}/hold"):
                go(page, server, path)
                fine(page, path)
            office.release()


def test_numbers_change_on_the_open_page_by_themselves(
    browser: Browser, setup: ConsoleSetup, server: WebServer
) -> None:
    with page_on(browser) as page:
        sign_in(page, setup, server)
        with going(setup, page, server, Rule("dot", "hold", nth=3)) as office:
            wait_until(lambda: office.server.held)
            go(page, server, f"{HERE}/follow")
            assert page.locator('[data-number="accepted"]').get_attribute("data-value") == "2"
            office.release()
            office.until(SLUG, state="finished")
            page.wait_for_selector("#heard:text-is('Sent')", state="attached")
            assert shown_numbers(page.content()) == counts(setup, SLUG)
            assert complaints(page) == []


def test_a_page_whose_connection_is_gone_says_since_when(
    browser: Browser, setup: ConsoleSetup, server: WebServer
) -> None:
    with page_of_its_own(browser) as page:
        sign_in(page, setup, server)
        with going(setup, page, server, Rule("dot", "hold", nth=2)) as office:
            wait_until(lambda: office.server.held)
            with page.expect_response("**/follow/live*"):
                go(page, server, f"{HERE}/follow")
            assert page.locator("[data-lost]").is_hidden()
            page.route("**/follow/live*", lambda way: way.abort())
            with setup.db.write() as conn:
                conn.exec_driver_sql("ALTER TABLE staff_session RENAME TO away")
            page.wait_for_selector("[data-lost]:not([hidden])")
            with setup.db.write() as conn:
                conn.exec_driver_sql("ALTER TABLE away RENAME TO staff_session")
            page.unroute("**/follow/live*")
            page.wait_for_selector("[data-lost]", state="hidden")
            office.release()


def test_without_script_the_numbers_are_there_and_the_buttons_work(
    browser: Browser, setup: ConsoleSetup, server: WebServer
) -> None:
    with page_of_its_own(browser, java_script_enabled=False) as page:
        sign_in(page, setup, server)
        with going(setup, page, server, Rule("dot", "hold", nth=2)) as office:
            wait_until(lambda: office.server.held)
            go(page, server, f"{HERE}/follow")
            assert shown_numbers(page.content()) == counts(setup, SLUG)
            page.press("form[action$=pause] button", "Enter")
            page.wait_for_url("**/follow?note=paused")
            assert "Paused by Vera Zender." in page.inner_text("main")
            office.release()
            wait_until(lambda: counts(setup, SLUG)["accepted"] == 2)
            page.press("a:text('Refresh')", "Enter")
            page.wait_for_url(server.url(f"/console{HERE}/follow"))
            assert shown_numbers(page.content()) == counts(setup, SLUG)
            page.press("form[action$=resume] button", "Enter")
            office.until(SLUG, state="finished", accepted=5)


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the focus is on what has this name."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText || document.activeElement.name || ''").strip() == name:
            return
    raise AssertionError(f"the keyboard does not reach {name}")


def test_by_keyboard_alone_it_is_planned_and_taken_back(
    browser: Browser, setup: ConsoleSetup, server: WebServer
) -> None:
    with page_on(browser, viewport={"width": 360, "height": 800}) as page:
        sign_in(page, setup, server)
        go(page, server, f"{HERE}/when?back=plan")
        page.evaluate("document.getElementById('day').type = 'text'")  # as in a browser without a calendar
        tab_to(page, "day")
        day = (setup.clock() + timedelta(days=3)).date()
        page.keyboard.type(f"{day:%d-%m-%Y}")
        page.keyboard.press("Enter")
        page.wait_for_url("**/plan*")
        button = page.locator("form[action$=plan] .btn:not(.quiet)").inner_text()
        assert button.startswith("Plan for ")
        tab_to(page, button)
        page.keyboard.press("Enter")
        page.wait_for_url("**/planned*")
        tab_to(page, page.locator("form[action$=take-back] button").inner_text())
        page.keyboard.press("Enter")
        page.wait_for_url("**/planned?note=taken_back")
        assert page.locator("form[action$=take-back]").count() == 0

"""The first hour and the settings in Chromium: accessible, narrow and wide, light and dark, and by keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from campaigns.ops import first_steps
from campaigns.settings import made_in_console
from mailer.storage import open_database
from tests.support.browser import axe, complaints, overflow, page_on
from tests.support.console import PASSWORD, ConsoleSetup, console, console_setup
from tests.support.site import WebServer

PAGES = (
    "/settings",
    "/settings/organisation",
    "/settings/relay",
    "/settings/brand",
    "/settings/topics",
    "/settings/topics/verenigingsnieuws",
    "/setup",
    "/setup/contacts",
    "/setup/test",
)
LOOKS = [(320, "light"), (320, "dark"), (1280, "light"), (1280, "dark")]
LONG = "Gemeente" + "waterhoekoudeveerlindenhage" * 3


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ConsoleSetup]:
    """An installation with a topic and people, whose environment names the data folder alone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POSTILJON_DATA", str(tmp_path))
    database = open_database(f"sqlite:///{tmp_path}/postiljon.db")
    yield console_setup(database, tmp_path, 2)
    database.close()


def sign_in(page: Page, setup: ConsoleSetup, server: WebServer) -> None:
    page.goto(server.url("/console/sign-in"))
    page.fill("#email", setup.staff("administrator"))
    page.fill("#password", PASSWORD)
    page.click("main button")


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_each_page_is_accessible_and_fits(browser: Browser, setup: ConsoleSetup, width: int, scheme: str) -> None:
    with setup.db.write() as conn:
        changes = {"organisation": LONG, "contact": f"{'x' * 60}@example.org"}
        made_in_console.save(conn, changes, setup.context().keyring, "cli:test", setup.clock())
    size = {"width": width, "height": 800}
    with console(setup) as server, page_on(browser, viewport=size, color_scheme=scheme) as page:
        sign_in(page, setup, server)
        for path in PAGES:
            page.goto(server.url(f"/console{path}"))
            assert (path, axe(page), complaints(page), overflow(page)) == (path, [], [], 0)
            assert page.locator("main button.btn:not(.second, .quiet), main a.btn:not(.second, .quiet)").count() <= 1


@pytest.mark.parametrize("width", [320, 1280])
def test_pages_with_errors_are_accessible_and_fit(browser: Browser, setup: ConsoleSetup, width: int) -> None:
    with console(setup) as server, page_on(browser, viewport={"width": width, "height": 800}) as page:
        sign_in(page, setup, server)
        for path, field in (("/settings/relay", "#host"), ("/settings/brand", "#light_action")):
            page.goto(server.url(f"/console{path}"))
            page.fill(field, "x" * 5 + " #")
            page.keyboard.press("Enter")
            page.wait_for_selector("#errors")
            assert (axe(page), overflow(page)) == ([], 0)
            assert page.title().startswith("Fout:")


def test_the_first_administrator_is_made_by_keyboard_alone(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POSTILJON_DATA", str(tmp_path))
    empty = console_setup(open_database(f"sqlite:///{tmp_path}/postiljon.db"), tmp_path, 0)
    said = first_steps.invitation(empty.context(), "http://127.0.0.1:8000/")
    assert said is not None
    with console(empty) as server, page_on(browser) as page:
        page.goto(server.url(f"/console/setup?{said.rpartition('?')[2]}"))
        assert (axe(page), complaints(page), overflow(page)) == ([], [], 0)
        page.focus("main")
        for text in ("Bas Beheer", "bas@voorbeeld.example", PASSWORD):
            page.keyboard.press("Tab")
            page.keyboard.type(text)
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_selector(".tasks")
        page.focus("main")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_selector("#organisation")
    empty.db.close()


def test_a_test_of_the_connection_keeps_the_typed_password_in_the_page(browser: Browser, setup: ConsoleSetup) -> None:
    with console(setup) as server, page_on(browser) as page:
        sign_in(page, setup, server)
        page.goto(server.url("/console/settings/relay"))
        page.fill("#host", "127.0.0.1")
        page.fill("#port", "1")
        page.fill("#user", "anna")
        page.fill("#password", "geheim geheim")
        page.click("button[formaction]")
        page.wait_for_selector("#relay-answer .note")
        assert "127.0.0.1:1" in page.inner_text("#relay-answer")
        assert page.input_value("#password") == "geheim geheim"
        assert (axe(page), complaints(page)) == ([], [])

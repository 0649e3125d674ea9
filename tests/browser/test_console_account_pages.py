"""Account and people in a real browser: axe, narrow and wide, light and dark, and by keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pyotp
import pytest
from playwright.sync_api import Browser, Page

from campaigns.lifecycle import accounts
from campaigns.staff import users
from mailer.storage import open_database
from tests.support.browser import axe, complaints, overflow, page_on
from tests.support.console import PASSWORD, ConsoleSetup, console, console_setup
from tests.support.site import WebServer
from tests.support.staff_mail import last_link

pytestmark = [pytest.mark.chromium, pytest.mark.slow]
LONG = "Anna-Maria <b>van den Heuvel</b> " + "x" * 60
PAGES = (
    *("/account", "/account/password", "/account/second-factor", "/account/prove"),
    *("/people", "/people/1", "/people/invite", "/people/1/remove", "/people/3/link", "/audit"),
)
OPEN = ("/sign-in", "/reset")


@dataclass(frozen=True)
class Running:
    """A served console."""

    setup: ConsoleSetup
    server: WebServer


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("console")
    db = open_database(f"sqlite:///{folder}/postiljon.db")
    setup = console_setup(db, folder, 1)
    setup.staff("author")
    setup.staff("administrator")
    with db.write() as conn:
        users.change(conn, 1, setup.clock(), name=LONG)
        users.invite(conn, "nieuw@voorbeeld.example", "Nel Nieuw", ["reviewer"], setup.clock(), "nl")
    with console(setup) as server:
        yield Running(setup, server)
    db.close()


@contextmanager
def signed_in(browser: Browser, running: Running, language: str, width: int = 1280) -> Iterator[Page]:
    address = running.setup.staff("administrator")
    with running.setup.db.write() as conn:
        users.change(conn, users.named(conn, address).id, running.setup.clock(), language=language)
    with page_on(browser, viewport={"width": width, "height": 900}, reduced_motion="reduce") as page:
        page.goto(running.server.url("/console/sign-in"))
        page.fill("#email", running.setup.staff("administrator"))
        page.fill("#password", PASSWORD)
        page.click("main button")
        yield page


@pytest.mark.parametrize("language", ["nl", "en"])
@pytest.mark.parametrize("width", [320, 1280])
def test_axe_finds_nothing_and_nothing_sticks_out(
    browser: Browser, running: Running, language: str, width: int
) -> None:
    with signed_in(browser, running, language, width) as page:
        for path in PAGES:
            page.goto(running.server.url(f"/console{path}"))
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                assert axe(page) == [], (path, scheme)
                assert overflow(page) == 0, (path, scheme)
            assert complaints(page) == []
            assert len(page.query_selector_all(".btn:not(.second, .quiet, .danger)")) <= 1, path
            assert page.title().endswith(" – Postiljon")


@pytest.mark.parametrize("path", OPEN)
def test_the_pages_before_signing_in_suit_everybody(browser: Browser, running: Running, path: str) -> None:
    with page_on(browser, viewport={"width": 320, "height": 600}, reduced_motion="reduce") as page:
        page.goto(running.server.url(f"/console{path}"))
        assert (axe(page), overflow(page), complaints(page)) == ([], 0, [])


def test_an_invited_person_gets_in_and_switches_on_the_second_factor_by_keyboard(
    browser: Browser, running: Running
) -> None:
    context = running.setup.context()
    with running.setup.db.write() as conn:
        accounts.invite_again(conn, context.staff_mail, users.get(conn, 3), running.setup.clock())
    with page_on(browser, locale="nl-NL") as page:
        page.goto(running.server.url("/console" + last_link(running.setup, "invitation")))
        assert (axe(page), overflow(page)) == ([], 0)
        page.focus("#password")
        page.keyboard.type("drie zwarte paarden dansen")
        page.keyboard.press("Enter")
        page.wait_for_url("**/console")
        page.goto(running.server.url("/console/account/second-factor"))
        assert page.locator("img.qr").evaluate("image => image.naturalWidth") > 100
        secret = page.inner_text(".key").replace(" ", "")
        page.focus("#code")
        page.keyboard.type(pyotp.TOTP(secret).at(running.setup.clock()))
        page.keyboard.press("Enter")
        page.wait_for_selector(".codes")
        assert (axe(page), overflow(page), complaints(page)) == ([], 0, [])
        assert len(re.findall(r"[a-z2-9]{4}-[a-z2-9]{4}-[a-z2-9]{4}", page.inner_text(".codes"))) == 10
        assert page.locator("[data-print]").is_visible()


def test_what_was_typed_is_offered_again_after_the_session_has_ended(browser: Browser, running: Running) -> None:
    with signed_in(browser, running, "en") as page:
        page.goto(running.server.url("/console/account"))
        page.fill("#name", "Bas <i>Beheer</i>")
        page.context.clear_cookies(name="postiljon-visitor")
        with running.setup.db.write() as conn:
            conn.exec_driver_sql("UPDATE staff_session SET ended_at = made_at")
            conn.exec_driver_sql("UPDATE staff_user SET language = 'en'")  # other tests of this setup choose theirs
        page.click("main form.card button")
        page.fill("#email", running.setup.staff("administrator"))
        page.fill("#password", PASSWORD)
        page.click("main button")
        assert page.inner_text("h1") == "Nothing was lost"
        assert (axe(page), overflow(page)) == ([], 0)
        assert "Bas <i>Beheer</i>" in page.inner_text("main")
        page.click("main button")
        page.wait_for_url("**/console/account?note=account_saved")
        assert page.input_value("#name") == "Bas <i>Beheer</i>"

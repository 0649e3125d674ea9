"""The preview, the test page and the check in a real browser: what a hostile letter cannot do, and how pages look."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Frame, Page

from mailer.storage import Database
from tests.support.browser import axe, complaints, overflow, page_of_its_own, page_on
from tests.support.console import PASSWORD, ConsoleSetup, console, console_setup
from tests.support.console_letters import draft, kept
from tests.support.site import WebServer

pytestmark = [pytest.mark.chromium, pytest.mark.slow]
HOSTILE = """<!doctype html><html><head><meta http-equiv="refresh" content="0;url=https://evil.example/gone">
<base href="https://evil.example/"><style>p { color: rgb(1, 2, 3) }</style></head><body onload="document.title='ran'">
<script>document.title = 'ran'; parent.document.title = 'ran'; top.location = 'https://evil.example/top'</script>
<img src=x onerror="document.title='ran'"><img src="https://evil.example/pixel.png">
<iframe src="/console/campaigns"></iframe><iframe srcdoc="<script>parent.document.title='ran'</script>"></iframe>
<object data="https://evil.example/o"></object><embed src="https://evil.example/e">
<link rel="stylesheet" href="https://evil.example/s.css">
<form action="/console/sign-out" method="post" id="f"><input name="csrf"><button id="send">Verstuur</button></form>
<p id="styled" style="font-weight: 700">Dit is te lezen.</p>
<a id="js" href="javascript:document.title='ran'">js</a> <a id="out" href="https://evil.example/out">uit</a>
<a id="top" target="_top" href="https://evil.example/top">top</a> <a id="in" href="/console/campaigns">in</a>
"""
PAGES = {
    "preview": "/campaigns/denkt-u-mee/preview",
    "desktop": "/campaigns/denkt-u-mee/preview?view=desktop&look=dark",
    "text": "/campaigns/denkt-u-mee/preview?view=text",
    "test": "/campaigns/denkt-u-mee/test",
    "check": "/campaigns/kapot/check",
    "no letter": "/campaigns/kapot/preview",
    "hostile words": f"/campaigns/{'w' * 64}/preview",
    "hostile words in a test": f"/campaigns/{'w' * 64}/test",
    "hostile words in a check": f"/campaigns/{'w' * 64}/check",
}


@pytest.fixture
def setup(sqlite_database: Database, tmp_path: Path) -> ConsoleSetup:
    made = console_setup(sqlite_database, tmp_path, 3, smtp_url="smtp://127.0.0.1:9", dns="127.0.0.1:9")
    draft(made)
    draft(made, "Kapot", body="Beste {{ contact.name }},\n\n![](" + "x" * 300 + ".png)\n\n<b>vet</b>\n")
    draft(made, "W" * 150, subject="<img src=x onerror=alert(1)>" + "W" * 300, preheader="W" * 300)
    kept(made, HOSTILE)
    return made


@pytest.fixture
def server(setup: ConsoleSetup) -> Iterator[WebServer]:
    with console(setup) as running:
        yield running


def signed_in_as(setup: ConsoleSetup, server: WebServer, page: Page, role: str = "author") -> None:
    page.goto(server.url("/console/sign-in"))
    page.fill("#email", setup.staff(role))
    page.fill("#password", PASSWORD)
    page.click("main button")


def the_letter(page: Page) -> Frame:
    element = page.wait_for_selector("iframe.preview")
    assert element is not None
    frame = element.content_frame()
    assert frame is not None
    frame.wait_for_load_state()
    return frame


def test_a_hostile_letter_runs_nothing_and_leaves_its_frame_nowhere(
    setup: ConsoleSetup, server: WebServer, browser: Browser
) -> None:
    asked: list[str] = []
    with page_of_its_own(browser) as page:
        signed_in_as(setup, server, page)
        page.context.route("https://evil.example/**", lambda way: (asked.append(way.request.url), way.abort()))
        page.goto(server.url("/console/campaigns/verstuurd/preview"))
        title, address = page.title(), page.url
        frame = the_letter(page)
        assert frame.locator("#styled").inner_text() == "Dit is te lezen."
        assert frame.evaluate("self.origin") == "null"
        assert frame.evaluate("getComputedStyle(document.querySelector('#styled')).color") == "rgb(1, 2, 3)"
        assert frame.evaluate("getComputedStyle(document.querySelector('#styled')).fontWeight") == "700"
        for link in ("#js", "#out", "#top", "#in"):
            frame.locator(link).click(no_wait_after=True)
        frame.locator("#send").click(no_wait_after=True)
        page.wait_for_function("() => new Promise(done => setTimeout(() => done(true), 300))")
        assert (page.title(), page.url) == (title, address)
        assert len(page.context.pages) == 1
        assert frame.evaluate("document.title") != "ran"
        page.goto(server.url("/console/campaigns"))
        assert "Denkt u mee" in page.content()
    assert asked == []  # what the policy stops, no network and so no route is asked for


def test_the_letter_opened_outside_its_frame_has_no_power_either(
    setup: ConsoleSetup, server: WebServer, browser: Browser
) -> None:
    with page_of_its_own(browser) as page:
        signed_in_as(setup, server, page)
        page.route("https://evil.example/**", lambda way: way.abort())
        page.goto(server.url("/console/campaigns/verstuurd/letter"), wait_until="commit")
        page.wait_for_selector("#styled")
        assert page.evaluate("self.origin") == "null"
        assert page.title() != "ran"


def test_a_page_of_another_site_cannot_frame_the_letter(
    setup: ConsoleSetup, server: WebServer, browser: Browser
) -> None:
    with page_of_its_own(browser) as page:
        signed_in_as(setup, server, page)
        url = server.url("/console/campaigns/denkt-u-mee/letter")
        page.goto("about:blank")
        page.set_content(f'<iframe src="{url}"></iframe>')
        page.wait_for_timeout(500)
        assert "Hierbij nodigen" not in "".join(frame.content() for frame in page.frames[1:])


@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_the_pages_are_whole_at_each_width_and_look(
    setup: ConsoleSetup, server: WebServer, browser: Browser, width: int, look: str
) -> None:
    found = []
    size = {"width": width, "height": 720}
    with page_on(browser, viewport=size, color_scheme=look) as page:
        signed_in_as(setup, server, page)
        for name, path in PAGES.items():
            page.goto(server.url(f"/console{path}"))
            found += [f"{name}: {one}" for one in [*axe(page), *complaints(page)]]
            found += [f"{name}: {overflow(page)} too wide"] if overflow(page) else []
            found += [f"{name}: {page.locator('h1').count()} h1"] if page.locator("h1").count() != 1 else []
            primary = page.locator(".btn:not(.second, .quiet, .danger)").count()
            found += [f"{name}: {primary} primary"] if primary > 1 else []
    assert found == []


def test_the_letter_is_as_wide_as_a_phone_and_its_colours_are_chosen_on_the_page(
    setup: ConsoleSetup, server: WebServer, browser: Browser
) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    with page_on(browser, color_scheme="dark") as page:
        signed_in_as(setup, server, page)
        page.goto(server.url("/console/campaigns/denkt-u-mee/preview"))
        light = the_letter(page)
        assert light.evaluate("window.innerWidth") == 360
        bright = light.evaluate(ground)
        page.get_by_role("link", name="Dark").or_(page.get_by_role("link", name="Donker")).click()
        page.wait_for_url("**look=dark**")
        assert the_letter(page).evaluate(ground) != bright


def test_what_dns_says_comes_into_the_page_by_itself_and_without_script_by_a_link(
    setup: ConsoleSetup, server: WebServer, browser: Browser
) -> None:
    with page_on(browser) as page:
        signed_in_as(setup, server, page)
        page.goto(server.url("/console/campaigns/denkt-u-mee/check"))
        page.wait_for_selector("#sender-found .findings", timeout=20_000)
        assert complaints(page) == []
    with page_of_its_own(browser, java_script_enabled=False) as page:
        signed_in_as(setup, server, page)
        page.goto(server.url("/console/campaigns/denkt-u-mee/check"))
        page.click("#sender-found a")
        assert page.locator(".findings").count() == 1


def test_by_keyboard_alone_a_test_mail_is_asked_for_from_the_preview(
    setup: ConsoleSetup, server: WebServer, browser: Browser
) -> None:
    with page_on(browser) as page:
        signed_in_as(setup, server, page)
        page.goto(server.url("/console/campaigns/denkt-u-mee/preview"))
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.matches('a.btn')"):
                break
        page.keyboard.press("Enter")
        page.wait_for_url("**/test*")
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.matches('main button')"):
                break
        page.keyboard.press("Enter")
        page.wait_for_selector("[role=status]")
        assert "author@voorbeeld.example" in page.locator("[role=status]").inner_text()


def test_a_link_of_the_check_leads_to_its_line_or_its_field(
    setup: ConsoleSetup, server: WebServer, browser: Browser
) -> None:
    chosen = "(() => { const e = document.activeElement; return e.value.slice(e.selectionStart, e.selectionEnd) })()"
    with page_of_its_own(browser) as page:
        signed_in_as(setup, server, page)
        script = page.locator("script[src]").get_attribute("src")
        form = '<form><input id="subject"><textarea id="text">one\ntwo\nthree</textarea></form>'
        body = f"<!doctype html><title>t</title>{form}<script src='{script}' defer></script>"
        page.route("**/kapot/text", lambda way: way.fulfill(status=200, content_type="text/html", body=body))
        page.goto(server.url("/console/campaigns/kapot/text#line-2"))
        assert page.evaluate(chosen) == "two"
        page.evaluate("location.hash = '#line-99'")
        page.wait_for_function(f"{chosen} === 'three'")
        page.evaluate("location.hash = '#subject'")
        page.wait_for_function("document.activeElement.id === 'subject'")

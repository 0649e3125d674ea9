"""Writing a campaign in a real browser: by keyboard, with the script and without, with a connection and without."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from campaigns.staff import users
from mailer.storage import open_database
from tests.support.browser import axe, complaints, overflow, page_of_its_own, page_on
from tests.support.commandline import EXAMPLES
from tests.support.console import ConsoleSetup, StaffBrowser, console, console_setup, signed_in
from tests.support.console_drafts import WHOLE, begin, hash_on, present
from tests.support.site import WebServer

pytestmark = pytest.mark.slow
LONG = "x" * 300
PNG = (EXAMPLES / "vng-logo.png").read_bytes()


@dataclass
class Desk:
    """The console as it is served, and the drafts that were begun at it."""

    setup: ConsoleSetup
    server: WebServer
    author: StaffBrowser
    begun: int = 0

    def draft(self, fields: dict[str, Any] | None = None, name: str = "Brief", **more: Any) -> str:
        """A new draft with a text; its slug."""
        self.begun += 1
        answer = begin(self.author, f"{name} {self.begun}")
        slug = re.sub(r".*/|\?.*", "", answer.headers["location"])
        self.author.get(f"/campaigns/{slug}/text")
        self.author.post(f"/campaigns/{slug}/text", {"read": hash_on(self.author)} | WHOLE | (fields or {}), **more)
        return slug

    def open(self, page: Page, path: str) -> None:
        """Show a page of the console to the author, who has signed in."""
        jar = self.author.client.cookies.jar
        page.context.add_cookies([{"name": one.name, "value": str(one.value), "url": self.server.url()} for one in jar])
        page.goto(self.server.url(f"/console{path}"))

    def language(self, language: str) -> None:
        """Give the author another language."""
        with self.setup.db.write() as conn:
            found = users.find(conn, "author@voorbeeld.example")
            assert found is not None
            users.change(conn, found.id, self.setup.clock(), language=language)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The console with an author."""
    folder = tmp_path_factory.mktemp("desk")
    db = open_database(f"sqlite:///{folder}/postiljon.db")
    setup = console_setup(db, folder)
    with console(setup) as server, signed_in(setup, server, "author") as author:
        yield Desk(setup, server, author)
    db.close()


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("language", ["nl", "en"])
def test_every_page_of_a_draft_is_accessible_and_fits(desk: Desk, browser: Browser, language: str, width: int) -> None:
    slug = desk.draft({"name": LONG[:150], "subject": LONG, "text": f"{LONG}\n\n<b>{LONG}</b>"}, LONG[:90],
                      files=[("images", (f"{LONG[:60]}.png", PNG, "image/png"))])  # fmt: skip
    desk.language(language)
    paths = ["/new", f"/{slug}", f"/{slug}/text", f"/{slug}/versions", f"/{slug}/versions/1"]
    with page_on(browser, viewport={"width": width, "height": 800}) as page:
        for path in paths:
            desk.open(page, f"/campaigns{path}")
            assert (path, axe(page), overflow(page), complaints(page)) == (path, [], 0, [])
            assert page.locator(".btn:not(.second, .quiet, .danger)").count() == 1
            assert len(page.content().encode()) < 200_000
        old = "form[data-autosave] [name=read] >> nth=0"
        desk.open(page, f"/campaigns/{slug}/text")
        page.locator(old).evaluate("field => { field.value = '0' }")
        page.locator(".savebar .btn").first.click()
        expect(page.locator("h1")).to_be_visible()
        assert (axe(page), overflow(page), complaints(page)[1:]) == ([], 0, [])  # the answer 412 is noted as an error
    desk.language("en")


def test_the_toolbar_is_worked_by_keyboard_and_what_it_writes_is_undone_by_the_browser(
    desk: Desk, browser: Browser
) -> None:
    slug = desk.draft({"text": ""})
    with page_on(browser) as page:
        desk.open(page, f"/campaigns/{slug}/text")
        text = page.locator("#text")
        text.focus()
        page.keyboard.type("Beste ")
        page.keyboard.press("Alt+F10")
        expect(page.locator("[data-mark='**']")).to_be_focused()
        page.keyboard.press("Enter")
        expect(text).to_have_value("Beste **bold text**")
        page.keyboard.type("lezer")
        expect(text).to_have_value("Beste **lezer**")
        page.keyboard.press("Alt+F10")
        for _ in range(5):
            page.keyboard.press("ArrowRight")
        expect(page.locator("[data-fixed]")).to_be_focused()
        page.keyboard.press("Escape")
        expect(text).to_be_focused()
        page.keyboard.press("Control+End")
        page.keyboard.press("Alt+F10")
        page.keyboard.press("Space")
        expect(text).to_have_value('Beste **lezer**{{ contact.name | default("reader") }}')
        page.keyboard.press("Control+z")
        expect(text).to_have_value("Beste **lezer**")
        page.keyboard.press("Alt+F10")
        page.keyboard.press("End")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Enter")
        expect(text).to_have_value("Beste **lezer**\n\n::: button https://\nRead more about it\n:::\n\n")
        page.keyboard.press("Control+z")
        page.keyboard.press("Control+a")
        page.keyboard.press("Control+i")
        expect(text).to_have_value("_Beste **lezer**_")
        assert page.locator("[role=toolbar] [tabindex='0']").count() == 1
        page.keyboard.press("Shift+Tab")
        expect(page.locator("[role=toolbar] [tabindex='0']")).to_be_focused()
        page.keyboard.press("Shift+Tab")
        expect(page.locator("#preheader")).to_be_focused()


def test_a_campaign_is_begun_and_written_with_the_keyboard_alone(desk: Desk, browser: Browser) -> None:
    with page_on(browser, viewport={"width": 360, "height": 740}) as page:
        desk.open(page, "/campaigns/new")
        _tab_to(page, "#name")
        page.keyboard.type("Met toetsen")
        _tab_to(page, "#topic")
        page.keyboard.type("Verenigingsnieuws")
        _tab_to(page, "main .btn:not(.second)")
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text("Met toetsen")
        _tab_to(page, ".tasks a")
        page.keyboard.press("Enter")
        _tab_to(page, "#subject")
        page.keyboard.type("Een onderwerp")
        _tab_to(page, "#text")
        page.keyboard.type("Beste lezer,")
        _tab_to(page, ".savebar .btn")
        page.keyboard.press("Enter")
        expect(page.locator(".note.ok")).to_be_visible()
        assert complaints(page) == []
    draft = present(desk.setup.db, "met-toetsen")
    assert (draft.definition.subject, draft.definition.body.strip()) == ("Een onderwerp", "Beste lezer,")


def _tab_to(page: Page, selector: str) -> None:
    """Press Tab until the first element of the selector has the focus."""
    for _ in range(60):
        if page.locator(selector).first.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {selector}")


def _kept(page: Page, slug: str) -> str:
    """The text of a campaign that the browser keeps."""
    found: str = page.evaluate(
        "slug => Object.entries(localStorage).filter(one => one[0].includes(`/${slug}/`)).join()", slug
    )
    return found


def test_what_is_typed_saves_itself_and_says_so(desk: Desk, browser: Browser) -> None:
    slug = desk.draft()
    with page_on(browser) as page:
        desk.open(page, f"/campaigns/{slug}/text")
        page.locator("#subject").fill("Vanzelf bewaard")
        expect(page.locator("#saved")).to_have_text("Saved at 14:00")
        draft = present(desk.setup.db, slug)
        assert (draft.definition.subject, draft.version.kind) == ("Vanzelf bewaard", "autosave")
        assert _kept(page, slug) == ""
        page.locator("#subject").fill("Nog eens")
        page.locator("#preheader").focus()
        expect(page.locator("[name=read]").first).not_to_have_value(draft.version.hash)
        assert present(desk.setup.db, slug).definition.subject == "Nog eens"
        page.reload()
        assert complaints(page) == []


def test_a_save_by_the_button_does_not_meet_its_own_text_as_somebody_elses(desk: Desk, browser: Browser) -> None:
    slug = desk.draft()
    with page_on(browser) as page:
        desk.open(page, f"/campaigns/{slug}/text")
        for turn in range(3):
            page.locator("#text").fill(f"Beurt {turn}")
            page.locator("#subject").focus()
            page.locator("#text").fill(f"Beurt {turn}, en meer")
            page.locator(".savebar .btn").first.click()
            expect(page.locator(".note.ok")).to_be_visible()
        assert complaints(page) == []
    assert present(desk.setup.db, slug).definition.body == "Beurt 2, en meer"


def test_in_two_windows_the_second_save_leads_to_the_page_to_compare_and_nothing_is_lost(
    desk: Desk, browser: Browser
) -> None:
    slug = desk.draft()
    with page_of_its_own(browser) as one, page_of_its_own(browser) as two:
        for page in (one, two):
            desk.open(page, f"/campaigns/{slug}/text")
        one.locator("#text").fill("Uit venster een.")
        expect(one.locator("#saved")).to_have_text("Saved at 14:00")
        two.locator("#text").fill("Uit venster twee.")
        expect(two.locator("#saved")).to_contain_text("Your text is kept; nothing was overwritten.")
        two.get_by_role("button", name="Compare").click()
        expect(two.locator("h1")).to_have_text("Two people changed this text")
        assert axe(two) == []
        expect(two.locator(".diff .removed bdi").first).to_have_text("Uit venster een.")
        expect(two.locator(".diff .added bdi").first).to_have_text("Uit venster twee.")
        two.get_by_text("Put the two together").click()
        expect(two.locator("#text")).to_have_value("Uit venster een.\nUit venster twee.")
        two.get_by_role("button", name="Save this text").click()
        expect(two.locator(".note.ok")).to_be_visible()
    body = present(desk.setup.db, slug).definition.body
    assert body.split() == ["Uit", "venster", "een.", "Uit", "venster", "twee."]


def test_without_a_connection_the_text_stays_in_the_browser_and_is_saved_later(desk: Desk, browser: Browser) -> None:
    slug = desk.draft()
    with page_of_its_own(browser) as page:
        desk.open(page, f"/campaigns/{slug}/text")
        page.context.set_offline(True)
        page.locator("#text").fill("In de trein geschreven.")
        expect(page.locator("#saved")).to_have_text(re.compile("^Not saved yet: no connection"))
        assert "In de trein" in _kept(page, slug)
        page.context.set_offline(False)
        expect(page.locator("#saved")).to_have_text("Saved at 14:00")
        assert _kept(page, slug) == ""
    assert present(desk.setup.db, slug).definition.body == "In de trein geschreven."


def test_text_that_was_not_saved_is_offered_when_the_page_is_opened_again(desk: Desk, browser: Browser) -> None:
    slug = desk.draft()
    with page_of_its_own(browser) as page:
        desk.open(page, f"/campaigns/{slug}/text")
        page.context.set_offline(True)
        page.locator("#text").fill("Nooit bewaard.")
        expect(page.locator("#saved")).to_have_text(re.compile("^Not saved yet: no connection"))
        again = page.context.new_page()
        page.close()
        again.context.set_offline(False)
        desk.open(again, f"/campaigns/{slug}/text")
        expect(again.locator("#text")).to_have_value(WHOLE["text"])
        again.get_by_role("button", name="Put it back").click()
        expect(again.locator("#text")).to_have_value("Nooit bewaard.")
        expect(again.locator("#saved")).to_have_text("Saved at 14:00")
    assert present(desk.setup.db, slug).definition.body == "Nooit bewaard."


def test_without_script_the_form_does_all(desk: Desk, browser: Browser) -> None:
    slug = desk.draft()
    with page_of_its_own(browser, java_script_enabled=False) as page:
        desk.open(page, f"/campaigns/{slug}/text")
        assert not page.locator("[role=toolbar]").is_visible()
        page.locator("#subject").fill("Zonder script")
        page.locator("#images").set_input_files([{"name": "Stadhuis.png", "mimeType": "image/png", "buffer": PNG}])
        page.get_by_role("button", name="Add to the campaign").click()
        assert page.locator(".images code").inner_text() == "stadhuis.png"
        page.get_by_role("button", name="Remove").click()
        assert page.locator(".images").count() == 0
    assert present(desk.setup.db, slug).definition.subject == "Zonder script"

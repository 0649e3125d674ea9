"""Every public page, by a name: how a browser gets there. One list for tests and for the pictures in the docs."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from playwright.sync_api import Page

from mailer.letter.brand import builtin_brand
from mailer.signing import Purpose
from tests.support.archived_letters import CODE, keep_text, put_online
from tests.support.site import KEYRING, Town, WebServer
from unsubscribe import changes, notices

LinkTarget = Callable[["Gallery", Page], None]
BRAND = replace(
    builtin_brand("Vereniging van Voorbeeldgemeenten"),
    address=("Vereniging van Voorbeeldgemeenten", "Postbus 12345, 2500 GK Den Haag"),
)


def advance(page: Page, what: str) -> None:
    """A button or link that leads to a page: back when that page is whole, since a click does not wait for it."""
    with page.expect_navigation():
        page.locator(what).click()


class Gallery:
    """The pages of a served town. Reader 0 has left, reader 1 has not, the others are for tests that act."""

    def __init__(self, town: Town, site: WebServer, language: str = "nl") -> None:
        self.town = town
        self.site = site
        self.language = language

    def open(self, page: Page, name: str) -> None:
        """Bring the browser to the page ``name``."""
        (PAGES | LETTERS)[name](self, page)

    def go(self, page: Page, path: str) -> None:
        """To a path, in the language of the gallery if the page lets one choose."""
        page.goto(self.site.url(path.replace("?lang=nl", f"?lang={self.language}")))

    def leave(self, page: Page, reader: int = 0) -> None:
        """Opt a reader out by the button."""
        self.go(page, self.town.path(reader=reader))
        advance(page, ".btn.primary")

    def alternative(self, page: Page, kind: str, reader: int = 0) -> None:
        """To one of the links that follow an opt-out."""
        self.leave(page, reader)
        found = re.search(rf'(?:href|action)="(/c/{kind}/[^"]+)"', page.content())
        assert found, kind
        self.go(page, found[1])

    def shelf(self, page: Page, path: str) -> None:
        """To a path of the archive, with letters in it."""
        put_online(self.town, self.site.url())
        self.go(page, path)


def _archive(path: str) -> LinkTarget:
    return lambda gallery, page: gallery.shelf(page, path)


def _at(path: str) -> LinkTarget:
    return lambda gallery, page: gallery.go(page, path)


def _fresh(kind: str, *, press: bool = False) -> LinkTarget:
    def way(gallery: Gallery, page: Page) -> None:
        gallery.alternative(page, kind)
        if press:
            advance(page, "main .btn.primary")

    return way


def _undone(gallery: Gallery, page: Page) -> None:
    gallery.leave(page, 2)
    advance(page, "form[action*='/c/undo/'] button")


def _less_saved(gallery: Gallery, page: Page) -> None:
    gallery.alternative(page, "less-often", 3)
    page.locator("input[value=month]").check()
    advance(page, "main .btn.primary")


def _paused(gallery: Gallery, page: Page) -> None:
    gallery.alternative(page, "pause", 4)
    page.locator("input[value='3']").check()
    advance(page, "main .btn.primary")


def _expired(gallery: Gallery, page: Page) -> None:
    gallery.leave(page)
    found = re.search(r'href="(/c/pause/[^"]+)"', page.content())
    assert found
    was, gallery.town.now = gallery.town.now, gallery.town.now.replace(year=2025)
    gallery.go(page, found[1])
    gallery.town.now = was


def _details_error(gallery: Gallery, page: Page) -> None:
    gallery.go(page, gallery.town.path("d", 5))
    page.locator("#name").evaluate("e => e.removeAttribute('maxlength')")
    page.locator("#name").fill("a" * 201)
    page.locator("#until").fill("gisteren")
    advance(page, "main .btn.primary")


def _details_saved(gallery: Gallery, page: Page) -> None:
    gallery.go(page, gallery.town.path("d", 6))
    page.locator("#name").fill("Esther de Vries")
    page.locator("input[name=topic-agenda][value=off]").check()
    page.locator("input[name=often][value=month]").check()
    advance(page, "main .btn.primary")


def _undo_change(gallery: Gallery, page: Page) -> None:
    _details_saved(gallery, page)
    town, reader = gallery.town, gallery.town.readers[6]
    with town.db.read() as conn:
        change = changes.of_contact(conn, reader.id)[-1]
    letter = (KEYRING.current.id, town.mailing, reader.id)
    link = town.tokens.lasting(Purpose.UNDO_CHANGE, letter, town.now + timedelta(days=14), change.id)
    gallery.go(page, f"/c/put-back/{link}?lang=nl")


def _change_undone(gallery: Gallery, page: Page) -> None:
    _undo_change(gallery, page)
    advance(page, "main .btn.primary")


def _address_asked(gallery: Gallery, page: Page) -> None:
    gallery.go(page, gallery.town.path("d", 7))
    page.locator("#email").fill("esther@nieuw.example")
    advance(page, "main .btn.primary")


def _subscribe_error(gallery: Gallery, page: Page) -> None:
    gallery.go(page, "/subscribe?lang=nl")
    advance(page, "main .btn.primary")


def _subscribed(gallery: Gallery, page: Page) -> None:
    gallery.go(page, "/subscribe?lang=nl")
    page.locator("#email").fill("nieuw@gouda.example")
    page.locator("#topics").check()
    advance(page, "main .btn.primary")


def _linked(notice: notices.NoticeKind, slot: str, before: LinkTarget) -> LinkTarget:
    def way(gallery: Gallery, page: Page) -> None:
        before(gallery, page)
        link = gallery.town.letter(notice, slot)
        gallery.go(page, link if "?" in link else f"{link}?lang=nl")

    return way


def _confirmed(gallery: Gallery, page: Page) -> None:
    _linked("optin_confirm", "confirm", _subscribed)(gallery, page)
    advance(page, "main .btn.primary")


def _my_data(gallery: Gallery, page: Page) -> None:
    keep_text(gallery.town)
    gallery.go(page, gallery.town.path("d", 5) + "/my-data?lang=nl")
    advance(page, "main .btn.primary")
    gallery.go(page, gallery.town.letter("my_data", "show") + "?lang=nl")
    advance(page, "main .btn.primary")


def _erase(gallery: Gallery, page: Page) -> None:
    _my_data(gallery, page)
    advance(page, "a[href*='/c/erase/']")


def _erased(gallery: Gallery, page: Page) -> None:
    _erase(gallery, page)
    advance(page, "main .btn.danger")


def _confirm_expired(gallery: Gallery, page: Page) -> None:
    _subscribed(gallery, page)
    link, was = gallery.town.letter("optin_confirm", "confirm"), gallery.town.now
    gallery.town.now = was + timedelta(days=60)
    gallery.go(page, link)
    gallery.town.now = was


PAGES: dict[str, LinkTarget] = {
    "home": _at("/?lang=nl"),
    "optout": lambda gallery, page: gallery.go(page, gallery.town.path(reader=5) + "?lang=nl"),
    "left": lambda gallery, page: gallery.leave(page),
    "already-left": lambda gallery, page: (gallery.leave(page), gallery.go(page, gallery.town.path()))[1],
    "undone": _undone,
    "less-often-first": lambda gallery, page: gallery.go(page, gallery.town.path(reader=5) + "/less-often?lang=nl"),
    "less-often": _fresh("less-often"),
    "less-often-error": _fresh("less-often", press=True),
    "less-often-saved": _less_saved,
    "pause": _fresh("pause"),
    "pause-error": _fresh("pause", press=True),
    "paused": _paused,
    "topics": _fresh("topics"),
    "details": lambda gallery, page: gallery.go(page, gallery.town.path("d", 5) + "?lang=nl"),
    "details-error": _details_error,
    "details-saved": _details_saved,
    "undo-change": _undo_change,
    "change-undone": _change_undone,
    "address-asked": _address_asked,
    "new-address": _linked("address_change_new", "confirm", _address_asked),
    "keep-address": _linked("address_change_old", "undo", _address_asked),
    "my-data-ask": lambda gallery, page: gallery.go(page, gallery.town.path("d", 5) + "/my-data?lang=nl"),
    "my-data": _my_data,
    "erase": _erase,
    "erased": _erased,
    "reason": _fresh("reason"),
    "subscribe": _at("/subscribe?lang=nl"),
    "subscribe-error": _subscribe_error,
    "subscribed": _subscribed,
    "confirm": _linked("optin_confirm", "confirm", _subscribed),
    "confirmed": _confirmed,
    "confirm-expired": _confirm_expired,
    "not-found": _at("/u/forged?lang=nl"),
    "expired": _expired,
    "archive": _archive("/archive?lang=nl"),
    "archive-found": _archive("/archive?lang=nl&q=regionale"),
    "archive-nothing": _archive("/archive?lang=nl&q=waterschap"),
    "privacy": _at("/privacy?lang=nl"),
    "accessibility": _at("/accessibility?lang=nl"),
}
# Letters as they were sent: their look is that of mail, not of the pages.
LETTERS: dict[str, LinkTarget] = {
    "archive-letter": _archive("/archive/denkt-u-mee"),
    "read-online": _archive("/o/" + CODE.format(slug="alle-blokken")),
    "read-online-plain": _archive("/o/" + CODE.format(slug="have-your-say")),
}

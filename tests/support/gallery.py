"""Every public page, by a name: how a browser gets there. One list for tests and for the pictures in the docs."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page

from tests.support.site import Site, Town

Way = Callable[["Gallery", Page], None]


class Gallery:
    """The pages of a served town. Reader 0 has left, reader 1 has not, the others are for tests that act."""

    def __init__(self, town: Town, site: Site) -> None:
        self.town = town
        self.site = site

    def open(self, page: Page, name: str) -> None:
        """Bring the browser to the page ``name``."""
        PAGES[name](self, page)

    def go(self, page: Page, path: str) -> None:
        """To a path, in Dutch if the page lets one choose."""
        page.goto(self.site.url(path))

    def leave(self, page: Page, reader: int = 0) -> None:
        """Opt a reader out by the button."""
        self.go(page, self.town.path(reader=reader))
        page.locator(".btn.primary").click()

    def alternative(self, page: Page, kind: str, reader: int = 0) -> None:
        """To one of the links that follow an opt-out."""
        self.leave(page, reader)
        found = re.search(rf'href="(/c/{kind}/[^"]+)"', page.content())
        assert found, kind
        self.go(page, found[1])


def _at(path: str) -> Way:
    return lambda gallery, page: gallery.go(page, path)


def _fresh(kind: str, *, press: bool = False) -> Way:
    def way(gallery: Gallery, page: Page) -> None:
        gallery.alternative(page, kind)
        if press:
            page.locator("main .btn.primary").click()

    return way


def _undone(gallery: Gallery, page: Page) -> None:
    gallery.leave(page, 2)
    page.locator("form[action*='/c/undo/'] button").click()


def _less_saved(gallery: Gallery, page: Page) -> None:
    gallery.alternative(page, "less-often", 3)
    page.locator("input[value=month]").check()
    page.locator("main .btn.primary").click()


def _paused(gallery: Gallery, page: Page) -> None:
    gallery.alternative(page, "pause", 4)
    page.locator("input[value='3']").check()
    page.locator("main .btn.primary").click()


def _expired(gallery: Gallery, page: Page) -> None:
    gallery.leave(page)
    found = re.search(r'href="(/c/pause/[^"]+)"', page.content())
    assert found
    was, gallery.town.now = gallery.town.now, gallery.town.now.replace(year=2025)
    gallery.go(page, found[1])
    gallery.town.now = was


PAGES: dict[str, Way] = {
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
    "not-found": _at("/u/forged?lang=nl"),
    "expired": _expired,
    "privacy": _at("/privacy?lang=nl"),
    "accessibility": _at("/accessibility?lang=nl"),
}

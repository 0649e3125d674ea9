"""A browser, and the public pages as they are served, for all tests of a module."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from starlette.types import Receive, Scope, Send

from campaigns.app import public_pages
from mailer.storage import open_database
from tests.support.browser import Answer, answer_of, chromiums, show
from tests.support.fonts import DEJAVU, Family
from tests.support.gallery import BRAND, Gallery
from tests.support.site import Town, WebServer, serving
from unsubscribe.web.application import WebApplication


@pytest.fixture(scope="module")
def browsers() -> Iterator[Callable[[Family], Browser]]:
    """Chromium with a family of fonts and no other.

    Not for longer than a module: while Playwright runs, no asyncio test can run in the same process.
    """
    with chromiums() as with_family:
        yield with_family


@pytest.fixture(scope="module")
def browser(browsers: Callable[[Family], Browser]) -> Browser:
    """Chromium with the widest family: what fits in that, fits in all."""
    return browsers(DEJAVU)


class PageServer:
    """A server that stays for a module, as its start and end take longer than most pages; one application at a time."""

    def __init__(self) -> None:
        self.app: WebApplication | None = None
        self.site: WebServer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on to who is on now."""
        if self.app is not None:
            await self.app(scope, receive, send)

    @contextmanager
    def showing(self, town: Town, language: str = "nl") -> Iterator[Gallery]:
        """The pages of a town, until the end of the block."""
        self.app = app = public_pages(town.deps(brand=BRAND))
        yield Gallery(town, self.site, language)
        app.context.close()


@pytest.fixture(scope="module")
def page_server() -> Iterator[PageServer]:
    """The server of a module."""
    stage = PageServer()
    with serving(stage, lifespan="off") as stage.site:
        yield stage


@pytest.fixture
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """People with letters in their mailboxes."""
    db = open_database(f"sqlite:///{tmp_path_factory.mktemp('town')}/postiljon.db")
    yield Town(db, people=8, languages=("nl",))
    db.close()


@pytest.fixture
def gallery(page_server: PageServer, town: Town) -> Iterator[Gallery]:
    """Every public page at an address of its own."""
    with page_server.showing(town) as gallery:
        yield gallery


@pytest.fixture(scope="module")
def answers() -> dict[str, Answer]:
    """The pages that were shown in this module so far."""
    return {}


@pytest.fixture
def shown(gallery: Gallery, answers: dict[str, Answer]) -> Callable[[Page, str], None]:
    """Shows a page to who only looks at it: the way there is gone once, and its answer shown again after that."""

    def on(page: Page, name: str) -> None:
        if name in answers:
            show(page, answers[name])
        else:
            gallery.open(page, name)
            answers[name] = answer_of(page)

    return on


@pytest.fixture
def galleries(page_server: PageServer, tmp_path: Path) -> Iterator[Callable[[str], Gallery]]:
    """The same in a language of one's choice; the last one that was asked for is served."""
    with ExitStack() as open_ones:

        def in_language(language: str) -> Gallery:
            db = open_database(f"sqlite:///{tmp_path}/{language}.db")
            open_ones.callback(db.close)
            return open_ones.enter_context(page_server.showing(Town(db, people=8, languages=(language,)), language))

        yield in_language

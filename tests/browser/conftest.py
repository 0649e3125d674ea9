"""A browser, and the public pages as they are served, for all tests of a module."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from mailer.letter.brand import builtin_brand
from mailer.storage import open_database
from tests.support.browser import chromium
from tests.support.gallery import Gallery, app_of
from tests.support.site import Town, serving

BRAND = replace(
    builtin_brand("Vereniging van Voorbeeldgemeenten"),
    address=("Vereniging van Voorbeeldgemeenten", "Postbus 12345, 2500 GK Den Haag"),
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium. Not for longer than a module: while Playwright runs, no asyncio test can run in the same process."""
    with chromium() as running:
        yield running


@pytest.fixture
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """People with letters in their mailboxes."""
    db = open_database(f"sqlite:///{tmp_path_factory.mktemp('town')}/postiljon.db")
    yield Town(db, people=8, languages=("nl",))
    db.close()


@pytest.fixture
def gallery(town: Town) -> Iterator[Gallery]:
    """Every public page at an address of its own."""
    with serving(app_of(town.deps(brand=BRAND))) as site:
        yield Gallery(town, site)


@pytest.fixture
def galleries(tmp_path: Path) -> Iterator[Callable[[str], Gallery]]:
    """The same in a language of one's choice."""
    with ExitStack() as open_ones:

        def in_language(language: str) -> Gallery:
            db = open_database(f"sqlite:///{tmp_path}/{language}.db")
            open_ones.callback(db.close)
            town = Town(db, people=8, languages=(language,))
            return Gallery(town, open_ones.enter_context(serving(app_of(town.deps(brand=BRAND)))), language)

        yield in_language

"""The opt-out page as a screen reader reads it aloud, kept in ``tests/golden/aria``.

``GOLDEN=write pytest tests/browser/test_spoken.py`` writes the files again; read what changed.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from mailer.storage import open_database
from tests.support.browser import page_on
from tests.support.gallery import BRAND, Gallery
from tests.support.site import Town, serving
from unsubscribe.endpoint import public_app

pytestmark = [pytest.mark.chromium, pytest.mark.slow]
FOLDER = Path(__file__).parents[1] / "golden" / "aria"


def heard(page: Page) -> str:
    """The names and roles of the page, in the order in which they are read."""
    return re.sub(r"/[A-Za-z0-9_-]{20,}", "/TOKEN", page.locator("body").aria_snapshot()) + "\n"


@pytest.mark.parametrize("language", ["nl", "en"])
def test_the_opt_out_page_is_heard_as_it_was_written_down(browser: Browser, tmp_path: Path, language: str) -> None:
    db = open_database(f"sqlite:///{tmp_path}/postiljon.db")
    town = Town(db, people=8, languages=(language,))
    with serving(public_app(town.deps(brand=BRAND))) as site, page_on(browser, locale=language) as page:
        for name in ("optout", "left"):
            Gallery(town, site, language).open(page, name)
            golden, said = FOLDER / f"{name}-{language}.yaml", heard(page)
            if os.environ.get("GOLDEN") == "write":
                FOLDER.mkdir(exist_ok=True)
                golden.write_text(said, "utf-8")
            assert said == golden.read_text("utf-8")
            assert "•••@" in said
            assert "button" in said
    db.close()

"""Takes the pictures of the public pages: ``python docs/screenshots/pages.py [--en] [NAME…]``. Look at each afterwards.

Those in English, ``page-NAME-en-WAY.png``, are of the main pages unless others are named.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from mailer.letter.brand import builtin_brand
from mailer.storage import open_database
from tests.support.browser import chromium, page_on
from tests.support.gallery import LETTERS, PAGES, Gallery, app_of
from tests.support.site import Town, serving

HERE = Path(__file__).parent
WAYS = {"phone": (360, 740, "light"), "desktop": (1280, 800, "light"), "dark": (768, 800, "dark")}
MAIN = ("optout", "left", "less-often", "pause", "details", "my-data", "erase", "subscribe", "not-found", "archive")


def main(names: list[str], folder: Path = HERE, language: str = "nl") -> None:
    """A picture of each page (or of those named) in each way."""
    mark = "" if language == "nl" else f"-{language}"
    brand = replace(
        builtin_brand("Vereniging van Voorbeeldgemeenten"),
        address=("Vereniging van Voorbeeldgemeenten", "Postbus 12345, 2500 GK Den Haag"),
    )
    with chromium() as browser:
        for way, (width, height, scheme) in WAYS.items():
            for name in names or (PAGES | LETTERS):
                with tempfile.TemporaryDirectory() as home:
                    db = open_database(f"sqlite:///{home}/postiljon.db")
                    town = Town(db, people=8, languages=(language,))
                    size = {"width": width, "height": height}
                    with (
                        serving(app_of(town.deps(brand=brand))) as site,
                        page_on(browser, viewport=size, color_scheme=scheme, locale=language) as page,
                    ):
                        Gallery(town, site, language).open(page, name)
                        page.screenshot(path=folder / f"page-{name}{mark}-{way}.png", full_page=True)
                    db.close()


if __name__ == "__main__":
    given = sys.argv[1:]
    if "--en" in given:
        main([name for name in given if name != "--en"] or list(MAIN), language="en")
    else:
        main(given)

"""Takes the pictures of the public pages: ``python docs/screenshots/pages.py [NAME…]``. Look at each afterwards.

One picture for each page and language, with four views of it: a phone, light and dark, and a desktop, light above dark.
Letters are in the language that they were written in. Without names it also writes ``docs/screenshots-pages.md``.
"""

from __future__ import annotations

import io
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from PIL import Image
from playwright.sync_api import Browser, Page

from campaigns.app import public_pages
from mailer.letter.brand import builtin_brand
from mailer.storage import open_database
from tests.support.browser import chromium, page_of_its_own
from tests.support.fonts import LIBERATION
from tests.support.gallery import LETTERS, PAGES, Gallery
from tests.support.site import Town, serving

HERE = Path(__file__).parent
LANGUAGES = {"nl": "Dutch", "en": "English"}
PHONE, DESKTOP = (360, 740, 0.8), (1280, 800, 0.6)  # width, height, and the scale of the picture
GAP, BETWEEN = 16, "#8A949E"
GROUNDS, COLOURS = 48, 112
WORDS = {
    "home": "A visitor without a link is told what these pages are for",
    "optout": "Unsubscribe: what stops, for which address (masked), and one button",
    "left": "Unsubscribed: done, with a way back and alternatives",
    "already-left": "Unsubscribed before",
    "undone": "Undone: subscribed again",
    "less-often-first": "Fewer emails, from the page that asks: one button, then the choice",
    "less-often": "Fewer emails: at most one a week or a month",
    "less-often-error": "Fewer emails, nothing chosen",
    "less-often-saved": "Fewer emails, saved",
    "pause": "Take a break: until a date",
    "pause-error": "Take a break, nothing chosen",
    "paused": "A break was taken",
    "topics": "Other topics: join or leave each, nothing stored is shown",
    "details": "Change details: empty fields, because a letter gets forwarded",
    "details-error": "Change details, with faults: each above the form and at its field",
    "details-saved": "What was changed, and that a mail says so",
    "undo-change": "The link in that mail: one button",
    "change-undone": "The change undone",
    "address-asked": "Another address was asked for",
    "new-address": "Confirm it, from the new mailbox",
    "keep-address": "Keep the old one, from the old mailbox",
    "my-data-ask": "What do you know about me: a mail with a link",
    "my-data": "Everything that is known of a reader",
    "erase": "Have your data deleted: what goes, what stays, and why",
    "erased": "Deleted: a code as proof",
    "reason": "A reason, which a reader may leave out",
    "subscribe": "Sign up: what a topic brings and how often, nothing ticked, the text of consent",
    "subscribe-error": "Sign up, nothing filled in",
    "subscribed": "Signed up: the same answer for every address",
    "confirm": "Confirm, from the mailbox: one button",
    "confirmed": "Confirmed",
    "confirm-expired": "Confirmed too late: the way back, with the same topics",
    "not-found": "Not found: for every link that is not ours",
    "expired": "A link of a page, after half an hour",
    "archive": "Archive: public letters by month, search, the feed",
    "archive-found": "Search in the archive: what was found, and the way back to all",
    "archive-nothing": "Nothing found: what to do next",
    "privacy": "Privacy: what is kept, why, and what one may ask",
    "accessibility": "Accessibility statement",
    "archive-letter": "A letter from the archive, with the offer to sign up above its footer",
    "read-online": "Read online: a letter with every block",
    "read-online-plain": "Read online: the layout plain",
}


def main(names: list[str]) -> None:
    """Take a picture of each page (or of those named) in each language."""
    missing = set(WORDS) ^ set(PAGES | LETTERS)
    if missing:
        raise SystemExit(f"not in both lists: {missing}")
    with chromium(LIBERATION) as browser:
        for name in names or WORDS:
            for language in ("nl",) if name in LETTERS else LANGUAGES:
                _views(browser, name, language).save(_file(name, language), optimize=True)
    if not names:
        (HERE.parent / "screenshots-pages.md").write_text("\n".join(_lines()), "utf-8")


def _file(name: str, language: str) -> Path:
    return HERE / f"page-{name}-{language}.png"


def _lines() -> list[str]:
    """Return the page that shows them all."""
    lines = ["# Every public page", ""]
    lines += [
        "Each on a phone and a desktop, light and dark, in Dutch and English. Made by `docs/screenshots/pages.py`."
    ]
    for name, words in WORDS.items():
        lines += ["", f"## {words}", ""]
        for language in ("nl",) if name in LETTERS else LANGUAGES:
            shown = "" if name in LETTERS else f", {LANGUAGES[language]}"
            lines += [f"![{words}{shown}](screenshots/{_file(name, language).name})", ""]
        lines.pop()
    return [*lines, ""]


def _views(browser: Browser, name: str, language: str) -> Image.Image:
    """Four views of a page, in one picture."""
    brand = replace(
        builtin_brand("Vereniging van Voorbeeldgemeenten"),
        address=("Vereniging van Voorbeeldgemeenten", "Postbus 12345, 2500 GK Den Haag"),
    )
    with tempfile.TemporaryDirectory() as home:
        db = open_database(f"sqlite:///{home}/postiljon.db")
        town = Town(db, people=8, languages=(language,))
        options: dict[str, Any] = {"locale": language, "reduced_motion": "reduce"}
        with serving(public_pages(town.deps(brand=brand))) as site, page_of_its_own(browser, **options) as page:
            Gallery(town, site, language).open(page, name)
            phones = [_shot(page, PHONE, scheme) for scheme in ("light", "dark")]
            wide = [_shot(page, DESKTOP, scheme) for scheme in ("light", "dark")]
        db.close()
    return _small(_laid(*phones, _laid(*wide, below=True)))


def _small(image: Image.Image) -> Image.Image:
    """Return the same with few colours: the most frequent ones, so that grounds stay exact, and some from all over."""
    counted: Any = sorted(image.getcolors(image.width * image.height) or (), reverse=True)
    frequent = [value for _, colour in counted[:GROUNDS] for value in colour]
    others = image.quantize(COLOURS - GROUNDS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette((frequent + others)[: 3 * COLOURS])
    return image.quantize(palette=palette, dither=Image.Dither.NONE)


def _shot(page: Page, size: tuple[int, int, float], scheme: Any) -> Image.Image:
    width, height, scale = size
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme)
    taken = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
    return taken.resize((round(taken.width * scale), round(taken.height * scale)), Image.Resampling.LANCZOS)


def _laid(*images: Image.Image, below: bool = False) -> Image.Image:
    """Pictures beside each other, or below, with a gap between."""
    far = [sum((image.height if below else image.width) + GAP for image in images[:at]) for at in range(len(images))]
    places = [(0, at) if below else (at, 0) for at in far]
    right = max(x + image.width for (x, _), image in zip(places, images, strict=True))
    bottom = max(y + image.height for (_, y), image in zip(places, images, strict=True))
    sheet = Image.new("RGB", (right, bottom), BETWEEN)
    for place, image in zip(places, images, strict=True):
        sheet.paste(image, place)
    return sheet


if __name__ == "__main__":
    main(sys.argv[1:])

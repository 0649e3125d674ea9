"""``python -m tests.support.letter_pictures``: the pictures of letters in the docs, taken from what is sent.

Each example at 360 and 700 pixels, light and dark, and once without any style sheet, as some programs show it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Route

from mailer.letter.compile import compile_letter
from mailer.letter.compiled import Compiled
from mailer.letter.personalise import render
from tests.support.browser import chromium
from tests.support.fonts import LIBERATION
from tests.support.letters import EXAMPLES, LINKS, PUBLIC, example

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
ESTHER: dict[str, Any] = {
    "contact": {
        "email": "esther@example.org",
        "first_name": "Esther",
        "salutation": "mevrouw Van der Mark",
        "role": "councillor",
        "topics": ["Regionale samenwerking", "Lokaal bestuur"],
    },
    "links": LINKS,
}


@cache
def letter_of(name: str) -> tuple[Compiled, str]:
    """The compiled example and its HTML as Esther gets it."""
    compiled = compile_letter(example(name))
    return compiled, render(compiled.letter.html, ESTHER, compiled.letter.language)


@contextmanager
def showing(browser: Browser, html: str, compiled: Compiled, **options: Any) -> Iterator[Page]:
    """A page with a letter on it, its pictures served; no script runs and nothing else is loaded."""
    context = browser.new_context(java_script_enabled=True, **options)
    page = context.new_page()
    images = {image.file_name: image for image in compiled.images}

    def serve(route: Route) -> None:
        name = route.request.url.rsplit("/", 1)[1]
        if route.request.url == f"{PUBLIC}/letter":
            route.fulfill(body=html, content_type="text/html; charset=utf-8")
        elif name in images:
            route.fulfill(body=images[name].data, content_type=images[name].media_type)
        else:
            route.abort()

    page.route("**/*", serve)
    page.goto(f"{PUBLIC}/letter")
    yield page
    context.close()


def without_sheets(html: str) -> str:
    """The letter as programs show it that drop every style sheet (C3)."""
    return re.sub(r"<style.*?</style>", "", html, flags=re.DOTALL)


def main() -> None:
    """Take all pictures again."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with chromium(LIBERATION) as browser:
        for name in sorted(path.stem for path in EXAMPLES.glob("*.md")):
            compiled, html = letter_of(name)
            shots = [(f"{w}-{s}", html, w, s) for w in (360, 700) for s in ("light", "dark")]
            for ending, text, width, scheme in [*shots, ("360-no-styles", without_sheets(html), 360, "light")]:
                size = {"width": width, "height": 800}
                with showing(browser, text, compiled, viewport=size, color_scheme=scheme) as page:
                    page.screenshot(path=FOLDER / f"letter-{name}-{ending}.png", full_page=True)


if __name__ == "__main__":
    main()

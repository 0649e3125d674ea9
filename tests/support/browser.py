"""Chromium of the system, driven by Playwright: one browser for a test run, one clean context for each test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.needs import need

RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }
}
SPACING = """
* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important; }
p { margin-bottom: 2em !important; }
"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser; skipped loudly (or failed, under CI=true) where there is none."""
    path = need("chromium", "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def page_on(browser: Browser, **options: Any) -> Iterator[Page]:
    """A page in a context of its own, which notes what must never happen: see :func:`complaints`."""
    context = browser.new_context(**({"locale": "nl-NL"} | options))
    page = context.new_page()
    noted: list[str] = []
    page.on("console", lambda message: noted.append(f"console: {message.text}") if message.type == "error" else None)
    page.on("pageerror", lambda error: noted.append(f"error: {error}"))
    page.on("request", lambda request: noted.append(f"asked: {request.url}") if _strange(page, request.url) else None)
    page.add_init_script(
        "document.addEventListener('securitypolicyviolation', e => console.error('CSP: ' + e.violatedDirective))"
    )
    page._noted = noted  # type: ignore[attr-defined]
    yield page
    context.close()


def complaints(page: Page) -> list[str]:
    """Errors in the console, violations of the policy, and requests to other machines, so far."""
    return list(page._noted)  # type: ignore[attr-defined]


def axe(page: Page) -> list[str]:
    """What axe-core finds, a line each."""
    found = Axe().run(page, options=RULES).response
    return [
        f"{item['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
        for item in found["violations"]
        for node in item["nodes"]
    ]


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the window."""
    width: int = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return max(0, width)


def _strange(page: Page, url: str) -> bool:
    return not url.startswith(("http://127.0.0.1:", "data:", "about:"))

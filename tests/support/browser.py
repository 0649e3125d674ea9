"""Chromium of the system, driven by Playwright: one browser for a test run, one clean context for each test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.support.needs import need

RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
    "resultTypes": ["violations"],  # of the rest one example is gathered each, as nobody reads it
}
SIZE: ViewportSize = {"width": 1280, "height": 720}
_KEPT: WeakKeyDictionary[Browser, dict[str, Page]] = WeakKeyDictionary()
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
    """A blank page without cookies, which notes what must never happen: see :func:`complaints`.

    To open a window takes a third of a second, so the page of a block that ended well is kept for the next with the
    same options. Who listens to its events or changes its media takes :func:`page_of_its_own`.
    """
    kept = _KEPT.setdefault(browser, {})
    key = repr(sorted(options.items()))
    page = kept.pop(key, None) or _opened(browser, options)
    _noted(page).clear()
    try:
        yield page
    except BaseException:
        page.context.close()
        raise
    page.goto("about:blank")
    page.context.clear_cookies()
    page.mouse.move(0, 0)
    page.set_viewport_size(options.get("viewport", SIZE))
    kept[key] = page


@contextmanager
def page_of_its_own(browser: Browser, **options: Any) -> Iterator[Page]:
    """The same in a context of its own, which ends with the block."""
    page = _opened(browser, options)
    yield page
    page.context.close()


def _opened(browser: Browser, options: dict[str, Any]) -> Page:
    context = browser.new_context(**({"locale": "nl-NL", "viewport": SIZE} | options))
    page = context.new_page()
    noted: list[str] = []
    page.on("console", lambda message: noted.append(f"console: {message.text}") if message.type == "error" else None)
    page.on("pageerror", lambda error: noted.append(f"error: {error}"))
    page.on("request", lambda request: noted.append(f"asked: {request.url}") if _strange(page, request.url) else None)
    page.add_init_script(
        "document.addEventListener('securitypolicyviolation', e => console.error('CSP: ' + e.violatedDirective))"
    )
    page._noted = noted  # type: ignore[attr-defined]
    return page


def _noted(page: Page) -> list[str]:
    noted: list[str] = page._noted  # type: ignore[attr-defined]
    return noted


def complaints(page: Page) -> list[str]:
    """Errors in the console, violations of the policy, and requests to other machines, so far."""
    return list(_noted(page))


def axe(page: Page) -> list[str]:
    """What axe-core finds, a line each. It is put into a document once, and tells of violations alone."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate("options => axe.run(options).then(found => found.violations)", RULES)
    return [
        f"{item['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
        for item in found
        for node in item["nodes"]
    ]


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the window."""
    width: int = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return max(0, width)


def _strange(page: Page, url: str) -> bool:
    return not url.startswith(("http://127.0.0.1:", "data:", "about:"))

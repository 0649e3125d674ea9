"""Chromium of the system, driven by Playwright: one browser for a test run, one clean context for each test.

Where there is one without windows, that is taken: the same pages for half of the processor time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, Response, ViewportSize, sync_playwright

from tests.support.fonts import DEJAVU, Family, alone
from tests.support.needs import need, program

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
def chromium(family: Family = DEJAVU) -> Iterator[Browser]:
    """A running browser that has one family of fonts; skipped loudly (or failed, under CI=true) where there is none.

    Unless told otherwise it has the widest: what fits in that, fits in all.
    """
    with chromiums() as with_family:
        yield with_family(family)


@contextmanager
def chromiums() -> Iterator[Callable[[Family], Browser]]:
    """A browser for each family of fonts, started when it is first asked for."""
    path = program("chromium-headless-shell") or need("chromium", "chromium")
    running: dict[Family, Browser] = {}
    with ExitStack() as ending:
        playwright = ending.enter_context(sync_playwright())

        def with_family(family: Family) -> Browser:
            if family not in running:
                environment: dict[str, Any] = ending.enter_context(alone(family))
                launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"], env=environment)
                ending.callback(launched.close)
                running[family] = launched
            return running[family]

        yield with_family


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


@dataclass(frozen=True)
class Answer:
    """The answer of a server to a shown page: enough to show it again without the requests before it."""

    url: str
    status: int
    headers: dict[str, str]
    body: bytes


def answer_of(page: Page) -> Answer:
    """The answer that ``page`` shows."""
    shown: Response = page._shown  # type: ignore[attr-defined]
    skipped = ("content-encoding", "content-length", "transfer-encoding")
    headers = {name: value for name, value in shown.all_headers().items() if name not in skipped}
    return Answer(shown.url, shown.status, headers, shown.body())


def show(page: Page, answer: Answer) -> None:
    """Let the browser receive ``answer`` once more; what the page loads comes from the server."""
    page.route(answer.url, lambda way: way.fulfill(status=answer.status, headers=answer.headers, body=answer.body))
    page.goto(answer.url)
    page.unroute(answer.url)


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
    page.on("response", lambda answer: _keep(page, answer))
    page._noted = noted  # type: ignore[attr-defined]
    return page


def _keep(page: Page, answer: Response) -> None:
    if answer.request.is_navigation_request() and not 300 <= answer.status < 400:
        page._shown = answer  # type: ignore[attr-defined]


def _noted(page: Page) -> list[str]:
    noted: list[str] = page._noted  # type: ignore[attr-defined]
    return noted


def complaints(page: Page) -> list[str]:
    """Errors in the console, violations of the policy, and requests to other machines, so far."""
    return list(_noted(page))


def axe(page: Page) -> list[str]:
    """Return the violations that axe-core finds, a line each. It is put into a document once."""
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

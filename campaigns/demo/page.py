"""The page that lists caught mail and shows each as HTML, as text and as source.

Promises: a mail's HTML is shown in a sandboxed frame from an address of its own, under a policy of its own. So nothing
in it can run or reach the page around it. Its links open in a new tab. Text and source show their addresses as
links. GET changes nothing here; the one-click form posts to the letter's own address, as a mail program would.
An unknown number is answered with 404.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from campaigns.demo.catcher import Caught, Mailbox
from templates import page_asset, render_page, safe
from templates.words import words

FRAME_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src 'self' data: http: https:; "
    "style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
_ADDRESS = re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,;:!?)\]]|(?<=<)mailto:[^\s<>\"']+")
VIEWS = ("phone", "desktop", "text", "source")


def catcher_app(mailbox: Mailbox, language: str, public_url: str, has_console: bool = False) -> Starlette:
    """Return the application. ``public_url`` is where the letters' one-click forms may post to.

    ``has_console``: the list of mails links to the console there.
    """
    pages = _Pages(mailbox, language, public_url, has_console)
    return Starlette(
        routes=[
            Route("/", pages.overview),
            Route("/mail/{number:int}", pages.mail),
            Route("/mail/{number:int}/html", pages.frame),
            Route("/mail/{number:int}.eml", pages.source),
            Route("/{name}.css", pages.style),
        ]
    )


class _Pages:
    def __init__(self, mailbox: Mailbox, language: str, public_url: str, has_console: bool) -> None:
        self.mailbox = mailbox
        self.console = f"{public_url}/console" if has_console else ""
        self.language = language
        self._policy = (
            "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src 'self'; "
            f"form-action {public_url}; base-uri 'none'; frame-ancestors 'none'"
        )

    async def overview(self, _request: Request) -> Response:
        mails = [_facts(caught) for caught in self.mailbox.all()]
        told = words(self.language, "cli").gettext("Look at the console, with campaigns in every state")
        context = {"mails": mails, "turned_away": self.mailbox.turned_away(), "console": self.console, "told": told}
        return self._page("demo/list.html", context)

    async def mail(self, request: Request) -> Response:
        caught = self._caught(request)
        view = request.query_params.get("view", "desktop")
        if view not in VIEWS:
            view = "desktop"
        shown = {"text": caught.part("plain"), "source": caught.content.decode("utf-8", "replace")}.get(view)
        number, last = caught.number, len(self.mailbox.all())
        context = {
            "mail": _facts(caught),
            "view": view,
            "text": None if shown is None else safe(linked(shown)),
            "before": number - 1,
            "after": number + 1 if number < last else 0,
        }
        return self._page("demo/mail.html", context)

    async def frame(self, request: Request) -> Response:
        shown = with_links_beside(self._caught(request).part("html"))
        headers = {"content-security-policy": FRAME_POLICY, "x-content-type-options": "nosniff"}
        return Response(shown, media_type="text/html; charset=utf-8", headers=headers)

    async def source(self, request: Request) -> Response:
        return Response(self._caught(request).content, media_type="message/rfc822")

    async def style(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in ("pages", "demo"):
            raise HTTPException(404)
        return Response(page_asset(f"{name}.css"), media_type="text/css")

    def _caught(self, request: Request) -> Caught:
        caught = self.mailbox.get(request.path_params["number"])
        if caught is None:
            raise HTTPException(404)
        return caught

    def _page(self, name: str, context: Mapping[str, object]) -> Response:
        headers = {
            "content-security-policy": self._policy,
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cache-control": "no-store",
        }
        return Response(render_page(name, self.language, context), media_type="text/html", headers=headers)


def linked(text: str) -> str:
    """Return escaped HTML of ``text`` in which web and mailto addresses are links; the text itself stays as it is."""
    parts, end = [], 0
    for match in _ADDRESS.finditer(text):
        address = html.escape(match[0])
        parts += [html.escape(text[end : match.start()]), f'<a href="{address}" target="_blank">{address}</a>']
        end = match.end()
    return "".join([*parts, html.escape(text[end:])])


def with_links_beside(page: str) -> str:
    """Add one tag to the mail's HTML: links open in a tab of their own, as the frame may show only the mail."""
    return re.sub(r"(<head\b[^>]*>)", r'\1<base target="_blank">', page, count=1, flags=re.IGNORECASE)


def _facts(caught: Caught) -> dict[str, object]:
    message = caught.message
    return {
        "number": caught.number,
        "to": str(message["To"] or caught.recipient),
        "sender": str(message["From"] or ""),
        "subject": str(message["Subject"] or ""),
        "date": str(message["Date"] or ""),
        "envelope": caught.sender,
        "one_click": caught.unsubscribe_url,
        "time": caught.at.astimezone().strftime("%H:%M:%S"),
    }

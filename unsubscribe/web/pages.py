"""Pages: their language, and their rendering to bytes, fast for pages that many people see.

Promises: a page is in the reader's own language where the token knows it, else in the browser's, else in the house's.
``?lang=`` overrides all. A page with only a few personal values (masked address, fresh tokens) is rendered from the
template once for each language and topic. After that its places are filled with escaped text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from html import escape
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from templates import render_page
from templates.words import LANGUAGES, primary, variant, words
from unsubscribe.web.site import SiteView

NAMES = {"nl": "Nederlands", "en": "English", "de": "Deutsch", "fr": "Français"}
LONGEST_QUERY = 1000
_OPEN, _CLOSE = "\ue000", "\ue001"
_PLACE = re.compile(f"{_OPEN}(\\w+){_CLOSE}")
_QUALITY = re.compile(r"q=(0(?:\.\d{1,3})?|1(?:\.0{1,3})?)")


@dataclass(frozen=True, slots=True)
class View:
    """The language of a page. ``keep`` keeps a chosen language in links; ``switch``: offer other languages.

    Most browsers ask for ``en-US`` without a choice by the user: that counts as European English. American dates need
    ``en-US`` as the contact's own language, or in the address.
    """

    language: str
    keep: str = ""
    switch: bool = False

    def gettext(self, message: str) -> str:
        """Return a message translated into this language."""
        return words(self.language, "pages").gettext(message)


def view_of(request: Request, default: str, own: str = "") -> View:
    """Return the view for a request; ``own`` is the language of the contact, if known."""
    query, asked = request.scope["query_string"][:LONGEST_QUERY], request.headers.get("accept-language", "")[:500]
    return view_for(query, asked, default, own, request.method in ("GET", "HEAD"))


@lru_cache(maxsize=256)
def view_for(query: bytes, header: str, default: str, own: str, switch: bool) -> View:
    """Return the view from the relevant parts of a request."""
    chosen = variant(QueryParams(query).get("lang", ""))
    if primary(chosen) in NAMES:
        return View(chosen, f"?lang={chosen}", switch)
    if primary(own) in NAMES:
        return View(variant(own), "", switch)
    fallback = variant(default) if primary(default) in NAMES else "en"
    return View(accepted(header) or fallback, "", switch)


def also(request: Request) -> str:
    """Return the rest of a query beside ``?lang=``, which a switch of language keeps (for the place ``also``)."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
    text = urlencode(kept)
    return f"&{text}" if text and len(text) <= LONGEST_QUERY else ""


def accepted(header: str) -> str:
    """Return the best supported language in an Accept-Language header (RFC 9110 section 12.5.4), or an empty text."""
    best, best_quality = "", 0.0
    for item in header[:500].split(","):
        tag, _, options = item.partition(";")
        found = _QUALITY.fullmatch(options.strip()) if options.strip() else None
        quality = float(found[1]) if found else 0.0 if options.strip() else 1.0
        if quality > best_quality and primary(tag) in NAMES:
            best, best_quality = primary(tag), quality
    return best


class Pages:
    """All pages of one site."""

    def __init__(self, site: SiteView) -> None:
        self.site = site
        self._pieces = lru_cache(maxsize=512)(self._cut)

    def show_contact(self, address: str) -> None:
        """Show another contact address on pages from now on."""
        if address != self.site.contact:
            self.site = replace(self.site, contact=address)
            self._pieces.cache_clear()

    def show_archive(self, path: str) -> None:
        """Set the path of the archive, if it is served here; pages with only a message link to it."""
        self.site = replace(self.site, archive=path)
        self._pieces.cache_clear()

    def page(self, name: str, view: View, context: Mapping[str, Any]) -> str:
        """Return a page by its template (``optout.html``), with all values that :file:`base.html` needs."""
        languages = tuple((code, NAMES[code]) for code in LANGUAGES["pages"]) if view.switch else ()
        basis = {"site": self.site, "languages": languages, "keep": view.keep, "also": "", "errors": {}}
        return render_page(name, view.language, basis | dict(context))

    def filled(self, name: str, view: View, fixed: Mapping[str, Any], places: Mapping[str, str]) -> str:
        """Return a page from ``fixed`` values that many people share, and ``places`` with each person's own values.

        The template sees an empty place as an empty value, so that it can leave out the parts that depend on it.
        """
        empty = tuple([key for key, value in places.items() if not value])
        shown = tuple([key for key, value in places.items() if value])
        pieces = self._pieces(name, view, tuple(fixed.items()), empty, shown)
        return "".join([piece if not at % 2 else escape(places[piece]) for at, piece in enumerate(pieces)])

    def _cut(
        self, name: str, view: View, fixed: tuple[tuple[str, Any], ...], empty: tuple[str, ...], shown: tuple[str, ...]
    ) -> list[str]:
        context = {key: _harmless(value) for key, value in fixed}
        context |= dict.fromkeys(empty, "") | {key: f"{_OPEN}{key}{_CLOSE}" for key in shown}
        return _PLACE.split(self.page(name, view, context))


def respond(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a page as an answer."""
    return Response(text.encode(), status, dict(headers or {}), "text/html; charset=utf-8")


def _harmless(value: Any) -> Any:
    """Return a text without the marks of places."""
    return value.replace(_OPEN, "").replace(_CLOSE, "") if isinstance(value, str) else value

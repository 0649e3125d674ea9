"""A fast path for one-click opt-outs (RFC 8058), which mailbox providers send by the thousand.

It applies to a POST to ``/u/TOKEN`` with a genuine token of a letter. The body must be the 26 bytes of RFC 8058 section
3.1, announced by Content-Length and received already. Every other request goes to the routes, with the body as it came.

Promises: the act and each byte of the answer are those of :meth:`.OptOuts.opt_out` (a property test compares the two).
Only the way is shorter: no routing, no objects for request and response. It acts by the same code and raises the same
errors, for :mod:`unsubscribe.web.security`. For a request that it passes on, the token is verified once more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mailer.errors import TokenError
from mailer.signing import Purpose, Token
from unsubscribe import optout
from unsubscribe.endpoint import trial_pages
from unsubscribe.endpoint.optouts import OptOuts
from unsubscribe.web import forms
from unsubscribe.web.pages import view_for

BODY = b"List-Unsubscribe=One-Click"
_LENGTH = str(len(BODY)).encode()
_START, _TYPE = "/u/", (b"content-type", b"text/html; charset=utf-8")


class OneClick:
    """ASGI application in front of the routes."""

    def __init__(self, routes: ASGIApp, optouts: OptOuts) -> None:
        self.routes = routes
        self.optouts = optouts
        self.context, self.web = optouts.context, optouts.web

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        language, token = self._known(scope)
        if token is None:
            await self.routes(scope, receive, send)
            return
        first, rest = forms.begin(receive())
        if first is None or first.get("body") != BODY or first.get("more_body"):
            await self.routes(scope, _again(first, rest, receive), send)
            return
        result = await self.optouts.carry_out(optout.OptOutRequest(token, "topic", "one-click"))
        view = view_for(b"", language, self.web.deps.default_language, result.reader.language, False)
        page = self.optouts.page_after(view, result, scope["path"][len(_START) :]).encode()
        headers = [(b"content-length", str(len(page)).encode()), _TYPE]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": page})

    def _known(self, scope: Scope) -> tuple[str, Token | None]:
        """Return the requested language, and the token; None where the head already excludes this way."""
        if scope.get("method") != "POST" or not scope["path"].startswith(_START) or scope["query_string"]:
            return "", None
        length, language = _of_head(scope["headers"])
        if length != _LENGTH or language is None:
            return "", None
        try:
            token = self.context.tokens.read(scope["path"][len(_START) :], Purpose.OPT_OUT, self.web.now)
        except TokenError:
            return "", None
        return language, None if trial_pages.trial_context(token) else token


def _of_head(headers: Iterable[tuple[bytes, bytes]]) -> tuple[bytes, str | None]:
    """Return Content-Length and Accept-Language; None as the language where one of them occurs twice."""
    length, languages = b"", []
    lengths = 0
    for name, value in headers:
        if name == b"content-length":
            length, lengths = value, lengths + 1
        elif name == b"accept-language":
            languages.append(value)
    if lengths > 1 or len(languages) > 1:
        return length, None
    return length, languages[0].decode("latin-1")[:500] if languages else ""


def _again(first: Message | None, rest: Awaitable[Message] | None, receive: Receive) -> Receive:
    """Return a ``receive`` that first returns the message that was already taken, or begun."""
    taken = False

    async def again() -> Message:
        nonlocal taken
        if taken:
            return await receive()
        taken = True
        if first is not None:
            return first
        assert rest is not None  # noqa: S101 - one of them is there, see forms.begin
        return await rest

    return again

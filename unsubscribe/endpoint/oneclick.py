"""A short way for what mailbox providers send by the thousand: one click, as RFC 8058 has it.

It applies to a POST to ``/u/TOKEN`` with a genuine token of a letter, whose body is the 26 bytes of RFC 8058 section
3.1, announced by Content-Length and here already. Everything else goes on to the routes, with the body as it came.

Promises: what is done, and each byte of the answer, are those of :meth:`.OptOuts.opt_out` (a property compares the
two); only the way there is shorter: no routing, no objects for request and response. It acts by the same code. Raises
what that raises, for :mod:`.guard`. A request that it passes on costs its token one more verification.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mailer.errors import TokenError
from mailer.signing import Purpose, Token
from unsubscribe import optout
from unsubscribe.endpoint import forms, trial
from unsubscribe.endpoint.optouts import OptOuts
from unsubscribe.endpoint.pages import view_for

BODY = b"List-Unsubscribe=One-Click"
_LENGTH = str(len(BODY)).encode()
_START, _TYPE = "/u/", (b"content-type", b"text/html; charset=utf-8")


class OneClick:
    """ASGI: before the routes of the application."""

    def __init__(self, routes: ASGIApp, optouts: OptOuts) -> None:
        self.routes = routes
        self.optouts = optouts
        self.desk = optouts.desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        language, token = self._known(scope)
        if token is None:
            await self.routes(scope, receive, send)
            return
        first, rest = forms.begin(receive())
        if first is None or first.get("body") != BODY or first.get("more_body"):
            await self.routes(scope, _again(first, rest, receive), send)
            return
        left = await self.optouts.leave(optout.OptOutRequest(token, "topic", "one-click"))
        view = view_for(b"", language, self.desk.deps.default_language, left.reader.language, False)
        page = self.optouts.left(view, left, scope["path"][len(_START) :]).encode()
        headers = [(b"content-length", str(len(page)).encode()), _TYPE]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": page})

    def _known(self, scope: Scope) -> tuple[str, Token | None]:
        """Return the language that is asked for, and the token; none where this way does not apply by the head."""
        if scope["method"] != "POST" or not scope["path"].startswith(_START) or scope["query_string"]:
            return "", None
        length, language = _of_head(scope["headers"])
        if length != _LENGTH or language is None:
            return "", None
        try:
            token = self.desk.tokens.read(scope["path"][len(_START) :], Purpose.OPT_OUT, self.desk.now)
        except TokenError:
            return "", None
        return language, None if trial.of(token) else token


def _of_head(headers: Iterable[tuple[bytes, bytes]]) -> tuple[bytes, str | None]:
    """Content-Length and Accept-Language; no language where one of them is there twice."""
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
    """``receive``, which gives once more what was taken from it, or was begun."""
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

"""The guard around every router: protecting headers, errors in words, no leak of personal data.

Promises: every answer carries the headers of :func:`protecting`, with the values of its router's
:class:`SecurityPolicy`, unless its route set one of them on purpose. Errors, and answers outside all routers, have the
strict policy. OPTIONS is answered here and reaches no route. An exception becomes a page in words with a number that is
also in the log. The log has no address, no token and no query (:mod:`.metrics`); no answer redirects. Only
:func:`status_of` decides the status of an error. Plain ASGI: it runs for every request.

Source: RFC 8058 section 3.1, OWASP secure headers, docs/standards.md B5, B12, C25, E51.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mailer.errors import ContactMissing, StateError, StorageError, TokenError
from unsubscribe.web.metrics import Metrics, log, masked
from unsubscribe.web.paths import meant

ALLOWED = "GET, HEAD, POST, OPTIONS"
LONGEST_PATH = 300
NO_CONTACT = 501  # a letter is needed, and the organisation has no address to send it from
ErrorPage = Callable[[Request, int, str], Response]


Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class SecurityPolicy:
    """The headers that routers may choose for their answers, by default the strict ones.

    ``robots``: the use that search engines may make of an answer. ``frame_options``: the pages that may frame it (for
    browsers that ignore ``frame-ancestors``). ``resource_policy``: the sites that may show it as part of a page.
    """

    content_security_policy: str = (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    resource_policy: str = "same-origin"
    frame_options: str = "DENY"
    robots: str = "noindex, nofollow, noarchive"
    cache_control: str = "no-store"

    def headers(self) -> Headers:
        """Return the headers of this policy alone."""
        return _encoded(
            {
                "content-security-policy": self.content_security_policy,
                "cross-origin-resource-policy": self.resource_policy,
                "x-frame-options": self.frame_options,
                "x-robots-tag": self.robots,
                "cache-control": self.cache_control,
            }
        )


STRICT = SecurityPolicy()


def protecting(*, https: bool) -> Headers:
    """Return the headers that an answer has unless its route or the policy of its router says otherwise."""
    fixed = {
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), interest-cohort=()",
        "cross-origin-opener-policy": "same-origin",
    }
    content, *others = STRICT.headers()
    transport = {"strict-transport-security": "max-age=31536000; includeSubDomains"} if https else {}
    return [content, *_encoded(fixed), *others, *_encoded(transport)]


def completed(headers: Headers, more: Headers) -> Headers:
    """Return the headers of an answer, and those of ``more`` that it does not have."""
    there = {name for name, _ in headers}
    return headers + [pair for pair in more if pair[0] not in there]


def _encoded(headers: dict[str, str]) -> Headers:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def status_of(error: Exception) -> int:
    """Return the status of an error: 404 for a link that is not genuine, 429 over a limit, 503 for the database."""
    if isinstance(error, TokenError):
        return 404
    if isinstance(error, StorageError):
        return 503
    if isinstance(error, StateError):
        return 429
    if isinstance(error, ContactMissing):
        return NO_CONTACT
    return error.status_code if isinstance(error, HTTPException) else 500


RequestObserver = Callable[[Scope], None]


def unobserved(_scope: Scope) -> None:
    """Do nothing: the default observer."""


class SecurityMiddleware:
    """ASGI middleware that keeps the promises of the module."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        https: bool,
        metrics: Metrics,
        error_page: ErrorPage,
        base: str = "",
        heard: RequestObserver = unobserved,
    ) -> None:
        """Set up; ``base``: the path of the public address, decoded. ``heard`` is called for each request."""
        self.heard = heard
        self.app = app
        self.base = base
        self.metrics = metrics
        self.error_page = error_page
        self.headers = protecting(https=https)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope = {**scope, "path": meant(scope["path"], self.base)}
        self.heard(scope)
        started, status = time.perf_counter(), 0

        async def guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = completed(list(message.get("headers", ())), self.headers)
            await send(message)

        try:
            await self._answer(scope, receive, guarded)
        except ClientDisconnect:
            status = 499
        except Exception as error:
            if status:
                raise
            await self._explain(error, scope, receive, guarded)
        self.metrics.answered(scope, status, time.perf_counter() - started)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "OPTIONS":
            await Response(status_code=204, headers={"allow": ALLOWED})(scope, receive, send)
        elif len(scope["path"]) > LONGEST_PATH or not scope["path"].isprintable():  # NUL: no database takes it
            raise HTTPException(404)
        else:
            await self.app(scope, receive, send)

    async def _explain(self, error: Exception, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the page that explains the error and its result."""
        status, number = status_of(error), os.urandom(5).hex()
        if status >= 500:
            log.error(
                "request_failed",
                number=number,
                path=masked(scope["path"]),
                method=scope["method"],
                error=type(error).__name__,
                exc_info=error if status == 500 else None,
            )
        response = self._page(Request(scope, receive), status, number)
        if status in (408, 413):
            response.headers["connection"] = "close"  # do not wait for the rest of the body
        if status == 503:
            response.headers["retry-after"] = "120"
        if status == 405:
            response.headers["allow"] = ALLOWED
        await response(scope, receive, send)

    def _page(self, request: Request, status: int, number: str) -> Response:
        """Return the page in words; where that fails too, the bare status, with the same headers."""
        try:
            return self.error_page(request, status, number)
        except Exception as error:
            log.error("error_page_failed", number=number, error=type(error).__name__, exc_info=error)
            return Response("Something went wrong on our side.", 500, media_type="text/plain")

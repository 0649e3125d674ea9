"""The ASGI application of a web process: routers under their policies in Starlette, and the guard around it.

Promises: every answer has the protecting headers, with the values of its router's policy. Errors of a route, or of
middleware that was added to ``WebApplication.starlette``, are answered in words by the guard
(:mod:`unsubscribe.web.security`): Starlette's own handlers only pass them on. When the server stops, the waiting work
of the context is finished and its threads end. ``in_front`` is a fast path for some requests: it gets Starlette's
application and stands inside the guard, but outside Starlette and its middleware, which cost time in each request.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import NoReturn
from urllib.parse import unquote, urlsplit

from starlette.applications import Starlette
from starlette.datastructures import URLPath
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from unsubscribe.web import errors
from unsubscribe.web.context import WebContext
from unsubscribe.web.security import (
    STRICT,
    Headers,
    RequestObserver,
    SecurityMiddleware,
    SecurityPolicy,
    completed,
    unobserved,
)

Front = Callable[[ASGIApp], ASGIApp]


@dataclass(frozen=True, slots=True)
class WebRouter:
    """The routes of one part of the site, and the policy of their answers."""

    routes: Sequence[BaseRoute]
    policy: SecurityPolicy = STRICT


@dataclass(frozen=True, slots=True)
class WebApplication:
    """An ASGI application. Middleware may be added to ``starlette`` until the first request."""

    context: WebContext
    routers: Sequence[WebRouter]
    starlette: Starlette
    guard: SecurityMiddleware

    @property
    def headers(self) -> Headers:
        """Return the headers that protect every answer, for the server's own refusals too."""
        return self.guard.headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, or the start and the end of the server."""
        await self.guard(scope, receive, send)


def web_application(
    context: WebContext,
    routers: Sequence[WebRouter],
    *,
    in_front: Front | None = None,
    heard: RequestObserver = unobserved,
) -> WebApplication:
    """Return the application of these routers, which are tried in their order. It closes the context at its end."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        context.close()

    starlette = Starlette(
        routes=[route for router in routers for route in _under_policy(router)],
        exception_handlers={HTTPException: _pass_on, Exception: _pass_on},
        lifespan=lifespan,
    )
    starlette.router.redirect_slashes = False
    guard = SecurityMiddleware(
        in_front(starlette) if in_front else starlette,
        https=urlsplit(context.deps.public_url).scheme == "https",
        base=unquote(context.site.base),
        heard=heard,
        metrics=context.metrics,
        error_page=partial(errors.page, context),
    )
    return WebApplication(context, routers, starlette, guard)


async def _pass_on(_request: Request | WebSocket, error: Exception) -> NoReturn:
    """Raise an error that Starlette would answer in bare English."""
    raise error


def _under_policy(router: WebRouter) -> Iterator[BaseRoute]:
    for route in router.routes:
        yield route if router.policy == STRICT else _RouteUnderPolicy(route, router.policy)


class _RouteUnderPolicy(BaseRoute):
    """A route whose answers get the headers of a policy; an error that it raises passes without them."""

    def __init__(self, route: BaseRoute, policy: SecurityPolicy) -> None:
        self._route = route
        self._headers = policy.headers()

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether the route is for a request, with its parameters."""
        return self._route.matches(scope)

    def url_path_for(self, name: str, /, **path_params: object) -> URLPath:
        """Return the path of the route by its name."""
        return self._route.url_path_for(name, **path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""

        async def under_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = completed(list(message.get("headers", ())), self._headers)
            await send(message)

        await self._route.handle(scope, receive, under_policy)

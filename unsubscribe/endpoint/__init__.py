"""The public endpoint for readers and mailbox providers. Starlette, light, can run alone.

Promises: GET, HEAD and OPTIONS change nothing (I6). POST acts and answers 200 only when the act is on disk, and 503
while the database is away. Every link that is not genuine gets one generic 404. No answer redirects; every answer
carries the headers of :mod:`unsubscribe.web.security`. ``/u/`` is never limited by IP (B9), since mailbox providers
send requests for millions of readers from few addresses.

:mod:`.deps` has the inputs, :mod:`.context` what all routes share, on top of the kit of :mod:`unsubscribe.web`. Routes:
:mod:`.optouts` (with its short way, :mod:`.oneclick`), :mod:`.choices`, :mod:`.detail_pages`, :mod:`.site_pages` and
the other modules named *pages*.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import unquote, urlsplit

from starlette.applications import Starlette
from starlette.routing import BaseRoute

from unsubscribe.endpoint import errors, site_pages
from unsubscribe.endpoint.address_pages import AddressPages
from unsubscribe.endpoint.choices import Choices
from unsubscribe.endpoint.context import WebContext
from unsubscribe.endpoint.deps import EndpointDeps
from unsubscribe.endpoint.detail_pages import DetailPages
from unsubscribe.endpoint.drop_counter import DropCounter
from unsubscribe.endpoint.my_data_pages import MyDataPages
from unsubscribe.endpoint.oneclick import OneClick
from unsubscribe.endpoint.optouts import OptOuts
from unsubscribe.endpoint.signup_pages import SignUpPages
from unsubscribe.web.security import SecurityMiddleware

__all__ = ["EndpointDeps", "public_app"]
ARCHIVE = "/archive"


def public_app(deps: EndpointDeps, extra_routes: Sequence[BaseRoute] = ()) -> Starlette:
    """Return the application.

    ``extra_routes`` (read online, archive) come from the caller and get the same guard.
    """
    desk = WebContext(deps)
    drops = DropCounter(desk)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        desk.close()

    addresses = AddressPages(desk)
    detail_pages = DetailPages(desk, addresses)
    choices = Choices(desk, detail_pages)
    optouts = OptOuts(desk, choices)
    ours = [
        *optouts.routes(),
        *MyDataPages(desk).routes(),
        *addresses.routes(),
        *detail_pages.routes(),
        *choices.routes(),
        *SignUpPages(desk, drops).routes(),
        *site_pages.routes(desk),
    ]
    app = Starlette(routes=[*ours, *extra_routes], lifespan=lifespan)
    app.router.redirect_slashes = False
    app.state.desk = desk
    if any(getattr(route, "path", "") == ARCHIVE for route in extra_routes):
        desk.pages.show_archive(desk.url(ARCHIVE))
    app.middleware_stack = SecurityMiddleware(  # replaces Starlette's own, which would answer errors in bare English
        OneClick(app.router, optouts),
        https=urlsplit(deps.public_url).scheme == "https",
        base=unquote(desk.site.base),
        heard=drops.heard,
        watch=desk.watch,
        error_page=partial(errors.page, desk),
    )
    return app

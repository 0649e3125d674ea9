"""The public endpoint: what readers and mailbox providers knock on. Starlette, light, can run alone.

Promises: GET, HEAD and OPTIONS change nothing (I6); POST acts, answers 200 only when it is on disk, 503 while the
database is away, one generic 404 for whatever is not genuine; nothing redirects; every answer carries the headers of
:mod:`.guard`. ``/u/`` is never limited by IP (B9), since mailbox providers knock for millions from few addresses.

Layers: :mod:`.deps` what it is given · :mod:`.site`, :mod:`.colours`, :mod:`.pages` looks · :mod:`.forms` what comes
in · :mod:`.shared` one commit for many · :mod:`.guard`, :mod:`.watch`, :mod:`.errors` round everything ·
:mod:`.optouts` (with its short way, :mod:`.oneclick`), :mod:`.choices`, :mod:`.detail_pages`, :mod:`.house` the routes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import unquote, urlsplit

from starlette.applications import Starlette
from starlette.routing import BaseRoute

from unsubscribe.endpoint import errors, house
from unsubscribe.endpoint.address_pages import AddressPages
from unsubscribe.endpoint.choices import Choices
from unsubscribe.endpoint.deps import EndpointDeps
from unsubscribe.endpoint.desk import WebContext
from unsubscribe.endpoint.detail_pages import DetailPages
from unsubscribe.endpoint.guard import SecurityMiddleware
from unsubscribe.endpoint.mydata_pages import MyDataPages
from unsubscribe.endpoint.oneclick import OneClick
from unsubscribe.endpoint.optouts import OptOuts
from unsubscribe.endpoint.signup_pages import SignUpPages
from unsubscribe.endpoint.tally import DropCounter

__all__ = ["EndpointDeps", "public_app"]
ARCHIVE = "/archive"


def public_app(deps: EndpointDeps, extra_routes: Sequence[BaseRoute] = ()) -> Starlette:
    """Return the application.

    ``extra_routes`` (read online, archive) come from above and stand under the same guard.
    """
    desk = WebContext(deps)
    tally = DropCounter(desk)

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
        *SignUpPages(desk, tally).routes(),
        *house.routes(desk),
    ]
    app = Starlette(routes=[*ours, *extra_routes], lifespan=lifespan)
    app.router.redirect_slashes = False
    app.state.desk = desk
    if any(getattr(route, "path", "") == ARCHIVE for route in extra_routes):
        desk.pages.show_archive(desk.url(ARCHIVE))
    app.middleware_stack = SecurityMiddleware(  # in place of Starlette's own, which would answer errors in bare English
        OneClick(app.router, optouts),
        https=urlsplit(deps.public_url).scheme == "https",
        base=unquote(desk.site.base),
        heard=tally.heard,
        watch=desk.watch,
        error_page=partial(errors.page, desk),
    )
    return app

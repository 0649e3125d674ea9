"""The public endpoint for readers and mailbox providers. Starlette, light, can run alone.

Promises: GET, HEAD and OPTIONS change nothing (I6). POST acts and answers 200 only when the act is on disk, and 503
while the database is away. Every link that is not genuine gets one generic 404. No answer redirects; every answer
carries the headers of :mod:`unsubscribe.web.security`. ``/u/`` is never limited by IP (B9), since mailbox providers
send requests for millions of readers from few addresses.

:mod:`.deps` has the inputs, :mod:`.context` the shared objects that the kit of :mod:`unsubscribe.web` has not. Routes:
:mod:`.optouts` (with its fast path, :mod:`.oneclick`), :mod:`.choices`, :mod:`.detail_pages`, :mod:`.site_pages` and
the other modules named *pages*. All have the strict security policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from unsubscribe.endpoint import site_pages
from unsubscribe.endpoint.address_pages import AddressPages
from unsubscribe.endpoint.choices import Choices
from unsubscribe.endpoint.context import ReaderContext
from unsubscribe.endpoint.deps import EndpointDeps
from unsubscribe.endpoint.detail_pages import DetailPages
from unsubscribe.endpoint.drop_counter import DropCounter
from unsubscribe.endpoint.my_data_pages import MyDataPages
from unsubscribe.endpoint.oneclick import OneClick
from unsubscribe.endpoint.optouts import OptOuts
from unsubscribe.endpoint.signup_pages import SignUpPages
from unsubscribe.web.application import WebApplication, WebRouter, web_application
from unsubscribe.web.context import WebContext

__all__ = ["EndpointDeps", "ReaderContext", "application", "public_app"]


def public_app(deps: EndpointDeps) -> WebApplication:
    """Return the application of the reader's routes alone."""
    return application(ReaderContext(WebContext(deps), deps))


def application(context: ReaderContext, more: Sequence[WebRouter] = ()) -> WebApplication:
    """Return the application of the reader's routes and ``more``, with the fast path for one-click opt-outs."""
    drops = DropCounter(context.web)
    addresses = AddressPages(context)
    detail_pages = DetailPages(context, addresses)
    choices = Choices(context, detail_pages)
    optouts = OptOuts(context, choices)
    ours = [
        *optouts.routes(),
        *MyDataPages(context).routes(),
        *addresses.routes(),
        *detail_pages.routes(),
        *choices.routes(),
        *SignUpPages(context, drops).routes(),
        *site_pages.routes(context),
    ]
    short_way = partial(OneClick, optouts=optouts)
    return web_application(context.web, [WebRouter(ours), *more], in_front=short_way, heard=drops.heard)

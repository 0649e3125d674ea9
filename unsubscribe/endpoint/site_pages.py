"""Routes of the house itself: home, files, health, counters, security.txt, robots.txt, privacy and accessibility.

Promises: ``/metrics`` answers a peer on loopback that asks for a loopback address, without the headers of a proxy. It
also answers any request with the token; others get the same 404 as for any path. ``/health`` is :mod:`.health`.
"""

from __future__ import annotations

import hmac
import re
from datetime import timedelta
from functools import partial

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from mailer.errors import StorageError
from mailer.outbox import service
from mailer.settings import LOOPBACK
from unsubscribe import contacts
from unsubscribe.endpoint.context import ReaderContext
from unsubscribe.endpoint.health import Health
from unsubscribe.web.context import WebContext
from unsubscribe.web.metrics import Gauge
from unsubscribe.web.pages import respond

FOR_EVER = "public, max-age=31536000, immutable"
A_WHILE = "public, max-age=300"
LOOPBACK_PEERS = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})
SPOKEN_FOR = ("x-forwarded-", "forwarded", "x-real-ip", "via")  # beginnings of the header names that proxies add


def routes(context: ReaderContext) -> list[Route]:
    """Return all these routes."""
    web = context.web
    return [
        Route("/", partial(home, context)),
        Route("/a/{name}", partial(asset, web)),
        Route("/health", Health(web).answer),
        Route("/metrics", partial(metrics, web)),
        Route("/.well-known/security.txt", partial(security, web)),
        Route("/robots.txt", partial(robots, web)),
        Route("/privacy", partial(standing, web, "privacy.html")),
        Route("/accessibility", partial(standing, web, "accessibility.html")),
    ]


async def home(context: ReaderContext, request: Request) -> Response:
    """Return the home page, for a visitor without a link; it works also while the database cannot be read."""
    web = context.web
    try:
        is_open = await web.read(lambda conn: any(topic.is_open for topic in contacts.topics(conn)))
    except StorageError:
        is_open = False
    form = web.url("/subscribe") if is_open and context.signs_up else ""
    headers = {"cache-control": A_WHILE, "vary": "accept-language"}
    return respond(web.pages.page("home.html", web.view(request), {"subscribe": form}), 200, headers)


async def asset(web: WebContext, request: Request) -> Response:
    """Return a file under its hash; compressed if the client accepts that."""
    found = web.theme.assets.get(request.path_params["name"])
    if found is None:
        raise HTTPException(404)
    headers = {"cache-control": FOR_EVER, "vary": "accept-encoding"}
    if "gzip" in request.headers.get("accept-encoding", "") and len(found.gzipped) < len(found.data):
        return Response(found.gzipped, 200, headers | {"content-encoding": "gzip"}, found.media_type)
    return Response(found.data, 200, headers, found.media_type)


async def metrics(web: WebContext, request: Request) -> Response:
    """Return the counters for Prometheus to a request that may see them."""
    if not _may_see(web, request):
        raise HTTPException(404)
    try:
        waiting = await web.read(service.waiting)
        stopped = sum(item.number for item in waiting if item.reason)
        numbers = [
            Gauge("postiljon_service_letters_waiting", "Service letters that wait", sum(one.number for one in waiting)),
            Gauge("postiljon_service_letters_stopped", "Those of them that something keeps from leaving", stopped),
        ]
    except StorageError:
        numbers = []
    numbers += web.deps.gauges()
    return Response(web.metrics.page(numbers), media_type="text/plain; version=0.0.4; charset=utf-8")


def _may_see(web: WebContext, request: Request) -> bool:
    """Return whether the request has the token, or comes from loopback without a proxy."""
    token = web.deps.metrics_token
    given = request.headers.get("authorization", "")
    if token and hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        return True
    peer = request.client.host if request.client else ""
    named = re.sub(r":[0-9]*$", "", request.headers.get("host", "")).strip("[]")
    if peer not in LOOPBACK_PEERS or named not in LOOPBACK:  # a proxy that adds no header still passes the host name
        return False
    return not any(name.startswith(SPOKEN_FOR) for name in request.headers)


async def security(web: WebContext, request: Request) -> Response:  # noqa: ARG001
    """Return security.txt: where to report a weakness (RFC 9116)."""
    await web.find_contact()
    contact = f"mailto:{web.site.contact}" if web.site.contact else web.deps.public_url + "/"
    expires = (web.now + timedelta(days=180)).strftime("%Y-%m-%dT00:00:00Z")
    lines = [
        f"Contact: {contact}",
        f"Expires: {expires}",
        "Preferred-Languages: nl, en, de, fr",
        f"Canonical: {web.deps.public_url}/.well-known/security.txt",
    ]
    return PlainTextResponse("\n".join(lines) + "\n", headers={"cache-control": "public, max-age=86400"})


async def robots(web: WebContext, request: Request) -> Response:  # noqa: ARG001
    """Return robots.txt: search engines may visit the pages that are for everybody."""
    private = ("/u/", "/d/", "/c/", "/o/", "/confirm/", "/my-data/")
    lines = ["User-agent: *", *(f"Disallow: {web.url(path)}" for path in private)]
    return PlainTextResponse("\n".join(lines) + "\n", headers={"cache-control": "public, max-age=86400"})


async def standing(web: WebContext, name: str, request: Request) -> Response:
    """Return a page that is the same for everybody."""
    await web.find_contact()
    headers = {"cache-control": A_WHILE, "vary": "accept-language", "x-robots-tag": "noarchive"}
    return respond(web.pages.page(name, web.view(request), {}), 200, headers)

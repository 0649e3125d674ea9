"""One web kit: routers under their policies, Starlette's own middleware, one guard around all, one context."""

from __future__ import annotations

from collections.abc import Sequence

import httpx
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from campaigns.app import public_pages
from mailer.errors import StorageAway
from tests.support import web
from tests.support.site import Town, serving
from tests.support.wire import post, said, statuses
from unsubscribe.endpoint import public_app
from unsubscribe.web.application import WebApplication, WebRouter, web_application
from unsubscribe.web.context import WebContext
from unsubscribe.web.security import STRICT, SecurityPolicy, protecting

LOOSE = SecurityPolicy(
    content_security_policy="default-src 'self'",
    resource_policy="cross-origin",
    frame_options="SAMEORIGIN",
    robots="noarchive",
    cache_control="private",
)
OWN = {
    "content-security-policy": "default-src 'self'",
    "cross-origin-resource-policy": "cross-origin",
    "x-frame-options": "SAMEORIGIN",
    "x-robots-tag": "noarchive",
    "cache-control": "private",
}


class Stamped:
    """Middleware as anybody may write it: it answers one path, fails on another, and marks the rest."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-stamped", b"yes")]
            await send(message)

        if scope["type"] == "http" and scope["path"] == "/answered":
            await PlainTextResponse("by the middleware")(scope, receive, send)
        elif scope["type"] == "http" and scope["path"] == "/failed":
            raise ZeroDivisionError
        else:
            await self.app(scope, receive, marked)


async def echo(request: Request) -> Response:
    return PlainTextResponse(request.url.path)


async def own(_: Request) -> Response:
    return PlainTextResponse("own", headers={"cache-control": "public", "content-security-policy": "sandbox"})


async def failed(_: Request) -> Response:
    raise HTTPException(404)


async def broken(_: Request) -> Response:
    raise ZeroDivisionError


def application(town: Town) -> WebApplication:
    """Three routers of two policies."""
    loose = [Route("/loose", echo), Route("/own", own), Route("/failed", failed), Route("/broken", broken)]
    below = Mount("/below", routes=[Route("/page", echo)])
    routers = [WebRouter([Route("/strict", echo)]), WebRouter([*loose, below], LOOSE)]
    return web_application(WebContext(town.deps()), routers)


async def asked(app: ASGIApp, paths: Sequence[str], method: str = "GET") -> list[httpx.Response]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        return [await client.request(method, path) for path in paths]


def strict(answer: httpx.Response) -> bool:
    return all(answer.headers.get(name.decode()) == value.decode() for name, value in protecting(https=False))


async def test_the_answers_of_a_router_have_its_policy_and_the_rest_of_the_protecting_headers(lite_town: Town) -> None:
    app = application(lite_town)
    plain, *loose = await asked(app, ["/strict", "/loose", "/below/page"])
    assert strict(plain)
    for answer in loose:
        others = {name.decode(): value.decode() for name, value in protecting(https=False)}
        assert answer.status_code == 200
        assert {name: answer.headers[name] for name in others} == others | OWN


async def test_a_header_that_a_route_sets_on_purpose_counts_before_that_of_the_policy(lite_town: Town) -> None:
    [answer] = await asked(application(lite_town), ["/own"])
    kept = {
        name: answer.headers.get_list(name) for name in ("cache-control", "content-security-policy", "x-robots-tag")
    }
    assert kept == {"cache-control": ["public"], "content-security-policy": ["sandbox"], "x-robots-tag": ["noarchive"]}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/failed", 404),
        ("GET", "/broken", 500),
        ("GET", "/nowhere", 404),
        ("GET", "/below/nowhere", 404),
        ("POST", "/loose", 405),
        ("OPTIONS", "/loose", 204),
    ],
)
async def test_errors_and_what_no_route_answers_have_the_strict_policy_and_words(
    lite_town: Town, method: str, path: str, status: int
) -> None:
    [answer] = await asked(application(lite_town), [path], method)
    assert answer.status_code == status
    assert strict(answer)
    assert status == 204 or "<h1" in answer.text


async def test_middleware_added_to_starlette_runs_around_the_routes_and_inside_the_guard(lite_town: Town) -> None:
    app = application(lite_town)
    app.starlette.add_middleware(Stamped)
    page, answered, fault = await asked(app, ["/loose", "/answered", "/failed"])
    assert page.headers["x-stamped"] == "yes"
    assert page.headers["x-robots-tag"] == LOOSE.robots
    assert (answered.text, strict(answered)) == ("by the middleware", True)
    assert (fault.status_code, strict(fault)) == (500, True)
    assert 'class="code"' in fault.text


def test_middleware_around_the_readers_routes_runs_on_a_server_and_the_short_way_stays_outside_it(
    lite_town: Town,
) -> None:
    app = public_app(lite_town.deps())
    app.starlette.add_middleware(Stamped)
    with serving(app) as site:
        page = web.get(site.url(lite_town.path()))
        click = said(site, post(lite_town.path(), b"Connection: close"))  # in one piece, as it is for the short way
    assert (page.status_code, page.headers["x-stamped"]) == (200, "yes")
    assert statuses(click) == [b"200"]
    assert b"x-stamped" not in click
    assert lite_town.state() == "opted_out"


async def test_when_the_server_stops_the_one_context_of_all_routers_is_closed(lite_town: Town) -> None:
    app = public_pages(lite_town.deps())
    with serving(app) as site:
        for path in (lite_town.path(), "/archive"):
            assert web.get(site.url(path)).status_code == 200
    with pytest.raises(StorageAway):
        await app.context.read(lambda _: None)
    with pytest.raises(StorageAway):
        await app.context.write(lambda _: None)


def test_the_strict_policy_is_what_an_answer_has_by_itself() -> None:
    assert set(STRICT.headers()) < set(protecting(https=False))

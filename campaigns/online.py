"""Read online: the letter as it was sent, for everybody, for years; and the images of letters.

Promises: ``/o/CODE`` serves the bytes that were stored when the letter was compiled, and runs no template (I8); it
is the same for every visitor and in ten years, also when template, image, campaign file or contacts have changed or
gone. ``/o/CODE.txt`` is its text. ``/m/HASH.ext`` is an image of a letter: named by its content, so it may be kept for
ever, and served so that a browser cannot take it for anything else. A code that is not known, and a campaign that is
not online, are the same 404 (E30). The letter's own styles work, nothing in it can run (E34).

Raises ``StorageError`` when the database is away: 503, by the guard of the endpoint.
"""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TypeVar
from urllib.parse import urlsplit

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from campaigns import records
from campaigns.records import Campaign
from mailer import archive
from mailer.letter.plan import Image
from unsubscribe.endpoint import EndpointDeps
from unsubscribe.endpoint.desk import Desk

Found = TypeVar("Found")
FOR_EVER = "public, max-age=31536000, immutable"
AN_HOUR = "public, max-age=3600"


def routes(deps: EndpointDeps) -> list[BaseRoute]:
    """The routes, to be served beside those of the reader's side."""
    desk = Desk(deps)
    return [
        Route("/o/{code}.txt", partial(text, desk)),
        Route("/o/{code}", partial(page, desk)),
        Route("/o/{code}/", partial(page, desk)),
        Route("/m/{name}", partial(image, desk)),
    ]


def letter_policy(public_url: str) -> str:
    """The Content-Security-Policy of a letter: its inline styles and our images, no script, no frame, no form."""
    parts = urlsplit(public_url)
    ours = f"'self' {parts.scheme}://{parts.netloc}"
    return (
        f"default-src 'none'; img-src {ours} data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )


async def page(desk: Desk, request: Request) -> Response:
    """The letter as a page."""
    campaign, public = _there(await desk.read(partial(_public, request.path_params["code"])))
    headers = _headers(campaign, public.html) | {"content-security-policy": letter_policy(desk.deps.public_url)}
    return _unless_known(request, Response(public.html, 200, headers, "text/html; charset=utf-8"))


async def text(desk: Desk, request: Request) -> Response:
    """The letter as text."""
    campaign, public = _there(await desk.read(partial(_public, request.path_params["code"])))
    return _unless_known(
        request, Response(public.text, 200, _headers(campaign, public.text), "text/plain; charset=utf-8")
    )


async def image(desk: Desk, request: Request) -> Response:
    """An image of a letter, shown by every mail program from everywhere."""
    found = _there(await desk.read(partial(_image, request.path_params["name"])))
    headers = {
        "cache-control": FOR_EVER,
        "etag": f'"{found.sha256}"',
        "cross-origin-resource-policy": "cross-origin",
        "content-security-policy": "default-src 'none'; sandbox",
        "x-robots-tag": "noindex",
    }
    return _unless_known(request, Response(found.data, 200, headers, found.media_type))


def _public(code: str, conn: Connection) -> tuple[Campaign, archive.Public] | None:
    campaign = records.with_online_code(conn, code)
    return (campaign, archive.public(conn, campaign.snapshot)) if campaign and campaign.snapshot else None


def _image(name: str, conn: Connection) -> Image | None:
    return archive.image(conn, name)


def _there(found: Found | None) -> Found:
    if found is None:
        raise HTTPException(404)
    return found


def _headers(campaign: Campaign, data: bytes) -> dict[str, str]:
    robots = "noarchive" if campaign.online == "public" else "noindex, nofollow, noarchive"
    return {
        "cache-control": AN_HOUR,
        "etag": f'"{hashlib.sha256(data).hexdigest()[:32]}"',
        "content-language": campaign.language,
        "x-robots-tag": robots,
    }


def _unless_known(request: Request, response: Response) -> Response:
    """304 for who has these bytes already (RFC 9110 section 13.1.2)."""
    known = request.headers.get("if-none-match", "")
    if response.headers["etag"] not in [tag.strip().removeprefix("W/") for tag in known.split(",")]:
        return response
    kept = {name: value for name, value in response.headers.items() if name not in ("content-length", "content-type")}
    return Response(status_code=304, headers=kept)

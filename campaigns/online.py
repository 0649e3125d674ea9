"""Read online and the archive: letters as they were sent, for everybody, for years; and their images.

Promises: ``/o/CODE`` serves the bytes that were stored when the letter was compiled, and runs no template (I8). It
is the same for every visitor and in ten years, also when template, image, campaign file or contacts have changed or
gone. ``/o/CODE.txt`` is its text. ``/m/HASH.ext`` is an image of a letter. It is named by its content, so it may be
kept for ever, and served so that a browser cannot take it for anything else. An unknown code, and a campaign that is
not online, are the same 404 (E30).
``/archive`` lists public campaigns by month and searches them. ``/archive/SLUG`` serves the same stored bytes under an
address that search engines may keep. ``/archive/feed.xml`` is an Atom feed (RFC 4287).
The metadata of a page (canonical address, Open Graph) and its offer to sign up are in the stored bytes too.
The letter's own styles work, nothing in it can run (E34): letters, their texts and their images are routers of their
own, each with a security policy.

Raises ``StorageError`` when the database is away: 503, by the guard of the endpoint.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from html import escape
from typing import TypeVar
from urllib.parse import urlsplit
from weakref import WeakValueDictionary
from zoneinfo import ZoneInfo

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from campaigns.lifecycle import records
from campaigns.lifecycle.archive_search import ArchiveSearch
from campaigns.lifecycle.records import Campaign
from mailer import archive
from mailer.letter.compiled import Image
from unsubscribe import contacts
from unsubscribe.web.application import WebRouter
from unsubscribe.web.context import WebContext
from unsubscribe.web.dates import day_in_words, month_in_words
from unsubscribe.web.forms import clean
from unsubscribe.web.pages import View, also, respond
from unsubscribe.web.security import SecurityPolicy

Found = TypeVar("Found")
SignUpLink = Callable[[View, Iterable[str]], str]
FOR_EVER = "public, max-age=31536000, immutable"
AN_HOUR = "public, max-age=3600"
FEED, SUMMARY = 30, 300


def routers(web: WebContext, sign_up: SignUpLink) -> list[WebRouter]:
    """Return the routers, to be served beside that of the reader's side; ``sign_up`` makes a link to its form."""
    web.pages.show_archive(web.url("/archive"))
    search = ArchiveSearch()
    texts = SecurityPolicy(cache_control=AN_HOUR)
    pictures = SecurityPolicy(
        content_security_policy="default-src 'none'; sandbox",
        resource_policy="cross-origin",
        robots="noindex",
        cache_control=FOR_EVER,
    )
    return [
        WebRouter([Route("/o/{code}.txt", partial(text, web))], texts),
        WebRouter([Route("/m/{name}", partial(image, Pictures(web)))], pictures),
        WebRouter(
            [
                Route(f"/o/{records.TRIAL_CODE}", partial(tried, web)),
                Route("/archive", partial(overview, web, search, sign_up)),
                Route("/archive/feed.xml", partial(feed, web)),
            ]
        ),
        WebRouter(
            [Route("/o/{code}", partial(page, web)), Route("/archive/{slug}", partial(archived, web))],
            letter_policy(web.deps.public_url),
        ),
    ]


def letter_policy(public_url: str) -> SecurityPolicy:
    """Return the policy of a letter: inline styles, our images, no script, frame or form."""
    parts = urlsplit(public_url)
    ours = f"'self' {parts.scheme}://{parts.netloc}"
    content = (
        f"default-src 'none'; img-src {ours} data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    return SecurityPolicy(content_security_policy=content, cache_control=AN_HOUR)


async def page(web: WebContext, request: Request) -> Response:
    """Return the letter as a page."""
    campaign, public = _there(await web.read(partial(_public, request.path_params["code"])))
    headers = _headers(campaign, public.html)
    return _unless_known(request, Response(public.html, 200, headers, "text/html; charset=utf-8"))


async def tried(web: WebContext, request: Request) -> Response:
    """Answer *read online* of a test mail until its campaign is sent."""
    view = web.view(request)
    _ = view.gettext
    told = _("The letter can be read online here once the campaign is sent.")
    return web.done(view, _("Read online"), (told,), kind="info", trial=True)


async def text(web: WebContext, request: Request) -> Response:
    """Return the letter as text."""
    campaign, public = _there(await web.read(partial(_public, request.path_params["code"])))
    return _unless_known(
        request, Response(public.text, 200, _headers(campaign, public.text), "text/plain; charset=utf-8")
    )


async def image(pictures: Pictures, request: Request) -> Response:
    """Return an image of a letter, shown by every mail program from everywhere."""
    return _unless_known(request, Sent(_there(await pictures.find(request.path_params["name"]))))


class ServedPicture:
    """An image that is being sent, to any number of readers."""

    def __init__(self, image: Image) -> None:
        self.image = image


class Sent(Response):
    """The answer with a picture; it holds the picture until the reader has it."""

    def __init__(self, picture: ServedPicture) -> None:
        self.picture = picture
        headers = {"etag": f'"{picture.image.sha256}"'}
        super().__init__(picture.image.data, 200, headers, picture.image.media_type)


class Pictures:
    """One copy of each picture that is being read or sent, for any number of slow readers."""

    def __init__(self, web: WebContext) -> None:
        self._web = web
        self._sent: WeakValueDictionary[str, ServedPicture] = WeakValueDictionary()
        self._coming: dict[str, asyncio.Task[ServedPicture | None]] = {}

    async def find(self, name: str) -> ServedPicture | None:
        """Return the image of that name, or None. Raises ``StorageError``."""
        if (found := self._sent.get(name)) is not None:
            return found
        if name not in self._coming:
            self._coming[name] = asyncio.create_task(self._read(name))
            self._coming[name].add_done_callback(lambda _: self._coming.pop(name))
        return await asyncio.shield(self._coming[name])

    async def _read(self, name: str) -> ServedPicture | None:
        stored = await self._web.read(partial(_image, name))
        if stored is None:
            return None
        picture = self._sent[name] = ServedPicture(stored)
        return picture


async def archived(web: WebContext, request: Request) -> Response:
    """Return a public campaign: its stored bytes, under its canonical address."""
    slug = request.path_params["slug"]
    campaign, public = _there(await web.read(partial(_archived, slug)))
    canonical = f'<{web.deps.public_url}/archive/{campaign.slug}>; rel="canonical"'
    headers = _headers(campaign, public.html) | {"link": canonical}
    return _unless_known(request, Response(public.html, 200, headers, "text/html; charset=utf-8"))


async def overview(web: WebContext, search: ArchiveSearch, sign_up: SignUpLink, request: Request) -> Response:
    """Return the list, or the campaigns found in it."""
    view = web.view(request)
    wanted = clean(request.query_params.get("q", ""))[:100]
    found, can_join = await web.read(partial(_found, search, wanted))
    months: dict[str, list[dict[str, str]]] = {}
    for campaign in found:
        at = _local(campaign)
        month = month_in_words(at, view.language)
        months.setdefault(month, []).append(_listed(web, campaign, at, view.language))
    context = {
        "words": wanted,
        "count": len(found),
        "months": list(months.items()),
        "action": web.url("/archive"),
        "feed": web.url("/archive/feed.xml"),
        "canonical": f"{web.deps.public_url}/archive",
        "join": sign_up(view, ()) if can_join else "",
        "also": also(request),
    }
    robots = "noindex, noarchive" if wanted else "noarchive"
    headers = {"cache-control": "public, max-age=60", "vary": "accept-language", "x-robots-tag": robots}
    return respond(web.pages.page("archive.html", view, context), 200, headers)


async def feed(web: WebContext, request: Request) -> Response:  # noqa: ARG001 - every route has it
    """Return the newest public campaigns as an Atom feed."""
    entries = await web.read(_newest)
    url = web.deps.public_url
    host = urlsplit(url).hostname or "localhost"
    updated = _local(entries[0][0]) if entries else web.now
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<feed xmlns="http://www.w3.org/2005/Atom">',
        f"<title>{_xml(web.site.name)}</title><id>tag:{host},2024:archive</id>",
        f"<updated>{updated.isoformat(timespec='seconds')}</updated>",
        f'<author><name>{_xml(web.site.name)}</name></author><link rel="self" href="{_xml(url)}/archive/feed.xml"/>',
        f'<link rel="alternate" type="text/html" href="{_xml(url)}/archive"/>',
        *(_entry(url, host, campaign, text) for campaign, text in entries),
        "</feed>",
    ]
    headers = {"cache-control": "public, max-age=300", "x-robots-tag": "noarchive"}
    return Response("\n".join(lines).encode(), 200, headers, "application/atom+xml; charset=utf-8")


def _entry(url: str, host: str, campaign: Campaign, text: str) -> str:
    at = _local(campaign)
    short = " ".join(text.split())[:SUMMARY]
    return (
        f'<entry xml:lang="{_xml(campaign.language)}"><title>{_xml(campaign.subject)}</title>'
        f"<id>tag:{host},{at.date()}:{campaign.id}</id>"
        f"<updated>{at.isoformat(timespec='seconds')}</updated>"
        f'<link rel="alternate" type="text/html" href="{_xml(url)}/archive/{campaign.slug}"/>'
        f"<summary>{_xml(short)}</summary></entry>"
    )


def _listed(web: WebContext, campaign: Campaign, at: datetime, language: str) -> dict[str, str]:
    return {
        "url": web.url(f"/archive/{campaign.slug}"),
        "subject": campaign.subject,
        "language": campaign.language,
        "iso": at.date().isoformat(),
        "day": day_in_words(at, language),
    }


def _local(campaign: Campaign) -> datetime:
    """Return when it was sent, in its own time zone."""
    return _there(campaign.launched_at).astimezone(ZoneInfo(campaign.timezone or "Europe/Amsterdam"))


def _archived(slug: str, conn: Connection) -> tuple[Campaign, archive.Public] | None:
    campaign = records.find(conn, slug)
    if campaign is None or campaign.online != "public" or campaign.launched_at is None:
        return None
    return campaign, archive.public(conn, campaign.snapshot)


def _found(search: ArchiveSearch, wanted: str, conn: Connection) -> tuple[list[Campaign], bool]:
    """Return public campaigns that have each of the words, in subject or text, and whether a reader may sign up."""
    found = search.find(conn, _archive(conn), wanted)
    return found, bool(contacts.topics(conn, only_open=True))


def _archive(conn: Connection) -> list[Campaign]:
    """Return the campaigns of the archive, the newest first."""
    return [campaign for campaign in records.public_campaigns(conn) if campaign.snapshot]


def _newest(conn: Connection) -> list[tuple[Campaign, str]]:
    return [(campaign, archive.public_text(conn, campaign.snapshot)) for campaign in _archive(conn)[:FEED]]


def _xml(text: str) -> str:
    return escape("".join(sign for sign in text if sign.isprintable()))


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
    known = {"etag": f'"{hashlib.sha256(data).hexdigest()[:32]}"', "content-language": campaign.language}
    return known | ({"x-robots-tag": "noarchive"} if campaign.online == "public" else {})


def _unless_known(request: Request, response: Response) -> Response:
    """Return 304 if the client has these bytes already (RFC 9110 section 13.1.2)."""
    known = request.headers.get("if-none-match", "")
    if response.headers["etag"] not in [tag.strip().removeprefix("W/") for tag in known.split(",")]:
        return response
    kept = {name: value for name, value in response.headers.items() if name not in ("content-length", "content-type")}
    return Response(status_code=304, headers=kept)

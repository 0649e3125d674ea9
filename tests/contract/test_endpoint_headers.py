"""Every header of every kind of answer is the one that was kept in ``tests/golden/headers.txt``.

Written by ``python -m tests.contract.test_endpoint_headers``, to be looked at line by line in the difference.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
from sqlalchemy import update

from campaigns.app import public_pages
from campaigns.lifecycle import records
from mailer.storage import open_database
from tests.support import web
from tests.support.archived_letters import CODE, put_online
from tests.support.site import Town, WebServer, serving
from unsubscribe.endpoint import public_app

KEPT = Path(__file__).parent.parent / "golden" / "headers.txt"
PUBLIC = "https://mail.example.org"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
CHANGES = {"content-length", "etag"}  # with each word of a page; that they are there is kept
LETTER, UNLISTED = "alle-blokken", "have-your-say"


def test_the_headers_of_every_answer_are_those_that_were_kept(tmp_path: Path) -> None:
    assert recorded(tmp_path) == KEPT.read_text("utf-8")


def recorded(folder: Path) -> str:
    """The answers of a town, of one whose clock is broken, and of one whose database is away."""
    with closing(open_database(f"sqlite:///{folder}/postiljon.db")) as db:
        town = Town(db)
        put_online(town, PUBLIC)
        with db.write() as conn:
            unlisted = update(records.CAMPAIGN).where(records.CAMPAIGN.c.slug == UNLISTED)
            conn.execute(unlisted.values(online="unlisted"))
        deps = town.deps(public_url=PUBLIC)
        with serving(public_pages(deps)) as site:
            told = [*of_the_reader(site, town), *for_everybody(site), *of_letters(site)]
        with serving(public_app(town.deps(clock=lambda: 1 // 0))) as site:
            told.append(answered("GET /u/TOKEN with a broken clock", web.get(site.url(town.path()))))
        away = open_database("postgresql://nobody@/nothing?host=/nowhere/at/all")
        with closing(away), serving(public_app(town.deps(db=away))) as site:
            told.append(answered("POST /u/TOKEN without a database", web.post(site.url(town.path()), data=ONE_CLICK)))
    return "\n".join(told)


def of_the_reader(site: WebServer, town: Town) -> Iterator[str]:
    """Opt-out, details and sign-up, and what is refused."""
    token, details = town.path(), town.path("d")
    for method, path, shown in (
        ("GET", token, "/u/TOKEN"),
        ("HEAD", token, "/u/TOKEN"),
        ("OPTIONS", token, "/u/TOKEN"),
        ("DELETE", token, "/u/TOKEN"),
        ("GET", token + "/pause", "/u/TOKEN/pause"),
        ("GET", "/u/forged", "/u/forged"),
        ("POST", "/u/forged", "/u/forged"),
        ("GET", details, "/d/TOKEN"),
        ("POST", details, "/d/TOKEN"),
        ("GET", details + "/my-data", "/d/TOKEN/my-data"),
        ("GET", "/subscribe", "/subscribe"),
        ("POST", "/subscribe", "/subscribe"),
        ("GET", "/confirm/forged", "/confirm/forged"),
    ):
        yield answered(f"{method} {shown}", web.request(method, site.url(path)))
    yield answered("POST /u/TOKEN, too much", web.post(site.url(token), content=b"a" * 200_000))
    yield answered("POST /u/TOKEN, one click", web.post(site.url(token), data=ONE_CLICK))
    page = web.post(site.url(town.path(reader=1)))
    yield answered("POST /u/TOKEN, by the button", page)
    [pause] = set(re.findall(r'"(/c/pause/[^"?]+)"', page.text))
    yield answered("GET /c/pause/TOKEN", web.get(site.url(pause)))
    town.now = town.now.replace(year=town.now.year + 1)
    yield answered("GET /c/pause/TOKEN, a year later", web.get(site.url(pause)))


def for_everybody(site: WebServer) -> Iterator[str]:
    """The pages of the house itself, files, and paths that lead nowhere."""
    sheet = re.findall(r'href="(/a/[^"]+\.css)"', web.get(site.url("/")).text)[0]
    for path in ("/", "/privacy", "/accessibility", "/robots.txt", "/.well-known/security.txt", "/health", "/metrics"):
        yield answered(f"GET {path}", web.get(site.url(path)))
    yield answered("GET /a/STYLE", web.get(site.url(sheet)))
    yield answered("GET /a/STYLE, not compressed", web.get(site.url(sheet), headers={"accept-encoding": "identity"}))
    for method, path in (
        ("HEAD", "/"),
        ("OPTIONS", "/"),
        ("POST", "/"),
        ("GET", "/nowhere"),
        ("POST", "/nowhere"),
        ("GET", "/a/nothing.css"),
        ("GET", "/%00"),
    ):
        yield answered(f"{method} {path}", web.request(method, site.url(path)))
    yield answered("GET /a…, too long", web.get(site.url("/" + "a" * 400)))


def of_letters(site: WebServer) -> Iterator[str]:
    """Read online and the archive."""
    code, unlisted = f"/o/{CODE.format(slug=LETTER)}", f"/o/{CODE.format(slug=UNLISTED)}"
    letter = web.get(site.url(code))
    picture = re.findall(r"/m/[0-9a-f]{64}\.[a-z]+", letter.text)[0]
    for path, shown in (
        (code, "/o/CODE"),
        (f"{code}.txt", "/o/CODE.txt"),
        (unlisted, "/o/UNLISTED"),
        (f"{unlisted}.txt", "/o/UNLISTED.txt"),
        (picture, "/m/PICTURE"),
        (f"/archive/{LETTER}", "/archive/SLUG"),
    ):
        for method in ("GET", "HEAD", "OPTIONS", "POST"):
            yield answered(f"{method} {shown}", web.request(method, site.url(path)))
        known = {"if-none-match": web.get(site.url(path)).headers["etag"]}
        yield answered(f"GET {shown}, known", web.get(site.url(path), headers=known))
    for path in ("/o/test", "/o/test.txt", "/o/unknown", "/m/nothing.png", "/archive/nowhere", f"/archive/{UNLISTED}"):
        yield answered(f"GET {path}", web.get(site.url(path)))
    for method, path in (
        ("GET", "/archive"),
        ("HEAD", "/archive"),
        ("POST", "/archive"),
        ("GET", "/archive?q=gemeente"),
        ("GET", "/archive/feed.xml"),
        ("POST", "/o/test"),
    ):
        yield answered(f"{method} {path}", web.request(method, site.url(path)))


def answered(shown: str, answer: httpx.Response) -> str:
    """The status and the headers by their names, each as it came, but for the hour."""
    lines = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers.raw]
    kept = sorted((name, "…" if name in CHANGES else value) for name, value in lines if name != "date")
    return f"{shown}\n{answer.status_code}\n" + "".join(f"{name}: {value}\n" for name, value in kept)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as somewhere:
        sys.stdout.write(f"{KEPT}: {KEPT.write_text(recorded(Path(somewhere)), 'utf-8')} signs\n")

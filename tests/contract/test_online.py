"""Read online and the archive: stored bytes, for everybody, for years, that tell nothing of anybody (I8)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import httpx
import pytest
from sqlalchemy import delete, select, update
from sqlmodel import SQLModel

from campaigns.app import public_pages
from campaigns.lifecycle import freezing, launch, records
from campaigns.lifecycle.records import Campaign
from campaigns.source.campaign_source import from_folder
from mailer import archive
from mailer.letter.brand import builtin_brand
from mailer.storage import Database
from tests.support import web
from tests.support.campaigning import TOPIC, CampaignSetup, campaign_setup
from tests.support.commandline import EXAMPLES
from tests.support.site import KEYRING, PEPPER, WebServer, serving
from unsubscribe import contacts, erasing
from unsubscribe.contacts import Person
from unsubscribe.endpoint import EndpointDeps

ATOM = "{http://www.w3.org/2005/Atom}"
BODY = "\n![De gevels van Gouda](gevels.png)\n\nBekijk de [agenda](https://www.example.org/agenda?a=1&b=2).\n"
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{7*7}} {% raise %}",
    "%",
    "_",
    "' OR 1=1 --",
    "'; DROP TABLE campaign; --",
    "\\",
    "\x00\r\nSet-Cookie: a=b",
    "\u202e\u2066אבג",
    "(a+)+$",
    "a " * 5_000,
    "İ" * 200,
    "\ud7ff\uffff",
]


@dataclass
class Reading:
    """A launched campaign of each kind, and the pages on which they are read."""

    setup: CampaignSetup
    site: WebServer

    def campaign(self, slug: str) -> Campaign:
        with self.setup.db.read() as conn:
            return records.get(conn, slug)

    def stored(self, slug: str) -> archive.Public:
        with self.setup.db.read() as conn:
            return archive.public(conn, records.get(conn, slug).snapshot)

    def code(self, slug: str) -> str:
        return f"/o/{self.campaign(slug).online_code}"

    def get(self, path: str, **more: str) -> httpx.Response:
        return web.get(self.site.url(path), headers=more)

    def image(self) -> str:
        found = re.search(rb"/m/[0-9a-f]{64}\.[a-z]+", self.stored("openbaar").html)
        assert found
        return found[0].decode()


def launched(setup: CampaignSetup, slug: str, kind: str, **more: str) -> None:
    path = setup.write(slug, online=kind, **more)
    path.write_text(path.read_text("utf-8") + BODY, "utf-8")
    campaign = launch.start(setup.config, from_folder(path), setup.clock())
    freezing.freeze(setup.config.db, campaign, setup.clock, lambda: True)
    setup.clock.forward(days=31)


def deps(setup: CampaignSetup, name: str = "Vereniging") -> EndpointDeps:
    return EndpointDeps(
        db=setup.db,
        keyring=KEYRING,
        pepper=PEPPER,
        public_url=setup.config.public_url,
        brand=builtin_brand(name),
        contact_address="info@vng.nl",
        clock=setup.clock,
    )


@pytest.fixture
def reading(sqlite_database: Database, tmp_path: Path) -> Iterator[Reading]:
    setup = campaign_setup(sqlite_database, tmp_path)
    (tmp_path / "gevels.png").write_bytes((EXAMPLES / "gevels.png").read_bytes())
    with setup.db.write() as conn:
        who = contacts.add(conn, Person("esther.jansen@gouda.example", "Esther Jansen", "nl"), PEPPER, setup.clock())
        contacts.subscribe(conn, who.id, contacts.topic(conn, TOPIC).id, setup.clock())
    launched(setup, "openbaar", "public")
    launched(setup, "besloten", "unlisted")
    launched(setup, "nergens", "none")
    given = deps(setup)
    with serving(public_pages(given)) as site:
        yield Reading(setup, site)


@pytest.mark.parametrize("slug", ["openbaar", "besloten"])
def test_the_letter_and_its_text_are_the_bytes_that_were_stored(reading: Reading, slug: str) -> None:
    page, text = reading.get(reading.code(slug)), reading.get(reading.code(slug) + ".txt")
    assert (page.status_code, page.content) == (200, reading.stored(slug).html)
    assert (text.status_code, text.content) == (200, reading.stored(slug).text)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert reading.get(reading.code(slug) + "/").content == page.content


def test_the_bytes_stay_when_file_image_brand_contact_and_topic_went(reading: Reading) -> None:
    paths = [reading.code("openbaar"), reading.code("openbaar") + ".txt", reading.image(), "/archive/openbaar"]
    before = [reading.get(path).content for path in paths]
    setup, contact = reading.setup, SQLModel.metadata.tables["contact"]
    for file in setup.folder.iterdir():
        file.unlink() if file.suffix in (".md", ".png") else None
    with setup.db.write() as conn:
        for number in conn.execute(select(contact.c.id)).scalars().all():
            erasing.erase(conn, number, setup.clock())
        conn.execute(update(records.CAMPAIGN).values(source="{{ 1 / 0 }}", subject="anders", parts="{}"))
    setup.clock.forward(days=3_650)
    another = replace(deps(setup, "Een heel andere naam"), default_language="fr")
    with serving(public_pages(another)) as later:
        assert [web.get(later.url(path)).content for path in paths] == before


def test_the_letter_is_the_same_for_every_visitor_and_every_language(reading: Reading) -> None:
    asked = [{}, {"accept-language": "fr"}, {"user-agent": "robot"}, {"cookie": "a=b"}]
    assert len({reading.get(reading.code("openbaar"), **headers).content for headers in asked}) == 1
    assert reading.get(reading.code("openbaar") + "?lang=de").content == reading.stored("openbaar").html


def test_nothing_in_a_letter_can_run_and_nobody_can_frame_it(reading: Reading) -> None:
    for path in (reading.code("openbaar"), "/archive/openbaar"):
        headers = reading.get(path).headers
        rules = dict(rule.strip().split(" ", 1) for rule in headers["content-security-policy"].split(";"))
        assert rules["default-src"] == rules["form-action"] == rules["base-uri"] == rules["frame-ancestors"] == "'none'"
        assert rules["img-src"] == "'self' https://mail.example.org data:"
        assert "script-src" not in rules
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["content-language"] == "nl"
        assert headers["cache-control"] == "public, max-age=3600"
        assert "set-cookie" not in headers


def test_search_engines_keep_only_what_is_public_and_by_one_address(reading: Reading) -> None:
    assert reading.get(reading.code("besloten")).headers["x-robots-tag"] == "noindex, nofollow, noarchive"
    assert reading.get("/archive/openbaar").headers["x-robots-tag"] == "noarchive"
    link = reading.get("/archive/openbaar").headers["link"]
    assert link == '<https://mail.example.org/archive/openbaar>; rel="canonical"'


def test_the_stored_letter_names_its_lasting_address_and_offers_an_open_topic_to_whom_it_was_forwarded(
    reading: Reading,
) -> None:
    for slug, address in (("openbaar", "/archive/openbaar"), ("besloten", reading.code("besloten"))):
        html = reading.stored(slug).html.decode()
        assert f'<link rel="canonical" href="https://mail.example.org{address}">' in html
        assert f'<meta property="og:url" content="https://mail.example.org{address}">' in html
        assert '<meta property="og:description" content="een dialoog">' in html
        assert "/subscribe" not in html  # strangers may not join this topic
    with reading.setup.db.write() as conn:
        contacts.describe_topic(conn, contacts.topic(conn, TOPIC).id, is_open=True, names={"nl": "Ledennieuws"})
    launched(reading.setup, "open", "public")
    page = reading.get("/archive/open").text
    assert "Wilt u Ledennieuws ook per mail ontvangen?" in page
    link = re.search(r'href="https://mail.example.org(/subscribe[^"]+)"', page)
    assert link
    form = reading.get(unescape(link[1]))
    assert form.status_code == 200
    assert 'lang="nl"' in form.text
    assert "checked" not in form.text


def test_an_image_is_what_was_stored_and_is_kept_for_ever(reading: Reading) -> None:
    answer = reading.get(reading.image())
    with reading.setup.db.read() as conn:
        kept = archive.image(conn, reading.image().removeprefix("/m/"))
    assert kept
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, kept.data, kept.media_type)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"


def test_who_has_the_bytes_already_gets_no_second_copy(reading: Reading) -> None:
    for path in (reading.code("openbaar"), reading.code("openbaar") + ".txt", reading.image(), "/archive/openbaar"):
        tag = reading.get(path).headers["etag"]
        for sent in (tag, f"W/{tag}", f'"x", {tag}'):
            again = reading.get(path, **{"if-none-match": sent})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert reading.get(path, **{"if-none-match": '"x"'}).status_code == 200


def test_head_gives_the_headers_of_get_and_no_body(reading: Reading) -> None:
    for path in (reading.code("openbaar"), reading.image(), "/archive", "/archive/openbaar", "/archive/feed.xml"):
        head, full = web.head(reading.site.url(path)), reading.get(path)
        assert (head.status_code, head.content) == (200, b"")
        for name in ("content-type", "content-length", "cache-control", "content-security-policy"):
            assert head.headers[name] == full.headers[name]


def test_what_is_not_there_or_not_online_is_one_and_the_same_404(reading: Reading) -> None:
    generic = reading.get("/o/unknown")
    assert generic.status_code == 404
    image, snapshot = reading.image(), reading.campaign("openbaar").snapshot
    with reading.setup.db.read() as conn:
        blobs = conn.execute(select(archive.BLOB.c.hash).where(~archive.BLOB.c.media_type.like("image/%"))).scalars()
        texts = [f"/m/{name}.{end}" for name in blobs for end in ("png", "html", "json")]
    for path in [
        *(reading.code("nergens"), reading.code("nergens") + ".txt", reading.code("openbaar").upper() + "x"),
        *("/archive/besloten", "/archive/nergens", "/archive/nowhere", "/archive/openbaar.txt"),
        *(image[:-5], image[:-4] + ".svg", image.replace("/m/", "/m/..%2f"), f"/m/{snapshot}.png", *texts),
        *("/o/..%2f..%2fetc%2fpasswd", "/o/%00", "/m/", "/o/'%20OR%201=1", "/archive/%3Cscript%3E"),
    ]:
        answer = reading.get(path)
        assert (path, answer.status_code) == (path, 404)
        assert answer.text == generic.text


def test_a_campaign_that_was_not_launched_is_nowhere(reading: Reading) -> None:
    before = reading.get("/archive").content
    with reading.setup.db.write() as conn:
        never = update(records.CAMPAIGN).where(records.CAMPAIGN.c.slug == "besloten")
        conn.execute(never.values(launched_at=None, online="public"))
    assert reading.get("/archive").content == before
    assert reading.get(reading.code("besloten")).status_code == 404
    assert reading.get("/archive/besloten").status_code == 404


def test_pages_for_everybody_hold_no_link_token_or_address_of_anybody(reading: Reading) -> None:
    paths = [reading.code(slug) + end for slug in ("openbaar", "besloten") for end in ("", ".txt")]
    for path in [*paths, "/archive", "/archive/openbaar", "/archive/feed.xml", "/archive?q=nodigen"]:
        text = reading.get(path).text
        assert not re.search(r"/[udc]/[A-Za-z0-9_-]{20,}", text), path
        assert not re.search(r"\{\{|\{%|\}\}", text), path
        for word in ("Esther", "esther.jansen", "gouda.example", "lezer0", "bounce@"):
            assert word not in text, (path, word)


def test_the_archive_lists_public_campaigns_alone(reading: Reading) -> None:
    page = reading.get("/archive").text
    assert re.findall(r'href="(/archive/[^"]+)"', page).count("/archive/openbaar") == 1
    assert "besloten" not in page
    assert "nergens" not in page
    assert "september 2024" in page
    for slug in ("besloten", "nergens"):
        assert reading.campaign(slug).online_code not in page


def test_the_archive_is_found_by_words_of_subject_and_text_in_any_case(reading: Reading) -> None:
    launched(reading.setup, "tweede", "public", date="2024-12-01")
    for words in ("NODIGEN", "denkt hierbij", "gevels", "AGENDA denkt"):
        assert reading.get(f"/archive?q={words}").text.count('<li><a href="/archive/') == 2, words
    nothing = reading.get("/archive?q=waterschap")
    assert "/archive/openbaar" not in nothing.text
    assert nothing.headers["x-robots-tag"] == "noindex, noarchive"


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_to_search_for_are_words_to_search_for(reading: Reading, words: str) -> None:
    before = reading.get("/archive").content
    answer = web.get(reading.site.url("/archive"), params={"q": words})
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert not re.search(r"<script|<img[^>]+onerror", answer.text)
    assert "49" not in re.sub(r'value="[^"]*"|href="[^"]*"', "", answer.text)
    assert reading.get("/archive").content == before


@pytest.mark.parametrize("query", ["q=%ff%fe", "q=%", "q[]=a", "q=a&q=b", "page=-1", "&&&", "q=%ed%a0%80"])
def test_a_query_that_is_none_harms_nothing(reading: Reading, query: str) -> None:
    assert reading.get(f"/archive?{query}").status_code == 200


def test_the_feed_is_atom_with_lasting_names_and_what_is_public(reading: Reading) -> None:
    launched(reading.setup, "tweede", "public")
    answer = reading.get("/archive/feed.xml")
    assert answer.headers["content-type"] == "application/atom+xml; charset=utf-8"
    feed = ElementTree.fromstring(answer.content)
    entries = feed.findall(f"{ATOM}entry")
    links = [entry.find(f"{ATOM}link") for entry in entries]
    assert [link.get("href") for link in links if link is not None] == [
        "https://mail.example.org/archive/tweede",
        "https://mail.example.org/archive/openbaar",
    ]
    names = [entry.findtext(f"{ATOM}id") or "" for entry in entries]
    assert len(set(names)) == 2
    assert all(name.startswith("tag:mail.example.org,2024-") for name in names)
    assert feed.findtext(f"{ATOM}updated") == entries[0].findtext(f"{ATOM}updated")
    for needed in ("id", "title", "updated"):
        assert feed.findtext(f"{ATOM}{needed}")
        assert all(entry.findtext(f"{ATOM}{needed}") for entry in entries)


def test_a_subject_that_looks_like_markup_is_text_in_list_and_feed(reading: Reading) -> None:
    nasty = "]]></title><script>alert(1)</script> & \u202e\x0b <b>"
    with reading.setup.db.write() as conn:
        conn.execute(update(records.CAMPAIGN).values(subject=nasty))
    assert "<script" not in reading.get("/archive").text
    feed = ElementTree.fromstring(reading.get("/archive/feed.xml").content)
    assert "<script>alert(1)</script> &" in (feed.findtext(f"{ATOM}entry/{ATOM}title") or "")


def test_a_search_and_a_chosen_language_go_on_together(reading: Reading) -> None:
    page = reading.get("/archive?q=agenda&lang=en").text
    assert 'href="?lang=de&amp;q=agenda"' in page
    assert '<input type="hidden" name="lang" value="en">' in page
    assert 'href="/archive?lang=en"' in page
    assert 'name="lang"' not in reading.get("/archive?q=agenda").text


def test_an_archive_of_nothing_says_so(reading: Reading) -> None:
    with reading.setup.db.write() as conn:
        conn.execute(update(records.CAMPAIGN).values(online="unlisted"))
    assert reading.get("/archive").status_code == 200
    assert ElementTree.fromstring(reading.get("/archive/feed.xml").content).findall(f"{ATOM}entry") == []


def test_bytes_that_are_damaged_or_gone_are_not_served(reading: Reading) -> None:
    with reading.setup.db.write() as conn:
        conn.execute(update(archive.BLOB).where(archive.BLOB.c.media_type.like("text/html%")).values(data=b"<p>other"))
    assert reading.get(reading.code("openbaar")).status_code == 503
    with reading.setup.db.write() as conn:
        conn.execute(delete(archive.BLOB).where(archive.BLOB.c.media_type.like("text/plain%")))
    assert reading.get(reading.code("openbaar") + ".txt").status_code == 503


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE"])
def test_nothing_can_be_written_to_what_is_read(reading: Reading, method: str) -> None:
    for path in (reading.code("openbaar"), "/archive", reading.image()):
        assert web.request(method, reading.site.url(path)).status_code == 405

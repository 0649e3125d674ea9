"""Below a path of the public address every page is there, with the path and without it, and its links lead on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from campaigns.app import public_pages
from tests.support import web
from tests.support.site import Town, WebServer, serving

BASES = ["/post", "/a/b/nieuws", "/é t", "/u"]
OPEN = ("/", "/subscribe", "/archive", "/archive/feed.xml", "/privacy", "/accessibility", "/robots.txt", "/health")


@pytest.fixture(params=BASES)
def base(request: pytest.FixtureRequest) -> str:
    """The path, as it stands in a link."""
    return quote(request.param)


@pytest.fixture
def below(lite_town: Town, base: str) -> Iterator[WebServer]:
    """The pages of a town whose public address has that path."""
    deps = lite_town.deps(public_url=f"https://example.org{base}")
    with serving(public_pages(deps)) as running:
        yield running


def test_every_page_is_answered_with_and_without_the_path_and_its_links_have_it(
    lite_town: Town, below: WebServer, base: str
) -> None:
    pages = [*OPEN, "/.well-known/security.txt", lite_town.path(), lite_town.path("d"), lite_town.path() + "/pause"]
    for page in pages:
        for start in ("", base):
            answer = web.get(below.url(start + page))
            assert answer.status_code == 200, start + page
            for link in re.findall(r'(?:href|src|action)="(/[^"?#]*)', answer.text):
                assert link.startswith(base), (page, link)
                assert web.get(below.url(link)).status_code == 200, link
            assert "location" not in answer.headers
            assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("start", ["base", ""])
def test_one_click_and_the_ways_back_work_below_the_path(
    lite_town: Town, below: WebServer, base: str, start: str
) -> None:
    """Expected: opted out by a POST, then taken back by the form that the answer holds, at the address it names."""
    begin = base if start else ""
    page = web.post(below.url(begin + lite_town.path())).text
    assert lite_town.state() == "opted_out"
    [undo] = set(re.findall(r'"(/[^"]*/c/undo/[^"]*)"', page))
    assert undo.startswith(base)
    assert web.post(below.url(undo)).status_code == 200
    assert lite_town.state() == "subscribed"


@pytest.mark.parametrize("behind", ["/", "//", ")", ".", "&utm_source=x", "%3E", "%E2%80%9D", "?utm_source=x"])
def test_what_slipped_in_behind_a_link_loses_no_body(lite_town: Town, site: WebServer, behind: str) -> None:
    """Expected: leaving all mail, which stands in the form, is done as it was asked; nothing redirects."""
    answer = web.post(site.url(lite_town.path() + behind), data={"scope": "all"})
    assert answer.status_code == 200
    assert "location" not in answer.headers
    assert (lite_town.state(), lite_town.state(topic="agenda")) != ("subscribed", "subscribed")
    assert lite_town.state(topic="agenda") in ("", "opted_out")


@pytest.mark.parametrize("path", ["//evil.example", "//evil.example/u/x", "/%2F%2Fevil.example/", "/\\evil.example"])
def test_no_path_leads_to_another_host(site: WebServer, path: str) -> None:
    answer = web.get(site.url(path))
    assert answer.status_code == 404
    assert "evil" not in str(answer.headers)

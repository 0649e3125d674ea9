"""In which language a page is, and that it stays so from page to page."""

from __future__ import annotations

import re

from tests.support import web
from tests.support.site import Town, WebServer


def test_pages_are_in_the_readers_language_else_in_that_of_the_browser(lite_town: Town, site: WebServer) -> None:
    def language(path: str, **headers: str) -> str:
        return web.get(site.url(path), headers=headers).text.split('lang="')[1][:2]

    assert language(lite_town.path(reader=1), **{"accept-language": "fr"}) == "en"
    assert language("/privacy", **{"accept-language": "fr"}) == "fr"
    assert language("/privacy", **{"accept-language": "xx"}) == "nl"
    assert language(lite_town.path() + "?lang=de") == "de"
    assert language("/u/x?lang=%3Cscript%3E", **{"accept-language": "fr"}) == "fr"


def test_a_language_that_was_chosen_stays_from_page_to_page(lite_town: Town, site: WebServer) -> None:
    left = web.post(site.url(lite_town.path() + "?lang=fr")).text
    inside = left.partition("<main")[2].partition("</main>")[0]
    links = re.findall(r'(?:href|action)="([^"]+)"', inside)
    assert len(links) == 6
    assert all(link.endswith("?lang=fr") for link in links)
    for kind in ("less-often", "pause", "topics"):
        form = web.get(site.url(next(link for link in links if f"/{kind}/" in link))).text
        target = re.findall(r'action="([^"]+)"', form)[0]
        assert target.endswith("?lang=fr")
        assert '<html lang="fr"' in web.post(site.url(target)).text
    found = web.get(site.url("/subscribe?lang=fr")).text
    assert 'href="/privacy?lang=fr"' in found.partition("<form")[2].partition("</form>")[0]

"""The links of a test mail lead to the pages that a reader sees; they say that it is a test, and do nothing."""

from __future__ import annotations

import pytest

from mailer.signing import Purpose
from mailer.storage import Database
from tests.support import web
from tests.support.site import Town, serving
from unsubscribe.endpoint import public_app
from unsubscribe.tokens import Tokens, trial, trial_topic

TEST = {
    "en": "This is a test email.",
    "nl": "Dit is een testmail.",
    "de": "Dies ist eine Test-E-Mail.",
    "fr": "Ceci est un e-mail de test.",
}
PATHS = ["/u/{u}", "/u/{u}/", "/u/{u}/less-often", "/u/{u}/pause", "/d/{d}", "/d/{d}/my-data"]


@pytest.fixture
def town(sqlite_database: Database) -> Town:
    return Town(sqlite_database)


def link(town: Town, purpose: Purpose, topic: int) -> str:
    return town.tokens.trial_url("", purpose, topic).rpartition("/")[2]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("language", TEST)
@pytest.mark.parametrize("known", [True, False])
def test_each_page_says_so_and_changes_nothing(town: Town, path: str, language: str, known: bool) -> None:
    topic = town.topics[0].id if known else 0
    before = town.everything()
    with serving(public_app(town.deps())) as site:
        url = site.url(path.format(u=link(town, Purpose.OPT_OUT, topic), d=link(town, Purpose.DETAILS, topic)))
        for answer in (
            web.get(f"{url}?lang={language}"),
            web.post(f"{url}?lang={language}", data={"List-Unsubscribe": "One-Click"}),
            web.post(f"{url}?lang={language}", data={"email": "new@x.example", "scope": "all", "name": "X"}),
        ):
            assert answer.status_code == 200
            assert TEST[language] in answer.text
    assert town.everything() == before


def test_the_page_shows_what_a_reader_sees_and_nobody(town: Town) -> None:
    with serving(public_app(town.deps())) as site:
        real = web.get(site.url(town.path() + "?lang=en")).text
        tried = web.get(site.url(f"/u/{link(town, Purpose.OPT_OUT, town.topics[0].id)}?lang=en")).text
    for shown in ("Association news", "Receive fewer emails", "<form method="):
        assert shown in real
        assert shown in tried
    assert "r•••@e•••.org" in tried
    assert TEST["en"] not in real


@pytest.mark.parametrize("purpose", [Purpose.OPT_OUT, Purpose.DETAILS])
def test_such_a_link_can_be_taken_for_nobodys(purpose: Purpose) -> None:
    token = trial(purpose, 7)
    assert trial_topic(token) == 7
    assert token.recipient > 2**39
    assert trial_topic(type(token)(purpose, 1, token.recipient)) is None
    assert trial_topic(type(token)(purpose, 0, 7)) is None


def test_a_forged_one_is_no_link_of_ours(town: Town) -> None:
    other = Tokens(type(town.tokens.keyring).of([b"z" * 32]))
    with serving(public_app(town.deps())) as site:
        assert web.get(site.url(other.trial_url("", Purpose.OPT_OUT, 1))).status_code == 404

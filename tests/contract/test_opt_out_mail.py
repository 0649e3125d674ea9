"""Where the organisation turned it on, who opts out gets one mail about it, with a way back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from mailer import outbox
from mailer.storage import Database
from tests.support import web
from tests.support.site import Town, serving
from unsubscribe import erasing
from unsubscribe.endpoint import EndpointDeps, public_app
from unsubscribe.settings import ReaderSettings

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def town(house_database: Database) -> Town:
    return Town(house_database, languages=("nl",))


def telling(town: Town) -> EndpointDeps:
    """The public door with the mail turned on."""
    return town.deps(settings=ReaderSettings(opt_out_mail=True))


def test_one_mail_however_often_the_link_is_used(town: Town) -> None:
    with serving(public_app(telling(town))) as site:
        url = site.url(town.path())
        assert [web.post(url, data=ONE_CLICK).status_code for _ in range(3)] == [200] * 3
        with ThreadPoolExecutor(4) as pool:
            again = pool.map(lambda _: web.post(url, data=ONE_CLICK).status_code, range(8))
        assert set(again) == {200}
    (number,) = town.letters("opted_out")
    with town.db.read() as conn:
        mailing = outbox.get(conn, number)
        (sent,) = [item for item in outbox.posted_to(conn, town.readers[0].id) if item.kind == "service"]
    assert (mailing.counts.recipients, mailing.audience_complete) == (1, True)
    assert sent.address == town.readers[0].email


def test_readers_who_leave_at_the_same_moment_each_get_their_own(town: Town) -> None:
    with serving(public_app(telling(town))) as site, ThreadPoolExecutor(3) as pool:
        urls = [site.url(town.path(reader=number)) for number in range(3)]
        answers = pool.map(lambda url: web.post(url, data=ONE_CLICK).status_code, urls)
        assert list(answers) == [200] * 3
    with town.db.read() as conn:
        told = [[item.kind for item in outbox.posted_to(conn, reader.id)] for reader in town.readers]
    assert told == [["campaign", "service"]] * 3


def test_the_way_back_in_it_puts_the_reader_back_and_the_mail_is_claimed_though_they_left(town: Town) -> None:
    with serving(public_app(telling(town))) as site:
        web.post(site.url(town.path()), data=ONE_CLICK)
        undo = town.letter("opted_out", "undo")
        with town.db.write() as conn:
            (number,) = town.letters("opted_out")
            assert len(outbox.claim(conn, 1, {number: 1}, town.now)) == 1
        assert town.state() == "opted_out"
        town.now += timedelta(days=2)
        assert web.get(site.url(undo)).status_code == 200
        assert town.state() == "opted_out"
        assert web.post(site.url(undo)).status_code == 200
    assert town.state() == "subscribed"


def test_without_the_setting_there_is_no_mail(town: Town) -> None:
    with serving(public_app(town.deps())) as site:
        assert web.post(site.url(town.path()), data=ONE_CLICK).status_code == 200
    assert (town.state(), town.letters("opted_out")) == ("opted_out", [])


def test_a_genuine_link_of_somebody_who_is_gone_sends_nothing(town: Town) -> None:
    with town.db.write() as conn:
        erasing.erase(conn, town.readers[0].id, town.now)
    with serving(public_app(telling(town))) as site:
        assert web.post(site.url(town.path()), data=ONE_CLICK).status_code == 200
    assert town.letters("opted_out") == []

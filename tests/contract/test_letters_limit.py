"""Letters of service to one mailbox are counted in one place, whatever asks for them and however it is spelled (M3)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from mailer.errors import StateError
from mailer.outbox import Recipient
from mailer.outbox.tables import MAILING
from mailer.signing import address_hash
from mailer.storage import Database
from tests.support import web
from tests.support.people import NOW, PEPPER, ReaderSetup
from tests.support.site import Town, WebServer, serving
from unsubscribe import changes, notices, signup
from unsubscribe.endpoint import public_app
from unsubscribe.notices import ANNOUNCES, BY_LINK, MOST_A_DAY, MOST_BY_LINK, NoticeKind
from unsubscribe.settings import ReaderSettings

SPELLINGS = ("victim@gouda.example", "Vic.Tim@gouda.example", "victim+1@gouda.example", "victim+2@gouda.example")
DROPPED: list[NoticeKind] = sorted(MOST_A_DAY.keys() - ANNOUNCES)


@pytest.fixture
def setup(house_database: Database) -> ReaderSetup:
    return ReaderSetup(house_database)


@pytest.fixture
def town(sqlite_database: Database) -> Town:
    return Town(sqlite_database, languages=("nl",))


@pytest.fixture
def site(town: Town) -> Iterator[WebServer]:
    with serving(public_app(town.deps(settings=ReaderSettings(opt_out_mail=True)))) as running:
        yield running


def send(setup: ReaderSetup, notice: NoticeKind, email: str = SPELLINGS[0], hours: int = 0) -> bool:
    now = NOW + timedelta(hours=hours)
    with setup.db.write() as conn:
        act = changes.keep(conn, setup.reader.id, "my_data", ({}, {}), now)
        to = Recipient(setup.reader.id, email, address_hash(PEPPER, email.lower()), "gouda.example")
        before = setup.service_mail.spent(conn, notice, to, now)
        sent = setup.service_mail.send(conn, notice, act, to, "nl", now)
        assert before is not sent
        return sent


def letters(setup: ReaderSetup, notice: str) -> int:
    with setup.db.read() as conn:
        query = select(func.count()).select_from(MAILING).where(MAILING.c.key.like(f"{notice}:%"))
        return conn.execute(query).scalar_one()


@pytest.mark.parametrize("notice", DROPPED)
def test_a_mailbox_gets_so_many_letters_of_a_kind_a_day_in_whatever_spelling(
    setup: ReaderSetup, notice: NoticeKind
) -> None:
    sent = [send(setup, notice, SPELLINGS[number % 4], number % 20) for number in range(12)]
    assert sent == [number < MOST_A_DAY[notice] for number in range(12)]
    assert letters(setup, notice) == MOST_A_DAY[notice]
    assert send(setup, notice, hours=25)


def test_letters_that_links_bring_about_are_counted_together(setup: ReaderSetup) -> None:
    announced = [notice for notice in sorted(ANNOUNCES) for _ in range(MOST_A_DAY[notice])]
    assert [send(setup, notice) for notice in announced] == [True] * MOST_BY_LINK
    assert [send(setup, notice) for notice in sorted(BY_LINK - ANNOUNCES)] == [False, False]
    assert send(setup, "my_data", hours=25)


@pytest.mark.parametrize("notice", sorted(ANNOUNCES))
def test_an_announcement_is_refused_by_its_own_limit_alone_and_that_is_known_before_any_lock(
    setup: ReaderSetup, notice: NoticeKind
) -> None:
    for one in (other for other in sorted(BY_LINK - {notice}) for _ in range(MOST_A_DAY[other])):
        send(setup, one)
    assert [send(setup, notice) for _ in range(MOST_A_DAY[notice])] == [True] * MOST_A_DAY[notice]
    with setup.db.read() as conn:
        assert setup.service_mail.spent(conn, notice, to_victim(setup), NOW)
    with pytest.raises(StateError):
        send_only(setup, notice)
    assert send(setup, notice, hours=25)


def test_neither_links_nor_strangers_keep_the_letters_of_the_other_sort_away(setup: ReaderSetup) -> None:
    strangers: list[NoticeKind] = ["optin_confirm", "address_change_new"]
    links = [notice for notice in sorted(ANNOUNCES) for _ in range(MOST_A_DAY[notice])]
    assert [send(setup, notice) for notice in links] == [True] * MOST_BY_LINK
    assert [send(setup, notice) for notice in strangers] == [True, True]
    later = [send(setup, notice, hours=25) for notice in [*strangers * 2, *links]]
    assert later == [True, True, False, True] + [True] * MOST_BY_LINK


def test_one_forwarded_letter_brings_a_handful_of_letters_into_its_mailbox(site: WebServer, town: Town) -> None:
    details, post = site.url(town.path("d")), web.post
    for number in range(12):
        post(details, data={"name": f"Name {number}"})
        post(details, data={"email": f"n{number}@delft.example"})
        left = post(site.url(town.path()), data={}).text
        post(site.url("/c/undo/" + left.partition('action="/c/undo/')[2].partition('"')[0]))
        post(details + "/my-data")
        post(site.url("/subscribe"), data={"topic": "nieuws", "website": "", "email": town.readers[0].email})
    assert sum(len(town.letters(notice)) for notice in BY_LINK) <= MOST_BY_LINK + 4
    assert len(town.letters("optin_confirm")) == 1


def test_a_letter_of_one_kind_keeps_none_of_another_away(setup: ReaderSetup) -> None:
    for _ in range(5):
        send(setup, "opted_out")
    assert [send(setup, notice) for notice in DROPPED if notice != "opted_out"] == [True] * (len(DROPPED) - 1)


@pytest.mark.parametrize("notice", sorted(ANNOUNCES))
def test_a_change_that_cannot_be_announced_any_more_is_refused(setup: ReaderSetup, notice: NoticeKind) -> None:
    for _ in range(MOST_A_DAY[notice]):
        assert send(setup, notice)
    before = len(setup.contact().attributes), letters(setup, notice)
    with pytest.raises(StateError):
        send_only(setup, notice)
    assert (len(setup.contact().attributes), letters(setup, notice)) == before
    with setup.db.read() as conn:
        assert len(changes.of_contact(conn, setup.reader.id)) == MOST_A_DAY[notice]


def to_victim(setup: ReaderSetup) -> Recipient:
    return Recipient(setup.reader.id, SPELLINGS[0], b"h" * 16, "gouda.example")


def send_only(setup: ReaderSetup, notice: NoticeKind) -> None:
    with setup.db.write() as conn:
        act = changes.keep(conn, setup.reader.id, "my_data", ({}, {}), NOW)
        setup.service_mail.send(conn, notice, act, to_victim(setup), "nl", NOW)


def test_the_same_letter_asked_for_again_is_there_and_counts_once(setup: ReaderSetup) -> None:
    with setup.db.write() as conn:
        act = changes.keep(conn, setup.reader.id, "my_data", ({}, {}), NOW)
        to = notices.recipient_of(setup.reader)
        assert [setup.service_mail.send(conn, "opted_out", act, to, "nl", NOW) for _ in range(9)] == [True] * 9
        assert not setup.service_mail.spent(conn, "opted_out", to, NOW)
    assert letters(setup, "opted_out") == 1


def test_leaving_and_coming_back_in_a_loop_always_works_and_sends_a_few_letters(site: WebServer, town: Town) -> None:
    for _ in range(12):
        answer = web.post(site.url(town.path()), data={})
        assert (answer.status_code, town.state()) == (200, "opted_out")
        undo = answer.text.partition('action="/c/undo/')[2].partition('"')[0]
        assert web.post(site.url(f"/c/undo/{undo}")).status_code == 200
        assert town.state() == "subscribed"
    assert len(town.letters("opted_out")) == MOST_A_DAY["opted_out"]


def held(town: Town, **given: Any) -> Any:
    """The answer to a POST while somebody else has SQLite's lock for good."""
    with town.db.write():
        return web.post(**given)


def test_a_try_over_a_limit_is_answered_while_somebody_else_has_the_lock(site: WebServer, town: Town) -> None:
    form = {"topic": "nieuws", "website": ""}
    for number in range(signup.PEER_AN_HOUR):
        web.post(site.url("/subscribe"), data=form | {"email": f"p{number}@d{number}.example"})
    last = web.post(site.url("/subscribe"), data=form | {"email": "q@d1.example"})
    over = held(town, url=site.url("/subscribe"), data=form | {"email": "r@d1.example"})
    assert (over.status_code, over.text) == (200, last.text.replace("q@d1.example", "r@d1.example"))
    assert held(town, url=site.url("/subscribe"), data=form | {"email": "no address"}).status_code == 422
    assert len(town.letters("optin_confirm")) == signup.PEER_AN_HOUR


def test_asking_for_my_data_again_takes_no_lock(site: WebServer, town: Town) -> None:
    url = site.url(town.path("d") + "/my-data")
    first = web.post(url)
    again = held(town, url=url)
    assert (again.status_code, again.text) == (200, first.text)
    assert len(town.letters("my_data")) == 1


def test_changes_over_the_limit_of_a_day_are_refused_without_a_lock(site: WebServer, town: Town) -> None:
    url = site.url(town.path("d"))
    for number in range(MOST_A_DAY["details_changed"]):
        assert web.post(url, data={"name": f"Name {number}"}).status_code == 200
    assert held(town, url=url, data={"name": "One more"}).status_code == 429
    assert len(town.letters("details_changed")) == MOST_A_DAY["details_changed"]


def test_wishes_to_move_over_the_limit_of_a_day_are_refused_without_a_lock(site: WebServer, town: Town) -> None:
    url = site.url(town.path("d"))
    for number in range(MOST_A_DAY["address_change_old"]):
        assert web.post(url, data={"email": f"n{number}@delft.example"}).status_code == 200
    assert held(town, url=url, data={"email": "one@delft.example"}).status_code == 429
    assert held(town, url=url, data={"email": "no address"}).status_code == 422
    assert web.post(url, data={"name": "Still"}).status_code == 200


def test_many_readers_links_send_one_stranger_few_letters(site: WebServer, town: Town) -> None:
    for reader in range(3):
        for spelling in (*SPELLINGS[:2], r'"vic\tim"@gouda.example'):
            assert web.post(site.url(town.path("d", reader)), data={"email": spelling}).status_code in (200, 429)
    assert len(town.letters("address_change_new")) == MOST_A_DAY["address_change_new"]

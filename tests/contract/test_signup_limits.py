"""Limits on signing up: each is one's own, what is over it counts for nobody else, and costs no lock (D22)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlmodel import SQLModel

from mailer.errors import FaultsError
from mailer.outbox.tables import MAILING
from mailer.storage import Database
from tests.support.people import NOW, PEPPER, ReaderSetup
from unsubscribe import contacts, retention, signup
from unsubscribe.contacts import Contact
from unsubscribe.limits import ALLOWANCE, Spent
from unsubscribe.settings import ReaderSettings
from unsubscribe.signup import SignUpForm

WISH = SignUpForm(
    "nieuw@gouda.example", ("agenda",), "Ja.", "2", "https://vng.example/aanmelden", language="nl", peer="192.0.2.1"
)


@pytest.fixture
def setup(house_database: Database) -> ReaderSetup:
    return ReaderSetup(house_database)


@pytest.fixture
def one(sqlite_database: Database) -> ReaderSetup:
    return ReaderSetup(sqlite_database)


def ask(setup: ReaderSetup, wish: SignUpForm = WISH, now: datetime = NOW) -> None:
    with setup.db.write() as conn:
        signup.request(conn, wish, setup.service_mail, PEPPER, now)


def letters(setup: ReaderSetup) -> int:
    """How many letters to confirm there are."""
    with setup.db.read() as conn:
        query = select(func.count()).select_from(MAILING).where(MAILING.c.key.like("optin_confirm:%"))
        return conn.execute(query).scalar_one()


def person(setup: ReaderSetup, email: str) -> Contact | None:
    with setup.db.read() as conn:
        return contacts.find(conn, email)


def rows(setup: ReaderSetup) -> dict[str, list[str]]:
    """All rows of all tables."""
    with setup.db.read() as conn:
        tables = SQLModel.metadata.tables
        return {name: sorted(map(repr, conn.execute(table.select()))) for name, table in tables.items()}


def test_a_thousand_sign_ups_for_one_address_send_one_letter_a_day(one: ReaderSetup) -> None:
    for number in range(60):
        ask(one, replace(WISH, peer=f"192.0.2.{number}"), NOW + timedelta(minutes=number))
    assert letters(one) == 1
    ask(one, now=NOW + timedelta(hours=25))
    assert letters(one) == 2


def test_one_peer_cannot_have_letters_sent_to_many(one: ReaderSetup) -> None:
    for number in range(signup.PEER_AN_HOUR + 10):
        ask(one, replace(WISH, email=f"p{number}@d{number}.example"))
    assert letters(one) == signup.PEER_AN_HOUR
    assert person(one, f"p{signup.PEER_AN_HOUR + 5}@d{signup.PEER_AN_HOUR + 5}.example") is None
    ask(one, replace(WISH, email="later@d.example"), NOW + timedelta(hours=2))
    assert letters(one) == signup.PEER_AN_HOUR + 1


def test_one_visitor_closes_neither_a_domain_nor_the_site_for_others(one: ReaderSetup) -> None:
    for number in range(305):
        ask(one, replace(WISH, email=f"p{number}@gmail.com"))
    assert letters(one) == signup.PEER_AN_HOUR
    for number in range(25):
        ask(one, replace(WISH, email=f"q{number}@gmail.com", peer=f"192.0.2.{number + 2}"))
    assert letters(one) == signup.PEER_AN_HOUR + 25


DOMAINS = ("catchall.example", "a.catchall.example", "b.c.catchall.example")
NETWORKS = {
    "one /48": [f"2001:db8:1:{number:x}::/64" for number in range(100)],
    "one /24": [f"192.0.2.{number}" for number in range(100)],
    "nobody known": [""] * 100,
}


@pytest.mark.parametrize("peers", NETWORKS.values(), ids=NETWORKS)
def test_a_whole_network_does_not_close_a_domain_for_others(one: ReaderSetup, peers: list[str]) -> None:
    for number in range(2 * signup.DOMAIN_AN_HOUR):
        ask(one, replace(WISH, email=f"p{number}@gmail.com", peer=peers[number % 100]))
    sent = letters(one)
    assert sent == (signup.NETWORK_AN_HOUR if peers[0] else signup.PEER_AN_HOUR)
    for number, peer in enumerate(("2001:db8:2::/64", "198.51.100.1")):
        ask(one, replace(WISH, email=f"q{number}@gmail.com", peer=peer))
    assert letters(one) == sent + 2


@pytest.mark.parametrize("peers", NETWORKS.values(), ids=NETWORKS)
def test_a_mailbox_that_takes_all_mail_of_a_domain_gets_few_letters_from_one_network(
    one: ReaderSetup, peers: list[str]
) -> None:
    for number in range(60):
        wish = replace(WISH, email=f"p{number}@{DOMAINS[number % 3]}", peer=peers[number % 100])
        ask(one, wish, NOW + timedelta(minutes=20 * (number % 40)))
    assert letters(one) == signup.AT_ONE_DOMAIN_A_DAY
    ask(one, replace(WISH, email="q@catchall.example", peer="198.51.100.1"))
    assert letters(one) == signup.AT_ONE_DOMAIN_A_DAY + 1


def test_what_a_domain_has_no_letter_left_for_does_not_count_for_the_domain(one: ReaderSetup) -> None:
    for number in range(24):
        ask(one, replace(WISH, email=f"p{number}@catchall.example", peer=f"198.51.100.{number % 2 + 1}"))
    with one.db.read() as conn:
        counts = sorted(row.number for row in conn.execute(ALLOWANCE.select()))
    most = signup.AT_ONE_DOMAIN_A_DAY
    assert counts[-5:] == [12, 12, most, most, 24]  # two peers, network at domain, domain, network


def test_many_visitors_who_name_one_address_do_not_close_its_domain(one: ReaderSetup) -> None:
    for number in range(305):
        ask(one, replace(WISH, peer=f"peer {number}"))
    ask(one, replace(WISH, email="other@gouda.example", peer="192.0.2.9"))
    assert letters(one) == 2


def test_visitors_whose_network_is_not_known_count_as_one(one: ReaderSetup) -> None:
    for number in range(signup.PEER_AN_HOUR + 5):
        ask(one, replace(WISH, email=f"p{number}@d{number}.example", peer=""))
    assert letters(one) == signup.PEER_AN_HOUR


def test_a_try_over_a_limit_writes_nothing_and_is_seen_without_a_lock(one: ReaderSetup) -> None:
    wish = replace(WISH, peer="192.0.2.7")
    for number in range(signup.PEER_AN_HOUR):
        ask(one, replace(wish, email=f"p{number}@d{number}.example"))
    before = rows(one)
    for number in range(50):
        ask(one, replace(wish, email=f"r{number}@r{number}.example"))
    assert rows(one) == before
    with one.db.write(), one.db.read() as conn:
        spent, later = Spent(), NOW + timedelta(hours=2)
        his, hers = signup.uses(wish, PEPPER, NOW), signup.uses(WISH, PEPPER, NOW)
        assert not spent.knows(his, NOW)
        assert signup.consider(conn, wish, his, spent, NOW) is False
        assert signup.consider(conn, WISH, hers, spent, NOW) is True
        assert (spent.knows(his, NOW), spent.knows(hers, NOW), spent.knows(his, later)) == (True, False, False)
        assert signup.consider(conn, wish, his, spent, later) is True


@pytest.mark.parametrize("kept", [1, 60])
def test_a_million_tries_leave_as_many_rows_as_there_are_visitors(one: ReaderSetup, kept: int) -> None:
    for number in range(60):
        ask(one, replace(WISH, email=f"p{number}@gmail.com", peer=f"192.0.2.{number % kept}"))
    with one.db.read() as conn:
        tries = conn.execute(select(func.count()).select_from(ALLOWANCE)).scalar_one()
    network, domain = 1, 1
    assert tries == kept + network + domain + 2 * min(60, kept * signup.PEER_AN_HOUR)


ONE_MAILBOX = (
    "victim@gouda.example",
    '"victim"@gouda.example',
    r'"v\ictim"@gouda.example',
    r'"\v\i\c\t\i\m"@gouda.example',
    "VICTIM@Gouda.Example.",
    "victim@gou\u00adda.example",
    "victim+1@gouda.example",
    "victim+zwei@gouda.example",
    "vic.tim@gouda.example",
    "v.i.c.t.i.m@gouda.example",
    '"vic.tim+3"@gouda.example',
)


def test_one_mailbox_gets_one_letter_in_whatever_spelling_it_is_named(setup: ReaderSetup) -> None:
    for number, email in enumerate(ONE_MAILBOX):
        ask(setup, replace(WISH, email=email, peer=f"192.0.2.{number}"))
    assert letters(setup) == 1
    assert person(setup, '"victim"@gouda.example') == person(setup, "victim@gouda.example")


@pytest.mark.parametrize(
    "name", ["Log in: https://mailbox.example", "www.mailbox.example", "mail a@b.example", "mailbox.example/login"]
)
def test_a_name_that_says_where_to_go_is_refused(one: ReaderSetup, name: str) -> None:
    with pytest.raises(FaultsError) as caught:
        ask(one, replace(WISH, name=name))
    assert [fault.field for fault in caught.value.faults] == ["name"]
    assert letters(one) == 0


def test_many_peers_cannot_flood_one_domain(one: ReaderSetup) -> None:
    for number in range(signup.DOMAIN_AN_HOUR + 5):
        ask(one, replace(WISH, email=f"p{number}@gouda.example", peer=f"peer {number}"))
    assert letters(one) == signup.DOMAIN_AN_HOUR


def test_who_knocked_is_forgotten_after_a_day(setup: ReaderSetup) -> None:
    ask(setup)
    counts = []
    for hours in (23, 25):
        retention.tidy(setup.db, ReaderSettings(), PEPPER, NOW + timedelta(hours=hours))
        with setup.db.read() as conn:
            counts.append(conn.execute(select(func.count()).select_from(ALLOWANCE)).scalar_one())
    assert counts == [2, 0]  # the letter is counted for a day, for mailbox and domain; the try for an hour

"""People whose address an earlier version stored in another spelling: one mailbox, one hash, one letter."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from campaigns.context import open_context
from campaigns.ops.installation import install
from mailer import outbox, suppression
from mailer.journal import Journal
from mailer.outbox import MailingSpec
from mailer.outbox.tables import DELIVERY
from mailer.signing import Purpose, Token, address_hash
from mailer.storage import Database
from tests.support.people import IDENTITY, NOW, PEPPER, ReaderSetup
from unsubscribe import consent, contacts, erasing, notices, optout, verifying
from unsubscribe.contacts import Contact, Person
from unsubscribe.contacts.tables import CONTACT
from unsubscribe.spelling import respell

QUOTED = '"Eva"@gouda.example'


@pytest.fixture
def setup(house_database: Database) -> ReaderSetup:
    return ReaderSetup(house_database)


def store(setup: ReaderSetup, email: str = QUOTED, topics: tuple[str, ...] = ("nieuws",)) -> Contact:
    """Somebody as the first versions stored her: key and hash of the address as it was typed."""
    with setup.db.write() as conn:
        made = contacts.add(conn, Person(f"u{len(email)}@gouda.example", "Eva", "nl"), PEPPER, NOW)
        key = email.lower()
        values = {"email": email, "email_key": key, "address_hash": address_hash(PEPPER, key)}
        conn.execute(update(CONTACT).where(CONTACT.c.id == made.id).values(values))
        statement = consent.store_statement(conn, consent.make_statement("member"))
        for slug in topics:
            contacts.subscribe(conn, made.id, contacts.topic(conn, slug).id, NOW, statement=statement)
            consent.record(conn, consent.ConsentEvent(made.id, "given", slug, NOW, statement, {"address": email}), NOW)
        found = contacts.get(conn, made.id)
    assert found
    return found


def again(setup: ReaderSetup, contact: Contact) -> Contact:
    with setup.db.read() as conn:
        found = contacts.get(conn, contact.id)
    assert found
    return found


def mend(setup: ReaderSetup) -> int:
    return respell(setup.db, PEPPER, NOW + timedelta(days=1))


@pytest.mark.parametrize(
    ("stored", "spelled"),
    [(QUOTED, "Eva@gouda.example"), ("zoe\u0308@gouda.example", "zo\u00eb@gouda.example"), ("a@gouda.example", None)],
)
def test_an_address_gets_its_canonical_spelling_key_and_hash_once(
    setup: ReaderSetup, stored: str, spelled: str | None
) -> None:
    eva = store(setup, stored)
    assert [mend(setup), mend(setup)] == [0 if spelled is None else 1, 0]
    now, wanted = again(setup, eva), spelled or stored
    assert (now.email, now.key, now.address_hash) == (
        wanted,
        wanted.lower(),
        address_hash(PEPPER, wanted.lower()),
    )
    with setup.db.read() as conn:
        assert contacts.find(conn, stored) == contacts.find(conn, wanted) == now


@pytest.mark.parametrize("reason", ["opt_out", "complaint", "manual", "undeliverable", "pause", "less_often"])
def test_what_held_the_old_spelling_back_holds_the_new_one_back(setup: ReaderSetup, reason: suppression.Reason) -> None:
    eva = store(setup)
    with setup.db.write() as conn:
        if reason == "less_often":
            suppression.limit(conn, eva.address_hash, 7, NOW)
        else:
            suppression.suppress(conn, eva.address_hash, "", reason, NOW, NOW + timedelta(days=9))
        before = suppression.entries(conn, eva.address_hash)
    mend(setup)
    with setup.db.read() as conn:
        assert suppression.entries(conn, again(setup, eva).address_hash) == before
        assert suppression.entries(conn, eva.address_hash) == []


def test_the_journal_knows_the_wish_under_the_new_hash(setup: ReaderSetup, tmp_path: Path) -> None:
    eva = store(setup)
    with setup.db.write() as conn:
        suppression.suppress(conn, eva.address_hash, "nieuws", "opt_out", NOW)
    setup.db.journal = Journal(tmp_path / "journal")
    mend(setup)
    (line,) = setup.db.journal.lines()
    assert (line["hash"], line["scope"]) == (address_hash(PEPPER, "eva@gouda.example").hex(), "nieuws")


def test_a_letter_on_its_way_obeys_an_opt_out_under_the_new_spelling(setup: ReaderSetup) -> None:
    eva = store(setup)
    with setup.db.write() as conn:
        made = outbox.open_mailing(conn, MailingSpec("b", "campaign", "nieuws", "hash", IDENTITY), NOW)
        outbox.enqueue(conn, made.id, [notices.recipient_of(eva)], 1, NOW)
        outbox.audience_complete(conn, made.id)
    mend(setup)
    with setup.db.write() as conn:
        row = conn.execute(DELIVERY.select().where(DELIVERY.c.mailing_id == made.id)).one()
        assert (row.address, bytes(row.address_hash)) == ("Eva@gouda.example", again(setup, eva).address_hash)
        optout.opt_out(conn, Token(Purpose.OPT_OUT, made.id, eva.id), "topic", NOW)
    assert not setup.claimed(made.id)


def test_two_rows_of_one_mailbox_get_one_letter_and_both_links_work(setup: ReaderSetup) -> None:
    twin = store(setup, '"esther"@gouda.example', ("nieuws", "bestuur"))
    assert mend(setup) == 1
    assert setup.topics() == {"nieuws": "subscribed", "agenda": "subscribed", "bestuur": "subscribed"}
    with setup.db.read() as conn:
        assert [contact.id for contact in contacts.audience_page(conn, "nieuws")] == [setup.reader.id]
        assert verifying.verify(conn, setup.reader.id, ["nieuws", "agenda", "bestuur"]).fault == ""
        assert contacts.find(conn, '"esther"@gouda.example') == setup.contact()
    with setup.db.write() as conn:
        optout.opt_out(conn, Token(Purpose.OPT_OUT, setup.mailing, twin.id), "topic", NOW)
    assert not setup.claimed(setup.mailing)
    assert mend(setup) == 0


@pytest.mark.parametrize("which", ["first", "twin"])
def test_erasing_a_mailbox_erases_both_of_its_rows(setup: ReaderSetup, which: str) -> None:
    twin = store(setup, '"esther"@gouda.example')
    mend(setup)
    with setup.db.write() as conn:
        assert erasing.erase(conn, setup.reader.id if which == "first" else twin.id, NOW)
        assert (contacts.get(conn, setup.reader.id), contacts.get(conn, twin.id)) == (None, None)


def test_what_is_no_address_any_more_is_left_alone(setup: ReaderSetup) -> None:
    odd = store(setup, "vic\u200btim@gouda.example")
    assert mend(setup) == 0
    assert again(setup, odd) == odd


def test_a_spelling_passes_no_suppression(setup: ReaderSetup) -> None:
    with setup.db.write() as conn:
        suppression.suppress(conn, setup.reader.address_hash, "", "manual", NOW)
        for email in ('"esther"@gouda.example', r'"es\ther"@gouda.example', "esther@gouda.example."):
            assert contacts.add(conn, Person(email), PEPPER, NOW).id == setup.reader.id
            assert suppression.why(conn, erasing.hash_of(email, PEPPER), "nieuws", NOW) == "manual"


def test_init_brings_stored_addresses_into_their_canonical_spelling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POSTILJON_DATA", str(tmp_path / "data"))
    install()
    with closing(open_context()) as house:
        with house.db.write() as conn:
            eva = contacts.add(conn, Person("eva@gouda.example"), house.pepper, NOW)
            hashed = address_hash(house.pepper, QUOTED.lower())
            values = {"email": QUOTED, "email_key": QUOTED.lower(), "address_hash": hashed}
            conn.execute(update(CONTACT).where(CONTACT.c.id == eva.id).values(values))
            suppression.suppress(conn, hashed, "", "opt_out", NOW)
        install()
        with house.db.read() as conn:
            found = contacts.find(conn, QUOTED)
            assert found
            assert (found.id, found.email) == (eva.id, "Eva@gouda.example")
            assert suppression.why(conn, eva.address_hash, "nieuws", NOW) == "opt_out"
        assert eva.address_hash.hex() in (tmp_path / "data" / "journal").read_text()

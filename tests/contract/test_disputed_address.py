"""An address that a forwarded letter moved away: who may undo, who is told, and how it comes back, over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from mailer import outbox, suppression
from mailer.signing import Purpose, address_hash
from mailer.storage import Database
from tests.support import web
from tests.support.forwarded import choose, link, moved
from tests.support.site import PEPPER, Town, WebServer, serving
from unsubscribe import contacts, moving, notices, retention
from unsubscribe.endpoint import public_app
from unsubscribe.settings import ReaderSettings


@pytest.fixture
def town(empty_database: Database) -> Town:
    return Town(empty_database, languages=("nl",))


@pytest.fixture
def site(town: Town) -> Iterator[WebServer]:
    with serving(public_app(town.deps())) as site:
        yield site


def test_a_former_address_of_an_erased_person_is_kept_out_as_well(town: Town, site: WebServer) -> None:
    web.post(site.url(town.path("d")), data={"email": "esther@nieuw.example"})
    for notice in ("address_change_new", "address_change_old"):
        web.post(site.url(town.letter(notice, "confirm")))
    town.now += timedelta(days=20)
    web.post(site.url(town.path("d") + "/my-data"))
    page = web.post(site.url(town.letter("my_data", "show"))).text
    web.post(site.url(link(page, "erase")))
    with town.db.read() as conn:
        assert suppression.why(conn, town.readers[0].address_hash, "nieuws", town.now) == "erased"


def test_a_link_to_keep_an_address_that_comes_too_late_says_so(town: Town, site: WebServer) -> None:
    web.post(site.url(town.path("d")), data={"email": "esther@nieuw.example"})
    keep = town.letter("address_change_old", "undo")
    for notice in ("address_change_new", "address_change_old"):
        web.post(site.url(town.letter(notice, "confirm")))
    town.now += timedelta(days=20)
    said = web.post(site.url(keep)).text
    assert "kan het oude adres niet meer terugzetten" in said
    with town.db.read() as conn:
        assert contacts.find(conn, "esther@nieuw.example")


def test_an_address_of_another_contact_is_said_to_be_known_to_its_own_mailbox_alone(
    town: Town, site: WebServer
) -> None:
    with town.db.write() as conn:
        contacts.add(conn, contacts.Person("jan@gouda.example"), PEPPER, town.now)
    web.post(site.url(town.path("d")), data={"email": "jan@gouda.example"})
    agree = town.letter("address_change_old", "confirm")
    assert "staat al op onze lijst" in web.post(site.url(town.letter("address_change_new", "confirm"))).text
    assert "staat al op onze lijst" not in web.post(site.url(agree)).text


def test_a_mailbox_in_dispute_gets_no_undo_and_the_original_one_can_still_undo(town: Town, site: WebServer) -> None:
    web.post(site.url(town.path("d")), data={"name": "Before"})
    before = town.letter("details_changed", "undo")
    moved(town, site)
    web.post(site.url(town.path("d")), data={"often": "week"})
    with town.db.read() as conn:
        present = outbox.get(conn, town.letters("details_changed")[-1])
        filled = notices.fill(conn, present, [town.readers[0].id], town.tokens)
    assert "undo" not in filled[town.readers[0].id].values["contact"]
    web.post(site.url(before))
    with town.db.read() as conn:
        contact = contacts.get(conn, town.readers[0].id)
    assert contact
    assert contact.name != "Before"


def test_going_back_to_ones_own_address_by_the_form_leaves_the_other_mailbox_no_way_to_keep(
    town: Town, site: WebServer
) -> None:
    moved(town, site)
    web.post(site.url(town.path("d")), data={"email": town.readers[0].email})
    keep = town.letter("address_change_old", "undo")
    web.post(site.url(town.letter("address_change_new", "confirm")))
    town.now += timedelta(days=7)
    retention.tidy(town.db, ReaderSettings(), PEPPER, town.now)
    web.post(site.url(keep))
    with town.db.read() as conn:
        assert contacts.find(conn, town.readers[0].email)


def test_what_the_other_mailbox_had_for_itself_does_not_come_back_with_the_owner(town: Town, site: WebServer) -> None:
    hashed = address_hash(PEPPER, "b@thief.example")
    with town.db.write() as conn:
        suppression.suppress(conn, hashed, "", "opt_out", town.now - timedelta(days=400))
    moved(town, site)
    town.now += timedelta(days=1)
    with town.db.read() as conn:
        old = next(number for number in town.letters("address_change_old"))
        values = notices.fill(conn, outbox.get(conn, old), [town.readers[0].id], town.tokens)
    keep = str(values[town.readers[0].id].values["contact"]["undo"]).partition("/c/")[2]  # type: ignore[index]
    web.post(site.url(f"/c/{keep}"))
    with town.db.read() as conn:
        assert suppression.why(conn, town.readers[0].address_hash, "nieuws", town.now) is None
        assert suppression.why(conn, hashed, "nieuws", town.now) == "opt_out"


def test_the_old_mailbox_sees_in_full_what_it_is_to_agree_to(town: Town, site: WebServer) -> None:
    web.post(site.url(town.path("d")), data={"email": "esther@nieuw.example"})
    assert "esther@nieuw.example" in web.get(site.url(town.letter("address_change_old", "confirm"))).text
    assert "esther@nieuw.example" not in web.get(site.url(town.letter("address_change_new", "confirm"))).text


def test_the_tidying_does_not_carry_out_a_move_that_is_kept_meanwhile(town: Town, site: WebServer) -> None:
    web.post(site.url(town.path("d")), data={"email": "b@thief.example"})
    web.post(site.url(town.letter("address_change_new", "confirm")))
    token = town.tokens.read(
        town.letter("address_change_old", "undo").rpartition("/")[2], Purpose.ADDRESS_KEEP, town.now
    )
    later = town.now + timedelta(days=8)
    tidying = threading.Thread(target=lambda: retention.tidy(town.db, ReaderSettings(), PEPPER, later))
    with town.db.write() as conn:
        contacts.lock(conn, [token.recipient])
        tidying.start()
        tidying.join(0.5)  # on PostgreSQL it has read the change and waits for the contact; on SQLite for the lock
        assert moving.keep(conn, token, PEPPER, later).stand == "kept"
    tidying.join()
    with town.db.read() as conn:
        assert contacts.find(conn, town.readers[0].email)


def test_leaving_while_the_address_is_moved_holds_the_former_address_too_and_the_undo_gives_both_back(
    town: Town, site: WebServer
) -> None:
    moved(town, site)
    left = web.post(site.url(town.path())).text
    hashes = (town.readers[0].address_hash, address_hash(PEPPER, "b@thief.example"))
    with town.db.read() as conn:
        assert [suppression.why(conn, hashed, "nieuws", town.now) for hashed in hashes] == ["opt_out"] * 2
    web.post(site.url(link(left, "undo")))
    with town.db.read() as conn:
        assert [suppression.why(conn, hashed, "nieuws", town.now) for hashed in hashes] == [None] * 2


def test_a_pause_stays_at_the_former_address_while_it_can_be_put_back(town: Town, site: WebServer) -> None:
    choose(site, town, "pause", pause="6")
    moved(town, site)
    with town.db.read() as conn:
        assert suppression.why(conn, town.readers[0].address_hash, "nieuws", town.now) == "pause"


def test_confirming_ones_own_address_says_that_nothing_changes(town: Town, site: WebServer) -> None:
    web.post(site.url(town.path("d")), data={"email": town.readers[0].email})
    said = web.post(site.url(town.letter("address_change_new", "confirm"))).text
    assert "Uw oude adres blijft staan" in said


def test_a_letter_to_the_other_mailbox_that_has_not_left_when_the_address_is_put_back_is_not_sent(
    town: Town, site: WebServer
) -> None:
    moved(town, site)
    web.post(site.url(town.path("d")), data={"name": "Thief"})
    other = town.letters("details_changed")[-1]
    with town.db.read() as conn:
        keep = notices.fill(
            conn, outbox.get(conn, town.letters("address_change_old")[0]), [town.readers[0].id], town.tokens
        )
    link_of = str(keep[town.readers[0].id].values["contact"]["undo"])  # type: ignore[index]
    web.post(site.url("/c/" + link_of.partition("/c/")[2]))
    with town.db.read() as conn:
        assert notices.fill(conn, outbox.get(conn, other), [town.readers[0].id], town.tokens) == {}
        own = outbox.find(conn, f"former1:details_changed:{outbox.get(conn, other).spec.key.rpartition(':')[2]}")
        assert own
        values = notices.fill(conn, own, [town.readers[0].id], town.tokens)[town.readers[0].id].values["contact"]
    assert "undo" in values

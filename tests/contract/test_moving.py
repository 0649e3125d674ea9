"""Another address: asked of both mailboxes, done when the old one agrees or stays silent, and taken back when not."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from mailer import outbox, suppression
from mailer.address import mask, parse
from mailer.errors import FaultsError, StateError, TokenError
from mailer.signing import Purpose, Token
from mailer.storage import Database
from tests.support.people import NOW, PEPPER, TOKENS, ReaderSetup
from unsubscribe import contacts, details, moves, moving, my_data, notices, optout, retention
from unsubscribe.moving import AddressChangeStatus
from unsubscribe.settings import ReaderSettings

NEW = "Esther@delft.example"


@pytest.fixture
def setup(house_database: Database) -> ReaderSetup:
    return ReaderSetup(house_database)


def ask(setup: ReaderSetup, email: str = NEW, now: datetime = NOW) -> AddressChangeStatus:
    with setup.db.write() as conn:
        return moving.ask(conn, setup.token(), email, setup.service_mail, PEPPER, now)


def step(setup: ReaderSetup, which: str, days: float = 0, number: int = 1) -> AddressChangeStatus:
    token = setup.token(Purpose.ADDRESS_NEW, number)
    act = {"confirm": moving.confirm, "agree": moving.agree, "keep": moving.keep}[which]
    with setup.db.write() as conn:
        return act(conn, token, PEPPER, NOW + timedelta(days=days))


def tidy(setup: ReaderSetup, days: float) -> int:
    return retention.tidy(setup.db, ReaderSettings(), PEPPER, NOW + timedelta(days=days)).moved


def test_asking_changes_nothing_and_writes_to_both_mailboxes(setup: ReaderSetup) -> None:
    move = ask(setup)
    assert (move.stand, move.old, move.new) == ("waiting", "e•••@g•••.example", "E•••@d•••.example")
    assert setup.contact() == setup.reader
    with setup.db.write() as conn:
        new, old = (outbox.find(conn, f"address_change_{which}:1") for which in ("new", "old"))
        assert new
        assert old
        sent = outbox.claim(conn, 1, {new.id: 1, old.id: 1}, NOW)
    assert [item.address for item in sent] == ["Esther@delft.example", "esther@gouda.example"]


def test_the_links_in_both_letters_do_what_they_say(setup: ReaderSetup) -> None:
    ask(setup)
    links: dict[str, Token] = {}
    purposes = {
        "new confirm": Purpose.ADDRESS_NEW,
        "old confirm": Purpose.ADDRESS_AGREE,
        "old undo": Purpose.ADDRESS_KEEP,
    }
    for key in ("new", "old"):
        for slot, url in setup.mail(f"address_change_{key}:1").items():
            if slot in ("confirm", "undo"):
                purpose = purposes[f"{key} {slot}"]
                links[f"{key} {slot}"] = TOKENS.read(str(url).rpartition("/")[2], purpose, NOW)
    with setup.db.write() as conn:
        assert moving.confirm(conn, links["new confirm"], PEPPER, NOW).stand == "waiting"
        assert moving.agree(conn, links["old confirm"], PEPPER, NOW).stand == "moved"
        assert moving.keep(conn, links["old undo"], PEPPER, NOW).stand == "kept"
    assert setup.contact().email == "esther@gouda.example"


def test_confirmed_and_agreed_moves_at_once_in_either_order(setup: ReaderSetup) -> None:
    ask(setup)
    assert step(setup, "agree").stand == "waiting"
    assert step(setup, "confirm").stand == "moved"
    contact = setup.contact()
    assert (contact.email, contact.id) == (NEW, setup.reader.id)
    assert setup.topics() == {"nieuws": "subscribed", "agenda": "subscribed"}
    assert setup.fault() == ""


def test_confirmed_and_met_with_silence_moves_after_seven_days(setup: ReaderSetup) -> None:
    ask(setup)
    step(setup, "confirm")
    assert tidy(setup, 6.9) == 0
    assert setup.contact().email == "esther@gouda.example"
    assert tidy(setup, 7) == 1
    assert setup.contact().email == NEW
    assert tidy(setup, 8) == 0


def test_without_a_confirmation_from_the_new_mailbox_nothing_ever_moves(setup: ReaderSetup) -> None:
    ask(setup)
    step(setup, "agree")
    assert tidy(setup, 30) == 0
    assert setup.contact().email == "esther@gouda.example"


def test_a_late_confirmation_moves_at_once(setup: ReaderSetup) -> None:
    ask(setup)
    assert step(setup, "confirm", 9).stand == "moved"


def test_the_old_mailbox_keeps_its_address(setup: ReaderSetup) -> None:
    ask(setup)
    step(setup, "confirm")
    assert step(setup, "keep", 1).stand == "kept"
    assert step(setup, "confirm", 2).stand == "kept"
    assert tidy(setup, 30) == 0
    assert setup.contact().email == "esther@gouda.example"


def test_the_old_mailbox_puts_its_address_back_after_the_move(setup: ReaderSetup) -> None:
    ask(setup)
    step(setup, "confirm")
    step(setup, "agree")
    assert step(setup, "keep", 10).stand == "kept"
    assert setup.contact().email == "esther@gouda.example"
    assert setup.fault() == ""


def test_what_held_the_old_address_back_holds_the_new_one(setup: ReaderSetup) -> None:
    with setup.db.write() as conn:
        optout.opt_out(conn, setup.token(Purpose.OPT_OUT), "topic", NOW)
        details.pause(conn, setup.token(Purpose.PAUSE), NOW + timedelta(days=30), setup.policy, NOW)
        details.less_often(conn, setup.token(Purpose.LESS_OFTEN), 7, setup.policy, NOW)
    ask(setup)
    number = 4
    step(setup, "confirm", number=number)
    step(setup, "agree", number=number)
    with setup.db.read() as conn:
        hashed = setup.contact().address_hash
        assert suppression.why(conn, hashed, "nieuws", NOW + timedelta(days=40)) == "opt_out"
        assert {entry.reason for entry in suppression.entries(conn, hashed)} == {"opt_out", "pause", "less_often"}


def letters(setup: ReaderSetup) -> list[tuple[str, str]]:
    """Every service letter in the outbox, by its notice, and where it goes."""
    with setup.db.read() as conn:
        query = text(
            "SELECT m.key, d.address FROM mailing m JOIN delivery d ON d.mailing_id = m.id WHERE m.kind = 'service'"
        )
        return sorted((key.rpartition(":")[0].rpartition(":")[2], address) for key, address in conn.execute(query))


@pytest.mark.parametrize("target", ["stranger@delft.example", NEW, "Esther@Gouda.example"])
def test_the_answer_is_the_same_for_an_address_that_is_new_known_or_the_contacts_own(
    setup: ReaderSetup, target: str
) -> None:
    with setup.db.write() as conn:
        contacts.add(conn, contacts.Person(NEW), PEPPER, NOW)
    move = ask(setup, target)
    assert (move.stand, move.confirmed, move.new) == ("waiting", False, mask(str(parse(target))))


def test_a_known_address_brings_the_same_letters_as_a_new_one(setup: ReaderSetup) -> None:
    with setup.db.write() as conn:
        contacts.add(conn, contacts.Person(NEW), PEPPER, NOW)
    ask(setup)
    assert letters(setup) == [("address_change_new", NEW), ("address_change_old", "esther@gouda.example")]


def test_the_contacts_own_address_brings_one_letter_and_confirming_it_changes_nothing(setup: ReaderSetup) -> None:
    ask(setup, "ESTHER@gouda.example")
    assert letters(setup) == [("address_change_new", "ESTHER@gouda.example")]
    step(setup, "confirm")
    assert step(setup, "agree").stand == "kept"
    assert setup.contact() == setup.reader


def test_the_address_of_another_contact_is_not_taken_over_and_only_its_mailbox_learns(setup: ReaderSetup) -> None:
    with setup.db.write() as conn:
        contacts.add(conn, contacts.Person(NEW), PEPPER, NOW)
    ask(setup)
    assert step(setup, "confirm").stand == "taken"
    move = step(setup, "agree")
    assert (move.stand, move.confirmed) == ("waiting", False)
    assert tidy(setup, 8) == 0
    assert setup.contact().email == "esther@gouda.example"


def test_an_address_that_was_signed_up_before_the_old_one_agreed_calls_the_change_off(setup: ReaderSetup) -> None:
    ask(setup)
    step(setup, "confirm")
    with setup.db.write() as conn:
        contacts.add(conn, contacts.Person(NEW), PEPPER, NOW)
    assert step(setup, "agree").stand == "kept"
    assert setup.contact().email == "esther@gouda.example"


def chained(setup: ReaderSetup) -> None:
    """Two moves: by silence to the first address, then with both mailboxes agreeing to the second."""
    ask(setup, "b1@thief.example")
    step(setup, "confirm")
    assert tidy(setup, 7) == 1
    ask(setup, "b2@thief.example", NOW + timedelta(days=8))
    step(setup, "confirm", 8, number=2)
    assert step(setup, "agree", 8, number=2).stand == "moved"


def test_keeping_the_first_address_undoes_every_later_move_of_the_chain(setup: ReaderSetup) -> None:
    chained(setup)
    move = step(setup, "keep", 9)
    assert (move.stand, move.here) == ("kept", "e•••@g•••.example")
    assert setup.contact().email == "esther@gouda.example"
    for number in (1, 2):
        for which in ("confirm", "agree", "keep"):
            assert step(setup, which, 10, number=number).stand in ("kept", "elsewhere")
    assert setup.contact().email == "esther@gouda.example"
    assert setup.fault() == ""


def test_what_is_announced_while_an_address_can_be_put_back_goes_to_its_mailbox_too(setup: ReaderSetup) -> None:
    chained(setup)
    with setup.db.write() as conn:
        details.save(conn, setup.token(), details.DetailsForm(name="Thief"), setup.policy, NOW + timedelta(days=9))
    sent = letters(setup)
    assert ("address_change_old", "b1@thief.example") in sent
    assert sent.count(("address_change_old", "esther@gouda.example")) == 2
    told = [address for notice, address in sent if notice == "details_changed"]
    assert told == ["b1@thief.example", "b2@thief.example", "esther@gouda.example"]


def test_the_letter_to_a_former_mailbox_puts_back_its_own_address(setup: ReaderSetup) -> None:
    chained(setup)
    values = setup.mail("former1:address_change_old:2")
    assert "confirm" not in values
    token = TOKENS.read(str(values["undo"]).rpartition("/")[2], Purpose.ADDRESS_KEEP, NOW)
    with setup.db.write() as conn:
        assert moving.keep(conn, token, PEPPER, NOW + timedelta(days=9)).stand == "kept"
    assert setup.contact().email == "esther@gouda.example"


def test_nothing_is_announced_to_a_mailbox_that_can_put_nothing_back_any_more(setup: ReaderSetup) -> None:
    ask(setup)
    step(setup, "confirm")
    step(setup, "agree")
    later = NOW + moves.PUT_BACK
    with setup.db.write() as conn:
        details.save(conn, setup.token(), details.DetailsForm(name="Esther M."), setup.policy, later)
    assert [address for notice, address in letters(setup) if notice == "details_changed"] == [NEW]
    assert step(setup, "keep", moves.PUT_BACK.days).stand == "moved"
    assert setup.contact().email == NEW


def test_a_late_move_can_be_put_back_as_long_as_an_early_one(setup: ReaderSetup) -> None:
    ask(setup)
    step(setup, "confirm", 13)
    assert step(setup, "keep", 13 + moves.PUT_BACK.days - 1).stand == "kept"
    assert setup.contact().email == "esther@gouda.example"


def test_what_is_known_is_shown_to_the_former_mailbox_while_it_can_put_back(setup: ReaderSetup) -> None:
    chained(setup)
    with setup.db.write() as conn:
        my_data.ask(conn, setup.token(), setup.service_mail, NOW + timedelta(days=9))
    assert ("my_data", "esther@gouda.example") in letters(setup)
    assert ("my_data", "b2@thief.example") not in letters(setup)


def test_a_wish_that_replaced_another_is_undone_by_the_letter_about_the_first(setup: ReaderSetup) -> None:
    ask(setup)
    ask(setup, "esther@leiden.example")
    step(setup, "confirm", number=2)
    step(setup, "agree", number=2)
    assert step(setup, "agree").stand == "elsewhere"
    assert step(setup, "keep", 1).stand == "kept"
    assert setup.contact().email == "esther@gouda.example"


def test_a_thief_whose_chain_was_undone_cannot_take_back_a_later_move_of_the_owner(setup: ReaderSetup) -> None:
    chained(setup)
    step(setup, "keep", 9)
    ask(setup, "esther@leiden.example", NOW + timedelta(days=10))
    step(setup, "confirm", 10, number=3)
    step(setup, "agree", 10, number=3)
    assert step(setup, "keep", 11, number=2).stand == "elsewhere"
    assert setup.contact().email == "esther@leiden.example"


def test_an_old_address_that_was_signed_up_anew_stays_and_nothing_is_left_at_the_moved_one(setup: ReaderSetup) -> None:
    ask(setup)
    step(setup, "confirm")
    step(setup, "agree")
    with setup.db.write() as conn:
        anew = contacts.add(conn, contacts.Person("esther@gouda.example"), PEPPER, NOW)
    move = step(setup, "keep", 1)
    assert (move.stand, move.here) == ("apart", "E•••@d•••.example")
    with setup.db.read() as conn:
        assert contacts.get(conn, setup.reader.id) is None
        assert contacts.find(conn, "esther@gouda.example") == anew
        assert suppression.why(conn, anew.address_hash, "nieuws", NOW) is None
    assert step(setup, "keep", 2).stand == "gone"


def test_what_was_never_confirmed_is_called_off_when_the_link_to_confirm_has_ended(setup: ReaderSetup) -> None:
    ask(setup)
    assert tidy(setup, 15) == 0
    assert step(setup, "agree", 15).stand == "kept"


def test_a_second_wish_replaces_the_first(setup: ReaderSetup) -> None:
    ask(setup)
    ask(setup, "esther@leiden.example")
    assert step(setup, "confirm").stand == "kept"
    step(setup, "confirm", number=2)
    step(setup, "agree", number=2)
    assert setup.contact().email == "esther@leiden.example"


def test_nobody_floods_mailboxes_with_wishes_to_move(setup: ReaderSetup) -> None:
    for number in range(moving.ASKED.most):
        ask(setup, f"n{number}@delft.example")
    with pytest.raises(StateError):
        ask(setup, "more@delft.example")


def test_what_is_no_address_is_named_by_its_field(setup: ReaderSetup) -> None:
    with pytest.raises(FaultsError) as caught:
        ask(setup, "geen adres")
    assert caught.value.faults[0].field == "email"


def test_a_link_about_nothing_is_refused(setup: ReaderSetup) -> None:
    with setup.db.read() as conn, pytest.raises(TokenError):
        moving.look(conn, setup.token(Purpose.ADDRESS_NEW, 99))


def test_the_letter_to_the_old_mailbox_does_not_repeat_the_new_address(setup: ReaderSetup) -> None:
    ask(setup)
    told = setup.mail("address_change_old:1")
    assert set(told) == {"changes", "confirm", "undo"}
    assert NEW not in str(told)


def test_a_letter_about_a_move_that_was_called_off_is_not_sent(setup: ReaderSetup) -> None:
    ask(setup)
    step(setup, "keep")
    with setup.db.read() as conn:
        mailing = outbox.find(conn, "address_change_new:1")
        assert mailing
        assert notices.fill(conn, mailing, [setup.reader.id], TOKENS) == {}

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
from tests.support.people import NOW, PEPPER, TOKENS, Stage
from unsubscribe import contacts, details, moves, moving, my_data, notices, optout, retention
from unsubscribe.moving import AddressChangeStatus
from unsubscribe.settings import ReaderSettings

NEW = "Esther@delft.example"


@pytest.fixture
def stage(house_database: Database) -> Stage:
    return Stage(house_database)


def ask(stage: Stage, email: str = NEW, now: datetime = NOW) -> AddressChangeStatus:
    with stage.db.write() as conn:
        return moving.ask(conn, stage.token(), email, stage.service_mail, PEPPER, now)


def step(stage: Stage, which: str, days: float = 0, number: int = 1) -> AddressChangeStatus:
    token = stage.token(Purpose.ADDRESS_NEW, number)
    act = {"confirm": moving.confirm, "agree": moving.agree, "keep": moving.keep}[which]
    with stage.db.write() as conn:
        return act(conn, token, PEPPER, NOW + timedelta(days=days))


def tidy(stage: Stage, days: float) -> int:
    return retention.tidy(stage.db, ReaderSettings(), PEPPER, NOW + timedelta(days=days)).moved


def test_asking_changes_nothing_and_writes_to_both_mailboxes(stage: Stage) -> None:
    move = ask(stage)
    assert (move.stand, move.old, move.new) == ("waiting", "e•••@g•••.example", "E•••@d•••.example")
    assert stage.contact() == stage.reader
    with stage.db.write() as conn:
        new, old = (outbox.find(conn, f"address_change_{which}:1") for which in ("new", "old"))
        assert new
        assert old
        sent = outbox.claim(conn, 1, {new.id: 1, old.id: 1}, NOW)
    assert [item.address for item in sent] == ["Esther@delft.example", "esther@gouda.example"]


def test_the_links_in_both_letters_do_what_they_say(stage: Stage) -> None:
    ask(stage)
    links: dict[str, Token] = {}
    purposes = {
        "new confirm": Purpose.ADDRESS_NEW,
        "old confirm": Purpose.ADDRESS_AGREE,
        "old undo": Purpose.ADDRESS_KEEP,
    }
    for key in ("new", "old"):
        for slot, url in stage.mail(f"address_change_{key}:1").items():
            if slot in ("confirm", "undo"):
                purpose = purposes[f"{key} {slot}"]
                links[f"{key} {slot}"] = TOKENS.read(str(url).rpartition("/")[2], purpose, NOW)
    with stage.db.write() as conn:
        assert moving.confirm(conn, links["new confirm"], PEPPER, NOW).stand == "waiting"
        assert moving.agree(conn, links["old confirm"], PEPPER, NOW).stand == "moved"
        assert moving.keep(conn, links["old undo"], PEPPER, NOW).stand == "kept"
    assert stage.contact().email == "esther@gouda.example"


def test_confirmed_and_agreed_moves_at_once_in_either_order(stage: Stage) -> None:
    ask(stage)
    assert step(stage, "agree").stand == "waiting"
    assert step(stage, "confirm").stand == "moved"
    contact = stage.contact()
    assert (contact.email, contact.id) == (NEW, stage.reader.id)
    assert stage.topics() == {"nieuws": "subscribed", "agenda": "subscribed"}
    assert stage.fault() == ""


def test_confirmed_and_met_with_silence_moves_after_seven_days(stage: Stage) -> None:
    ask(stage)
    step(stage, "confirm")
    assert tidy(stage, 6.9) == 0
    assert stage.contact().email == "esther@gouda.example"
    assert tidy(stage, 7) == 1
    assert stage.contact().email == NEW
    assert tidy(stage, 8) == 0


def test_without_a_confirmation_from_the_new_mailbox_nothing_ever_moves(stage: Stage) -> None:
    ask(stage)
    step(stage, "agree")
    assert tidy(stage, 30) == 0
    assert stage.contact().email == "esther@gouda.example"


def test_a_late_confirmation_moves_at_once(stage: Stage) -> None:
    ask(stage)
    assert step(stage, "confirm", 9).stand == "moved"


def test_the_old_mailbox_keeps_its_address(stage: Stage) -> None:
    ask(stage)
    step(stage, "confirm")
    assert step(stage, "keep", 1).stand == "kept"
    assert step(stage, "confirm", 2).stand == "kept"
    assert tidy(stage, 30) == 0
    assert stage.contact().email == "esther@gouda.example"


def test_the_old_mailbox_puts_its_address_back_after_the_move(stage: Stage) -> None:
    ask(stage)
    step(stage, "confirm")
    step(stage, "agree")
    assert step(stage, "keep", 10).stand == "kept"
    assert stage.contact().email == "esther@gouda.example"
    assert stage.fault() == ""


def test_what_held_the_old_address_back_holds_the_new_one(stage: Stage) -> None:
    with stage.db.write() as conn:
        optout.opt_out(conn, stage.token(Purpose.OPT_OUT), "topic", NOW)
        details.pause(conn, stage.token(Purpose.PAUSE), NOW + timedelta(days=30), stage.policy, NOW)
        details.less_often(conn, stage.token(Purpose.LESS_OFTEN), 7, stage.policy, NOW)
    ask(stage)
    number = 4
    step(stage, "confirm", number=number)
    step(stage, "agree", number=number)
    with stage.db.read() as conn:
        hashed = stage.contact().address_hash
        assert suppression.why(conn, hashed, "nieuws", NOW + timedelta(days=40)) == "opt_out"
        assert {entry.reason for entry in suppression.entries(conn, hashed)} == {"opt_out", "pause", "less_often"}


def letters(stage: Stage) -> list[tuple[str, str]]:
    """Every service letter in the outbox, by its notice, and where it goes."""
    with stage.db.read() as conn:
        query = text(
            "SELECT m.key, d.address FROM mailing m JOIN delivery d ON d.mailing_id = m.id WHERE m.kind = 'service'"
        )
        return sorted((key.rpartition(":")[0].rpartition(":")[2], address) for key, address in conn.execute(query))


@pytest.mark.parametrize("target", ["stranger@delft.example", NEW, "Esther@Gouda.example"])
def test_the_answer_is_the_same_for_an_address_that_is_new_known_or_the_contacts_own(stage: Stage, target: str) -> None:
    with stage.db.write() as conn:
        contacts.add(conn, contacts.Person(NEW), PEPPER, NOW)
    move = ask(stage, target)
    assert (move.stand, move.confirmed, move.new) == ("waiting", False, mask(str(parse(target))))


def test_a_known_address_brings_the_same_letters_as_a_new_one(stage: Stage) -> None:
    with stage.db.write() as conn:
        contacts.add(conn, contacts.Person(NEW), PEPPER, NOW)
    ask(stage)
    assert letters(stage) == [("address_change_new", NEW), ("address_change_old", "esther@gouda.example")]


def test_the_contacts_own_address_brings_one_letter_and_confirming_it_changes_nothing(stage: Stage) -> None:
    ask(stage, "ESTHER@gouda.example")
    assert letters(stage) == [("address_change_new", "ESTHER@gouda.example")]
    step(stage, "confirm")
    assert step(stage, "agree").stand == "kept"
    assert stage.contact() == stage.reader


def test_the_address_of_another_contact_is_not_taken_over_and_only_its_mailbox_learns(stage: Stage) -> None:
    with stage.db.write() as conn:
        contacts.add(conn, contacts.Person(NEW), PEPPER, NOW)
    ask(stage)
    assert step(stage, "confirm").stand == "taken"
    move = step(stage, "agree")
    assert (move.stand, move.confirmed) == ("waiting", False)
    assert tidy(stage, 8) == 0
    assert stage.contact().email == "esther@gouda.example"


def test_an_address_that_was_signed_up_before_the_old_one_agreed_calls_the_change_off(stage: Stage) -> None:
    ask(stage)
    step(stage, "confirm")
    with stage.db.write() as conn:
        contacts.add(conn, contacts.Person(NEW), PEPPER, NOW)
    assert step(stage, "agree").stand == "kept"
    assert stage.contact().email == "esther@gouda.example"


def chained(stage: Stage) -> None:
    """Two moves: by silence to the first address, then with both mailboxes agreeing to the second."""
    ask(stage, "b1@thief.example")
    step(stage, "confirm")
    assert tidy(stage, 7) == 1
    ask(stage, "b2@thief.example", NOW + timedelta(days=8))
    step(stage, "confirm", 8, number=2)
    assert step(stage, "agree", 8, number=2).stand == "moved"


def test_keeping_the_first_address_undoes_every_later_move_of_the_chain(stage: Stage) -> None:
    chained(stage)
    move = step(stage, "keep", 9)
    assert (move.stand, move.here) == ("kept", "e•••@g•••.example")
    assert stage.contact().email == "esther@gouda.example"
    for number in (1, 2):
        for which in ("confirm", "agree", "keep"):
            assert step(stage, which, 10, number=number).stand in ("kept", "elsewhere")
    assert stage.contact().email == "esther@gouda.example"
    assert stage.fault() == ""


def test_what_is_announced_while_an_address_can_be_put_back_goes_to_its_mailbox_too(stage: Stage) -> None:
    chained(stage)
    with stage.db.write() as conn:
        details.save(conn, stage.token(), details.DetailsForm(name="Thief"), stage.policy, NOW + timedelta(days=9))
    sent = letters(stage)
    assert ("address_change_old", "b1@thief.example") in sent
    assert sent.count(("address_change_old", "esther@gouda.example")) == 2
    told = [address for notice, address in sent if notice == "details_changed"]
    assert told == ["b1@thief.example", "b2@thief.example", "esther@gouda.example"]


def test_the_letter_to_a_former_mailbox_puts_back_its_own_address(stage: Stage) -> None:
    chained(stage)
    values = stage.mail("former1:address_change_old:2")
    assert "confirm" not in values
    token = TOKENS.read(str(values["undo"]).rpartition("/")[2], Purpose.ADDRESS_KEEP, NOW)
    with stage.db.write() as conn:
        assert moving.keep(conn, token, PEPPER, NOW + timedelta(days=9)).stand == "kept"
    assert stage.contact().email == "esther@gouda.example"


def test_nothing_is_announced_to_a_mailbox_that_can_put_nothing_back_any_more(stage: Stage) -> None:
    ask(stage)
    step(stage, "confirm")
    step(stage, "agree")
    later = NOW + moves.PUT_BACK
    with stage.db.write() as conn:
        details.save(conn, stage.token(), details.DetailsForm(name="Esther M."), stage.policy, later)
    assert [address for notice, address in letters(stage) if notice == "details_changed"] == [NEW]
    assert step(stage, "keep", moves.PUT_BACK.days).stand == "moved"
    assert stage.contact().email == NEW


def test_a_late_move_can_be_put_back_as_long_as_an_early_one(stage: Stage) -> None:
    ask(stage)
    step(stage, "confirm", 13)
    assert step(stage, "keep", 13 + moves.PUT_BACK.days - 1).stand == "kept"
    assert stage.contact().email == "esther@gouda.example"


def test_what_is_known_is_shown_to_the_former_mailbox_while_it_can_put_back(stage: Stage) -> None:
    chained(stage)
    with stage.db.write() as conn:
        my_data.ask(conn, stage.token(), stage.service_mail, NOW + timedelta(days=9))
    assert ("my_data", "esther@gouda.example") in letters(stage)
    assert ("my_data", "b2@thief.example") not in letters(stage)


def test_a_wish_that_replaced_another_is_undone_by_the_letter_about_the_first(stage: Stage) -> None:
    ask(stage)
    ask(stage, "esther@leiden.example")
    step(stage, "confirm", number=2)
    step(stage, "agree", number=2)
    assert step(stage, "agree").stand == "elsewhere"
    assert step(stage, "keep", 1).stand == "kept"
    assert stage.contact().email == "esther@gouda.example"


def test_a_thief_whose_chain_was_undone_cannot_take_back_a_later_move_of_the_owner(stage: Stage) -> None:
    chained(stage)
    step(stage, "keep", 9)
    ask(stage, "esther@leiden.example", NOW + timedelta(days=10))
    step(stage, "confirm", 10, number=3)
    step(stage, "agree", 10, number=3)
    assert step(stage, "keep", 11, number=2).stand == "elsewhere"
    assert stage.contact().email == "esther@leiden.example"


def test_an_old_address_that_was_signed_up_anew_stays_and_nothing_is_left_at_the_moved_one(stage: Stage) -> None:
    ask(stage)
    step(stage, "confirm")
    step(stage, "agree")
    with stage.db.write() as conn:
        anew = contacts.add(conn, contacts.Person("esther@gouda.example"), PEPPER, NOW)
    move = step(stage, "keep", 1)
    assert (move.stand, move.here) == ("apart", "E•••@d•••.example")
    with stage.db.read() as conn:
        assert contacts.get(conn, stage.reader.id) is None
        assert contacts.find(conn, "esther@gouda.example") == anew
        assert suppression.why(conn, anew.address_hash, "nieuws", NOW) is None
    assert step(stage, "keep", 2).stand == "gone"


def test_what_was_never_confirmed_is_called_off_when_the_link_to_confirm_has_ended(stage: Stage) -> None:
    ask(stage)
    assert tidy(stage, 15) == 0
    assert step(stage, "agree", 15).stand == "kept"


def test_a_second_wish_replaces_the_first(stage: Stage) -> None:
    ask(stage)
    ask(stage, "esther@leiden.example")
    assert step(stage, "confirm").stand == "kept"
    step(stage, "confirm", number=2)
    step(stage, "agree", number=2)
    assert stage.contact().email == "esther@leiden.example"


def test_nobody_floods_mailboxes_with_wishes_to_move(stage: Stage) -> None:
    for number in range(moving.ASKED.most):
        ask(stage, f"n{number}@delft.example")
    with pytest.raises(StateError):
        ask(stage, "more@delft.example")


def test_what_is_no_address_is_named_by_its_field(stage: Stage) -> None:
    with pytest.raises(FaultsError) as caught:
        ask(stage, "geen adres")
    assert caught.value.faults[0].field == "email"


def test_a_link_about_nothing_is_refused(stage: Stage) -> None:
    with stage.db.read() as conn, pytest.raises(TokenError):
        moving.look(conn, stage.token(Purpose.ADDRESS_NEW, 99))


def test_the_letter_to_the_old_mailbox_does_not_repeat_the_new_address(stage: Stage) -> None:
    ask(stage)
    told = stage.mail("address_change_old:1")
    assert set(told) == {"changes", "confirm", "undo"}
    assert NEW not in str(told)


def test_a_letter_about_a_move_that_was_called_off_is_not_sent(stage: Stage) -> None:
    ask(stage)
    step(stage, "keep")
    with stage.db.read() as conn:
        mailing = outbox.find(conn, "address_change_new:1")
        assert mailing
        assert notices.fill(conn, mailing, [stage.reader.id], TOKENS) == {}

"""Another address: asked of both mailboxes, done when the old one agrees or stays silent, and taken back when not."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from mailer import outbox, suppression
from mailer.errors import FaultsError, StateError, TokenError
from mailer.signing import Purpose, Token
from mailer.storage import Database
from tests.support.people import NOW, PEPPER, TOKENS, Stage
from unsubscribe import contacts, moving, notices, optout, retention
from unsubscribe.moving import Move
from unsubscribe.settings import ReaderSettings

NEW = "Esther@delft.example"


@pytest.fixture
def stage(house_database: Database) -> Stage:
    return Stage(house_database)


def ask(stage: Stage, email: str = NEW, now: datetime = NOW) -> Move:
    with stage.db.write() as conn:
        return moving.ask(conn, stage.token(), email, stage.post, PEPPER, now)


def step(stage: Stage, which: str, days: float = 0, number: int = 1) -> Move:
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
        optout.pause(conn, stage.token(Purpose.PAUSE), NOW + timedelta(days=30), NOW)
        optout.less_often(conn, stage.token(Purpose.LESS_OFTEN), 7, NOW)
    ask(stage)
    number = 2
    step(stage, "confirm", number=number)
    step(stage, "agree", number=number)
    with stage.db.read() as conn:
        hashed = stage.contact().address_hash
        assert suppression.why(conn, hashed, "nieuws", NOW + timedelta(days=40)) == "opt_out"
        assert {entry.reason for entry in suppression.entries(conn, hashed)} == {"opt_out", "pause", "less_often"}


def test_the_address_of_somebody_else_is_not_taken_over_and_nothing_is_said_of_it(stage: Stage) -> None:
    with stage.db.write() as conn:
        contacts.add(conn, contacts.Person(NEW), PEPPER, NOW)
    assert ask(stage).stand == "waiting"
    with stage.db.read() as conn:
        assert outbox.find(conn, "address_change_new:1") is None
    step(stage, "confirm")
    step(stage, "agree")
    assert stage.contact().email == "esther@gouda.example"


def test_a_second_wish_replaces_the_first(stage: Stage) -> None:
    ask(stage)
    ask(stage, "esther@leiden.example")
    assert step(stage, "confirm").stand == "kept"
    step(stage, "confirm", number=2)
    step(stage, "agree", number=2)
    assert stage.contact().email == "esther@leiden.example"


def test_the_same_address_is_nothing_to_change(stage: Stage) -> None:
    assert ask(stage, "ESTHER@gouda.example").stand == "moved"
    with stage.db.read() as conn:
        assert outbox.find(conn, "address_change_old:1") is None


def test_nobody_floods_mailboxes_with_wishes_to_move(stage: Stage) -> None:
    for number in range(moving.MOST_A_DAY):
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

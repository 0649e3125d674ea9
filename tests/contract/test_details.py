"""Changing details: what is stored, what is announced, what an undo puts back, and what nobody gets to see."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mailer import archive, outbox, suppression
from mailer.errors import FaultsError, StateError, TokenError
from mailer.letter.personalise import render
from mailer.signing import Purpose, Token
from mailer.storage import Database
from tests.support.people import NOW, TOKENS, ReaderSetup
from unsubscribe import contacts, details, erasing, notices, optout
from unsubscribe.details import DetailsForm, Saved


@pytest.fixture
def setup(house_database: Database) -> ReaderSetup:
    return ReaderSetup(house_database)


@pytest.fixture
def one(sqlite_database: Database) -> ReaderSetup:
    """Where the kind of database does not matter."""
    return ReaderSetup(sqlite_database)


def save(setup: ReaderSetup, wishes: DetailsForm, minutes: int = 0) -> Saved:
    with setup.db.write() as conn:
        return details.save(conn, setup.token(), wishes, setup.policy, NOW + timedelta(minutes=minutes))


def undo(setup: ReaderSetup, saved: Saved, minutes: int = 1) -> None:
    assert saved.change
    with setup.db.write() as conn:
        details.undo(conn, setup.token(Purpose.UNDO_CHANGE, saved.change.id), NOW + timedelta(minutes=minutes))


EVERYTHING = DetailsForm(
    name="Esther de Wit",
    language="en",
    fields={"salutation": "Beste Esther"},
    topics={"nieuws": False, "agenda": True},
    days=7,
    until=NOW + timedelta(days=30),
)


def test_what_a_reader_fills_in_is_stored_and_said_in_words(setup: ReaderSetup) -> None:
    saved = save(setup, EVERYTHING)
    contact = setup.contact()
    assert (contact.name, contact.language) == ("Esther de Wit", "en")
    assert contact.attributes == {"salutation": "Beste Esther", "role": "griffier"}
    assert contact.own_fields == {"name", "language", "salutation"}
    assert setup.topics() == {"nieuws": "opted_out", "agenda": "subscribed"}
    with setup.db.read() as conn:
        assert saved.change
        assert len(notices.in_words(conn, saved.change.after, "nl")) == 6
    assert not setup.claimed(setup.mailing)
    assert not setup.claimed(setup.letter("b", "agenda"))
    assert setup.claimed(setup.letter("c", "agenda"), NOW + timedelta(days=31))
    assert setup.fault() == ""


def test_nothing_that_differs_is_nothing_that_changes(setup: ReaderSetup) -> None:
    same = DetailsForm("Esther", "nl", {"salutation": "Geachte mevrouw"}, {"nieuws": True}, 0, None)
    assert save(setup, same).change is None
    assert save(setup, DetailsForm("", None, {"salutation": " "})).change is None
    with setup.db.read() as conn:
        assert outbox.find(conn, "details_changed:1") is None


def test_undo_puts_everything_back(setup: ReaderSetup) -> None:
    with setup.db.read() as conn:
        before = (setup.contact(), contacts.standings(conn, [setup.reader.id]))
    undo(setup, save(setup, EVERYTHING))
    with setup.db.read() as conn:
        after = (setup.contact(), contacts.standings(conn, [setup.reader.id]))
        assert suppression.entries(conn, setup.reader.address_hash) == []
    assert after[1] == before[1]
    for name in ("name", "language", "attributes", "own_fields"):
        assert getattr(after[0], name) == getattr(before[0], name)
    assert setup.fault() == ""
    assert setup.claimed(setup.mailing)


def test_undo_twice_is_undo_once(setup: ReaderSetup) -> None:
    saved = save(setup, DetailsForm(name="Somebody"))
    undo(setup, saved)
    save(setup, DetailsForm(name="Somebody"), 2)
    undo(setup, saved, 3)
    assert setup.contact().name == "Somebody"


def test_undo_leaves_alone_what_was_changed_since(setup: ReaderSetup) -> None:
    first = save(setup, DetailsForm("One", "en", topics={"nieuws": False}))
    save(setup, DetailsForm("Two", topics={"nieuws": True}), 1)
    undo(setup, first, 2)
    assert (setup.contact().name, setup.contact().language) == ("Two", "nl")
    assert setup.topics()["nieuws"] == "subscribed"


def test_an_undo_takes_an_act_of_the_same_person_only(setup: ReaderSetup) -> None:
    saved = save(setup, DetailsForm(name="Other"))
    assert saved.change
    with setup.db.write() as conn:
        with pytest.raises(TokenError):
            details.undo(conn, Token(Purpose.UNDO_CHANGE, 1, setup.reader.id, 1, 99), NOW)
        stranger = contacts.add(conn, contacts.Person("x@y.example"), b"p" * 32, NOW)
        with pytest.raises(TokenError):
            details.undo(conn, Token(Purpose.UNDO_CHANGE, 1, stranger.id, 1, saved.change.id), NOW)
        left = optout.opt_out(conn, setup.token(Purpose.OPT_OUT), "topic", NOW)
        with pytest.raises(TokenError):
            details.undo(conn, setup.token(Purpose.UNDO_CHANGE, left.change), NOW)


def test_a_topic_that_was_left_is_joined_again(setup: ReaderSetup) -> None:
    save(setup, DetailsForm(topics={"nieuws": False}))
    assert setup.topics()["nieuws"] == "opted_out"
    save(setup, DetailsForm(topics={"nieuws": True}), 1)
    assert setup.topics()["nieuws"] == "subscribed"
    assert setup.claimed(setup.mailing)
    assert setup.fault() == ""


def test_who_left_everything_and_joins_one_topic_gets_that_one_only(setup: ReaderSetup) -> None:
    with setup.db.write() as conn:
        optout.opt_out(conn, setup.token(Purpose.OPT_OUT), "all", NOW)
    saved = save(setup, DetailsForm(topics={"nieuws": True}), 1)
    assert setup.topics() == {"nieuws": "subscribed", "agenda": "opted_out"}
    assert not setup.claimed(setup.letter("b", "agenda"))
    undo(setup, saved, 2)
    assert setup.topics() == {"nieuws": "opted_out", "agenda": "opted_out"}
    assert not setup.claimed(setup.mailing)
    assert not setup.claimed(setup.letter("c", "bestuur"))


def test_a_topic_that_is_joined_for_the_first_time_is_gone_after_the_undo(setup: ReaderSetup) -> None:
    with setup.db.write() as conn:
        contacts.describe_topic(conn, contacts.topic(conn, "bestuur").id, is_open=True)
    saved = save(setup, DetailsForm(topics={"bestuur": True}))
    assert setup.topics()["bestuur"] == "subscribed"
    undo(setup, saved)
    assert "bestuur" not in setup.topics()


def test_the_form_offers_the_letters_topic_and_the_open_ones_to_everybody_alike(setup: ReaderSetup) -> None:
    with setup.db.read() as conn:
        reader = optout.look(conn, setup.token(), NOW)
        assert [topic.slug for topic in details.offered(conn, reader)] == ["nieuws", "agenda"]


@pytest.mark.parametrize("reason", ["complaint", "manual", "erased"])
def test_joining_does_not_lift_what_holds_an_address_for_good(one: ReaderSetup, reason: suppression.Reason) -> None:
    with one.db.write() as conn:
        suppression.suppress(conn, one.reader.address_hash, "", reason, NOW)
        optout.opt_out(conn, one.token(Purpose.OPT_OUT), "topic", NOW)
        contacts.set_state(conn, one.reader.id, contacts.topic(conn, "nieuws").id, "opted_out", NOW)
    with pytest.raises(FaultsError):
        save(one, DetailsForm(topics={"nieuws": True}), 1)
    assert one.topics()["nieuws"] == "opted_out"


@pytest.mark.parametrize(
    ("wishes", "field"),
    [
        (DetailsForm(name="x" * 201), "name"),
        (DetailsForm(name="a\nBcc: b"), "name"),
        (DetailsForm(name="a\u202eb"), "name"),
        (DetailsForm(language="xx"), "language"),
        (DetailsForm(fields={"role": "burgemeester"}), "role"),
        (DetailsForm(fields={"salutation": "a\x00"}), "salutation"),
        (DetailsForm(topics={"bestuur": True}), "topic-bestuur"),
        (DetailsForm(topics={"nix": True}), "topic-nix"),
        (DetailsForm(days=3), "often"),
        (DetailsForm(until=NOW), "until"),
        (DetailsForm(until=NOW + timedelta(days=400)), "until"),
    ],
)
def test_what_cannot_be_stored_is_named_by_its_field_and_changes_nothing(
    one: ReaderSetup, wishes: DetailsForm, field: str
) -> None:
    with pytest.raises(FaultsError) as caught:
        save(one, wishes)
    assert [fault.field for fault in caught.value.faults] == [field]
    assert one.contact() == one.reader


def test_each_change_is_announced_to_the_mailbox_with_an_undo_that_works(setup: ReaderSetup) -> None:
    saved = save(setup, DetailsForm(name="Somebody", language="en", topics={"nieuws": False}))
    assert saved.change
    values = setup.mail(f"details_changed:{saved.change.id}")
    assert values["changes"] == ["Your name", "The language of our emails", "Nieuws: you no longer receive it"]
    url = str(values["undo"])
    assert url.startswith("https://mail.vng.example/c/put-back/")
    token = TOKENS.read(url.rpartition("/")[2], Purpose.UNDO_CHANGE, NOW + timedelta(days=13))
    with setup.db.write() as conn:
        details.undo(conn, token, NOW + timedelta(days=13))
    assert setup.contact().name == "Esther"


def test_the_announcement_is_the_same_at_each_attempt(one: ReaderSetup) -> None:
    saved = save(one, DetailsForm(name="Somebody"))
    assert saved.change
    key = f"details_changed:{saved.change.id}"
    assert one.mail(key) == one.mail(key)


def test_the_announcement_repeats_nothing_that_was_typed(one: ReaderSetup) -> None:
    saved = save(one, DetailsForm(name="Win at evil.example", fields={"salutation": "Click evil.example"}))
    assert saved.change
    assert "evil" not in " ".join(map(str, one.mail(f"details_changed:{saved.change.id}")["changes"]))  # type: ignore[call-overload]


def test_the_announcement_reaches_also_who_left_everything(one: ReaderSetup) -> None:
    with one.db.write() as conn:
        optout.opt_out(conn, one.token(Purpose.OPT_OUT), "all", NOW)
    saved = save(one, DetailsForm(name="Somebody"), 1)
    assert saved.change
    with one.db.read() as conn:
        mailing = outbox.find(conn, f"details_changed:{saved.change.id}")
    assert mailing
    assert one.claimed(mailing.id)


def test_the_announcement_is_a_whole_letter_in_the_readers_language(one: ReaderSetup) -> None:
    saved = save(one, DetailsForm(topics={"nieuws": False}))
    assert saved.change
    with one.db.read() as conn:
        mailing = outbox.find(conn, f"details_changed:{saved.change.id}")
        assert mailing
        letter = archive.letter(conn, mailing.spec.snapshot)
        filled = notices.fill(conn, mailing, [one.reader.id], TOKENS)[one.reader.id]
    assert letter.language == "nl"
    assert not letter.list_unsubscribe
    text = render(letter.text, filled.values, letter.language)
    assert "Geachte heer, mevrouw," in text
    assert "https://mail.vng.example/c/put-back/" in text
    assert "Nieuws" in text


def test_nobody_floods_a_mailbox_with_announcements(one: ReaderSetup) -> None:
    for number in range(notices.MOST_A_DAY["details_changed"]):
        save(one, DetailsForm(name=f"Name {number}"), number)
    with pytest.raises(StateError):
        save(one, DetailsForm(name="One more"), 20)
    save(one, DetailsForm(name="Tomorrow"), 25 * 60)
    assert one.contact().name == "Tomorrow"


def test_a_reader_who_is_gone_changes_nothing_and_gets_no_letter(one: ReaderSetup) -> None:
    saved = save(one, DetailsForm(name="Somebody"))
    assert saved.change
    key = f"details_changed:{saved.change.id}"
    with one.db.write() as conn:
        erasing.erase(conn, one.reader.id, NOW)
    gone = save(one, DetailsForm(name="Again"), 1)
    assert (gone.change, gone.reader.stand) == (None, "gone")
    with one.db.read() as conn:
        mailing = outbox.find(conn, key)
        assert mailing
        assert notices.fill(conn, mailing, [one.reader.id], TOKENS) == {}
    with one.db.write() as conn:
        assert details.undo(conn, one.token(Purpose.UNDO_CHANGE, saved.change.id), NOW)[0].stand == "gone"


@pytest.mark.parametrize(("scope", "told"), [("topic", "Nieuws"), ("all", "Al onze mails")])
def test_an_opt_out_is_confirmed_by_mail_where_the_organisation_wants_it(
    one: ReaderSetup, scope: optout.Scope, told: str
) -> None:
    with one.db.write() as conn:
        left = optout.opt_out(conn, one.token(Purpose.OPT_OUT), scope, NOW)
        one.service_mail.opted_out(conn, one.reader, left.change, NOW)
        mailing = outbox.find(conn, f"opted_out:{left.change}")
    values = one.mail(f"opted_out:{left.change}")
    assert values["left"] == [told]
    token = TOKENS.read(str(values["undo"]).removeprefix("https://mail.vng.example/c/undo/"), Purpose.UNDO, NOW)
    assert mailing
    assert one.claimed(mailing.id)
    with one.db.write() as conn:
        assert optout.undo(conn, token, NOW).stand == "on"


def test_a_change_of_language_is_announced_in_the_language_before_it(one: ReaderSetup) -> None:
    saved = save(one, DetailsForm(language="fr"))
    assert saved.change
    with one.db.read() as conn:
        mailing = outbox.find(conn, f"details_changed:{saved.change.id}")
        assert mailing
        assert archive.letter(conn, mailing.spec.snapshot).language == "nl"

"""Leaving, coming back, less often and pauses, down to what the claim then does."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from mailer import outbox, suppression
from mailer.errors import InputError, TokenError
from mailer.letter.brand import builtin_brand
from mailer.outbox import Settlement
from mailer.signing import Purpose, Token
from mailer.storage import Database
from tests.support.house_db import IDENTITY
from tests.support.leaver import NOW, PEPPER, SENDER, House
from unsubscribe import changes, consent, contacts, details, optout
from unsubscribe.contacts import Contact, Person
from unsubscribe.notices import ServiceMailer

ORGANISATION = details.DetailsPolicy(ServiceMailer(IDENTITY, builtin_brand("VNG"), "info@vng.example", pepper=PEPPER))


@pytest.fixture
def house(house_database: Database) -> House:
    return House(house_database)


def test_looking_at_the_page_changes_nothing(house: House) -> None:
    mailing = house.mailing("a")
    reader = house.look(mailing)
    assert (reader.masked, reader.scope, reader.stand) == ("e•••@g•••.example", "nieuws", "on")
    assert house.states() == {"nieuws": "subscribed", "agenda": "subscribed"}
    assert house.kinds() == []


def test_leaving_leaves_the_topic_of_the_letter_and_no_other(house: House) -> None:
    left = house.leave(house.mailing("a"))
    assert (left.scope, left.already, left.reader.stand) == ("topic", False, "left_topic")
    assert house.states() == {"nieuws": "opted_out", "agenda": "subscribed"}
    assert house.kinds() == [("withdrawn", "nieuws")]


def test_who_left_is_not_claimed_for_that_topic_and_still_for_another(house: House) -> None:
    news, agenda = house.mailing("a"), house.mailing("b", "agenda")
    house.leave(news)
    assert house.claim(news) == []
    assert len(house.claim(agenda)) == 1


def test_leaving_everything_holds_back_every_topic_also_one_that_comes_later(house: House) -> None:
    house.leave(house.mailing("a"), "all")
    assert house.states() == {"nieuws": "opted_out", "agenda": "opted_out"}
    assert house.claim(house.mailing("b", "agenda")) == []
    assert house.claim(house.mailing("c", "later")) == []
    assert house.look(house.mailing("d")).stand == "left_all"


def test_leaving_still_lets_service_mail_through(house: House) -> None:
    house.leave(house.mailing("a"), "all")
    assert len(house.claim(house.mailing("s", "", "service"))) == 1


def test_leaving_twice_is_leaving_once(house: House) -> None:
    mailing = house.mailing("a")
    first, second = house.leave(mailing), house.leave(mailing, now=NOW + timedelta(minutes=1))
    assert (first.already, second.already) == (False, True)
    assert house.kinds() == [("withdrawn", "nieuws")]


def test_the_same_reader_twice_in_one_batch_leaves_once(house: House) -> None:
    news, agenda = house.mailing("a"), house.mailing("b", "agenda")
    wishes = [optout.OptOutRequest(house.token(mailing)) for mailing in (news, news, agenda)]
    with house.db.write() as conn:
        answers = optout.opt_out_many(conn, wishes, NOW)
    assert [answer.already for answer in answers] == [False, True, False]
    assert house.states() == {"nieuws": "opted_out", "agenda": "opted_out"}


def test_an_old_undo_leaves_a_newer_opt_out_alone(house: House) -> None:
    mailing = house.mailing("a")
    first = house.leave(mailing, "all")
    with house.db.write() as conn:
        suppression.lift(conn, house.reader.address_hash, suppression.EVERYTHING, ["opt_out"])
        topic = contacts.topic(conn, "nieuws")
        contacts.subscribe(conn, house.reader.id, topic.id, NOW, statement=0, rejoin=True)
        consent.record(conn, consent.ConsentEvent(house.reader.id, "given", "nieuws", NOW), NOW)
    house.leave(mailing, "all", NOW + timedelta(minutes=1))
    with house.db.write() as conn:
        optout.undo(conn, house.token(mailing, first.change), NOW + timedelta(minutes=2))
    assert house.states()["nieuws"] == "opted_out"
    assert house.claim(mailing) == []


def test_undo_puts_back_exactly_what_was_there(house: House) -> None:
    mailing = house.mailing("a")
    with house.db.read() as conn:
        before = contacts.standings(conn, [house.reader.id])
    left = house.leave(mailing)
    with house.db.write() as conn:
        back = optout.undo(conn, house.token(mailing, left.change), NOW)
        after = contacts.standings(conn, [house.reader.id])
        assert suppression.entries(conn, house.reader.address_hash) == []
    assert back.stand == "on"
    assert after == before
    assert house.kinds() == [("withdrawn", "nieuws"), ("undone", "nieuws")]
    assert len(house.claim(mailing)) == 1


def test_undo_twice_is_undo_once(house: House) -> None:
    mailing = house.mailing("a")
    left = house.leave(mailing)
    for _ in range(2):
        with house.db.write() as conn:
            optout.undo(conn, house.token(mailing, left.change), NOW)
    assert house.kinds() == [("withdrawn", "nieuws"), ("undone", "nieuws")]


def test_only_the_answer_to_the_act_itself_can_take_an_opt_out_back(house: House) -> None:
    mailing = house.mailing("a")
    assert house.leave(mailing).change
    assert house.leave(mailing, now=NOW + timedelta(minutes=1)).change == 0


def test_leaving_everything_after_a_topic_gives_back_no_more_than_it_took(house: House) -> None:
    mailing = house.mailing("a")
    house.leave(mailing)
    left = house.leave(mailing, "all", NOW + timedelta(minutes=1))
    with house.db.write() as conn:
        optout.undo(conn, house.token(mailing, left.change), NOW + timedelta(minutes=2))
    assert house.states() == {"nieuws": "opted_out", "agenda": "subscribed"}
    assert house.look(mailing).stand == "left_topic"


def test_undo_after_leaving_the_topic_and_then_everything_puts_back_both(house: House) -> None:
    mailing = house.mailing("a")
    first = house.leave(mailing)
    wish = optout.OptOutRequest(house.token(mailing), "all", earlier=first.change)
    with house.db.write() as conn:
        (left,) = optout.opt_out_many(conn, [wish], NOW + timedelta(minutes=1))
    with house.db.write() as conn:
        optout.undo(conn, house.token(mailing, left.change), NOW + timedelta(minutes=2))
    assert house.states() == {"nieuws": "subscribed", "agenda": "subscribed"}
    assert house.look(mailing).stand == "on"


def test_undo_leaves_alone_what_changed_since(house: House) -> None:
    mailing = house.mailing("a")
    left = house.leave(mailing)
    with house.db.write() as conn:
        topic = contacts.topic(conn, "nieuws")
        contacts.set_state(conn, house.reader.id, topic.id, "pending", NOW + timedelta(minutes=1))
        optout.undo(conn, house.token(mailing, left.change), NOW + timedelta(minutes=2))
    assert house.states()["nieuws"] == "pending"


def test_somebody_elses_act_cannot_be_undone(house: House) -> None:
    mailing = house.mailing("a")
    left = house.leave(mailing)
    with house.db.write() as conn:
        other = contacts.add(conn, Person("other@gouda.example"), PEPPER, NOW)
        with pytest.raises(TokenError):
            optout.undo(conn, Token(Purpose.UNDO, mailing, other.id, 1, left.change), NOW)
    assert house.states()["nieuws"] == "opted_out"


def test_an_old_letter_gives_whoever_holds_it_no_way_to_undo(house: House) -> None:
    mailing = house.mailing("a")
    house.leave(mailing)
    later = house.leave(mailing, now=NOW + timedelta(hours=1))
    assert (later.already, later.change) == (True, 0)


def test_a_reader_who_is_gone_is_answered_as_done(house: House) -> None:
    mailing = house.mailing("a")
    with house.db.write() as conn:
        contacts.remove(conn, house.reader.id)
    left = house.leave(mailing)
    assert (left.already, left.change, left.reader.stand, left.reader.masked) == (True, 0, "gone", "")


def test_a_letter_whose_mailing_is_gone_leaves_everything(house: House) -> None:
    left = house.leave(4_000_000)
    assert left.scope == "all"
    assert house.states() == {"nieuws": "opted_out", "agenda": "opted_out"}


def test_a_letter_in_doubt_whose_link_is_used_has_arrived(house: House) -> None:
    mailing = house.mailing("a")
    (taken,) = house.claim(mailing)
    with house.db.write() as conn:
        outbox.settle(conn, SENDER, [Settlement(taken.delivery, mailing, taken.attempt, "in_doubt")], NOW)
    house.leave(mailing)
    with house.db.read() as conn:
        counts = outbox.get(conn, mailing).counts
    assert (counts.in_doubt, counts.accepted) == (0, 1)


def less_often(house: House, days: int, subject: int = 0, now: datetime = NOW) -> optout.Subscriber:
    with house.db.write() as conn:
        return details.less_often(conn, house.token(1, subject, Purpose.LESS_OFTEN), days, ORGANISATION, now)


def test_less_often_lets_one_letter_a_week_through(house: House) -> None:
    less_often(house, 7)
    day = timedelta(days=1)
    sent = [bool(house.claim(house.mailing(f"m{n}"), NOW + n * day)) for n in range(1, 22)]
    assert [n for n, was in enumerate(sent, 1) if was] == [5, 11, 17]


def test_a_weekly_letter_passes_a_weekly_limit_also_when_it_is_some_hours_early(house: House) -> None:
    less_often(house, 7, now=NOW + timedelta(hours=3))
    for week in range(1, 5):
        early = timedelta(hours=week % 2 * 5)
        assert house.claim(house.mailing(f"w{week}"), NOW + timedelta(days=7 * week) - early)


def test_two_campaigns_at_the_same_hour_send_one_letter_to_who_wants_less(house: House) -> None:
    less_often(house, 30)
    first, second = house.mailing("a"), house.mailing("b", "agenda")
    later = NOW + timedelta(days=31)
    with house.db.write() as conn:
        taken = outbox.claim(conn, SENDER, {first: 10, second: 10}, later)
    assert [item.mailing for item in taken] == [first]


def test_a_letter_that_is_tried_again_does_not_stand_in_its_own_way(house: House) -> None:
    less_often(house, 7)
    mailing, later = house.mailing("a"), NOW + timedelta(days=10)
    (taken,) = house.claim(mailing, later)
    back = Settlement(taken.delivery, mailing, taken.attempt, "retry", retry_at=later + timedelta(hours=1))
    with house.db.write() as conn:
        outbox.settle(conn, SENDER, [back], later)
    assert len(house.claim(mailing, later + timedelta(hours=2))) == 1


def test_service_mail_does_not_count_as_a_letter(house: House) -> None:
    less_often(house, 7)
    later = NOW + timedelta(days=10)
    assert house.claim(house.mailing("s", "", "service"), later)
    assert house.claim(house.mailing("a"), later)


def test_choosing_less_often_instead_takes_back_the_opt_out(house: House) -> None:
    left = house.leave(house.mailing("a"))
    reader = less_often(house, 7, left.change)
    assert reader.stand == "on"
    assert house.states()["nieuws"] == "subscribed"
    assert house.claim(house.mailing("b"), NOW + timedelta(days=1)) == []


def test_each_letter_again_ends_the_limit(house: House) -> None:
    less_often(house, 30)
    less_often(house, 0)
    assert len(house.claim(house.mailing("a"))) == 1


def test_another_number_of_days_is_refused(house: House) -> None:
    with pytest.raises(InputError):
        less_often(house, 5)


def test_a_pause_ends_by_itself(house: House) -> None:
    until = NOW + timedelta(days=20)
    with house.db.write() as conn:
        details.pause(conn, house.token(1, 0, Purpose.PAUSE), until, ORGANISATION, NOW)
    assert house.claim(house.mailing("a"), until - timedelta(seconds=1)) == []
    assert len(house.claim(house.mailing("b"), until)) == 1


def test_a_pause_is_ended_early_by_the_reader(house: House) -> None:
    for until in (NOW + timedelta(days=20), None):
        with house.db.write() as conn:
            details.pause(conn, house.token(1, 0, Purpose.PAUSE), until, ORGANISATION, NOW)
    assert len(house.claim(house.mailing("a"))) == 1


@pytest.mark.parametrize("days", [-1, 0, 400])
def test_a_pause_ends_after_now_and_within_a_year(house: House, days: int) -> None:
    with house.db.write() as conn, pytest.raises(InputError):
        details.pause(conn, house.token(1, 0, Purpose.PAUSE), NOW + timedelta(days=days), ORGANISATION, NOW)


def test_the_acts_of_a_reader_are_kept_in_order(house: House) -> None:
    house.leave(house.mailing("a"))
    house.leave(house.mailing("b", "agenda"))
    with house.db.read() as conn:
        acts = changes.of_contact(conn, house.reader.id)
    assert [act.after["scope"] for act in acts] == ["nieuws", "agenda"]


def test_the_contact_type_is_what_the_page_masks(house: House) -> None:
    reader = house.look(house.mailing("a"))
    assert isinstance(reader.contact, Contact)
    assert "esther" not in reader.masked

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
from tests.support.opt_out_setup import NOW, PEPPER, SENDER, OptOutSetup
from tests.support.sending_db import IDENTITY
from unsubscribe import changes, consent, contacts, details, optout
from unsubscribe.contacts import Contact, Person
from unsubscribe.notices import ServiceMailer

ORGANISATION = details.DetailsPolicy(ServiceMailer(IDENTITY, builtin_brand("VNG"), "info@vng.example", pepper=PEPPER))


@pytest.fixture
def setup(house_database: Database) -> OptOutSetup:
    return OptOutSetup(house_database)


def test_looking_at_the_page_changes_nothing(setup: OptOutSetup) -> None:
    mailing = setup.mailing("a")
    reader = setup.look(mailing)
    assert (reader.masked, reader.scope, reader.stand) == ("e•••@g•••.example", "nieuws", "on")
    assert setup.states() == {"nieuws": "subscribed", "agenda": "subscribed"}
    assert setup.kinds() == []


def test_leaving_leaves_the_topic_of_the_letter_and_no_other(setup: OptOutSetup) -> None:
    left = setup.leave(setup.mailing("a"))
    assert (left.scope, left.already, left.reader.stand) == ("topic", False, "left_topic")
    assert setup.states() == {"nieuws": "opted_out", "agenda": "subscribed"}
    assert setup.kinds() == [("withdrawn", "nieuws")]


def test_who_left_is_not_claimed_for_that_topic_and_still_for_another(setup: OptOutSetup) -> None:
    news, agenda = setup.mailing("a"), setup.mailing("b", "agenda")
    setup.leave(news)
    assert setup.claim(news) == []
    assert len(setup.claim(agenda)) == 1


def test_leaving_everything_holds_back_every_topic_also_one_that_comes_later(setup: OptOutSetup) -> None:
    setup.leave(setup.mailing("a"), "all")
    assert setup.states() == {"nieuws": "opted_out", "agenda": "opted_out"}
    assert setup.claim(setup.mailing("b", "agenda")) == []
    assert setup.claim(setup.mailing("c", "later")) == []
    assert setup.look(setup.mailing("d")).stand == "left_all"


def test_leaving_still_lets_service_mail_through(setup: OptOutSetup) -> None:
    setup.leave(setup.mailing("a"), "all")
    assert len(setup.claim(setup.mailing("s", "", "service"))) == 1


def test_leaving_twice_is_leaving_once(setup: OptOutSetup) -> None:
    mailing = setup.mailing("a")
    first, second = setup.leave(mailing), setup.leave(mailing, now=NOW + timedelta(minutes=1))
    assert (first.already, second.already) == (False, True)
    assert setup.kinds() == [("withdrawn", "nieuws")]


def test_the_same_reader_twice_in_one_batch_leaves_once(setup: OptOutSetup) -> None:
    news, agenda = setup.mailing("a"), setup.mailing("b", "agenda")
    wishes = [optout.OptOutRequest(setup.token(mailing)) for mailing in (news, news, agenda)]
    with setup.db.write() as conn:
        answers = optout.opt_out_many(conn, wishes, NOW)
    assert [answer.already for answer in answers] == [False, True, False]
    assert setup.states() == {"nieuws": "opted_out", "agenda": "opted_out"}


def test_an_old_undo_leaves_a_newer_opt_out_alone(setup: OptOutSetup) -> None:
    mailing = setup.mailing("a")
    first = setup.leave(mailing, "all")
    with setup.db.write() as conn:
        suppression.lift(conn, setup.reader.address_hash, suppression.EVERYTHING, ["opt_out"])
        topic = contacts.topic(conn, "nieuws")
        contacts.subscribe(conn, setup.reader.id, topic.id, NOW, statement=0, rejoin=True)
        consent.record(conn, consent.ConsentEvent(setup.reader.id, "given", "nieuws", NOW), NOW)
    setup.leave(mailing, "all", NOW + timedelta(minutes=1))
    with setup.db.write() as conn:
        optout.undo(conn, setup.token(mailing, first.change), NOW + timedelta(minutes=2))
    assert setup.states()["nieuws"] == "opted_out"
    assert setup.claim(mailing) == []


def test_undo_puts_back_exactly_what_was_there(setup: OptOutSetup) -> None:
    mailing = setup.mailing("a")
    with setup.db.read() as conn:
        before = contacts.standings(conn, [setup.reader.id])
    left = setup.leave(mailing)
    with setup.db.write() as conn:
        back = optout.undo(conn, setup.token(mailing, left.change), NOW)
        after = contacts.standings(conn, [setup.reader.id])
        assert suppression.entries(conn, setup.reader.address_hash) == []
    assert back.stand == "on"
    assert after == before
    assert setup.kinds() == [("withdrawn", "nieuws"), ("undone", "nieuws")]
    assert len(setup.claim(mailing)) == 1


def test_undo_twice_is_undo_once(setup: OptOutSetup) -> None:
    mailing = setup.mailing("a")
    left = setup.leave(mailing)
    for _ in range(2):
        with setup.db.write() as conn:
            optout.undo(conn, setup.token(mailing, left.change), NOW)
    assert setup.kinds() == [("withdrawn", "nieuws"), ("undone", "nieuws")]


def test_only_the_answer_to_the_act_itself_can_take_an_opt_out_back(setup: OptOutSetup) -> None:
    mailing = setup.mailing("a")
    assert setup.leave(mailing).change
    assert setup.leave(mailing, now=NOW + timedelta(minutes=1)).change == 0


def test_leaving_everything_after_a_topic_gives_back_no_more_than_it_took(setup: OptOutSetup) -> None:
    mailing = setup.mailing("a")
    setup.leave(mailing)
    left = setup.leave(mailing, "all", NOW + timedelta(minutes=1))
    with setup.db.write() as conn:
        optout.undo(conn, setup.token(mailing, left.change), NOW + timedelta(minutes=2))
    assert setup.states() == {"nieuws": "opted_out", "agenda": "subscribed"}
    assert setup.look(mailing).stand == "left_topic"


def test_undo_after_leaving_the_topic_and_then_everything_puts_back_both(setup: OptOutSetup) -> None:
    mailing = setup.mailing("a")
    first = setup.leave(mailing)
    wish = optout.OptOutRequest(setup.token(mailing), "all", earlier=first.change)
    with setup.db.write() as conn:
        (left,) = optout.opt_out_many(conn, [wish], NOW + timedelta(minutes=1))
    with setup.db.write() as conn:
        optout.undo(conn, setup.token(mailing, left.change), NOW + timedelta(minutes=2))
    assert setup.states() == {"nieuws": "subscribed", "agenda": "subscribed"}
    assert setup.look(mailing).stand == "on"


def test_undo_leaves_alone_what_changed_since(setup: OptOutSetup) -> None:
    mailing = setup.mailing("a")
    left = setup.leave(mailing)
    with setup.db.write() as conn:
        topic = contacts.topic(conn, "nieuws")
        contacts.set_state(conn, setup.reader.id, topic.id, "pending", NOW + timedelta(minutes=1))
        optout.undo(conn, setup.token(mailing, left.change), NOW + timedelta(minutes=2))
    assert setup.states()["nieuws"] == "pending"


def test_somebody_elses_act_cannot_be_undone(setup: OptOutSetup) -> None:
    mailing = setup.mailing("a")
    left = setup.leave(mailing)
    with setup.db.write() as conn:
        other = contacts.add(conn, Person("other@gouda.example"), PEPPER, NOW)
        with pytest.raises(TokenError):
            optout.undo(conn, Token(Purpose.UNDO, mailing, other.id, 1, left.change), NOW)
    assert setup.states()["nieuws"] == "opted_out"


def test_an_old_letter_gives_whoever_holds_it_no_way_to_undo(setup: OptOutSetup) -> None:
    mailing = setup.mailing("a")
    setup.leave(mailing)
    later = setup.leave(mailing, now=NOW + timedelta(hours=1))
    assert (later.already, later.change) == (True, 0)


def test_a_reader_who_is_gone_is_answered_as_done(setup: OptOutSetup) -> None:
    mailing = setup.mailing("a")
    with setup.db.write() as conn:
        contacts.remove(conn, setup.reader.id)
    left = setup.leave(mailing)
    assert (left.already, left.change, left.reader.stand, left.reader.masked) == (True, 0, "gone", "")


def test_a_letter_whose_mailing_is_gone_leaves_everything(setup: OptOutSetup) -> None:
    left = setup.leave(4_000_000)
    assert left.scope == "all"
    assert setup.states() == {"nieuws": "opted_out", "agenda": "opted_out"}


def test_a_letter_in_doubt_whose_link_is_used_has_arrived(setup: OptOutSetup) -> None:
    mailing = setup.mailing("a")
    (taken,) = setup.claim(mailing)
    with setup.db.write() as conn:
        outbox.settle(conn, SENDER, [Settlement(taken.delivery, mailing, taken.attempt, "in_doubt")], NOW)
    setup.leave(mailing)
    with setup.db.read() as conn:
        counts = outbox.get(conn, mailing).counts
    assert (counts.in_doubt, counts.accepted) == (0, 1)


def less_often(setup: OptOutSetup, days: int, subject: int = 0, now: datetime = NOW) -> optout.Subscriber:
    with setup.db.write() as conn:
        return details.less_often(conn, setup.token(1, subject, Purpose.LESS_OFTEN), days, ORGANISATION, now)


def test_less_often_lets_one_letter_a_week_through(setup: OptOutSetup) -> None:
    less_often(setup, 7)
    day = timedelta(days=1)
    sent = [bool(setup.claim(setup.mailing(f"m{n}"), NOW + n * day)) for n in range(1, 22)]
    assert [n for n, was in enumerate(sent, 1) if was] == [5, 11, 17]


def test_a_weekly_letter_passes_a_weekly_limit_also_when_it_is_some_hours_early(setup: OptOutSetup) -> None:
    less_often(setup, 7, now=NOW + timedelta(hours=3))
    for week in range(1, 5):
        early = timedelta(hours=week % 2 * 5)
        assert setup.claim(setup.mailing(f"w{week}"), NOW + timedelta(days=7 * week) - early)


def test_two_campaigns_at_the_same_hour_send_one_letter_to_who_wants_less(setup: OptOutSetup) -> None:
    less_often(setup, 30)
    first, second = setup.mailing("a"), setup.mailing("b", "agenda")
    later = NOW + timedelta(days=31)
    with setup.db.write() as conn:
        taken = outbox.claim(conn, SENDER, {first: 10, second: 10}, later)
    assert [item.mailing for item in taken] == [first]


def test_a_letter_that_is_tried_again_does_not_stand_in_its_own_way(setup: OptOutSetup) -> None:
    less_often(setup, 7)
    mailing, later = setup.mailing("a"), NOW + timedelta(days=10)
    (taken,) = setup.claim(mailing, later)
    back = Settlement(taken.delivery, mailing, taken.attempt, "retry", retry_at=later + timedelta(hours=1))
    with setup.db.write() as conn:
        outbox.settle(conn, SENDER, [back], later)
    assert len(setup.claim(mailing, later + timedelta(hours=2))) == 1


def test_service_mail_does_not_count_as_a_letter(setup: OptOutSetup) -> None:
    less_often(setup, 7)
    later = NOW + timedelta(days=10)
    assert setup.claim(setup.mailing("s", "", "service"), later)
    assert setup.claim(setup.mailing("a"), later)


def test_choosing_less_often_instead_takes_back_the_opt_out(setup: OptOutSetup) -> None:
    left = setup.leave(setup.mailing("a"))
    reader = less_often(setup, 7, left.change)
    assert reader.stand == "on"
    assert setup.states()["nieuws"] == "subscribed"
    assert setup.claim(setup.mailing("b"), NOW + timedelta(days=1)) == []


def test_each_letter_again_ends_the_limit(setup: OptOutSetup) -> None:
    less_often(setup, 30)
    less_often(setup, 0)
    assert len(setup.claim(setup.mailing("a"))) == 1


def test_another_number_of_days_is_refused(setup: OptOutSetup) -> None:
    with pytest.raises(InputError):
        less_often(setup, 5)


def test_a_pause_ends_by_itself(setup: OptOutSetup) -> None:
    until = NOW + timedelta(days=20)
    with setup.db.write() as conn:
        details.pause(conn, setup.token(1, 0, Purpose.PAUSE), until, ORGANISATION, NOW)
    assert setup.claim(setup.mailing("a"), until - timedelta(seconds=1)) == []
    assert len(setup.claim(setup.mailing("b"), until)) == 1


def test_a_pause_is_ended_early_by_the_reader(setup: OptOutSetup) -> None:
    for until in (NOW + timedelta(days=20), None):
        with setup.db.write() as conn:
            details.pause(conn, setup.token(1, 0, Purpose.PAUSE), until, ORGANISATION, NOW)
    assert len(setup.claim(setup.mailing("a"))) == 1


@pytest.mark.parametrize("days", [-1, 0, 400])
def test_a_pause_ends_after_now_and_within_a_year(setup: OptOutSetup, days: int) -> None:
    with setup.db.write() as conn, pytest.raises(InputError):
        details.pause(conn, setup.token(1, 0, Purpose.PAUSE), NOW + timedelta(days=days), ORGANISATION, NOW)


def test_the_acts_of_a_reader_are_kept_in_order(setup: OptOutSetup) -> None:
    setup.leave(setup.mailing("a"))
    setup.leave(setup.mailing("b", "agenda"))
    with setup.db.read() as conn:
        acts = changes.of_contact(conn, setup.reader.id)
    assert [act.after["scope"] for act in acts] == ["nieuws", "agenda"]


def test_the_contact_type_is_what_the_page_masks(setup: OptOutSetup) -> None:
    reader = setup.look(setup.mailing("a"))
    assert isinstance(reader.contact, Contact)
    assert "esther" not in reader.masked

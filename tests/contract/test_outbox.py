"""The outbox on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from mailer import outbox, suppression
from mailer.errors import InputError, StateError
from mailer.outbox import Claimed, Sender, Settlement
from mailer.storage import Database
from tests.support.sending_db import NOW, counts, fill, hash_of, later, person, spec, states


@pytest.fixture
def sender(db: Database, tmp_path: Path) -> Iterator[Sender]:
    made = outbox.register(db, tmp_path, "test", NOW)
    yield made
    made.abandon()


def claim(sender: Sender, mailing: int, number: int = 10, now=NOW, given_up=None) -> list[Claimed]:
    with sender.write() as conn:
        return outbox.claim(conn, sender.id, {mailing: number}, now, given_up)


def settle(sender: Sender, claims: list[Claimed], state: str, **more) -> int:
    items = [Settlement(item.delivery, item.mailing, item.attempt, state, **more) for item in claims]
    with sender.write() as conn:
        return outbox.settle(conn, sender.id, items, NOW)


def test_opening_with_a_known_key_gives_the_mailing_that_is_there(db: Database) -> None:
    first = fill(db, 2)
    with db.write() as conn:
        again = outbox.open_mailing(conn, spec(scope="another"), later(days=1))
    assert (again.id, again.spec.scope, again.created_at) == (first, "news", NOW)


def test_a_recipient_is_added_once_however_often_she_is_enqueued(db: Database) -> None:
    mailing = fill(db, 3)
    with db.write() as conn:
        assert outbox.enqueue(conn, mailing, [person(2), person(3), person(4)], 4, NOW) == 1
        assert outbox.enqueue(conn, mailing, [], 9, NOW) == 0
        assert outbox.get(conn, mailing).audience_position == 9
    assert counts(db, mailing) == {"recipients": 4, "waiting": 4}


def test_enqueueing_into_a_mailing_that_is_not_there_is_an_error(db: Database) -> None:
    with pytest.raises(InputError), db.write() as conn:
        outbox.enqueue(conn, 99, [], 0, NOW)
    with pytest.raises(InputError), db.read() as conn:
        outbox.get(conn, 99)


def test_a_claim_takes_the_heads_of_the_queue_and_counts_them(db: Database, sender: Sender) -> None:
    mailing = fill(db, 5)
    taken = claim(sender, mailing, 3)
    assert [(item.recipient, item.attempt, item.tries, item.first_claimed_at) for item in taken] == [
        (1, 1, 0, NOW),
        (2, 1, 0, NOW),
        (3, 1, 0, NOW),
    ]
    assert taken[0].address == "reader1@example.org"
    assert counts(db, mailing) == {"recipients": 5, "waiting": 2, "sending": 3}


def test_no_row_is_claimed_twice(db: Database, sender: Sender) -> None:
    mailing = fill(db, 5)
    assert len(claim(sender, mailing)) == 5
    assert claim(sender, mailing) == []


@pytest.mark.parametrize(
    ("scope", "reason", "until", "kind", "taken"),
    [
        ("news", "opt_out", None, "campaign", False),
        ("", "opt_out", None, "campaign", False),
        ("other", "opt_out", None, "campaign", True),
        ("", "pause", timedelta(hours=1), "campaign", False),
        ("", "pause", timedelta(0), "campaign", True),
        ("news", "less_often", timedelta(days=9), "campaign", False),
        ("", "complaint", None, "campaign", False),
        ("", "erased", None, "campaign", False),
        ("", "undeliverable", None, "campaign", False),
        ("", "opt_out", None, "service", True),
        ("", "complaint", None, "service", True),
        ("", "undeliverable", None, "service", False),
    ],
)
def test_an_opt_out_holds_back_campaigns_and_a_dead_address_everything(
    db: Database, sender: Sender, scope: str, reason, until, kind: str, taken: bool
) -> None:
    mailing = fill(db, 2, kind=kind, scope="news" if kind == "campaign" else "")
    with db.write() as conn:
        end = NOW + until if until is not None else None
        suppression.suppress(conn, hash_of(1), scope, reason, NOW, end)
    assert [item.recipient for item in claim(sender, mailing)] == ([1, 2] if taken else [2])
    asked = fill(db, 2, "asked", kind="service", scope="", asked_for=True)
    assert [item.recipient for item in claim(sender, asked)] == [1, 2]
    if not taken:
        with db.read() as conn:
            (row,) = outbox.deliveries(conn, mailing, "skipped")
        assert (row.recipient, row.reason) == (1, f"suppressed:{reason}")
        assert counts(db, mailing) == {"recipients": 2, "sending": 1, "skipped": 1}


def test_a_queue_whose_head_has_left_is_not_blocked(db: Database, sender: Sender) -> None:
    mailing = fill(db, 60)
    with db.write() as conn:
        for number in range(1, 51):
            suppression.suppress(conn, hash_of(number), "", "opt_out", NOW)
    assert [item.recipient for item in claim(sender, mailing, 10)] == list(range(51, 61))


@pytest.mark.parametrize("stop", ["hold", "cancel"])
def test_nothing_is_claimed_of_a_mailing_that_is_not_open(db: Database, sender: Sender, stop: str) -> None:
    mailing = fill(db, 3)
    with db.write() as conn:
        if stop == "hold":
            assert outbox.hold(conn, mailing, "why", NOW)
            assert not outbox.hold(conn, mailing, "another why", NOW)
            assert outbox.get(conn, mailing).reason == "why"
        else:
            assert outbox.cancel(conn, mailing, NOW) == 0
    assert claim(sender, mailing) == []


def test_a_held_mailing_goes_on_when_it_is_released(db: Database, sender: Sender) -> None:
    mailing = fill(db, 3)
    with db.write() as conn:
        outbox.hold(conn, mailing, "why", NOW)
        assert outbox.release(conn, mailing, NOW)
        assert not outbox.release(conn, mailing, NOW)
    assert len(claim(sender, mailing)) == 3


def test_what_is_too_late_is_skipped(db: Database, sender: Sender) -> None:
    mailing = fill(db, 3, send_before=later(hours=1))
    assert len(claim(sender, mailing, 1, now=NOW)) == 1
    assert claim(sender, mailing, 9, now=later(hours=1)) == []
    assert states(db, mailing) == {1: "sending", 2: "skipped", 3: "skipped"}


def test_settling_is_for_the_sender_and_the_attempt_that_claimed(db: Database, sender: Sender, tmp_path: Path) -> None:
    mailing = fill(db, 2)
    one, two = claim(sender, mailing)
    other = outbox.register(db, tmp_path, "other", NOW)
    assert settle(other, [one], "accepted") == 0
    with sender.write() as conn:
        wrong = Settlement(two.delivery, mailing, two.attempt + 1, "accepted")
        assert outbox.settle(conn, sender.id, [wrong], NOW) == 0
    assert settle(sender, [one, two], "accepted", code=250, text="ok") == 2
    assert settle(sender, [one, two], "accepted") == 0
    assert counts(db, mailing) == {"recipients": 2, "accepted": 2}
    other.abandon()


def test_a_group_of_which_some_are_gone_settles_the_others(db: Database, sender: Sender) -> None:
    mailing = fill(db, 3)
    claims = claim(sender, mailing)
    settle(sender, claims[:1], "refused", reason="no_mailbox")
    assert settle(sender, claims, "accepted") == 2
    assert counts(db, mailing) == {"recipients": 3, "accepted": 2, "refused": 1}


def test_a_retry_comes_back_when_it_is_due_with_the_same_date(db: Database, sender: Sender) -> None:
    mailing = fill(db, 2)
    claims = claim(sender, mailing)
    settle(sender, claims, "retry", retry_at=later(minutes=30), code=451, text="later")
    with db.read() as conn:
        assert outbox.next_retry(conn, mailing) == later(minutes=30)
    assert claim(sender, mailing, now=later(minutes=29)) == []
    again = claim(sender, mailing, now=later(minutes=30))
    assert [(item.attempt, item.tries, item.first_claimed_at) for item in again] == [(2, 1, NOW), (2, 1, NOW)]
    assert counts(db, mailing) == {"recipients": 2, "sending": 2}


def test_a_retry_that_somebody_left_meanwhile_is_skipped(db: Database, sender: Sender) -> None:
    mailing = fill(db, 1)
    settle(sender, claim(sender, mailing), "retry", retry_at=later(minutes=30))
    with db.write() as conn:
        suppression.suppress(conn, hash_of(1), "news", "opt_out", NOW)
    assert claim(sender, mailing, now=later(hours=1)) == []
    assert states(db, mailing) == {1: "skipped"}


def test_a_retry_whose_time_is_up_is_refused(db: Database, sender: Sender) -> None:
    mailing = fill(db, 1)
    settle(sender, claim(sender, mailing), "retry", retry_at=later(minutes=30))
    assert claim(sender, mailing, now=later(days=5), given_up=later(days=1)) == []
    assert states(db, mailing) == {1: "refused"}
    assert counts(db, mailing) == {"recipients": 1, "refused": 1}


def test_a_row_that_is_handed_back_goes_out_again_at_once_and_counts_no_try(db: Database, sender: Sender) -> None:
    mailing = fill(db, 1)
    settle(sender, claim(sender, mailing), "waiting")
    (again,) = claim(sender, mailing, now=later(seconds=1))
    assert (again.attempt, again.tries, again.first_claimed_at) == (2, 0, NOW)


def test_a_late_answer_of_its_own_sender_ends_a_doubt(db: Database, sender: Sender) -> None:
    mailing = fill(db, 2)
    claims = claim(sender, mailing)
    settle(sender, claims, "in_doubt", reason="lost")
    assert settle(sender, claims[:1], "accepted") == 1
    assert settle(sender, claims[1:], "waiting") == 0
    assert states(db, mailing) == {1: "accepted", 2: "in_doubt"}
    assert counts(db, mailing) == {"recipients": 2, "accepted": 1, "in_doubt": 1}


def test_doubts_are_listed_and_decided_by_address(db: Database, sender: Sender) -> None:
    mailing = fill(db, 3)
    settle(sender, claim(sender, mailing), "in_doubt", reason="lost")
    with db.read() as conn:
        listed = outbox.doubts(conn, mailing)
    assert [(item.address, item.at, item.sender, item.words) for item in listed] == [
        (f"reader{number}@example.org", NOW, "test", "lost") for number in (1, 2, 3)
    ]
    with db.write() as conn:
        assert outbox.decide(conn, mailing, "treat_as_sent", ["READER2@example.org", "nobody@example.org"], NOW) == 1
        assert outbox.decide(conn, mailing, "send_again", None, NOW) == 2
        assert outbox.decide(conn, mailing, "send_again", None, NOW) == 0
    assert states(db, mailing) == {1: "waiting", 2: "accepted", 3: "waiting"}
    assert [item.first_claimed_at for item in claim(sender, mailing, now=later(days=1))] == [NOW, NOW]


def test_sending_again_opens_a_closed_mailing(db: Database, sender: Sender) -> None:
    mailing = fill(db, 1)
    settle(sender, claim(sender, mailing), "in_doubt")
    with db.write() as conn:
        assert outbox.get(conn, mailing).finished
        assert outbox.close(conn, mailing, NOW)
        assert outbox.decide(conn, mailing, "send_again", None, NOW) == 1
        assert outbox.get(conn, mailing).state == "open"
    assert len(claim(sender, mailing)) == 1


def test_a_mailing_that_is_not_finished_is_not_closed(db: Database) -> None:
    mailing = fill(db, 1)
    with pytest.raises(StateError), db.write() as conn:
        outbox.close(conn, mailing, NOW)


def test_cancelling_skips_what_waits_and_lets_what_is_sent_be_settled(db: Database, sender: Sender) -> None:
    mailing = fill(db, 5)
    first, second, third, *_ = claim(sender, mailing, 4)
    settle(sender, [first], "retry", retry_at=later(minutes=30))
    settle(sender, [second], "in_doubt")
    with db.write() as conn:
        assert outbox.cancel(conn, mailing, NOW) == 0
    assert states(db, mailing) == {1: "skipped", 2: "skipped", 3: "sending", 4: "sending", 5: "skipped"}
    settle(sender, [third], "accepted")
    settle(sender, [_[0]], "waiting")
    with db.write() as conn:
        assert outbox.cancelled_ones(conn) == [mailing]
        assert outbox.cancel(conn, mailing, NOW) == 0
        assert outbox.cancelled_ones(conn) == []
    assert counts(db, mailing) == {"recipients": 5, "accepted": 1, "skipped": 4}


def test_a_large_mailing_is_cancelled_in_chunks(db: Database) -> None:
    mailing = fill(db, 2500)
    with db.write() as conn:
        assert outbox.cancel(conn, mailing, NOW) == 500
    with db.write() as conn:
        assert outbox.cancel(conn, mailing, NOW) == 0
    assert counts(db, mailing) == {"recipients": 2500, "skipped": 2500}


def test_a_chunk_stays_a_chunk_however_postgresql_plans_the_statement(db: Database) -> None:
    """A nested loop over a subquery with a limit runs it once a row, until nothing is left."""
    mailing = fill(db, 2500)
    with db.write() as conn:
        if not db.is_sqlite:
            for plan in ("hashagg", "hashjoin", "mergejoin", "sort", "material"):
                conn.execute(text(f"SET LOCAL enable_{plan} = off"))
        assert outbox.cancel(conn, mailing, NOW) == 500


def test_proof_ends_a_doubt_and_nothing_else(db: Database, sender: Sender) -> None:
    mailing = fill(db, 2)
    one, _two = claim(sender, mailing)
    settle(sender, [one], "in_doubt")
    with db.write() as conn:
        assert outbox.prove(conn, mailing, 1, NOW)
        assert not outbox.prove(conn, mailing, 1, NOW)
        assert not outbox.prove(conn, mailing, 2, NOW)
        assert not outbox.prove(conn, mailing, 99, NOW)
    assert states(db, mailing) == {1: "accepted", 2: "sending"}


@pytest.mark.parametrize("order", ["bounce first", "complaint first"])
def test_bounce_and_complaint_come_in_any_order_and_twice(db: Database, sender: Sender, order: str) -> None:
    mailing = fill(db, 1)
    settle(sender, claim(sender, mailing), "accepted")
    with db.write() as conn:
        if order == "bounce first":
            assert outbox.bounced(conn, mailing, 1, "no_mailbox", NOW)
            assert not outbox.bounced(conn, mailing, 1, "no_mailbox", NOW)
        assert outbox.complained(conn, mailing, 1, NOW)
        assert not outbox.complained(conn, mailing, 1, NOW)
        assert not outbox.bounced(conn, mailing, 1, "no_mailbox", NOW)
    assert counts(db, mailing) == {"recipients": 1, "complained": 1}


def test_a_bounce_proves_that_a_letter_in_doubt_was_sent(db: Database, sender: Sender) -> None:
    mailing = fill(db, 1)
    settle(sender, claim(sender, mailing), "in_doubt")
    with db.write() as conn:
        assert outbox.bounced(conn, mailing, 1, "no_mailbox", NOW)
    assert counts(db, mailing) == {"recipients": 1, "bounced": 1}


def test_an_erased_person_leaves_numbers_only(db: Database, sender: Sender) -> None:
    first, second = fill(db, 2), fill(db, 2, key="campaign:2")
    taken = claim(sender, first, 1)
    settle(sender, taken, "refused", code=550, text="5.1.1 <reader1@example.org> unknown")
    on_the_way = claim(sender, second, 1)
    with db.write() as conn:
        assert outbox.erase_recipient(conn, 1, NOW) == 2
        assert outbox.erase_recipient(conn, 2, NOW) == 2
    settle(sender, on_the_way, "refused", code=550, text="5.1.1 <reader1@example.org> unknown")
    with db.read() as conn:
        rows = [*outbox.deliveries(conn, first), *outbox.deliveries(conn, second)]
    assert [(row.recipient, row.state, row.address, row.domain, row.reply) for row in rows] == [
        (1, "refused", "", "", ""),
        (2, "skipped", "", "", ""),
        (1, "refused", "", "", ""),
        (2, "skipped", "", "", ""),
    ]
    assert counts(db, first) == counts(db, second) == {"recipients": 2, "refused": 1, "skipped": 1}


def test_an_erased_person_in_doubt_is_not_sent_again(db: Database, sender: Sender) -> None:
    mailing = fill(db, 1)
    settle(sender, claim(sender, mailing), "in_doubt")
    with db.write() as conn:
        outbox.erase_recipient(conn, 1, NOW)
        outbox.decide(conn, mailing, "send_again", None, NOW)
    assert states(db, mailing) == {1: "skipped"}


def test_counters_that_are_wrong_are_said_and_put_right(db: Database) -> None:
    from sqlalchemy import update

    from mailer.outbox.tables import MAILING

    mailing = fill(db, 3)
    with db.write() as conn:
        conn.execute(update(MAILING).values(waiting=7, accepted=1))
        wrong = outbox.differences(conn, mailing)
        outbox.put_right(conn, mailing, wrong)
        assert wrong == {"waiting": -4, "accepted": -1}
        assert outbox.differences(conn, mailing) == {}


def test_outcomes_are_counted_by_state_and_reason(db: Database, sender: Sender) -> None:
    mailing = fill(db, 4)
    claims = claim(sender, mailing, 3)
    settle(sender, claims[:2], "accepted")
    settle(sender, claims[2:], "refused", reason="no_mailbox")
    with db.read() as conn:
        found = outbox.outcomes(conn, mailing)
    assert set(found) == {("accepted", "", 2), ("refused", "no_mailbox", 1), ("waiting", "", 1)}


def test_a_claimed_row_whose_reader_was_erased_is_handed_back_and_skipped(db: Database, sender: Sender) -> None:
    mailing = fill(db, 1)
    (row,) = claim(sender, mailing)
    with sender.write() as conn:
        outbox.skip_claimed(conn, sender.id, [(row.delivery, mailing, row.attempt)], "erased", NOW)
    assert counts(db, mailing) == {"recipients": 1, "skipped": 1}


def test_what_a_sender_holds_can_be_read_back(db: Database, sender: Sender) -> None:
    mailing = fill(db, 3)
    claims = claim(sender, mailing, 2)
    settle(sender, claims[:1], "accepted")
    with db.read() as conn:
        assert outbox.held_by(conn, sender.id) == [(claims[1].delivery, mailing, 1)]


def test_holding_all_leaves_those_alone_that_are_not_open(db: Database) -> None:
    first, second = fill(db, 1), fill(db, 1, key="campaign:2")
    with db.write() as conn:
        outbox.hold(conn, first, "mine", NOW)
        assert outbox.hold_all(conn, "relay_refused", NOW) == [second]
        assert outbox.get(conn, first).reason == "mine"

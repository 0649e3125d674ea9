"""The outbox as a state machine: whatever senders, readers, staff and crashes do, in whatever order.

A database trigger writes down each change of state, so that I13 is checked on what happened, not on what we meant.
The model knows who was handed to a relay and what the relay did with it: that is I3 and I4.
"""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import text

from mailer import outbox, suppression
from mailer.outbox import Claimed, Sender, Settlement, states
from tests.support.sending_db import NOW, fill, hash_of, open_lite, person
from tests.support.tables import create_all
from tests.support.thorough import examples

PEOPLE = 12
WINDOW = 4
people = st.integers(1, PEOPLE)
TRIGGERS = (
    "CREATE TABLE moved (old TEXT, new TEXT)",
    """CREATE TRIGGER watch AFTER UPDATE OF state ON delivery WHEN old.state != new.state
    BEGIN INSERT INTO moved VALUES (old.state, new.state); END""",
)


class Outbox(RuleBasedStateMachine):
    """Two mailings (hold, send again), up to three senders, some readers who leave and come back."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="outbox-machine-")
        self.db = create_all(open_lite(Path(self.folder.name)))
        with self.db.write() as conn:
            for statement in TRIGGERS:
                conn.execute(text(statement))
        self.now = NOW
        self.senders: list[Sender] = []
        self.claims: dict[int, list[Claimed]] = {}  # by sender: claimed, not yet settled
        self.settled: list[tuple[int, Claimed]] = []
        self.left: set[int] = set()  # opted out
        self.delivered: dict[tuple[int, int], int] = {}  # (mailing, recipient) → letters that the relay took
        self.repeats: set[tuple[int, int]] = set()  # of whom a second letter was allowed
        self.first: dict[tuple[int, int], object] = {}

    @initialize()
    def two_mailings(self) -> None:
        self.held = fill(self.db, PEOPLE, send_before=None)
        self.again = fill(self.db, PEOPLE, key="campaign:2", in_doubt="send_again")
        self.mailings = [self.held, self.again]
        self.a_sender_starts()

    @rule(minutes=st.integers(1, 90))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @precondition(lambda self: len(self.senders) < 3)
    @rule()
    def a_sender_starts(self) -> None:
        sender = outbox.register(self.db, Path(self.folder.name), "sender", self.now)
        self.senders.append(sender)
        self.claims[sender.id] = []

    @precondition(lambda self: self.senders)
    @rule(data=st.data(), number=st.integers(1, WINDOW))
    def a_sender_claims(self, data: st.DataObject, number: int) -> None:
        self.now += timedelta(seconds=1)
        sender = data.draw(st.sampled_from(self.senders))
        room = min(number, WINDOW - len(self.claims[sender.id]))
        mailing = data.draw(st.sampled_from(self.mailings))
        with self.db.read() as conn:
            state = outbox.get(conn, mailing).state
        with sender.write() as conn:
            taken = outbox.claim(conn, sender.id, {mailing: room}, self.now, self.now - timedelta(days=4))
        assert len(taken) <= room
        assert not taken or state == "open"
        assert not {claim.recipient for claim in taken} & self.left, "I2: claimed although suppressed"
        for claim in taken:
            first = self.first.setdefault((claim.mailing, claim.recipient), claim.first_claimed_at)
            assert first == claim.first_claimed_at, "I5: another Date"
        self.claims[sender.id] += taken

    @precondition(lambda self: self.senders)
    @rule(data=st.data())
    def a_sender_sends_a_window(self, data: st.DataObject) -> None:
        """The usual: claim, and all of it is settled."""
        self.a_sender_claims(data, WINDOW)
        for claims in list(self.claims.values()):
            for _ in list(claims):
                self.a_sender_settles(data, data.draw(st.sampled_from(["accepted", "retry", "waiting"])))

    @precondition(lambda self: any(self.claims.values()))
    @rule(
        data=st.data(),
        outcome=st.sampled_from(["accepted", "retry", "refused", "waiting", "in_doubt, taken", "in_doubt, not taken"]),
    )
    def a_sender_settles(self, data: st.DataObject, outcome: str) -> None:
        sender = data.draw(st.sampled_from([sender for sender in self.senders if self.claims[sender.id]] or [None]))
        if sender is None:
            return
        claim = data.draw(st.sampled_from(self.claims[sender.id]))
        self.claims[sender.id].remove(claim)
        self.settled.append((sender.id, claim))
        state, _, taken = outcome.partition(", ")
        if state == "accepted" or taken == "taken":
            self.deliver(claim)
        later = self.now + timedelta(minutes=30) if state == "retry" else None
        with sender.write() as conn:
            settlement = Settlement(claim.delivery, claim.mailing, claim.attempt, state, "x", 250, "text", later)  # type: ignore[arg-type]
            assert outbox.settle(conn, sender.id, [settlement], self.now) == 1
            assert outbox.settle(conn, sender.id, [settlement], self.now) == 0

    @precondition(lambda self: self.settled and self.senders)
    @rule(data=st.data())
    def an_answer_to_an_earlier_attempt_comes_once_more(self, data: st.DataObject) -> None:
        again = {claim.delivery for claims in self.claims.values() for claim in claims}
        sent_again = [item for item in self.settled if item[1].delivery in again]
        sender_id, claim = data.draw(st.sampled_from(sent_again or self.settled))
        with self.db.write() as conn:
            before = {row.recipient: row.state for row in outbox.deliveries(conn, claim.mailing)}
            late = Settlement(claim.delivery, claim.mailing, claim.attempt, "refused", "late")
            outbox.settle(conn, sender_id, [late], self.now)
            after = {row.recipient: row.state for row in outbox.deliveries(conn, claim.mailing)}
        changed = {number for number in before if before[number] != after[number]}
        assert all(before[number] == "in_doubt" for number in changed), "a late answer moved what is not its own"

    @precondition(lambda self: self.senders)
    @rule(data=st.data(), reached=st.integers(0, WINDOW))
    def a_sender_is_killed(self, data: st.DataObject, reached: int) -> None:
        """The relay had taken a number of the messages that was on its way."""
        if data.draw(st.booleans()):
            self.a_sender_claims(data, WINDOW)
        sender = data.draw(st.sampled_from(sorted(self.senders, key=lambda item: -len(self.claims[item.id]))))
        self.senders.remove(sender)
        for claim in self.claims.pop(sender.id)[:reached]:
            self.deliver(claim)
        sender.abandon()

    @rule()
    def somebody_sweeps(self) -> None:
        outbox.sweep(self.db, self.now)

    @rule(number=people, scope=st.sampled_from(["", "news"]))
    def a_reader_leaves(self, number: int, scope: str) -> None:
        with self.db.write() as conn:
            suppression.suppress(conn, hash_of(number), scope, "opt_out", self.now)
        self.left.add(number)

    @rule(number=people)
    def a_reader_comes_back(self, number: int) -> None:
        with self.db.write() as conn:
            suppression.lift(conn, hash_of(number), "", ["opt_out"])
            suppression.lift(conn, hash_of(number), "news", ["opt_out"])
        self.left.discard(number)

    @rule(number=people, data=st.data(), what=st.sampled_from(["prove", "bounced", "complained"]))
    def a_report_comes(self, number: int, data: st.DataObject, what: str) -> None:
        mailing = data.draw(st.sampled_from(self.mailings))
        if self.delivered.get((mailing, number)):
            with self.db.write() as conn:
                more = ("no_address",) if what == "bounced" else ()
                getattr(outbox, what)(conn, mailing, number, *more, self.now)

    @rule(data=st.data(), choice=st.sampled_from(["send_again", "treat_as_sent"]))
    def a_person_decides(self, data: st.DataObject, choice: str) -> None:
        mailing = data.draw(st.sampled_from(self.mailings))
        with self.db.write() as conn:
            in_doubt = [doubt.recipient for doubt in outbox.doubts(conn, mailing)]
            outbox.decide(conn, mailing, choice, None, self.now)  # type: ignore[arg-type]
        if choice == "send_again":
            self.repeats |= {(mailing, number) for number in in_doubt}

    @rule(data=st.data(), what=st.sampled_from(["hold", "release", "release", "release"]))
    def a_person_pauses(self, data: st.DataObject, what: str) -> None:
        mailing = data.draw(st.sampled_from(self.mailings))
        with self.db.write() as conn:
            if what == "hold":
                outbox.hold(conn, mailing, "paused", self.now)
            else:
                outbox.release(conn, mailing, self.now)

    @rule(sure=st.integers(0, 4))
    def a_person_cancels(self, sure: int) -> None:
        """I11: nothing of it is claimed any more, and what waited is skipped; what a sender holds is settled first."""
        if sure:
            return
        with self.db.write() as conn:
            outbox.cancel(conn, self.again, self.now)
            left = {state for _, _, state, _ in self.rows(conn, self.again)}
        assert not left & {"waiting", "retry", "in_doubt"}

    @rule(number=people)
    def a_launch_is_repeated(self, number: int) -> None:
        with self.db.write() as conn:
            assert outbox.enqueue(conn, self.held, [person(number)], PEOPLE, self.now) == 0  # I1

    @rule(number=people)
    def somebody_is_erased(self, number: int) -> None:
        if number % 5 == 0:
            with self.db.write() as conn:
                outbox.erase_recipient(conn, number, self.now)
            self.left.discard(number)

    @invariant()
    def every_move_is_in_the_table(self) -> None:
        with self.db.read() as conn:
            seen = {(row[0], row[1]) for row in conn.execute(text("SELECT DISTINCT old, new FROM moved"))}
        assert seen <= states.pairs(), f"I13: {seen - states.pairs()}"

    @invariant()
    def the_counters_are_right_and_add_up(self) -> None:
        with self.db.write() as conn:
            for mailing in getattr(self, "mailings", []):
                assert outbox.differences(conn, mailing) == {}
                counts = outbox.get(conn, mailing).counts
                assert sum(getattr(counts, name) for name in states.DELIVERY_STATES) == counts.recipients == PEOPLE

    @invariant()
    def what_the_database_says_agrees_with_the_relay(self) -> None:
        on_the_way = {(claim.mailing, claim.recipient) for claims in self.claims.values() for claim in claims}
        with self.db.read() as conn:
            rows = [row for mailing in getattr(self, "mailings", []) for row in self.rows(conn, mailing)]
        for mailing, recipient, state, reason in rows:
            letters = self.delivered.get((mailing, recipient), 0)
            if state in ("accepted", "bounced", "complained") and reason != "treat_as_sent":
                assert letters >= 1, "I3: accepted, and the relay never took it"
            if letters and state in ("waiting", "retry"):
                assert (mailing, recipient) in self.repeats | on_the_way, "I4: it will be sent again, unasked"
            if letters > 1:
                assert (mailing, recipient) in self.repeats, "I4: twice"

    def rows(self, conn, mailing: int):
        for row in outbox.deliveries(conn, mailing):
            yield mailing, row.recipient, row.state, row.reason

    def deliver(self, claim: Claimed) -> None:
        key = (claim.mailing, claim.recipient)
        self.delivered[key] = self.delivered.get(key, 0) + 1
        if claim.mailing == self.again:
            self.repeats.add(key)  # its policy says so

    def teardown(self) -> None:
        for sender in self.senders:
            sender.abandon()
        self.db.close()
        self.folder.cleanup()


TestOutbox = pytest.mark.slow(Outbox.TestCase)
TestOutbox.settings = settings(max_examples=examples(40, 2), stateful_step_count=40, deadline=None)

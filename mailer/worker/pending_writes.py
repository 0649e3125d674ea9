"""Decisions that are not on disk yet; :meth:`PendingWrites.write` may be tried any number of times.

A handled reply becomes a settlement. Its other effects (strike off, hold, wait again) are collected here too, and
written in the same transaction. Findings on pace are collected for ``Pacing``. Nothing is forgotten here: after the
COMMIT the caller begins with a new object. Writing twice is harmless: each settlement is conditional on its attempt.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime

from sqlalchemy import Connection

from mailer import outbox, undeliverable
from mailer.outbox import Claimed, CounterDelta, Hold, Mailing, Settlement
from mailer.undeliverable import MailboxStatement
from mailer.worker.pace_observer import DomainAnswer
from mailer.worker.reply_handler import HandledReply

ERASED = "erased"


class PendingWrites:
    """See the module. Used by the holder of the turn alone."""

    def __init__(self) -> None:
        self.settlements: defaultdict[int, list[Settlement]] = defaultdict(list)  # by sender
        self.erased: defaultdict[int, list[tuple[int, int, int]]] = defaultdict(list)
        self.statements: list[MailboxStatement] = []
        self.back: dict[int, int] = {}  # refused deliveries that are to wait again → their mailing
        self.held: dict[int, Hold] = {}
        self.held_all: Hold | None = None
        self.again: list[tuple[int, int]] = []
        self.answers: Counter[DomainAnswer] = Counter()  # the answers that concern pace

    def __bool__(self) -> bool:
        return bool(self.settlements or self.erased or self.held or self.held_all)

    def decided(
        self, claim: Claimed, sender_id: int, mailing: Mailing, handled: HandledReply, claimed_at: float = 0.0
    ) -> None:
        """Take the decision on one result. ``claimed_at``: seconds since 1970."""
        decision = handled.decision
        self.settlements[sender_id].append(
            Settlement(
                claim.delivery,
                claim.mailing,
                claim.attempt,
                decision.state,
                decision.reason if decision.state not in ("accepted", "waiting") or decision.pace else "",
                decision.code,
                decision.text,
                decision.retry_at,
            )
        )
        if decision.state == "accepted":
            self.answers[DomainAnswer(claim.domain, "accepted", claimed_at)] += 1
            return
        self.answers[DomainAnswer(claim.domain, decision.pace or "other", claimed_at)] += 1
        if handled.statement:
            self.statements.append(handled.statement)
        if handled.hold:
            self.held.setdefault(claim.mailing, handled.hold)
        self.back.update(dict.fromkeys(handled.back, claim.mailing))
        if decision.state == "in_doubt" and mailing.spec.in_doubt == "send_again":
            self.again.append((claim.delivery, claim.mailing))

    def hand_back(self, claim: Claimed, sender_id: int, reason: str = "") -> None:
        """Hand back a claim of which nothing was written to the relay."""
        self.settlements[sender_id].append(Settlement(claim.delivery, claim.mailing, claim.attempt, "waiting", reason))

    def refuse(self, claim: Claimed, sender_id: int, reason: str, words: str) -> None:
        """Refuse a claim that cannot be sent, whatever the relay would say."""
        self.settlements[sender_id].append(
            Settlement(claim.delivery, claim.mailing, claim.attempt, "refused", reason, 0, words)
        )

    def skip(self, claim: Claimed, sender_id: int) -> None:
        """Skip a claim whose contact was erased between the claim and now."""
        self.erased[sender_id].append((claim.delivery, claim.mailing, claim.attempt))

    def write(self, conn: Connection, now: datetime, delta: CounterDelta) -> None:
        """Write all of it except the answers on pace; the caller posts the delta."""
        for sender_id, settlements in self.settlements.items():
            outbox.settle(conn, sender_id, settlements, now, delta)
        outbox.send_again(conn, self.again, now, delta)
        for sender_id, rows in self.erased.items():
            outbox.skip_claimed(conn, sender_id, rows, ERASED, now)
        undeliverable.record(conn, self.statements, now)
        outbox.put_back(conn, list(self.back.items()), now, delta)
        for mailing, hold in self.held.items():
            outbox.hold(conn, mailing, hold, now)
        if self.held_all:
            outbox.hold_all(conn, self.held_all, now)

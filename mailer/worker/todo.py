"""What has been decided and is not on disk yet; :meth:`Todo.write` may be tried any number of times.

Verdicts become settlements; what they ask beside the settlement (strike off, hold, wait again, slow down) is collected
here too, and written in the same transaction. Nothing is forgotten until the caller says that the
transaction was committed; writing it twice is harmless, since each settlement is conditional on its attempt.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from mailer import outbox, pace, undeliverable
from mailer.outbox import Claimed, Hold, Mailing, Settlement, Tally
from mailer.undeliverable import Statement
from mailer.worker.judge import Verdict

ERASED = "erased"


class Todo:
    """See the module. Used by the writing thread only."""

    def __init__(self) -> None:
        self.settlements: defaultdict[int, list[Settlement]] = defaultdict(list)  # by sender
        self.erased: defaultdict[int, list[tuple[int, int, int]]] = defaultdict(list)
        self.statements: list[Statement] = []
        self.back: dict[int, int] = {}  # refused deliveries that are to wait again → their mailing
        self.held: dict[int, Hold] = {}
        self.held_all: Hold | None = None
        self.again: list[tuple[int, int]] = []
        self.slower: set[str] = set()
        self.accepted: defaultdict[str, int] = defaultdict(int)

    def __bool__(self) -> bool:
        return bool(self.settlements or self.erased or self.held or self.held_all or self.slower)

    def decided(self, claim: Claimed, sender_id: int, mailing: Mailing, verdict: Verdict) -> None:
        """One result has been judged."""
        decision = verdict.decision
        self.settlements[sender_id].append(
            Settlement(
                claim.delivery,
                claim.mailing,
                claim.attempt,
                decision.state,
                "" if decision.state in ("accepted", "waiting") else decision.reason,
                decision.code,
                decision.text,
                decision.retry_at,
            )
        )
        if decision.state == "accepted":
            self.accepted[claim.domain] += 1
            return
        if verdict.statement:
            self.statements.append(verdict.statement)
        if verdict.hold:
            self.held.setdefault(claim.mailing, verdict.hold)
        self.back.update(dict.fromkeys(verdict.back, claim.mailing))
        if decision.pace in ("slow_domain", "slow", "rest"):
            self.slower.add(pace.domain_bucket(claim.domain))
        if decision.pace == "slow_relay":
            self.slower.add(pace.RELAY)
        if decision.state == "in_doubt" and mailing.spec.in_doubt == "send_again":
            self.again.append((claim.delivery, claim.mailing))

    def hand_back(self, claim: Claimed, sender_id: int, reason: str = "") -> None:
        """Nothing of it was written."""
        self.settlements[sender_id].append(Settlement(claim.delivery, claim.mailing, claim.attempt, "waiting", reason))

    def refuse(self, claim: Claimed, sender_id: int, reason: str, words: str) -> None:
        """It cannot be sent, whatever the relay would say."""
        self.settlements[sender_id].append(
            Settlement(claim.delivery, claim.mailing, claim.attempt, "refused", reason, 0, words)
        )

    def skip(self, claim: Claimed, sender_id: int) -> None:
        """Its reader was erased between the claim and now."""
        self.erased[sender_id].append((claim.delivery, claim.mailing, claim.attempt))

    def write(self, conn: Connection, slowed: Mapping[str, float], now: datetime, tally: Tally) -> Mapping[str, float]:
        """Write all of it; the caller posts the tally. Gives what has been asked to go slower, as it is now."""
        for sender_id, settlements in self.settlements.items():
            outbox.settle(conn, sender_id, settlements, now, tally)
        outbox.send_again(conn, self.again, now, tally)
        for sender_id, rows in self.erased.items():
            outbox.skip_claimed(conn, sender_id, rows, ERASED, now)
        undeliverable.note(conn, self.statements, now)
        outbox.put_back(conn, list(self.back.items()), now, tally)
        for mailing, hold in self.held.items():
            outbox.hold(conn, mailing, hold, now)
        if self.held_all:
            outbox.hold_all(conn, self.held_all, now)
        if self.slower or slowed:
            accepted = {pace.domain_bucket(domain): number for domain, number in self.accepted.items()}
            accepted[pace.RELAY] = sum(self.accepted.values())
            return pace.feedback(conn, self.slower, accepted, now.timestamp())
        return slowed

    def done(self) -> None:
        """It is on disk."""
        self.__init__()  # type: ignore[misc]

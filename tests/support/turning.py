"""Two senders that are turned by hand, one always in full, the other lean where that applies."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from mailer import outbox, suppression, undeliverable
from mailer.outcome import Result
from mailer.storage import Database
from mailer.transport.memory import MemoryTransport
from mailer.worker.full_turn import FullTurn
from mailer.worker.handoff import HandOff
from mailer.worker.lean_turn import DONE, LeanOutcome, LeanTurn
from mailer.worker.periodic_reads import PeriodicReads
from mailer.worker.send_queue import InFlight, SendQueue
from mailer.worker.sender_state import SenderState
from mailer.worker.sender_transactions import SenderTransactions
from mailer.worker.turn_scheduler import TurnScheduler
from tests.support.sending import People, deps, sendable
from tests.support.sending_db import NOW, hash_of, open_lite, person
from tests.support.tables import create_all

PEOPLE = 24
TABLES = ("delivery", "mailing", "suppression", undeliverable.STATEMENT.name, "sender")


class Never(PeriodicReads):
    """Looks when it is told to, so that two senders look at the same moments."""

    def is_due(self) -> bool:
        return False


class Now(SendQueue):
    """Gives out at once what a limit would delay: here no loop runs that could wait for its moment."""

    def add(self, flights: Iterable[InFlight]) -> None:
        for flight in (given := list(flights)):
            flight.not_before = 0.0
        super().add(given)


class Arm:
    """One sender on a database of its own, turned by hand."""

    def __init__(self, db: Database, mailing: int, *, lean: bool) -> None:
        self.db, self.mailing, self.now, self.uses_lean = db, mailing, NOW, lean
        self.people, self.came = People(), list[LeanOutcome]()
        given = deps(db, db.sqlite_path.parent, MemoryTransport(), people=self.people, clock=lambda: self.now)  # type: ignore[union-attr]
        loop = asyncio.get_event_loop_policy().new_event_loop()
        self.turns = TurnScheduler(loop, may_run_on_loop=True)
        loop.close()
        self.outbound = Now(self.turns, 4)
        self.state = SenderState.of(given, self.outbound, None, lambda call: call())
        self.transactions = SenderTransactions(self.state)
        hand_off = HandOff(self.state)
        self.full = FullTurn(self.state, Never(self.state), hand_off)
        self.lean = LeanTurn(self.state, self.transactions, hand_off)
        self.look()

    def look(self) -> None:
        PeriodicReads(self.state).look(self.transactions.sender.id, self.now, certain=True)

    def turn(self, step: int) -> None:
        self.now += timedelta(seconds=1)
        if self.uses_lean:
            self.came.append(self.lean.attempt(lambda call: call()))
        if not self.came or self.came[-1] is not DONE:
            self.lean.stop()
            random.seed(step)  # the jitter of a retry
            self.full.take(self.transactions)
            self.lean.choose_mailing()
        for flight in self.outbound.flights.values():
            flight.expires_at = float("inf")  # a busy machine hands nothing back here
        while self.outbound.take():
            pass

    def answer(self, given: list[tuple[int, Result]]) -> None:
        """Report a result once for each letter that is on its way."""
        known = sorted(set(self.outbound.flights) - {delivery for delivery, _ in self.outbound.results})
        for place, result in given:
            if known:
                self.outbound.report(known.pop(place % len(known)), result)

    def act(self, kind: str, number: int) -> None:
        if kind == "erased":
            self.people.gone.add(number)
        elif kind == "look":
            self.look()
            self.lean.choose_mailing()
        elif kind != "nothing":
            with self.db.write() as conn:
                self._change(conn, kind, number)

    def _change(self, conn: Any, kind: str, number: int) -> None:
        row = {"mailing": self.mailing, "number": number}
        if kind in ("leaves", "left the topic"):
            scope = suppression.EVERYTHING if kind == "leaves" else "news"
            suppression.suppress(conn, hash_of(number), scope, "opt_out", self.now)
        elif kind == "less often":
            suppression.limit(conn, hash_of(number), 7, self.now)
        elif kind == "no address":
            conn.execute(
                text("UPDATE delivery SET address = '' WHERE mailing_id = :mailing AND recipient = :number"), row
            )
        elif kind == "in doubt":  # as another sender would that holds us for dead
            moved = "UPDATE delivery SET state = 'in_doubt' WHERE mailing_id = :mailing AND recipient = :number"
            if conn.execute(text(f"{moved} AND state = 'sending'"), row).rowcount:
                counts = "UPDATE mailing SET sending = sending - 1, in_doubt = in_doubt + 1 WHERE id = :mailing"
                conn.execute(text(counts), row)
        elif kind == "pause" and outbox.get(conn, self.mailing).state == "open":
            outbox.hold(conn, self.mailing, outbox.Hold("paused"), self.now)
        elif kind == "resume" and outbox.get(conn, self.mailing).state == "held":
            outbox.release(conn, self.mailing, self.now)
        elif kind == "more people":
            count = outbox.get(conn, self.mailing).counts.recipients
            outbox.enqueue(conn, self.mailing, [person(n) for n in range(count + 1, count + 4)], count + 3, self.now)

    def seen(self) -> dict[str, object]:
        """All that must be the same."""
        with self.db.read() as conn:
            rows = {name: [tuple(row) for row in conn.execute(text(f"SELECT * FROM {name}"))] for name in TABLES}
        rows["sender"] = [row[:1] + row[3:] for row in rows["sender"]]  # not the lock's name
        flights = {key: (item.claimed, item.sender_id, item.taken) for key, item in self.outbound.flights.items()}
        return {
            **rows,
            "flights": flights,
            "results": list(self.outbound.results),
            "left": dict(self.state.cache.remaining),
            "unwanted": self.state.cache.unwanted,
            "memory": self.memory(),
            "to do": bool(self.state.pending),
            "counters": self.counters(),
        }

    def memory(self) -> object:
        """Return its memory of the relay, of domains and of words."""
        handler, series = self.state.reply_handler, self.state.reply_handler._series
        domains = [(name, list(kept.last), kept.at, kept.accepted_at) for name, kept in series._domains.items()]
        words = repr((series._runs, series._at_domain, series._earlier, series._held))
        return handler._took, handler._puts_off, handler.away_since, domains, words

    def counters(self) -> object:
        with self.db.write() as conn:
            return outbox.differences(conn, self.mailing)

    def close(self) -> None:
        self.state.reader.close()
        self.transactions.abandon()
        self.db.close()


def template(folder: Path) -> tuple[Path, int]:
    """A database with one campaign, to be copied; its number."""
    db = create_all(open_lite(folder))
    mailing = sendable(db, [person(number, f"d{number % 3}.example") for number in range(1, PEOPLE + 1)])
    db.empty_log()
    db.close()
    return folder, mailing


@contextmanager
def arms(template: tuple[Path, int]) -> Iterator[tuple[Arm, Arm]]:
    """Two senders on copies of the same database."""
    folder, mailing = template
    with tempfile.TemporaryDirectory(prefix="lean-") as parent:
        made = []
        for name in ("full", "lean"):
            shutil.copytree(folder, Path(parent) / name)
            made.append(Arm(open_lite(Path(parent) / name), mailing, lean=name == "lean"))
        try:
            yield made[0], made[1]
        finally:
            for arm in made:
                arm.close()

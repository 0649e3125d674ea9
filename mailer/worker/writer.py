"""The writing thread: settles what is known, claims a window, makes parcels of it, and hands them to the loop.

Promises: settling and claiming are one transaction and one fsync; nothing is handed to the loop before its claim is on
disk; replies are settled within 50 ms; on SQLite whoever waits for the lock, an opt-out say, gets it before the next
transaction. When the database is lost, nothing more is given to the transport, what is known is kept, and it is
written when the database is back; what a lost COMMIT may have claimed is read back and handed back, never redone.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from mailer import outbox, shortage
from mailer.errors import InputError, PostiljonError, StateError, StorageError
from mailer.outbox import Claimed, Hold, Sender, Tally
from mailer.storage import Others, mapped
from mailer.worker.board import Board
from mailer.worker.depth import Depth
from mailer.worker.judge import Judge
from mailer.worker.outbound import WITHIN, Flight, Outbound
from mailer.worker.pacing import Grasp, Pacing
from mailer.worker.press import Press, at_once
from mailer.worker.reader import Reader
from mailer.worker.share import share
from mailer.worker.todo import Todo
from mailer.worker.values import Ending, Turn, WorkerDeps

LOOK_EVERY, LOOK_SOON = 0.25, 0.05
SWEEP_EVERY = 1.0
EXPIRE_EVERY = 0.1
POLL_BUSY, POLL_IDLE = 0.03, 0.2
AT_LEAST = 0.003  # seconds between two looks for room
TRY_AGAIN = 0.25
MOST_ROOM, LOOK_AGAIN = 0.01, 0.0002
LAST_WORDS = 10.0  # seconds that a sender which was told to stop waits for a lost database
AWAY_TOO_LONG = 60.0
SIGNED_TOGETHER = 4  # letters that a thread signs before it hands them over
UNSENDABLE, LETTER_BROKEN = "unsendable", "letter_broken"

Post = Callable[[Callable[[], object]], object]  # has a call run on the loop's thread
log = logging.getLogger("postiljon.worker")


class Writer:
    """See the module. :meth:`run` is the thread; ``stopping`` and ``finishing`` are set by the loop."""

    def __init__(
        self, deps: WorkerDeps, outbound: Outbound, wake: threading.Event, post: Post, only: int | None
    ) -> None:
        self.stopping = False  # claim nothing more
        self.finishing = False  # the transport has ended: settle, and end
        self.ending: Ending | None = None
        self.error: BaseException | None = None
        self.on_turn: Callable[[Turn], object] = lambda _turn: None
        self._deps, self._outbound, self._wake, self._post = deps, outbound, wake, post
        self._board, self._todo, self._pacing = Board(only, deps.settings.give_up), Todo(), Pacing(deps.settings)
        self._judge, self._press = Judge(deps.settings), Press(deps)
        self._relay, self._name = deps.settings.smtp_url.name, f"sender {os.getpid()}"
        self._depth = Depth(deps.settings.smtp_url.window)
        self._sender: Sender | None = None
        self._reader, self._others = Reader(deps.db), Others(deps.db)
        self._wrote = False  # the last turn changed something
        self._uncertain: set[int] = set()  # senders of ours of whom a COMMIT may have happened or not
        self._lost = False
        self._turns = 0
        self._claimed_at = 0.0
        self._looked = self._swept = self._expired = 0.0

    def run(self) -> None:
        """Work until told to finish, or until an error that cannot be waited for (``error``)."""
        try:
            self._work()
        except BaseException as error:
            short = shortage.meant(error)
            log.error("the sender stops%s", f": {short}" if short else "", exc_info=None if short else error)
            self.error = short or error
        finally:
            self._press.close()
            self._reader.close()
            self._others.close()
            if self._sender:
                self._sender.abandon()

    def _work(self) -> None:
        deps = self._deps
        self._sender = outbox.register(deps.db, deps.data_dir, self._name, deps.clock())
        deadline = None
        while not (self.finishing and self._settled()):
            if not self._outbound.said:
                self._wake.wait(self._pause())
            self._wake.clear()
            try:
                if self._lost:
                    self._regain()
                self._turn()
            except StorageError as error:
                if error.permanent:
                    raise
                self._lose(error)
            if self.finishing:
                deadline = deadline or time.monotonic() + LAST_WORDS
                if time.monotonic() > deadline:
                    return
        self._say_goodbye()

    def _say_goodbye(self) -> None:
        """All is on disk; if the database goes at this very moment, the next sweep ends us instead."""
        assert self._sender is not None  # noqa: S101
        try:
            self._sender.close(self._deps.clock())
        except StorageError as error:
            if error.permanent:
                raise
            log.warning("the goodbye of a sender was not kept: %s", error)

    def _settled(self) -> bool:
        """Whether all that is known is on disk. What the transport took and never reported stays for the sweep."""
        outbound = self._outbound
        return not (outbound.said or outbound.never_taken() or self._todo or self._uncertain)

    def _pause(self) -> float:
        """Until the next look: when something that had no room may go, if that is sooner than usual."""
        usual = POLL_BUSY if self._outbound.flights or self.finishing else LOOK_SOON if self._wrote else POLL_IDLE
        if not self._pacing.holds_back:
            return usual
        until_room = self._pacing.next_at - self._deps.clock().timestamp()
        return min(usual, max(AT_LEAST, until_room))

    def _turn(self) -> None:
        now, finishing = self._deps.clock(), self.finishing
        self._drain(now)
        if finishing:
            for flight in self._outbound.never_taken():
                del self._outbound.flights[flight.claimed.delivery]
                self._todo.hand_back(flight.claimed, flight.sender_id)
        self._look_around(now)
        self._wrote = bool(self._todo)
        claimed = self._write(now)
        if self._outbound.flights and not finishing:
            self._expire()
        if self._lost:
            self._lost = False
            self._post(lambda: self._outbound.halt(False))
        if claimed:
            self._hand_off(claimed, now)

    def _expire(self) -> None:
        """A claimed row is written within a second, or handed back."""
        clock = time.monotonic()
        if clock - self._expired > EXPIRE_EVERY:
            self._expired = clock
            self._post(self._outbound.expire)

    def _drain(self, now: datetime) -> None:
        """Judge what the transport has reported."""
        outbound, judged, service = self._outbound, self._judge.begin(now), self._board.service
        while outbound.events:
            event = outbound.events.popleft()
            held = self._judge.event(event, now)
            service.event(event, held)
            self._todo.held_all = self._todo.held_all or held
        while outbound.results:
            delivery, result = outbound.results.popleft()
            flight = outbound.flights.pop(delivery, None)
            if flight is not None:
                mailing = self._board.known[flight.claimed.mailing]
                verdict = service.judged(flight.claimed, mailing, judged(flight.claimed, mailing, result))
                self._todo.decided(flight.claimed, flight.sender_id, mailing, verdict, flight.claimed_at)
        while outbound.broken:
            self._unmade(*outbound.broken.popleft())
        opened = self._board.open
        unwanted = set(opened) if self._todo.held_all else {*self._todo.held, *service.refused(opened.values())}
        if unwanted:
            self._unwant(unwanted)

    def _unwant(self, mailings: set[int]) -> None:
        self._board.drop(mailings)
        unwanted = self._board.unwanted
        self._post(lambda: self._outbound.want(unwanted))

    def _look_around(self, now: datetime) -> None:
        """Read mailings and senders anew, when it is time."""
        clock, board = time.monotonic(), self._board
        every = LOOK_EVERY if self._outbound.flights else LOOK_SOON
        if clock - self._swept > SWEEP_EVERY:
            self._swept = clock
            self._sweep(now)
        if clock - self._looked < every:
            return
        self._looked = clock
        before = board.unwanted
        with self._reader.reading() as conn:
            self._ask_again(conn, now)
            board.look(conn, {flight.claimed.mailing for flight in self._outbound.flights.values()}, now)
            self._pacing.refresh(conn, now)
        if board.unwanted != before:
            self._unwant(set())
        self._report(now)

    def _ask_again(self, conn: Connection, now: datetime) -> None:
        """While a slow relay answers: whoever has opted out meanwhile gets nothing, the others' time goes on."""
        waiting, asked = self._outbound.waiting_for_answers(), time.monotonic()
        unwanted = outbox.unwanted(conn, [flight.claimed.delivery for flight in waiting], now) if waiting else ()
        for flight in waiting:
            flight.until = 0.0 if flight.claimed.delivery in unwanted else asked + WITHIN

    def _sweep(self, now: datetime) -> None:
        """Free the rows of senders that are gone; but not those that we ourselves still have under an old number."""
        number = self._sender.id if self._sender else 0
        if not self._uncertain and all(flight.sender_id == number for flight in self._outbound.flights.values()):
            outbox.sweep(self._deps.db, now, number)

    def _report(self, now: datetime) -> None:
        """Tell those who look on, and see whether this sender is done."""
        away = self._judge.away_since
        counts = {number: mailing.counts for number, mailing in self._board.known.items()}
        turn = Turn(now, counts, len(self._outbound.flights), away, self._judge.away_words)
        self._post(lambda: self.on_turn(turn))
        if away and not self._judge.patient and (now - away).total_seconds() >= AWAY_TOO_LONG:
            self.ending = Ending("relay_away", self._judge.away_words)
        elif not self._outbound.flights and not self._todo:
            self.ending = self._board.ending()
        else:
            self.ending = None

    def _wanted(self) -> dict[int, int]:
        if self.stopping or self.finishing:
            return {}
        on_their_way = len(self._outbound.flights)
        depth = self._depth.at(time.monotonic(), self._outbound.late, on_their_way)
        free = (1 if self._judge.away_since else depth) - on_their_way
        self._turns += 1
        return share(self._board.needs(), free, self._turns) if free > 0 else {}

    def _write(self, now: datetime) -> list[Claimed]:
        """Settle and claim in one transaction."""
        wanted, claimed, board = self._wanted(), list[Claimed](), self._board
        finished, relay = board.finished_service(), self._judge.relay_news
        if not wanted:
            self._pacing.idle()
        if not (wanted or self._todo or self._uncertain or board.cancelled or finished or relay or board.service):
            return []
        assert self._sender is not None  # noqa: S101 - registered before the first turn
        self._leave_room()
        uncertain = frozenset(self._uncertain)
        self._uncertain.add(self._sender.id)
        with self._sender.write() as conn:
            tally = Tally()
            self._todo.write(conn, now, tally)
            self._pacing.hear(conn, self._todo.answers, now)
            for sender_id in uncertain:
                self._read_back(conn, sender_id, now, tally)
            if wanted:
                grasp = Grasp(conn, self._sender.id, now, now - self._deps.settings.give_up, tally, board.due)
                claimed = self._pacing.claim(grasp, wanted, board.known)
            self._pacing.close()
            tally.post(conn)
            for mailing in finished:
                with suppress(StateError):  # somebody has just decided to send again
                    outbox.close(conn, mailing.id, now)
            board.service.write(conn, now)
            for number in board.cancelled[:1]:
                outbox.skip_cancelled(conn, number, now)
            if relay:
                outbox.relay_away(conn, self._sender.id, self._judge.away_since, self._relay, self._judge.away_words)
        self._uncertain.clear()
        self._todo.done()
        board.service.done()
        self._judge.relay_news = False
        board.claimed(wanted, claimed, paced=self._pacing.holds_back)
        return claimed

    def _leave_room(self) -> None:
        """Whoever waits for SQLite's lock gets it before us (docs/decisions); they look each 0.3 ms."""
        until = time.monotonic() + MOST_ROOM
        while self._others.wait() and time.monotonic() < until:
            time.sleep(LOOK_AGAIN)

    def _read_back(self, conn: Connection, sender_id: int, now: datetime, tally: Tally) -> None:
        """What a lost COMMIT has claimed was never written to a socket: hand it back."""
        strays = [
            outbox.Settlement(delivery, mailing, attempt, "waiting")
            for delivery, mailing, attempt in outbox.held_by(conn, sender_id)
            if delivery not in self._outbound.flights
        ]
        outbox.settle(conn, sender_id, strays, now, tally)

    def _hand_off(self, claimed: Sequence[Claimed], now: datetime) -> None:
        """Make parcels and give them to the loop; a letter that cannot be made holds its mailing, and no other."""
        by_mailing: defaultdict[int, list[Claimed]] = defaultdict(list)
        for claim in claimed:
            by_mailing[claim.mailing].append(claim)
        until = time.monotonic() + WITHIN
        flights: list[Flight] = []
        self._claimed_at = now.timestamp()
        try:
            with self._reader.reading() as conn:
                for number in list(by_mailing):
                    flights += self._make(conn, number, by_mailing.pop(number), until)
        except StorageError:
            for rest in by_mailing.values():
                self._hand_back(rest)
            raise
        finally:
            self._outbound.flights.update((flight.claimed.delivery, flight) for flight in flights)
            self._give([flight for flight in flights if not flight.slow])
            slow = [flight for flight in flights if flight.slow]
            for start in range(0, len(slow), SIGNED_TOGETHER):
                self._press.in_thread(partial(self._make_ahead, slow[start : start + SIGNED_TOGETHER]))

    def _give(self, flights: list[Flight]) -> None:
        if flights:
            self._post(lambda: self._outbound.add(flights))

    def _make_ahead(self, flights: list[Flight]) -> None:
        """In a thread of the press, while this one goes on."""
        for flight in flights:
            flight.make = at_once(flight.make)
        self._give(flights)

    def _make(self, conn: Connection, number: int, claims: Sequence[Claimed], until: float) -> list[Flight]:
        assert self._sender is not None  # noqa: S101
        sender_id = self._sender.id
        try:
            with mapped():
                made = self._press.make(conn, self._board.known[number], claims)
        except Exception as error:
            self._hand_back(claims)
            if isinstance(error, StorageError) and not error.permanent:
                raise
            self._broken(number, error)
            self._unwant({number})
            return []
        for claim in made.erased:
            self._todo.skip(claim, sender_id)
        flights = [Flight(claim, sender_id, make, until, made.slow, self._claimed_at) for claim, make in made.ready]
        if self._pacing.moments:
            ahead = time.monotonic() - self._deps.clock().timestamp()
            for flight in flights:
                flight.at = self._pacing.moments.get(flight.claimed.delivery, 0.0) + ahead
        return flights

    def _broken(self, mailing: int, error: Exception) -> None:
        """No letter of this mailing can be made: it is held. For lack of memory or threads we end instead (E18)."""
        short = shortage.meant(error)
        if short:
            self.error, self.stopping = short, True
            return
        log.error("the letter of mailing %s cannot be made", mailing, exc_info=error)
        self._todo.held[mailing] = Hold(str(error) if isinstance(error, PostiljonError) else LETTER_BROKEN)

    def _unmade(self, delivery: int, error: Exception) -> None:
        """A person whose values cannot be used is refused that letter; anything else is a fault of the mailing's."""
        flight = self._outbound.flights.pop(delivery)
        if isinstance(error, InputError):
            self._todo.refuse(flight.claimed, flight.sender_id, UNSENDABLE, str(error))
        else:
            self._todo.hand_back(flight.claimed, flight.sender_id)
            self._broken(flight.claimed.mailing, error)

    def _hand_back(self, claims: Sequence[Claimed]) -> None:
        assert self._sender is not None  # noqa: S101
        for claim in claims:
            self._todo.hand_back(claim, self._sender.id)

    def _lose(self, error: StorageError) -> None:
        """The database is away, full or locked: stop writing to sockets, keep what is known, try again."""
        if not self._lost:
            log.warning("sending stops for now: %s", error)
        self._lost = True
        self._post(lambda: self._outbound.halt(True))
        time.sleep(TRY_AGAIN)

    def _regain(self) -> None:
        """Connect again, before anything else is asked of the database. Raises ``StorageError`` while it is away.

        When somebody has swept us, or our lock still hangs on a connection that only the server believes in, we go on
        under a new number; what is on its way is settled under the old one.
        """
        assert self._sender is not None  # noqa: S101
        if not self._sender.renew():
            old, deps = self._sender, self._deps
            self._uncertain.add(old.id)
            self._sender = outbox.register(deps.db, deps.data_dir, self._name, deps.clock())
            old.abandon()

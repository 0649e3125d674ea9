"""The lean turn in a whole sender: what it must not give up for its speed, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, text

from mailer import outbox, suppression
from mailer.letter.dkim import new_key
from mailer.outbox import LeanWork, Mailing
from mailer.outcome import Replied, Result
from mailer.storage import Database
from mailer.transport.base import OutgoingMessage
from mailer.transport.memory import MemoryTransport
from mailer.worker import Filled
from mailer.worker.lean_turn import UNUSUAL
from tests.support.sending import RING, People, Sending, deps, send, sendable, utc_now
from tests.support.sending_db import counts, hash_of, states
from tests.support.slow import Slow
from tests.support.turning import arms, template
from tests.support.waiting import until


class Watched:
    """The statements of a database, each with its thread; ``commit_seconds``: each COMMIT takes that much longer."""

    def __init__(self, db: Database, commit_seconds: float = 0.0) -> None:
        self.statements: list[tuple[str, str]] = []
        self._seconds = commit_seconds
        db.engine.dispose()
        event.listen(db.engine, "connect", self._connected)

    def _connected(self, connection: sqlite3.Connection, _record: object) -> None:
        connection.set_trace_callback(self._seen)

    def _seen(self, statement: str) -> None:
        self.statements.append((threading.current_thread().name, statement))
        if statement == "COMMIT":
            time.sleep(self._seconds)

    def on_loop(self, start: str) -> int:
        """How many statements that begin so ran on the thread of the event loop."""
        main = threading.main_thread().name
        return sum(thread == main and statement.startswith(start) for thread, statement in self.statements)


async def test_on_sqlite_turns_run_on_the_event_loop(lite: Database, tmp_path: Path) -> None:
    mailing, watched = sendable(lite, 400), Watched(lite)
    await send(deps(lite, tmp_path, MemoryTransport()), only=mailing)
    assert counts(lite, mailing) == {"recipients": 400, "accepted": 400}
    assert watched.on_loop("COMMIT") > 0  # all of them where the disk is quick


@pytest.mark.parametrize("seconds", [0.002, 0.02])
async def test_on_a_slow_disk_commits_leave_the_loop_and_the_sockets_go_on(
    lite: Database, tmp_path: Path, seconds: float
) -> None:
    mailing, watched = sendable(lite, 400), Watched(lite, seconds)
    sending, ticks = Sending(deps(lite, tmp_path, MemoryTransport()), only=mailing), 0
    while not sending.task.done():
        ticks += 1
        await asyncio.sleep(0)
    await sending.ended()
    everywhere = sum(statement == "COMMIT" for _, statement in watched.statements)
    if seconds > 0.01:
        assert watched.on_loop("COMMIT") <= 8 < everywhere
    assert ticks > everywhere  # the sockets had their turns
    assert counts(lite, mailing) == {"recipients": 400, "accepted": 400}


async def test_an_opt_out_in_the_middle_is_obeyed_by_the_very_next_claim(db: Database, tmp_path: Path) -> None:
    mailing, taken = sendable(db, 200), 0

    def leave(_parcel: OutgoingMessage) -> Result | None:
        nonlocal taken
        taken += 1
        if taken == 60:
            with db.write() as conn:
                suppression.suppress_many(conn, [(hash_of(n), "") for n in range(120, 201)], "opt_out", utc_now())
        return None

    transport = MemoryTransport(leave)
    await send(deps(db, tmp_path, transport), only=mailing)
    assert counts(db, mailing) == {"recipients": 200, "accepted": 119, "skipped": 81}
    assert len(transport.letters) == 119


async def test_each_letter_has_the_date_of_its_first_claim(db: Database, tmp_path: Path) -> None:
    mailing, transport = sendable(db, 100), MemoryTransport()
    await send(deps(db, tmp_path, transport), only=mailing)
    with db.read() as conn:
        first = {
            row.recipient: row.first_claimed_at
            for row in conn.execute(text("SELECT recipient, first_claimed_at FROM delivery"))
        }
    from mailer.letter.headers import write_date
    from mailer.prepared_statements import instant

    for parcel in transport.letters:
        number = int(parcel.recipient.partition("@")[0].removeprefix("reader"))
        assert b"\r\nDate: " + write_date(instant(first[number])) + b"\r\n" in parcel.content


async def test_values_are_read_after_the_claim_is_on_disk(db: Database, tmp_path: Path) -> None:
    mailing, found = sendable(db, 120), set[str]()

    class Curious(People):
        def fill(self, conn: Connection, mailing: Mailing, recipients: Sequence[int]) -> Mapping[int, Filled]:
            with db.read() as other:
                rows = {row.recipient: row.state for row in outbox.deliveries(other, mailing.id)}
            found.update(rows[number] for number in recipients)
            return super().fill(conn, mailing, recipients)

    await send(deps(db, tmp_path, MemoryTransport(), people=Curious()), only=mailing)
    assert found == {"sending"}


def test_a_result_is_kept_until_its_commit_has_returned(tmp_path: Path) -> None:
    with arms(template(tmp_path / "template")) as (_full, lean):
        lean.turn(1)
        with lean.db.write() as conn:  # a COMMIT that the database refuses
            for statement in (
                "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
                "CREATE TABLE child (id INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)",
                "CREATE TRIGGER refuse AFTER UPDATE OF accepted ON mailing BEGIN INSERT INTO child VALUES (1); END",
            ):
                conn.execute(text(statement))
        lean.answer([(0, Replied("dot", 250, "2.0.0 Ok"))] * 5)
        before = list(lean.outbound.results), dict(lean.outbound.flights)
        assert lean.lean.attempt(lambda call: call()) is UNUSUAL
        assert "FOREIGN KEY" in str(lean.lean.error)
        assert (list(lean.outbound.results), dict(lean.outbound.flights)) == before
        assert lean.transactions.uncertain == {lean.transactions.sender.id}
        assert set(states(lean.db, lean.mailing).values()) == {"sending", "waiting"}
        with lean.db.write() as conn:
            conn.execute(text("DROP TRIGGER refuse"))
        lean.turn(2)
        assert counts(lean.db, lean.mailing)["accepted"] == 5


def test_on_postgresql_the_claim_runs_on_the_connection_that_holds_the_lock(db: Database, tmp_path: Path) -> None:
    mailing, now = sendable(db, 3), utc_now()
    sender = outbox.register(db, tmp_path, "sender", now)
    try:
        assert outbox.begin_lean(sender)
        written = outbox.write_lean(sender, LeanWork(mailing, [], 2, now, now))
        assert written is not None
        assert [claim.recipient for claim in written.claimed] == [1, 2]
        outbox.commit_lean(sender, written)
        assert states(db, mailing) == {1: "sending", 2: "sending", 3: "waiting"}
        if not db.is_sqlite:
            mine = sender.connection.execute(text("SELECT pg_backend_pid()")).scalar()
            sender.connection.rollback()
            with db.read() as conn:
                locks = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
                assert conn.execute(text(locks)).scalars().all() == [mine]
    finally:
        sender.abandon()


async def test_while_another_program_has_the_lock_the_sockets_go_on(lite: Database, tmp_path: Path) -> None:
    mailing, transport = sendable(lite, 5_000), Slow(200)
    sending = Sending(deps(lite, tmp_path, transport), only=mailing)
    await until(lambda: len(transport.letters) > 20)
    held, free, freed = threading.Event(), threading.Event(), list[bool]()

    def hold() -> None:
        with lite.write():
            held.set()
            freed.append(free.wait(60))  # a loop that waits for the lock cannot free it

    holder = threading.Thread(target=hold)
    holder.start()
    await until(held.is_set)
    await until(lambda: transport.in_vain > 20)  # all that was claimed has left; the loop still asks for more
    free.set()
    await until(lambda: not holder.is_alive())
    holder.join()
    sent = len(transport.letters)
    await until(lambda: len(transport.letters) > sent + 20)
    await sending.end()
    assert freed == [True]


async def test_letters_that_are_signed_are_signed_in_threads(lite: Database, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_bytes(new_key())
    key.chmod(0o600)
    identity = outbox.Identity("https://example.org", "bounce@example.org", RING.current.id, "s1", "vng.nl")
    mailing, transport, watched = sendable(lite, 60, identity=identity), MemoryTransport(), Watched(lite)
    given = deps(lite, tmp_path, transport, dkim_key=key, dkim_selector="s1", dkim_domain="vng.nl")
    threads = set[str]()
    from mailer.worker.message_builder import _MailingContext  # the one place where a letter is composed and signed

    plain = _MailingContext.message
    try:
        _MailingContext.message = lambda *more: threads.add(threading.current_thread().name) or plain(*more)  # type: ignore[func-returns-value,method-assign,assignment]
        await send(given, only=mailing)
    finally:
        _MailingContext.message = plain  # type: ignore[method-assign]
    assert all(b"DKIM-Signature" in parcel.content for parcel in transport.letters)
    assert threads
    assert all(name.startswith("dkim") for name in threads)
    assert watched.on_loop("COMMIT") > 0

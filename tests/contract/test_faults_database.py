"""PostgreSQL in trouble (E20): a COMMIT whose answer is lost, deadlocks, lock timeouts, a server that goes and comes.

Expected, in one sentence: what a lost COMMIT did is read back by attempt and never redone; nobody is lost, nobody gets
it twice, and since the sender lives, nobody is in doubt either.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from mailer import outbox, suppression
from mailer.errors import StorageAway, StorageConflict, StorageError
from mailer.storage import Database, open_database
from mailer.transport.memory import MemoryTransport
from tests.support.databases import PostgresServer
from tests.support.faults import CommitCutter, When
from tests.support.sending import Sending, deps, sendable
from tests.support.sending_db import NOW, counts, fill, hash_of
from tests.support.slow import Slow
from tests.support.tables import create_all
from tests.support.waiting import until

pytestmark = pytest.mark.postgres
PEOPLE = 200


@pytest.fixture
def near(postgres: PostgresServer) -> Iterator[Database]:
    """The database, reached directly."""
    name = postgres.fresh()
    database = create_all(open_database(postgres.url(name)))
    yield database
    database.close()
    postgres.drop(name)


@pytest.fixture
def wire(postgres: PostgresServer) -> Iterator[CommitCutter]:
    """A wire that can be cut."""
    cutter = CommitCutter(postgres.folder)
    yield cutter
    cutter.close()


def far(near: Database, wire: CommitCutter) -> Database:
    """The same database through the wire."""
    name = near.engine.url.database
    return open_database(f"postgresql://postiljon@127.0.0.1:{wire.port}/{name}")


def everybody_once(transport: MemoryTransport, number: int = PEOPLE) -> None:
    got = sorted(letter.recipient for letter in transport.letters)
    assert got == sorted(f"reader{one}@example.org" for one in range(1, number + 1))


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_commit_whose_answer_is_lost_while_sending_is_read_back_and_never_redone(
    near: Database, wire: CommitCutter, tmp_path: Path, when: When
) -> None:
    """Expected: cut three times, each at the COMMIT of claims and settlings: all get it once, and none is in doubt."""
    mailing, transport = sendable(near, PEOPLE), Slow(150)
    distant = far(near, wire)
    sending = Sending(deps(distant, tmp_path, transport), only=mailing)
    for cut in range(1, 4):
        await until(lambda cut=cut: len(transport.letters) >= cut * 30)  # type: ignore[misc]
        wire.contains, wire.armed = b"[[", when  # a settling goes by
        await until(lambda cut=cut: wire.cuts == cut)  # type: ignore[misc]
    assert (await sending.ended()).kind == "done"
    everybody_once(transport)
    assert counts(near, mailing) == {"recipients": PEOPLE, "accepted": PEOPLE}
    distant.close()


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_wire_that_stays_cut_for_a_while_costs_nobody_and_nothing(
    near: Database, wire: CommitCutter, tmp_path: Path, when: When, caplog: pytest.LogCaptureFixture
) -> None:
    """Expected: no letter leaves while the database is away; afterwards the rest leaves, once each."""
    mailing, transport = sendable(near, PEOPLE), Slow(200)
    distant = far(near, wire)
    sending = Sending(deps(distant, tmp_path, transport), only=mailing)
    await until(lambda: len(transport.letters) >= 20)
    wire.armed = when
    await until(lambda: wire.cuts == 1)
    wire.down = True
    wire.cut_all()
    await until(lambda: noticed(caplog) and transport.in_vain > 20)
    gone = len(transport.letters)
    await until(lambda: transport.in_vain > 100)
    assert len(transport.letters) == gone < PEOPLE
    wire.down = False
    assert (await sending.ended()).kind == "done"
    everybody_once(transport)
    assert counts(near, mailing) == {"recipients": PEOPLE, "accepted": PEOPLE}
    distant.close()


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_opt_out_whose_commit_was_cut_is_an_error_and_again_is_the_same(
    near: Database, wire: CommitCutter, when: When
) -> None:
    """Expected: whoever asked hears that it failed (503) and asks again: afterwards it counts, once."""
    distant = far(near, wire)
    wire.contains, wire.armed = b"suppression", when
    with pytest.raises(StorageAway), distant.write() as conn:
        suppression.suppress(conn, hash_of(1), "news", "opt_out", NOW)
    with distant.write() as conn:
        suppression.suppress(conn, hash_of(1), "news", "opt_out", NOW)
    with near.read() as conn:
        assert len(suppression.entries(conn, hash_of(1))) == 1
    distant.close()


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_audience_page_whose_commit_was_cut_adds_nobody_twice(
    near: Database, wire: CommitCutter, when: When
) -> None:
    """Expected: the same page again adds those who are missing, and the counters agree with the rows."""
    from tests.support.sending_db import person

    mailing, distant = fill(near, 0), far(near, wire)
    page = [person(number) for number in range(1, 11)]
    wire.contains, wire.armed = b"delivery", when
    with pytest.raises(StorageAway), distant.write() as conn:
        outbox.enqueue(conn, mailing, page, 10, NOW)
    with distant.write() as conn:
        assert outbox.enqueue(conn, mailing, page, 10, NOW) == (10 if when == "before" else 0)
    assert counts(near, mailing) == {"recipients": 10, "waiting": 10}
    distant.close()


def test_of_two_in_a_deadlock_one_is_told_to_try_again(near: Database) -> None:
    """Expected: ``StorageConflict``, which is not permanent; the other one goes through."""
    one, two = fill(near, 1), fill(near, 1, key="campaign:2")
    met, errors = threading.Barrier(2), list[StorageError]()

    def both(first: int, second: int) -> None:
        try:
            with near.write() as conn:
                outbox.hold(conn, first, "x", NOW)
                met.wait(10)
                outbox.hold(conn, second, "x", NOW)
        except StorageError as error:
            errors.append(error)

    threads = [threading.Thread(target=both, args=pair) for pair in ((one, two), (two, one))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [(type(error), error.permanent) for error in errors] == [(StorageConflict, False)]


@pytest.mark.slow
@pytest.mark.parametrize("setting", ["lock_timeout", "statement_timeout"])
async def test_a_sender_that_waits_too_long_for_a_lock_tries_again_and_nobody_is_lost(
    near: Database, tmp_path: Path, setting: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Expected: the sender goes on when the lock is free; all get it once and nobody is in doubt."""
    name = near.engine.url.database
    near.engine.dispose()
    with near.engine.connect() as admin:
        admin.execution_options(isolation_level="AUTOCOMMIT").execute(
            text(f"ALTER DATABASE {name} SET {setting} = '150ms'")
        )
    near.engine.dispose()
    mailing, transport = sendable(near, PEOPLE), Slow(200)
    sending = Sending(deps(near, tmp_path, transport), only=mailing)
    await until(lambda: len(transport.letters) >= 20)
    with near.engine.connect() as conn, conn.begin():
        conn.execute(text("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0"))
        conn.execute(text("LOCK TABLE mailing IN EXCLUSIVE MODE"))
        await until(lambda: noticed(caplog) > 0)
    assert not sending.task.done()
    assert (await sending.ended()).kind == "done"
    everybody_once(transport)
    assert counts(near, mailing) == {"recipients": PEOPLE, "accepted": PEOPLE}


@pytest.mark.slow
async def test_a_server_that_ends_every_connection_and_is_gone_for_a_while(
    near: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Expected: as a restart: the sender connects again under its old or a new number; all get it once, no doubts."""
    name = near.engine.url.database
    mailing, transport = sendable(near, PEOPLE), Slow(200)
    sending = Sending(deps(near, tmp_path, transport), only=mailing)
    admin = open_database(str(near.engine.url.set(database="postgres", drivername="postgresql")))
    for done in (20, 80):
        await until(lambda done=done: len(transport.letters) >= done)  # type: ignore[misc]
        before = noticed(caplog)
        with admin.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.execute(text(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false"))
            conn.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"))
            await until(lambda before=before: noticed(caplog) > before)  # type: ignore[misc]
            conn.execute(text(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true"))
    admin.close()
    assert (await sending.ended()).kind == "done"
    everybody_once(transport)
    assert counts(near, mailing) == {"recipients": PEOPLE, "accepted": PEOPLE}


@pytest.mark.slow
async def test_a_server_that_is_restarted_hard_during_a_campaign(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Expected: SIGQUIT to a real server (its way of crashing), started again: all get it once, nobody in doubt."""
    from tests.support.databases import postgres_server

    with postgres_server() as server:
        near = create_all(open_database(server.url(server.fresh())))
        mailing, transport = sendable(near, PEOPLE), Slow(200)
        sending = Sending(deps(near, tmp_path, transport), only=mailing)
        await until(lambda: len(transport.letters) >= 30)
        server.crash()
        await until(lambda: noticed(caplog) > 0)
        server.start()
        assert (await sending.ended()).kind == "done"
        everybody_once(transport)
        assert counts(near, mailing) == {"recipients": PEOPLE, "accepted": PEOPLE}
        near.close()


def noticed(caplog: pytest.LogCaptureFixture) -> int:
    """Return how often a sender has noticed that the database is away."""
    return caplog.text.count("sending stops for now")

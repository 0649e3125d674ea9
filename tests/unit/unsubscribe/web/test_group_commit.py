"""One transaction for everybody who comes at the same time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from sqlalchemy import Connection, text

from mailer.errors import StorageAway, StorageConflict, StorageFull
from mailer.storage import Database
from tests.support.waiting import until
from unsubscribe.web.group_commit import GroupCommit


class Counting:
    """A database that counts its transactions; none begins while ``may_begin`` is cleared."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.count = 0
        self.may_begin = threading.Event()
        self.may_begin.set()
        with db.write() as conn:
            conn.execute(text("CREATE TABLE seen (number INTEGER PRIMARY KEY)"))

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        assert self.may_begin.wait(60)
        self.count += 1
        with self.db.write() as conn:
            yield conn

    async def at_once(self, *asked: Coroutine[Any, Any, Any]) -> list[Any]:
        """Return the answers of pieces that are all queued before the first transaction begins."""
        self.may_begin.clear()
        answers = asyncio.gather(*asked, return_exceptions=True)
        await asyncio.sleep(0)  # each coroutine runs once, up to its future
        self.may_begin.set()
        return await answers

    def rows(self) -> list[int]:
        with self.db.read() as conn:
            return sorted(conn.execute(text("SELECT number FROM seen")).scalars())


def put(number: int) -> Callable[[Connection], int]:
    def work(conn: Connection) -> int:
        conn.execute(text("INSERT INTO seen VALUES (:number)"), {"number": number})
        return number

    return work


async def test_many_pieces_share_a_few_transactions(sqlite_database: Database) -> None:
    counting = Counting(sqlite_database)
    shared = GroupCommit(counting.begin, "t")
    answers = await counting.at_once(*(shared.run(put(number)) for number in range(200)))
    shared.close()
    assert answers == list(range(200)) == counting.rows()
    assert counting.count < 30


async def test_a_piece_that_raises_harms_no_neighbour(sqlite_database: Database) -> None:
    counting = Counting(sqlite_database)
    shared = GroupCommit(counting.begin, "t")

    def broken(conn: Connection) -> None:
        put(100)(conn)
        raise ValueError("mine")

    work = [put(1), put(2), broken, put(3)]
    answers = await counting.at_once(*map(shared.run, work))
    shared.close()
    assert [str(answer) for answer in answers] == ["1", "2", "mine", "3"]
    assert counting.rows() == [1, 2, 3]


async def test_pieces_that_were_in_the_way_of_others_are_done_again_each_alone(sqlite_database: Database) -> None:
    counting = Counting(sqlite_database)
    sizes: list[int] = []

    def together(conn: Connection, items: Sequence[int]) -> list[int]:
        sizes.append(len(items))
        if len(items) > 1:
            raise StorageConflict("a deadlock")
        return [put(item)(conn) for item in items]

    shared = GroupCommit(counting.begin, "t")
    answers = await counting.at_once(*(shared.run_many(together, number) for number in range(5)))
    shared.close()
    assert answers == list(range(5)) == counting.rows()
    assert max(sizes) > 1


async def test_items_of_the_same_work_are_handled_together(sqlite_database: Database) -> None:
    counting = Counting(sqlite_database)
    shared = GroupCommit(counting.begin, "t")
    sizes: list[int] = []

    def double(conn: Connection, items: Sequence[int]) -> list[int]:
        sizes.append(len(items))
        return [item * 2 for item in items]

    answers = await counting.at_once(*(shared.run_many(double, number) for number in range(50)))
    shared.close()
    assert answers == [number * 2 for number in range(50)]
    assert max(sizes) > 1


async def test_what_is_planned_is_done_before_the_transaction_begins(sqlite_database: Database) -> None:
    counting = Counting(sqlite_database)
    shared = GroupCommit(counting.begin, "t")
    begun: list[int] = []

    def plan(items: Sequence[int]) -> Callable[[Connection], list[int]]:
        before = counting.count
        begun.append(before)

        def rest(conn: Connection) -> list[int]:
            assert counting.count == before + 1
            return [put(item)(conn) for item in items]

        return rest

    answers = await asyncio.gather(*(shared.run_planned(plan, number) for number in range(50)))
    shared.close()
    assert answers == list(range(50)) == counting.rows()
    assert begun == list(range(len(begun)))


async def test_a_plan_that_fails_begins_no_transaction(sqlite_database: Database) -> None:
    counting = Counting(sqlite_database)
    shared = GroupCommit(counting.begin, "t")

    def plan(_items: Sequence[int]) -> Callable[[Connection], list[int]]:
        raise StorageFull("no room")

    answers = await asyncio.gather(*(shared.run_planned(plan, n) for n in range(3)), return_exceptions=True)
    shared.close()
    assert [str(answer) for answer in answers] == ["no room"] * 3
    assert counting.count == 0


async def test_the_patient_answer_everybody_in_a_crowd_and_alone(sqlite_database: Database) -> None:
    counting = Counting(sqlite_database)
    shared = GroupCommit(counting.begin, "t", linger=True)
    crowd = await counting.at_once(*(shared.run(put(number)) for number in range(300)))
    assert crowd == list(range(300))
    crowds = counting.count
    assert [await shared.run(put(number)) for number in (300, 301, 302)] == [300, 301, 302]
    shared.close()
    assert crowds < 30
    assert counting.count == crowds + 3
    assert counting.rows() == list(range(303))


async def test_who_came_together_is_waited_for_when_the_others_come_again(sqlite_database: Database) -> None:
    counting, sizes = Counting(sqlite_database), list[int]()
    shared = GroupCommit(counting.begin, "t", linger=True)
    shared._enough = Unhurried()

    def note(_conn: Connection, items: Sequence[int]) -> Sequence[int]:
        sizes.append(len(items))
        return items

    async def reader(number: int) -> None:
        while len(sizes) < 10:  # the same for all: the next transaction needs each of them
            await shared.run_many(note, number)
            for _ in range(20 * number):  # one comes back after the other
                await asyncio.sleep(0)

    await counting.at_once(*map(reader, range(8)))
    shared.close()
    first, *others = sizes
    assert first <= 8
    assert others == [8] * 9


async def test_who_comes_alone_after_a_crowd_waits_for_it_once(sqlite_database: Database) -> None:
    shared = GroupCommit(sqlite_database.read, "t", linger=True)

    def number(_conn: Connection) -> int:
        return 1

    await asyncio.gather(*(shared.run(number) for _ in range(60)))
    slept = sleeps_of(shared)
    for _ in range(20):
        await shared.run(number)
    shared.close()
    assert len(slept) <= 2, "until the loop has gone round, and a little longer"


async def test_a_crowd_that_was_split_in_two_comes_together_again(sqlite_database: Database) -> None:
    shared, sizes = GroupCommit(sqlite_database.read, "t", linger=True), list[int]()
    shared._enough = Unhurried()
    others_wait = threading.Event()

    def note(_conn: Connection, items: Sequence[int]) -> Sequence[int]:
        sizes.append(len(items))
        assert others_wait.wait(60)
        return items

    async def reader(number: int) -> None:
        for _ in range(40):
            await shared.run_many(note, number)
            if 16 in sizes:
                return

    first = [asyncio.create_task(reader(number)) for number in range(8)]
    await until(lambda: sizes)  # they are with the database now
    others = [asyncio.create_task(reader(number)) for number in range(8)]
    await asyncio.sleep(0)  # each of the others runs once, up to its future
    others_wait.set()
    await asyncio.gather(*first, *others)
    shared.close()
    assert sizes[0] <= 8
    assert sizes[1:] == [16], "not 8 and 8 in turn, where each half waits for the other"


class Unhurried(threading.Event):
    """An event that is waited for until it is set: the order of events decides, and no clock."""

    def wait(self, timeout: float | None = None) -> bool:
        assert super().wait(60), "it was never set"
        return True


def sleeps_of(shared: GroupCommit) -> list[float]:
    """How long the thread may wait for a crowd, each time from now on."""
    slept: list[float] = []

    class Noting(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            slept.append(timeout or 0.0)
            return super().wait(timeout)

    shared._enough = Noting()
    return slept


def test_closing_while_others_ask_leaves_no_thread_and_nobody_without_an_answer(sqlite_database: Database) -> None:
    for _ in range(40):
        shared, told = GroupCommit(sqlite_database.read, "closing", linger=True), threading.Event()

        async def ask(shared: GroupCommit = shared, told: threading.Event = told) -> None:
            with suppress(StorageAway):
                while True:
                    await shared.run(lambda _conn: "done")
                    told.set()

        asker = threading.Thread(target=lambda ask=ask: asyncio.run(ask()))
        asker.start()
        assert told.wait(60)
        shared.close()
        asker.join(60)
        assert not asker.is_alive()
        assert "closing" not in {thread.name for thread in threading.enumerate()}


async def test_everybody_is_told_when_the_database_is_away() -> None:
    @contextmanager
    def away() -> Iterator[Connection]:
        raise StorageAway("gone")
        yield  # type: ignore[unreachable]

    shared = GroupCommit(away, "t")
    answers = await asyncio.gather(*(shared.run(put(number)) for number in range(5)), return_exceptions=True)
    shared.close()
    assert [type(answer) for answer in answers] == [StorageAway] * 5


async def test_closing_finishes_what_waits_and_refuses_what_comes_after(sqlite_database: Database) -> None:
    counting = Counting(sqlite_database)
    shared = GroupCommit(counting.begin, "t")
    waiting = [asyncio.ensure_future(shared.run(put(number))) for number in range(5)]
    await asyncio.sleep(0)
    await asyncio.to_thread(shared.close)
    assert await asyncio.gather(*waiting) == list(range(5)) == counting.rows()
    with pytest.raises(StorageAway):
        await shared.run(put(9))

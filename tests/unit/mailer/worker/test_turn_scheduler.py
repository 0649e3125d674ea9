"""Where a turn runs: what the event loop does with a lean turn, by hand, without a database."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, cast

from mailer.worker.commit_speed import SLOW
from mailer.worker.lean_turn import DONE, LOCKED, UNUSUAL, WRITTEN, LeanOutcome, LeanTurn
from mailer.worker.turn_scheduler import TurnScheduler


class Turn:
    """A lean turn that notes on which thread each part of it ran."""

    applies = True

    def __init__(self, *came: LeanOutcome, commit_seconds: float = 0.0) -> None:
        self.came, self.commit_seconds = list(came), commit_seconds
        self.committed: list[bool] = []
        self.finished = 0

    def write(self) -> LeanOutcome:
        return self.came.pop(0)

    def commit(self) -> None:
        self.committed.append(threading.current_thread() is threading.main_thread())

    def finish(self, _post: object) -> LeanOutcome:
        self.finished += 1
        return DONE


class NoThreads(Executor):
    """A machine on which no thread can be had."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        raise RuntimeError("can't start new thread")


async def turned(turn: Turn, times: int = 1, **given: Any) -> TurnScheduler:
    """Ask for a number of turns, one after the other."""
    turns = TurnScheduler(asyncio.get_running_loop(), may_run_on_loop=True, **given)
    turns.lean = cast(LeanTurn, turn)
    for _ in range(times):
        turns.set()
        for _ in range(200):
            await asyncio.sleep(0.001)
            if not turns.is_set() or turns.event.is_set():
                break
    turns.close()
    return turns


async def test_a_usual_turn_is_made_on_the_loop_and_wakes_no_thread() -> None:
    turn = Turn(WRITTEN)
    turns = await turned(turn)
    assert turn.committed == [True]
    assert turn.finished == 1
    assert not turns.event.is_set()


async def test_an_unusual_turn_is_for_the_writing_thread() -> None:
    turns = await turned(Turn(UNUSUAL))
    assert turns.event.is_set()


async def test_while_the_lock_is_taken_it_is_tried_again() -> None:
    turn = Turn(LOCKED, LOCKED, WRITTEN)
    await turned(turn)
    assert turn.finished == 1


async def test_while_the_writing_thread_has_the_turn_the_loop_takes_none() -> None:
    turn = Turn(WRITTEN)
    turns = TurnScheduler(asyncio.get_running_loop(), may_run_on_loop=True)
    turns.lean = cast(LeanTurn, turn)
    with turns.lock:
        turns.set()
        await asyncio.sleep(0.01)
    turns.close()
    assert turn.finished == 0


async def test_once_commits_are_slow_they_are_made_in_a_thread() -> None:
    turn = Turn(*[WRITTEN] * 12, commit_seconds=10 * SLOW)
    await turned(turn, 12)
    assert turn.finished == 12
    assert turn.committed.count(True) <= 6
    assert turn.committed[-1] is False


async def test_without_a_thread_to_be_had_they_stay_on_the_loop() -> None:
    turn = Turn(*[WRITTEN] * 12, commit_seconds=10 * SLOW)
    await turned(turn, 12, thread=NoThreads())
    assert turn.committed == [True] * 12

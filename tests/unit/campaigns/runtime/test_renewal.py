"""Web processes that follow one another: one at a time, and only one that has begun takes a place."""

from __future__ import annotations

import multiprocessing
import sys
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from campaigns.runtime.renewal import Succession
from tests.support.waiting import wait_until

SPAWN = multiprocessing.get_context("spawn")


def begins(told: Connection) -> None:
    """A process that begins, and waits to be ended."""
    told.send_bytes(b".")
    SPAWN.Event().wait(60)


def fails(_told: Connection) -> None:
    """A process that cannot begin."""
    sys.exit(78)


def start(target: str) -> tuple[BaseProcess, Connection]:
    """Start one of them by its name."""
    begun, told = SPAWN.Pipe(duplex=False)
    child = SPAWN.Process(target={"begins": begins, "fails": fails}[target], args=(told,))
    child.start()
    told.close()
    return child, begun


def followed(succession: Succession) -> list[tuple[str, BaseProcess]]:
    """The next process that takes a place."""
    found: list[tuple[str, BaseProcess]] = []

    def step() -> bool:
        found.extend(succession.step())
        return bool(found)

    wait_until(step)
    return found


def test_a_process_takes_a_place_only_once_it_has_begun_and_one_that_fails_takes_none() -> None:
    succession = Succession(start)
    succession.begin(["fails", "begins"])
    name, child = followed(succession)[0]
    assert name == "begins"
    assert child.is_alive()
    assert list(succession.step()) == []
    assert succession.children() == []
    child.terminate()
    child.join()


def test_what_was_started_before_another_change_ends_without_a_place() -> None:
    succession = Succession(start)
    succession.begin(["begins"])
    list(succession.step())
    too_old = succession.children()
    succession.begin(["begins"])
    _name, child = followed(succession)[0]
    too_old[0].join(60)
    assert not too_old[0].is_alive()
    assert child.pid != too_old[0].pid
    child.terminate()
    child.join()

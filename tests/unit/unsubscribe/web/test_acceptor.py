"""How many connections there is room for, and how those who ask before their turn are let in."""

from __future__ import annotations

import asyncio
import errno
import socket

import pytest

from unsubscribe.web.acceptor import MOST_CONNECTIONS, Gate, room
from unsubscribe.web.connection import AT_A_TURN, PipelinedRequests


@pytest.mark.parametrize(
    ("files", "most"), [(16_384, MOST_CONNECTIONS), (1_024, 896), (256, 128), (64, 32), (2, 1), (1, 1)]
)
def test_some_descriptors_are_kept_for_what_else_a_process_opens(files: int, most: int) -> None:
    assert room(files) == most


class Failing(socket.socket):
    """A listening socket whose ``accept`` fails with ``number`` so often."""

    number, left, tried = 0, 1, 0

    def accept(self) -> tuple[socket.socket, object]:
        """The next newcomer, or the error."""
        self.tried += 1
        if self.tried <= self.left:
            raise OSError(self.number, "no")
        return super().accept()


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.EPROTO, errno.ENETDOWN])
async def test_what_keeps_one_from_being_accepted_keeps_nobody_for_long(number: int) -> None:
    came = asyncio.Event()

    class Guest(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            came.set()
            transport.close()

    with Failing() as listening:
        listening.number = number
        listening.bind(("127.0.0.1", 0))
        gate = Gate(listening, Guest, [], 10)
        gate.open(10)
        with socket.create_connection(listening.getsockname()):
            async with asyncio.timeout(20):
                await came.wait()
        gate.close()
        await gate.wait_closed()


async def test_few_who_ask_before_their_turn_are_begun_in_a_turn_of_the_loop_and_in_order() -> None:
    turns, begun, number = PipelinedRequests(), list[int](), 3 * AT_A_TURN
    for place in range(number):
        turns.wait(asyncio.get_running_loop(), lambda place=place: begun.append(place))  # type: ignore[misc]
    seen = []
    while len(begun) < number:
        await asyncio.sleep(0)
        seen.append(len(begun))
    assert begun == list(range(number))
    assert max(later - before for before, later in zip([0, *seen], seen, strict=False)) == AT_A_TURN

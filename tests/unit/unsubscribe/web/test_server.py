"""How answers leave: in one piece."""

from __future__ import annotations

import asyncio

from unsubscribe.web.coalescing import CoalescingTransport
from unsubscribe.web.server import MOST_WAITING


class Recorder(asyncio.Transport):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 25)})
        self.told: list[bytes | str] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.told.append(bytes(data))

    def close(self) -> None:
        self.told.append("closed")

    def is_closing(self) -> bool:
        return "closed" in self.told


async def test_head_and_body_leave_in_one_piece() -> None:
    below = Recorder()
    transport = CoalescingTransport(below, asyncio.get_running_loop())
    transport.write(b"head ")
    transport.write(b"body")
    assert below.told == []
    await asyncio.sleep(0)
    transport.write(b"next")
    await asyncio.sleep(0)
    assert below.told == [b"head body", b"next"]


async def test_much_at_once_does_not_wait_in_memory() -> None:
    below = Recorder()
    transport = CoalescingTransport(below, asyncio.get_running_loop())
    transport.write(b"head")
    for _ in range(2):
        transport.write(bytes(MOST_WAITING))
    assert [len(piece) for piece in below.told] == [4 + MOST_WAITING]
    await asyncio.sleep(0)
    assert [len(piece) for piece in below.told] == [4 + MOST_WAITING, MOST_WAITING]


async def test_what_waits_leaves_before_the_line_is_closed() -> None:
    below = Recorder()
    transport = CoalescingTransport(below, asyncio.get_running_loop())
    transport.write(b"last words")
    transport.close()
    await asyncio.sleep(0)
    assert below.told == [b"last words", "closed"]


async def test_all_else_is_the_transports_own() -> None:
    transport = CoalescingTransport(Recorder(), asyncio.get_running_loop())
    assert transport.get_extra_info("peername") == ("127.0.0.1", 25)

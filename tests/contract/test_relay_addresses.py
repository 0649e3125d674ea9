"""A relay with several addresses is reached at the first one that answers, whatever the others do."""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import uvloop

from mailer.transport import hints
from mailer.transport.dial import AddrInfoType, connect

LONG = 600.0
LOOPS: dict[str, Callable[[Coroutine[Any, Any, None]], None]] = {"asyncio": asyncio.run, "uvloop": uvloop.run}
pytestmark = pytest.mark.parametrize("run", LOOPS.values(), ids=LOOPS)


def entry(host: str, port: int) -> AddrInfoType:
    return (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))


def of(sock: socket.socket) -> AddrInfoType:
    return entry(*sock.getsockname())


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """A server that the system accepts connections for."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


@pytest.fixture
def closed() -> AddrInfoType:
    """An address that refuses connections at once."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return of(sock)


@pytest.fixture
def black_hole() -> Iterator[AddrInfoType]:
    """An address that never answers: the queue of its listener is full, so the system drops further packets."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(10):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
            if not select.select([], [waiting], [], 0.3)[1]:
                break
        else:
            pytest.fail("this system has no limit on the queue of a listener")
        yield of(listener)


Run = Callable[[Coroutine[Any, Any, None]], None]


def test_an_address_that_never_answers_does_not_use_up_the_time_of_the_next(
    run: Run, black_hole: AddrInfoType, server: socket.socket
) -> None:
    async def reach() -> None:
        async with asyncio.timeout(30):  # far below LONG, and below the half of it
            sock = await connect([black_hole, of(server)], LONG)
        with sock:
            assert sock.getpeername() == server.getsockname()
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    run(reach())


def test_an_address_that_refuses_is_followed_by_the_next(run: Run, closed: AddrInfoType, server: socket.socket) -> None:
    async def reach() -> None:
        with await connect([closed, of(server)], LONG) as sock:
            assert sock.getpeername() == server.getsockname()

    run(reach())


def test_the_time_is_for_all_addresses_together(run: Run, black_hole: AddrInfoType) -> None:
    async def reach() -> None:
        with pytest.raises(TimeoutError):
            await connect([black_hole, black_hole, black_hole], 0.6)

    run(reach())


@pytest.mark.parametrize("first", ["the same way", "another way"])
def test_where_all_addresses_fail_the_sentence_is_that_of_one(run: Run, closed: AddrInfoType, first: str) -> None:
    broadcast = entry("255.255.255.255", 25)

    async def reach() -> None:
        with pytest.raises(ConnectionRefusedError) as failed:
            await connect([closed if first == "the same way" else broadcast, closed], LONG)
        assert hints.unreachable(failed.value) == (
            "no connection: nothing takes mail at this address and port (connection refused)"
        )

    run(reach())

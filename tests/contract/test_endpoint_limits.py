"""The cost of one connection: bytes on sockets, no HTTP library in between (issue 11, H3)."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from starlette.types import Receive, Scope, Send

from mailer.storage import Database
from tests.support.site import Town, WebServer, serving
from tests.support.waiting import wait_until
from tests.support.wire import FORM, LAST, ONE_CLICK, line, post, rest, rest_or_reset, said, statuses
from unsubscribe.endpoint import public_app
from unsubscribe.web.connection import PIECE
from unsubscribe.web.server import BoundedProtocol


class Hasty(BoundedProtocol):
    """Half a second to take a piece of an answer."""

    answer_timeout = 0.5


class DelayedApp:
    """An application that answers when it is told to, with a number of bytes, and keeps its requests."""

    def __init__(self, size: int = 2) -> None:
        self.size = size
        self.asked: list[Scope] = []
        self.may_answer = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        self.asked.append(scope)
        while not self.may_answer.is_set():  # noqa: ASYNC110 - another thread sets it
            await asyncio.sleep(0.01)
        length = (b"content-length", b"%d" % self.size)
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": b"x" * self.size})

    def headers(self, number: int = 0) -> list[bytes]:
        """The names of the headers of a request."""
        return [name for name, _ in self.asked[number]["headers"]]


@pytest.fixture
def town(sqlite_database: Database) -> Town:
    return Town(sqlite_database)


@pytest.fixture
def site(town: Town) -> Iterator[WebServer]:
    with serving(public_app(town.deps())) as running:
        yield running


@pytest.fixture
def delayed() -> DelayedApp:
    return DelayedApp()


@pytest.fixture
def bare(delayed: DelayedApp) -> Iterator[WebServer]:
    with serving(delayed, http=Hasty, lifespan="off") as running:
        yield running
        delayed.may_answer.set()


def open_lines(site: WebServer) -> list[BoundedProtocol]:
    return list(site.server.server_state.connections)  # type: ignore[arg-type]


def test_requests_before_a_broken_one_are_answered_first(town: Town, site: WebServer) -> None:
    answer = said(site, post(town.path()) + LAST.replace(b"Connection: close\r\n", b"") + b"nonsense\r\n\r\n")
    assert statuses(answer) == [b"200", b"200", b"400"]
    assert town.state() == "opted_out"


def test_a_broken_body_behind_another_request_does_not_take_that_ones_answer(town: Town, site: WebServer) -> None:
    head = f"POST {town.path(reader=1)} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n".encode()
    with line(site) as connection:
        connection.sendall(post(town.path()) + head)
        connection.sendall(b"\r\nnonsense\r\n\r\n")
        answer = rest(connection)
    assert statuses(answer) == [b"200", b"400"]
    assert [town.state(reader) for reader in (0, 1)] == ["opted_out", "subscribed"]


# what a connection may cost


def test_the_answer_to_who_sends_on_is_not_lost_by_closing(site: WebServer) -> None:
    with line(site) as connection:
        connection.sendall(FORM + b"Content-Length: 999999\r\n\r\n")
        for _ in range(10):
            connection.sendall(b"a" * 1000)
            time.sleep(0.01)
        assert statuses(rest(connection)) == [b"413"]


def test_a_thousand_requests_in_one_go_are_all_answered_in_order(site: WebServer) -> None:
    paths = [b"/health", b"/nowhere"] * 500
    requests = b"".join(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n\r\n" for path in paths)
    with line(site) as connection:
        sending = threading.Thread(target=connection.sendall, args=(requests + LAST,))
        sending.start()
        answer = rest(connection)
        sending.join()
    assert statuses(answer) == [b"200", b"404"] * 500 + [b"200"]


def test_while_a_request_is_answered_few_wait_and_reading_stops(bare: WebServer, delayed: DelayedApp) -> None:
    sent, many = 0, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 10_000
    with line(bare) as connection:
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            while sent < 100_000_000:
                sent += connection.send(many)
        wait_until(lambda: delayed.asked)
        [there] = open_lines(bare)
        assert len(there.pipeline) <= 2
        assert len(there._unread) <= PIECE
        assert len(delayed.asked) == 1
        delayed.may_answer.set()
        connection.settimeout(120)
        assert statuses(connection.recv(65536))


def test_a_body_that_nobody_reads_waits_with_who_sends_it(bare: WebServer, delayed: DelayedApp) -> None:
    with line(bare) as connection:
        connection.settimeout(0.5)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
        with pytest.raises(TimeoutError):
            connection.sendall(b"b" * 100_000_000)
        wait_until(lambda: delayed.asked)
        [there] = open_lines(bare)
        assert len(there.cycle.body) + len(there._unread) <= 65536 + 2 * PIECE
        delayed.may_answer.set()
        connection.settimeout(120)
        assert statuses(rest_or_reset(connection)) == [b"200"]
    wait_until(lambda: not open_lines(bare))


def test_who_does_not_take_an_answer_is_cut_off_and_it_does_not_wait_in_memory(
    bare: WebServer, delayed: DelayedApp
) -> None:
    delayed.size = 50_000_000
    delayed.may_answer.set()
    with line(bare) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(LAST)
        wait_until(lambda: bool(delayed.asked))
        for there in open_lines(bare):
            assert there.transport.get_write_buffer_size() < 500_000
        wait_until(lambda: not open_lines(bare))


def test_who_takes_an_answer_slowly_gets_all_of_it(bare: WebServer, delayed: DelayedApp) -> None:
    delayed.size = 3_000_000
    delayed.may_answer.set()
    with line(bare) as connection:
        connection.sendall(LAST)
        got = 0
        while piece := connection.recv(100_000):
            got += len(piece)
            time.sleep(0.01)
    assert got > delayed.size


def test_trailers_are_read_and_forgotten(bare: WebServer, delayed: DelayedApp) -> None:
    delayed.may_answer.set()
    body = b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Forwarded-For: 9.9.9.9\r\nCookie: a\r\n\r\n"
    assert statuses(said(bare, b"POST / HTTP/1.1\r\nHost: a\r\n" + body + LAST)) == [b"200", b"200"]
    assert delayed.headers(0) == [b"host", b"transfer-encoding"]
    assert delayed.headers(1) == [b"host", b"connection"]


def test_nothing_behind_a_last_request_acts(town: Town, site: WebServer) -> None:
    answer = said(site, post(town.path(), b"Connection: close") + post(town.path(reader=1)))
    assert statuses(answer) == [b"200"]
    assert [town.state(reader) for reader in (0, 1)] == ["opted_out", "subscribed"]


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket", b"TLS/1.0"])
def test_who_asks_for_another_protocol_is_answered_in_this_one_and_nothing_behind_acts(
    town: Town, site: WebServer, protocol: bytes
) -> None:
    upgrade = (b"Connection: Upgrade", b"Upgrade: " + protocol)
    smuggled = post(town.path(reader=1))
    with line(site) as connection:
        connection.sendall(post("/health", *upgrade, body=smuggled))
        answer = connection.recv(12)  # it is being answered: what comes now comes behind it
        with suppress(OSError):  # it may have hung up
            connection.sendall(smuggled)
        answer += rest_or_reset(connection)
    assert len(statuses(answer)) == 1
    assert b"101" not in statuses(answer)
    assert town.state(1) == "subscribed"


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 26\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 26",
        b"Transfer-Encoding:\x0bchunked",
        b"Transfer-Encoding: chunked, identity",
        b"Transfer-Encoding: identity",
        b"Transfer-Encoding:\r\n chunked",
        b"Content-Length: +26",
        b"Content-Length: 26\r\nContent-Length: 27",
        b"Content-Length: 2 6",
    ],
)
def test_a_request_whose_end_is_not_certain_does_nothing_nor_what_follows(
    town: Town, site: WebServer, framing: bytes
) -> None:
    head = f"POST {town.path()} HTTP/1.1\r\nHost: a\r\n".encode() + framing + b"\r\n\r\n"
    answer = said(site, head + b"1a\r\n" + ONE_CLICK + b"\r\n0\r\n\r\n" + post(town.path(reader=1)))
    assert statuses(answer) == [b"400"]
    assert [town.state(reader) for reader in (0, 1)] == ["subscribed", "subscribed"]


def test_an_honest_form_in_pieces_of_any_size_still_acts(town: Town, site: WebServer) -> None:
    head = f"POST {town.path()} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n".encode()
    with line(site) as connection:
        for number in range(0, len(head), 7):
            connection.sendall(head[number : number + 7])
            time.sleep(0.001)
        for sign in ONE_CLICK:
            connection.sendall(b"1\r\n" + bytes([sign]) + b"\r\n")
        connection.sendall(b"0\r\n\r\n")
        assert statuses(rest(connection)) == [b"200"]
    assert town.state() == "opted_out"


def test_a_form_with_many_empty_lines_is_read_whole(site: WebServer) -> None:
    body = b"email=&website=&name=" + b"\r\n" * 20_000
    assert statuses(said(site, post("/subscribe", b"Connection: close", body=body))) == [b"422"]


def test_who_waits_to_be_told_to_go_on_is_told_so_once(town: Town, site: WebServer) -> None:
    with line(site) as connection:
        whole = post(town.path(), b"Expect: 100-continue", b"Connection: close")
        connection.sendall(whole.removesuffix(ONE_CLICK))
        assert statuses(connection.recv(1000)) == [b"100"]
        connection.sendall(ONE_CLICK)
        assert statuses(rest(connection)) == [b"200"]
    assert town.state() == "opted_out"


def test_a_short_body_that_comes_after_its_answer_is_passed_over_and_the_connection_goes_on(site: WebServer) -> None:
    whole = post("/u/forged")
    with line(site) as connection:
        for _ in range(3):
            connection.sendall(whole.removesuffix(ONE_CLICK))
            assert statuses(connection.recv(65536)) == [b"404"]
            connection.sendall(ONE_CLICK)
        connection.sendall(LAST)
        assert statuses(rest(connection))[-1:] == [b"200"]


def test_a_long_one_ends_the_connection_without_another_answer(site: WebServer) -> None:
    with line(site) as connection:
        connection.sendall(b"POST /u/forged HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n")
        assert statuses(connection.recv(65536)) == [b"404"]
        connection.sendall(b"b" * 49_000)
        assert statuses(rest(connection)) == []

"""The endpoint's port as slow, rude and broken programs use it: sockets, no HTTP library in between (E51)."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from mailer.storage import Database
from tests.support.site import Town, WebServer, serving
from tests.support.waiting import wait_until
from tests.support.wire import rest_or_reset
from unsubscribe.endpoint import public_app
from unsubscribe.web.server import MOST_HEAD, BoundedProtocol

GET = b"GET /health HTTP/1.1\r\nHost: a\r\n"


class Hasty(BoundedProtocol):
    """Half a second for a head."""

    head_timeout = 0.5


class Calm(BoundedProtocol):
    """Longer for a head than a test takes."""

    head_patience = 600.0


@pytest.fixture
def site(sqlite_database: Database) -> Iterator[WebServer]:
    with serving(public_app(Town(sqlite_database).deps()), http=Hasty) as running:
        yield running


def line(site: WebServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", site.port), timeout=60)


def said(site: WebServer, *pieces: bytes) -> bytes:
    with line(site) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return rest_or_reset(connection)


@pytest.mark.parametrize("begun", [b"", b"GET /hea", GET, GET + b"X-Slow: "])
def test_who_does_not_finish_a_head_is_shown_out_in_time(site: WebServer, begun: bytes) -> None:
    with line(site) as connection:
        connection.sendall(begun)
        assert rest_or_reset(connection) == b""


def test_a_head_that_drips_gains_no_time(site: WebServer) -> None:
    with line(site) as connection, pytest.raises(OSError, match=r"Broken pipe|reset by peer"):
        for sign in GET + b"X-Slow: " + b"a" * 500:
            connection.sendall(bytes([sign]))
            time.sleep(0.02)  # ten seconds in all, unless it is cut off before


def test_the_second_head_on_a_connection_must_be_there_in_time_too(site: WebServer) -> None:
    with line(site) as connection:
        connection.sendall(GET + b"\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        connection.sendall(b"GET /hea")
        assert rest_or_reset(connection) == b""


def test_a_head_in_time_is_answered_however_many_pieces_it_comes_in(site: WebServer) -> None:
    with line(site) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in (GET[:9], GET[9:], b"Connection: close\r\n", b"\r\n"):
            connection.sendall(piece)
            time.sleep(0.02)  # so that each is a read of its own
        assert rest_or_reset(connection).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("size", [4_096, 65_536])
def test_a_head_of_more_than_16_kb_is_not_read_to_its_end(site: WebServer, size: int) -> None:
    pieces = [b"X-%d: " % number + b"a" * size + b"\r\n" for number in range(MOST_HEAD * 8 // size)]
    answer = said(site, GET, *pieces, b"\r\n")
    assert not answer.startswith(b"HTTP/1.1 200")


def test_a_long_head_in_one_piece_is_refused_as_well(site: WebServer) -> None:
    answer = said(site, GET + b"X: " + b"a" * (MOST_HEAD + 1) + b"\r\nConnection: close\r\n\r\n")
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")


def test_an_honest_head_of_eight_kb_is_answered(site: WebServer) -> None:
    answer = said(site, GET + b"Cookie: " + b"a" * 8_000 + b"\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "request_line",
    [
        b"nonsense",
        b"GET\r\n\r\n",
        b"GET /health HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
        b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http:// HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /u/x HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /u/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\nX\x00Y: 1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_is_not_http_gets_a_bare_400_or_404_and_no_word_about_us(site: WebServer, request_line: bytes) -> None:
    answer = said(site, request_line)
    assert answer.split(b" ")[1:2] in ([b"400"], [b"404"], []), answer[:200]
    for word in (b"Traceback", b"uvicorn", b"httptools", b"Invalid", b"server:", b"python"):
        assert word.lower() not in answer.lower()


def test_no_answer_names_the_program(site: WebServer) -> None:
    for path in (b"/health", b"/u/forged", b"/archive/x"):
        answer = said(site, b"GET " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        head = answer.partition(b"\r\n\r\n")[0].lower()
        assert b"\r\nserver:" not in head
        assert b"\r\nx-powered-by:" not in head


def test_requests_in_one_go_are_answered_in_order_and_all_act(sqlite_database: Database) -> None:
    town = Town(sqlite_database)
    body = b"List-Unsubscribe=One-Click"
    with serving(public_app(town.deps())) as site:
        posts = b"".join(
            f"POST {town.path(reader=reader)} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
            for reader in range(3)
        )
        last = b"GET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        answer = said(site, posts + last)
    statuses = [piece[:3] for piece in answer.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"200", b"200", b"200", b"404"]
    assert [town.state(reader) for reader in range(3)] == ["opted_out"] * 3


def test_many_who_only_connect_keep_nobody_waiting(sqlite_database: Database) -> None:
    """Expected: an answer while a hundred idle connections are open, not once they are cut off."""
    with serving(public_app(Town(sqlite_database).deps()), http=Calm) as site:
        idle = [line(site) for _ in range(100)]
        try:
            wait_until(lambda: len(site.server.server_state.connections) == 100)
            assert said(site, GET + b"Connection: close\r\n\r\n").startswith(b"HTTP/1.1 200")
            assert len(site.server.server_state.connections) >= 100
        finally:
            for connection in idle:
                connection.close()

"""A connection that is cut in the middle of something leaves no traceback behind."""

from __future__ import annotations

import logging
import random
import socket
import struct
from contextlib import suppress
from itertools import pairwise

import pytest

from mailer.storage import Database
from tests.support import web
from tests.support.fuzz import attempts
from tests.support.site import Town, WebServer, serving
from unsubscribe.endpoint import public_app

PIPELINED = b"GET /subscribe HTTP/1.1\r\nHost: a\r\n\r\n" * 20
TWICE = b"POST /subscribe HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\nemail=a" * 5 + b"\xff\r\n\r\nGET"


def reset(site: WebServer, pieces: list[bytes], wait: bool) -> None:
    """Send, read perhaps, and cut the connection (RST) with the answers still under way."""
    connection = socket.create_connection(("127.0.0.1", site.port), timeout=0.02)
    with suppress(OSError):
        for piece in pieces:
            connection.sendall(piece)
        if wait:
            connection.recv(50)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_a_connection_that_is_cut_anywhere_leaves_no_traceback(
    sqlite_database: Database, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    chance = random.Random(11)
    with serving(public_app(Town(sqlite_database).deps()), loop="uvloop") as site:
        for request in [*attempts(b"/subscribe"), *[PIPELINED, TWICE] * 40]:
            cuts = [0, *sorted(chance.choices(range(len(request)), k=3)), len(request)]
            pieces = [bytes(request[start:end]) for start, end in pairwise(cuts)]
            reset(site, pieces[: chance.randint(1, 4)], chance.random() < 0.5)
        assert web.get(site.url("/health")).status_code == 200
    told = capfd.readouterr()
    log = told.out + told.err + caplog.text
    assert "Traceback" not in log, log[log.find("Traceback") :][:2000]

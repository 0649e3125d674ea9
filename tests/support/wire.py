"""Bytes on sockets, no HTTP library in between: what rude programs send to the endpoint, and what comes back."""

from __future__ import annotations

import re
import socket

from tests.support.site import WebServer

ONE_CLICK = b"List-Unsubscribe=One-Click"
LAST = b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
FORM = b"POST /subscribe HTTP/1.1\r\nHost: a\r\n"
CHUNKED = FORM + b"Transfer-Encoding: chunked\r\n\r\n"


def line(site: WebServer) -> socket.socket:
    """A connection."""
    return socket.create_connection(("127.0.0.1", site.port), timeout=20)


def rest(connection: socket.socket) -> bytes:
    """Everything until the server closes. A reset fails: it would take the answer away."""
    got = b""
    while piece := connection.recv(65536):
        got += piece
    return got


def said(site: WebServer, *pieces: bytes) -> bytes:
    """Return the answer to these bytes, until the server closes."""
    with line(site) as connection:
        for piece in pieces:
            connection.sendall(piece)
        return rest(connection)


def statuses(answer: bytes) -> list[bytes]:
    """The statuses of all answers in there."""
    return re.findall(rb"HTTP/1\.1 (\d{3})", answer)


def rest_or_reset(connection: socket.socket) -> bytes:
    """The same; a reset is a close too."""
    got = b""
    try:
        while piece := connection.recv(65536):
            got += piece
    except ConnectionResetError:
        pass
    return got


def post(path: str, *headers: bytes, body: bytes = ONE_CLICK) -> bytes:
    """A whole POST with a body."""
    lines = b"".join(header + b"\r\n" for header in headers)
    return f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n".encode() + lines + b"\r\n" + body

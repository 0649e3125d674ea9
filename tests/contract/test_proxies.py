"""Reverse proxies as docs/howto/proxy.md has them, and requests that proxies and servers may read in two ways.

Behind each, everybody gets the answer to their own request (no smuggling), and nobody chooses who they are.
"""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from mailer.storage import Database
from tests.support.commandline import free_port
from tests.support.docs import DOCS
from tests.support.needs import need
from tests.support.nginx import certificate, documented, wait_for_port
from tests.support.site import Town, serving
from tests.support.waiting import wait_until
from unsubscribe.endpoint import public_app
from unsubscribe.web.server import Server

pytestmark = [pytest.mark.slow, pytest.mark.nginx]
HOST = b"Host: mail.example.org\r\n"
LAST = b"Connection: close\r\n\r\n"


@dataclass(frozen=True)
class Front:
    """A proxy before a town; TLS or not."""

    port: int
    tls: bool
    town: Town
    folder: Path
    process: subprocess.Popen[bytes]
    behind: Server

    def say(self, request: bytes, seconds: float = 2) -> bytes:
        """Return the bytes that come until the end, or until nothing more comes."""
        got = b""
        with closing(self._line(seconds)) as line:
            line.sendall(request)
            try:
                while piece := line.recv(65536):
                    got += piece
            except OSError:
                pass
        return got

    def _line(self, seconds: float) -> socket.socket:
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=seconds)
        if not self.tls:
            return plain
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context.wrap_socket(plain, server_hostname="mail.example.org")


def nginx(folder: Path, port: int, upstream: int) -> list[str]:
    """The command for it."""
    certificate(folder)
    (folder / "nginx.conf").write_text(documented(folder, port, upstream), "utf-8")
    return [need("nginx", "nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf")]


def haproxy(folder: Path, port: int, upstream: int) -> list[str]:
    """The same, without TLS."""
    page = (DOCS / "howto" / "proxy.md").read_text("utf-8")
    [block] = re.findall(r"```haproxy\n(.*?)```", page, re.DOTALL)
    for old, new in (
        (":443 ssl crt /etc/ssl/mail.example.org.pem alpn h2,http/1.1", f"127.0.0.1:{port}"),
        ("127.0.0.1:8000", f"127.0.0.1:{upstream}"),
    ):
        assert old in block
        block = block.replace(old, new)
    times = "defaults\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n http-reuse always\n"
    (folder / "haproxy.cfg").write_text(times + block, "utf-8")
    return [need("haproxy", "haproxy"), "-db", "-f", str(folder / "haproxy.cfg")]


@pytest.fixture(params=[nginx, haproxy], ids=lambda made: made.__name__)
def front(request: pytest.FixtureRequest, tmp_path: Path, sqlite_database: Database) -> Iterator[Front]:
    made: Callable[[Path, int, int], list[str]] = request.param
    town, port = Town(sqlite_database), free_port()
    with serving(public_app(town.deps())) as site:
        command = made(tmp_path, port, site.port)
        with (tmp_path / "said.log").open("wb") as out:
            process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        try:
            wait_for_port(port, process)
            yield Front(port, made is nginx, town, tmp_path, process, site.server)
        finally:
            process.terminate()
            process.wait(20)


def post(path: str, *headers: bytes, body: bytes = b"List-Unsubscribe=One-Click") -> bytes:
    lines = b"".join(header + b"\r\n" for header in headers)
    return f"POST {path} HTTP/1.1\r\n".encode() + HOST + lines + b"Content-Length: %d\r\n\r\n" % len(body) + body


@pytest.mark.parametrize(
    ("framing", "before"),
    [
        (b"Content-Length: %d\r\nTransfer-Encoding : chunked", b"0\r\n\r\n"),
        (b"Content-Length: %d\r\nTransfer-Encoding:\x0bchunked", b"0\r\n\r\n"),
        (b"Content-Length: %d\r\nTransfer-Encoding: identity", b"0\r\n\r\n"),
        (b"Content-Length: %d\r\nTransfer_Encoding: chunked", b"0\r\n\r\n"),
        (b"Content-Length: %d\r\nX: y\r\n Transfer-Encoding: chunked", b"0\r\n\r\n"),
        (b"Content-Length: 0\r\nContent-Length: %d", b""),
        (b"Content-Length: 0, %d", b""),
        (b"Content-Length: %d\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA", b""),
        (b"Content-Length: %d\r\nConnection: Upgrade\r\nUpgrade: websocket", b""),
        (b"Content-Length: %d\r\nConnection: keep-alive, Content-Length", b""),
    ],
)
def test_a_request_hidden_in_the_body_of_another_acts_for_nobody(front: Front, framing: bytes, before: bytes) -> None:
    hidden = before + post(front.town.path())
    front.say(b"POST /health HTTP/1.1\r\n" + HOST + framing % len(hidden) + b"\r\n\r\n" + hidden, 1)
    assert front.town.state() == "subscribed"
    after = front.say(b"GET /robots.txt HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
    assert after.startswith(b"HTTP/1.1 200")
    assert b"User-agent" in after


def test_an_opt_out_acts_through_the_proxy(front: Front) -> None:
    assert front.say(post(front.town.path(), b"Connection: close")).startswith(b"HTTP/1.1 200")
    assert front.town.state() == "opted_out"


@pytest.mark.parametrize("path", [b"/metrics", b"/%6detrics", b"//metrics", b"/x/../metrics", b"/metrics/"])
def test_nobody_sees_the_counters_in_any_spelling(front: Front, path: bytes) -> None:
    for host in (HOST, b"Host: 127.0.0.1\r\n"):
        answer = front.say(b"GET " + path + b" HTTP/1.1\r\n" + host + b"Connection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 404"), answer


@pytest.mark.parametrize(
    "claims",
    [
        "X-Forwarded-For: 198.51.100.{n}",
        "X-Forwarded-For: 198.51.100.{n}:567",
        "X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 198.51.100.{n}",
        "Forwarded: for=198.51.100.{n}",
        "X-Forwarded-For: garbled{n}",
        "Connection: close, X-Forwarded-For\r\nX-Forwarded-For: 198.51.100.{n}",
    ],
)
def test_nobody_signs_up_more_people_than_one_visitor_may_by_saying_they_are_others(front: Front, claims: str) -> None:
    for number in range(24):
        body = f"email=n{number}%40gouda.example&topic=nieuws".encode()
        form = b"Content-Type: application/x-www-form-urlencoded"
        lines = claims.format(n=number).encode()
        close = () if b"Connection" in lines else (b"Connection: close",)
        assert front.say(post("/subscribe", form, lines, *close, body=body), 60).startswith(b"HTTP/1.1 200")
    assert len(front.town.letters("optin_confirm")) == 20


def test_no_token_and_no_reader_stands_in_the_logs_of_the_documented_proxies(front: Front) -> None:
    """Expected: pages that work, that do not, and that nobody answers, are logged without what names a reader."""
    paths = [front.town.path(), front.town.path("d"), front.town.path() + "/pause", "/confirm/" + "A" * 48, "/u/x?a=b"]
    for path in paths:
        front.say(f"GET {path} HTTP/1.1\r\nReferer: {path}\r\nUser-Agent: {path}\r\n".encode() + HOST + LAST)
        front.say(post(path, b"X-Forwarded-For: 198.51.100.77", b"Connection: close"))
    front.behind.should_exit = True
    wait_until(lambda: front.say(f"GET {paths[0]} HTTP/1.1\r\n".encode() + HOST + LAST, 20)[9:11] == b"50")
    front.say(b"GET " + paths[0].encode() + b" HTTP/1.1\r\nHost: a\r\nBad Header\r\n\r\n")
    front.process.terminate()
    front.process.wait(20)
    logs = {path.name: path.read_text("utf-8", "replace") for path in front.folder.glob("*.log")}
    told = "\n".join(logs.values())
    assert re.search(r" /u\b", told), logs
    assert " /confirm" in told
    for path in paths[:4]:
        assert path.split("/")[2] not in told
    assert "198.51.100.77" not in told

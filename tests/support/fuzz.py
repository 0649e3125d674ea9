"""Requests that no browser sends, on a socket without an HTTP library in between, at every page that there is."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import suppress

import httpx

from tests.support import web
from tests.support.site import Town, WebServer

FORM = b"application/x-www-form-urlencoded"
FIELDS = (
    *(
        "email",
        "name",
        "language",
        "topic",
        "topic-nieuws",
        "topic-\xff",
        "version",
        "often",
        "pause",
        "until",
        "reason",
    ),
    *("scope", "format", "q", "lang", "role"),
)
ODD = (
    *(b"\xff\xfe\x80", b"\x00", b"\xed\xa0\x80", b"%ff%00%ed%a0%80", b"%00", b"\xc3\x28", "\u202e\ufeff🂡".encode()),
    *(b"9" * 5000, b"-1", b"1e309", b"\xd9\xa3", "²".encode(), b"99-99-9999", b"0001-01-01", b"31-12-9999", b"29 feb"),
    *(
        b"a" * 60_000,
        b"a@" + b"b" * 5000,
        b"a@[1.2.3.4]",
        b'"\\\r\n"@x',
        b"a@xn--\xff",
        b"a@" + b"x." * 200,
        b"a@\xe2\x80\xa4",
    ),
    *(b"{{7*7}}", b"%s%(x)d{0}{x.y}", b"../../../etc/passwd", b"' OR 1=1 --", b"nl\r\nX: y", b"[]", b"{}", b"[" * 5000),
)
TYPES = (
    *(b"application/x-www-form-urlencoded; charset=nope", b"application/x-www-form-urlencoded; charset=\xff"),
    *(b"multipart/form-data", b"multipart/form-data; boundary=", b'multipart/form-data; boundary="', b"text/plain"),
    *(b"multipart/form-data; boundary=\xff\xfe", b"multipart/form-data; boundary=" + b"b" * 3000, b"application/json"),
    *(b"", b";;;", b"\xff", b"multipart/form-data; charset=utf-16; boundary=x", b"multipart/mixed; boundary=x"),
)
PARTS = (
    b"--x\r\n\r\n--x--\r\n",
    b'--x\r\nContent-Disposition: form-data; name="email"\r\n',
    b'--x\r\nContent-Disposition: form-data; name="\xff\x00"; filename="\xff"\r\n\r\n\xff\r\n--x--',
    b'--x\r\nContent-Disposition: form-data; name="email"\r\nContent-Transfer-Encoding: nope\r\n\r\n\xff\x00\r\n--x--',
    b"--x\r\ncontent-disposition: form-data; name*=nope''%ff; name=\"topic\"\r\n\r\n\xed\xa0\x80\r\n--x--",
    b"--x--x--x" * 500,
    b"--x\r\n:" * 500,
)
HEADERS = (
    *(
        b"Host: " + host
        for host in (b"\xff\x00", b"\xff", b"", b"[]", b"a]b[", b"[::1]:x", b"\\", b"a\tb", b"[::1", b"a/b?c#d")
    ),
    *(b"Host: a:99999999", b"Host: " + b"a" * 9000),
    *(b"Accept-Language: \xff;q=\xff", b"Accept-Language: nl;q=1e999", b"Accept-Language: " + b"nl," * 4000),
    *(b"Accept-Language: nl-\xed\xa0\x80;q=0.5;q=x,,;=", b"Accept: \xff", b"Accept-Encoding: \xff, gzip;q=nope"),
    *(b"Cookie: \xff=\x01; ;;=;a=" + b"x" * 5000, b'Cookie: a="\\999\\400"', b'If-None-Match: \xff, W/"\xff'),
    *(b"X-Forwarded-For: \xff, ::ffff:999.1.1.1, [::1", b"X-Forwarded-Proto: \xff", b"Origin: \xff", b"Referer: \xff"),
    *(
        b"Range: bytes=9-1,\xff",
        b"Authorization: Bearer \xff",
        b"Authorization: Basic \xff",
        b"If-Modified-Since: \xff",
    ),
    *(b"Content-Length: 5\r\nX: y", b"Expect: 100-continue", b"Transfer-Encoding: nope"),
    b"Upgrade: websocket\r\nConnection: close, Upgrade",
)


class Rude(bytes):
    """A request whose client goes before it is whole."""


def every_page(site: WebServer, town: Town) -> list[str]:
    """The path of each page that can be reached: fixed ones, links of letters, fresh links that answers hand out."""
    found = {
        *("/", "/health", "/metrics", "/robots.txt", "/privacy", "/accessibility", "/subscribe", "/archive"),
        *("/archive/feed.xml", "/archive/x", "/o/x", "/o/x.txt", "/m/x.png", "/a/x.css", "/.well-known/security.txt"),
        *(town.path("u", 1), town.path("d", 1), town.path("u", 1) + "/pause", town.path("u", 1) + "/less-often"),
        *("/c/undo/x", "/confirm/x", "/my-data/x", "/u/x", "/d/x"),
    }
    link = re.compile(r'(?:href|action|src)="([^"#]*)')
    for path in (town.path("u"), town.path("d"), "/subscribe", "/"):
        for answer in (web.get(site.url(path)), web.post(site.url(path), data={"name": "x"})):
            found |= _ours(link, answer)
    web.post(site.url(town.path("d", 1)), data={"email": "new@elsewhere.example", "name": "Nieuw"})
    web.post(site.url(town.path("d", 2) + "/my-data"), data={"format": "page"})
    for notice, slot in (("address_change_new", "confirm"), ("address_change_old", "confirm"), ("my_data", "show")):
        with suppress(IndexError, KeyError):
            path = town.letter(notice, slot)
            found |= {path, path.replace("/c/new-address/", "/c/keep-address/"), *_ours(link, web.get(site.url(path)))}
    return sorted(found)


def _ours(link: re.Pattern[str], answer: httpx.Response) -> set[str]:
    """Our own paths in a page, each kind once."""
    paths = {path.partition("?")[0].replace("&amp;", "&") for path in link.findall(answer.text) if path.startswith("/")}
    return {path for path in paths if path}


def attempts(path: bytes) -> Iterator[bytes]:
    """Requests to a page, each broken in one way."""
    for odd in ODD:
        quoted = b"".join(b"%%%02X" % byte if byte <= 32 or byte > 126 else b"%c" % byte for byte in odd[:1500])
        yield _get(path + b"?" + b"&".join(b"%s=%s" % (name.encode(), quoted[:200]) for name in FIELDS))
        yield _get(path + b"/" + quoted)
        yield _get(path.rsplit(b"/", 1)[0] + b"/" + quoted)
        yield _post(path, b"&".join(b"%s=%s" % (name.encode(), odd[:3000]) for name in FIELDS))
        yield _post(path, odd + b"=" + odd)
    for kind in TYPES:
        yield _post(path, b"email=\xff&name=%ff", kind)
    for part in PARTS:
        yield _post(path, part, b"multipart/form-data; boundary=x")
    for header in HEADERS:
        yield _get(path, header)
        yield _post(path, b"email=a", header=header)
    yield _get(path, method=b"DELETE")
    yield _get(path, method=b"OPTIONS")
    yield _get(path, method=b"HEAD")
    yield _get(path + b"?\xff\xfe=\x80")
    yield _get(path + b"\xff")
    yield _get(b"http://[::1" + path)
    yield _get(b"http://\xff" + path)
    yield _get(b"//" + path)
    yield _get(b"*", method=b"OPTIONS")
    yield _get(b"a:1", method=b"CONNECT")
    yield _get(path, method=b"PROPFIND")
    yield b"GET " + path + b" HTTP/1.0\r\n\r\n"
    yield b"GET " + path + b" HTTP/9.9\r\nHost: a\r\n\r\n"
    yield _post(path, b"pause=date&until=31-12-9999&often=7&topic-nieuws=on")
    yield _post(path, b"pause=date&until=1-1-9999&email=a%40b.example&topic=nieuws&name=%00%ff&language=%ed%a0%80")
    yield _post(path, b"pause=6&until=&email=%22%00%22%40x.nl&topic-%00=on&version=%00&reason=%00&format=json")
    yield _post(path, b"a&" * 30_000)
    head = b"POST " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    yield Rude(head + b"Content-Length: 100\r\n\r\nhalf of")
    yield Rude(head + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n")
    yield head + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\nxx\r\n"
    yield head + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n"
    yield head + b"Content-Length: 99999999999\r\n\r\nx"


def _get(path: bytes, header: bytes = b"X: y", method: bytes = b"GET") -> bytes:
    return method + b" " + path + b" HTTP/1.1\r\n" + _head(header) + b"\r\n\r\n"


def _post(path: bytes, body: bytes, kind: bytes = FORM, header: bytes = b"X: y") -> bytes:
    head = b"POST " + path + b" HTTP/1.1\r\n" + _head(header) + b"\r\nContent-Type: " + kind
    return head + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def _head(header: bytes) -> bytes:
    host = b"" if header.lower().startswith(b"host:") else b"Host: a\r\n"
    return host + (header if b"Connection:" in header else b"Connection: close\r\n" + header)


def ask(site: WebServer, request: bytes, patience: float = 10.0) -> int:
    """Send it, and give the status of the answer; 0 when the server closed without one."""
    with socket.create_connection(("127.0.0.1", site.port), timeout=patience) as connection:
        got = b""
        with suppress(ConnectionResetError, BrokenPipeError):
            connection.sendall(request)
            if isinstance(request, Rude):
                return 0
            while piece := connection.recv(65536):
                got += piece
    got = got.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    return int(got[9:12]) if got.startswith(b"HTTP/1.1 ") else 0

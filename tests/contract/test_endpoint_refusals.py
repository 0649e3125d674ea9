"""How the endpoint refuses: with the headers of every answer, whatever was sent (issue 11, L12)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from mailer.storage import Database
from tests.support.site import Town, WebServer, serving
from tests.support.wire import CHUNKED, FORM, LAST, said, statuses
from unsubscribe.endpoint import public_app
from unsubscribe.web.connection import MOST_HEAD, MOST_LINES
from unsubscribe.web.security import protecting


@pytest.fixture
def town(sqlite_database: Database) -> Town:
    return Town(sqlite_database)


@pytest.fixture
def site(town: Town) -> Iterator[WebServer]:
    with serving(public_app(town.deps())) as running:
        yield running


BROKEN = [
    b"nonsense\r\n\r\n",
    b"GET /health HTTP/9.9\r\nHost: a\r\n\r\n",
    b"get /health HTTP/1.1\r\n\r\n",
    b"GET /health HTTP/1.1\nHost: a\n\n",
    b"GET /health HTTP/1.1\r\nHost : a\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
    b"GET /health HTTP/1.1\r\nX: a\x00b\r\n\r\n",
    b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
    b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /health HTTP/1.1\r\nX: " + b"a" * (MOST_HEAD + 1) + b"\r\n\r\n",
    b"GET /" + b"a" * (MOST_HEAD * 2),
    b"GET /health HTTP/1.1\r\n" + b"a:\r\n" * (MOST_LINES + 1) + b"\r\n",
    b"\r\n" * MOST_HEAD,
    FORM + b"Content-Length: -1\r\n\r\n",
    FORM + b"Content-Length: 3, 3\r\n\r\n",
    FORM + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\n",
    FORM + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    FORM + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    FORM + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    FORM + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    FORM + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    CHUNKED + b"1 \r\na\r\n0\r\n\r\n",
    CHUNKED + b"0x1\r\na\r\n0\r\n\r\n",
    CHUNKED + b"1\r\nab\r\n0\r\n\r\n",
    CHUNKED + b"1\na\n0\n\n",
    CHUNKED + b"ffffffffffffffffff\r\na",
    CHUNKED + b"1;" + b"e" * MOST_HEAD * 2,
    CHUNKED + b"0" * MOST_HEAD * 2,
    CHUNKED + b"1\r\na\r\n" * MOST_HEAD,
    CHUNKED + b"0\r\n" + b"X: y\r\n" * MOST_HEAD,
    CHUNKED + b"0\r\nX: " + b"y" * MOST_HEAD * 2,
]


@pytest.mark.parametrize("broken", BROKEN, ids=range(len(BROKEN)))
def test_what_cannot_be_read_gets_one_bare_400_with_the_headers_of_every_answer(site: WebServer, broken: bytes) -> None:
    answer = said(site, broken)
    assert statuses(answer) == [b"400"], answer[:300]
    assert_protected(answer)
    assert b"\r\nconnection: close\r\n" in answer
    assert answer.endswith(b"\r\n\r\nThis is not a request that we can read.")


def assert_protected(answer: bytes, *, https: bool = False, but: frozenset[bytes] = frozenset()) -> None:
    """The headers that protect, each once; those in ``but`` with a value of their own."""
    head = answer.partition(b"\r\n\r\n")[0]
    for name, value in protecting(https=https):
        [there] = re.findall(rb"\r\n%b: ([^\r]*)" % name, head)
        assert there == value or name in but, (name, head)


def test_behind_https_a_refusal_says_so_like_every_answer(town: Town) -> None:
    with serving(public_app(town.deps(public_url="https://mail.example.org"))) as site:
        for request in (b"nonsense\r\n\r\n", LAST, LAST.replace(b"/health", b"/nowhere")):
            assert_protected(said(site, request), https=True)


@pytest.mark.parametrize(
    "request_line",
    [
        *(
            b"GET /nowhere",
            b"HEAD /nowhere",
            b"GET /a/nothing.css",
            b"GET /m/nothing.png",
            b"GET /metrics",
            b"HEAD /health",
        ),
        *(
            b"OPTIONS /health",
            b"OPTIONS *",
            b"DELETE /health",
            b"TRACE /",
            b"PUT /u/x",
            b"PATCH /nowhere",
            b"POST /health",
        ),
        *(
            b"GET /health?\xc3\xa9",
            b"GET /%ff%00",
            b"GET //",
            b"GET /" + b"a" * 2000,
            b"GET http://b/health",
            b"GET /u/forged",
        ),
        *(b"GET /o/nothing", b"GET /confirm/x", b"GET /my-data/x", b"POST /d/x", b"GET /health HTTP/1.1\r\nHost: ["),
    ],
)
def test_every_answer_has_the_headers_that_protect(site: WebServer, request_line: bytes) -> None:
    head = request_line if b"HTTP/1.1" in request_line else request_line + b" HTTP/1.1\r\nHost: other.example"
    answer = said(site, head + b"\r\nConnection: close\r\n\r\n")
    assert len(statuses(answer)) == 1, answer[:300]
    assert_protected(answer, but=frozenset({b"cache-control"}))
    assert b"server:" not in answer.lower()


def test_a_body_that_is_too_long_or_too_slow_is_refused_with_them_and_the_connection_ends(site: WebServer) -> None:
    declared = said(site, FORM + b"Content-Length: 999999\r\n\r\n")
    chunked = said(site, CHUNKED + (b"4000\r\n" + b"a" * 0x4000 + b"\r\n") * 6)
    for answer in (declared, chunked):
        assert statuses(answer) == [b"413"]
        assert_protected(answer)
        assert b"\r\nconnection: close\r\n" in answer


def test_where_even_the_page_of_an_error_fails_there_is_an_answer_with_them(town: Town) -> None:
    app = public_app(town.deps())
    app.guard.error_page = lambda *_: 1 / 0
    with serving(app) as site:
        answer = said(site, LAST.replace(b"/health", b"/nowhere"))
    assert statuses(answer) == [b"500"]
    assert_protected(answer)


@pytest.mark.parametrize("name", [b"mail.example.org", b"127.0.0.1.example.org", b"localhost.example", b"[", b""])
def test_a_proxy_that_adds_nothing_shows_the_counters_to_nobody_who_asks_by_a_public_name(
    site: WebServer, name: bytes
) -> None:
    ask = b"GET /metrics HTTP/1.1\r\nConnection: close\r\nHost: "
    assert statuses(said(site, ask + name + b"\r\n\r\n")) == [b"404"]
    for ours in (b"127.0.0.1", b"127.0.0.1:8000", b"localhost:8000", b"[::1]:8000"):
        assert statuses(said(site, ask + ours + b"\r\n\r\n")) == [b"200"]

"""The short way of a one-click opt-out gives what the routes give, byte for byte, whatever is asked."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from starlette.types import ASGIApp, Message

from mailer.signing import Purpose
from mailer.storage import open_database
from tests.support.site import KEYRING, Town
from unsubscribe.endpoint import public_app
from unsubscribe.endpoint.oneclick import BODY, OneClick
from unsubscribe.tokens import Tokens
from unsubscribe.web.application import WebApplication

STATE = (
    "SELECT contact_id, topic_id, state, since FROM subscription ORDER BY 1, 2",
    "SELECT address_hash, scope, reason, since, until FROM suppression ORDER BY 1, 2, 3",
    "SELECT id, contact_id, kind, before, after, at, undone_at FROM change ORDER BY 1",
    "SELECT contact_id, number, kind, topic, at, detail FROM consent_event ORDER BY 1, 2",
)
PURPOSES = ("u", "d", "trial")
BODIES = st.sampled_from([BODY, b"", b"scope=all", BODY + b"&scope=all", b"list-unsubscribe=one-click", b"x" * 26])
HEADERS = st.sampled_from(
    [
        (b"accept-language", b"de"),
        (b"accept-language", b"en;q=0.3, fr"),
        (b"accept-language", b"\xff"),
        (b"content-type", b"application/x-www-form-urlencoded"),
        (b"content-type", b"multipart/form-data; boundary=x"),
        (b"content-length", b"26"),
        (b"content-length", b"999999"),
    ]
)


@dataclass(frozen=True)
class Asked:
    """A request, in pieces. ``late``: the body comes after its head; ``gone``: the client goes before it."""

    method: str
    purpose: str
    reader: int
    tail: str
    query: bytes
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes
    says_length: bool
    cut: int
    late: bool
    gone: bool

    def scope(self, path: str) -> dict[str, Any]:
        """As a server gives it."""
        length = [(b"content-length", str(len(self.body)).encode())] if self.says_length else []
        return {
            "type": "http",
            "method": self.method,
            "path": path + self.tail,
            "raw_path": (path + self.tail).encode(),
            "query_string": self.query,
            "headers": [*length, *self.headers],
            "client": ("192.0.2.1", 1),
            "scheme": "http",
            "server": ("127.0.0.1", 80),
            "root_path": "",
        }

    def messages(self) -> list[Message]:
        """Its body, in one piece or two, or its end."""
        first, second = self.body[: self.cut], self.body[self.cut :]
        pieces: list[Message] = [{"type": "http.request", "body": first, "more_body": bool(second)}]
        if second:
            pieces.append({"type": "http.request", "body": second, "more_body": False})
        return [*(pieces[:-1] if self.gone else pieces), {"type": "http.disconnect"}]


# most are what robots send, and one thing or two are not
ASKED = st.builds(
    Asked,
    st.sampled_from(["POST", "POST", "POST", "GET", "PUT"]),
    st.sampled_from(["u", "u", "u", *PURPOSES]),
    st.integers(0, 2),
    st.sampled_from(["", "", "", "x", "/", ")", "/pause"]),
    st.sampled_from([b"", b"", b"", b"lang=fr", b"x=1"]),
    st.lists(HEADERS, max_size=2),
    st.one_of(st.just(BODY), BODIES),
    st.sampled_from([True, True, False]),
    st.sampled_from([99, 99, 5]),
    st.booleans(),
    st.sampled_from([False, False, False, True]),
)


ROBOT = Asked("POST", "u", 0, "", b"", (), BODY, True, 99, False, False)
NEARLY = [  # each is not what robots send in one thing; readers are new, so that the answer shows what was done
    replace(ROBOT, query=b"lang=fr"),
    replace(ROBOT, purpose="trial"),
    replace(ROBOT, purpose="d"),
    replace(ROBOT, reader=1, body=b"scope=all&x=scope=all&x=11"),
    replace(ROBOT, reader=1, headers=[(b"accept-language", b"en"), (b"accept-language", b"fr")]),
    replace(ROBOT, reader=2, late=True),
    replace(ROBOT, reader=2, cut=5, gone=True),
    replace(ROBOT, headers=[(b"content-length", b"999999")]),
    replace(ROBOT, method="GET"),
]


@example(NEARLY)
@given(st.lists(ASKED, min_size=4, max_size=16))
@settings(max_examples=4, deadline=None)
def test_the_short_way_answers_and_acts_as_the_routes_do(requests: list[Asked]) -> None:
    with site() as (town, app), site() as (other_town, other):
        short = app.guard
        assert isinstance(other.guard.app, OneClick)
        other.guard.app = other.guard.app.routes
        assert [ask(short, town, one) for one in requests] == [ask(other.guard, other_town, one) for one in requests]
        assert state(town) == state(other_town)


def test_a_click_of_a_robot_takes_the_short_way() -> None:
    with site() as (town, app):
        app.guard.app.routes = refusing  # type: ignore[attr-defined]
        [start, _] = ask(app.guard, town, ROBOT)
        assert start["status"] == 200
        assert state(town)[0][0][2] == "opted_out"


async def refusing(_scope: Any, _receive: Any, _send: Any) -> None:
    raise AssertionError("it came to the routes")


@contextmanager
def site() -> Iterator[tuple[Town, WebApplication]]:
    with tempfile.TemporaryDirectory() as folder:
        db = open_database(f"sqlite:///{Path(folder) / 'town.db'}")
        town = Town(db)
        app = public_app(town.deps())
        yield town, app
        app.context.close()
        db.close()


def ask(app: ASGIApp, town: Town, asked: Asked) -> list[Message]:
    """The answer, each message of it."""
    path = town.path(asked.purpose, asked.reader) if asked.purpose != "trial" else trial_path()
    told: list[Message] = []
    waiting = asked.messages()

    async def receive() -> Message:
        if asked.late:
            await asyncio.sleep(0)
        return waiting.pop(0)

    async def send(message: Message) -> None:
        told.append(message)

    asyncio.run(asyncio.wait_for(app(asked.scope(path), receive, send), 20))  # type: ignore[arg-type]
    return told


def trial_path() -> str:
    return Tokens(KEYRING).trial_url("", Purpose.OPT_OUT, 0)


def state(town: Town) -> list[list[tuple[Any, ...]]]:
    with town.db.read() as conn:
        return [[tuple(row) for row in conn.execute(text(query))] for query in STATE]

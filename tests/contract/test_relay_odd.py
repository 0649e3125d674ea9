"""Whatever a relay says while a connection is made: a sentence that can be stored and shown, never a traceback."""

from __future__ import annotations

import asyncio

import pytest

from mailer.errors import PostiljonError
from mailer.settings import Relay
from mailer.transport.smtp import SmtpTransport

EHLO = b"250-x\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN CRAM-MD5"
ODD = [
    *(b"\xff\xfe\x00", b"\x00", b"", b"\r", b"250", b"999 x", b"-1 x", b"250\xa0ok", b"2" * 70_000, b"\xed\xa0\x80"),
    *(
        b"554 \xff\x00\x1b[2J",
        b"421 \xed\xa0\x80",
        b"554-a\r\n250 b",
        b"250-AUTH \xff\r\n250-SIZE \xff\r\n250 STARTTLS",
    ),
    *(b"250-AUTH\r\n250 SIZE 99999999999999999999999", b"334 \xff", b"334 !!!", b"535 \xff", b"220 \xff", EHLO),
]


async def check(script: list[bytes], relay: Relay) -> None:
    """Connect to a relay on this port that says these lines, one after each of our lines."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for answer in script:
                writer.write(answer + b"\r\n")
                await writer.drain()
                if not await reader.readline():
                    break
        except ConnectionError:
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        relay = Relay("127.0.0.1", port, relay.user, relay.password, "opportunistic")
        await SmtpTransport(relay, "sender.example").check()


@pytest.mark.parametrize("login", ["", "u"])
@pytest.mark.parametrize("before", range(4))
def test_an_odd_answer_at_any_step_becomes_a_sentence(before: int, login: str) -> None:
    relay = Relay(user=login, password="p\xe4ssw\u20acrd" if login else "")
    for odd in ODD:
        script = [b"220 hi", EHLO, b"250 ok"][:before] + [odd] * 4
        try:
            asyncio.run(check(script, relay))
        except PostiljonError as error:
            said = str(error)
            assert said.encode()
            assert said.isprintable(), (odd, said)
            assert "ssw" not in said

"""The mail catcher keeps what it gets, byte for byte, and turns away whom it was told to."""

from __future__ import annotations

import asyncio
import smtplib

from campaigns.demo.catcher import DEFERRED, REFUSED, Catcher, Mailbox

LETTER = b"From: a@example.org\r\nTo: b@example.org\r\nSubject: =?utf-8?q?caf=C3=A9?=\r\n\r\n.one dot\r\nend\r\n"


async def send(catcher: Catcher, *recipients: str) -> list[tuple[int, bytes]]:
    server, port = await catcher.listen()

    def talk() -> list[tuple[int, bytes]]:
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
            client.ehlo("test.example")
            client.mail("bounce@example.org")
            answers = [client.rcpt(recipient) for recipient in recipients]
            if any(code == 250 for code, _ in answers):
                answers.append(client.data(LETTER))
            return answers

    async with server:
        return await asyncio.to_thread(talk)


async def test_a_message_is_kept_as_it_came() -> None:
    mailbox = Mailbox()
    await send(Catcher(mailbox), "b@example.org")
    [caught] = mailbox.all()
    assert caught.content == LETTER
    assert (caught.number, caught.sender, caught.recipient) == (1, "bounce@example.org", "b@example.org")
    assert caught.message["Subject"] == "café"


async def test_one_address_is_refused_and_one_deferred_and_the_others_are_not() -> None:
    mailbox = Mailbox()
    catcher = Catcher(mailbox, refuse=["gone@example.org"], defer=["later@example.org"])
    answers = await send(catcher, "Gone@example.org", "later@example.org", "b@example.org")
    assert [code for code, _ in answers] == [550, 451, 250, 250]
    assert mailbox.turned_away() == [("Gone@example.org", REFUSED), ("later@example.org", DEFERRED)]
    assert [caught.recipient for caught in mailbox.all()] == ["b@example.org"]


def test_an_unknown_number_is_nothing() -> None:
    mailbox = Mailbox()
    mailbox.keep("a@example.org", "b@example.org", LETTER)
    assert mailbox.get(0) is None
    assert mailbox.get(2) is None


def test_the_one_click_address_is_the_web_address_in_list_unsubscribe() -> None:
    mailbox = Mailbox()
    head = b"List-Unsubscribe: <mailto:u@example.org>, <https://example.org/u/abc>\r\n"
    mailbox.keep("a@example.org", "b@example.org", head + LETTER)
    mailbox.keep("a@example.org", "b@example.org", LETTER)
    assert [caught.unsubscribe_url for caught in mailbox.all()] == ["https://example.org/u/abc", ""]

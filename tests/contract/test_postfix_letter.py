"""The real letter through a real Postfix: the bytes that come out are the bytes that went in, trace headers aside."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from campaigns.demo.catcher import Catcher, Mailbox
from mailer.letter.compile import compile_letter
from mailer.letter.compiled import MessageMeta
from mailer.letter.compose import Composer
from mailer.settings import Relay
from mailer.transport.base import OutgoingMessage
from mailer.transport.smtp import SmtpTransport
from tests.support.feeds import ListFeed, carry
from tests.support.letters import LINKS, example
from tests.support.postfix import postfix
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.postfix]
SENT_AT = datetime(2024, 9, 18, 7, 0, tzinfo=UTC)
SENDER = "bounce@vng.example"
SALUTATIONS = (
    None,
    "mevrouw Van der Mark",
    "heer “O'Brien” <b>&amp;</b> \N{PARTY POPPER}",
    ".begint met een punt\nFrom ergens " + "ë" * 3000,
)


def letters() -> list[OutgoingMessage]:
    composer = Composer(compile_letter(example("denkt-u-mee")).letter)
    parcels = []
    for number, salutation in enumerate(SALUTATIONS):
        address = f"reader{number}@example.nl"
        stamp = MessageMeta(
            address=address,
            date=SENT_AT,
            message_id=f"m{number}@vng.nl",
            name="Esther van der Märk",
            unsubscribe_url=LINKS["optout"],
            unsubscribe_mailto="optout@post.example.org",
        )
        values = {"contact": {"email": address, "salutation": salutation}, "links": LINKS}
        parcels.append(OutgoingMessage(number, SENDER, address, composer.message(values, stamp)))
    return parcels


def without_trace(content: bytes) -> bytes:
    """The message without the headers that each server puts in front."""
    while content.startswith(b"Received:"):
        lines = content.split(b"\r\n")
        rest = next(place for place, line in enumerate(lines[1:], 1) if not line.startswith((b" ", b"\t")))
        content = b"\r\n".join(lines[rest:])
    return content


async def test_the_letter_comes_out_of_postfix_as_it_went_in() -> None:
    mailbox = Mailbox()
    server, port = await Catcher(mailbox).listen()
    sent = letters()
    feed = ListFeed(sent)
    async with server:
        with postfix(port) as relay:
            await carry(SmtpTransport(Relay(port=relay.port, connections=2), "sender.example.org"), feed)
            assert sorted(feed.accepted) == [parcel.delivery for parcel in sent], relay.log()
            await until(lambda: len(mailbox.all()) >= len(sent))
    caught = {mail.recipient: mail for mail in mailbox.all()}
    assert {mail.sender for mail in caught.values()} == {SENDER}
    for parcel in sent:
        content = caught[parcel.recipient].content
        assert content.startswith(b"Received: ")
        assert without_trace(content) == parcel.content

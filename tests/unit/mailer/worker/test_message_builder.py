"""The builder of the messages of one mailing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from mailer import return_path
from mailer.errors import InputError
from mailer.letter.compiled import EscapeContext, Letter, LetterLinks, MessageMeta, Slot
from mailer.letter.compose import Composer
from mailer.letter.dkim import Signer, new_key
from mailer.letter.flat_message import MOST_HOLES
from mailer.letter.personalise import prepare
from mailer.outbox import Claimed, Counts, Identity, Mailing, MailingSpec
from mailer.signing import Keyring, Purpose, Token, seal, to_text
from mailer.transport.base import OutgoingMessage
from mailer.worker import Filled
from mailer.worker.message_builder import _MailingContext

KEY = Keyring.of([b"k" * 32]).current
AT = datetime(2024, 9, 18, 7, 0, tzinfo=UTC)
LINKS = LetterLinks("https://vng.example/o/x", "https://vng.example/u/", "https://vng.example/d/")
LETTER = Letter(
    language="nl",
    from_name="VNG",
    from_address="info@vng.example",
    reply_to="",
    subject=("Denkt u mee?",),
    html=(
        '<p><a href="',
        Slot("links.optout", EscapeContext.URL),
        '">af</a> ',
        Slot("contact.name", EscapeContext.HTML),
        "</p>\n",
    ),
    text=(Slot("links.details", EscapeContext.PLAIN), "\n", Slot("links.online", EscapeContext.PLAIN), "\n"),
)
MAILING = Mailing(
    7,
    MailingSpec("c", "campaign", "nieuws", "", Identity("https://vng.example", "terug@vng.example", KEY.id)),
    *("open", "", True, 0, Counts(), AT, AT),  # type: ignore[arg-type]
)
CLAIM = Claimed(1, 7, 12, "els@lezer.example", b"", "lezer.example", 1, 0, AT)
FILLED = Filled("Els", {"contact": {"name": "Els & Jan"}})


def token(purpose: Purpose) -> str:
    return to_text(seal(KEY, Token(purpose, 7, 12)))


def parcel(
    links: LetterLinks | None = LINKS, filled: Filled = FILLED, claim: Claimed = CLAIM, **given: Any
) -> OutgoingMessage:
    composer = Composer(replace(LETTER, **given.pop("letter", {})))
    return _MailingContext(composer, KEY, MAILING, links, given.pop("sign", None)).message(claim, filled)


def expected(claim: Claimed = CLAIM, mailto: str = "", name: str = "Els") -> bytes:
    """The message as its specification has it."""
    optout, details = LINKS.optout + token(Purpose.OPT_OUT), LINKS.details + token(Purpose.DETAILS)
    values = {**FILLED.values, "links": {"online": LINKS.online, "details": details, "optout": optout}}
    message_id = f"{token(Purpose.MESSAGE_ID)}@vng.example"
    return Composer(LETTER).message(values, MessageMeta(claim.address, AT, message_id, name, optout, mailto))


def test_a_parcel_holds_the_letter_with_the_links_of_its_reader() -> None:
    sender = return_path.make("terug@vng.example", KEY, 7, 12)
    assert parcel() == OutgoingMessage(1, sender, "els@lezer.example", expected(), smtputf8=False, ready=True)


def test_an_opt_out_address_by_mail_stands_in_the_letter() -> None:
    made = parcel(filled=FILLED._replace(unsubscribe_mailto="af@vng.example"))
    assert made.content == expected(mailto="af@vng.example")
    assert b"<mailto:af@vng.example>" in made.content


@pytest.mark.parametrize("length", [1, *range(46, 54), 66, 70, 80])
def test_a_name_and_an_address_are_folded_where_a_line_would_be_too_long(length: int) -> None:
    name = f"Els {'e' * (length - 1)}"
    content = parcel(filled=FILLED._replace(name=name)).content
    assert content == expected(name=name)
    assert max(map(len, content.partition(b"\r\nSubject:")[0].split(b"\r\n"))) <= 76


def test_links_that_are_finished_are_written_as_they_are() -> None:
    values = {"contact": {}, "links": {"optout": "https://elders.example/af"}}
    content = parcel(None, Filled("", values, "https://elders.example/uit")).content
    assert b"List-Unsubscribe: <https://elders.example/uit>" in content
    assert b"https://elders.example/af" in content
    assert b"/u/" not in content


def test_an_address_beyond_ascii_goes_by_smtputf8() -> None:
    claim = CLAIM._replace(address="ëls@lezer.example")
    made = parcel(claim=claim)
    assert (made.content, made.smtputf8, made.ready) == (expected(claim), True, False)


@pytest.mark.parametrize(
    ("links", "filled", "words"),
    [
        (LINKS, FILLED._replace(fault="onleesbaar"), "onleesbaar"),
        (LINKS._replace(optout="https://vng.example/a b/"), FILLED, "cannot be a List-Unsubscribe address"),
        (LINKS, FILLED._replace(unsubscribe_mailto="a b"), "cannot be a List-Unsubscribe address"),
    ],
)
def test_what_cannot_be_written_is_said(links: LetterLinks, filled: Filled, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parcel(links, filled)


def slots(number: int) -> tuple[Slot, ...]:
    """As many different slots, each with the name."""
    return tuple(Slot(f'contact.name | default("{each}")', EscapeContext.HTML) for each in range(number))


@pytest.mark.parametrize("number", [1, MOST_HOLES, MOST_HOLES + 1])
def test_a_letter_that_the_values_of_a_contact_make_too_large_is_refused(number: int) -> None:
    large = FILLED._replace(values={"contact": {"name": "x" * (10_000_000 // number)}})
    with pytest.raises(InputError, match="with the values of this contact the letter is larger than 10,000,000 bytes"):
        parcel(filled=large, letter={"html": slots(number)})


@pytest.mark.parametrize("number", [MOST_HOLES, MOST_HOLES + 1])
def test_a_letter_with_very_many_slots_is_written_as_any_other(number: int) -> None:
    content = parcel(letter={"html": slots(number)}).content
    values = {"contact": FILLED.values["contact"]}
    assert content.count(b"Els &amp; Jan") == number
    assert prepare(slots(number), "nl", "qp")(values) in content


def test_a_letter_without_list_unsubscribe_takes_any_address_for_opting_out() -> None:
    content = parcel(LINKS._replace(optout="https://vng.example/a b/"), letter={"list_unsubscribe": False}).content
    assert b"List-Unsubscribe" not in content
    assert b"a%20b/" in content


def test_a_signature_stands_before_the_same_letter() -> None:
    signer = Signer(new_key(), "s1", "vng.example")
    assert parcel(sign=signer.sign_composed).content == signer.sign(expected(), AT)

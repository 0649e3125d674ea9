"""``mailer.letter.flat_message`` writes the very bytes of ``Composer.message``, or leaves the letter to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import Any

import pytest
from hypothesis import example as tried
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer import return_path
from mailer.letter.compile import compile_letter
from mailer.letter.compiled import (
    Branch,
    CompiledTemplate,
    EscapeContext,
    Letter,
    LetterLinks,
    Loop,
    MessageMeta,
    Number,
    Numbered,
    Slot,
)
from mailer.letter.compose import Composer
from mailer.letter.flat_message import flatten
from mailer.outbox import Claimed, Counts, Identity, Mailing, MailingSpec
from mailer.signing import MAX_MAILING, MAX_NUMBER, Key, Purpose, Token, seal, to_text
from mailer.transport.base import OutgoingMessage
from mailer.worker import Filled
from mailer.worker.message_builder import _MailingContext
from tests.support.letters import LINKS, example
from tests.support.texts import ANY, NASTY

VALUE = ANY | NASTY
SOURCES = (
    "links.optout",
    "links.details",
    "links.online",
    "links.optout | upper",
    'links.details | default("x")',
    'links.online | default("-")',
    "contact.email",
    "contact.links",
    'contact.v | default("-")',
    'contact.v | default("") | upper',
    "item",
)
CONDITIONS = ("contact.v", "links.online", 'links.optout == contact.v or contact.w == "b"', "item", "not links.details")
TEXTS = (
    '<a href="',
    '">',
    "\n",
    " a = b ",
    "From ",
    ".",
    "\n.",
    "é" * 30,
    "word " * 20,
    "/",
    "https://vng.example/?q=",
)
SLOTS = st.builds(Slot, st.sampled_from(SOURCES[:2]) | st.sampled_from(SOURCES), st.sampled_from(EscapeContext))


def around(templates: st.SearchStrategy[CompiledTemplate]) -> st.SearchStrategy[Any]:
    """Parts that hold plans. The name of a loop may hide what else has that name."""
    arms = st.lists(st.tuples(st.sampled_from(CONDITIONS), templates), min_size=1, max_size=2).map(tuple)
    lists = st.sampled_from(("contact.l", "contact.v", "links.optout", "item"))
    return (
        st.builds(Branch, arms, templates)
        | st.builds(
            Loop, st.sampled_from(("item", "item", "links", "contact")), lists, templates, st.sampled_from([(), (",",)])
        )
        | st.builds(
            Numbered, st.integers(1, 9), templates.map(lambda template: (Number(), *template, Number(3), Number()))
        )
    )


def plans_of(nodes: st.SearchStrategy[Any], least: int = 0) -> st.SearchStrategy[CompiledTemplate]:
    return st.lists(nodes, min_size=least, max_size=6).map(tuple)


def templates(*texts: str) -> st.SearchStrategy[CompiledTemplate]:
    leaves = st.sampled_from(texts) | SLOTS
    return plans_of(leaves | leaves | st.recursive(leaves, lambda some: around(plans_of(some)), max_leaves=5), 3)


LETTERS = st.builds(
    Letter,
    language=st.sampled_from(("nl", "en")),
    from_name=st.sampled_from(("", "VNG", "Vereniging Ñ")),
    from_address=st.sampled_from(("info@vng.example",) * 9 + ("info@ü.example",)),
    reply_to=st.sampled_from(("", "antwoord@vng.example")),
    subject=st.just(("x",)) | templates("Dag ", "é" * 30, "word " * 20),
    html=templates(*TEXTS),
    text=templates(*TEXTS),
    headers=st.sampled_from([(), (("List-Id", "Nieuws <nieuws.vng.example>"),)]),
    list_unsubscribe=st.booleans(),
)
STARTS = (
    st.integers(0, 90).map(lambda size: f"https://post.example.org/{'p' * size}/u/")
    | st.sampled_from(
        (
            "https://post.example.org",
            "http://localhost:8025",
            "https://[::1]:80",
            "https://EXAMPLE.org/A",
            "https://h/@",
            "https://h/%",
            "https://h/a..b/c=d&e",
            "https://ü.example",
            "mailto:a@b.example",
            "tel:06",
            "www.h.nl",
            "",
            "x y",
        )
    ).map(lambda url: f"{url}/u/")
    | st.sampled_from(("https://h.example", "https://h.example/%", "tel:+31", "mailto:a@", "From ", ".", "", "Zo é "))
)
USUAL = st.sampled_from(("https://post.example.org/u/", "http://localhost:8025/u/", "https://h.example/a/b/u/"))
ONLINE = st.sampled_from(("", "https://post.example.org/o/abc"))
LINK_STARTS = st.builds(LetterLinks, ONLINE | STARTS, USUAL | USUAL | STARTS, USUAL | USUAL | STARTS)
WORDS = st.sampled_from(
    ("", "Esther van der Mark", "Reader 1", " Jan ", "a  b", "J. P.", 'zei "ja"', "=?x?=", "é" * 40)
)
USUAL_ADDRESSES = st.sampled_from(("a@b.example", "els.de-vries@lezer.example", "x" * 40 + "@b.example"))
ADDRESSES = (
    USUAL_ADDRESSES
    | st.emails(domains=st.just("b.example"))
    | st.sampled_from(
        (
            "Els.O'Brien+x@vng.example",
            "els@EXAMPLE.org",
            '"a b"@b.example',
            "ëls@b.example",
            "els@ü.example",
            "a" * 64 + "@b.example",
            "a" * 65 + "@b.example",
            "a@" + "b" * 60 + "." + "c" * 60 + ".example",
            "a@b",
            "",
            "a b",
        )
    )
)
CELL = VALUE | st.none() | st.lists(VALUE, max_size=3) | st.sampled_from(("a", "b", "https://vng.example/x", "06-123"))
CONTACTS = st.fixed_dictionaries(
    {"v": CELL | st.just("Els")}, optional={"w": CELL, "l": CELL, "email": CELL, "links": CELL}
)
VALUES = st.builds(lambda contact, more: {**more, "contact": contact}, CONTACTS, st.sampled_from([{}, {"links": {}}]))
ZONES = st.sampled_from((UTC, UTC, UTC, timezone(timedelta(hours=2)), None))
MOMENTS = st.datetimes(timezones=ZONES)
PURPOSES = (Purpose.OPT_OUT, Purpose.DETAILS, Purpose.MESSAGE_ID)
MAILING = Mailing(
    7,
    MailingSpec("c", "campaign", "nieuws", "", Identity("", "terug@vng.example", 0)),
    *("open", "", True, 0, Counts(), datetime.now(UTC), datetime.now(UTC)),  # type: ignore[arg-type]
)
CLAIMS = st.builds(
    Claimed,
    *(st.just(1), st.just(7), st.integers(0, MAX_NUMBER), ADDRESSES, st.just(b""), st.just(""), st.just(1), st.just(0)),
    MOMENTS,
)
FILLED = st.builds(Filled, WORDS | VALUE, VALUES, st.just(""), st.sampled_from(("", "", "a@b.example")), st.just(""))
PEOPLE = st.tuples(CLAIMS, FILLED)
KEYS = st.binary(min_size=32, max_size=32).map(Key.of)


def outcome(call: Callable[[], OutgoingMessage]) -> OutgoingMessage | tuple[type, str]:
    """Return the outcome: a message, or the error that was raised."""
    try:
        return call()
    except Exception as error:
        return type(error), str(error)


def slowly(
    composer: Composer, key: Key, mailing: Mailing, links: LetterLinks, claim: Claimed, filled: Filled
) -> OutgoingMessage:
    """The specification: tokens, links, Message-ID and stamp made one by one."""
    number, address = claim.recipient, claim.address
    optout, details, message_id = (to_text(seal(key, Token(purpose, mailing.id, number))) for purpose in PURPOSES)
    own = {"online": links.online, "details": links.details + details, "optout": links.optout + optout}
    host = composer.letter.from_address.rpartition("@")[2]
    ways = own["optout"], filled.unsubscribe_mailto
    stamp = MessageMeta(address, claim.first_claimed_at, f"{message_id}@{host}", filled.name, *ways)
    content = composer.message({**filled.values, "links": own}, stamp)
    sender = return_path.make(mailing.identity.return_path, key, mailing.id, number)
    plain = address.isascii()
    return OutgoingMessage(claim.delivery, sender, address, content, not plain, plain)


@settings(max_examples=60)
@given(LETTERS, LINK_STARTS, KEYS, st.integers(0, MAX_MAILING), st.lists(PEOPLE, min_size=1, max_size=3))
def test_the_flat_way_gives_the_bytes_of_the_slow_way_and_raises_what_that_raises(
    letter: Letter, links: LetterLinks, key: Key, number: int, people: list[tuple[Claimed, Filled]]
) -> None:
    mailing = replace(MAILING, id=number)
    kit, composer = _MailingContext(Composer(letter), key, mailing, links, None), Composer(letter)
    for claim, filled in people:
        expected = outcome(partial(slowly, composer, key, mailing, links, claim, filled))
        assert outcome(partial(kit.message, claim, filled)) == expected


def alone(source: str, place: EscapeContext) -> Letter:
    """A letter of one slot, that begins an address."""
    return Letter("nl", "", "a@b.example", "", ("x",), ('<a href="', Slot(source, place), '">x</a>\n'), ("x",))


@given(
    st.sampled_from(("links.optout", "links.details")),
    st.sampled_from(EscapeContext),
    STARTS,
    st.from_regex(r"\A[A-Za-z0-9_-]{36}\Z"),
)
@tried("links.optout", EscapeContext.URL, "https://h.example/%/u/", "AF" * 18)
@tried("links.optout", EscapeContext.URL, "https://h.example/%", "AF" * 18)
def test_whatever_a_token_is_it_stands_in_a_link_as_the_slow_way_writes_it(
    source: str, place: EscapeContext, start: str, token: str
) -> None:
    composer, links, at = Composer(alone(source, place)), LetterLinks("", start, start), datetime.now(UTC)
    flat = flatten(composer, links, "@b.example")
    if flat is not None:
        values = {"contact": {}, "links": {"optout": start + token, "details": start + token}}
        expected = composer.message(values, MessageMeta("a@b.example", at, f"{token}@b.example", "", start + token))
        assert flat.message("", "a@b.example", at, {"contact": {}}, 3 * token.encode("ascii")) == expected


@pytest.mark.parametrize("name", ["denkt-u-mee", "have-your-say", "alle-blokken"])
def test_a_real_letter_is_the_same_for_hundreds_of_people(name: str) -> None:
    composer, key = Composer(compile_letter(example(name)).letter), Key.of(b"k" * 32)
    links = LetterLinks(LINKS["online"], LINKS["optout"][:-36], LINKS["details"][:-36])
    kit = _MailingContext(composer, key, MAILING, links, None)
    assert flatten(composer, links, "@vng.nl") is not None
    for number in range(400):
        first = ("Esther", "", "José", "O'Brien & <zn>", "Ё", "From x", ".nl")[number % 7]
        contact: dict[str, Any] = {"email": f"r{number}@b.example", "first_name": first, "salutation": first or None}
        contact |= {"role": ("councillor", "clerk", "")[number % 3], "topics": ["water", "bos & hei"][: number % 3]}
        at = datetime(2024, 9, 18, 7, number // 10, tzinfo=UTC)
        claim = Claimed(number, 7, number, contact["email"], b"", "b.example", 1, 0, at)
        filled = Filled(f"{first} de Vries", {"contact": contact})
        assert kit.message(claim, filled) == slowly(composer, key, MAILING, links, claim, filled)

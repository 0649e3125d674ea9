"""The finished message."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest

from mailer.errors import AddressError, InputError
from mailer.letter.compiled import EscapeContext, Letter, MessageMeta, Slot
from mailer.letter.compose import Composer
from tests.support.strict_mail import decode_words, read

TOKEN = "abcdefghijklmnopqrstuvwxyz0123456789"
LETTER = Letter(
    language="nl",
    from_name="VNG",
    from_address="info@VNG.example",
    reply_to="antwoord@vng.example",
    subject=("Denkt u mee?",),
    html=("<p>Geachte ", Slot('contact.salutation | default("heer, mevrouw")', EscapeContext.HTML), ",</p>\n"),
    text=("Geachte ", Slot('contact.salutation | default("heer, mevrouw")', EscapeContext.PLAIN), ","),
    headers=(("List-Id", "Nieuws <nieuws.vng.example>"), ("Feedback-ID", "zomer:nieuws:vng")),
)
STAMP = MessageMeta(
    address="jan@lezer.example",
    date=datetime(2024, 9, 18, 7, 0, tzinfo=UTC),
    message_id=f"{TOKEN}@vng.example",
    name="Jan de Vries",
    unsubscribe_url=f"https://nieuws.vng.example/u/{TOKEN}",
    unsubscribe_mailto=f"afmelden+{TOKEN}@vng.example",
)
VALUES: dict[str, Any] = {"contact": {"salutation": "heer De Vries"}, "links": {}}


def message(letter: Letter = LETTER, values: dict[str, Any] = VALUES, **stamp: Any) -> bytes:
    return Composer(letter).message(values, STAMP._replace(**stamp))


def test_the_headers_stand_in_their_fixed_order() -> None:
    assert [name for name, _ in read(message()).headers] == [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Reply-To",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "List-Id",
        "Feedback-ID",
        "MIME-Version",
        "Content-Type",
    ]


def test_each_header_says_what_the_letter_and_the_stamp_say() -> None:
    mail = read(message())
    assert mail.header("From") == "VNG <info@vng.example>"
    assert mail.header("To") == "Jan de Vries <jan@lezer.example>"
    assert mail.header("Date") == "Wed, 18 Sep 2024 07:00:00 +0000"
    assert mail.header("Message-ID") == f"<{TOKEN}@vng.example>"
    assert mail.header("Reply-To") == "antwoord@vng.example"
    assert mail.header("MIME-Version") == "1.0"


def test_list_unsubscribe_is_one_physical_line_of_an_https_and_a_mailto_address() -> None:
    line = f"<https://nieuws.vng.example/u/{TOKEN}>, <mailto:afmelden+{TOKEN}@vng.example>"
    assert (
        f"\r\nList-Unsubscribe: {line}\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n".encode() in message()
    )
    assert f"\r\nList-Unsubscribe: <https://nieuws.vng.example/u/{TOKEN}>\r\n".encode() in message(
        unsubscribe_mailto=""
    )


@pytest.mark.parametrize("length", [60, 120, 400, 700])
def test_a_long_opt_out_address_is_neither_folded_nor_encoded(length: int) -> None:
    url = f"https://nieuws.vng.example/u/{'x' * length}"
    assert f"\r\nList-Unsubscribe: <{url}>\r\n".encode() in message(unsubscribe_url=url, unsubscribe_mailto="")


def test_the_plain_part_comes_first_and_the_html_part_last() -> None:
    mail = read(message())
    assert mail.parts == [
        ("text/plain", "Geachte heer De Vries,\n"),
        ("text/html", "<p>Geachte heer De Vries,</p>\n"),
    ]


def test_a_letter_without_html_is_a_single_part() -> None:
    mail = read(message(dataclasses.replace(LETTER, html=())))
    assert mail.parts == [("text/plain", "Geachte heer De Vries,\n")]


def test_a_service_letter_has_no_list_unsubscribe() -> None:
    letter = dataclasses.replace(LETTER, list_unsubscribe=False)
    assert b"List-Unsubscribe" not in message(letter, unsubscribe_url="", unsubscribe_mailto="")


def test_the_boundary_comes_from_the_letter_and_cannot_occur_in_a_part() -> None:
    boundary = read(message()).header("Content-Type").split('"')[1]
    assert boundary.startswith("=_")
    other = read(message(values={"contact": {"salutation": f"--{boundary}--"}})).parts[0][1]
    assert f"--{boundary}--" in other
    changed = dataclasses.replace(LETTER, subject=("Anders",))
    assert read(message(changed)).header("Content-Type").split('"')[1] != boundary


def test_a_letter_that_was_kept_gives_the_same_bytes() -> None:
    assert message(Letter.from_bytes(LETTER.to_bytes())) == message()


def test_an_idn_domain_stands_there_as_a_labels() -> None:
    assert read(message(address="jan@münchen.example")).header("To") == "Jan de Vries <jan@xn--mnchen-3ya.example>"
    assert read(message(address="Jan@LEZER.example")).header("To") == "Jan de Vries <Jan@lezer.example>"
    assert b"From: VNG <info@xn--mnchen-3ya.example>" in message(
        dataclasses.replace(LETTER, from_address="info@münchen.example")
    )


def test_only_the_to_of_a_non_ascii_local_part_is_utf8() -> None:
    raw = message(address="zoë@lezer.example", name="Zoë")
    assert not raw.isascii()
    mail = read(raw, utf8=True)
    assert mail.header("To") == "=?utf-8?q?Zo=C3=AB?= <zoë@lezer.example>"
    assert raw.replace("zoë@".encode(), b"").isascii()


@pytest.mark.parametrize(
    "name",
    [
        "a\r\nBcc: x@evil.example",
        "a\nb",
        "\r\n.\r\nMAIL FROM",
        "\0",
        "\u202eevil",
        "x" * 10_000,
        "😀" * 3_000,
        '"',
        "\ud800",
    ],
)
def test_no_name_adds_a_header_or_stops_a_campaign(name: str) -> None:
    mail = read(message(name=name))
    assert len(mail.headers) == 12
    assert mail.header("To").removesuffix(">").endswith("jan@lezer.example")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "x",
        "a@b@",
        "jan@lezer.example\r\nBcc: x@y.example",
        "jan@lezer.example>",
        "Jan <jan@lezer.example>",
        "jan@lezer.example, x@y.example",
        "jan@lezer.example\n",
        "a b@lezer.example",
        "x" * 65 + "@lezer.example",
    ],
)
def test_what_is_not_one_address_is_refused(address: str) -> None:
    with pytest.raises(AddressError):
        message(address=address)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("message_id", "x"),
        ("message_id", "a b@vng.example"),
        ("message_id", "a@vng.example>\r\nBcc: x"),
        ("unsubscribe_url", ""),
        ("unsubscribe_url", "javascript:alert(1)"),
        ("unsubscribe_url", "https://vng.example/u/x y"),
        ("unsubscribe_url", "https://vng.example/u/x>, <https://evil.example"),
        ("unsubscribe_url", "https://vng.example/u/x\r\nBcc: a"),
        ("unsubscribe_mailto", "a@b.example>\r\nBcc: c"),
        ("date", datetime(2024, 9, 18)),  # noqa: DTZ001 - that is the point
    ],
)
def test_a_stamp_that_cannot_stand_in_a_header_is_refused(field: str, value: Any) -> None:
    with pytest.raises(InputError):
        message(**{field: value})


@pytest.mark.parametrize(
    "changed",
    [
        {"from_name": "VNG\r\nBcc: x"},
        {"from_address": "info@vng.example\nBcc: x"},
        {"from_address": "zoë@vng.example"},
        {"reply_to": "x"},
        {"subject": ("a\r\nBcc: x",)},
        {"subject": ("a\u2028b",)},
        {"html": ("a\0",)},
        {"text": ("a\x1b",)},
        {"headers": (("X-A", "a\r\nb"),)},
    ],
)
def test_a_letter_with_control_characters_of_its_own_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Composer(dataclasses.replace(LETTER, **changed))


@pytest.mark.parametrize(
    "sequence", ["\n.\n", "\n.\r\n", "\r.\r", "\r\n.\r", "\r.\r\n", "\r\n.\r\n", "\r\n\x00.\r\n", "\n..\n"]
)
def test_no_sequence_of_smtp_smuggling_is_ever_written(sequence: str) -> None:
    text = f"vooraf{sequence}MAIL FROM:<x@evil.example>\r\n"
    raw = message(dataclasses.replace(LETTER, text=(text.replace("\0", ""),)), {"contact": {"salutation": text}})
    for forbidden in (b"\n.\n", b"\n.\r", b"\r.\r", b"\r\n."):
        assert forbidden not in raw
    assert "MAIL FROM:<x@evil.example>" in read(raw).part("text/plain")


def test_a_three_thousand_character_subject_is_folded() -> None:
    subject = "Denkt u mee over ☀ " * 160
    mail = read(message(dataclasses.replace(LETTER, subject=(subject,))))
    assert decode_words(mail.header("Subject")) == subject.strip()


def test_a_one_megabyte_line_is_wrapped() -> None:
    mail = read(message(dataclasses.replace(LETTER, html=("<p>" + "x." * 500_000,))))
    assert len(mail.part("text/html")) == 1_000_004


def test_attempts_of_one_delivery_are_the_same_bytes() -> None:
    assert message() == message()

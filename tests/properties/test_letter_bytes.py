"""I10 as properties: whatever a person's values are, the bytes of a message stay a good message with those values."""

from __future__ import annotations

import email
import email.policy
import html as html_words
import quopri
import re
from datetime import UTC, datetime
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailer.letter.compiled import Branch, EscapeContext, Letter, Loop, MessageMeta, Slot
from mailer.letter.compose import Composer
from mailer.letter.dkim import canonical_body
from mailer.letter.encode import clean, one_line, phrase, quoted_printable, unstructured
from tests.support.strict_mail import decode_quoted_printable, decode_words, read
from tests.support.texts import ANY, NASTY

VALUE = ANY | NASTY
HTML, ATTRIBUTE, URL, PLAIN, HEADER = (
    EscapeContext.HTML,
    EscapeContext.ATTRIBUTE,
    EscapeContext.URL,
    EscapeContext.PLAIN,
    EscapeContext.HEADER,
)
V = 'contact.v | default("-")'
LETTER = Letter(
    language="nl",
    from_name="Vereniging Ñ",
    from_address="info@vng.example",
    reply_to="antwoord@vng.example",
    subject=("Voor ", Slot(V, HEADER), ": nieuws"),
    html=(
        "<!DOCTYPE html>\n<title>",
        Slot(V, HTML),
        '</title>\n<a title="',
        Slot(V, ATTRIBUTE),
        '" href="',
        Slot(V, URL),
        '">a</a><a href="https://vng.example/?q=',
        Slot(V, URL),
        '&amp;x=1">b</a>\n',
        Branch((("contact.v", ("<p>", Slot(V, HTML), "</p>")),), ("<p>niets</p>",)),
        Loop("item", "contact.v", ("<li>", Slot("item", HTML), "</li>")),
    ),
    text=("Dag ", Slot(V, PLAIN), ",\n.\nFrom hier\n", Slot(V, PLAIN)),
    headers=(("List-Id", "Nieuws <nieuws.vng.example>"), ("X-Campaign", "zomer ☀ 2024")),
)
COMPOSER = Composer(LETTER)
AT = datetime(2024, 9, 18, 7, 0, tzinfo=UTC)


def stamp(name: str = "") -> MessageMeta:
    token = "a" * 36
    return MessageMeta("lezer@vng.example", AT, f"{token}@vng.example", name, f"https://vng.example/u/{token}")


def shown(text: str) -> str:
    """Return the text of a value in a body (a blank one is a missing one: its fallback)."""
    return clean(text) if text.strip() else "-"


def in_a_line(text: str) -> str:
    return one_line(text) if text.strip() else "-"


@given(VALUE)
@example("From " * 30)
@example("." * 200)
@example("  " * 100)
@example("é" * 100)
def test_quoted_printable_comes_back_as_it_was(value: str) -> None:
    text = clean(value)
    encoded = quoted_printable(text)
    # A piece stands before other pieces; a line end after it makes it a whole.
    assert decode_quoted_printable(encoded + b"\r\n").decode("utf-8") == text.replace("\n", "\r\n") + "\r\n"
    assert quopri.decodestring(encoded).decode("utf-8").replace("\r\n", "\n") == text


@given(st.lists(VALUE, max_size=6))
def test_joined_pieces_are_the_joined_text_and_no_line_begins_with_a_dot_or_from(values: list[str]) -> None:
    texts = [clean(value) for value in values]
    encoded = b"".join(quoted_printable(text) for text in texts) + b"\r\n"
    assert decode_quoted_printable(encoded).decode("utf-8") == "".join(texts).replace("\n", "\r\n") + "\r\n"
    for line in encoded.split(b"\r\n"):
        assert not line.startswith((b".", b"From "))
    assert canonical_body(b"x" + encoded + b"x\r\n") == b"x" + encoded + b"x\r\n"


@given(VALUE, st.integers(4, 30))
def test_a_header_text_comes_back_on_short_lines(value: str, used: int) -> None:
    text = one_line(value)
    encoded = unstructured(text, used)
    for index, line in enumerate(encoded.split(b"\r\n")):
        assert len(line) + (0 if index else used) <= 76
        assert index == 0 or line.strip()
    assert decode_words(encoded.decode("ascii").replace("\r\n", "")) == text
    parsed = email.message_from_bytes(b"Subject: " + encoded + b"\r\n\r\n", policy=email.policy.default)
    assert parsed["subject"] == text


@given(VALUE)
def test_a_display_name_is_one_phrase(value: str) -> None:
    text = one_line(value)
    encoded = phrase(text, 4)
    for index, line in enumerate(encoded.split(b"\r\n")):
        assert len(line) + (0 if index else 4) <= 76
    if encoded.startswith(b'"'):
        assert re.sub(r"\\(.)", r"\1", encoded[1:-1].decode("ascii")) == text
    else:
        assert re.fullmatch(rb"[A-Za-z0-9 \r\n!#$%&'*+/=?^_`{|}~-]*", encoded)
        assert decode_words(encoded.decode("ascii").replace("\r\n", "")) == text
    parsed = email.message_from_bytes(b"To: " + encoded + b" <a@b.example>\r\n\r\n", policy=email.policy.default)
    (mailbox,) = parsed["to"].addresses
    assert mailbox.addr_spec == "a@b.example"
    # Python 3.11's parser puts a blank between the encoded-words of a phrase, and takes blanks of all kinds together.
    assert re.sub(r"\s", "", mailbox.display_name) == re.sub(r"\s", "", text)


@given(VALUE, VALUE)
def test_no_value_leaves_its_place_and_each_comes_back(value: str, name: str) -> None:
    mail = read(COMPOSER.message({"contact": {"v": value}, "links": {}}, stamp(name)))
    assert decode_words(mail.header("Subject")) == one_line(f"Voor {in_a_line(value)}: nieuws")
    text = mail.part("text/plain")
    assert text == f"Dag {shown(value)},\n.\nFrom hier\n{shown(value)}\n"
    body = mail.part("text/html")
    match = re.fullmatch(
        r'<!DOCTYPE html>\n<title>([^<]*)</title>\n<a title="([^"<>]*)" href="([^"<>\s]*)">a</a>'
        r'<a href="https://vng\.example/\?q=([^"<>\s]*)&amp;x=1">b</a>\n<p>([^<]*)</p>(?:<li>([^<]*)</li>)?\n',
        body,
    )
    assert match
    title, attribute, address, query, paragraph, item = (html_words.unescape(part or "") for part in match.groups())
    assert title == html_words.unescape(html_words.escape(shown(value)))
    assert attribute == html_words.unescape(html_words.escape(in_a_line(value)))
    assert re.match(r"(?:#\Z|https?://|mailto:|tel:)", address, re.IGNORECASE)
    assert re.fullmatch(r"(?:[A-Za-z0-9_.~-]|%[0-9A-F]{2})*", query)
    assert unquote(query) == in_a_line(value).encode("utf-8", "replace").decode()
    assert paragraph == (title if value.strip() else "niets")
    assert item == (title if value.strip() else "")


@given(VALUE, VALUE)
def test_the_standard_librarys_parser_sees_the_same_message(value: str, name: str) -> None:
    message = COMPOSER.message({"contact": {"v": value}, "links": {}}, stamp(name))
    parsed = email.message_from_bytes(message, policy=email.policy.SMTP)
    assert not parsed.defects
    assert [part.get_content_type() for part in parsed.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert parsed["to"].addresses[0].addr_spec == "lezer@vng.example"
    plain = parsed.get_body(("plain",))
    assert plain is not None
    assert plain.get_payload(decode=True).decode("utf-8").startswith("Dag ")
    assert len(parsed.keys()) == len({key.lower() for key in parsed})


@given(VALUE)
def test_equal_values_give_equal_bytes(value: str) -> None:
    first, second = ({"contact": {"v": value}, "links": {}} for _ in range(2))
    assert COMPOSER.message(first, stamp(value)) == Composer(LETTER).message(second, stamp(value))


@pytest.mark.parametrize(
    "unit",
    [
        "x",
        "x ",
        "é",
        "😀",
        "e\u0301",
        "שלום ",
        "\u2028",
        "\ud83d",
        "\r\n",
        ".",
        "\n.",
        "=",
        "From ",
        "\0",
        "<",
        "&amp;",
        "'",
    ],
)
def test_ten_thousand_characters_fit_in_every_place(unit: str) -> None:
    value = unit * (10_000 // len(unit))
    mail = read(COMPOSER.message({"contact": {"v": value}, "links": {}}, stamp(value)))
    assert decode_words(mail.header("Subject")) == one_line(f"Voor {in_a_line(value)}: nieuws")
    assert mail.part("text/plain").startswith(f"Dag {shown(value)},\n")

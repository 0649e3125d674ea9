"""Quoted-printable, encoded-words and what is cleaned away; the properties are in ``tests/properties``."""

from __future__ import annotations

import pytest

from mailer.errors import InputError
from mailer.letter.encode import clean, mailbox, one_line, phrase, quoted_printable, refuse_controls, unstructured


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("", b""),
        ("\n", b"\r\n"),
        ("a", b"a=\r\n"),
        ("a\n", b"a\r\n"),
        ("a \nb", b"a=20\r\nb=\r\n"),
        ("a\t\n", b"a=09\r\n"),
        ("a b  c   d", b"a b =20c =20 d=\r\n"),
        (".", b"=2E=\r\n"),
        ("..\n.\n", b"=2E.\r\n=2E\r\n"),
        ("From you", b"=46rom you=\r\n"),
        ("a=b", b"a=3Db=\r\n"),
        ("é\u2028", b"=C3=A9=E2=80=A8=\r\n"),
        ("x" * 76, b"x" * 75 + b"=\r\nx=\r\n"),
        ("x" * 75 + ".", b"x" * 75 + b"=\r\n=2E=\r\n"),
        ("x" * 75 + "From ", b"x" * 75 + b"=\r\n=46rom =\r\n"),
        ("x" * 70 + "😀", b"x" * 70 + b"=\r\n=F0=9F=98=80=\r\n"),
    ],
)
def test_quoted_printable_is_closed_by_a_soft_break(text: str, encoded: bytes) -> None:
    assert quoted_printable(text) == encoded


@pytest.mark.parametrize(
    ("value", "cleaned", "line"),
    [
        ("a\r\nb\rc\nd", "a\nb\nc\nd", "a b c d"),
        ("a\0b\x1b[1mc\x7f\x85", "ab[1mc", "a b [1mc"),
        ("\u202eabc\u202c\u2066d\u2069", "abcd", "abcd"),
        ("\u200fשלום\u200e", "\u200fשלום\u200e", "\u200fשלום\u200e"),
        ("a\u2028b\u2029c", "a\u2028b\u2029c", "a b c"),
        ("\ud83d", "\ufffd", "\ufffd"),
        ("  a   b\t", "  a   b\t", "a b"),
        ("👨‍👩‍👧", "👨‍👩‍👧", "👨‍👩‍👧"),
        ("A 💩 =?UTF-8?Q?=0A?=Bcc: x@y", "A 💩 =?UTF-8?Q?=0A?=Bcc: x@y", "A 💩 =?UTF-8?Q?=0A?=Bcc: x@y"),
    ],
)
def test_values_are_cleaned_as_the_module_says(value: str, cleaned: str, line: str) -> None:
    assert clean(value) == cleaned
    assert one_line(value) == line


@pytest.mark.parametrize("bad", ["\0", "\r", "\n", "\x1b", "\x7f", "\x85", "\u2028", "\ud800", "\t"])
def test_a_constant_header_with_a_control_character_is_refused(bad: str) -> None:
    with pytest.raises(InputError, match=r"the subject has the control character U\+"):
        refuse_controls(f"a{bad}", "the subject")


def test_a_constant_body_may_have_line_ends_and_tabs_and_no_other_control() -> None:
    assert refuse_controls("a\r\n\tb\u2028", "the letter", header=False)
    for bad in "\0\x0b\x1b\x7f\ud800":
        with pytest.raises(InputError):
            refuse_controls(bad, "the letter", header=False)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("", b"a@b.example"),
        ("Jan de Vries", b"Jan de Vries <a@b.example>"),
        ("J. de Vries", b'"J. de Vries" <a@b.example>'),
        ('Jan "de" \\', b'"Jan \\"de\\" \\\\" <a@b.example>'),
        ("Jan <x@y.example>, Bcc", b'"Jan <x@y.example>, Bcc" <a@b.example>'),
        ("Zoë", b"=?utf-8?q?Zo=C3=AB?= <a@b.example>"),
        ("日本", b"=?utf-8?b?5pel5pys?= <a@b.example>"),
        ("=?utf-8?q?x?=", b"=?utf-8?b?PT91dGYtOD9xP3g/PQ==?= <a@b.example>"),
        ("x" * 65, b"x" * 65 + b"\r\n <a@b.example>"),
    ],
)
def test_a_mailbox_has_a_name_that_every_parser_reads(name: str, written: bytes) -> None:
    assert mailbox(name, "a@b.example", 4) == written


def test_a_short_ascii_subject_stands_as_it_is() -> None:
    assert unstructured("Denkt u mee? (50% & meer)", 9) == b"Denkt u mee? (50% & meer)"


def test_a_long_ascii_subject_is_folded_at_blanks() -> None:
    lines = unstructured("woord " * 30 + "eind", 9).split(b"\r\n ")
    assert b" ".join(lines) == b"woord " * 30 + b"eind"
    assert max(len(line) for line in lines) <= 75


def test_an_ascii_word_too_long_for_a_line_becomes_encoded_words() -> None:
    assert unstructured("x" * 100, 9).startswith(b"=?utf-8?q?")


def test_a_combining_mark_stays_with_its_letter() -> None:
    words = phrase("e\u0301" * 60, 4).split(b"\r\n ")
    assert len(words) > 2
    for word in words:
        assert not word.startswith((b"=?utf-8?q?=CC", b"=?utf-8?b?zIE"))

"""The bytes that leave the house are those that were looked at; independent readers find what was put in."""

from __future__ import annotations

import email
import email.policy

import pytest

from tests.golden.cases import FOLDER, HOSTILE, cases
from tests.support.strict_mail import decode_words, read

NAMES = ("personal", "fallbacks", "hostile", "long", "smtputf8", "service")


def test_every_kept_message_has_a_case() -> None:
    assert tuple(cases()) == NAMES
    assert {path.stem for path in FOLDER.glob("*.eml")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_bytes_are_those_that_were_kept(name: str) -> None:
    assert cases()[name] == (FOLDER / f"{name}.eml").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_a_strict_reader_and_the_standard_library_read_the_same(name: str) -> None:
    message = (FOLDER / f"{name}.eml").read_bytes()
    mail = read(message, utf8=name == "smtputf8")
    parsed = email.message_from_bytes(message, policy=email.policy.SMTPUTF8)
    assert not parsed.defects
    assert parsed["subject"] == decode_words(mail.header("Subject"))
    for media_type, text in mail.parts:
        part = parsed.get_body((media_type.partition("/")[2],))
        assert part is not None
        assert part.get_payload(decode=True).decode("utf-8").replace("\r\n", "\n") == text


def test_the_personal_one_says_what_its_reader_should_see() -> None:
    html = read((FOLDER / "personal.eml").read_bytes()).part("text/html")
    for words in (
        "Geachte mevrouw De Vries,",
        "Als raadslid beslist u mee.",
        "<li>dinsdag 1 oktober</li>",
        'alt="Voor Eva de Vries"',
        "agenda?q=S%C3%BAdwest-Frysl%C3%A2n&amp;taal=nl",
        'href="https://gemeente.example/?a=1&amp;b=2"',
        "€ 1.250 – één keer",
        "<!--[if mso]>",
    ):
        assert words in html


def test_the_hostile_one_has_the_headers_and_links_of_any_other() -> None:
    hostile, plain = (read((FOLDER / f"{name}.eml").read_bytes()) for name in ("hostile", "personal"))
    assert [name for name, _ in hostile.headers] == [name for name, _ in plain.headers]
    html = hostile.part("text/html")
    assert 'href="#">Uw gemeente' in html
    assert "<b>" not in html
    assert "javascript" not in html
    assert "\u202e" not in html
    assert "Bcc: x@evil.example" in hostile.part("text/plain")
    assert HOSTILE.startswith('Robert"')

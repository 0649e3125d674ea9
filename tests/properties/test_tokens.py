"""A link does one thing for one delivery: whatever is changed about it, it does nothing (I7, B4, E29)."""

from __future__ import annotations

import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.errors import SettingsError, TokenError
from mailer.signing import MAX_MAILING, MAX_NUMBER, Keyring, Purpose, Token, letter_sealer, seal, to_text
from unsubscribe.tokens import LETTER_PURPOSES, SHORT_LIFE, Tokens, letter_links

NOW = datetime(2024, 9, 18, 7, 0, tzinfo=UTC)
TOKENS = Tokens(Keyring.of([b"a" * 32, b"b" * 32]))
KEY = TOKENS.keyring.current.id
BASE = "https://mail.vng.example"
ALPHABET = string.ascii_letters + string.digits + "-_"
mailings = st.integers(0, MAX_MAILING)
recipients = st.integers(0, MAX_NUMBER)
short_purposes = st.sampled_from([purpose for purpose in Purpose if purpose.value not in (1, 2, 3, 4, 5)])


def optout(mailing: int = 7, recipient: int = 12345, tokens: Tokens = TOKENS) -> str:
    url = tokens.optout_url(BASE, tokens.keyring.current.id, mailing, recipient)
    return url.removeprefix(f"{BASE}/u/")


def undo(mailing: int = 7, recipient: int = 12345, subject: int = 3) -> str:
    return TOKENS.short(Purpose.UNDO, mailing, recipient, NOW + SHORT_LIFE, subject)


@given(mailings, recipients)
def test_a_link_of_a_letter_has_36_characters_and_says_what_was_put_in(mailing: int, recipient: int) -> None:
    text = optout(mailing, recipient)
    assert len(text) == 36
    assert set(text) <= set(ALPHABET)
    assert TOKENS.read(text, Purpose.OPT_OUT, NOW) == Token(Purpose.OPT_OUT, mailing, recipient)


@given(mailings, recipients)
def test_the_links_that_a_sender_makes_are_those_of_the_pages(mailing: int, recipient: int) -> None:
    tokens = letter_sealer(TOKENS.keyring.current, mailing)(recipient).decode("ascii")
    optout, details = letter_links(BASE)
    assert TOKENS.optout_url(BASE, KEY, mailing, recipient) == optout + tokens[:36] == f"{BASE}/u/{tokens[:36]}"
    assert TOKENS.details_url(BASE, KEY, mailing, recipient) == details + tokens[36:72] == f"{BASE}/d/{tokens[36:72]}"


@given(short_purposes, mailings, recipients, recipients)
def test_a_short_lived_link_has_48_characters_and_ends(
    purpose: Purpose, mailing: int, recipient: int, subject: int
) -> None:
    text = TOKENS.fresh(purpose, Token(Purpose.OPT_OUT, mailing, recipient), NOW, subject)
    assert len(text) == 48
    expires = int((NOW + SHORT_LIFE).timestamp())
    assert TOKENS.read(text, purpose, NOW + SHORT_LIFE - timedelta(seconds=1)) == Token(
        purpose, mailing, recipient, expires, subject
    )
    with pytest.raises(TokenError):
        TOKENS.read(text, purpose, NOW + SHORT_LIFE)


@pytest.mark.parametrize("text", [optout(), undo()])
@pytest.mark.parametrize("purpose", [Purpose.OPT_OUT, Purpose.UNDO])
def test_every_other_character_in_every_place_does_nothing(text: str, purpose: Purpose) -> None:
    for place in range(len(text)):
        for character in ALPHABET + "=+/. %\n\0é":
            changed = text[:place] + character + text[place + 1 :]
            if changed == text:
                continue
            with pytest.raises(TokenError):
                TOKENS.read(changed, purpose, NOW)


@pytest.mark.parametrize("text", [optout(), undo()])
@pytest.mark.parametrize("purpose", [Purpose.OPT_OUT, Purpose.UNDO])
def test_a_cut_or_longer_link_does_nothing(text: str, purpose: Purpose) -> None:
    changed = [text[:end] for end in range(len(text))] + [text[start:] for start in range(1, len(text))]
    changed += [text + more for more in ("A", "=", "==", "AAAA", "/", "\n", " ", text)]
    for item in changed:
        with pytest.raises(TokenError):
            TOKENS.read(item, purpose, NOW)


@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize("wanted", list(Purpose))
def test_a_link_for_one_thing_does_no_other(purpose: Purpose, wanted: Purpose) -> None:
    token = Token(purpose, 7, 12345) if purpose in LETTER_PURPOSES else Token(purpose, 7, 12345, 2**31, 1)
    text = to_text(seal(TOKENS.keyring.current, token))
    if purpose == wanted:
        assert TOKENS.read(text, wanted, NOW) == token
    else:
        with pytest.raises(TokenError):
            TOKENS.read(text, wanted, NOW)


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_letters_link_with_an_end_and_a_short_lived_one_without_do_nothing(purpose: Purpose) -> None:
    token = Token(purpose, 7, 12345, 2**31, 1) if purpose in LETTER_PURPOSES else Token(purpose, 7, 12345)
    with pytest.raises(TokenError):
        TOKENS.read(to_text(seal(TOKENS.keyring.current, token)), purpose, NOW)


def test_another_key_does_nothing() -> None:
    with pytest.raises(TokenError):
        Tokens(Keyring.of([b"c" * 32])).read(optout(), Purpose.OPT_OUT, NOW)


def test_an_old_key_still_verifies_for_years() -> None:
    old = Tokens(Keyring.of([b"b" * 32]))
    assert TOKENS.read(optout(tokens=old), Purpose.OPT_OUT, NOW + timedelta(days=3650)).recipient == 12345


def test_a_link_is_made_with_the_key_that_the_mailing_began_with() -> None:
    old = TOKENS.keyring.keys[1]
    text = TOKENS.optout_url(BASE, old.id, 7, 12345).removeprefix(f"{BASE}/u/")
    assert text == optout(tokens=Tokens(Keyring.of([b"b" * 32])))


def test_a_key_that_is_gone_is_said_to_be_missing() -> None:
    gone = next(number for number in range(256) if not TOKENS.keyring.with_id(number))
    with pytest.raises(SettingsError, match="POSTILJON_SECRET_KEYS"):
        TOKENS.optout_url(BASE, gone, 7, 1)


@given(st.text(max_size=60))
def test_whatever_is_typed_is_refused_the_same_way(text: str) -> None:
    with pytest.raises(TokenError):
        TOKENS.read(text, Purpose.OPT_OUT, NOW)


@given(mailings, recipients)
def test_the_mail_address_to_opt_out_survives_capitals(mailing: int, recipient: int) -> None:
    local = TOKENS.optout_local_part(KEY, mailing, recipient)
    assert len(local) <= 45
    assert TOKENS.read_local_part(local.upper()) == Token(Purpose.MAILTO_OPT_OUT, mailing, recipient)


def test_every_other_character_in_a_mail_address_does_nothing() -> None:
    local = TOKENS.optout_local_part(KEY, 7, 12345)
    for place in range(len(local)):
        for character in string.ascii_lowercase + "01234567=. é":
            changed = local[:place] + character + local[place + 1 :]
            if changed != local:
                with pytest.raises(TokenError):
                    TOKENS.read_local_part(changed)

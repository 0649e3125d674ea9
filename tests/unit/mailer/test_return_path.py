"""The envelope sender of a delivery."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.address import parse as parse_address
from mailer.errors import SettingsError, TokenError
from mailer.return_path import make, parse
from mailer.signing import MAX_MAILING, MAX_NUMBER, Key, Keyring, Purpose, Token, seal, to_local_part

KEY = Key.of(b"k" * 32)
RING = Keyring((Key.of(b"n" * 32), KEY))


@given(st.integers(0, MAX_MAILING), st.integers(0, MAX_NUMBER), st.sampled_from([str.lower, str.upper, str]))
def test_what_was_made_is_understood_in_any_case(mailing: int, recipient: int, case: type[str]) -> None:
    address = make("bounces@vng.example", KEY, mailing, recipient)
    assert parse_address(address)
    assert parse(case(address), RING) == Token(Purpose.RETURN_PATH, mailing, recipient)
    assert parse(f"<{address}>", RING) == Token(Purpose.RETURN_PATH, mailing, recipient)


def test_the_address_is_the_same_at_each_attempt() -> None:
    assert make("bounces@vng.example", KEY, 7, 8) == make("bounces@vng.example", KEY, 7, 8)


def test_the_longest_return_path_still_fits_in_a_local_part() -> None:
    local, _, domain = make(f"{'x' * 19}@MÜNCHEN.example", KEY, MAX_MAILING, MAX_NUMBER).rpartition("@")
    assert len(local) == 64
    assert domain == "xn--mnchen-3ya.example"


@pytest.mark.parametrize("path", ["", "bounces", "x" * 20 + "@vng.example", "zoë@vng.example", '"a b"@vng.example'])
def test_a_return_path_that_cannot_carry_a_token_is_refused(path: str) -> None:
    with pytest.raises(SettingsError, match="POSTILJON_RETURN_PATH"):
        make(path, KEY, 1, 1)


def test_one_changed_character_is_not_ours() -> None:
    address = make("bounces@vng.example", KEY, 7, 8)
    start = len("bounces+")
    for place in range(start, start + 44):
        other = "a" if address[place] != "a" else "b"
        with pytest.raises(TokenError):
            parse(address[:place] + other + address[place + 1 :], RING)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "bounces@vng.example",
        "bounces+@vng.example",
        "bounces+kort@vng.example",
        f"bounces+{'é' * 44}@vng.example",
        f"bounces+{'1' * 44}@vng.example",
        "x" * 10_000,
        f"bounces+{to_local_part(seal(KEY, Token(Purpose.MAILTO_OPT_OUT, 7, 8)))}@vng.example",
        make("bounces@vng.example", Key.of(b"x" * 32), 7, 8),
    ],
)
def test_an_address_that_is_not_a_return_path_of_ours_is_refused(address: str) -> None:
    with pytest.raises(TokenError):
        parse(address, RING)

"""Sealed texts come back in clear for their purpose and key alone."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.errors import SettingsError
from mailer.sealing import seal, unseal
from mailer.signing import Keyring

RING = Keyring.of([b"k" * 32])
ROTATED = Keyring.of([b"n" * 32, b"k" * 32])


@given(st.text(max_size=200), st.text(max_size=20))
def test_a_sealed_text_comes_back_for_its_purpose(text: str, purpose: str) -> None:
    assert unseal(RING, purpose, seal(RING, purpose, text)) == text


def test_a_key_that_was_rotated_still_unseals() -> None:
    assert unseal(ROTATED, "relay", seal(RING, "relay", "geheim")) == "geheim"


def test_the_same_text_is_sealed_differently_each_time() -> None:
    assert seal(RING, "relay", "geheim") != seal(RING, "relay", "geheim")


def test_another_purpose_unseals_nothing() -> None:
    with pytest.raises(SettingsError, match="secret key"):
        unseal(RING, "second factor", seal(RING, "relay", "geheim"))


def test_a_key_that_is_gone_unseals_nothing() -> None:
    with pytest.raises(SettingsError, match="POSTILJON_SECRET_KEYS"):
        unseal(Keyring.of([b"x" * 32]), "relay", seal(RING, "relay", "geheim"))


@given(st.data())
def test_a_changed_byte_unseals_nothing(data: st.DataObject) -> None:
    sealed = bytearray(base64.urlsafe_b64decode(seal(RING, "relay", "geheim")))
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SettingsError):
        unseal(RING, "relay", base64.urlsafe_b64encode(bytes(sealed)).decode())


@pytest.mark.parametrize("damaged", ["", "A", "no base64!", "AQ", "é"])
def test_any_other_text_is_a_damaged_value(damaged: str) -> None:
    with pytest.raises(SettingsError, match="damaged"):
        unseal(RING, "relay", damaged)

"""Keys, tokens and keyed hashes (I7)."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer import return_path, signing
from mailer.errors import SettingsError, TokenError
from mailer.signing import LETTER_TOKENS, LONG_SIZE, MAX_MAILING, MAX_NUMBER, SHORT_SIZE, Key, Keyring, Purpose, Token

RING = Keyring.of([b"n" * 32, b"o" * 32])
KEYS = st.binary(min_size=32, max_size=32).map(Key.of)
NUMBERS = st.integers(0, MAX_NUMBER)
LONG = st.builds(Token, st.sampled_from(Purpose), st.integers(0, MAX_MAILING), NUMBERS)
SHORT = st.builds(
    Token, st.sampled_from(Purpose), st.integers(0, MAX_MAILING), NUMBERS, st.integers(1, 2**32 - 1), NUMBERS
)


@given(LONG | SHORT, st.sampled_from(RING.keys))
def test_what_was_sealed_is_unsealed_by_new_and_old_keys(token: Token, key: Key) -> None:
    data = signing.seal(key, token)
    assert signing.unseal(RING, data, token.purpose) == token
    assert len(data) == (SHORT_SIZE if token.expires else LONG_SIZE)
    assert len(signing.to_text(data)) == (48 if token.expires else 36)
    assert signing.from_text(signing.to_text(data)) == data
    assert signing.from_local_part(signing.to_local_part(data).upper()) == data


@given(LONG | SHORT, st.data())
def test_one_changed_bit_opens_nothing(token: Token, data: st.DataObject) -> None:
    sealed = bytearray(signing.seal(RING.current, token))
    place = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[place // 8] ^= 1 << place % 8
    with pytest.raises(TokenError):
        signing.unseal(RING, bytes(sealed), token.purpose)


@given(LONG | SHORT, st.sampled_from(Purpose))
def test_a_token_does_one_thing(token: Token, purpose: Purpose) -> None:
    if purpose != token.purpose:
        with pytest.raises(TokenError):
            signing.unseal(RING, signing.seal(RING.current, token), purpose)


@given(LONG)
def test_a_key_that_is_not_on_the_ring_opens_nothing(token: Token) -> None:
    with pytest.raises(TokenError):
        signing.unseal(Keyring.of([b"x" * 32]), signing.seal(RING.current, token), token.purpose)


@given(st.binary(max_size=60))
def test_bytes_that_nobody_sealed_open_nothing(data: bytes) -> None:
    with pytest.raises(TokenError):
        signing.unseal(RING, data, Purpose.OPT_OUT)


@given(st.text(max_size=50))
def test_a_text_is_canonical_or_refused(text: str) -> None:
    for read, write in (
        (signing.from_text, signing.to_text),
        (signing.from_local_part, signing.to_local_part),
    ):
        try:
            data = read(text)
        except TokenError:
            continue
        assert write(data) in (text, text.lower())


@pytest.mark.parametrize("text", ["AB", "AA==", "AA=", "A", "AA\n", " AA", "A+A/", "ÀÀ", "AAF"])
def test_spare_bits_padding_and_other_alphabets_are_refused(text: str) -> None:
    with pytest.raises(TokenError):
        signing.from_text(text)


def test_two_keys_with_one_id_are_both_tried() -> None:
    first = Key.of(b"a" * 32)
    twin = next(key for key in (Key.of(number.to_bytes(32, "big")) for number in range(5000)) if key.id == first.id)
    token = Token(Purpose.DETAILS, 1, 2)
    for key in (first, twin):
        assert signing.unseal(Keyring((first, twin)), signing.seal(key, token), Purpose.DETAILS) == token


def test_the_id_of_a_key_does_not_depend_on_its_place() -> None:
    assert Keyring.of([b"n" * 32]).current.id == Keyring.of([b"o" * 32, b"n" * 32]).keys[1].id


def test_a_mac_is_hmac_sha_256() -> None:
    secret = b"s" * 32
    derived = hmac.digest(secret, b"postiljon token key v1", "sha256")
    expected = hmac.new(derived, b"message", hashlib.sha256).digest()[:16]
    assert Key.of(secret).mac(b"message") == expected


def test_a_key_does_not_show_itself() -> None:
    assert "inner" not in repr(Key.of(b"s" * 32))


@pytest.mark.parametrize("secret", [b"", b"x" * 31, b"x" * 33])
def test_a_secret_of_another_length_is_refused(secret: bytes) -> None:
    with pytest.raises(SettingsError, match="32 bytes"):
        Key.of(secret)


def test_an_empty_ring_is_refused() -> None:
    with pytest.raises(SettingsError, match="POSTILJON_SECRET_KEYS"):
        Keyring.of([])


@pytest.mark.parametrize(
    "token",
    [
        Token(Purpose.OPT_OUT, -1, 0),
        Token(Purpose.OPT_OUT, MAX_MAILING + 1, 0),
        Token(Purpose.OPT_OUT, 0, MAX_NUMBER + 1),
        Token(Purpose.OPT_OUT, 0, 0, 1, MAX_NUMBER + 1),
        Token(Purpose.OPT_OUT, 0, 0, 0, 1),
    ],
)
def test_a_number_that_does_not_fit_is_refused(token: Token) -> None:
    with pytest.raises(ValueError, match="token"):
        signing.seal(RING.current, token)


def test_an_address_hash_depends_on_pepper_and_address_alone() -> None:
    assert len(signing.address_hash(b"p" * 32, "a@b.example")) == 16
    assert signing.address_hash(b"p" * 32, "a@b.example") == signing.address_hash(b"p" * 32, "a@b.example")
    assert signing.address_hash(b"p" * 32, "a@b.example") != signing.address_hash(b"q" * 32, "a@b.example")
    assert signing.address_hash(b"p" * 32, "a@b.example") != signing.address_hash(b"p" * 32, "b@b.example")


def test_a_fingerprint_is_no_hash_of_an_address() -> None:
    assert len(signing.fingerprint(b"p" * 32)) == 16
    assert signing.fingerprint(b"p" * 32) != signing.address_hash(b"p" * 32, "")


def test_purposes_fit_in_five_bits_and_never_share_a_number() -> None:
    assert max(Purpose) < 32
    assert [int(purpose) for purpose in Purpose] == list(range(1, len(Purpose) + 1))


@given(LONG, st.sampled_from(RING.keys))
def test_sealing_for_many_gives_the_same_bytes_as_sealing_each(token: Token, key: Key) -> None:
    assert signing.sealer(key, token.purpose, token.mailing)(token.recipient) == signing.seal(key, token)


@given(st.binary(max_size=60))
def test_texts_for_paths_and_local_parts_are_those_of_rfc_4648(data: bytes) -> None:
    assert signing.to_text(data) == base64.urlsafe_b64encode(data).decode().rstrip("=")
    assert signing.to_local_part(data) == base64.b32encode(data).decode().rstrip("=").lower()


@pytest.mark.parametrize("pepper", [b"p" * 32, b"", b"p" * 64, b"p" * 65])
def test_an_address_hash_is_the_hmac_that_it_always_was(pepper: bytes) -> None:
    said = b"postiljon address v1\0" + "josé@b.example".encode()
    assert signing.address_hash(pepper, "josé@b.example") == hmac.digest(pepper, said, "sha256")[:16]


@given(KEYS, st.integers(0, MAX_MAILING), NUMBERS)
def test_the_quick_ways_make_what_seal_makes(key: Key, mailing: int, recipient: int) -> None:
    texts = [signing.to_text(signing.seal(key, Token(purpose, mailing, recipient))) for purpose in LETTER_TOKENS]
    assert signing.letter_sealer(key, mailing)(recipient) == "".join(texts).encode("ascii")
    returned = signing.seal(key, Token(Purpose.RETURN_PATH, mailing, recipient))
    assert signing.sealer(key, Purpose.RETURN_PATH, mailing)(recipient) == returned
    assert return_path.maker("b@vng.example", key, mailing)(recipient) == f"b+{in_base32(returned)}@vng.example"


def in_base32(data: bytes) -> str:
    return base64.b32encode(data).decode("ascii").rstrip("=").lower()


@pytest.mark.parametrize("number", [-1, MAX_NUMBER + 1, 2**64])
def test_a_recipient_out_of_range_has_no_token(number: int) -> None:
    for call in (signing.letter_sealer(RING.current, 1), signing.sealer(RING.current, Purpose.DETAILS, 1)):
        with pytest.raises(ValueError, match="does not fit"):
            call(number)


@pytest.mark.parametrize("number", [-1, MAX_MAILING + 1])
def test_a_mailing_out_of_range_has_no_tokens(number: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        signing.letter_sealer(RING.current, number)

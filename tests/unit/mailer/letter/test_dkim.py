"""Signatures, by two verifiers that know nothing of the signer: dkimpy, and ``tests.support.strict_mail``."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.errors import InputError, SettingsError
from mailer.letter.compiled import EscapeContext, Letter, MessageMeta, Slot
from mailer.letter.compose import Composer
from mailer.letter.dkim import OVERSIGNED, Signer, canonical_body, dns_record, dns_strings, matches, new_key
from tests.support.strict_mail import dkim_is_good, read

AT = datetime(2024, 9, 18, 7, 0, 3, tzinfo=UTC)
LETTER = Letter(
    language="nl",
    from_name="VNG",
    from_address="info@vng.example",
    reply_to="",
    subject=("Dag ", Slot('contact.v | default("lezer")', EscapeContext.HEADER)),
    html=("<p>  Geachte\t", Slot('contact.v | default("lezer")', EscapeContext.HTML), "   </p>\n\n\n"),
    text=("Geachte ", Slot('contact.v | default("lezer")', EscapeContext.PLAIN), " \n\n\n"),
    headers=(("List-Id", "Nieuws <nieuws.vng.example>"), ("Feedback-ID", "zomer:vng"), ("X-Campaign", "zomer")),
)
COMPOSER = Composer(LETTER)
STAMP = MessageMeta(
    "jan@lezer.example", AT, "abc@vng.example", "Jan", "https://vng.example/u/abc", "af+abc@vng.example"
)


@lru_cache
def key() -> bytes:
    return new_key()


@lru_cache
def signer() -> Signer:
    return Signer(key(), "post", "vng.example")


def values(v: Any = "heer De Vries") -> dict[str, Any]:
    return {"contact": {"v": v}, "links": {}}


def signed(v: Any = "heer De Vries") -> bytes:
    return signer().sign(COMPOSER.message(values(v), STAMP), AT)


def both_verify(message: bytes, record: str = "") -> tuple[bool, bool]:
    found = (record or dns_record(key())).encode()

    def lookup(name: bytes, timeout: int = 5) -> bytes:
        assert name == b"post._domainkey.vng.example."
        return found

    return bool(dkim.verify(message, dnsfunc=lookup)), dkim_is_good(message, found.decode())


def tags(message: bytes) -> dict[str, str]:
    header = message[: message.index(b"\r\nFrom:")].decode().replace("\r\n", "").partition(":")[2]
    return {
        name.strip(): re.sub(r"\s", "", value) for name, _, value in (tag.partition("=") for tag in header.split(";"))
    }


def test_two_independent_verifiers_accept_it() -> None:
    assert both_verify(signed()) == (True, True)


@settings(max_examples=30)
@given(st.text(st.characters(codec=None), max_size=100), st.text(max_size=40))
def test_they_accept_it_whatever_the_values(v: str, name: str) -> None:
    stamp = STAMP._replace(name=name)
    composed = COMPOSER.message(values(v), stamp)
    message = signer().sign_composed(composed, AT)
    assert message == signer().sign(composed, AT)
    assert both_verify(message) == (True, True)


@given(st.text(st.characters(codec=None), max_size=200))
def test_a_body_of_ours_is_its_own_canonical_form(v: str) -> None:
    _, _, body = COMPOSER.message(values(v), STAMP).partition(b"\r\n\r\n")
    assert canonical_body(body) == body


def test_the_message_itself_is_not_changed() -> None:
    message = COMPOSER.message(values(), STAMP)
    assert signed().endswith(message)
    assert read(signed()).headers[0][0] == "DKIM-Signature"


def test_the_signature_says_what_the_standards_ask() -> None:
    found = tags(signed())
    assert (found["v"], found["a"], found["c"]) == ("1", "rsa-sha256", "relaxed/relaxed")
    assert (found["d"], found["s"], found["t"]) == ("vng.example", "post", str(int(AT.timestamp())))
    assert not {"l", "x"} & set(found)


def test_every_header_that_matters_is_covered_and_one_more_of_those_that_attackers_add() -> None:
    covered = tags(signed())["h"].split(":")
    for name in OVERSIGNED:
        assert covered.count(name) == (1 if name == "Reply-To" else 2)
    assert covered.count("List-Id") == covered.count("Feedback-ID") == 1
    assert not {"return-path", "received", "bcc", "dkim-signature"} & {name.lower() for name in covered}


def test_oversigning_can_be_switched_off() -> None:
    plain = Signer(key(), "post", "vng.example", oversign=False)
    message = plain.sign(COMPOSER.message(values(), STAMP), AT)
    covered = tags(message)["h"].split(":")
    assert len(covered) == len(set(covered))
    assert both_verify(message) == (True, True)


@pytest.mark.parametrize("name", [name for name in OVERSIGNED if name != "Reply-To"])
def test_a_changed_byte_in_a_header_breaks_it(name: str) -> None:
    message = signed()
    start = message.index(f"\r\n{name}: ".encode()) + len(name) + 4
    changed = message[:start] + (b"X" if message[start : start + 1] != b"X" else b"Y") + message[start + 1 :]
    assert both_verify(changed) == (False, False)


@pytest.mark.parametrize("name", OVERSIGNED)
def test_an_added_header_breaks_it_wherever_it_stands(name: str) -> None:
    added = name.encode() + b": x\r\n"
    first, second = signed().index(b"\r\nFrom:") + 2, signed().index(b"\r\nMIME-Version:") + 2
    for place in (first, second):
        assert both_verify(signed()[:place] + added + signed()[place:]) == (False, False)


def test_an_appended_or_changed_body_breaks_it() -> None:
    assert both_verify(signed() + b"meer\r\n") == (False, False)
    assert both_verify(signed().replace(b"Geachte", b"Beste", 1)) == (False, False)


def test_blanks_that_a_relay_changes_do_not_break_it() -> None:
    message = signed().replace(b"\r\nSubject: Dag heer", b"\r\nSubject:  Dag \t heer") + b"\r\n\r\n"
    assert both_verify(message) == (True, True)


def test_it_verifies_days_later() -> None:
    late = signer().sign(COMPOSER.message(values(), STAMP), AT + timedelta(days=5))
    assert both_verify(late) == (True, True)


def test_another_key_does_not_verify() -> None:
    assert both_verify(signed(), dns_record(new_key())) == (False, False)


def test_the_same_message_key_and_second_give_the_same_bytes() -> None:
    assert signed() == signed()


def test_several_threads_may_sign_with_one_signer() -> None:
    names = [f"lezer {number}" for number in range(40)]
    alone = [signed(name) for name in names]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(signed, names)) == alone


@pytest.mark.parametrize(
    ("body", "canonical"),
    [
        (b"", b""),
        (b"\r\n", b""),
        (b"\r\n\r\n", b""),
        (b"a", b"a\r\n"),
        (b"a\r\n\r\n", b"a\r\n"),
        (b"a \t b \r\n", b"a b\r\n"),
        (b" a\r\n \r\n\t\r\n", b" a\r\n"),
        (b"a ", b"a\r\n"),
    ],
)
def test_the_relaxed_form_of_a_body_is_that_of_the_standard(body: bytes, canonical: bytes) -> None:
    assert canonical_body(body) == canonical


def test_a_foreign_message_with_many_blanks_is_signed_too() -> None:
    message = b"From:  a@vng.example\r\nTo: b@c.example\r\nSubject: a\r\n\t  b\r\nDate: x\r\n\r\na  b \t\r\n\r\n\r\n"
    assert both_verify(signer().sign(message, AT)) == (True, True)


@pytest.mark.parametrize(
    "message",
    [
        b"From: a@b.example\r\n",
        b"To: a@b.example\r\n\r\n",
        b"From: a\r\nFrom: b\r\n\r\n",
        b"From: a\r\nno header\r\n\r\n",
    ],
)
def test_what_is_no_message_is_not_signed(message: bytes) -> None:
    with pytest.raises(InputError):
        signer().sign(message, AT)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(InputError):
        signer().sign(COMPOSER.message(values(), STAMP), AT.replace(tzinfo=None))


def test_the_dns_record_holds_the_public_key_in_strings_of_255() -> None:
    record = dns_record(key())
    assert record.startswith("v=DKIM1; k=rsa; p=MII")
    assert "".join(dns_strings(record)) == record
    assert max(len(part) for part in dns_strings(record)) == 255
    assert signer().dns_name == "post._domainkey.vng.example"


def test_a_record_that_was_found_is_compared_with_the_key() -> None:
    record = dns_record(key())
    assert matches(record, key())
    assert matches(record.replace("; ", ";  ").removeprefix("v=DKIM1;"), key())
    assert not matches(record, new_key())
    for wrong in ("", "v=DKIM1; p=", "v=DKIM1; k=ed25519; p=x", "p=!!", "v=spf1 -all"):
        assert not matches(wrong, key())


def pem(private: Any, encryption: Any = None) -> bytes:
    data: bytes = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())
    return data


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: b"geen sleutel", "not a private key"),
        (lambda: pem(rsa.generate_private_key(65537, 1024)), "1024 bits"),
        (lambda: pem(ed25519.Ed25519PrivateKey.generate()), "not an RSA key"),
        (lambda: pem(rsa.generate_private_key(65537, 2048), BestAvailableEncryption(b"x")), "without a password"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused(make: Any, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        Signer(make(), "post", "vng.example")


@pytest.mark.parametrize(
    ("selector", "domain"),
    [
        ("", "vng.example"),
        ("a b", "vng.example"),
        ("a\r\nBcc: x", "vng.example"),
        ("x" * 64, "vng.example"),
        ("post", ""),
        ("post", "vng"),
        ("post", "vng.example\r\nBcc: x"),
        ("post", "vng.example; l=1"),
    ],
)
def test_a_selector_or_domain_that_cannot_be_used_is_refused(selector: str, domain: str) -> None:
    with pytest.raises(SettingsError):
        Signer(key(), selector, domain)


def test_an_idn_domain_is_signed_as_a_labels() -> None:
    assert Signer(key(), "post", "münchen.example").domain == "xn--mnchen-3ya.example"

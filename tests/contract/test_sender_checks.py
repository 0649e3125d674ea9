"""A sender whose mail will be refused: unsigned, a return path of another organisation, DMARC that enforces."""

from __future__ import annotations

import pytest

from campaigns.review.preflight import SenderIdentity
from mailer.letter.dkim import dns_record, new_key
from tests.support.sender_dns import UNSIGNED, asked, line

RECORD = dns_record(new_key(2048))
ZONE = """\
{domain}. 60 IN MX 10 mx.vng.example.
{domain}. 60 IN TXT "v=spf1 ip4:192.0.2.1 ~all"
other.example. 60 IN TXT "v=spf1 ip4:192.0.2.1 ~all"
mail.vng.example. 60 IN TXT "{spf}"
_dmarc.vng.example. 60 IN TXT "v=DMARC1; {policy}"
"""


def told(policy: str, back: str, dkim: str = "", domain: str = "vng.example", spf: str = "v=spf1 a -all") -> list[str]:
    """Return the findings on a sender at ``domain`` with this policy, return path and signing domain."""
    zone = ZONE.format(domain=domain, policy=policy, spf=spf) + line(RECORD, f"post._domainkey.{dkim or 'x.example'}")
    given = SenderIdentity(f"info@{domain}", back, "post" if dkim else "", dkim, RECORD if dkim else "")
    return [fault.found for fault in asked(zone, given)]


def fails(found: list[str]) -> bool:
    return any(words.startswith("mail that will be refused") for words in found)


def test_unsigned_with_a_return_path_of_another_organisation_and_a_policy_must_fail() -> None:
    found = told("p=reject", "other.example")
    assert UNSIGNED in found
    assert "a return path of another organisation: other.example" in found
    assert (
        "mail that will be refused: DMARC of vng.example says reject, and neither DKIM nor SPF of ours counts for it"
        in found
    )


@pytest.mark.parametrize(
    ("policy", "back", "dkim", "domain"),
    [
        ("p=quarantine", "other.example", "", "vng.example"),
        ("p=reject; aspf=s", "mail.vng.example", "", "vng.example"),
        ("p=reject; adkim=s", "other.example", "mail.vng.example", "vng.example"),
        ("p=none; sp=reject", "other.example", "", "post.vng.example"),
        ("p=reject", "other.example", "other.example", "vng.example"),
        ("p=reject; t=y", "other.example", "", "vng.example"),
    ],
)
def test_what_neither_dkim_nor_spf_of_ours_speaks_for_must_fail(policy: str, back: str, dkim: str, domain: str) -> None:
    assert fails(told(policy, back, dkim, domain))


@pytest.mark.parametrize(
    ("policy", "back", "dkim", "domain"),
    [
        ("p=none", "other.example", "", "vng.example"),
        ("p=reject", "", "", "vng.example"),
        ("p=reject", "mail.vng.example", "", "vng.example"),
        ("p=reject", "other.example", "vng.example", "vng.example"),
        ("p=reject", "other.example", "mail.vng.example", "vng.example"),
        ("p=reject; adkim=s; aspf=s", "vng.example", "", "vng.example"),
        ("p=reject; sp=none", "other.example", "", "post.vng.example"),
        ("p=quarantine; t=y", "other.example", "", "vng.example"),
    ],
)
def test_what_one_of_them_speaks_for_may_pass(policy: str, back: str, dkim: str, domain: str) -> None:
    assert not fails(told(policy, back, dkim, domain))


@pytest.mark.parametrize("spf", ["v=spf1 -all", "v=spf1 ~all exp=x.example", "nothing"])
def test_an_spf_record_that_lets_nobody_send_speaks_for_nobody(spf: str) -> None:
    assert fails(told("p=reject", "mail.vng.example", spf=spf))

"""The DNS records of a sender, asked of a real DNS server on loopback (standards A2, A3, A5, B44)."""

from __future__ import annotations

import pytest

from campaigns.review.preflight import DnsAwayError, SenderIdentity, examine
from tests.support.nameserver import nameserver
from tests.support.sender_dns import GOOD, NAME, UNSIGNED, asked, found, line, record, sender


def one(zone: str, given: SenderIdentity | None = None) -> tuple[str, str]:
    (fault,) = asked(zone, given)
    assert (fault.file, fault.line, fault.field) == ("a.md", 4, "from")
    return fault.severity, fault.found


def test_a_sender_whose_records_are_right_gives_no_fault() -> None:
    assert asked(GOOD + line(record())) == []


def test_without_a_signature_of_ours_dns_is_not_asked_for_a_key() -> None:
    with nameserver(GOOD) as server:
        assert [fault.found for fault in found(server, SenderIdentity("info@vng.example"))] == [UNSIGNED]
        assert not any("_domainkey" in name for name in server.asked)


def test_a_record_that_does_not_fit_a_datagram_is_fetched_over_tcp() -> None:
    assert asked(GOOD + line(record(4096)), sender(record(4096))) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("v=DKIM1; k=rsa; p=MIIBotherkey", "another DKIM key"),
        ("v=DKIM1; k=rsa; p=", "revoked"),
        ("v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", "another DKIM key"),
    ],
)
def test_a_key_in_dns_that_is_not_ours_is_an_error(text: str, words: str) -> None:
    severity, told = one(GOOD + line(text))
    assert (severity, words in told, NAME in told) == ("error", True, True)


@pytest.mark.parametrize("tag", ["h=sha1", "s=other", "v=DKIM2"])
def test_our_key_in_a_record_that_forbids_its_use_is_an_error(tag: str) -> None:
    text = record().replace("v=DKIM1; ", "") if tag.startswith("v=") else record()
    assert one(GOOD + line(f"{text}; {tag}"))[0] == "error"


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        (GOOD, "no DKIM record"),
        (GOOD + line("v=spf1 -all"), "no DKIM record"),
        (GOOD + line(record()) + line("v=DKIM1; p=MIIBotherkey"), "several DKIM records"),
        (GOOD + line(f"{record()}; t=y:s"), "in testing"),
        (GOOD.replace("10 mx.vng.example.", "0 .") + line(record()), "null MX"),
        (GOOD.replace("v=spf1", "v=else") + line(record()), "no SPF record"),
        (GOOD.replace("v=DMARC1", "v=else") + line(record()), "no DMARC record"),
    ],
)
def test_what_hurts_but_can_be_mended_after_sending_is_a_warning(zone: str, words: str) -> None:
    severity, told = one(zone)
    assert (severity, words in told) == ("warning", True)


def test_a_signature_of_another_domain_is_a_warning() -> None:
    given = SenderIdentity("info@vng.example", "", "post", "bureau.test", record())
    (fault,) = asked(GOOD + line(record(), "post._domainkey.bureau.test"), given)
    assert (fault.severity, "another domain: bureau.test" in fault.found) == ("warning", True)


@pytest.mark.parametrize(
    ("mail", "signing", "policies", "counted"),
    [
        ("vng.co.test", "mail.vng.co.test", {"vng.co.test": ""}, True),
        ("nieuws.vng.co.test", "vng.co.test", {"vng.co.test": ""}, True),
        ("vng.co.test", "bureau.co.test", {"vng.co.test": "", "bureau.co.test": ""}, False),
        ("vng.co.test", "bureau.co.test", {"vng.co.test": "", "bureau.co.test": "", "co.test": "; psd=y"}, False),
        ("a.vng.co.test", "b.vng.co.test", {"a.vng.co.test": "", "co.test": "; psd=y"}, True),
        ("a.vng.test", "b.vng.test", {"a.vng.test": "; psd=n", "vng.test": ""}, False),
        ("vng.test", "bureau.test", {"vng.test": ""}, False),
        ("nieuws.vng.test", "vng.test", {}, True),
        ("vng.test", "bureau.test", {}, False),
    ],
)
def test_dmarc_counts_a_signature_of_the_same_organisation_alone(
    mail: str, signing: str, policies: dict[str, str], *, counted: bool
) -> None:
    zone = f'{mail}. 60 IN MX 10 mx.test.\n{mail}. 60 IN TXT "v=spf1 ~all"\n'
    zone += line(record(), f"post._domainkey.{signing}")
    zone += "".join(f'_dmarc.{name}. 60 IN TXT "v=DMARC1; p=none{more}"\n' for name, more in policies.items())
    faults = asked(zone, SenderIdentity(f"info@{mail}", "", "post", signing, record()))
    assert any("another domain" in fault.found for fault in faults) is not counted


def test_dmarc_may_stand_above_the_domain() -> None:
    zone = GOOD.replace("vng.example. 60 IN MX", "nieuws.vng.example. 60 IN MX")
    zone = zone.replace('vng.example. 60 IN TXT "v=spf1', 'nieuws.vng.example. 60 IN TXT "v=spf1', 1)
    given = SenderIdentity("info@nieuws.vng.example", "", "post", "vng.example", record())
    assert asked(zone + line(record()), given) == []


def test_a_domain_above_that_gives_no_answer_does_not_hide_a_wrong_key() -> None:
    def ask(name: str, kind: str) -> list[str]:
        if name == "_dmarc.test":
            raise DnsAwayError("no answer")
        return {"post._domainkey.bureau.test": ["v=DKIM1; p=MIIBotherkey"]}.get(name, []) if kind == "TXT" else []

    faults = examine(SenderIdentity("info@vng.test", "", "post", "bureau.test", record()), "a.md", 4, ask)
    assert [fault.found for fault in faults if fault.severity == "error"] == [
        "another DKIM key at post._domainkey.bureau.test than the one that signs"
    ]


@pytest.mark.slow
def test_a_silent_dns_is_one_warning_that_says_to_check_again() -> None:
    with nameserver(silent=True) as server:
        (fault,) = found(server)
    assert (fault.severity, fault.found) == ("warning", "no answer from DNS")
    assert "Check again" in fault.hint


def test_a_machine_without_dns_is_a_warning_too() -> None:
    def away(_name: str, _kind: str) -> list[str]:
        raise DnsAwayError("no nameservers")

    (fault,) = examine(sender(), "a.md", 4, away)
    assert fault.severity == "warning"

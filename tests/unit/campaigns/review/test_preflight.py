"""The DNS records of a sender, with answers that the test gives."""

from __future__ import annotations

import pytest

from campaigns.review.preflight import AskDns, DnsAwayError, SenderIdentity, examine

GOOD = {
    ("vng.nl", "MX"): ["10 mx.vng.nl."],
    ("vng.nl", "TXT"): ["google-site-verification=x", "v=spf1 include:relay.example -all"],
    ("_dmarc.vng.nl", "TXT"): ["v=DMARC1; p=none"],
    ("s1._domainkey.vng.nl", "TXT"): ["v=DKIM1; k=rsa; p=AB CD"],
}
SENDER = SenderIdentity("info@vng.nl", "", "s1", "vng.nl", "v=DKIM1; k=rsa; p=ABCD")


def ask(**changes: list[str]) -> AskDns:
    answers = dict(GOOD)
    for key, value in changes.items():
        answers[next(name for name in GOOD if key in "".join(name).lower())] = value
    return lambda name, kind: answers.get((name, kind), [])


def test_a_sender_in_order_gives_no_word() -> None:
    assert examine(SENDER, "a.md", 5, ask()) == []


@pytest.mark.parametrize(
    ("changes", "words", "severity"),
    [
        ({"mx": []}, "without MX", "warning"),
        ({"mx": ["0 ."]}, "null MX", "warning"),
        ({"nltxt": []}, "no SPF", "warning"),
        ({"nltxt": ["v=spf1 -all", "v=spf1 a -all"]}, "several SPF", "warning"),
        ({"dmarc": []}, "no DMARC", "warning"),
        ({"domainkey": []}, "no DKIM", "warning"),
        ({"domainkey": ["v=DKIM1; p=OTHER"]}, "another DKIM key", "error"),
    ],
)
def test_each_lack_is_told_at_the_line_of_from(changes: dict[str, list[str]], words: str, severity: str) -> None:
    found = [fault for fault in examine(SENDER, "a.md", 5, ask(**changes)) if words in fault.found]
    assert [(fault.line, fault.field, fault.severity) for fault in found] == [(5, "from", severity)]


def test_dmarc_may_stand_above_the_domain() -> None:
    answers = {("_dmarc.vng.nl", "TXT"): ["v=DMARC1; p=reject"]}
    found = examine(SenderIdentity("info@nieuws.vng.nl"), "a.md", 5, lambda name, kind: answers.get((name, kind), []))
    assert not any("no DMARC" in fault.found for fault in found)


def test_no_answer_is_one_warning_and_never_in_order() -> None:
    def away(name: str, kind: str) -> list[str]:
        raise DnsAwayError("timeout")

    found = examine(SENDER, "a.md", 5, away)
    assert [(fault.found, fault.severity) for fault in found] == [("no answer from DNS", "warning")]

"""Checks of a sender in DNS: can it get mail (A5), is it authenticated (A2, A3), is our DKIM key the one in DNS.

Promises: nothing here stops a campaign except a DKIM record with another key than ours, or a revoked one (every letter
would fail). All else is a warning, also that DNS could not be asked. Used by ``check`` and ``doctor`` only, never by
``send``. Takes some seconds at most. Nothing raises. The only import of dnspython.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from mailer.errors import Fault
from mailer.messages import Message

AskDns = Callable[[str, str], list[str]]
_SECONDS, _TOGETHER = 3.0, 10.0  # for one question; for all that one examination asks
MUST_FAIL = Message(
    "mail that will be refused: DMARC of {domain} says {policy}, and neither DKIM nor SPF of ours counts for it"
)
_MOST_LABELS = 8  # of a name that is walked up (RFC 9989 section 4.10: a longer one is cut to seven)


class DnsAwayError(Exception):
    """No server answered; the record may exist or not."""


@dataclass(frozen=True, slots=True)
class SenderIdentity:
    """The sender to check: the From address, the return path's domain, and how letters are signed."""

    address: str
    return_domain: str = ""
    dkim_selector: str = ""
    dkim_domain: str = ""
    dkim_record: str = ""

    @property
    def domain(self) -> str:
        """The domain of the From address."""
        return self.address.rpartition("@")[2]


def asker(servers: Sequence[tuple[str, int]] = (), *, together: float = _TOGETHER) -> AskDns:
    """Return a function that asks these DNS servers (address, port), or those of the machine.

    ``together``: the seconds from now for all questions together; later questions are not answered.
    """

    until = time.monotonic() + together

    def ask(name: str, kind: str) -> list[str]:
        """Return the records of a name, as text; empty when there are none. Raises ``DnsAwayError``."""
        import dns.exception
        import dns.nameserver
        import dns.resolver

        try:
            resolver = dns.resolver.Resolver(configure=not servers)
            if servers:
                resolver.nameservers = [dns.nameserver.Do53Nameserver(address, port) for address, port in servers]
            resolver.lifetime = min(_SECONDS, until - time.monotonic())
            if resolver.lifetime <= 0:
                raise DnsAwayError("the time for asking is over")
            answer = resolver.resolve(name, kind)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError, ValueError, EOFError) as error:
            raise DnsAwayError(str(error)) from error
        if kind == "TXT":
            return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]
        return [record.to_text() for record in answer]

    return ask


def examine(sender: SenderIdentity, file: str, line: int, ask: AskDns) -> list[Fault]:
    """Return the faults of a sender in DNS, as warnings at ``line``; one error when the DKIM key is another one."""
    signed = [_alignment, _dkim] if sender.dkim_selector else [_unsigned]
    checks = [_mailbox, _spf, _dmarc, _return_path, _enforced, *signed]
    with ThreadPoolExecutor(len(checks)) as pool:
        results = [pool.submit(_all, check, sender, ask) for check in checks]
    faults = []
    for result in results:
        try:
            faults += [Fault(file, line, "from", *words) for words in result.result()]
        except DnsAwayError:
            expected = Message("an answer about {domain}", domain=sender.domain)
            hint = Message("So it is not known whether its mail is authenticated. Check again when DNS can be asked.")
            faults.append(Fault(file, line, "from", Message("no answer from DNS"), expected, hint, "warning"))
    return list(dict.fromkeys(faults))


PreflightFinding = tuple[str, str, str, Literal["error", "warning"]]
PreflightCheck = Callable[["SenderIdentity", AskDns], Iterator[PreflightFinding]]


def _all(check: PreflightCheck, sender: SenderIdentity, ask: AskDns) -> list[PreflightFinding]:
    return list(check(sender, ask))


def _mailbox(sender: SenderIdentity, ask: AskDns) -> Iterator[PreflightFinding]:
    """Check A5: replies can arrive. No MX is fine where there is an address record (RFC 5321 section 5.1)."""
    mx = ask(sender.domain, "MX")
    if any(record.split()[-1] == "." for record in mx):
        yield (
            Message("a domain that says it takes no mail (null MX)"),
            Message("a sender that can get replies"),
            "",
            "warning",
        )
    elif not mx:
        hint = "" if ask(sender.domain, "A") else Message("The domain has no address either: is it written right?")
        yield Message("a domain without MX record"), Message("a sender that can get replies"), hint, "warning"


def _spf(sender: SenderIdentity, ask: AskDns) -> Iterator[PreflightFinding]:
    """Check A2: SPF of the domain of the envelope sender."""
    domain = sender.return_domain or sender.domain
    found = [record for record in ask(domain, "TXT") if record.lower().startswith("v=spf1")]
    if len(found) != 1:
        text = Message("no SPF record for {domain}") if not found else Message("several SPF records for {domain}")
        hint = Message("Providers refuse bulk mail without it.")
        yield text.format(domain=domain), Message("one TXT record v=spf1 … that names the relay"), hint, "warning"


def _dmarc(sender: SenderIdentity, ask: AskDns) -> Iterator[PreflightFinding]:
    """Check A3: DMARC, at the domain or above it (RFC 9989, tree walk)."""
    if next(_policies(sender.domain, ask), None):
        return
    text = Message("no DMARC record for {domain}", domain=sender.domain)
    yield (
        text,
        Message("a TXT record at _dmarc.{domain}, v=DMARC1; p=none or stricter", domain=sender.domain),
        "",
        "warning",
    )


def _alignment(sender: SenderIdentity, ask: AskDns) -> Iterator[PreflightFinding]:
    """Check A2: the domain that signs belongs to that of From."""
    if not _aligned(sender.dkim_domain.lower(), sender.domain.lower(), ask):
        found = Message("a signature of another domain: {domain}", domain=sender.dkim_domain)
        expected = Message("POSTILJON_DKIM_DOMAIN, the domain of the From address")
        yield found, expected, Message("DMARC does not count a signature of another domain."), "warning"


def _unsigned(sender: SenderIdentity, ask: AskDns) -> Iterator[PreflightFinding]:  # noqa: ARG001 - the signature of a check
    """Report A2: no key here. The relay may sign, which cannot be seen from here."""
    hint = Message(
        "Fine if your mail server signs them as {domain}: a test mail shows it. Else make a key: 'postiljon dkim key "
        "--domain {domain}'.",
        domain=sender.domain,
    )
    yield (
        Message("letters leave unsigned (no DKIM key)"),
        Message("a signature of {domain}", domain=sender.domain),
        hint,
        ("warning"),
    )


def _return_path(sender: SenderIdentity, ask: AskDns) -> Iterator[PreflightFinding]:
    """Check A3: SPF covers the domain of the return path, and DMARC counts it for that organisation alone."""
    if not _spf_aligned(sender, "r", ask):
        found = Message("a return path of another organisation: {domain}", domain=sender.return_domain)
        expected = Message("POSTILJON_RETURN_PATH at {domain}, or below it", domain=sender.domain)
        hint = Message("Then SPF does not count for DMARC (no alignment), and only a DKIM signature of {domain} does.")
        yield found, expected, hint.format(domain=sender.domain), "warning"


def _enforced(sender: SenderIdentity, ask: AskDns) -> Iterator[PreflightFinding]:
    """Check A3, A4: the domain's policy refuses unaligned mail, and our letters have neither DKIM nor SPF for it."""
    policy, tags = _policy(sender.domain, ask)
    if policy not in ("reject", "quarantine"):
        return
    domain, signing = sender.domain.lower(), sender.dkim_domain.lower()
    signs = bool(sender.dkim_selector) and _aligned(signing, domain, ask, tags.get("adkim", "r"))
    if signs or (_spf_aligned(sender, tags.get("aspf", "r"), ask) and _spf_can_pass(sender, ask)):
        return
    found = MUST_FAIL.format(domain=sender.domain, policy=policy)
    expected = Message("a DKIM signature of {domain}, or a return path at {domain} with SPF", domain=sender.domain)
    hint = Message(
        "Unless your mail server signs as {domain}, providers refuse these letters or put them into spam. Make a key: "
        "'postiljon dkim key --domain {domain}'.",
        domain=sender.domain,
    )
    yield found, expected, hint, "warning"


def _policy(domain: str, ask: AskDns) -> tuple[str, dict[str, str]]:
    """Return the policy of ``domain`` for mail that fails, with the record that says so."""
    for name, tags in _policies(domain, ask):
        policy = tags.get("p", "none") if name == domain.lower() else tags.get("sp", tags.get("p", "none"))
        if tags.get("t") == "y":  # testing mode: one step milder (RFC 9989 section 4.7)
            policy = {"reject": "quarantine"}.get(policy.lower(), "none")
        return policy.lower(), tags
    return "none", {}


def _spf_aligned(sender: SenderIdentity, mode: str, ask: AskDns) -> bool:
    domain = sender.domain.lower()
    return _aligned((sender.return_domain or domain).lower(), domain, ask, mode)


def _spf_can_pass(sender: SenderIdentity, ask: AskDns) -> bool:
    found = [
        record.lower().split()
        for record in ask(sender.return_domain or sender.domain, "TXT")
        if record.lower().startswith("v=spf1")
    ]
    return len(found) == 1 and any(word[0] not in "-~?" and not word.startswith("exp=") for word in found[0][1:])


def _dkim(sender: SenderIdentity, ask: AskDns) -> Iterator[PreflightFinding]:
    """Check A2, B44: the public key in DNS is that of the key we sign with."""
    name = f"{sender.dkim_selector}._domainkey.{sender.dkim_domain}"
    records = [tags for tags in map(_tags, ask(name, "TXT")) if "p" in tags]
    ours = _tags(sender.dkim_record).get("p", "")
    printed = Message("the record that 'postiljon dkim key' prints")
    if not records:
        hint = Message("Letters are signed already, and no provider can verify them until it is there.")
        yield Message("no DKIM record at {name}", name=name), printed, hint, "warning"
    elif not any(tags["p"] for tags in records):
        yield Message("a revoked DKIM key at {name}: p= is empty", name=name), printed, _lost(), "error"
    elif not any(tags["p"] == ours and _is_ours(tags) for tags in records):
        found = Message("another DKIM key at {name} than the one that signs", name=name)
        yield found, printed, _lost(), "error"
    elif len(records) > 1:
        hint = Message("A provider may look at the wrong one.")
        yield Message("several DKIM records at {name}", name=name), Message("one record"), hint, "warning"
    elif "y" in records[0].get("t", "").split(":"):
        hint = Message("Providers then treat the letters as unsigned.")
        yield (
            Message("a DKIM record in testing at {name}: t=y", name=name),
            Message("a record without t=y"),
            hint,
            "warning",
        )


def _aligned(signing: str, domain: str, ask: AskDns, mode: str = "r") -> bool:
    """Return whether DMARC counts ``signing`` for mail from ``domain``: relaxed or strict (RFC 9989, 4.10.2)."""
    if signing == domain or mode.lower() == "s":
        return signing == domain
    mine = _organisation(domain, ask)
    if mine:
        return mine == _organisation(signing, ask)
    return f".{domain}".endswith(f".{signing}") or f".{signing}".endswith(f".{domain}")  # no policy counts anything yet


def _organisation(domain: str, ask: AskDns) -> str:
    """Return the organisational domain by the tree walk: the highest with a policy, below a public suffix with one.

    Or "".
    """
    found = ""
    for name, tags in _policies(domain, ask):
        if tags.get("psd") == "y" and name != domain:
            return ".".join(domain.split(".")[-name.count(".") - 2 :])
        found = name
        if tags.get("psd") in ("n", "y"):
            break
    return found


def _policies(domain: str, ask: AskDns) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the DMARC policies of a domain and those above it, from the domain up: name and tags."""
    labels = domain.lower().split(".")
    for start in [0, *range(max(1, len(labels) - _MOST_LABELS + 1), len(labels))]:
        name = ".".join(labels[start:])
        records = [record for record in ask(f"_dmarc.{name}", "TXT") if re.match(r"v\s*=\s*DMARC1\b", record)]
        if len(records) == 1:  # several count as none
            yield name, _tags(records[0])


def _lost() -> str:
    return Message("Every letter would fail its signature. Publish that record, or set the key that DNS knows.")


def _is_ours(tags: dict[str, str]) -> bool:
    """Return whether a record lets an RSA key sign mail with SHA-256 (RFC 6376 section 3.6.1)."""
    allowed = tags.get("h", "sha256").split(":"), tags.get("s", "*").split(":")
    form = (tags.get("v", "DKIM1"), tags.get("k", "rsa")) == ("DKIM1", "rsa")
    return form and "sha256" in allowed[0] and bool({"*", "email"} & set(allowed[1]))


def _tags(record: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in re.sub(r"\s", "", record).split(";") if "=" in part)

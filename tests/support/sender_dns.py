"""The DNS records of a sender on a server on loopback, and the faults that are found in them."""

from __future__ import annotations

from functools import lru_cache

from campaigns.review.preflight import SenderIdentity, asker, examine
from mailer.errors import Fault
from mailer.letter.dkim import dns_record, dns_strings, new_key
from tests.support.nameserver import NameServer, nameserver

GOOD = """\
vng.example. 60 IN MX 10 mx.vng.example.
vng.example. 60 IN TXT "v=spf1 ip4:192.0.2.1 ~all"
_dmarc.vng.example. 60 IN TXT "v=DMARC1; p=none"
"""
UNSIGNED = "letters leave unsigned (no DKIM key)"
NAME = "post._domainkey.vng.example"


@lru_cache
def record(bits: int = 2048) -> str:
    """Return the text of a DKIM record of a new key."""
    return dns_record(new_key(bits))


def line(text: str, name: str = NAME) -> str:
    """Return the line of a zone with this TXT record."""
    strings = " ".join(f'"{part}"' for part in dns_strings(text))
    return f"{name}. 60 IN TXT {strings}\n"


def sender(text: str = "", domain: str = "vng.example") -> SenderIdentity:
    """Return a sender that signs with this record."""
    return SenderIdentity("info@vng.example", "", "post", domain, text or record())


def asked(zone: str, given: SenderIdentity | None = None) -> list[Fault]:
    """Return the faults of a sender whose DNS has this zone."""
    with nameserver(zone) as server:
        return found(server, given)


def found(server: NameServer, given: SenderIdentity | None = None) -> list[Fault]:
    """Return the faults of a sender by what this server answers."""
    return examine(given or sender(), "a.md", 4, asker([("127.0.0.1", server.port)]))

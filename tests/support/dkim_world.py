"""Signed letters as the world sees them: two verifiers that know nothing of the signer, and records from a real DNS."""

from __future__ import annotations

import re

import dkim

from campaigns.review.preflight import asker
from tests.support.nameserver import NameServer
from tests.support.strict_mail import dkim_is_good

_SIGNATURE = re.compile(rb"\ADKIM-Signature:(?:.*\r\n)(?:[ \t].*\r\n)*")


def tags(message: bytes) -> dict[str, str]:
    """The tags of the signature that stands first, without blanks."""
    match = _SIGNATURE.match(message)
    assert match, message[:200]
    text = re.sub(r"\s", "", match[0].decode("ascii").partition(":")[2])
    return dict(part.split("=", 1) for part in text.split(";"))


def without_trace(content: bytes) -> bytes:
    """The message without the headers that each server puts in front."""
    while content.startswith(b"Received:"):
        lines = content.split(b"\r\n")
        rest = next(place for place, line in enumerate(lines[1:], 1) if not line.startswith((b" ", b"\t")))
        content = b"\r\n".join(lines[rest:])
    return content


def both_verify(content: bytes, server: NameServer) -> tuple[bool, bool]:
    """Return whether dkimpy and our own verifier accept a message as it arrived, with the keys of this DNS."""
    ask = asker([("127.0.0.1", server.port)])

    def lookup(name: bytes, timeout: int = 5) -> bytes:
        return "".join(ask(name.decode("ascii"), "TXT")).encode()

    bare = without_trace(content)
    found = tags(bare)
    record = "".join(ask(f"{found['s']}._domainkey.{found['d']}", "TXT"))
    return bool(dkim.verify(content, dnsfunc=lookup)), bool(record) and dkim_is_good(bare, record)

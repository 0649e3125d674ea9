"""The constant headers of a letter: the names and values that are allowed, and their encoding.

Promises: no header is given twice (A11), none that Postiljon itself writes can be overridden (B26), no value has a
control character (B75). List-* and Feedback-ID are one physical line without encoded-words (B13, B14, B18). Only the
name of a List-Id is a phrase (RFC 2919), on a line of its own. Other headers are folded and encoded as unstructured
text. Raises ``InputError`` that names the header.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from mailer.errors import InputError
from mailer.letter.encode import one_line, phrase, refuse_controls, unstructured

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,75}")
_OWN = frozenset(
    {"from", "to", "cc", "bcc", "subject", "date", "message-id", "sender", "reply-to", "in-reply-to", "references"}
    | {"return-path", "received", "delivered-to", "list-unsubscribe", "list-unsubscribe-post"}
    | {"dkim-signature", "domainkey-signature", "authentication-results"}
)
_OWN_KINDS = ("content-", "mime-", "resent-", "arc-", "x-google-dkim-")
_ONE_LINE = frozenset({"feedback-id", "cfbl-address", "cfbl-feedback-id", "auto-submitted", "precedence"})
_LIST_ID = re.compile(r"(.*?)\s*<([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)>")
_MAX_LINE = 998
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def write_headers(headers: Sequence[tuple[str, str]]) -> bytes:
    """Return the lines of a letter's own headers, each closed by CRLF; raises ``InputError``."""
    seen: set[str] = set()
    lines: list[bytes] = []
    for name, value in headers:
        key = name.lower()
        if not _NAME.fullmatch(name):
            raise InputError(f"{name[:80]!r} is not the name of a header")
        if key in _OWN or key.startswith(_OWN_KINDS):
            raise InputError(f"the header {name} is written by Postiljon itself and cannot be set")
        if key in seen:
            raise InputError(f"the header {name} is set twice")
        seen.add(key)
        lines.append(name.encode("ascii") + b": " + _value(key, value, name) + b"\r\n")
    return b"".join(lines)


def _value(key: str, value: str, name: str) -> bytes:
    text = one_line(refuse_controls(value, f"the header {name}"))
    if not text:
        raise InputError(f"the header {name} has no value")
    if key == "list-id":
        return _list_id(text)
    if key == "x-auto-response-suppress" and {word.strip().lower() for word in text.split(",")} & {"all", "ndr", "dr"}:
        raise InputError(f"{name}: {text} would suppress the bounces that are needed; expected OOF, AutoReply, RN, NRN")
    if key.startswith("list-") or key in _ONE_LINE:
        if not text.isascii() or "=?" in text or len(name) + 2 + len(text) > _MAX_LINE:
            raise InputError(f"the header {name} must be plain ASCII on one line of {_MAX_LINE} characters at most")
        return text.encode("ascii")
    return unstructured(text, len(name) + 2)


def _list_id(text: str) -> bytes:
    """Return a List-Id (RFC 2919): an optional phrase and the identifier in angle brackets, 255 characters at most."""
    match = _LIST_ID.fullmatch(text)
    if match is None or len(match[2]) > 255 or "." not in match[2]:
        raise InputError(f"List-Id: found {text[:80]!r}, expected Name <name.domain>")
    identifier = f"<{match[2]}>".encode("ascii")
    if not match[1]:
        return identifier
    name = match[1].removeprefix('"').removesuffix('"').replace("\\", "")
    return phrase(name, len("List-Id: ")) + b"\r\n " + identifier


def write_date(at: datetime) -> bytes:
    """Return a Date (RFC 5322 section 3.3) in UTC, with a numeric zone. Raises ``InputError`` without a time zone."""
    if at.tzinfo is not UTC:
        if at.tzinfo is None:
            raise InputError("a date without a time zone cannot be sent")
        at = at.astimezone(UTC)
    return (
        f"{_DAYS[at.weekday()]}, {at.day:02d} {_MONTHS[at.month - 1]} {at.year:04d} "
        f"{at.hour:02d}:{at.minute:02d}:{at.second:02d} +0000"
    ).encode("ascii")

"""Composition of a message's finished bytes from a letter, a contact's values and a stamp.

Promises (B16-B36, B75, B76, I5, I10): CRLF only and 7-bit, except the To of an address that needs SMTPUTF8, which is
raw UTF-8 (RFC 6532). Encoded lines have 76 characters at most. No line of a body begins with a dot, so a server finds
no sequence that it could take for the end of the mail. The order of the headers is fixed, each occurs once,
List-Unsubscribe on one physical line. Equal letters, values and stamps give equal bytes: the boundary comes from the
letter's hash, and ``=_`` in it cannot occur in quoted-printable.

Raises ``InputError`` (``AddressError`` for an address): for a letter at once in :class:`Composer`, for a stamp in
:meth:`Composer.message`. A contact's values and name never raise. Success does not mean that the address exists.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from typing import Literal

from mailer.address import parse
from mailer.errors import InputError
from mailer.letter.compiled import CompiledTemplate, Letter, MessageMeta, Values
from mailer.letter.encode import mailbox, one_line, refuse_controls
from mailer.letter.headers import write_date, write_headers
from mailer.letter.personalise import MOST_BYTES, prepare, prepare_pieces, too_large

_ADDRESS = re.compile(
    r"(?=[^@]{1,64}@)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[a-z0-9.-]{4,253}"
)
_MESSAGE_ID = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,250}@[A-Za-z0-9.-]{1,250}")
_WEB_ADDRESS = re.compile(r"https?://[!#-;=?-\[\]_a-z~]{1,800}")
_MAILTO = re.compile(r"mailto:[!#-;=?-\[\]_a-z~]{1,150}")
Mark = Literal["to", "subject", "date", "message_id", "unsubscribe"]
_PART = b"\r\nContent-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"


class Composer:
    """Composes the messages of one letter. The parts that are the same for all messages are made once, here."""

    def __init__(self, letter: Letter) -> None:
        self.letter = letter
        self.subject = prepare(letter.subject, letter.language, "header")
        self._text = prepare_pieces(closed(letter.text), letter.language)
        self._html = prepare_pieces(closed(letter.html), letter.language) if letter.html else None
        self._start = b"From: " + _sender(letter.from_name, letter.from_address, "From") + b"\r\nTo: "
        self._reply_to = b"Reply-To: " + _sender("", letter.reply_to, "Reply-To") + b"\r\n" if letter.reply_to else b""
        self._boundary = b"=_" + hashlib.sha256(letter.to_bytes()).hexdigest()[:32].encode("ascii")
        content = b'multipart/alternative; boundary="' + self._boundary + b'"' if letter.html else _PLAIN[16:-4]
        self._further = write_headers(letter.headers) + b"MIME-Version: 1.0\r\nContent-Type: " + content
        self._date: tuple[datetime | None, bytes] = (None, b"")

    def message(self, values: Values, stamp: MessageMeta) -> bytes:
        """Return the finished message for one contact.

        Raises ``InputError`` for a stamp that cannot stand in a header, and for more than ``MOST_BYTES`` in all.
        """
        message = b"".join((self._head(values, stamp), self._further, b"\r\n\r\n", *self._body(values)))
        if len(message) > MOST_BYTES:
            raise too_large()
        return message

    def _body(self, values: Values) -> list[bytes]:
        """Return the pieces of the body."""
        pieces = self._text(values)
        if self._html is None:
            return pieces
        boundary = b"\r\n--" + self._boundary
        return [boundary[2:], _PLAIN, *pieces, boundary, _HTML, *self._html(values), boundary, b"--\r\n"]

    def _head(self, values: Values, stamp: MessageMeta) -> bytes:
        identifier = message_id(stamp.message_id)
        return b"".join(
            (
                self._start,
                recipient(stamp.name, stamp.address),
                b"\r\nSubject: ",
                self.subject(values),
                b"\r\nDate: ",
                self.date_of(stamp.date),
                b"\r\nMessage-ID: <",
                identifier,
                b">\r\n",
                self._reply_to,
                unsubscribe(stamp.unsubscribe_url, stamp.unsubscribe_mailto) if self.letter.list_unsubscribe else b"",
            )
        )

    def outline(self) -> list[bytes | Mark | CompiledTemplate]:
        """Return the order of :meth:`message`: constants, marks for a stamp or the subject, and the bodies."""
        head: list[bytes | Mark | CompiledTemplate] = [
            self._start,
            "to",
            b"\r\nSubject: ",
            "subject",
            b"\r\nDate: ",
            "date",
        ]
        head += [b"\r\nMessage-ID: <", "message_id", b">\r\n", self._reply_to]
        head += ["unsubscribe"] if self.letter.list_unsubscribe else []
        head += [self._further, b"\r\n\r\n"]
        text, html = closed(self.letter.text), closed(self.letter.html)
        if self._html is None:
            return [*head, text]
        boundary = b"\r\n--" + self._boundary
        return [*head, boundary[2:], _PLAIN, text, boundary, _HTML, html, boundary, b"--\r\n"]

    def date_of(self, at: datetime) -> bytes:
        """Return the Date value; the last one is cached, since many messages are claimed at one moment."""
        known, written = self._date
        if at is not known:
            written = write_date(at)
            self._date = at, written
        return written


_PLAIN, _HTML = _PART % b"plain", _PART % b"html"


def closed(template: CompiledTemplate) -> CompiledTemplate:
    """End a body with a line end, since a body may not end with a soft break (RFC 2045 section 6.7)."""
    return template if template and isinstance(template[-1], str) and template[-1].endswith("\n") else (*template, "\n")


def _sender(name: str, address: str, header: str) -> bytes:
    """Return a constant mailbox of the sender. Its address is ASCII, so that every recipient can reply."""
    parsed = parse(address)
    if parsed.needs_smtputf8:
        raise InputError(f"{header}: {address[:80]!r} can only be answered by some; expected an ASCII address")
    return mailbox(one_line(refuse_controls(name, f"the name in {header}")), str(parsed), len(header) + 2)


def message_id(text: str) -> bytes:
    """Return the text between the angle brackets of a Message-ID."""
    if not _MESSAGE_ID.fullmatch(text):
        raise InputError(f"{text[:80]!r} cannot be a Message-ID")
    return text.encode("ascii")


def recipient(name: str, address: str) -> bytes:
    """Return the To value: the contact alone, with the contact's name (cleaned, since it is a value)."""
    if not _ADDRESS.fullmatch(address) or len(address) > 254:
        address = str(parse(address))
    return mailbox(one_line(name), address, len("To: "))


def unsubscribe(url: str, mailto: str = "") -> bytes:
    """Return the unsubscribe headers (RFC 2369, RFC 8058 section 3.1): one line each, never folded (B1, B13, B14)."""
    if not _WEB_ADDRESS.fullmatch(url):
        raise InputError(f"{url[:80]!r} cannot be a List-Unsubscribe address")
    further = ""
    if mailto:
        if not mailto.startswith("mailto:"):
            mailto = f"mailto:{mailto}"
        if not _MAILTO.fullmatch(mailto):
            raise InputError(f"{mailto[:80]!r} cannot be a List-Unsubscribe address")
        further = f", <{mailto}>"
    line = f"List-Unsubscribe: <{url}>{further}\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    return line.encode("ascii")

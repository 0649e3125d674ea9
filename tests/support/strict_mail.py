"""A strict reader of mails, written apart from the writer: it takes what the standards allow and nothing more.

Sources: RFC 5322 section 2, RFC 2045 section 6.7, RFC 2046 section 5.1, RFC 2047; RFC 6376 for :func:`dkim_is_good`.
Every breach is an ``AssertionError`` with the place.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

_WORD = re.compile(r"=\?utf-8\?([qb])\?([!->@-~]*)\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)[ \t]+(=\?)")


@dataclass(frozen=True)
class Mail:
    """Headers in their order, unfolded; parts as (media type, decoded text)."""

    headers: list[tuple[str, str]]
    parts: list[tuple[str, str]]

    def header(self, name: str) -> str:
        """The one header of that name."""
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(found) == 1, (name, found)
        return found[0]

    def part(self, media_type: str) -> str:
        """The one part of that type, line ends as ``\\n``."""
        (text,) = [text for kind, text in self.parts if kind == media_type]
        return text


def read(message: bytes, *, utf8: bool = False) -> Mail:
    """A finished message, checked line by line."""
    check_lines(message, utf8=utf8)
    head, empty, body = message.partition(b"\r\n\r\n")
    assert empty
    headers = read_headers(head)
    content = {name.lower(): value for name, value in headers}["content-type"]
    if content.startswith("text/"):
        return Mail(headers, [_part(head, body)])
    match = re.fullmatch(r'multipart/alternative; boundary="([!-~]{1,70})"', content)
    assert match, content
    mark = b"--" + match[1].encode()
    sections = (b"\r\n" + body).split(b"\r\n" + mark)
    assert sections[0] == b""
    assert sections[-1] == b"--\r\n"
    parts = []
    for section in sections[1:-1]:
        assert section.startswith(b"\r\n")
        part_head, gap, part_body = section[2:].partition(b"\r\n\r\n")
        assert gap
        assert mark not in part_body
        parts.append(_part(part_head, part_body))
    return Mail(headers, parts)


def check_lines(message: bytes, *, utf8: bool = False) -> None:
    """CRLF only, no NUL, no line over 998, none that begins with a dot, 7 bit."""
    assert message.endswith(b"\r\n")
    assert message.count(b"\r") == message.count(b"\n") == message.count(b"\r\n")
    assert b"\0" not in message
    body = False
    for line in message.split(b"\r\n"):
        assert len(line) <= 998, line[:100]
        assert not line.startswith(b"."), line
        assert not line.startswith(b"From "), line
        assert utf8 or line.isascii(), line
        assert not body or len(line) <= 76, line
        body = body or line == b""


def read_headers(head: bytes) -> list[tuple[str, str]]:
    """Unfolded headers, each name once."""
    headers: list[tuple[str, str]] = []
    for line in head.decode("utf-8").split("\r\n"):
        assert not re.search(r"[\x00-\x08\x0a-\x1f\x7f]", line), line
        if line[:1] in (" ", "\t"):
            assert line.strip(), "a folded line of blanks"
            name, value = headers.pop()
            headers.append((name, value + line))
            continue
        match = re.fullmatch(r"([!-9;-~]+): (.*)", line)
        assert match, line
        headers.append((match[1], match[2]))
    names = [name.lower() for name, _ in headers]
    assert len(names) == len(set(names)), names
    return headers


def decode_words(value: str) -> str:
    """Encoded-words as text; each is 75 at most, whole characters, UTF-8."""

    def one(match: re.Match[str]) -> str:
        assert len(match[0]) <= 75, match[0]
        if match[1] == "b":
            return base64.b64decode(match[2], validate=True).decode("utf-8")
        assert re.fullmatch(r"(?:[A-Za-z0-9!*+/_-]|=[0-9A-F]{2})*", match[2]), match[2]
        escaped = re.sub(r"=([0-9A-F]{2})", lambda part: chr(int(part[1], 16)), match[2].replace("_", " "))
        return escaped.encode("latin-1").decode("utf-8")

    while _BETWEEN_WORDS.search(value):
        value = _BETWEEN_WORDS.sub(r"\1\2", value)
    return _WORD.sub(one, value)


def decode_quoted_printable(data: bytes) -> bytes:
    """RFC 2045 section 6.7, rules 1 to 5, to the letter; line ends stay CRLF."""
    out = b""
    pieces = []
    for line in data.split(b"\r\n"):
        assert len(line) <= 76, line
        assert not line.endswith((b" ", b"\t")), line
        assert re.fullmatch(rb"(?:[ -<>-~]|=[0-9A-F]{2})*=?", line), line
        soft = line.endswith(b"=")
        raw = line[:-1] if soft else line
        pieces.append(re.sub(rb"=([0-9A-F]{2})", lambda part: bytes([int(part[1], 16)]), raw))
        pieces[-1].decode("utf-8")  # no character is split over two lines
        if not soft:
            pieces.append(b"\r\n")
    assert pieces[-1] == b"\r\n", "the data ends with a soft break"
    return out + b"".join(pieces[:-1])


def _part(head: bytes, body: bytes) -> tuple[str, str]:
    headers = {name.lower(): value for name, value in read_headers(head)}
    match = re.fullmatch(r"(text/(?:plain|html)); charset=utf-8", headers["content-type"])
    assert match
    assert headers["content-transfer-encoding"] == "quoted-printable"
    text = decode_quoted_printable(body).decode("utf-8")
    assert text.count("\r") == text.count("\n") == text.count("\r\n")
    return match[1], text.replace("\r\n", "\n")


def dkim_is_good(message: bytes, record: str) -> bool:
    """Return whether the first DKIM-Signature of a message verifies with a TXT record, relaxed/relaxed (RFC 6376)."""
    head, _, body = message.partition(b"\r\n\r\n")
    raw = re.split(rb"\r\n(?![ \t])", head)
    name, _, value = raw[0].partition(b":")
    assert name == b"DKIM-Signature"
    tags = {}
    for tag in value.decode("ascii").replace("\r\n", "").strip().split(";"):
        key, equals, text = tag.partition("=")
        assert equals, tag
        assert key.strip() not in tags
        tags[key.strip()] = re.sub(r"\s+", "", text)
    assert tags["v"] == "1"
    assert (tags["a"], tags["c"]) == ("rsa-sha256", "relaxed/relaxed")
    assert not {"l", "x"} & set(tags)
    if base64.b64encode(hashlib.sha256(_relaxed_body(body)).digest()).decode() != tags["bh"]:
        return False
    left = raw[1:]
    hashed = b""
    for wanted in tags["h"].lower().encode().split(b":"):
        places = [index for index, line in enumerate(left) if line.split(b":")[0].strip().lower() == wanted]
        if places:
            hashed += _relaxed_header(left.pop(places[-1])) + b"\r\n"
    hashed += _relaxed_header(re.sub(rb"(;\s*b=)[^;]*", rb"\1", raw[0]))
    public = dict(part.strip().split("=", 1) for part in record.split(";"))["p"]
    key = load_der_public_key(base64.b64decode(public))
    assert isinstance(key, RSAPublicKey)
    try:
        key.verify(base64.b64decode(tags["b"], validate=True), hashed, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def _relaxed_header(raw: bytes) -> bytes:
    name, _, value = raw.partition(b":")
    return name.strip().lower() + b":" + re.sub(rb"[ \t]+", b" ", value.replace(b"\r\n", b"")).strip(b" \t")


def _relaxed_body(body: bytes) -> bytes:
    lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" \t") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)

"""A letter's own headers, and dates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from mailer.errors import InputError
from mailer.letter.headers import write_date, write_headers


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("List-Id", "<nieuws.vng.example>", b"List-Id: <nieuws.vng.example>"),
        ("List-Id", "Nieuws <nieuws.vng.example>", b"List-Id: Nieuws\r\n <nieuws.vng.example>"),
        (
            "List-Id",
            '"Ñieuws, extra" <n.vng.example>',
            b"List-Id: =?utf-8?q?=C3=91ieuws=2C_extra?=\r\n <n.vng.example>",
        ),
        ("Feedback-ID", "1:zomer:vng", b"Feedback-ID: 1:zomer:vng"),
        ("List-Post", "NO", b"List-Post: NO"),
        ("X-Auto-Response-Suppress", "OOF, AutoReply", b"X-Auto-Response-Suppress: OOF, AutoReply"),
        ("X-Campaign", "zomer é", b"X-Campaign: =?utf-8?q?zomer_=C3=A9?="),
        ("List-Help", f"<https://vng.example/{'x' * 300}>", f"List-Help: <https://vng.example/{'x' * 300}>".encode()),
    ],
)
def test_a_header_is_written_as_its_standard_asks(name: str, value: str, line: bytes) -> None:
    assert write_headers([(name, value)]) == line + b"\r\n"


@pytest.mark.parametrize(
    "name",
    [
        "From",
        "to",
        "CC",
        "Bcc",
        "Subject",
        "Date",
        "Message-ID",
        "Sender",
        "Reply-To",
        "Return-Path",
        "Received",
        "List-Unsubscribe",
        "References",
        "list-unsubscribe-POST",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
        "DKIM-Signature",
        "Resent-To",
        "ARC-Seal",
        "Authentication-Results",
        "In-Reply-To",
        "Delivered-To",
    ],
)
def test_a_header_of_our_own_cannot_be_overridden(name: str) -> None:
    with pytest.raises(InputError, match="cannot be set"):
        write_headers([(name, "x")])


@pytest.mark.parametrize("name", ["", "From ", "X Y", "X:", "Ünicode", "X\r\nBcc", "1", "-x", "x" * 80])
def test_what_is_no_name_of_a_header_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="not the name of a header"):
        write_headers([(name, "x")])


def test_a_header_stands_there_once_in_whatever_case() -> None:
    with pytest.raises(InputError, match="twice"):
        write_headers([("X-A", "1"), ("x-a", "2")])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A", "a\r\nBcc: b@c.example"),
        ("X-A", "a\0"),
        ("X-A", ""),
        ("X-A", "\u2028"),
        ("List-Help", "é"),
        ("List-Help", "=?utf-8?q?x?="),
        ("List-Help", "x" * 1000),
        ("Feedback-ID", "é:b"),
        ("List-Id", "geen haken"),
        ("List-Id", "<zonder-punt>"),
        ("List-Id", f"<{'x' * 250}.example>"),
        ("X-Auto-Response-Suppress", "All"),
        ("X-Auto-Response-Suppress", "OOF, NDR"),
    ],
)
def test_a_value_that_cannot_stand_there_is_refused(name: str, value: str) -> None:
    with pytest.raises(InputError, match=name):
        write_headers([(name, value)])


def test_a_date_is_written_in_utc() -> None:
    assert write_date(datetime(2024, 9, 18, 7, 0, 5, tzinfo=UTC)) == b"Wed, 18 Sep 2024 07:00:05 +0000"
    amsterdam = timezone(timedelta(hours=2))
    assert write_date(datetime(2025, 1, 1, 1, 0, tzinfo=amsterdam)) == b"Tue, 31 Dec 2024 23:00:00 +0000"


def test_a_date_without_a_zone_is_refused() -> None:
    with pytest.raises(InputError):
        write_date(datetime(2024, 9, 18))  # noqa: DTZ001 - that is the point

"""The fields of a form, however it is encoded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unsubscribe.web import forms

MULTIPART = (
    b'--b0\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n'
    b"--b0\r\nContent-Type: text/plain; charset=utf-8\r\ncontent-disposition: form-data; name=scope\r\n\r\nall\r\n"
    b'--b0\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\nfile\r\n--b0--\r\n'
)


@pytest.mark.parametrize("charset", ["", ";charset=utf-8", "; charset=ISO-8859-1", "; charset=nonsense"])
def test_urlencoded_fields_are_read_with_any_or_no_charset(charset: str) -> None:
    fields = forms.parse(b"List-Unsubscribe=One-Click&a=1&a=2", f"application/x-www-form-urlencoded{charset}")
    assert fields == {"List-Unsubscribe": ["One-Click"], "a": ["1", "2"]}


@pytest.mark.parametrize("boundary", ["; boundary=b0", '; boundary="b0"', "; charset=utf-8; boundary=b0"])
def test_multipart_fields_are_read_and_files_left_out(boundary: str) -> None:
    fields = forms.parse(MULTIPART, f"Multipart/Form-Data{boundary}")
    assert fields == {"List-Unsubscribe": ["One-Click"], "scope": ["all"]}


@pytest.mark.parametrize("content_type", ["", "multipart/form-data", "multipart/form-data; boundary=", "text/plain"])
def test_a_body_that_is_no_form_of_ours_is_read_without_an_error(content_type: str) -> None:
    assert isinstance(forms.parse(b"\xff\x00--", content_type), dict)


@given(
    st.binary(max_size=500), st.sampled_from(["multipart/form-data; boundary=b0", "application/x-www-form-urlencoded"])
)
def test_no_bytes_make_the_parser_raise(data: bytes, content_type: str) -> None:
    for values in forms.parse(data, content_type).values():
        assert all(value.isprintable() for value in values)


@pytest.mark.parametrize("more", ["", '; filename="x"'])
def test_too_many_fields_are_no_form(more: str) -> None:
    assert forms.parse(b"&".join(b"a%d=1" % number for number in range(1000)), "") == {}
    part = f'--b0\r\nContent-Disposition: form-data; name="a"{more}\r\n\r\n1\r\n'
    assert forms.parse(part.encode() * 201 + b"--b0--\r\n", "multipart/form-data; boundary=b0") == {}
    assert len(forms.parse(part.encode() * 200 + b"--b0--", "multipart/form-data; boundary=b0")) == (0 if more else 1)


PART = b'--b0\r\nContent-Disposition: form-data; name="scope"\r\n'


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (PART.replace(b"scope", b"a;b") + b"\r\nall\r\n--b0--", {"a;b": ["all"]}),
        (PART + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n=61ll\r\n--b0--", {"scope": ["all"]}),
        (PART + b"\r\nall\r\n--b0 \t\r\n" + PART[6:] + b"\r\ntopic\r\n--b0--", {"scope": ["all", "topic"]}),
        (PART + b"\r\nall\r\n--b00\r\n--b0--", {"scope": ["all  --b00"]}),
    ],
    ids=["semicolon in a name", "quoted-printable", "spaces behind a boundary", "a line like a boundary"],
)
def test_multipart_is_read_as_rfc_7578_and_2046_say(body: bytes, fields: dict[str, list[str]]) -> None:
    assert forms.parse(body, "multipart/form-data; boundary=b0") == fields


@pytest.mark.parametrize(
    "body", [MULTIPART[:-8], b"--b0\n" + MULTIPART, PART + b"\xff\x00: x\r\n\r\n", b"--b0\r\n\r\nx\r\n--b0--"]
)
def test_a_broken_multipart_body_is_told_of_in_no_log(body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    forms.parse(body, "multipart/form-data; boundary=b0")
    assert caplog.records == []


def test_control_characters_and_spaces_around_a_value_are_cut_away() -> None:
    assert forms.clean("  Esther\r\nBcc: x\x00 ") == "Esther  Bcc: x"


def test_an_endless_value_is_cut() -> None:
    assert len(forms.clean("a" * 100_000)) == forms.LONGEST_VALUE

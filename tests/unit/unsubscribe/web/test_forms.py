"""What a form brings, however it is written."""

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


def test_too_many_fields_are_no_form() -> None:
    assert forms.parse(b"&".join(b"a%d=1" % number for number in range(1000)), "") == {}


def test_control_characters_and_spaces_around_a_value_are_cut_away() -> None:
    assert forms.clean("  Esther\r\nBcc: x\x00 ") == "Esther  Bcc: x"


def test_an_endless_value_is_cut() -> None:
    assert len(forms.clean("a" * 100_000)) == forms.LONGEST_VALUE

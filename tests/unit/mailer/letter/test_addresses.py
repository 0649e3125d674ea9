"""One spelling for each address, and nothing but addresses."""

from __future__ import annotations

import pytest

from mailer.letter.addresses import mailbox, normal, of_value, phone


@pytest.mark.parametrize(
    ("written", "address"),
    [
        (
            "HTTPS://Gemeente-Één.Example.org:8080/é ü?q=a b&x=%20%#f",
            "https://xn--gemeente-n-j7aa.example.org:8080/%C3%A9%20%C3%BC?q=a%20b&x=%20%25#f",
        ),
        ("http://[::1]:80/", "http://[::1]:80/"),
        ("mailto:a@example.org,b@example.org?subject=Vraag", "mailto:a@example.org,b@example.org?subject=Vraag"),
        ("mailto:a@example.org?cc=b@example.org&bcc=c@x.nl", "mailto:a@example.org?cc=b@example.org&bcc=c@x.nl"),
        ("mailto:?subject=Lees dit", "mailto:?subject=Lees%20dit"),
        ("MAILTO:info@één.example", "mailto:info@xn--n-9faa.example"),
        ("mailto:a@example.org?subject=1+1&body=a%0D%0Ab", "mailto:a@example.org?subject=1%2B1&body=a%0D%0Ab"),
        ("tel:+31 70 123 45 67", "tel:+31701234567"),
        ("sms:+31612345678?body=ja", "sms:+31612345678?body=ja"),
        ("geo:52.09,5.12", "geo:52.09,5.12"),
    ],
)  # fmt: skip
def test_an_address_has_one_spelling_which_is_its_own_again(written: str, address: str) -> None:
    assert normal(written) == address
    assert normal(address) == address


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("//example.org/x", "begins with https://"),
        ("/agenda", "begins with https://"),
        ("agenda.html", "begins with https://"),
        ("https:/example.org", "begins with https://"),
        ("javascript:alert(1)", "begins with https://"),
        ("ftp://example.org", "begins with https://"),
        ("https://", "begins with https://"),
        ("https://bank.example@evil.example/", "without a name before @"),
        ("https://jan:geheim@example.org/", "without a name before @"),
        ("https://exa mple.org/", "a host name that can exist"),
        ("https://a..example.org/", "a host name that can exist"),
        ("https://example.org:99999/", "a host name that can exist"),
        ("mailto:", "a mail address after mailto:"),
        ("mailto:jan", "a comma between two, not jan"),
        ("mailto:a@example.org;b@example.org", "a comma between two, not a@example.org;b@example.org"),
        ("mailto:a@example.org?attach=x", "after the question mark, not attach"),
        ("tel:", "a number after tel:"),
    ],
)
def test_what_is_no_address_is_told_in_a_sentence(written: str, expected: str) -> None:
    with pytest.raises(ValueError, match=r".") as told:
        normal(written)
    assert expected in str(told.value)


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("www.example.org", "https://www.example.org"),
        (" example.org/a b?x ", "https://example.org/a%20b?x"),
        ("example.org:8080", "https://example.org:8080"),
        ("één.example", "https://xn--n-9faa.example"),
        ("els@example.org", "mailto:els@example.org"),
        ("https://example.org/p?x=1&y=2", "https://example.org/p?x=1&y=2"),
        *[(value, "") for value in ("", "geen", "n.v.t.", "x y", "1.5", "//x.example", "/x", "javascript:alert(1)")],
        *[(value, "") for value in ("data:x.example/", "https://a@b.example", "x.example\n/y", "www." + "x" * 3000)],
    ],
)
def test_a_value_is_an_address_or_none_and_only_a_scheme_is_guessed(value: str, address: str) -> None:
    assert of_value(value) == address


def test_a_mailbox_is_one_address_and_a_number_is_what_can_be_dialled() -> None:
    assert mailbox("mailto:Els@Example.org") == "Els@example.org"
    assert [mailbox(value) for value in ("a@b.example,c@d.example", "Els <a@b.example>", "geen")] == ["", "", ""]
    assert [phone(value) for value in ("+31 (0)70-123 45 67", "(070) 12 34", "112", "*100#")] == [
        "+31701234567",
        "0701234",
        "112",
        "*100#",
    ]
    assert [phone(value) for value in ("geen", "1", "bel Jan 070")] == ["", "", ""]

"""The client of a request, as far as limits are concerned (RFC 7239)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from unsubscribe.web.peers import UNKNOWN, peer_of

PROXY, PROXIES = "127.0.0.1", frozenset({"127.0.0.1", "::1", "172.18.0.0/16"})
FOR, RFC = "x-forwarded-for", "forwarded"


def peer(*lines: tuple[str, str], client: str | None = PROXY) -> str:
    """The peer of a request with these header lines."""
    headers = [(name.encode(), value.encode("latin-1", "replace")) for name, value in lines]
    scope = {"type": "http", "headers": headers, "client": (client, 5000) if client is not None else None}
    return peer_of(Request(scope), PROXIES)


@pytest.mark.parametrize(
    ("said", "who"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("198.51.100.7:567", "198.51.100.7"),
        ("9.9.9.9, 198.51.100.7:567", "198.51.100.7"),
        ("9.9.9.9,198.51.100.7 , 172.18.0.3", "198.51.100.7"),
        ("9.9.9.9, 198.51.100.7, 172.18.0.3:80, ::1", "198.51.100.7"),
        ('"198.51.100.7"', "198.51.100.7"),
        ("198.51.100.7,", "198.51.100.7"),
        ("[2001:db8:1:2:3::9]:567", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2:3::9]", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:3::9", "2001:db8:1:2::/64"),
        ('"[2001:db8:1:2:3::9]:567"', "2001:db8:1:2::/64"),
        ("2001:db8:1:2:3::9%eth0", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2:3::9%25eth0]:567", "2001:db8:1:2::/64"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("[::ffff:198.51.100.7]:567", "198.51.100.7"),
    ],
)
def test_the_last_hop_that_is_no_trusted_proxy_asks_without_port_brackets_or_zone(said: str, who: str) -> None:
    assert peer((FOR, said)) == who


@pytest.mark.parametrize(
    "garbled",
    [
        *("unknown", "_hidden", "mail.example.org", "1.2.3.4.5", "1.2.3", "010.0.0.1", "1.2.3.4:5:6", "[1.2.3.4", "-"),
        *("9.9.9.9, unknown", "9.9.9.9;198.51.100.7", "9.9.9.9 198.51.100.7", "for=9.9.9.9", "1.2.3.4/32", "\x00", "é"),
    ],
)
def test_what_is_no_address_counts_as_one_peer_and_never_as_the_hop_before_it(garbled: str) -> None:
    assert peer((FOR, garbled)) == UNKNOWN


@pytest.mark.parametrize("lines", [(), ((FOR, ""),), ((FOR, " , ,"),), ((RFC, ""),), ((RFC, "proto=https"),)])
def test_a_proxy_that_says_nothing_of_who_asks_makes_one_peer_of_all(lines: tuple[tuple[str, str], ...]) -> None:
    assert peer(*lines) == UNKNOWN


def test_several_lines_are_one_list_and_its_last_hop_is_the_proxys() -> None:
    assert peer((FOR, "9.9.9.9"), (FOR, "198.51.100.7")) == "198.51.100.7"
    assert peer((FOR, "9.9.9.9"), (FOR, "8.8.8.8, 198.51.100.7"), (FOR, "172.18.0.9")) == "198.51.100.7"
    assert peer((RFC, "for=9.9.9.9"), (RFC, "for=198.51.100.7;proto=https")) == "198.51.100.7"


@pytest.mark.parametrize(
    ("said", "who"),
    [
        ("for=198.51.100.7", "198.51.100.7"),
        ("For=198.51.100.7:567;Proto=http; by=203.0.113.43", "198.51.100.7"),
        ('for="198.51.100.7:567"', "198.51.100.7"),
        ('for=9.9.9.9, FOR="[2001:db8:1:2:3::9]:4711" ; by=1', "2001:db8:1:2::/64"),
        ('for=9.9.9.9;by="a, for=8.8.8.8", for=198.51.100.7', "198.51.100.7"),
        ("for=198.51.100.7, for=172.18.0.2", "198.51.100.7"),
        ("for=9.9.9.9, for=unknown", UNKNOWN),
        ("for=9.9.9.9, for=_secret", UNKNOWN),
        ("for=9.9.9.9, proto=https", UNKNOWN),
        ('for=9.9.9.9;by=", for=198.51.100.7', UNKNOWN),
        ('for="9.9.9.9, for=198.51.100.7', UNKNOWN),
        ("9.9.9.9", UNKNOWN),
    ],
)
def test_forwarded_is_read_as_the_rfc_says_and_a_broken_one_says_nothing(said: str, who: str) -> None:
    assert peer((RFC, said)) == who


def test_two_headers_that_contradict_each_other_are_not_believed() -> None:
    assert peer((FOR, "198.51.100.7"), (RFC, "for=198.51.100.7")) == "198.51.100.7"
    assert {peer((FOR, "198.51.100.7"), (RFC, f"for=9.9.9.{n}")) for n in range(5)} == {UNKNOWN}
    assert {peer((FOR, f"9.9.9.{n}"), (RFC, "for=198.51.100.7")) for n in range(5)} == {UNKNOWN}


@pytest.mark.parametrize("client", ["203.0.113.5", "::ffff:203.0.113.5"])
def test_who_is_no_trusted_proxy_is_not_believed(client: str) -> None:
    assert peer((FOR, "9.9.9.9"), (RFC, "for=8.8.8.8"), client=client) == "203.0.113.5"


@pytest.mark.parametrize("client", ["172.18.4.4", "::1", "::ffff:127.0.0.1"])
def test_a_proxy_is_trusted_by_its_network_or_its_address_in_any_spelling(client: str) -> None:
    assert peer((FOR, "198.51.100.7"), client=client) == "198.51.100.7"


def test_where_all_hops_are_trusted_the_nearest_asks() -> None:
    assert peer((FOR, "172.18.9.9, 172.18.0.3")) == "172.18.0.3"


@pytest.mark.parametrize("client", [None, "", "testclient", "/run/socket"])
def test_a_peer_without_an_address_is_one_peer_too(client: str | None) -> None:
    assert peer((FOR, "9.9.9.9"), client=client) == UNKNOWN


@given(st.lists(st.tuples(st.sampled_from([FOR, RFC]), st.text(max_size=60)), max_size=4))
def test_whatever_is_said_there_is_a_peer(lines: list[tuple[str, str]]) -> None:
    assert peer(*lines)


@given(st.lists(st.text(st.characters(blacklist_characters="\r\n", max_codepoint=255), max_size=40), max_size=4))
def test_whatever_a_client_writes_before_it_the_proxys_own_hop_counts(written: list[str]) -> None:
    lines = [(FOR, text) for text in written]
    assert peer(*lines, (FOR, "198.51.100.7")) == "198.51.100.7"
    mine = [(RFC, text) for text in written]
    assert peer(*mine, (RFC, "for=198.51.100.7")) in ("198.51.100.7", UNKNOWN)

"""From where a host can be reached is read from its name or address, however it is written."""

from __future__ import annotations

import pytest

from mailer.reach import Reach, reach, reach_of_url


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST", "localhost.", "app.localhost", "localhost.localdomain", "ip6-localhost"),
        *("127.0.0.1", "127.0.0.1.", "127.255.255.254", "127.1", "2130706433", "0x7f.1", "0x7F000001", "0177.0.0.1"),
        *("0.0.0.0", "0", "0.1.2.3", "::1", "[::1]", "0:0:0:0:0:0:0:1", "::", "::ffff:127.0.0.1", "::1%lo"),
        *("１２７.0.0.1", "127\u30020\u30020\u30021", "ｌocalhost", ""),
    ],
)
def test_every_way_to_write_this_machine_is_found(host: str) -> None:
    assert reach(host) == "here"


@pytest.mark.parametrize(
    ("host", "found"),
    [
        *((name, "inside") for name in ("mail", "mail.local", "mail.lan", "m.internal", "m.test", "m.invalid")),
        *((name, "inside") for name in ("10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.1.1", "100.64.0.1")),
        *((name, "inside") for name in ("fe80::1", "fd00::1", "box.home.arpa", "224.0.0.1", "host.docker.internal")),
        *((name, "placeholder") for name in ("example.org", "mail.example.com", "Example.NET.", "vng.example")),
        *((name, "world") for name in ("mail.vng.nl", "localhost.nl", "xn--mller-kva.de", "8.8.8.8", "2606:4700::1")),
        *((name, "world") for name in ("notexample.org", "127.0.0.1.nip.io", "example.org.uk", "mylocalhost.nl")),
    ],
)
def test_the_rest_is_inside_a_placeholder_or_the_world(host: str, found: Reach) -> None:
    assert reach(host) == found


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://localhost:8000/u/x", "here"),
        ("https://[::1]:8000", "here"),
        ("https://", "here"),
        ("https://[x", "here"),
        ("https://mail.vng.nl/post", "world"),
    ],
)
def test_an_address_of_the_web_is_where_its_host_is(url: str, found: Reach) -> None:
    assert reach_of_url(url) == found

"""The network that a visitor counts with."""

from __future__ import annotations

import pytest

from unsubscribe.limits import network_of


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        ("2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("2001:db8:1:ffff::/64", "2001:db8:1::/48"),
        ("2001:db8:2::/64", "2001:db8:2::/48"),
        ("192.0.2.1", "192.0.2.0/24"),
        ("192.0.2.255", "192.0.2.0/24"),
        ("192.0.3.1", "192.0.3.0/24"),
        ("", ""),
        ("unknown", "unknown"),
    ],
)
def test_neighbours_are_in_one_network(peer: str, network: str) -> None:
    assert network_of(peer) == network

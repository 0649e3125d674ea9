"""Settings of the staff's side."""

from __future__ import annotations

import pytest

from campaigns.settings.campaign import CampaignSettings
from mailer.errors import SettingsError
from mailer.settings import read


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("192.0.2.1", (("192.0.2.1", 53),)),
        ("192.0.2.1:5353, 192.0.2.2", (("192.0.2.1", 5353), ("192.0.2.2", 53))),
        ("2001:db8::1", (("2001:db8::1", 53),)),
        ("[2001:db8::1]:5353", (("2001:db8::1", 5353),)),
    ],
)
def test_name_servers_are_addresses_with_or_without_a_port(text: str, servers: tuple[tuple[str, int], ...]) -> None:
    assert read(CampaignSettings, dns=text).dns == servers


@pytest.mark.parametrize("text", ["dns.example.org", "192.0.2.1:0", "192.0.2.1:dns", "192.0.2.1,", "[::1", "::1:"])
def test_what_is_no_address_of_a_name_server_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="POSTILJON_DNS"):
        read(CampaignSettings, dns=text)

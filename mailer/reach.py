"""The reachability of a host, as far as its name or address shows it: pure, without any network query.

Promises: :func:`reach` recognises every spelling of the local machine. These are ``localhost`` and names below it,
127.0.0.0/8, 0.0.0.0, ``::1``, ``::``, IPv4 within IPv6, and the decimal, octal, hexadecimal and short forms of
``inet_aton``. They may be in any case, with a final dot, or in full-width characters. Private, link-local and
local-network hosts are *inside*; example names are *placeholder*. Nothing raises.

Sources: RFC 6761, RFC 2606, RFC 6762, RFC 8375, RFC 9476, RFC 6890.
"""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Literal
from unicodedata import normalize
from urllib.parse import urlsplit

Reach = Literal["here", "inside", "placeholder", "world"]
_HERE = frozenset({"localhost", "localhost4", "localhost6", "loopback", "ip6-localhost", "ip6-loopback"})
_HERE_BELOW = (".localhost", ".localdomain")
_PLACEHOLDERS = ("example.org", "example.com", "example.net", "example")
_INSIDE = frozenset(
    (
        *("local", "internal", "lan", "home", "corp", "intranet", "private", "test", "invalid", "alt", "onion"),
        *("arpa", "localnet", "domain", "workgroup"),
    )
)
_NUMBERS = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)(?:\.(?:0x[0-9a-f]*|[0-9]+)){0,3}")


def reach(host: str) -> Reach:
    """Return the reachability of ``host`` (a name, or an address with or without brackets)."""
    name = normalize("NFKC", host).replace("\u3002", ".").strip().lower().strip("[]").rstrip(".")
    address = _address(name)
    if address is not None:
        return _reach_of(address)
    if not name or name in _HERE or f".{name}".endswith(_HERE_BELOW):
        return "here"
    if any(name == each or name.endswith(f".{each}") for each in _PLACEHOLDERS):
        return "placeholder"
    return "inside" if "." not in name or name.rpartition(".")[2] in _INSIDE else "world"


def reach_of_url(url: str) -> Reach:
    """Return the reachability of the host in a URL."""
    try:
        return reach(urlsplit(url).hostname or "")
    except ValueError:
        return "here"


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name.partition("%")[0])
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(name)) if _NUMBERS.fullmatch(name) else None
    except OSError:
        return None


def _reach_of(address: IPv4Address | IPv6Address) -> Reach:
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    this_network = isinstance(address, IPv4Address) and int(address) >> 24 == 0
    if address.is_loopback or address.is_unspecified or this_network:
        return "here"
    return "world" if address.is_global and not address.is_multicast else "inside"

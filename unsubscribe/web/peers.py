"""The peer that sends a request, for limits only: never stored as it is, never logged.

Promises: forwarding headers are believed only from a trusted proxy (loopback by default; addresses or networks). Of all
hops, in every ``X-Forwarded-For`` or ``Forwarded`` line together, only the last hop that is no trusted proxy itself
counts. Values that a client wrote before it are ignored. Ports, brackets, quotes and zones are removed. A value that is
not an address after that counts as one peer, ``UNKNOWN``. So do two headers that contradict each other (one of them is
the client's). ``UNKNOWN`` has a limit too, which all such requests share. An IPv6 address counts with its neighbours in
the same /64, which one household has.

Source: RFC 7239 sections 4, 6 and 7.1.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.requests import Request
from starlette.types import Scope

UNKNOWN = "unknown"
_SPEAKING = frozenset({b"x-forwarded-for", b"forwarded"})
Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_PAIR = re.compile(r"""[ \t]*([-!#$%&'*+.^_`|~0-9A-Za-z]+)=("(?:[^"\\]|\\.)*"|[^\s,;"]*)[ \t]*([,;]|$)""")
_WITH_PORT = re.compile(r"(?:\[([^\[\]]*)\]|([^:]*))(?::[0-9A-Za-z._-]*)?")  # section 6: a number, or a name instead


def peer_of(request: Request, trusted: Collection[str]) -> str:
    """Return the address of the peer, or ``UNKNOWN``; never an empty text."""
    networks = _networks(frozenset(trusted))
    asks = _address(request.client.host) if request.client else None
    if asks is not None and _is_in(asks, networks):
        said = {
            _last(hops, networks)
            for hops in (_forwarded_for(request), _forwarded(request))
            if hops  # an empty header does not count
        }
        asks = said.pop() if len(said) == 1 else None
    if asks is None:
        return UNKNOWN
    if isinstance(asks, IPv6Address):
        return f"{IPv6Address(int(asks) >> 64 << 64)}/64"
    return str(asks)


def forwards_unbelieved(scope: Scope, trusted: Collection[str]) -> str:
    """Return the address of an untrusted peer that sends forwarding headers; empty for any other request."""
    if not any(name in _SPEAKING for name, _ in scope["headers"]) or not scope.get("client"):
        return ""
    asks = _address(scope["client"][0])
    return "" if asks is None or _is_in(asks, _networks(frozenset(trusted))) else str(asks)


def _last(hops: list[str], networks: tuple[Network, ...]) -> Address | None:
    """Return the last untrusted hop (None if it is unreadable); the last of all where each is trusted."""
    for hop in reversed(hops):
        found = _address(hop)
        if found is None or not _is_in(found, networks):
            return found
    return _address(hops[-1])


def _forwarded_for(request: Request) -> list[str]:
    """Return all hops of all ``X-Forwarded-For`` lines."""
    lines = ",".join(request.headers.getlist("x-forwarded-for"))
    return [hop for hop in (piece.strip() for piece in lines.split(",")) if hop]


def _forwarded(request: Request) -> list[str]:
    """Return all hops of ``Forwarded``; an element that breaks the RFC is an unreadable hop."""
    lines = ",".join(line for line in request.headers.getlist("forwarded") if line.strip())
    try:
        return list(_elements(lines)) if lines else []
    except ValueError:
        return [UNKNOWN]


def _elements(lines: str) -> Iterator[str]:
    """Yield the value after ``for=`` of each element. Raises ``ValueError``."""
    place, hop = 0, UNKNOWN
    while place < len(lines):
        pair = _PAIR.match(lines, place)
        if pair is None:
            raise ValueError("not a list of pairs")
        name, value, end = pair.groups()
        if name.lower() == "for":
            hop = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
        if end != ";":
            yield hop
            hop = UNKNOWN
        place = pair.end()


def _address(text: str) -> Address | None:
    """Return an address without port, brackets, quotes and zone; IPv4 within IPv6 as IPv4."""
    bare = text.strip().strip('"').strip()
    if split := _WITH_PORT.fullmatch(bare):
        bare = split[1] or split[2] or ""
    try:
        found = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


@lru_cache(maxsize=16)
def _networks(trusted: frozenset[str]) -> tuple[Network, ...]:
    return tuple(ip_network(each) for each in trusted)


def _is_in(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)

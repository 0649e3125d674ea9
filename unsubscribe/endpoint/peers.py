"""Where a request comes from, for limits only: never stored as it is, never logged.

Promises: ``X-Forwarded-For`` is believed only from a proxy that is trusted (loopback by default), and of what it says
only the last hop that is no trusted proxy itself: what a client wrote there before counts for nothing. An IPv6 address
counts with its neighbours in the same /64, which one household has.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import IPv6Address, ip_address

from starlette.requests import Request


def peer_of(request: Request, trusted: Collection[str]) -> str:
    """The address that asks, or nothing if it is not known."""
    host = request.client.host if request.client else ""
    if host in trusted:
        hops = [hop.strip() for hop in request.headers.get("x-forwarded-for", "").split(",") if hop.strip()]
        host = next((hop for hop in reversed(hops) if hop not in trusted), "")
    try:
        address = ip_address(host)
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or f"{IPv6Address(int(address) >> 64 << 64)}/64")
    return str(address)

"""Sign-ups that a limit turned away, and untrusted peers that send forwarding headers: numbers for staff.

Promises: the numbers are kept for ``KEPT`` in the table of :mod:`.limits`. There is a row for each limit and day. There
is one for each peer that sends ``X-Forwarded-For`` or ``Forwarded`` and is no trusted proxy, at most ``MOST_PEERS`` of
each kind. The address of a peer is kept (of IPv6 its /64), since staff have to name it in ``trusted_proxies``; nothing
is kept of readers. Reads and writes in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from sqlalchemy import Connection

from mailer.messages import Message
from unsubscribe import limits

KEPT = timedelta(days=7)
MOST_PEERS = 16
REASONS = {  # the limits of unsubscribe.signup; never change the order: a row stores only the position
    "sign-up by peer": Message("too many from one address"),
    "sign-up by network": Message("too many from one network"),
    "sign-up of address": Message("too many for one mailbox"),
    "sign-up in domain": Message("too many at one mail domain"),
    "sign-up by network at domain": Message("too many from one network at one mail domain"),
    "letters to a person": Message("too many confirmations for one person"),
}
_PLACES = tuple(REASONS)
_DROP, _PEER, _STRANGER = b"drop\0", b"proxy\0", b"proxy\1"
_SIZE = 16


@dataclass(frozen=True, slots=True)
class Dropped:
    """The number of sign-ups that a limit turned away since a day."""

    reason: str
    number: int
    since: date


@dataclass(frozen=True, slots=True)
class Speaker:
    """An untrusted peer that sent forwarding headers ``number`` times, last at ``last``; they were ignored.

    ``name``: its address, or its network. ``is_near``: on our own network, so it is most likely the reverse proxy.
    """

    name: str
    number: int
    last: datetime
    is_near: bool

    def line(self, trusted: frozenset[str]) -> str:
        """Return the line for ``postiljon.toml`` that trusts this peer beside those in ``trusted``."""
        return f'trusted_proxies = "{",".join([*sorted(trusted), self.name])}"'


def keep(conn: Connection, drops: Mapping[str, int], peers: Mapping[str, int], now: datetime) -> None:
    """Add the counted numbers to those that are stored."""
    ends = now + KEPT
    for reason, number in drops.items():
        name = _DROP + bytes([_PLACES.index(reason)]) + now.date().toordinal().to_bytes(4, "big")
        limits.add_to_counter(conn, name.ljust(_SIZE, b"\0"), number, ends)
    for peer, number in peers.items():
        name = _name(peer)
        known = {row[0] for row in limits.counters(conn, name[: len(_PEER)])}
        if name in known or len(known) < MOST_PEERS:
            limits.add_to_counter(conn, name, number, ends)


def found(conn: Connection, now: datetime) -> list[Dropped]:
    """Return the requests that were turned away in the last days, by reason."""
    sums: dict[str, list[tuple[int, date]]] = {}
    for name, number, ends in limits.counters(conn, _DROP):
        if ends > now and name[len(_DROP)] < len(_PLACES):
            day = date.fromordinal(int.from_bytes(name[len(_DROP) + 1 : len(_DROP) + 5], "big"))
            sums.setdefault(_PLACES[name[len(_DROP)]], []).append((number, day))
    return [
        Dropped(reason, sum(number for number, _ in days), min(day for _, day in days)) for reason, days in sums.items()
    ]


def speakers(conn: Connection, now: datetime) -> list[Speaker]:
    """Return the untrusted peers that sent forwarding headers in the last days; near peers first."""
    return list(_speakers(conn, now))


def _speakers(conn: Connection, now: datetime) -> Iterator[Speaker]:
    for start in (_PEER, _STRANGER):
        for name, number, ends in limits.counters(conn, start):
            if ends > now:
                yield Speaker(_shown(name), number, ends - KEPT, start == _PEER)


def _name(peer: str) -> bytes:
    """Return the name of a row: kind, family, and the address (for IPv6 its first half)."""
    address = ip_address(peer)
    start = _STRANGER if address.is_global else _PEER
    return (start + bytes([address.version]) + address.packed[:8]).ljust(_SIZE, b"\0")


def _shown(name: bytes) -> str:
    family, packed = name[len(_PEER)], name[len(_PEER) + 1 :]
    if family == 4:
        return str(IPv4Address(packed[:4]))
    return str(ip_network(IPv6Network((IPv6Address(packed[:8] + bytes(8)), 64))))

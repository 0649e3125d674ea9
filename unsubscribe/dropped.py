"""What the limits on signing up turned away, and who speaks for others without being trusted: for staff, as numbers.

Promises: kept for ``KEPT`` in the table of :mod:`.limits`, a row for each limit and day, and one for each peer that
sends ``X-Forwarded-For`` or ``Forwarded`` and is no trusted proxy, ``MOST_PEERS`` of each kind at most. Of a peer its
address is kept (of IPv6 its /64), since staff have to name it in ``trusted_proxies``; of readers nothing. Reads and
writes in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from sqlalchemy import Connection

from unsubscribe import limits

N_ = str  # marks a text for the catalogue (domain cli)
KEPT = timedelta(days=7)
MOST_PEERS = 16
REASONS = {  # the limits of unsubscribe.signup, in an order that stays: a row knows its place alone
    "sign-up by peer": N_("too many from one address"),
    "sign-up by network": N_("too many from one network"),
    "sign-up of address": N_("too many for one mailbox"),
    "sign-up in domain": N_("too many at one mail domain"),
    "sign-up by network at domain": N_("too many from one network at one mail domain"),
    "letters to a person": N_("too many confirmations for one person"),
}
_PLACES = tuple(REASONS)
_DROP, _PEER, _STRANGER = b"drop\0", b"proxy\0", b"proxy\1"
_SIZE = 16


@dataclass(frozen=True, slots=True)
class Dropped:
    """So many sign-ups were turned away by a limit since a day."""

    reason: str
    number: int
    since: date


@dataclass(frozen=True, slots=True)
class Speaker:
    """A peer that spoke for others ``number`` times, last at ``last``, and was not believed.

    ``name``: its address, or the network in which it is. ``is_near``: on a network of our own, so it is most likely
    the reverse proxy.
    """

    name: str
    number: int
    last: datetime
    is_near: bool

    def line(self, trusted: frozenset[str]) -> str:
        """Return the line for ``postiljon.toml`` that lets it be believed, beside those that are."""
        return f'trusted_proxies = "{",".join([*sorted(trusted), self.name])}"'


def keep(conn: Connection, drops: Mapping[str, int], peers: Mapping[str, int], now: datetime) -> None:
    """Add what was counted."""
    ends = now + KEPT
    for reason, number in drops.items():
        name = _DROP + bytes([_PLACES.index(reason)]) + now.date().toordinal().to_bytes(4, "big")
        limits.note(conn, name.ljust(_SIZE, b"\0"), number, ends)
    for peer, number in peers.items():
        name = _name(peer)
        known = {row[0] for row in limits.noted(conn, name[: len(_PEER)])}
        if name in known or len(known) < MOST_PEERS:
            limits.note(conn, name, number, ends)


def found(conn: Connection, now: datetime) -> list[Dropped]:
    """Return the requests that were turned away in the last days, by reason."""
    sums: dict[str, list[tuple[int, date]]] = {}
    for name, number, ends in limits.noted(conn, _DROP):
        if ends > now and name[len(_DROP)] < len(_PLACES):
            day = date.fromordinal(int.from_bytes(name[len(_DROP) + 1 : len(_DROP) + 5], "big"))
            sums.setdefault(_PLACES[name[len(_DROP)]], []).append((number, day))
    return [
        Dropped(reason, sum(number for number, _ in days), min(day for _, day in days)) for reason, days in sums.items()
    ]


def speakers(conn: Connection, now: datetime) -> list[Speaker]:
    """Who spoke for others and was not believed, in the last days; those that are near first."""
    return list(_speakers(conn, now))


def _speakers(conn: Connection, now: datetime) -> Iterator[Speaker]:
    for start in (_PEER, _STRANGER):
        for name, number, ends in limits.noted(conn, start):
            if ends > now:
                yield Speaker(_shown(name), number, ends - KEPT, start == _PEER)


def _name(peer: str) -> bytes:
    """Return the name of a row: kind, family, and the address, of IPv6 the first half."""
    address = ip_address(peer)
    start = _STRANGER if address.is_global else _PEER
    return (start + bytes([address.version]) + address.packed[:8]).ljust(_SIZE, b"\0")


def _shown(name: bytes) -> str:
    family, packed = name[len(_PEER)], name[len(_PEER) + 1 :]
    if family == 4:
        return str(IPv4Address(packed[:4]))
    return str(ip_network(IPv6Network((IPv6Address(packed[:8] + bytes(8)), 64))))

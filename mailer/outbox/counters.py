"""The counters in the mailing row: changed in the transaction that moves the deliveries, and last in it.

A :class:`Tally` collects what moved; :meth:`Tally.post` writes it, one statement a mailing, in the order of their
numbers, so that two senders on PostgreSQL wait for each other briefly and never in a circle.
"""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import BigInteger, Connection, Integer, Update, bindparam, func, select, update

from mailer.outbox.fast import Prepared
from mailer.outbox.tables import COUNTERS, DELIVERY, MAILING


class Tally:
    """Differences per mailing and counter."""

    def __init__(self) -> None:
        self._changes: defaultdict[int, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))

    def moved(self, mailing: int, source: str, target: str, number: int = 1) -> None:
        """``number`` deliveries went from one state to another."""
        if number and source != target:
            changes = self._changes[mailing]
            changes[source] -= number
            changes[target] += number

    def added(self, mailing: int, number: int) -> None:
        """``number`` deliveries are new, and waiting."""
        if number:
            self._changes[mailing]["recipients"] += number
            self._changes[mailing]["waiting"] += number

    def post(self, conn: Connection) -> None:
        """Write the differences and forget them."""
        for mailing in sorted(self._changes):
            changes = self._changes[mailing]
            if any(changes.values()):
                _POST.run(conn, {f"b_{name}": changes[name] for name in COUNTERS} | {"b_mailing": mailing})
        self._changes.clear()


def _post(_dialect: str) -> Update:
    changed = {name: MAILING.c[name] + bindparam(f"b_{name}", type_=Integer()) for name in COUNTERS}
    return update(MAILING).where(MAILING.c.id == bindparam("b_mailing", type_=BigInteger())).values(changed)


_POST = Prepared(_post)


def recount(conn: Connection, mailing_id: int) -> dict[str, tuple[int, int]]:
    """Count anew and correct the row: the counters that were wrong, each with what stood there and what is right."""
    rows = conn.execute(
        select(DELIVERY.c.state, func.count()).where(DELIVERY.c.mailing_id == mailing_id).group_by(DELIVERY.c.state)
    )
    counted = dict.fromkeys(COUNTERS, 0)
    for state, number in rows:
        counted[state] = number
    counted["recipients"] = sum(counted.values())
    stood = conn.execute(select(*(MAILING.c[name] for name in COUNTERS)).where(MAILING.c.id == mailing_id)).one()
    wrong = {name: (was, counted[name]) for name, was in zip(COUNTERS, stood, strict=True) if was != counted[name]}
    if wrong:
        right = {name: counted[name] for name in wrong}
        conn.execute(update(MAILING).where(MAILING.c.id == mailing_id).values(right))
    return wrong

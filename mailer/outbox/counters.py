"""The counters in the mailing row: changed by the last statements of the transaction that moves the deliveries.

A :class:`CounterDelta` collects the transitions; :meth:`CounterDelta.post` writes them, one statement a mailing, in
the order of their numbers. So two senders on PostgreSQL wait for each other only briefly, and never deadlock.
"""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import BigInteger, Connection, Integer, Update, bindparam, update

from mailer.outbox.tables import COUNTERS, MAILING
from mailer.prepared_statements import PreparedStatement


class CounterDelta:
    """Differences per mailing and counter."""

    def __init__(self) -> None:
        self._changes: defaultdict[int, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))

    def moved(self, mailing: int, source: str, target: str, number: int = 1) -> None:
        """Count ``number`` deliveries that moved from one state to another."""
        if number and source != target:
            changes = self._changes[mailing]
            changes[source] -= number
            changes[target] += number

    def added(self, mailing: int, number: int) -> None:
        """Count ``number`` new deliveries, in state waiting."""
        if number:
            self._changes[mailing]["recipients"] += number
            self._changes[mailing]["waiting"] += number

    def post(self, conn: Connection) -> None:
        """Write the differences and clear them."""
        for mailing in sorted(self._changes):
            changes = self._changes[mailing]
            if any(changes.values()):
                _POST.run(conn, {bound: changes[name] for name, bound in _BOUND.items()} | {"b_mailing": mailing})
        self._changes.clear()


def _post(_dialect: str) -> Update:
    changed = {name: MAILING.c[name] + bindparam(f"b_{name}", type_=Integer()) for name in COUNTERS}
    return update(MAILING).where(MAILING.c.id == bindparam("b_mailing", type_=BigInteger())).values(changed)


_POST = PreparedStatement(_post)
_BOUND = {name: f"b_{name}" for name in COUNTERS}

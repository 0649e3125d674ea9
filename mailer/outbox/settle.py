"""Settling: what became of a claimed delivery, written only by the sender and for the attempt that claimed it.

Promises: the condition is (sender, attempt, state); a row that somebody else has meanwhile is left alone, so a late
answer harms nobody. A row in doubt whose own sender answers late is settled after all. Counters change in the
same transaction. A settlement that is written twice (a COMMIT whose answer was lost) changes nothing the second
time. The reply of an erased person is not kept (I12).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, Update, bindparam, case, literal_column, select, update

from mailer.errors import StorageError
from mailer.outbox.counters import Tally
from mailer.outbox.states import sources
from mailer.outbox.tables import DELIVERY
from mailer.outbox.values import Settlement
from mailer.storage import Instant

MAX_REPLY = 500
TARGETS = ("accepted", "retry", "refused", "in_doubt", "waiting")


def settle(
    conn: Connection, sender_id: int, settlements: Sequence[Settlement], now: datetime, tally: Tally | None = None
) -> int:
    """Write them; how many changed a row. With a ``tally`` the caller posts the counters itself."""
    own = tally or Tally()
    groups: defaultdict[tuple[int, str], list[Settlement]] = defaultdict(list)
    for item in settlements:
        groups[item.mailing, item.state].append(item)
    changed = 0
    for (mailing, target), items in groups.items():
        changed += _group(conn, [_bound(item, sender_id, now) for item in items], (mailing, target), own)
    if tally is None:
        own.post(conn)
    return changed


def _group(conn: Connection, rows: list[dict[str, Any]], where: tuple[int, str], tally: Tally) -> int:
    """All from *sending*, which is the rule, in one go; only if some were not there, from the other states too."""
    mailing, target = where
    changed = 0
    for source in sources("settle", target):
        number = conn.execute(_SETTLE[source, target], rows).rowcount
        tally.moved(mailing, source, target, number)
        changed += number
        if changed == len(rows):
            break
    return changed


def _bound(item: Settlement, sender_id: int, now: datetime) -> dict[str, Any]:
    return {
        "b_id": item.delivery,
        "b_attempt": item.attempt,
        "b_sender": sender_id,
        "b_reason": item.reason,
        "b_code": item.code,
        "b_text": item.text[:MAX_REPLY].replace("\0", ""),
        "b_retry_at": item.retry_at,
        "b_now": now,
    }


def _statement(source: str, target: str) -> Update:
    if source not in sources("settle", target):
        raise StorageError(f"no delivery is moved from {source} to {target}")
    row = DELIVERY.c
    values: dict[str, Any] = {
        "state": literal_column(f"'{target}'"),
        "reason": bindparam("b_reason"),
        "code": bindparam("b_code"),
        "reply": case((row.address == literal_column("''"), literal_column("''")), else_=bindparam("b_text")),
    }
    if target != "in_doubt":  # there "at" stays the time when it was offered
        values["at"] = bindparam("b_now", type_=Instant())
    if target == "retry":
        values |= {"retry_at": bindparam("b_retry_at", type_=Instant()), "tries": row.tries + literal_column("1")}
    if target == "waiting":
        values["sender_id"] = None
    return (
        update(DELIVERY)
        .where(row.id == bindparam("b_id", type_=BigInteger()), row.attempt == bindparam("b_attempt"))
        .where(row.sender_id == bindparam("b_sender", type_=BigInteger()))
        .where(row.state == literal_column(f"'{source}'"))
        .values(values)
    )


_SETTLE = {(source, target): _statement(source, target) for target in TARGETS for source in sources("settle", target)}


def held_by(conn: Connection, sender_id: int) -> list[tuple[int, int, int]]:
    """(delivery, mailing, attempt) of all that the database says this sender has; to read back after a lost COMMIT."""
    row = DELIVERY.c
    query = select(row.id, row.mailing_id, row.attempt).where(row.state == "sending", row.sender_id == sender_id)
    return [(delivery, mailing, attempt) for delivery, mailing, attempt in conn.execute(query)]


def skip_claimed(
    conn: Connection, sender_id: int, rows: Sequence[tuple[int, int, int]], reason: str, now: datetime
) -> None:
    """(delivery, mailing, attempt) that turn out not to be wanted (erased): handed back, and skipped, in one go."""
    back = [Settlement(delivery, mailing, attempt, "waiting") for delivery, mailing, attempt in rows]
    settle(conn, sender_id, back, now)
    tally = Tally()
    for delivery, mailing, _attempt in rows:
        statement = update(DELIVERY).where(DELIVERY.c.id == delivery, DELIVERY.c.state == "waiting")
        moved = conn.execute(statement.values(state="skipped", reason=reason, at=now)).rowcount
        tally.moved(mailing, "waiting", "skipped", moved)
    tally.post(conn)

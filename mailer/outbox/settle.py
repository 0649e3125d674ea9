"""Settling: writing the outcome of a claimed delivery, only by the sender and for the attempt that claimed it.

Promises: the condition is (sender, attempt, state). A row that another sender has meanwhile is not changed, so a late
answer does no harm. A row in doubt whose own sender answers late is settled after all. Counters change in the
same transaction. A settlement that is written twice (a COMMIT whose answer was lost) changes nothing the second
time. The reply about an erased contact is not stored (I12).

``tests/golden/sql/settle.*.sql`` holds the statement of each pair of states, for both databases.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Integer,
    String,
    Update,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    null,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB

from mailer.columns import Instant
from mailer.outbox.counters import CounterDelta
from mailer.outbox.states import sources
from mailer.outbox.tables import DELIVERY
from mailer.outbox.values import Settlement
from mailer.prepared_statements import PreparedStatement, time_out

MAX_REPLY = 500
_NAMES = ("b_id", "b_attempt", "b_reason", "b_code", "b_text", "b_retry_at")
TARGETS = ("accepted", "retry", "refused", "in_doubt", "waiting")


def settle(
    conn: Connection,
    sender_id: int,
    settlements: Sequence[Settlement],
    now: datetime,
    delta: CounterDelta | None = None,
) -> int:
    """Write settlements; return how many changed a row. With a ``delta`` the caller posts the counters itself."""
    own = delta or CounterDelta()
    groups: defaultdict[tuple[int, str], list[Settlement]] = defaultdict(list)
    for item in settlements:
        groups[item.mailing, item.state].append(item)
    changed = 0
    for (mailing, target), items in groups.items():
        rows = [_row(item) for item in items]
        found = 0
        for source in sources("settle", target):  # usually sending; the others only if rows are left
            number = _ask(conn, _SETTLE[source, target], {"b_sender": sender_id, "b_now": now}, rows).rowcount
            own.moved(mailing, source, target, number)
            found += number
            if found == len(items):
                break
        changed += found
    if delta is None:
        own.post(conn)
    return changed


def ask_for_accepted(
    conn: Connection, sender_id: int, rows: Sequence[tuple[int, int, int, str]], now: datetime
) -> Callable[[], int]:
    """Settle accepted rows, (delivery, attempt, code, text), as :func:`settle` does, except for the counters.

    The statement is sent now; the returned function gives the number of changed rows. A row in doubt does not change
    and needs :func:`settle`.
    """
    given = [(delivery, attempt, "", code, _stored(text), None) for delivery, attempt, code, text in rows]
    cursor = _ask(conn, _SETTLE["sending", "accepted"], {"b_sender": sender_id, "b_now": now}, given)
    return lambda: int(cursor.rowcount)


def _stored(text: str) -> str:
    """Return a reply in its stored form: at most ``MAX_REPLY`` characters, without NUL."""
    if len(text) > MAX_REPLY:
        text = text[:MAX_REPLY]
    return text.replace("\0", "") if "\0" in text else text


def _row(item: Settlement) -> tuple[Any, ...]:
    """Return the values for the parameters :data:`_NAMES`."""
    delivery, _mailing, attempt, _state, reason, code, text, retry_at = item
    return delivery, attempt, reason, code, _stored(text), time_out(retry_at, "sqlite") if retry_at else None


def _ask(conn: Connection, statement: PreparedStatement, bound: dict[str, Any], rows: list[tuple[Any, ...]]) -> Any:
    """Return the driver's cursor. PostgreSQL gets all rows in one value, since each statement costs a round trip."""
    if conn.dialect.name == "sqlite":
        return statement.run_all(conn, bound, _NAMES, rows)
    return statement.run(conn, bound | {"b_rows": json.dumps(rows)})


def _columns(dialect: str) -> Any:
    """Return the rows as a table: id, attempt, reason, code, text, retry_at; on SQLite one row, bound by name."""
    kinds: tuple[Any, ...] = (BigInteger(), Integer(), String(), Integer(), String(), Instant())
    if dialect == "sqlite":
        bound: dict[str, Any] = {name.removeprefix("b_"): bindparam(name) for name in _NAMES}
        return SimpleNamespace(c=SimpleNamespace(**bound))
    rows = func.jsonb_array_elements(cast(bindparam("b_rows", type_=String()), JSONB)).column_valued("r")
    cells = [cast(rows.op("->>")(literal_column(str(place))), kind) for place, kind in enumerate(kinds)]
    named = zip(cells, _NAMES, strict=True)
    return select(*(cell.label(name.removeprefix("b_")) for cell, name in named)).subquery("settled")


def _statement(source: str, target: str, dialect: str) -> Update:
    row, given = DELIVERY.c, _columns(dialect).c
    # The plus keeps SQLite from searching the index on senders once for each given row.
    state_column = "+delivery.state" if dialect == "sqlite" else "delivery.state"
    values: dict[str, Any] = {
        "state": literal_column(f"'{target}'"),
        "reason": given.reason,
        "code": given.code,
        "reply": case((row.address == literal_column("''"), literal_column("''")), else_=given.text),
    }
    if target != "in_doubt":  # in doubt, "at" stays the time at which the letter was offered
        values["at"] = bindparam("b_now", type_=Instant())
    if target == "retry":
        values |= {"retry_at": given.retry_at, "tries": row.tries + literal_column("1")}
    if target == "waiting":
        values["sender_id"] = null()
    return (
        update(DELIVERY)
        .where(row.id == given.id, row.attempt == given.attempt)
        .where(row.sender_id == bindparam("b_sender", type_=BigInteger()))
        .where(literal_column(state_column) == literal_column(f"'{source}'"))
        .values(values)
    )


def _prepare(source: str, target: str) -> PreparedStatement:
    return PreparedStatement(lambda dialect: _statement(source, target, dialect))


_SETTLE = {(source, target): _prepare(source, target) for target in TARGETS for source in sources("settle", target)}


def held_by(conn: Connection, sender_id: int) -> list[tuple[int, int, int]]:
    """Return (delivery, mailing, attempt) of all rows that this sender has, to read back after a lost COMMIT."""
    row = DELIVERY.c
    query = select(row.id, row.mailing_id, row.attempt).where(row.state == "sending", row.sender_id == sender_id)
    return [(delivery, mailing, attempt) for delivery, mailing, attempt in conn.execute(query)]


def skip_claimed(
    conn: Connection, sender_id: int, rows: Sequence[tuple[int, int, int]], reason: str, now: datetime
) -> None:
    """Hand back and skip claimed (delivery, mailing, attempt) that must not be sent (erased), in one transaction."""
    back = [Settlement(delivery, mailing, attempt, "waiting") for delivery, mailing, attempt in rows]
    settle(conn, sender_id, back, now)
    delta = CounterDelta()
    for delivery, mailing, _attempt in rows:
        statement = update(DELIVERY).where(DELIVERY.c.id == delivery, DELIVERY.c.state == "waiting")
        moved = conn.execute(statement.values(state="skipped", reason=reason, at=now)).rowcount
        delta.moved(mailing, "waiting", "skipped", moved)
    delta.post(conn)

"""Mailings: open, fill, hold, release, cancel and close them; and read their counts.

Promises: :func:`open_mailing` with a known key changes nothing and returns the existing mailing. :func:`enqueue` adds a
recipient once, however often it is called (I1). It stores its position in the caller's transaction, so that an
interrupted launch continues from there. A mailing that is held or closed keeps its present claims and gets no new one.

Raises ``StateError`` when the present state does not allow it, ``InputError`` for an unknown number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Row,
    Select,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    select,
    true,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from mailer.errors import InputError, StateError
from mailer.outbox.counters import CounterDelta
from mailer.outbox.states import mailing_sources, sources
from mailer.outbox.tables import COUNTERS, DELIVERY, MAILING
from mailer.outbox.values import Counts, Delivery, Hold, Identity, Mailing, MailingSpec, Recipient
from mailer.prepared_statements import PreparedStatement

CHUNK = 2_000  # rows that a bulk operation moves in one transaction: 20 ms on SQLite
CANCELLED = "cancelled"
MAX_WORDS = 500
NO_MAILING = 0  # a number that no mailing has
_NEW = {"state": "'waiting'", "reason": "''", "attempt": "0", "tries": "0", "code": "0", "reply": "''"}


def open_mailing(conn: Connection, spec: MailingSpec, now: datetime) -> Mailing:
    """Return a new mailing, or the existing one with this key (then only the key of ``spec`` is used)."""
    dialect: Any = sqlite if conn.dialect.name == "sqlite" else postgresql
    row = {
        "key": spec.key,
        "kind": spec.kind,
        "scope": spec.scope,
        "snapshot": spec.snapshot,
        "public_url": spec.identity.public_url,
        "return_path": spec.identity.return_path,
        "key_id": spec.identity.key_id,
        "dkim_selector": spec.identity.dkim_selector,
        "dkim_domain": spec.identity.dkim_domain,
        "priority": spec.priority,
        "rate": spec.rate,
        "in_doubt_policy": spec.in_doubt,
        "send_before": spec.send_before,
        "recipient": spec.recipient,
        "asked_for": spec.asked_for,
        "from_address": spec.from_address,
        "state": "open",
        "reason": "",
        "hold_words": "",
        "resumed_words": "",
        "audience_complete": False,
        "audience_position": 0,
        "created_at": now,
        "changed_at": now,
        **dict.fromkeys(COUNTERS, 0),
    }
    conn.execute(dialect.insert(MAILING).values(row).on_conflict_do_nothing(index_elements=["key"]))
    found = find(conn, spec.key)
    assert found is not None  # noqa: S101 - inserted above
    return found


def find(conn: Connection, key: str) -> Mailing | None:
    """Return the mailing with that key."""
    row = conn.execute(select(MAILING).where(MAILING.c.key == key)).one_or_none()
    return _mailing(row) if row else None


def get(conn: Connection, mailing_id: int) -> Mailing:
    """Return the mailing with that number; raises ``InputError`` when there is none."""
    row = conn.execute(select(MAILING).where(MAILING.c.id == mailing_id)).one_or_none()
    if row is None:
        raise InputError(f"there is no mailing {mailing_id}")
    return _mailing(row)


def counts_of(conn: Connection, mailings: Sequence[int]) -> dict[int, Counts]:
    """Return the counts of several mailings by number; one that is gone is missing."""
    query = select(MAILING.c.id, *(MAILING.c[name] for name in COUNTERS)).where(MAILING.c.id.in_(mailings))
    return {number: Counts(*counts) for number, *counts in conn.execute(query)}


def scope_of(conn: Connection, mailing_id: int) -> str | None:
    """Return the scope of a mailing without reading the rest; None when the mailing is gone."""
    row = _SCOPE.run(conn, {"b_id": mailing_id}).fetchone()
    return row[0] if row else None


_SCOPE = PreparedStatement(
    lambda _dialect: select(MAILING.c.scope).where(MAILING.c.id == bindparam("b_id", type_=BigInteger()))
)


def open_ones(conn: Connection) -> list[Mailing]:
    """Return all mailings in state open, oldest first."""
    return [_mailing(row) for row in conn.execute(select(MAILING).where(MAILING.c.state == "open").order_by("id"))]


def enqueue(conn: Connection, mailing_id: int, recipients: Iterable[Recipient], position: int, now: datetime) -> int:
    """Add the recipients that the mailing does not have yet, and store ``position``; return the number of new ones.

    Keep chunks to 5,000 or fewer, so that the lock is held briefly. Raises ``InputError``.
    """
    rows = [
        {
            "b_mailing": mailing_id,
            "b_number": item.number,
            "b_address": item.address,
            "b_hash": item.address_hash,
            "b_domain": item.domain,
        }
        for item in recipients
    ]
    added = conn.execute(_ENQUEUE[conn.dialect.name], rows).rowcount if rows else 0
    _note_audience(conn, mailing_id, added, position, now)
    return added


def enqueue_selected(conn: Connection, mailing_id: int, people: Select[Any], position: int, now: datetime) -> int:
    """Add recipients as :func:`enqueue`, from a query with the columns number, address, address_hash, domain.

    The rows never leave the database, which takes a tenth of the time.
    """
    chosen = people.subquery("people").c
    constants: list[Any] = [literal_column(value).label(name) for name, value in _NEW.items()]
    columns = (chosen.number, chosen.address, chosen.address_hash, chosen.domain)
    dialect: Any = sqlite if conn.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(DELIVERY).from_select(
        ["mailing_id", "recipient", "address", "address_hash", "domain", *_NEW],
        select(literal(mailing_id, BigInteger()).label("mailing_id"), *columns, *constants).where(true()),
    )
    statement = statement.on_conflict_do_nothing(index_elements=["mailing_id", "recipient"])
    added: int = conn.execute(statement.execution_options(preserve_rowcount=True)).rowcount
    _note_audience(conn, mailing_id, added, position, now)
    return added


def _note_audience(conn: Connection, mailing_id: int, added: int, position: int, now: datetime) -> None:
    changed = conn.execute(
        update(MAILING)
        .where(MAILING.c.id == mailing_id)
        .values(
            audience_position=position,
            changed_at=now,
            recipients=MAILING.c.recipients + added,
            waiting=MAILING.c.waiting + added,
        )
    ).rowcount
    if not changed:
        raise InputError(f"there is no mailing {mailing_id}")


def audience_complete(conn: Connection, mailing_id: int) -> None:
    """Record that the audience is complete: no recipient will be added any more."""
    conn.execute(update(MAILING).where(MAILING.c.id == mailing_id).values(audience_complete=True))


def hold(conn: Connection, mailing_id: int, why: str | Hold, now: datetime) -> bool:
    """Stop claims for a mailing; false when it was not open. A held mailing keeps its first reason."""
    given = Hold(why) if isinstance(why, str) else why
    more = {"hold_words": given.words[:MAX_WORDS], "hold_until": given.until}
    return _transition(conn, mailing_id, "hold", given.reason, now, **more)


def hold_all(conn: Connection, why: str | Hold, now: datetime) -> list[int]:
    """Hold every open campaign (the relay refuses us); return their numbers. ``outbox.service`` stops service mail."""
    held = [mailing.id for mailing in open_ones(conn) if not mailing.is_service]
    return [mailing_id for mailing_id in held if hold(conn, mailing_id, why, now)]


def release(conn: Connection, mailing_id: int, now: datetime, *, by_person: bool = False) -> bool:
    """Allow claims again; false when it was not held. ``by_person``: a person has read the relay's words first."""
    words = case((MAILING.c.hold_words != "", MAILING.c.hold_words), else_=MAILING.c.resumed_words)
    more = {"resumed_words": words} if by_person else {}
    return _transition(conn, mailing_id, "release", "", now, hold_words="", hold_until=None, **more)


def due_again(conn: Connection, now: datetime) -> list[int]:
    """Return the mailings that a rule held until a time that has passed."""
    row = MAILING.c
    return list(conn.execute(select(row.id).where(row.state == "held", row.hold_until <= now)).scalars())


def close(conn: Connection, mailing_id: int, now: datetime, reason: str = "") -> bool:
    """Close a mailing for claims. Raises ``StateError`` while rows are unfinished (use :func:`cancel` then)."""
    if get(conn, mailing_id).counts.unfinished and reason != CANCELLED:
        raise StateError("there are deliveries that are not finished; cancel it, or wait")
    return _transition(conn, mailing_id, "close", reason, now)


def reopen(conn: Connection, mailing_id: int, now: datetime) -> bool:
    """Open a closed mailing again (*send again*); false when it was not closed."""
    return _transition(conn, mailing_id, "reopen", "", now)


def cancel(conn: Connection, mailing_id: int, now: datetime) -> int:
    """Close a mailing and skip rows that wait, are in retry or in doubt, ``CHUNK`` a call; return how many are left.

    The first call stops all claims. Call it in new transactions until it returns 0; running senders do the same.
    A row that is being sent is settled first, and then skipped if it comes back.
    """
    _transition(conn, mailing_id, "close", CANCELLED, now)
    mailing = get(conn, mailing_id)
    if (mailing.state, mailing.reason) != ("closed", CANCELLED):
        raise StateError("this mailing is finished; there is nothing to cancel")
    return skip_cancelled(conn, mailing_id, now)


def skip_cancelled(conn: Connection, mailing_id: int, now: datetime, limit: int = CHUNK) -> int:
    """Move one chunk of a cancelled mailing's rows to skipped(cancelled); return how many are left."""
    delta, room = CounterDelta(), limit
    for state in sources("skip", "skipped"):
        if room <= 0:
            break
        chosen = select(DELIVERY.c.id).where(DELIVERY.c.mailing_id == mailing_id, DELIVERY.c.state == state)
        # A CTE, since PostgreSQL may run a subquery again for each row, and its limit then counts for each.
        chunk = chosen.limit(room).with_for_update(skip_locked=True).cte("chunk", nesting=True)
        statement = (
            update(DELIVERY)
            .where(DELIVERY.c.id.in_(select(chunk.c.id)), DELIVERY.c.state == state)
            .values(state="skipped", reason=CANCELLED, retry_at=None, at=now)
        )
        moved = conn.execute(statement).rowcount
        delta.moved(mailing_id, state, "skipped", moved)
        room -= moved
    delta.post(conn)
    counts = get(conn, mailing_id).counts
    return counts.waiting + counts.retry + counts.in_doubt


def cancelled_ones(conn: Connection) -> list[int]:
    """Return the cancelled mailings with rows that still have to be skipped."""
    row = MAILING.c
    left = (row.waiting > 0) | (row.retry > 0) | (row.in_doubt > 0)
    query = select(row.id).where(row.state == "closed", row.reason == CANCELLED, left)
    return list(conn.execute(query).scalars())


def outcomes(conn: Connection, mailing_id: int) -> list[tuple[str, str, int]]:
    """Return (state, reason, number) of all deliveries, largest first. Reads every row: for reports, not for bars."""
    row = DELIVERY.c
    number = func.count().label("number")
    query = select(row.state, row.reason, number).where(row.mailing_id == mailing_id).group_by(row.state, row.reason)
    return [(state, reason, count) for state, reason, count in conn.execute(query.order_by(number.desc()))]


def deliveries(conn: Connection, mailing_id: int, state: str | None = None) -> Iterator[Delivery]:
    """Yield a mailing's rows, or those in one state, in the order of the audience; streamed."""
    row = DELIVERY.c
    query = select(
        row.id, row.recipient, row.address, row.domain, row.state, row.reason, row.attempt, row.at, row.retry_at,
        row.code, row.reply,
    ).where(row.mailing_id == mailing_id)  # fmt: skip
    if state:
        query = query.where(row.state == state)
    for item in conn.execute(query.order_by(row.id).execution_options(yield_per=1000)):
        yield Delivery(*item)


def next_retry(conn: Connection, mailing_id: int) -> datetime | None:
    """Return the time of the first due retry."""
    row = DELIVERY.c
    moment: datetime | None = conn.execute(
        select(row.retry_at)
        .where(row.mailing_id == mailing_id, row.state == literal_column("'retry'"))
        .order_by(row.retry_at)
        .limit(1)
    ).scalar()
    return moment


def _transition(conn: Connection, mailing_id: int, event: str, reason: str, now: datetime, **more: Any) -> bool:
    target = {"hold": "held", "release": "open", "close": "closed", "reopen": "open"}[event]
    statement = update(MAILING).where(MAILING.c.id == mailing_id, MAILING.c.state.in_(mailing_sources(event)))
    return bool(conn.execute(statement.values(state=target, reason=reason, changed_at=now, **more)).rowcount)


def _mailing(row: Row[Any]) -> Mailing:
    identity = Identity(row.public_url, row.return_path, row.key_id, row.dkim_selector, row.dkim_domain)
    spec = MailingSpec(
        row.key, row.kind, row.scope, row.snapshot, identity, row.priority, row.rate, row.in_doubt_policy,
        row.send_before, row.recipient, row.asked_for, row.from_address,
    )  # fmt: skip
    counts = Counts(*(getattr(row, name) for name in COUNTERS))
    return Mailing(
        row.id, spec, row.state, row.reason, row.audience_complete, row.audience_position, counts, row.created_at,
        row.changed_at, Hold(row.reason if row.state == "held" else "", row.hold_words, row.hold_until),
        row.resumed_words,
    )  # fmt: skip


def _enqueue(dialect: Any) -> Any:
    """Build the INSERT once; it contains the constants, so that a row binds only five values."""
    statement = dialect.insert(DELIVERY).values(
        mailing_id=bindparam("b_mailing"),
        recipient=bindparam("b_number"),
        address=bindparam("b_address"),
        address_hash=bindparam("b_hash"),
        domain=bindparam("b_domain"),
        **{name: literal_column(value) for name, value in _NEW.items()},
    )
    return statement.on_conflict_do_nothing(index_elements=["mailing_id", "recipient"]).execution_options(
        preserve_rowcount=True
    )


_ENQUEUE = {"sqlite": _enqueue(sqlite), "postgresql": _enqueue(postgresql)}

"""The claim: one conditional statement that takes the heads of a queue, without contacts that may not be mailed.

Promises: the statement claims a row only if, at that time, its mailing is open, not out of time, and no suppression
holds it back (I2). It skips a row that may not be mailed, so contacts that opted out never block the queue. The first
claim sets ``first_claimed_at``, for ever (I5). Two senders never get the same row: SQLite has one writer, PostgreSQL
skips locked rows. Due retries come before fresh rows.

Once the caller's transaction is committed, the claim is on disk; no part of a message may be written before.

``tests/golden/sql/claim.*.sql`` holds the statements that this module builds, for both databases.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    Connection,
    Update,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    null,
    select,
    update,
)

from mailer import suppression
from mailer.columns import Instant
from mailer.outbox.candidates import Candidate
from mailer.outbox.counters import CounterDelta
from mailer.outbox.states import sources
from mailer.outbox.tables import DELIVERY, MAILING
from mailer.outbox.values import Claimed
from mailer.prepared_statements import PreparedStatement, given_numbers, instant

_ROUNDS = 8  # windows that one call clears of suppressed rows at the head of a queue
EXPIRED = "expired"
TIME_IS_UP = "time_is_up"
SPEED = "speed"  # the reason of a row that waits because mail came too fast
_AT_ONCE = 500  # rows that are given up in one transaction
_RETURNED = ("state", "id", "recipient", "address", "address_hash", "domain", "attempt", "tries", "first_claimed_at")


def claim(
    conn: Connection,
    sender_id: int,
    wanted: Mapping[int, int],
    now: datetime,
    given_up: datetime | None = None,
    delta: CounterDelta | None = None,
) -> list[Claimed]:
    """Claim up to ``wanted[mailing]`` rows of each mailing for this sender, due retries first.

    ``given_up``: a row in retry, or put back for the pace, is refused if its first attempt was before this time. With a
    ``delta`` the caller posts the counters itself.
    """
    own = delta or CounterDelta()
    retries = claim_state(conn, ("retry", sender_id, given_up), wanted, now, own)
    had = Counter(row.mailing for row in retries)
    left = {mailing: number - had[mailing] for mailing, number in wanted.items()}
    taken = retries + claim_state(conn, ("waiting", sender_id, given_up), left, now, own)
    if delta is None:
        own.post(conn)
    return taken


def claim_state(
    conn: Connection,
    what: tuple[Literal["retry", "waiting"], int, datetime | None],
    wanted: Mapping[int, int],
    now: datetime,
    delta: CounterDelta,
) -> list[Claimed]:
    """Claim up to ``wanted[mailing]`` rows of one state for a sender.

    ``what`` is (state, sender, given up): a row that was first tried before *given up* is refused, not claimed.
    """
    taken: list[Claimed] = []
    for mailing, number in wanted.items():
        mine = _of_mailing(conn, (what, mailing, now), number, delta)
        _count_letters(conn, mine, now)  # before the next mailing is claimed: it may be for the same contact
        taken += mine
    return taken


def ask_for_fresh(
    conn: Connection, what: tuple[int, datetime], mailing: int, room: int, now: datetime
) -> Callable[[CounterDelta], list[Claimed]]:
    """Claim waiting rows as :func:`claim_state`, in two steps: send the statements now, read the results in the call.

    So the statements can be sent together with others (:func:`mailer.prepared_statements.together`). ``what``: (sender,
    given up).
    """
    sender_id, given_up = what
    given = _bound(sender_id, mailing, now) | {"b_given_up": given_up, "b_room": room}
    heads, limits = _CLAIM["waiting"].run(conn, given), _LIMITS.run(conn, {})

    def read(delta: CounterDelta) -> list[Claimed]:
        rows = heads.fetchall()
        taken = _sort(rows, "waiting", mailing, delta)
        if len(rows) == room > len(taken):  # some were skipped: claim more, as the slow path does
            who = (("waiting", sender_id, given_up), mailing, now)
            taken += _of_mailing(conn, who, room - len(taken), delta, _ROUNDS - 1)
        _count_letters(conn, taken, now, limits.fetchall())
        return taken

    return read


def claim_rows(
    conn: Connection, sender_id: int, mailing: int, chosen: Sequence[Candidate], now: datetime, delta: CounterDelta
) -> list[Claimed]:
    """Claim as :func:`claim`, but rows that were selected by pace before; each is checked again."""
    taken: list[Claimed] = []
    for state, statement in _CHOSEN.items():
        ids = [item.delivery for item in chosen if item.state == state]
        if ids:
            bound = {"b_ids": json.dumps(ids), "b_room": len(ids)} | _bound(sender_id, mailing, now)
            bound["b_given_up"] = None
            taken += _sort(statement.run(conn, bound).fetchall(), state, mailing, delta)
    _count_letters(conn, taken, now)
    return taken


def give_up(conn: Connection, mailing: int, given_up: datetime, now: datetime, delta: CounterDelta) -> int:
    """Refuse rows whose time is up and that no sender claims, since domain or relay takes nothing; return how many."""
    found, row = 0, DELIVERY.c
    for source in sources("give_up", "refused"):
        waits = row.reason == SPEED if source == "waiting" else row.retry_at <= now
        late = select(row.id).where(row.mailing_id == mailing, row.state == literal_column(f"'{source}'"), waits)
        late = late.where(row.first_claimed_at <= given_up).limit(_AT_ONCE).with_for_update(skip_locked=True)
        statement = update(DELIVERY).where(row.id.in_(late), row.state == source)
        moved = conn.execute(statement.values(state="refused", reason=TIME_IS_UP, retry_at=None, at=now)).rowcount
        delta.moved(mailing, source, "refused", moved)
        found += moved
    return found


def unwanted(conn: Connection, deliveries: Sequence[int], now: datetime) -> set[int]:
    """Return the claimed rows that may no longer be sent: after an opt-out, out of time, or in a mailing not open."""
    return {number for (number,) in _UNWANTED.run(conn, {"b_ids": json.dumps(deliveries), "b_now": now}).fetchall()}


def _count_letters(conn: Connection, taken: Sequence[Claimed], now: datetime, found: Any = None) -> None:
    """Count these letters for the contacts that want letters less often, unless it is service mail.

    ``found``: the rows of the limits, if they have been read already.
    """
    if not taken:
        return
    limits = [days for (days,) in (_LIMITS.run(conn, {}).fetchall() if found is None else found)]
    if not limits:
        return
    campaigns = select(MAILING.c.id).where(MAILING.c.kind == "campaign")
    for mailing in conn.execute(campaigns.where(MAILING.c.id.in_({row.mailing for row in taken}))).scalars():
        hashes = [row.address_hash for row in taken if row.mailing == mailing]
        suppression.count_letter(conn, mailing, hashes, limits, now)


def _of_mailing(conn: Connection, who: Any, number: int, delta: CounterDelta, rounds: int = _ROUNDS) -> list[Claimed]:
    (state, sender_id, given_up), mailing, now = who
    bound = _bound(sender_id, mailing, now) | {"b_given_up": given_up}
    taken: list[Claimed] = []
    for _ in range(rounds):
        room = number - len(taken)
        if room <= 0:
            break
        rows = _CLAIM[state].run(conn, bound | {"b_room": room}).fetchall()
        taken += _sort(rows, state, mailing, delta)
        if len(rows) < room:
            break
    return taken


def _bound(sender_id: int, mailing: int, now: datetime) -> dict[str, Any]:
    return {"b_sender": sender_id, "b_mailing": mailing, "b_now": now}


def _sort(rows: Iterable[Any], source: str, mailing: int, delta: CounterDelta) -> list[Claimed]:
    """Return the claimed rows in the order of the queue, and count all rows."""
    claimed: list[Claimed] = []
    moved = {"skipped": 0, "refused": 0}
    for row in rows:
        if row[0] == "sending":
            claimed.append(_claimed(mailing, row))
        else:
            moved[row[0]] += 1
    delta.moved(mailing, source, "sending", len(claimed))
    for target, number in moved.items():
        delta.moved(mailing, source, target, number)
    claimed.sort()  # its first field is the delivery
    return claimed


def _claimed(mailing: int, row: Any) -> Claimed:
    _state, delivery, recipient, address, address_hash, domain, attempt, tries, first = row
    return Claimed(delivery, mailing, recipient, address, bytes(address_hash), domain, attempt, tries, instant(first))


def _statement(source: str, chosen: Any) -> Update:
    """Build UPDATE … FROM (the heads of the queue, each with its reason to be held back) … RETURNING."""
    assert source in sources("claim", "sending") and source in sources("skip", "skipped")  # noqa: S101, PT018
    row, mailing = DELIVERY.alias("d"), MAILING.alias("m")
    now = bindparam("b_now", type_=Instant())
    held_back = suppression.verdict(row.c.address_hash, now, mailing.c)
    verdicts: list[tuple[Any, Any]] = [(mailing.c.send_before <= now, literal_column(f"'{EXPIRED}'"))]
    assert source in sources("give_up", "refused")  # noqa: S101
    too_old = row.c.first_claimed_at <= bindparam("b_given_up", type_=Instant())
    if source == "waiting":  # other waiting rows were never tried, or were handed back for our own reasons
        too_old = and_(row.c.reason == literal_column(f"'{SPEED}'"), too_old)
    verdicts.append((too_old, literal_column(f"'{TIME_IS_UP}'")))
    verdict = case(*verdicts, else_=literal_column("'suppressed:'") + held_back)
    heads = (
        select(row.c.id, verdict.label("verdict"))
        .select_from(row.join(mailing, mailing.c.id == row.c.mailing_id))
        .where(row.c.state == literal_column(f"'{source}'"), mailing.c.state == literal_column("'open'"))
        .where(row.c.mailing_id == bindparam("b_mailing", type_=BigInteger()))
    )
    heads = chosen(heads, row, now).with_for_update(of=row, skip_locked=True)
    return _move(heads.cte("heads"), source)


def _unwanted(dialect: str) -> Any:
    row, mailing = DELIVERY.alias("d"), MAILING.alias("m")
    now = bindparam("b_now", type_=Instant())
    held_back = suppression.verdict(row.c.address_hash, now, mailing.c)
    too_late = (mailing.c.send_before <= now) | (mailing.c.state != literal_column("'open'"))
    return (
        select(row.c.id)
        .select_from(row.join(mailing, mailing.c.id == row.c.mailing_id))
        .where(row.c.id.in_(given_numbers(dialect)), held_back.is_not(None) | too_late)
    )


def _move(heads: Any, source: str) -> Update:
    target = case(
        (heads.c.verdict.is_(None), literal_column("'sending'")),
        (heads.c.verdict == literal_column(f"'{TIME_IS_UP}'"), literal_column("'refused'")),
        else_=literal_column("'skipped'"),
    )
    taken = heads.c.verdict.is_(None)
    now, sender = bindparam("b_now", type_=Instant()), bindparam("b_sender", type_=BigInteger())
    row = DELIVERY.c
    return (
        update(DELIVERY)
        .where(and_(row.id == heads.c.id, row.state == literal_column(f"'{source}'")))
        .values(
            state=target,
            reason=func.coalesce(heads.c.verdict, literal_column("''")),
            sender_id=case((taken, sender), else_=null()),
            attempt=row.attempt + case((taken, literal_column("1")), else_=literal_column("0")),
            first_claimed_at=case((taken, func.coalesce(row.first_claimed_at, now)), else_=row.first_claimed_at),
            retry_at=null(),
            at=now,
        )
        .returning(*(row[name] for name in _RETURNED))
    )


def _fresh(heads: Any, row: Any, _now: Any) -> Any:
    return heads.order_by(row.c.id).limit(bindparam("b_room"))


def _due(heads: Any, row: Any, now: Any) -> Any:
    return heads.where(row.c.retry_at <= now).order_by(row.c.retry_at).limit(bindparam("b_room"))


def _given(dialect: str) -> Any:
    numbers = given_numbers(dialect)
    return lambda heads, row, _now: heads.where(row.c.id.in_(numbers)).limit(bindparam("b_room"))


_CLAIM = {
    "retry": PreparedStatement(lambda _dialect: _statement("retry", _due)),
    "waiting": PreparedStatement(lambda _dialect: _statement("waiting", _fresh)),
}
_UNWANTED = PreparedStatement(_unwanted)
_LIMITS = PreparedStatement(lambda _dialect: suppression.limits_query())
_CHOSEN = {
    "retry": PreparedStatement(lambda dialect: _statement("retry", _given(dialect))),
    "waiting": PreparedStatement(lambda dialect: _statement("waiting", _given(dialect))),
}

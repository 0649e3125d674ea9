"""Deliveries in doubt, and facts that arrive later: decisions, proofs, bounces, complaints, and erasure.

Promises: :func:`decide` moves only rows that are in doubt; a proof (:func:`prove`, :func:`bounced`) settles a doubt
for good. The order of a bounce and a complaint does not matter, and neither does a repeat (B67).
:func:`erase_recipient` keeps numbers and states, and removes the personal data (I12).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, bindparam, literal_column, select, update

from mailer.address import key_of
from mailer.errors import AddressError
from mailer.outbox.counters import CounterDelta
from mailer.outbox.lookup import may_be_for
from mailer.outbox.mailings import get, reopen
from mailer.outbox.states import sources
from mailer.outbox.tables import DELIVERY, MAILING, SENDER
from mailer.outbox.values import Doubt, DoubtChoice, Recipient
from mailer.prepared_statements import PreparedStatement, given_numbers

ERASED = "erased"
_TARGET = {"send_again": "waiting", "treat_as_sent": "accepted"}


def doubts(conn: Connection, mailing_id: int) -> list[Doubt]:
    """Return all deliveries in doubt, in the order of the audience."""
    row = DELIVERY.c
    query = (
        select(row.id, row.recipient, row.address, row.at, row.attempt, SENDER.c.name, row.reason)
        .join(SENDER, SENDER.c.id == row.sender_id, isouter=True)
        .where(row.mailing_id == mailing_id, row.state == literal_column("'in_doubt'"))
        .order_by(row.id)
    )
    return [Doubt(*item[:5], item[5] or "", item[6]) for item in conn.execute(query)]


def decide(
    conn: Connection, mailing_id: int, choice: DoubtChoice, addresses: Sequence[str] | None, now: datetime
) -> int:
    """Send again, or treat as sent: all deliveries in doubt, or those to these addresses; return how many.

    A closed mailing is opened again if a delivery is to be sent. A delivery to an erased contact is skipped instead. An
    address that is not in doubt is ignored; text that is not an address raises ``AddressError``.
    """
    target = _TARGET[choice]
    wanted = None if addresses is None else {key_of(address) for address in addresses}
    chosen = [item for item in doubts(conn, mailing_id) if wanted is None or _key(item.address) in wanted]
    delta, decided = CounterDelta(), 0
    for item in chosen:
        gone = target == "waiting" and not item.address
        event, state, reason = ("skip", "skipped", ERASED) if gone else ("decide", target, choice)
        number = _transition(conn, item.delivery, event, {"state": state, "reason": reason, "at": now})
        delta.moved(mailing_id, "in_doubt", state, number)
        decided += number
    delta.post(conn)
    if target == "waiting" and decided and get(conn, mailing_id).state == "closed":
        reopen(conn, mailing_id, now)
    return decided


def send_again(conn: Connection, rows: Sequence[tuple[int, int]], now: datetime, delta: CounterDelta) -> None:
    """Put (delivery, mailing) back to waiting, by the policy *send again*, with the same attempt identity (I5)."""
    for delivery, mailing in rows:
        values = {"state": "waiting", "reason": "send_again", "at": now}
        delta.moved(mailing, "in_doubt", "waiting", _transition(conn, delivery, "decide", values))


def prove(conn: Connection, mailing_id: int, recipient: int, now: datetime) -> bool:
    """Record that a letter arrived: a link in it was used, or a report came back. Return whether it ended a doubt."""
    return _report(conn, (mailing_id, recipient), "prove", {"state": "accepted", "reason": "proved", "at": now})


_DOUBTFUL = PreparedStatement(
    lambda dialect: (
        select(DELIVERY.c.recipient)
        .where(
            DELIVERY.c.mailing_id == bindparam("b_mailing", type_=BigInteger()),
            DELIVERY.c.state == literal_column("'in_doubt'"),
            DELIVERY.c.recipient.in_(given_numbers(dialect)),
        )
        .order_by(DELIVERY.c.recipient)
    )
)


def prove_many(conn: Connection, letters: Sequence[tuple[int, int]], now: datetime) -> int:
    """Record the same as :func:`prove` for many (mailing, recipient); return the number of doubts that ended.

    Without a doubt it takes one statement for each mailing.
    """
    wanted: dict[int, list[int]] = {}
    for mailing, recipient in letters:
        wanted.setdefault(mailing, []).append(recipient)
    ended = 0
    for mailing, recipients in sorted(wanted.items()):  # all transactions use one order, so that no deadlock arises
        doubtful = _DOUBTFUL.run(conn, {"b_mailing": mailing, "b_ids": json.dumps(recipients)})
        for (recipient,) in doubtful.fetchall():
            ended += prove(conn, mailing, recipient, now)
    return ended


def bounced(conn: Connection, mailing_id: int, recipient: int, reason: str, now: datetime) -> bool:
    """Record a report that an accepted letter did not arrive; return whether it was new."""
    prove(conn, mailing_id, recipient, now)
    return _report(conn, (mailing_id, recipient), "bounce", {"state": "bounced", "reason": reason, "at": now})


def complained(conn: Connection, mailing_id: int, recipient: int, now: datetime) -> bool:
    """Record that the reader reported the letter as unwanted; return whether it was new."""
    prove(conn, mailing_id, recipient, now)
    values = {"state": "complained", "reason": "complaint", "at": now}
    return _report(conn, (mailing_id, recipient), "complain", values)


def erase_recipient(
    conn: Connection,
    recipient: int,
    now: datetime,
    mailings: Collection[int] | None = None,
    *,
    only_to: bytes | None = None,
) -> int:
    """Remove the personal data from all deliveries to a contact, and skip the unsent ones; return the number of rows.

    ``mailings``: the only mailings with this contact, if they are known, so that not all are searched. ``only_to``: the
    hash of the one address to erase, if the contact has others that stay.
    """
    row = DELIVERY.c
    among = select(MAILING.c.id).where(may_be_for(recipient)) if mailings is None else tuple(mailings)
    there = () if only_to is None else (row.address_hash == only_to,)
    mine = (row.recipient == recipient, row.mailing_id.in_(among), *there)
    rows = conn.execute(select(row.id, row.mailing_id, row.state).where(*mine)).all()
    delta = CounterDelta()
    for delivery, mailing, state in rows:
        if state in sources("skip", "skipped") and state != "in_doubt":
            values = {"state": "skipped", "reason": ERASED, "at": now, "retry_at": None}
            delta.moved(mailing, state, "skipped", _transition(conn, delivery, "skip", values, (state,)))
        blank = {"address": "", "address_hash": b"", "domain": "", "reply": ""}
        conn.execute(update(DELIVERY).where(row.id == delivery).values(blank))
    delta.post(conn)
    return len(rows)


def readdress(conn: Connection, old: bytes, to: Recipient) -> int:
    """Give a recipient's letters to one address hash another spelling of that address; return the number of rows."""
    row = DELIVERY.c
    among = select(MAILING.c.id).where(may_be_for(to.number))
    mine = (row.recipient == to.number, row.mailing_id.in_(among), row.address_hash == old)
    values = {"address": to.address, "address_hash": to.address_hash, "domain": to.domain}
    return conn.execute(update(DELIVERY).where(*mine).values(values)).rowcount


def _report(conn: Connection, letter: tuple[int, int], event: str, values: dict[str, Any]) -> bool:
    row = DELIVERY.c
    mine = (row.mailing_id == letter[0], row.recipient == letter[1])
    found = conn.execute(select(row.id, row.state).where(*mine)).one_or_none()
    if found is None or found.state not in sources(event, values["state"]):
        return False
    delta = CounterDelta()
    delta.moved(letter[0], found.state, values["state"], _transition(conn, found.id, event, values, (found.state,)))
    delta.post(conn)
    return True


def _transition(
    conn: Connection, delivery: int, event: str, values: dict[str, Any], states: Collection[str] = ("in_doubt",)
) -> int:
    allowed = [state for state in sources(event, values["state"]) if state in states]
    statement = update(DELIVERY).where(DELIVERY.c.id == delivery, DELIVERY.c.state.in_(allowed))
    return conn.execute(statement.values(values)).rowcount


def _key(address: str) -> str:
    try:
        return key_of(address)
    except AddressError:
        return address.lower()

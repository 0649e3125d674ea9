"""How often a contact gets campaign letters, and pauses: set, compared, and put back.

Promises: :func:`apply` stores the values that differ and returns both sides for :mod:`.changes`. :func:`is_looser`
tells whether more mail follows than before. :func:`put_back` restores each of the two values separately, and only where
no later act set it. The values live in suppression, under the address hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from mailer import suppression
from unsubscribe.changes import Change
from unsubscribe.contacts import Contact
from unsubscribe.history import History

Sides = tuple[dict[str, Any], dict[str, Any]]


def now_set(conn: Connection, contact: Contact, now: datetime) -> tuple[int, datetime | None]:
    """Read the limit in days (0: each letter), and the end of a pause that lasts now."""
    held = {entry.reason: entry for entry in suppression.entries(conn, contact.address_hash) if not entry.scope}
    often, pause = held.get("less_often"), held.get("pause")
    until = pause.until if pause and pause.until and pause.until > now else None
    return (often.every_days or 0) if often else 0, until


@dataclass(frozen=True, slots=True)
class FrequencyChoice:
    """A limit in days (0: each letter) and the end of a pause; None leaves one as it is.

    ``only_stricter``: a value that would let more mail through than now is not stored.
    """

    days: int | None = None
    until: datetime | None = None
    only_stricter: bool = False


def apply(conn: Connection, contact: Contact, wanted: FrequencyChoice, now: datetime) -> Sides:
    """Store the wanted values that differ from the present ones."""
    days, until = wanted.days, wanted.until
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    old_days, old_until = now_set(conn, contact, now)
    if wanted.only_stricter:
        days = None if days is None or days < old_days else days
        until = None if until is None or (old_until and until < old_until) else until
    if days is not None and days != old_days:
        before["days"], after["days"] = old_days, days
        suppression.limit(conn, contact.address_hash, days, now)
    if until is not None and until != old_until:
        before["until"], after["until"] = _text(old_until), _text(until)
        suppression.suppress(conn, contact.address_hash, suppression.EVERYTHING, "pause", now, until)
    return before, after


def end_pause(conn: Connection, contact: Contact, now: datetime) -> Sides:
    """End the pause that lasts now, if there is one."""
    _, until = now_set(conn, contact, now)
    suppression.lift(conn, contact.address_hash, suppression.EVERYTHING, ["pause"])
    return ({"until": _text(until)}, {"until": None}) if until else ({}, {})


def is_looser(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Return whether a change of the two lets more mail through than before."""
    if "days" in after and before["days"] and after["days"] < before["days"]:
        return True  # 0 is each letter; the limits are 7 and 30
    if "until" not in after or not before["until"]:
        return False
    return not after["until"] or datetime.fromisoformat(after["until"]) < datetime.fromisoformat(before["until"])


def put_back(conn: Connection, contact: Contact, change: Change, history: History, now: datetime) -> bool:
    """Restore the values an act set, except any set or changed since; return whether any was restored."""
    after, done = change.after, False
    days, until = now_set(conn, contact, now)
    if "days" in after and days == after["days"] and history.is_newest("days"):
        suppression.limit(conn, contact.address_hash, history.before("days"), now)
        done = True
    if "until" in after and until == _lasting(after["until"], now) and history.is_newest("until"):
        suppression.lift(conn, contact.address_hash, suppression.EVERYTHING, ["pause"])
        done = True
        former = _lasting(history.before("until"), now)
        if former:
            suppression.suppress(conn, contact.address_hash, suppression.EVERYTHING, "pause", now, former)
    return done


def _text(until: datetime | None) -> str | None:
    return until.isoformat() if until else None


def _lasting(text: str | None, now: datetime) -> datetime | None:
    until = datetime.fromisoformat(text) if text else None
    return until if until and until > now else None

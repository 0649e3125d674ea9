"""After a backup was put back: no letter that may have left since is sent again, and no reader's request is lost (E24).

A copy of the database lacks the events after it was made. So these steps are made in order, each harmless if repeated.
Numbers jump ahead, so that links in letters of the lost hours never mean another contact. Every mailing that was on its
way is held, and listed with how many wait. Campaigns that the journal saw launched, or whose hour has passed, do not
leave by themselves. The requests of readers since then are taken from the journal. Nothing is sent.

Raises ``StorageError``. Success does not mean that every contact got the letter: the relay's log has the deliveries.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, inspect, select, text

from campaigns.lifecycle import control, records
from campaigns.lifecycle.records import Campaign
from campaigns.lifecycle.states import CampaignEvent, CampaignState
from campaigns.staff import audit
from mailer import outbox, suppression
from mailer.errors import InputError
from mailer.journal import Journal, Line
from mailer.messages import Message
from mailer.storage import Database
from unsubscribe import consent, contacts, erasing
from unsubscribe.contacts import Contact

RESTORED = "restored"
FOREIGN_CODE = Message(
    "this database has triggers that Postiljon never makes ({names}): with them, somebody else's code runs at each "
    "change. Nothing was done. Put back a copy of your own, or remove them with DROP TRIGGER"
)
_AHEAD = 10_000_000
HASH_BYTES = 16
_LONGEST_NAME, _MOST_DAYS, _LAST_YEAR = 200, 3660, 9000
_SLICE = 200
_EntryKey = tuple[bytes, str, str]


@dataclass(slots=True)
class Restored:
    """The work done: held campaign → contacts that wait, campaigns that this copy did not know, requests, erasures."""

    held: dict[str, int] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    wishes: int = 0  # requests taken from the journal; the key in --json
    erased: int = 0
    service_letters: int = 0
    unreadable: int = 0  # lines of the journal that are torn, foreign, or not as we write them

    def as_json(self) -> dict[str, Any]:
        """Return the fields for ``--json``."""
        return asdict(self)


def restored(db: Database, journal: Journal, now: datetime) -> Restored:
    """Make a database that was put back safe to send from. Raises ``InputError`` for one that has code in it."""
    with db.read() as conn:
        if found := triggers(conn):
            raise InputError(FOREIGN_CODE.format(names=", ".join(found)))
    done = Restored()
    read = list(journal.read())
    lines = [line for line in read if line is not None and is_ours(line)]
    done.unreadable = len(read) - len(lines)
    kept, db.journal = db.journal, None  # replayed lines are in the journal already
    try:
        with db.write() as conn:
            _jump_ahead(conn)
        outbox.sweep(db, now)
        _hold(db, lines, done, now)
        _replay(db, lines, done, now)
    finally:
        db.journal = kept
    return done


def triggers(conn: Connection) -> list[str]:
    """Return code in a database that would run with ours and that Postiljon never makes: it came with a copy."""
    return [repr(name)[1:-1] for name in audit.foreign_triggers(conn)]


def missing(conn: Connection, journal: Journal) -> list[str]:
    """Return campaigns that the journal saw launched and this database lacks: a sign that a backup was put back."""
    seen = (item for item in records.all_campaigns(conn) if item.launched_at or item.state is CampaignState.CANCELLED)
    known = {item.slug for item in seen}
    return sorted({line["launched"] for line in journal.lines() if "launched" in line and is_ours(line)} - known)


def is_ours(line: Line) -> bool:
    """Return whether a line of the journal can have been written by us: only such lines are replayed."""
    if "launched" in line:
        named = (line["launched"], line.get("topic", ""))
        return all(isinstance(name, str) and len(name) <= _LONGEST_NAME and name.isprintable() for name in named)
    try:
        hashed, scope, days = bytes.fromhex(line["hash"]), line["scope"], line.get("days") or 0
        times = [datetime.fromisoformat(line[name]) for name in ("since", "until") if line.get(name)]
    except (KeyError, TypeError, ValueError):
        return False
    named_well = isinstance(scope, str) and len(scope) <= _LONGEST_NAME and scope.isprintable()
    right = len(hashed) == HASH_BYTES and named_well and str(line.get("reason")) in suppression.JOURNALED
    in_time = all(at.tzinfo is not None and at.year < _LAST_YEAR for at in times)
    says = line.get("lifted") is True or bool(line.get("since"))
    return right and in_time and says and type(days) is int and 0 <= days <= _MOST_DAYS


def _jump_ahead(conn: Connection) -> None:
    """Skip the numbers of the lost hours: numbers are in links for years and are never given twice."""
    if conn.dialect.name == "sqlite":
        conn.execute(text("UPDATE sqlite_sequence SET seq = seq + :ahead"), {"ahead": _AHEAD})
        named = set(conn.execute(text("SELECT name FROM sqlite_sequence")).scalars())
        for table in {"contact", "mailing", "campaign", "delivery"} - named:
            values = {"name": table, "ahead": _AHEAD}
            conn.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :ahead)"), values)
        return
    sequences = inspect(conn).get_sequence_names()
    for name in sequences:
        conn.execute(select(text(f"setval('{name}', nextval('{name}') + {_AHEAD})")))


def _hold(db: Database, lines: Iterable[Line], done: Restored, now: datetime) -> None:
    launched = {line["launched"]: line for line in lines if "launched" in line}
    with db.write() as conn:
        outbox.service.release_held(conn, now, now)  # no sender may do so later: they are stopped below as well
        on_their_way = outbox.open_ones(conn)
        for mailing in on_their_way:
            if not mailing.is_service:
                outbox.hold(conn, mailing.id, RESTORED, now)
        for campaign in records.in_states(conn, [CampaignState.SCHEDULED]):
            if campaign.slug in launched or (campaign.send_at and campaign.send_at <= now):
                records.change_state(conn, campaign, CampaignEvent.HOLD, now, reason=RESTORED)
                done.held[campaign.slug] = 0
        for slug, line in launched.items():
            _mark_launched_elsewhere(conn, slug, line, done, now)
    for mailing in on_their_way:
        if mailing.is_service:  # a confirmation, a notice: a person that misses it asks again
            done.service_letters += mailing.counts.unfinished
            _cancel(db, mailing.id, now)
    control.reconcile(db, now)
    with db.read() as conn:
        for campaign in records.in_states(conn, [CampaignState.HELD, CampaignState.PAUSED]):
            if campaign.mailing_id is not None:
                done.held[campaign.slug] = outbox.get(conn, campaign.mailing_id).counts.unfinished


def _cancel(db: Database, mailing: int, now: datetime) -> None:
    left, before = 1, 0
    while left and left != before:
        with db.write() as conn:
            before, left = left, outbox.cancel(conn, mailing, now)


def _mark_launched_elsewhere(conn: Connection, slug: str, line: Line, done: Restored, now: datetime) -> None:
    """Mark a campaign that was launched after this copy was made, so that the same file does not launch it again."""
    known = records.find(conn, slug)
    if known is None:
        records.add(conn, _row_of_elsewhere(slug, line), now)
        known = records.get(conn, slug)
    if (
        known.state is CampaignState.CANCELLED
        or known.launched_at
        or known.state in (CampaignState.SCHEDULED, CampaignState.HELD)
    ):
        return
    for event in _events_to_cancelled(known):
        records.change_state(conn, records.get(conn, slug), event, now, reason=RESTORED)
    done.unknown.append(slug)


def _events_to_cancelled(campaign: Campaign) -> list[CampaignEvent]:
    """Return the events that lead from its state to *cancelled*."""
    first = [CampaignEvent.APPROVE] if campaign.state is CampaignState.IN_REVIEW else []
    return [*first, CampaignEvent.START, CampaignEvent.CANCEL]


def _row_of_elsewhere(slug: str, line: Line) -> dict[str, Any]:
    """Return the columns that are known of a campaign that was launched after the copy."""
    empty: dict[str, Any] = dict.fromkeys(("source", "file_name", "from_address", "snapshot", "timezone"), "")
    return empty | {
        "slug": slug, "subject": slug, "topic": str(line.get("topic", "")), "language": "en", "online": "none",
        "parts": {}, "online_code": secrets.token_urlsafe(12),
    }  # fmt: skip


def _replay(db: Database, lines: Iterable[Line], done: Restored, now: datetime) -> None:
    """Replay the final requests only: a contact that left and came back stays as this copy has it."""
    last: dict[_EntryKey, Line] = {}
    for line in lines:
        if "hash" in line:
            key = (bytes.fromhex(line["hash"]), line["scope"], line["reason"])
            last.pop(key, None)
            last[key] = line
    requests = list(last.items())
    for start in range(0, len(requests), _SLICE):
        with db.write() as conn:
            done.wishes += sum(_apply(conn, key, line, now) for key, line in requests[start : start + _SLICE])
    people = _people(db, {key[0] for key, line in requests if key[2] == "erased" and "since" in line})
    for person in people.values():
        with db.write() as conn:
            done.erased += erasing.erase(conn, person.id, now) is not None
    if people:
        erasing.forget_files(db)
    _leave(db, requests, now)


def _apply(conn: Connection, key: _EntryKey, line: Line, now: datetime) -> bool:
    """Set one entry as the journal has it; return whether that was a change."""
    hashed, scope, reason = key
    mine = [entry for entry in suppression.entries(conn, hashed) if (entry.scope, entry.reason) == (scope, reason)]
    known = bool(mine)
    if line.get("lifted"):
        return known and bool(suppression.lift(conn, hashed, scope, [reason]))
    if days := int(line.get("days") or 0):
        if not known or mine[0].every_days != days:
            suppression.limit(conn, hashed, days, now)  # from now: letters that left in the lost hours are unknown
            return True
        return False
    until = datetime.fromisoformat(line["until"]) if line.get("until") else None
    if until is not None and until <= now:
        return False
    since = datetime.fromisoformat(line["since"])
    suppression.suppress(conn, hashed, scope, reason, since, until)  # type: ignore[arg-type]
    return not known


def _leave(db: Database, requests: Iterable[tuple[_EntryKey, Line]], now: datetime) -> None:
    """Let the subscriptions of contacts that opted out, and their proof, follow the suppression."""
    out: dict[bytes, list[tuple[str, Line]]] = {}
    for (hashed, scope, reason), line in requests:
        if reason in ("opt_out", "manual") and "since" in line:
            out.setdefault(hashed, []).append((scope, line))
    people = _people(db, set(out))
    for hashed, person in people.items():
        with db.write() as conn:
            for topic in contacts.topics(conn):
                said = [line for scope, line in out[hashed] if scope in ("", topic.slug)]
                if said and contacts.subscriptions(conn, person.id).get(topic.slug) == "subscribed":
                    at = datetime.fromisoformat(said[0]["since"])
                    contacts.set_state(conn, person.id, topic.id, "opted_out", at)
                    detail = {"address": person.email, "how": "journal"}
                    consent.record(conn, consent.ConsentEvent(person.id, "withdrawn", topic.slug, at, 0, detail), now)


def _people(db: Database, hashes: set[bytes]) -> dict[bytes, Contact]:
    """Return hash → contact for the hashes that this copy has; the whole table is read once."""
    found: dict[bytes, Contact] = {}
    after = 0
    while hashes:
        with db.read() as conn:
            page = contacts.everyone(conn, after, 1000)
        if not page:
            break
        after = page[-1].id
        found |= {person.address_hash: person for person in page if person.address_hash in hashes}
    return found

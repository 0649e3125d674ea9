"""The figures of a mailing for its report: outcomes with their reasons, accepted by minute, and the largest domains.

Promises: :func:`count` reads each row of a mailing twice (about two seconds for a million), so it is for the clock.
:func:`kept` reads one row. Figures are numbers: a domain with fewer than :data:`FEWEST` people is not named. Success
does not mean that the figures are those of this moment: compare :attr:`Figures.counts` with the mailing's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, case, func, select

from mailer.columns import insert_into, json_object
from mailer.outbox.mailings import get
from mailer.outbox.tables import COUNTERS, DELIVERY, FIGURES, MAILING
from mailer.outbox.values import Counts

FEWEST = 5  # people of a domain that is named
LARGEST = 15
MOST_MINUTES = 3_000
_MINUTE, _HOUR = 16, 13  # characters of a time in ISO 8601


@dataclass(frozen=True, slots=True)
class DomainFigures:
    """The people of one receiving domain; ``name`` "": all other domains together."""

    name: str
    people: int
    accepted: int
    refused: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures at a moment. ``outcomes``: state, reason, people. ``accepted``: by minute (or hour), in order."""

    at: datetime
    counts: Counts
    outcomes: tuple[tuple[str, str, int], ...]
    accepted: tuple[tuple[datetime, int], ...]
    domains: tuple[DomainFigures, ...]


def count(conn: Connection, mailing_id: int, now: datetime) -> Figures:
    """Count the figures of a mailing."""
    counts = get(conn, mailing_id).counts
    row = DELIVERY.c
    moment = func.substr(row.at, 1, _MINUTE) if conn.dialect.name == "sqlite" else func.date_trunc("minute", row.at)
    minute = case((row.state == "accepted", moment)).label("minute")
    query = select(row.state, row.reason, minute, func.count()).where(row.mailing_id == mailing_id)
    outcomes: dict[tuple[str, str], int] = {}
    minutes: dict[str, int] = {}
    for state, reason, at, people in conn.execute(query.group_by(row.state, row.reason, minute)):
        outcomes[state, reason] = outcomes.get((state, reason), 0) + people
        if at is not None:
            key = at[:_MINUTE] if isinstance(at, str) else at.astimezone(UTC).isoformat()[:_MINUTE]
            minutes[key] = minutes.get(key, 0) + people
    largest_first = sorted(outcomes.items(), key=lambda item: (-item[1], item[0]))
    return Figures(
        now,
        counts,
        tuple((state, reason, people) for (state, reason), people in largest_first),
        tuple((_moment(key), people) for key, people in sorted(_few(minutes).items())),
        tuple(_domains(conn, mailing_id, outcomes)),
    )


def keep(conn: Connection, mailing_id: int, figures: Figures) -> None:
    """Store the figures of a mailing, in place of earlier ones."""
    stored = {
        "outcomes": figures.outcomes,
        "accepted": [(moment.isoformat()[:_MINUTE], people) for moment, people in figures.accepted],
        "domains": [astuple(domain) for domain in figures.domains],
    }
    counters = json.dumps(astuple(figures.counts))
    values = {"counters": counters, "figures": json.dumps(stored, separators=(",", ":")), "at": figures.at}
    insert = insert_into(conn, FIGURES).values(mailing_id=mailing_id, **values)
    conn.execute(insert.on_conflict_do_update(index_elements=["mailing_id"], set_=values))


def kept(conn: Connection, mailing_id: int) -> Figures | None:
    """Return the figures that were counted last; None for none, and for a row that another program has broken."""
    found = conn.execute(select(FIGURES).where(FIGURES.c.mailing_id == mailing_id)).first()
    stored = json_object(found.figures) if found else None
    if found is None or stored is None:
        return None
    return Figures(
        found.at,
        Counts(*json.loads(found.counters)),
        tuple((state, reason, people) for state, reason, people in stored["outcomes"]),
        tuple((_moment(key), people) for key, people in stored["accepted"]),
        tuple(DomainFigures(*domain) for domain in stored["domains"]),
    )


@dataclass(frozen=True, slots=True)
class Outdated:
    """A campaign's mailing whose figures are not those of this moment. ``at``: when they were counted, if ever."""

    mailing: int
    at: datetime | None
    is_finished: bool


def outdated(conn: Connection) -> list[Outdated]:
    """Return the mailings of campaigns whose counters have changed since their figures were counted."""
    columns = [MAILING.c[name] for name in COUNTERS]
    query = select(MAILING.c.id, MAILING.c.state, FIGURES.c.at, FIGURES.c.counters, *columns).join_from(
        MAILING, FIGURES, FIGURES.c.mailing_id == MAILING.c.id, isouter=True
    )
    query = query.where(MAILING.c.recipient.is_(None), MAILING.c.kind == "campaign", MAILING.c.recipients > 0)
    return [
        Outdated(number, at, state == "closed")
        for number, state, at, counters, *counts in conn.execute(query)
        if counters != json.dumps(tuple(counts))
    ]


def _domains(conn: Connection, mailing_id: int, outcomes: Mapping[tuple[str, str], int]) -> list[DomainFigures]:
    """Return the largest domains, and the others together last."""
    row, people = DELIVERY.c, func.count().label("people")
    taken = func.sum(case((row.state == "accepted", 1), else_=0))
    refused = func.sum(case((row.state == "refused", 1), else_=0))
    mine = row.mailing_id == mailing_id
    named = (
        select(row.domain, people, taken, refused)
        .where(mine, row.domain != "")
        .group_by(row.domain)
        .having(func.count() >= FEWEST)
    )
    found = [
        DomainFigures(name, number, int(accepted), int(no))
        for name, number, accepted, no in conn.execute(named.order_by(people.desc(), row.domain).limit(LARGEST))
    ]
    rest = DomainFigures(
        "",
        sum(outcomes.values()) - sum(one.people for one in found),
        _in_state(outcomes, "accepted") - sum(one.accepted for one in found),
        _in_state(outcomes, "refused") - sum(one.refused for one in found),
    )
    return [*found, rest] if rest.people else found


def _in_state(outcomes: Mapping[tuple[str, str], int], wanted: str) -> int:
    return sum(people for (state, _reason), people in outcomes.items() if state == wanted)


def _few(minutes: dict[str, int]) -> dict[str, int]:
    """Return the numbers by minute; by hour where there are very many minutes."""
    if len(minutes) <= MOST_MINUTES:
        return minutes
    hours: dict[str, int] = {}
    for minute, people in minutes.items():
        hour = f"{minute[:_HOUR]}:00"
        hours[hour] = hours.get(hour, 0) + people
    return hours


def _moment(key: str) -> datetime:
    return datetime.fromisoformat(key).replace(tzinfo=UTC)

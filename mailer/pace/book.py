"""The learnt limits of the relay and of domains, in the database for all senders: the table ``learnt``.

Promises: a :class:`Book` is opened in a writing transaction, which also writes its changes to disk. On PostgreSQL one
sender at a time has it open. No row is read or written until a server complains. A bucket is forgotten when it is
unused for an hour, or for four of its own windows if these are longer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from sqlalchemy import Connection, Float, Integer, Table, delete, func, select
from sqlmodel import Field, SQLModel

from mailer.columns import insert_into
from mailer.pace import learning
from mailer.pace.learning import AnswerCounts, ClaimSlots, Cycle, Learnt, PaceStop, Rest

_FORGET, _WINDOWS = 3600.0, 4
_GUARD = 7_104_223  # the advisory lock under which senders open the book on PostgreSQL


def _time() -> Any:
    return Field(default=0.0, sa_type=Float(53))


class LearntRow(SQLModel, table=True):
    """One bucket (``relay`` or ``domain:…``); the columns are the fields of :class:`mailer.pace.learning.Learnt`."""

    __tablename__ = "learnt"

    bucket: str = Field(primary_key=True)
    since: float = _time()
    heard_at: float = _time()
    rate: float = _time()
    ceiling: float = _time()
    sure: float = _time()
    measured: float = _time()
    proof: int = Field(default=0, sa_type=Integer)
    slot_at: float = _time()
    age: float = _time()
    aged_at: float = _time()
    used: int = Field(default=0, sa_type=Integer)
    span: float = _time()
    cycle_begun_at: float = _time()
    cycle_taken: int = Field(default=0, sa_type=Integer)
    cycle_stops: int = Field(default=0, sa_type=Integer)
    cycle_suspect: bool = False
    stop_at: float = _time()
    stop_refused_at: float = _time()
    stop_probe_at: float = _time()
    stop_out_at: float = _time()
    rest_until: float = _time()
    rest_length: float = _time()
    rest_out_at: float = _time()


LEARNT: Table = SQLModel.metadata.tables["learnt"]
_PARTS = {"cycle": Cycle, "stop": PaceStop, "rest": Rest}


def known(conn: Connection, now: float, buckets: Collection[str] | None = None) -> dict[str, Learnt]:
    """Return the learnt state of all buckets, or of these, without stale ones."""
    query = select(LEARNT)
    if buckets is not None:
        query = query.where(LEARNT.c.bucket.in_(sorted(buckets)))
    found = {row["bucket"]: _learnt(dict(row)) for row in conn.execute(query).mappings()}
    return {bucket: learnt for bucket, learnt in found.items() if not _stale(learnt, now)}


def forget(conn: Connection, now: float) -> int:
    """Delete the stale buckets; return how many."""
    row = LEARNT.c
    old = (row.heard_at < now - _FORGET) & (row.heard_at < now - _WINDOWS * row.span) & (row.rest_until < now - _FORGET)
    return conn.execute(delete(LEARNT).where(old)).rowcount


class Book:
    """The learnt buckets within one transaction, see the module. :meth:`close` writes the changes."""

    def __init__(self, conn: Connection, now: float) -> None:
        self._conn, self._now = conn, now
        self._read: dict[str, Learnt | None] = {}
        self._changed: set[str] = set()
        self._guarded = conn.dialect.name == "sqlite"

    def slots(self, bucket: str) -> ClaimSlots:
        """Return the number of letters that may be claimed now, and their times."""
        return learning.slots(self._get(bucket), self._now)

    def took(self, bucket: str, number: int) -> None:
        """Record that ``number`` letters were claimed."""
        self._put(bucket, learning.took(self._get(bucket), number, self._now))

    def record_answers(self, news: Mapping[str, AnswerCounts]) -> None:
        """Learn from the answers; a bucket that is not known is added if it complained."""
        self.load(news)
        for bucket, each in news.items():
            if self._read.get(bucket) or each.refused or each.reputation:
                self._put(bucket, learning.record_answers(self._get(bucket), each, self._now))

    def undo(self, buckets: Collection[str]) -> None:
        """Delete the learnt state of these buckets, since the complaints were about another one."""
        if buckets:
            self._guard()
            self._conn.execute(delete(LEARNT).where(LEARNT.c.bucket.in_(sorted(buckets))))
            for bucket in buckets:
                self._read[bucket] = None
                self._changed.discard(bucket)

    def load(self, buckets: Collection[str]) -> None:
        """Read these buckets in one query."""
        new = [bucket for bucket in buckets if bucket not in self._read]
        if new:
            self._guard()
            found = known(self._conn, self._now, new)
            self._read.update((bucket, found.get(bucket)) for bucket in new)

    def close(self) -> None:
        """Write the changed buckets."""
        if not self._changed:
            return
        insert = insert_into(self._conn, LEARNT)
        rows = [{"bucket": bucket, **_flat(self._get(bucket))} for bucket in sorted(self._changed)]
        same = {column.name: insert.excluded[column.name] for column in LEARNT.c if not column.primary_key}
        self._conn.execute(insert.on_conflict_do_update(index_elements=["bucket"], set_=same), rows)
        self._changed.clear()

    def present(self) -> dict[str, Learnt]:
        """Return the present state of the buckets that were read."""
        return {bucket: learnt for bucket, learnt in self._read.items() if learnt}

    def _get(self, bucket: str) -> Learnt:
        self.load([bucket])
        return self._read[bucket] or Learnt()

    def _put(self, bucket: str, learnt: Learnt) -> None:
        if learnt != self._read.get(bucket):
            self._read[bucket] = learnt
            self._changed.add(bucket)

    def _guard(self) -> None:
        if not self._guarded:  # rows are read in varying order: without this lock two senders could deadlock
            self._guarded = True
            self._conn.execute(select(func.pg_advisory_xact_lock(_GUARD)))


def _stale(learnt: Learnt, now: float) -> bool:
    kept = max(_FORGET, _WINDOWS * learnt.span)
    return max(learnt.heard_at, learnt.rest.until) < now - kept


def _flat(learnt: Learnt) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in fields(learnt):
        value = getattr(learnt, item.name)
        if is_dataclass(value):
            found |= {f"{item.name}_{part.name}": getattr(value, part.name) for part in fields(value)}
        else:
            found[item.name] = value
    return found


def _learnt(row: Mapping[str, Any]) -> Learnt:
    given: dict[str, Any] = {item.name: row[item.name] for item in fields(Learnt) if item.name not in _PARTS}
    for name, kind in _PARTS.items():
        given[name] = kind(**{part.name: row[f"{name}_{part.name}"] for part in fields(kind)})
    return Learnt(**given)

"""The tasks of a draft: text, people, hour, check; each with what is missing and the faults that were found.

Promises: faults are those of :func:`campaigns.lifecycle.preparation.examine`, the same that stop a plan. They are kept
by the hash of the version, so that a page does not compile the same letter twice. The number of people is counted
again after half a minute. Nothing raises for a text or a brand that is wrong: that is a fault.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Literal, TypeVar

from sqlalchemy import Connection

from campaigns.lifecycle import audience, drafts, segments
from campaigns.lifecycle.drafts import Draft
from campaigns.lifecycle.preparation import LaunchConfig, examine
from mailer.errors import Fault, FaultsError, InputError, PostiljonError
from unsubscribe import contacts

TaskName = Literal["text", "who", "when", "check"]
TaskStatus = Literal["done", "to_do", "in_progress", "problem"]
_NEEDED = ("subject", "from", "language")  # and a text
_WHO = ("topic", "segment")
_KEPT, _COUNTED_FOR = 200, timedelta(seconds=30)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Task:
    """A task. ``missing``: keys without a value, ``text`` for the text. ``people``: who would get it now."""

    name: TaskName
    status: TaskStatus
    missing: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    people: int | None = None


class _Latest(Generic[V]):
    """The latest results by key; safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, V] = OrderedDict()

    def get(self, key: Hashable) -> V | None:
        """Return the result that is kept, or None."""
        with self._lock:
            return self._kept.get(key)

    def put(self, key: Hashable, value: V) -> V:
        """Keep a result; the oldest makes room."""
        with self._lock:
            self._kept[key] = value
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return value


_EXAMINED: _Latest[tuple[Fault, ...]] = _Latest()
_COUNTS: _Latest[tuple[datetime, int]] = _Latest()


def faults_of(config: LaunchConfig, draft: Draft, now: datetime) -> tuple[Fault, ...]:
    """Return every fault and warning of the present version."""
    with config.db.read() as conn:
        topic = contacts.find_topic(conn, draft.definition.topic)
        key = (draft.version.hash, draft.campaign.slug, topic, _state_of(config), config.public_url)
        kept = _EXAMINED.get(key)
        if kept is not None:
            return kept
        try:
            source = drafts.source_of(conn, draft, config.brand)
        except (InputError, FaultsError) as error:
            return (Fault("", 0, "brand", str(config.brand), error.args[0]),)
    try:
        found = tuple(examine(config, source, now)[1])
    except FaultsError:
        raise
    except PostiljonError as error:  # the helper processes are busy: said, and not kept
        return (Fault("", 0, "text", "", error.args[0], severity="warning"),)
    return _EXAMINED.put(key, found)


def tasks(config: LaunchConfig, draft: Draft, now: datetime) -> list[Task]:
    """Return the tasks in their order."""
    found = faults_of(config, draft, now)
    there, has_text = draft.definition.lines, bool(draft.definition.body.strip())
    missing = (*(key for key in _NEEDED if key not in there), *(() if has_text else ("text",)))
    all_missing = missing if "topic" in there else (*missing, "topic")
    real = [fault for fault in found if fault.field not in all_missing]
    who = _who(config, draft, real, now)
    return [_text(missing, real, has_text), who, _when(draft, now), _check(all_missing, real)]


def people(conn: Connection, draft: Draft, now: datetime) -> int:
    """Return how many people would get it, counted half a minute ago at most."""
    definition = draft.definition
    key = (str(conn.engine.url), definition.topic, definition.segment, definition.language)
    kept = _COUNTS.get(key)
    if kept is not None and abs(now - kept[0]) < _COUNTED_FOR:
        return kept[1]
    keep = segments.keep(definition.segment, definition.language)
    return _COUNTS.put(key, (now, audience.count(conn, definition.topic, keep)))[1]


def _text(missing: tuple[str, ...], faults: Sequence[Fault], has_text: bool) -> Task:
    wrong = tuple(fault for fault in faults if fault.severity == "error" and fault.field not in (*_WHO, "send_at"))
    if missing:
        begun = has_text or "subject" not in missing
        return Task("text", "in_progress" if begun else "to_do", missing)
    return Task("text", "problem" if wrong else "done", faults=wrong)


def _who(config: LaunchConfig, draft: Draft, faults: Sequence[Fault], now: datetime) -> Task:
    if "topic" not in draft.definition.lines:
        return Task("who", "to_do", ("topic",))
    wrong = tuple(fault for fault in faults if fault.field in _WHO)
    if wrong:
        return Task("who", "problem", faults=wrong)
    with config.db.read() as conn:
        number = people(conn, draft, now)
    return Task("who", "done" if number else "problem", people=number)


def _when(draft: Draft, now: datetime) -> Task:
    hour = draft.campaign.send_at or draft.definition.send_at
    return Task("when", "done" if hour and hour > now else "to_do")


def _check(missing: tuple[str, ...], faults: Sequence[Fault]) -> Task:
    if missing:
        return Task("check", "to_do", missing)
    wrong = tuple(fault for fault in faults if fault.severity == "error" or fault.field == "topic")
    if wrong:
        return Task("check", "problem", faults=wrong)
    return Task("check", "in_progress" if faults else "done", faults=tuple(faults))


def _state_of(config: LaunchConfig) -> tuple[str, int]:
    """Return the name of the brand file and when it was changed; 0 for none."""
    try:
        return str(config.brand or ""), config.brand.stat().st_mtime_ns if config.brand else 0
    except OSError:
        return str(config.brand), 0

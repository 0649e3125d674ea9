"""The age of the last good backup, for ``doctor`` and ``/metrics``. Reads the record alone: no secret, no archive."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from campaigns.context import AppContext
from campaigns.ops.backup import record
from campaigns.ops.findings import Finding
from campaigns.source.local_time import local_text
from mailer.messages import Message
from unsubscribe.web.metrics import Gauge

OLD = timedelta(days=2)
METRIC = "postiljon_backup_last_success_timestamp_seconds"


def look(context: AppContext) -> Iterator[Finding]:
    """Report when the last good backup was made."""
    made = record.last(context.data)
    subject = Message("backup")
    if made is None:
        words = Message("none was made yet with 'postiljon backup'. Let it run each night (docs/howto/backup.md)")
        yield Finding("warning", subject, words)
        return
    if made.foreign:
        words = Message(
            "'postiljon restore' will refuse the last one ({path}): the database has objects that Postiljon never "
            "makes ({names}). Remove them (DROP), and run 'postiljon backup'"
        )
        yield Finding("warning", subject, words.format(path=made.archive, names=", ".join(made.foreign)))
    at = local_text(made.at, context.reader.timezone)
    age = context.clock() - made.at
    if age > OLD:
        words = Message("the last good one is {days} days old ({at}, {path}). Look why: run 'postiljon backup'")
        yield Finding("warning", subject, words.format(days=age.days, at=at, path=made.archive))
    else:
        yield Finding("ok", subject, Message("the last good one: {at}, {path}", at=at, path=made.archive))


def gauges(data: Path) -> list[Gauge]:
    """Return the time of the last good backup in seconds since 1970; 0: there was none."""
    made = record.last(data)
    return [Gauge(METRIC, "When the last good backup was made; 0: never", made.at.timestamp() if made else 0.0)]

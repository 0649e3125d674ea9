"""Acts on the command line, in the audit trail as ``cli:USER``.

Promises: an act whose transaction belongs to the command is recorded in it (:func:`record`): people, topics, erasing
and holding single addresses. One whose use case has transactions of its own (launch, pause, import, …) is recorded
right after it (:func:`note`): a process that is killed between the two leaves the act without its row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from campaigns.cli.output import _

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from campaigns.context import AppContext
    from campaigns.staff.audit import Verb


def record(
    conn: Connection, context: AppContext, verb: Verb, kind: str, subject: str, fields: Sequence[str] = ()
) -> None:
    """Record an act, in the transaction of the act."""
    from campaigns.staff import audit

    audit.record(conn, audit.Origin.of_command(who()), audit.Act(verb, kind, subject, fields), context.clock())


def note(context: AppContext, verb: str, kind: str, subject: str, fields: Sequence[str] = ()) -> None:
    """Record an act in a transaction of its own, right after it."""
    from campaigns.staff.audit import Verb

    with context.db.write() as conn:
        record(conn, context, Verb(verb), kind, subject, fields)


def who() -> str:
    """Return the name of the user who runs the command."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return _("somebody")

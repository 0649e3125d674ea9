"""``upgrade``: a backup, then the migration of the database, then the work of ``init``.

Promises: nothing is changed before the backup is made and checked. The migration is one transaction, and the steps
after it may be repeated, so the same command can be run again after a kill at any point. Raises ``SchemaError`` for a
database that is newer than this program, ``StateHeld`` beside another backup or a running sender, and the errors of a
backup.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from campaigns import migrations
from campaigns.context import AppContext
from campaigns.migrations.words import CHANGES
from campaigns.ops import installation
from campaigns.ops.backup import maintenance, making
from campaigns.ops.backup.making import BackupMade, BackupPlan
from campaigns.version import version_line
from mailer import outbox, suppression
from mailer.errors import StateHeld
from mailer.messages import Message

RUNNING = Message(
    "Postiljon runs (senders: {number}), and a migration changes the tables that they use. Nothing was done. Stop it "
    "first on every machine: systemctl stop postiljon; or give --while-running"
)


@dataclass(frozen=True, slots=True)
class UpgradePlan:
    """The changes to come: the schema before and after, a line for each revision, and the senders that run."""

    database: str
    product: str
    before: str
    after: str
    changes: tuple[tuple[str, Message], ...]
    senders: int


@dataclass(frozen=True, slots=True)
class Upgraded:
    """The work done. ``backup``: the archive that was made first, if one was."""

    plan: UpgradePlan
    backup: BackupMade | None

    def as_json(self) -> dict[str, Any]:
        """Return the fields for ``--json``."""
        plan = self.plan
        return {
            "database": plan.database,
            "product": plan.product,
            "before": plan.before,
            "schema": plan.after,
            "changes": [{"schema": revision, "words": words} for revision, words in plan.changes],
            "senders": plan.senders,
            "backup": self.backup.as_json() if self.backup else None,
        }


def look(context: AppContext) -> UpgradePlan:
    """Return the changes to come; changes nothing. Raises ``SchemaError``, and ``SettingsError`` for another pepper."""
    with context.db.read() as conn:
        revisions = migrations.pending(conn)
        suppression.bind_pepper(conn, context.pepper)
        before, senders = migrations.current(conn) or "", len(outbox.running(conn))
    changes = tuple((revision, CHANGES[revision]) for revision in revisions)
    return UpgradePlan(context.db.shown, version_line(), before, migrations.HEAD, changes, senders)


def refuse_running(plan: UpgradePlan) -> None:
    """Raise ``StateHeld`` where the schema would change beside a sender that runs."""
    if plan.changes and plan.senders:
        raise StateHeld(RUNNING.format(number=plan.senders))


def carry_out(context: AppContext, plan: UpgradePlan, backup: BackupPlan | None, now: datetime) -> Upgraded:
    """Upgrade. ``backup``: None for no backup; none is made either where the schema does not change."""
    with maintenance.alone(context.data) as work:
        made = making.made_within(work, context, backup, now) if backup and plan.changes else None
        installation.install()
    return Upgraded(plan, made)

"""``upgrade``: what will change, a backup, and the migration."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from campaigns.cli.administration import Json
from campaigns.cli.backups import say_made
from campaigns.cli.output import _, complain, number, say, tell, translated

if TYPE_CHECKING:
    from campaigns.ops.upgrading import UpgradePlan


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(
        "upgrade",
        help=_("After a new release was installed: make a backup, and migrate the database."),
        epilog=_("Example: postiljon upgrade"),
    )(upgrade)


def upgrade(
    yes: Annotated[bool, typer.Option("--yes", help=_("Do not ask."))] = False,
    backup: Annotated[bool, typer.Option("--backup/--no-backup", help=_("Make a backup first."))] = True,
    as_json: Json = False,
) -> None:
    """Upgrade the installation."""
    from campaigns.context import unchecked_context
    from campaigns.ops import upgrading
    from campaigns.ops.backup import making

    context = unchecked_context()
    try:
        plan = upgrading.look(context)
        if not as_json:
            _say_plan(plan)
        if plan.changes and not yes:
            _confirm()
        wanted = making.planned(context, None, None, None) if backup else None
        done = upgrading.carry_out(context, plan, wanted, datetime.now(UTC))
    finally:
        context.close()
    if as_json:
        tell(done.as_json())
        return
    if done.backup:
        say_made(done.backup)
    if plan.changes:
        text = _("Migrated: {database}, from {before} to {after}.")
        say(text.format(database=plan.database, before=plan.before, after=plan.after))


def _say_plan(plan: UpgradePlan) -> None:
    """Say what will change."""
    if not plan.changes:
        text = _("Nothing to change: {database} has the schema of this version ({product}, schema {after}).")
        say(text.format(database=plan.database, product=plan.product, after=plan.after))
        return
    text = _("{database} will go from schema {before} to {after} ({product}):")
    say(text.format(database=plan.database, before=plan.before, after=plan.after, product=plan.product))
    for revision, words in plan.changes:
        say(f"  {revision}  {translated(words)}")
    if plan.senders:
        text = _("Postiljon runs (senders: {number}). Stop it first: systemctl stop postiljon")
        complain(text.format(number=number(plan.senders)))


def _confirm() -> None:
    """Ask. Raises ``typer.BadParameter`` where there is no terminal."""
    import sys

    if not sys.stdin.isatty():
        raise typer.BadParameter(_("add it, or answer on a terminal"), param_hint="--yes")
    typer.confirm(_("Upgrade now?"), abort=True)

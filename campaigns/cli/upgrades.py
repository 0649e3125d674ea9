"""``upgrade``: the changes to come, a backup, and the migration."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from campaigns.cli.administration import Json
from campaigns.cli.asking import confirm
from campaigns.cli.backups import say_made
from campaigns.cli.output import _, say, tell, translated

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
    while_running: Annotated[
        bool, typer.Option("--while-running", help=_("Migrate although senders of this installation run."))
    ] = False,
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
        if not while_running:
            upgrading.refuse_running(plan)
        if plan.changes and not yes:
            _confirm(as_json)
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
    """Say the changes to come."""
    if not plan.changes:
        text = _("Nothing to change: {database} has the schema of this version ({product}, schema {after}).")
        say(text.format(database=plan.database, product=plan.product, after=plan.after))
        return
    text = _("{database} will go from schema {before} to {after} ({product}):")
    say(text.format(database=plan.database, before=plan.before, after=plan.after, product=plan.product))
    for revision, words in plan.changes:
        say(f"  {revision}  {translated(words)}")


def _confirm(as_json: bool) -> None:
    """Ask. Raises ``typer.BadParameter`` where there is no terminal, or where a question would stand in the JSON."""
    if as_json:
        raise typer.BadParameter(_("add it: with --json no question is asked"), param_hint="--yes")
    confirm(_("Upgrade now?"))

"""Staff users and campaigns in every state, so that a visitor of the demo can try each button of the console.

Promises: made in the demo's folder before ``serve`` (:mod:`.fill_console`): so nothing is sent meanwhile, and each
campaign is in its state when the console opens. All of them go to contacts of their own, so the letters of the rest of
the demo are counted apart. One address has no mailbox, and the catcher breaks off the connection at the first letter to
another: nobody knows whether that one has it. The use cases are those of the console; no row is written by hand.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection

from campaigns.context import AppContext
from campaigns.lifecycle import control, drafts, freezing, launch
from campaigns.lifecycle.records import Campaign
from campaigns.staff import passwords, users
from templates.words import words
from unsubscribe.consent import make_statement
from unsubscribe.importing import ImportJob, import_contacts

PASSWORD = "vier paarden lopen traag"  # noqa: S105 - printed by the demo, for a server on loopback
TOPIC = "rondleiding"
DOMAIN = "rondleiding.example"
REFUSED, DOUBTED = f"opgeheven@{DOMAIN}", f"onbekend@{DOMAIN}"
PEOPLE, SLOW_RATE = 24, 6  # contacts; letters a minute
Wanted = Literal["draft", "planned", "slow", "paused", "held", "doubt", "stopped"]


@dataclass(frozen=True, slots=True)
class DemoUser:
    """A staff user of the demo."""

    role: str
    name: str

    @property
    def email(self) -> str:
        """The address to sign in with."""
        return f"{self.role}@vng.example"


STAFF = (
    DemoUser("author", "Anna Schrijver"),
    DemoUser("reviewer", "Rob Keurder"),
    DemoUser("sender", "Vera Zender"),
    DemoUser("administrator", "Bas Beheer"),
)


def fill(context: AppContext, language: str) -> None:
    """Add users, contacts and campaigns."""
    now = context.clock()
    kept = passwords.hashed(PASSWORD)  # once: it is made to be slow
    with context.db.write() as conn:
        for user in STAFF:
            _add_user(conn, user, kept, language, now)
    _import(context, now)
    for wanted, name, text in _campaigns(language):
        _make(context, wanted, name, text, language)


def _add_user(conn: Connection, user: DemoUser, kept: str, language: str, now: datetime) -> None:
    number = users.invite(conn, user.email, user.name, [user.role], now, language)
    users.set_password(conn, number, kept, now)
    users.verify_address(conn, number, user.email, now)


def _import(context: AppContext, now: datetime) -> None:
    addresses = [f"lezer{number}@{DOMAIN}" for number in range(1, PEOPLE + 1)] + [REFUSED, DOUBTED]
    with tempfile.TemporaryDirectory(dir=context.data) as folder:
        path = Path(folder) / "people.csv"
        path.write_text("\n".join(["email", *addresses, ""]), "utf-8")
        job = ImportJob(TOPIC, make_statement("member", "demo"), context.pepper)
        import_contacts(context.db, path, job, now)


def _campaigns(language: str) -> Iterator[tuple[Wanted, str, str]]:
    """Yield the state in which each campaign is wanted, its name, and its text."""
    _ = words(language, "cli").gettext
    yield "stopped", _("Stopped: the wrong date"), _("This letter was stopped before it left.")
    yield "held", _("Held: it missed its hour"), _("This letter was planned for an hour at which nothing ran.")
    yield "paused", _("Paused: waits for a decision"), _("This letter waits until somebody carries on.")
    yield "doubt", _("Sent, with a refusal and a doubt"), _("One address refused it; of another nobody knows.")
    yield "slow", _("Being sent, slowly"), _("This letter leaves with six mails a minute.")
    yield "planned", _("Planned for tomorrow"), _("This letter leaves tomorrow, unless it is taken back.")
    yield "draft", _("Draft: yours to write"), _("Change this text as you like.")


def _make(context: AppContext, wanted: Wanted, name: str, text: str, language: str) -> None:
    config, now = context.launch_config, context.clock()
    head = {"subject": name, "from": "VNG <info@vng.example>", "language": language, "topic": TOPIC}
    head |= {"timezone": context.reader.timezone} | ({"rate": str(SLOW_RATE)} if wanted == "slow" else {})
    by = f"user:{1 + [user.role for user in STAFF].index('author')}"
    with context.db.write() as conn:
        draft = drafts.create(conn, name, head, text, by, now)
        source = drafts.source_of(conn, draft, config.brand)
    if wanted == "draft":
        return
    if wanted in ("planned", "held"):
        before = now - timedelta(hours=3)
        hour = before + timedelta(hours=1) if wanted == "held" else now + timedelta(days=1)
        launch.schedule(config, source, before, f"{hour:%Y-%m-%d %H:%M:%S}Z", by=by)
        return
    campaign = launch.start(config, source, now, by=by)
    if wanted in ("paused", "stopped"):
        _freeze(context, campaign)
        if wanted == "paused":
            control.pause(context.db, campaign.slug, STAFF[2].email, now)
        else:
            control.cancel(context.db, campaign.slug, now)


def _freeze(context: AppContext, campaign: Campaign) -> None:
    freezing.freeze(context.db, campaign, context.clock, lambda: True)

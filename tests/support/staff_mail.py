"""The mails to staff that lie in the outbox, as the sender would fill them."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from mailer import outbox
from tests.support.console import ConsoleSetup


@dataclass(frozen=True)
class WaitingMail:
    """A mail that waits: its kind, its address, and the path of its link within the console."""

    kind: str
    address: str
    link: str


def waiting(setup: ConsoleSetup) -> list[WaitingMail]:
    """The mails to staff, oldest first; one that would not be sent any more is left out."""
    found, slots = [], setup.context().slots
    with setup.db.read() as conn:
        for mailing in outbox.open_ones(conn):
            if not mailing.spec.key.startswith("staff:"):
                continue
            for item in outbox.deliveries(conn, mailing.id):
                for filled in slots.fill(conn, mailing, [item.recipient]).values():
                    link = urlsplit(str(filled.values["contact"]["link"])).path.removeprefix("/console")
                    found.append(WaitingMail(mailing.spec.key.split(":")[1], item.address, link))
    return found


def last_link(setup: ConsoleSetup, kind: str) -> str:
    """The link of the newest mail of a kind."""
    return [mail.link for mail in waiting(setup) if mail.kind == kind][-1]

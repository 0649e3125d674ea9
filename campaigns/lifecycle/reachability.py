"""The rule for letters that leave this machine: readers must be able to reach their links.

Promises: with a relay on another machine, a public address that only this machine reaches is refused
(:func:`refusal`) before anything is launched or claimed. A relay on loopback may be given anything, with a warning that
names the consequence. Addresses of a local network, and those of examples, are warnings: there are newsletters for an
intranet. Mailings that were launched with such an address, which cannot be changed any more (I5), are held by
:func:`hold_back`. Service letters with one are taken back, since nobody could use their links. Asks no DNS.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from mailer import archive, outbox
from mailer.errors import Fault, FaultsError, StateError
from mailer.messages import Message, joined
from mailer.outbox import Mailing
from mailer.reach import reach, reach_of_url
from mailer.storage import Database

FROZEN, PLANNED = "links_stay_here", "planned_for_here"  # why a campaign is held
_OURS = re.compile(r"https?://[^\s\"'<>/]+(?:/[^\s\"'<>]*?)?/(?:[om]/|archive/|subscribe\?)")


@dataclass(frozen=True, slots=True)
class LinkTarget:
    """Where links lead, and through which relay letters leave. ``is_set``: the public address is configured."""

    public_url: str
    relay: str
    is_set: bool = True

    @property
    def stays_here(self) -> bool:
        """Return whether letters go no further than to a program on this machine, as far as we can see."""
        return reach(self.relay) == "here"


def refusal(link_target: LinkTarget) -> Fault | None:
    """Return why no letter may leave, with the setting to change; None when letters may."""
    if link_target.stays_here or reach_of_url(link_target.public_url) != "here":
        return None
    found = (
        Message("{url}, which only this machine can reach")
        if link_target.is_set
        else Message("nothing, so links lead to {url}")
    )
    expected = Message("an address that readers can reach, since letters leave through {relay}")
    return Fault(
        "postiljon.toml",
        0,
        "public_url",
        found.format(url=link_target.public_url),
        expected.format(relay=link_target.relay),
        _hint(),
    )


def advice(link_target: LinkTarget) -> list[Fault]:
    """Return the refusal, or else the points to check, as warnings."""
    refused = refusal(link_target)
    return [refused] if refused else list(_warnings(link_target))


def links_only_here(link_target: LinkTarget) -> list[Fault]:
    """Return a warning for a test mail, which may leave: its links work on this machine only."""
    if reach_of_url(link_target.public_url) != "here":
        return []
    found = Message("{url}: the links in this mail work on this machine only", url=link_target.public_url)
    return [
        Fault("postiljon.toml", 0, "public_url", found, Message("an address that readers can reach"), "", "warning")
    ]


def refuse(link_target: LinkTarget) -> None:
    """Raise ``FaultsError`` when no letter may leave."""
    if found := refusal(link_target):
        raise FaultsError([found])


def refuse_frozen(conn: Connection, link_target: LinkTarget, slug: str, mailing_id: int) -> None:
    """Raise ``StateError`` for a campaign whose links, which are frozen, lead to this machine only."""
    url = outbox.get(conn, mailing_id).identity.public_url
    if not link_target.stays_here and reach_of_url(url) == "here":
        said = Message(
            "{slug} was launched with links to {url}, which only this machine can reach, and they cannot change"
        )
        advice = Message("cancel it, and send the file under another slug")
        raise StateError(joined("; ", [said.format(slug=slug, url=url), advice]))


def hold_back(db: Database, link_target: LinkTarget, now: datetime) -> list[Mailing]:
    """Hold open campaigns, and take back service letters, whose frozen links lead here only; return the mailings."""
    if link_target.stays_here:
        return []
    with db.read() as conn:
        found = [mailing for mailing in outbox.open_ones(conn) if reach_of_url(mailing.identity.public_url) == "here"]
    for mailing in found:
        with db.write() as conn:
            if not mailing.is_service:
                outbox.hold(conn, mailing.id, FROZEN, now)
            else:
                outbox.cancel(conn, mailing.id, now)
    return found


def was_planned_for_here(conn: Connection, link_target: LinkTarget, snapshot: str) -> bool:
    """Return whether a letter that was compiled earlier holds own links that only this machine reaches."""
    if link_target.stays_here:
        return False
    letter, public = archive.letter(conn, snapshot), archive.public(conn, snapshot)
    whole = b"\n".join([letter.to_bytes(), public.html, public.text]).decode("utf-8", "replace")
    return any(reach_of_url(link[0]) == "here" for link in _OURS.finditer(whole))


def _warnings(link_target: LinkTarget) -> Iterator[Fault]:
    far = reach_of_url(link_target.public_url)
    if far == "world":
        return
    found = {
        "here": Message("{url}: links in letters work on this machine only"),
        "inside": Message("{url}: only a local network can reach that, and readers elsewhere could not opt out"),
        "placeholder": Message("{url}: the name of an example, not of your organisation"),
    }
    hint = _passes_on().format(relay=link_target.relay) if far == "here" else _hint()
    words = found[far].format(url=link_target.public_url)
    yield Fault("postiljon.toml", 0, "public_url", words, Message("an address that readers can reach"), hint, "warning")


def _passes_on() -> str:
    return Message(
        "Fine for a trial. But if the mail server at {relay} passes letters on, nobody can opt out: then first write "
        'public_url = "https://mail.example.org", with your own name, into postiljon.toml.'
    )


def _hint() -> str:
    return Message(
        'Write public_url = "https://mail.example.org", with your own name, into postiljon.toml, and let '
        "'postiljon serve' answer there; until then nobody could opt out."
    )

"""What people and rules do to a campaign after its launch: pause, resume, cancel, decide doubts, finish.

Promises: campaign and mailing change in one transaction, so that they agree; a pause or cancel stops all claiming at
its commit, and running senders hand back what they have not begun (I11). :func:`reconcile` lets a campaign follow its
mailing: held by a rule, or finished when nothing is waiting, sending or in retry. Raises ``StateError`` when the
present state does not allow it, ``InputError`` for a slug or address that is not there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from campaigns import launch, records
from campaigns.launch import Site
from campaigns.records import Campaign
from campaigns.states import Event, State, after
from mailer import outbox
from mailer.errors import InputError, StateError, StateHeld
from mailer.outbox import Doubt, Mailing
from mailer.outbox.values import Choice
from mailer.storage import Database

N_ = str  # marks a text for the catalogue (domain cli)


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of the doubts of a campaign: how many rows, and the campaign afterwards."""

    rows: int
    campaign: Campaign


def pause(db: Database, slug: str, who: str, now: datetime) -> Campaign:
    """A person stops it for a while."""
    with db.write() as conn:
        campaign = records.get(conn, slug)
        _move(conn, campaign, Event.PAUSE, now, who)
        if campaign.mailing_id is not None:
            outbox.hold(conn, campaign.mailing_id, f"paused: {who}", now)
        return records.get(conn, slug)


def resume(site: Site, slug: str, now: datetime) -> Campaign:
    """A person lets it go on; one that missed its hour is launched. Sets the state and returns."""
    with site.db.read() as conn:
        campaign = records.get(conn, slug)
    if campaign.state is State.SENDING:
        return campaign
    after(campaign.state, Event.RESUME, slug)
    if not campaign.is_launched:
        launch.resume_missed(site, campaign, now)
    else:
        with site.db.write() as conn:
            _move(conn, campaign, Event.RESUME, now, "")
            outbox.release(conn, _mailing_id(campaign), now, by_person=True)
    with site.db.read() as conn:
        return records.get(conn, slug)


def cancel(db: Database, slug: str, now: datetime) -> Campaign:
    """A person stops it for good: what waits, is in retry or in doubt is skipped, in chunks."""
    with db.write() as conn:
        campaign = records.get(conn, slug)
        if campaign.state is not State.CANCELLED:
            _move(conn, campaign, Event.CANCEL, now, "", finished_at=now)
        left = _cancel_some(conn, campaign, now)
    while left:
        with db.write() as conn:
            before, left = left, _cancel_some(conn, campaign, now)
        if left >= before:
            break  # what a sender holds now is skipped by it when it comes back
    with db.read() as conn:
        return records.get(conn, slug)


def doubts(conn: Connection, slug: str) -> list[Doubt]:
    """Who may have got it or not."""
    campaign = records.get(conn, slug)
    return list(outbox.doubts(conn, campaign.mailing_id)) if campaign.mailing_id is not None else []


def decide(db: Database, slug: str, choice: Choice, addresses: Sequence[str], now: datetime) -> Decided:
    """A person decides what is in doubt, for all or for these addresses. *Send again* opens a finished campaign."""
    with db.write() as conn:
        campaign = records.get(conn, slug)
        if campaign.state is State.CANCELLED and choice == "send_again":
            raise StateError(N_("{slug} was cancelled; nobody more gets it").format(slug=slug))
        known = {doubt.address.lower(): doubt.address for doubt in doubts(conn, slug)}
        strangers = [address for address in addresses if address.lower() not in known]
        if strangers:
            raise InputError(N_("not in doubt: {addresses}").format(addresses=", ".join(strangers)))
        if not known:
            return Decided(0, campaign)
        chosen = [known[address.lower()] for address in addresses] or None
        rows = outbox.decide(conn, _mailing_id(campaign), choice, chosen, now)
        if rows and choice == "send_again" and campaign.state is State.FINISHED:
            outbox.reopen(conn, _mailing_id(campaign), now)
            _move(conn, campaign, Event.SEND_AGAIN, now, "", finished_at=None)
        return Decided(rows, records.get(conn, slug))


def reconcile(db: Database, now: datetime) -> None:
    """Let every campaign that is being sent follow its mailing. Called often: reads first, writes only when needed."""
    with db.read() as conn:
        sending = [(item, outbox.get(conn, _mailing_id(item))) for item in _launched(conn)]
    for campaign, mailing in sending:
        if mailing.finished or mailing.state == "held":
            with db.write() as conn:
                _follow(conn, campaign, outbox.get(conn, mailing.id), now)


def incomplete(conn: Connection) -> list[Campaign]:
    """Those whose audience is not whole yet: somebody has to go on freezing it."""
    return [item for item in _launched(conn) if not outbox.get(conn, _mailing_id(item)).audience_complete]


def _follow(conn: Connection, campaign: Campaign, mailing: Mailing, now: datetime) -> None:
    if mailing.state == "held":
        records.move(conn, campaign, Event.HOLD, now, reason=mailing.reason)
    elif mailing.finished and records.move(conn, campaign, Event.FINISH, now, finished_at=now):
        outbox.close(conn, mailing.id, now)


def _launched(conn: Connection) -> list[Campaign]:
    return [item for item in records.in_states(conn, [State.SENDING]) if item.is_launched]


def _cancel_some(conn: Connection, campaign: Campaign, now: datetime) -> int:
    return outbox.cancel(conn, campaign.mailing_id, now) if campaign.mailing_id is not None else 0


def _move(
    conn: Connection, campaign: Campaign, event: Event, now: datetime, reason: str, **values: datetime | None
) -> None:
    if not records.move(conn, campaign, event, now, reason=reason, **values):
        said = N_("{slug} was changed by somebody else at this moment; look with 'postiljon status'")
        raise StateHeld(said.format(slug=campaign.slug))


def _mailing_id(campaign: Campaign) -> int:
    if campaign.mailing_id is None:
        raise StateError(N_("{slug} was not launched yet").format(slug=campaign.slug))
    return campaign.mailing_id

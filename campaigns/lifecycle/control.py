"""Changes to a campaign after its launch, by people or rules: pause, resume, cancel, decide doubts, finish.

Promises: campaign and mailing change in one transaction, so that they agree; ``noted`` is called in it, to add the act
to the audit trail. A pause or cancel stops all claiming at
its commit, and running senders hand back letters that they have not begun (I11). :func:`reconcile` lets a campaign
follow its mailing: held by a rule, or finished when nothing is waiting, sending or in retry. Raises ``StateError`` when
the present state does not allow it, ``InputError`` for a slug or address that does not exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from campaigns.lifecycle import audience, launch, reachability, records
from campaigns.lifecycle.launch import Noted, unnoted
from campaigns.lifecycle.preparation import LaunchConfig
from campaigns.lifecycle.records import Campaign
from campaigns.lifecycle.states import CampaignEvent, CampaignState, after, changed_meanwhile
from campaigns.staff.mails import StaffMail
from mailer import outbox
from mailer.errors import InputError, StateError, StateHeld
from mailer.messages import Message
from mailer.outbox import Doubt, Mailing
from mailer.outbox.values import DoubtChoice
from mailer.storage import Database

if TYPE_CHECKING:
    from campaigns.lifecycle.staff_news import StaffNews

TAKEN_BACK = "taken back"


@dataclass(frozen=True, slots=True)
class Decided:
    """The result of a decision: how many rows it changed, and the campaign afterwards."""

    rows: int
    campaign: Campaign


class TooLateError(StateError):
    """A campaign cannot be taken back any more. ``left``: emails that have left; ``rest``: those that *stop* holds."""

    def __init__(self, slug: str, left: int, rest: int) -> None:
        text = Message("too late to take {slug} back; emails that have left: {left}, that have not: {rest}")
        super().__init__(text.format(slug=slug, left=left, rest=rest))
        self.left, self.rest = left, rest


def take_back(db: Database, slug: str, now: datetime, noted: Noted = unnoted) -> Campaign:
    """Make a planned campaign a draft again, before it begins; nothing of it was sent then.

    One conditional update, of which either this one or that of the start wins. Raises :class:`TooLateError` when the
    start won, ``StateError`` for a campaign that was not planned.
    """
    with db.write() as conn:
        campaign = records.get(conn, slug)
        if not campaign.is_launched:
            after(campaign.state, CampaignEvent.TAKE_BACK, slug)
            if records.change_state(conn, campaign, CampaignEvent.TAKE_BACK, now, reason=TAKEN_BACK, send_at=None):
                noted(conn)
                return records.get(conn, slug)
    with db.read() as conn:  # its numbers may take long to count: without the lock for writing
        raise _too_late(conn, records.get(conn, slug))


def _too_late(conn: Connection, campaign: Campaign) -> StateError:
    if campaign.mailing_id is None:  # it was changed, and not started
        return StateHeld(changed_meanwhile(campaign.slug))
    mailing = outbox.get(conn, campaign.mailing_id)
    rest = mailing.counts.waiting + mailing.counts.retry
    left = mailing.counts.recipients - rest - mailing.counts.skipped
    if not mailing.audience_complete:
        rest = max(rest, audience.count_planned(conn, campaign) - left)
    return TooLateError(campaign.slug, left, rest)


def pause(db: Database, slug: str, who: str, now: datetime, noted: Noted = unnoted) -> Campaign:
    """Pause it, by decision of a person."""
    with db.write() as conn:
        campaign = records.get(conn, slug)
        _change_state(conn, campaign, CampaignEvent.PAUSE, now, who)
        if campaign.mailing_id is not None:
            outbox.hold(conn, campaign.mailing_id, f"paused: {who}", now)
        noted(conn)
        return records.get(conn, slug)


def resume(config: LaunchConfig, slug: str, now: datetime, noted: Noted = unnoted) -> Campaign:
    """Resume it; launch one that missed its hour. Sets the state and returns."""
    reachability.refuse(config.link_target)
    with config.db.read() as conn:
        campaign = records.get(conn, slug)
        if campaign.mailing_id is not None:
            reachability.refuse_frozen(conn, config.link_target, slug, campaign.mailing_id)
    if campaign.state is CampaignState.SENDING:
        return campaign
    after(campaign.state, CampaignEvent.RESUME, slug)
    if not campaign.is_launched:
        launch.resume_missed(config, campaign, now, noted)
    else:
        with config.db.write() as conn:
            _change_state(conn, campaign, CampaignEvent.RESUME, now, "")
            outbox.release(conn, _mailing_id(campaign), now, by_person=True)
            noted(conn)
    with config.db.read() as conn:
        return records.get(conn, slug)


def cancel(db: Database, slug: str, now: datetime, noted: Noted = unnoted) -> Campaign:
    """Stop it for good: rows that wait, are in retry or in doubt are skipped, in chunks."""
    with db.write() as conn:
        campaign = records.locked(conn, slug)
        is_first = campaign.state is not CampaignState.CANCELLED
        if is_first:
            _change_state(conn, campaign, CampaignEvent.CANCEL, now, "", finished_at=now)
        left = _cancel_some(conn, campaign, now)
        if is_first:
            noted(conn)
    while left:
        with db.write() as conn:
            before, left = left, _cancel_some(conn, campaign, now)
        if left >= before:
            break  # rows that a sender holds now are skipped when it hands them back
    with db.read() as conn:
        return records.get(conn, slug)


def doubts(conn: Connection, slug: str) -> list[Doubt]:
    """Return the deliveries in doubt: the contact may have got the letter or not."""
    campaign = records.get(conn, slug)
    return list(outbox.doubts(conn, campaign.mailing_id)) if campaign.mailing_id is not None else []


def decide(
    db: Database, slug: str, choice: DoubtChoice, addresses: Sequence[str], now: datetime, noted: Noted = unnoted
) -> Decided:
    """Decide the deliveries in doubt, all or those to these addresses. *Send again* opens a finished campaign.

    Locks are taken in one order everywhere: the campaign, its deliveries, the audit trail.
    """
    with db.write() as conn:
        campaign = records.locked(conn, slug)
        if campaign.state is CampaignState.CANCELLED and choice == "send_again":
            raise StateError(Message("{slug} was cancelled; nobody more gets it", slug=slug))
        known = {doubt.address.lower(): doubt.address for doubt in doubts(conn, slug)}
        strangers = [address for address in addresses if address.lower() not in known]
        if strangers:
            raise InputError(Message("not in doubt: {addresses}", addresses=", ".join(strangers)))
        if not known:
            return Decided(0, campaign)
        chosen = [known[address.lower()] for address in addresses] or None
        rows = outbox.decide(conn, _mailing_id(campaign), choice, chosen, now)
        if rows and choice == "send_again" and campaign.state is CampaignState.FINISHED:
            outbox.reopen(conn, _mailing_id(campaign), now)
            _change_state(conn, campaign, CampaignEvent.SEND_AGAIN, now, "", finished_at=None)
        if rows:
            noted(conn)
        return Decided(rows, records.get(conn, slug))


def refused(db: Database, slug: str, reason: str) -> int:
    """Return how many deliveries were refused for a reason; raises ``InputError`` for a reason without any."""
    with db.read() as conn:
        campaign = records.get(conn, slug)
        return len(_refused(conn, campaign, reason))


def send_refused(
    db: Database, slug: str, reason: str, now: datetime, noted: Noted = unnoted, *, releases: bool = True
) -> Decided:
    """Send again to contacts that were refused for a reason: they wait, and the campaign goes on.

    A held one goes on as by :func:`resume`, with all its people, unless ``releases`` is false: then it is refused.
    Raises ``StateError`` for one that a person paused or cancelled.
    """
    with db.write() as conn:
        campaign = records.locked(conn, slug)
        if campaign.state is CampaignState.HELD and not releases:
            raise StateHeld(Message("{slug} is held: let it go on first, then it can be sent to them again", slug=slug))
        rows = _refused(conn, campaign, reason)
        if campaign.state in (CampaignState.CANCELLED, CampaignState.PAUSED):
            after(campaign.state, CampaignEvent.SEND_AGAIN, slug)
        done = outbox.put_back(conn, rows, now)
        if campaign.state is CampaignState.FINISHED:
            outbox.reopen(conn, _mailing_id(campaign), now)
            _change_state(conn, campaign, CampaignEvent.SEND_AGAIN, now, "", finished_at=None)
        elif campaign.state is CampaignState.HELD:
            _change_state(conn, campaign, CampaignEvent.RESUME, now, "")
            outbox.release(conn, _mailing_id(campaign), now, by_person=True)
        noted(conn)
        return Decided(done, records.get(conn, slug))


def _refused(conn: Connection, campaign: Campaign, reason: str) -> list[tuple[int, int]]:
    mailing = _mailing_id(campaign)
    rows = outbox.refused_for(conn, mailing, reason)
    if not rows:
        there = sorted({why for state, why, _number in outbox.outcomes(conn, mailing) if state == "refused"})
        if not there:
            raise InputError(Message("nobody was refused by {slug}", slug=campaign.slug))
        said = Message("nobody was refused for {reason}; reasons of {slug}: {known}")
        raise InputError(said.format(reason=reason, slug=campaign.slug, known=", ".join(there)))
    return rows


def resume_due(db: Database, now: datetime) -> list[Campaign]:
    """Resume campaigns that a quota held until a time that is over; return them."""
    with db.read() as conn:
        due = set(outbox.due_again(conn, now))
        held = [item for item in records.in_states(conn, [CampaignState.HELD]) if item.mailing_id in due] if due else []
    for campaign in held:
        with db.write() as conn:
            if records.change_state(conn, campaign, CampaignEvent.RESUME, now):
                outbox.release(conn, _mailing_id(campaign), now)
    return held


def reconcile(db: Database, now: datetime, news: StaffNews | None = None) -> None:
    """Let every campaign that is being sent follow its mailing. Called often: reads first, writes only when needed.

    ``news`` tells staff of it.
    """
    with db.read() as conn:
        sending = [(item, outbox.get(conn, _mailing_id(item))) for item in _launched(conn)]
    followed = []
    for campaign, mailing in sending:
        if mailing.finished or mailing.state == "held":
            kind = StaffMail.HELD if mailing.state == "held" else StaffMail.FINISHED
            mailer = news.ready(kind, now) if news else None
            with db.write() as conn:
                followed.append(campaign)
                if _follow(conn, campaign, outbox.get(conn, mailing.id), now) and news and mailer:
                    mailer.tell(conn, kind, news.occasion(campaign, now), now)
    if news:
        news.look(now, followed)


def incomplete(conn: Connection) -> list[Campaign]:
    """Return the campaigns whose audience is not whole yet: freezing has to go on."""
    return [item for item in _launched(conn) if not outbox.get(conn, _mailing_id(item)).audience_complete]


def _follow(conn: Connection, campaign: Campaign, mailing: Mailing, now: datetime) -> bool:
    """Hold or finish a campaign as its mailing is; return whether this call did."""
    if mailing.state == "held":
        return records.change_state(conn, campaign, CampaignEvent.HOLD, now, reason=mailing.reason)
    if mailing.finished and records.change_state(conn, campaign, CampaignEvent.FINISH, now, finished_at=now):
        return outbox.close(conn, mailing.id, now)
    return False


def _launched(conn: Connection) -> list[Campaign]:
    return [item for item in records.in_states(conn, [CampaignState.SENDING]) if item.is_launched]


def _cancel_some(conn: Connection, campaign: Campaign, now: datetime) -> int:
    return outbox.cancel(conn, campaign.mailing_id, now) if campaign.mailing_id is not None else 0


def _change_state(
    conn: Connection, campaign: Campaign, event: CampaignEvent, now: datetime, reason: str, **values: datetime | None
) -> None:
    if not records.change_state(conn, campaign, event, now, reason=reason, **values):
        raise StateHeld(changed_meanwhile(campaign.slug))


def _mailing_id(campaign: Campaign) -> int:
    if campaign.mailing_id is None:
        raise StateError(Message("{slug} was not launched yet", slug=campaign.slug))
    return campaign.mailing_id
